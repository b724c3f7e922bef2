//! A review as it is shown: every text of the event made inert, every list in its order. The
//! HTML page, the Markdown and the console are made from it.
mod facts;
mod flow;
mod markdown;

use std::fmt::Write as _;

use askama::Template;
use chrono::DateTime;

use facts::{authentication_facts, facts, joined, provenance};
use flow::flow_step;
pub use flow::flow_words;
pub use markdown::markdown;

use super::inert::Inert;
use super::record::{AuthenticationStep, ControlRow, Policy, Step, Tables};
use super::review::Review;
use super::time;
use crate::diagnosis::NOT_KNOWN;
use crate::diagnosis::record::condition_words;
use crate::signin::Condition;

/// A label and what is known.
pub type Fact = (&'static str, String);

#[derive(Debug)]
pub struct View {
    pub title: String,
    pub outcome: String,
    /// For the colour: a closed set of words.
    pub tone: &'static str,
    pub code: String,
    pub time: String,
    pub assessment: String,
    pub facts: Vec<Fact>,
    pub policies: Vec<PolicyView>,
    pub authentication: Vec<Fact>,
    pub steps: Vec<StepView>,
    pub remediation: Vec<ActionView>,
    pub references: Vec<LinkView>,
    pub ticket: Option<String>,
    /// Empty where no other sign-in belongs to the flow.
    pub flow: Vec<FlowView>,
    pub flow_words: Option<String>,
    pub provenance: Vec<Fact>,
}

#[derive(Debug)]
pub struct PolicyView {
    pub name: String,
    pub reason: String,
    pub deciding: bool,
    pub tables: Vec<TableView>,
}

#[derive(Debug)]
pub struct TableView {
    pub heading: &'static str,
    pub columns: [&'static str; 3],
    pub rows: Vec<[String; 3]>,
}

#[derive(Debug)]
pub struct StepView {
    pub time: String,
    pub method: String,
    pub succeeded: &'static str,
    pub result: String,
    pub requirement: String,
}

#[derive(Debug)]
pub struct ActionView {
    pub actor: String,
    pub action: String,
    pub link: Option<String>,
}

#[derive(Debug)]
pub struct LinkView {
    pub title: String,
    /// Always https.
    pub url: String,
}

#[derive(Debug)]
pub struct FlowView {
    /// Of its own page; empty where there is none.
    pub href: String,
    pub time: String,
    pub application: String,
    pub scenario: String,
    pub outcome: String,
    pub tone: &'static str,
    /// Whether it is the one under review.
    pub is_this: bool,
}

fn inert(text: &str) -> String {
    Inert(text).to_string()
}

fn text(text: Option<&String>) -> String {
    text.map(|text| inert(text)).unwrap_or_default()
}

/// Only a link that leads to where it says.
fn https(link: &str) -> Option<String> {
    (link.starts_with("https://") && !link.contains(|c: char| c.is_control() || c.is_whitespace()))
        .then(|| link.to_owned())
}

/// The colour of an outcome, by name.
pub fn tone(outcome: &str) -> &'static str {
    match outcome {
        "succeeded" => "good",
        "interrupted" | "expired" => "wait",
        "blocked" | "failed" => "bad",
        _ => "odd",
    }
}

fn seconds(text: Option<&String>) -> String {
    let Some(text) = text else {
        return String::new();
    };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time::words(time.to_utc()),
        Err(_) => inert(text),
    }
}

impl View {
    /// `title_of` names a scenario.
    pub fn of(review: &Review, title_of: &dyn Fn(&str) -> String) -> View {
        let own = &review.one.diagnosis;
        let access = own.conditional_access.as_ref();
        let authentication = own.authentication.clone().unwrap_or_default();
        let flow: Vec<_> = review
            .flow
            .iter()
            .map(|step| flow_step(step, own, title_of))
            .collect();
        let mut policies: Vec<_> = access
            .into_iter()
            .flat_map(|access| &access.policies)
            .map(policy)
            .collect();
        if let Some(more) = access
            .map(|access| access.not_shown)
            .filter(|more| *more > 0)
        {
            policies.push(PolicyView {
                name: format!("{more} more"),
                reason: "left out of the record to bound its size".to_owned(),
                deciding: false,
                tables: Vec::new(),
            });
        }
        View {
            title: inert(&title_of(&own.scenario)),
            outcome: inert(&own.outcome),
            tone: tone(&own.outcome),
            code: own
                .error
                .as_ref()
                .map_or_else(|| "no code".to_owned(), |error| error.code.to_string()),
            time: match seconds(own.event_time.as_ref()) {
                time if time.is_empty() => "time not known".to_owned(),
                time => time,
            },
            assessment: inert(&own.assessment),
            facts: facts(own),
            policies,
            steps: authentication.steps.iter().map(step).collect(),
            authentication: authentication_facts(&authentication),
            remediation: own.remediation.iter().map(action).collect(),
            references: own
                .references
                .iter()
                .filter_map(|reference| {
                    let url = https(&reference.url)?;
                    Some(LinkView {
                        title: inert(&reference.title),
                        url,
                    })
                })
                .collect(),
            ticket: own
                .support_ticket
                .as_ref()
                .map(|ticket| ticket.lines().map(inert).collect::<Vec<_>>().join("\n")),
            flow_words: flow_words(review, title_of),
            flow: if flow.len() > 1 { flow } else { Vec::new() },
            provenance: provenance(own),
        }
    }
}

fn policy(policy: &Policy) -> PolicyView {
    let mut reason = policy.reason_words();
    if policy.result == "not_applied" {
        reason.insert_str(0, "not applied: ");
    }
    for configured in &policy.configured {
        let name = condition_name(&configured.condition);
        let _ = write!(reason, "; {name} is set to {}", configured.configured);
    }
    let controls: Vec<_> = policy.controls().collect();
    if !controls.is_empty() {
        let _ = write!(reason, ", {}", controls.join(" + "));
    }
    let mut tables = Vec::new();
    if let Some(own) = &policy.tables {
        let rows = own.conditions.iter().map(|row| {
            [
                inert(condition_name(&row.condition)),
                inert(row.configured.as_deref().unwrap_or(NOT_KNOWN)),
                inert(&row.value),
            ]
        });
        tables.push(TableView {
            heading: "Conditions",
            columns: ["Condition", "Configured", "This sign-in"],
            rows: rows.collect(),
        });
        for (heading, rows) in [
            (controls_needed(own), &own.access_controls),
            ("Session controls", &own.session_controls),
        ] {
            tables.push(TableView {
                heading,
                columns: ["Control", "State", "Evidence"],
                rows: rows.iter().map(control).collect(),
            });
        }
        tables.retain(|table| !table.rows.is_empty());
    }
    PolicyView {
        name: inert(policy.shown()),
        reason: inert(&reason),
        deciding: policy.deciding,
        tables,
    }
}

fn control(row: &ControlRow) -> [String; 3] {
    let said = [row.evidence.as_deref(), row.configured.as_deref()];
    [
        inert(&row.control),
        inert(state_words(&row.state)),
        joined(&said),
    ]
}

fn controls_needed(tables: &Tables) -> &'static str {
    match tables.one_access_control_is_enough {
        Some(true) => "Access controls (one is enough)",
        Some(false) => "Access controls (all are needed)",
        None if tables.access_controls.len() > 1 => "Access controls (one or all: not known)",
        None => "Access controls",
    }
}

/// What a condition is about, in words.
pub fn condition_name(condition: &str) -> &str {
    match Condition::from_name(condition) {
        Some(known) => condition_words(known),
        None => condition,
    }
}

/// Whether a control was met, in words.
pub fn state_words(state: &str) -> &str {
    match state {
        "not_met" => "not met",
        "not_known" => NOT_KNOWN,
        state => state,
    }
}

/// Who acts, in words.
pub fn actor_words(actor: &str) -> &str {
    match actor {
        "microsoft_support" => "Microsoft support",
        actor => actor,
    }
}

fn action(step: &Step) -> ActionView {
    ActionView {
        actor: inert(actor_words(&step.actor)),
        action: inert(&step.action),
        link: step.link.as_deref().and_then(https),
    }
}

fn step(step: &AuthenticationStep) -> StepView {
    StepView {
        time: seconds(step.time.as_ref()),
        method: joined(&[step.method.as_deref(), step.method_detail.as_deref()]),
        succeeded: match step.succeeded {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        },
        result: text(step.result.as_ref()),
        requirement: text(step.requirement.as_ref()),
    }
}

/// One self-contained page: nothing is loaded, nothing runs.
#[derive(Template)]
#[template(path = "review_page.html")]
pub struct ReviewPage<'a> {
    pub view: &'a View,
}
