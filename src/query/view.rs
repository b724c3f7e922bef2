//! A review as it is shown: every text of the event made inert, every list in its order. The
//! HTML page, the Markdown and the console are made from it.
use askama::Template;
use std::fmt::{self, Write};

use chrono::DateTime;

use super::format::literal;
use super::inert::Inert;
use super::record::{
    Authentication, AuthenticationStep, ControlRow, Diagnosis, Policy, Step, Tables,
};
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
    pub diagnosis_id: String,
    /// RFC 3339, for a link.
    pub from: String,
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

/// How the flow went on: "MFA asked at 10:02:11, succeeded at 10:02:40, 29 s later."
pub fn flow_words(review: &Review, title_of: &dyn Fn(&str) -> String) -> Option<String> {
    let (own, flow) = (&review.one.diagnosis, &review.flow);
    let at = |one: &Diagnosis| DateTime::parse_from_rfc3339(one.event_time.as_deref()?).ok();
    if review.more > 0 {
        return Some(format!(
            "Its flow has {} more sign-ins than are shown.",
            review.more
        ));
    }
    let last = flow.iter().rev().find(|one| at(one).is_some())?;
    let (begun, ended) = (at(own)?, at(last)?);
    if last.diagnosis_id == own.diagnosis_id {
        let earlier = flow
            .iter()
            .filter(|one| at(one).is_some_and(|time| time < begun))
            .count();
        return match (earlier, flow.len()) {
            (0, _) | (_, 0..=1) => None,
            (1, _) => Some("It ends a flow of which one sign-in came before.".to_owned()),
            (earlier, _) => Some(format!(
                "It ends a flow of which {earlier} sign-ins came before."
            )),
        };
    }
    let later = (ended - begun).num_seconds().max(0);
    Some(format!(
        "The flow went on: {} {}, {later} s later: {}.",
        last.outcome,
        ended.format("at %H:%M:%SZ"),
        title_of(&last.scenario)
    ))
}

fn flow_step(one: &Diagnosis, own: &Diagnosis, title_of: &dyn Fn(&str) -> String) -> FlowView {
    FlowView {
        diagnosis_id: inert(&one.diagnosis_id),
        from: text(one.event_time.as_ref()),
        time: seconds(one.event_time.as_ref()),
        application: one
            .application
            .as_ref()
            .and_then(|app| app.shown())
            .map(inert)
            .unwrap_or_default(),
        scenario: inert(&title_of(&one.scenario)),
        outcome: inert(&one.outcome),
        tone: tone(&one.outcome),
        is_this: one.diagnosis_id == own.diagnosis_id,
    }
}

fn joined(parts: &[Option<&str>]) -> String {
    let known = parts.iter().copied().flatten();
    let known = known.filter(|part| !part.is_empty() && !part.eq_ignore_ascii_case("unknown"));
    inert(&known.collect::<Vec<_>>().join(", "))
}

/// Labels with what is known.
#[derive(Default)]
struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, label: &'static str, parts: &[Option<&str>]) {
        let value = joined(parts);
        if !value.is_empty() {
            self.0.push((label, value));
        }
    }
}

fn facts(own: &Diagnosis) -> Vec<Fact> {
    let mut facts = Facts::default();
    who(own, &mut facts);
    from_where(own, &mut facts);
    why(own, &mut facts);
    facts.0
}

fn who(own: &Diagnosis, facts: &mut Facts) {
    if let Some(user) = &own.user {
        facts.add(
            "User",
            &[
                user.principal_name.as_deref(),
                user.display_name.as_deref(),
                user.user_type.as_deref(),
            ],
        );
        facts.add("User id", &[user.id.as_deref()]);
    }
    for (label, named) in [
        ("Service principal", &own.service_principal),
        ("Application", &own.application),
        ("Resource", &own.resource),
    ] {
        if let Some(named) = named {
            facts.add(label, &[named.name.as_deref(), named.id.as_deref()]);
        }
    }
}

fn from_where(own: &Diagnosis, facts: &mut Facts) {
    if let Some(client) = &own.client {
        facts.add(
            "Client",
            &[client.app.as_deref(), client.protocol.as_deref()],
        );
        facts.add("IP address", &[client.ip_address.as_deref()]);
        facts.add("User agent", &[client.user_agent.as_deref()]);
    }
    if let Some(device) = &own.device {
        let compliant = device
            .compliant
            .map(|yes| if yes { "compliant" } else { "not compliant" });
        let managed = device
            .managed
            .map(|yes| if yes { "managed" } else { "not managed" });
        facts.add(
            "Device",
            &[
                device.name.as_deref(),
                device.operating_system.as_deref(),
                device.browser.as_deref(),
                device.trust_type.as_deref(),
                compliant,
                managed,
            ],
        );
    }
    if let Some(place) = &own.location {
        facts.add(
            "Location",
            &[
                place.city.as_deref(),
                place.state.as_deref(),
                place.country.as_deref(),
            ],
        );
        let names: Vec<_> = place
            .network_locations
            .iter()
            .flat_map(|network| &network.names)
            .collect();
        facts.add(
            "Named locations",
            &names
                .iter()
                .map(|name| Some(name.as_str()))
                .collect::<Vec<_>>(),
        );
    }
    if let Some(risk) = &own.risk {
        let said = [&risk.level, &risk.state, &risk.detail].map(|part| part.as_deref());
        facts.add(
            "Risk",
            &said.map(|part| part.filter(|part| *part != "none")),
        );
    }
}

fn why(own: &Diagnosis, facts: &mut Facts) {
    let aspects: Vec<_> = own
        .aspects
        .iter()
        .map(|aspect| aspect.replace('_', " "))
        .collect();
    facts.add(
        "Aspects",
        &aspects
            .iter()
            .map(|aspect| Some(aspect.as_str()))
            .collect::<Vec<_>>(),
    );
    facts.add(
        "Watch lists",
        &own.watch_lists
            .iter()
            .map(|list| Some(list.as_str()))
            .collect::<Vec<_>>(),
    );
    if let Some(access) = &own.conditional_access {
        let values: Vec<_> = access
            .sign_in_values
            .iter()
            .map(|(condition, value)| format!("{}: {value}", condition_name(condition)))
            .collect();
        let values: Vec<_> = values.iter().map(|value| Some(value.as_str())).collect();
        facts.add("Did not match", &values);
    }
    if let Some(error) = &own.error {
        let code = error.code.to_string();
        facts.add("Error code", &[Some(&code), error.name.as_deref()]);
        facts.add("Meaning", &[error.meaning.as_deref()]);
        facts.add("Microsoft's reason", &[error.reason.as_deref()]);
        facts.add("Details", &[error.additional_details.as_deref()]);
    }
    if own.trimmed {
        facts.add(
            "Trimmed",
            &[Some("a text or a list was cut to bound the record's size")],
        );
    }
}

fn provenance(own: &Diagnosis) -> Vec<Fact> {
    let source = own.source.words();
    let version = format!("{}, catalog {}", own.versions.service, own.versions.catalog);
    let all = [
        ("Request id", own.sign_in_id.as_deref()),
        ("Correlation id", own.correlation_id.as_deref()),
        ("Diagnosis id", Some(&*own.diagnosis_id)),
        ("Tenant", own.tenant_id.as_deref()),
        ("Category", Some(&*own.category)),
        ("Read from", source.as_deref()),
        (
            "Diagnosed by",
            (!own.versions.service.is_empty()).then_some(&*version),
        ),
    ];
    let known = all
        .into_iter()
        .filter_map(|(label, value)| Some((label, inert(value?))));
    known.filter(|(_, value)| !value.is_empty()).collect()
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

fn authentication_facts(own: &Authentication) -> Vec<Fact> {
    let sources: Vec<_> = own
        .sources
        .iter()
        .map(|source| match &source.provider {
            Some(provider) => format!("{} ({provider})", source.source.replace('_', " ")),
            None => source.source.replace('_', " "),
        })
        .collect();
    let all = [
        ("Requirement", text(own.requirement.as_ref())),
        ("Asked for by", inert(&sources.join(", "))),
        (
            "Second factor",
            text(own.second_factor.as_ref()).replace('_', " "),
        ),
        (
            "MFA method",
            joined(&[own.mfa_method.as_deref(), own.mfa_detail.as_deref()]),
        ),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
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

/// Writes the review as Markdown, for a ticket or a chat.
pub fn markdown(view: &View, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        "# {} ({}, {})\n",
        literal(&view.title),
        literal(&view.outcome),
        literal(&view.code)
    )?;
    writeln!(
        out,
        "{}\n\n{}\n",
        literal(&view.time),
        literal(&view.assessment)
    )?;
    list(out, "Sign-in", &view.facts)?;
    policies_markdown(view, out)?;
    list(out, "Authentication", &view.authentication)?;
    if !view.steps.is_empty() {
        writeln!(
            out,
            "| Time | Method | Succeeded | Result |\n| --- | --- | --- | --- |"
        )?;
        for step in &view.steps {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                literal(&step.time),
                literal(&step.method),
                step.succeeded,
                literal(&step.result)
            )?;
        }
        writeln!(out)?;
    }
    ending_markdown(view, out)?;
    list(out, "Provenance", &view.provenance)
}

fn list(out: &mut impl Write, heading: &str, facts: &[Fact]) -> fmt::Result {
    if facts.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {heading}\n")?;
    for (label, value) in facts {
        writeln!(out, "- {label}: {}", literal(value))?;
    }
    writeln!(out)
}

fn policies_markdown(view: &View, out: &mut impl Write) -> fmt::Result {
    if !view.policies.is_empty() {
        writeln!(out, "## Conditional Access policies\n")?;
        for policy in &view.policies {
            let decided = if policy.deciding {
                " **(decided)**"
            } else {
                ""
            };
            writeln!(
                out,
                "- {}: {}{decided}",
                literal(&policy.name),
                literal(&policy.reason)
            )?;
        }
        writeln!(out)?;
        for policy in &view.policies {
            for table in &policy.tables {
                writeln!(
                    out,
                    "{}, {}:\n",
                    literal(&policy.name),
                    table.heading.to_lowercase()
                )?;
                writeln!(
                    out,
                    "| {} |\n| --- | --- | --- |",
                    table.columns.join(" | ")
                )?;
                for row in &table.rows {
                    writeln!(
                        out,
                        "| {} |",
                        row.each_ref().map(|text| literal(text)).join(" | ")
                    )?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

fn ending_markdown(view: &View, out: &mut impl Write) -> fmt::Result {
    if !view.flow.is_empty() {
        writeln!(out, "## Flow\n")?;
        for one in &view.flow {
            let this = if one.is_this { " (this one)" } else { "" };
            writeln!(
                out,
                "- {} {}: {}, {}{this}",
                literal(&one.time),
                literal(&one.application),
                literal(&one.scenario),
                literal(&one.outcome)
            )?;
        }
        writeln!(out)?;
    }
    if !view.remediation.is_empty() {
        writeln!(out, "## What to do\n")?;
        for (index, action) in view.remediation.iter().enumerate() {
            let link = action
                .link
                .as_ref()
                .map(|link| format!(" <{link}>"))
                .unwrap_or_default();
            writeln!(
                out,
                "{}. {} ({}){link}",
                index + 1,
                literal(&action.action),
                literal(&action.actor)
            )?;
        }
        writeln!(out)?;
    }
    if let Some(ticket) = &view.ticket {
        writeln!(out, "## For Microsoft support\n")?;
        for line in ticket.lines() {
            writeln!(out, "> {}  ", literal(line))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
