//! The TOML files of the catalog: general facts, scenarios, texts of single codes and cases.
//!
//! Entries are read one by one, so that a fault in one does not hide those of the others.
use std::collections::HashMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::code::CodeText;
use super::fault::{Findings, Place, shown};
use super::placeholder::Placeholder;
use super::table::Codes;
use super::template::Template;
use super::text::{Reference, ScenarioText, Step};
use crate::diagnosis::scenario::{Case, Scenario};

const LONGEST_VERSION: usize = 64;
const LONGEST_TITLE: usize = 120;
const LONGEST_TEXT: usize = 1500;
const LONGEST_LINK: usize = 500;

/// What `catalog.toml` holds.
#[derive(Debug, Default)]
pub(super) struct General {
    pub version: String,
    pub legacy_clients: Vec<String>,
    pub support_ticket: Option<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GeneralEntry {
    version: String,
    legacy_clients: Vec<String>,
    support_ticket: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioEntry {
    title: String,
    summary: String,
    assessment: String,
    remediation: Vec<Step>,
    references: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    codes: Vec<i64>,
    case: Option<String>,
    assessment: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

/// Version and legacy clients.
pub(super) fn general(file: &str, text: &str, findings: &mut Findings) -> General {
    let Some(table) = table(file, text, findings) else {
        return General::default();
    };
    let mut check = Check::new(file, Place::File, findings);
    let Some(entry) = check.entry::<GeneralEntry>(Value::Table(table)) else {
        return General::default();
    };
    check.text("version", &entry.version, LONGEST_VERSION);
    if entry.version.contains(char::is_whitespace) {
        check.fault(
            "the version holds a blank",
            "write it as one word, such as 2026-11-23",
        );
    }
    for (at, client) in entry.legacy_clients.iter().enumerate() {
        check.text("legacy client", client, LONGEST_TITLE);
        if entry.legacy_clients[..at]
            .iter()
            .any(|earlier| earlier.eq_ignore_ascii_case(client))
        {
            check.fault(
                format!("the legacy client {} stands twice", shown(client)),
                "keep one of the two",
            );
        }
    }
    General {
        support_ticket: check.template("support ticket", &entry.support_ticket),
        version: entry.version,
        legacy_clients: entry.legacy_clients,
    }
}

/// The texts of all scenarios, in the order of [`Scenario::ALL`]; without those with a fault.
pub(super) fn scenarios(file: &str, text: &str, findings: &mut Findings) -> Vec<ScenarioText> {
    let Some(mut table) = table(file, text, findings) else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    for scenario in Scenario::ALL {
        let place = Place::Entry(scenario.to_string());
        match table.remove(scenario.as_str()) {
            Some(value) => {
                let mut check = Check::new(file, place, findings);
                texts.extend(scenario_text(scenario, value, &mut check));
            }
            None => findings.add(
                file,
                place,
                "the scenario has no text",
                "add an entry of this name with title, summary, assessment, remediation and \
                 references",
            ),
        }
    }
    for name in table.keys() {
        findings.add(
            file,
            Place::Entry(shown(name)),
            "there is no such scenario",
            format!(
                "the scenarios are {}",
                Scenario::ALL.map(Scenario::as_str).join(", ")
            ),
        );
    }
    texts
}

/// Gives the codes the texts of their own.
pub(super) fn cases(file: &str, text: &str, codes: &mut Codes, findings: &mut Findings) {
    let Some(table) = table(file, text, findings) else {
        return;
    };
    let mut given = HashMap::new();
    for (name, value) in table {
        let Value::Table(_) = &value else {
            findings.add(
                file,
                Place::Entry(shown(&name)),
                "it is no entry",
                "write it as [name] with codes, and an assessment or steps",
            );
            continue;
        };
        let mut check = Check::new(file, Place::Entry(name.clone()), findings);
        let Some(entry) = check.entry::<CaseEntry>(value) else {
            continue;
        };
        let text = check.code_text(&entry);
        if entry.codes.is_empty() {
            check.fault(
                "it names no code",
                "list at least one code, or remove the entry",
            );
        }
        let Some(text) = text else {
            continue;
        };
        for number in entry.codes {
            if let Some(earlier) = given.insert((number, text.case), name.clone()) {
                check.fault(
                    format!("the code {number} has texts already, in {earlier}"),
                    "list the code once, or once a case",
                );
            }
            match codes.sound.iter_mut().find(|code| code.code == number) {
                Some(code) => {
                    code.texts.push(text.clone());
                    code.texts
                        .sort_by_key(|text| (text.case.is_none(), text.case));
                }
                // A row with a fault, and a table that could not be read, are named already.
                None if codes.first_line.contains_key(&number) || codes.first_line.is_empty() => {}
                None => check.fault(
                    format!("the code {number} is not in the table of codes"),
                    "add its row, or remove it here",
                ),
            }
        }
    }
}

fn scenario_text(scenario: Scenario, value: Value, check: &mut Check) -> Option<ScenarioText> {
    let entry = check.entry::<ScenarioEntry>(value)?;
    check.text("title", &entry.title, LONGEST_TITLE);
    check.text("summary", &entry.summary, LONGEST_TEXT);
    check.steps(&entry.remediation);
    if entry.references.is_empty() {
        check.fault(
            "it has no reference",
            "add at least one, with title and url",
        );
    }
    for reference in &entry.references {
        check.text("title of a reference", &reference.title, LONGEST_TITLE);
        check.link(&reference.url);
    }
    let assessment = check.template("assessment", &entry.assessment)?;
    for owed in [Placeholder::Code, Placeholder::Meaning] {
        let never = match scenario {
            Scenario::Undetermined => true,
            Scenario::UnknownErrorCode => owed == Placeholder::Meaning,
            _ => false,
        };
        if never && assessment.placeholders().contains(&owed) {
            check.fault(
                format!(
                    "the assessment uses {{{}}}, which this scenario never has",
                    owed.name()
                ),
                "leave it out",
            );
        }
    }
    Some(ScenarioText {
        title: entry.title,
        summary: entry.summary,
        assessment,
        remediation: entry.remediation,
        references: entry.references,
    })
}

fn table(file: &str, text: &str, findings: &mut Findings) -> Option<Table> {
    match text.parse::<Table>() {
        Ok(table) => Some(table),
        Err(error) => {
            let place = error.span().map_or(Place::File, |span| {
                let before = text.get(..span.start).unwrap_or(text);
                Place::Line(before.matches('\n').count() + 1)
            });
            findings.add(
                file,
                place,
                format!("it is no TOML: {}", one_line(error.message())),
                "correct the line",
            );
            None
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An entry under reading, for its faults.
struct Check<'a> {
    file: &'a str,
    place: Place,
    findings: &'a mut Findings,
}

impl<'a> Check<'a> {
    fn new(file: &'a str, place: Place, findings: &'a mut Findings) -> Self {
        Check {
            file,
            place,
            findings,
        }
    }

    fn fault(&mut self, reason: impl Into<String>, remedy: impl Into<String>) {
        self.findings
            .add(self.file, self.place.clone(), reason, remedy);
    }

    fn entry<'de, T: Deserialize<'de>>(&mut self, value: Value) -> Option<T> {
        match value.try_into() {
            Ok(entry) => Some(entry),
            Err(error) => {
                self.fault(
                    one_line(&error.to_string()),
                    "config/catalog/README.md describes the fields",
                );
                None
            }
        }
    }

    fn text(&mut self, name: &str, text: &str, longest: usize) {
        if text.trim().is_empty() {
            self.fault(format!("the {name} is empty"), "fill it in");
        } else if text.chars().count() > longest {
            self.fault(
                format!("the {name} is longer than {longest} characters"),
                "shorten it",
            );
        } else if text.contains(char::is_control) {
            self.fault(
                format!("the {name} holds a line break or another control character"),
                "write it on one line",
            );
        }
    }

    fn link(&mut self, link: &str) {
        let host = link
            .strip_prefix("https://")
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        let clean = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '`');
        if !host.contains('.') || !link.chars().all(clean) || link.len() > LONGEST_LINK {
            self.fault(
                format!("the link {} is no https address", shown(link)),
                "write it as https://host/path",
            );
        }
    }

    /// The template, and its faults.
    fn template(&mut self, name: &str, text: &str) -> Option<Template> {
        let template = match Template::parse(text.trim()) {
            Ok(template) => template,
            Err(faults) => {
                let names = Placeholder::ALL.map(|known| format!("{{{}}}", known.name()));
                for fault in faults {
                    self.fault(
                        format!("the {name} is no template: {fault}"),
                        format!(
                            "placeholders are {}; a clause that may be left out stands in [ ]",
                            names.join(" ")
                        ),
                    );
                }
                return None;
            }
        };
        if let Some(flaw) = template.flaw() {
            self.fault(
                format!("in the {name} {flaw}"),
                "put the blank and the punctuation into the clause that may be left out",
            );
        }
        Some(template)
    }

    /// `None` for a case that is not known, which says nothing of the codes.
    fn code_text(&mut self, entry: &CaseEntry) -> Option<CodeText> {
        let name = entry.case.as_deref();
        let case = name.and_then(Case::from_name);
        if let (Some(name), None) = (name, case) {
            self.fault(
                format!("the case {} is unknown", shown(name)),
                format!("use one of {}", Case::ALL.map(Case::as_str).join(", ")),
            );
            return None;
        }
        let assessment = entry.assessment.as_deref();
        if assessment.is_none() && entry.steps.is_empty() {
            self.fault(
                "it has neither an assessment nor steps",
                "add one of the two, or remove the entry",
            );
        }
        self.each_step(&entry.steps);
        Some(CodeText {
            case,
            assessment: assessment.and_then(|text| self.template("assessment", text)),
            remediation: entry.steps.clone(),
        })
    }

    fn steps(&mut self, steps: &[Step]) {
        if steps.is_empty() {
            self.fault("it has no step", "add at least one, with actor and action");
        }
        self.each_step(steps);
    }

    fn each_step(&mut self, steps: &[Step]) {
        for step in steps {
            self.text("action of a step", &step.action, LONGEST_TEXT);
            if let Some(link) = &step.link {
                self.link(link);
            }
        }
    }
}
