//! The two tables of the catalog: error codes and requirement providers.
//!
//! A row is one line, so that a fault names its line and an open quotation mark spoils one row.
use std::collections::HashMap;

use super::code::{Code, CodeScenario, Source};
use super::fault::{Findings, Place, shown};
use crate::diagnosis::scenario::{CodeClass, Outcome, RequirementSource, Scenario};

const LONGEST_NAME: usize = 128;
const LONGEST_MEANING: usize = 1000;

const CODE_COLUMNS: [&str; 8] = [
    "code", "name", "class", "outcome", "scenario", "meaning", "verified", "sources",
];
const PROVIDER_COLUMNS: [&str; 2] = ["provider", "source"];

/// What the table of codes holds.
#[derive(Debug, Default)]
pub(super) struct Codes {
    /// Ascending, without the rows that have a fault.
    pub sound: Vec<Code>,
    /// Every number that a row begins with, and the line of the first.
    pub first_line: HashMap<i64, usize>,
}

pub(super) fn codes(file: &str, text: &str, findings: &mut Findings) -> Codes {
    let mut first_line = HashMap::new();
    let mut codes = Vec::new();
    for (line, row) in rows(file, text, CODE_COLUMNS, findings) {
        let parsed = code(
            &mut Row {
                file,
                line,
                findings,
                sound: true,
            },
            &row,
        );
        if let Ok(number) = row[0].parse::<i64>() {
            let first = *first_line.entry(number).or_insert(line);
            if first != line {
                findings.add(
                    file,
                    Place::Line(line),
                    format!("the code {number} stands twice, first on line {first}"),
                    "keep one of the two rows",
                );
            }
        }
        codes.extend(parsed);
    }
    match codes.iter().find(|code| code.code == 0) {
        Some(success)
            if success.outcome == Outcome::Succeeded
                && success.scenario == CodeScenario::Fixed(Scenario::SuccessfulSignIn) => {}
        Some(_) => findings.add(
            file,
            Place::Entry("code 0".to_owned()),
            "it is not a successful sign-in",
            "give it the outcome succeeded and the scenario successful_sign_in",
        ),
        // A row with a fault, and a table that could not be read, have been named already.
        None if first_line.contains_key(&0) || first_line.is_empty() => {}
        None => findings.add(
            file,
            Place::File,
            "the code 0 is missing, and with it every success",
            "add a row with code 0, outcome succeeded and scenario successful_sign_in",
        ),
    }
    codes.sort_unstable_by_key(|code| code.code);
    Codes {
        sound: codes,
        first_line,
    }
}

/// Each `requirementProvider` with what it stands for.
pub(super) fn providers(
    file: &str,
    text: &str,
    findings: &mut Findings,
) -> Vec<(String, RequirementSource)> {
    let mut providers: Vec<(String, RequirementSource)> = Vec::new();
    for (line, [provider, source]) in rows(file, text, PROVIDER_COLUMNS, findings) {
        if providers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(&provider))
        {
            findings.add(
                file,
                Place::Line(line),
                format!("the provider {} stands twice", shown(&provider)),
                "keep one of the two rows",
            );
        }
        let mut row = Row {
            file,
            line,
            findings,
            sound: true,
        };
        row.text("provider", &provider, LONGEST_NAME);
        let source = row.word(
            "source",
            &source,
            RequirementSource::from_name,
            &RequirementSource::ALL.map(RequirementSource::as_str),
        );
        providers.extend(source.map(|source| (provider, source)));
    }
    providers
}

fn code(row: &mut Row, fields: &[String; 8]) -> Option<Code> {
    let [
        code,
        name,
        class,
        outcome,
        scenario,
        meaning,
        verified,
        sources,
    ] = fields;
    let number = code.parse::<i64>().ok().filter(|number| *number >= 0);
    if number.is_none() {
        row.fault(
            format!("the code {} is no number from 0 on", shown(code)),
            "write digits only, without AADSTS",
        );
    }
    if !name.is_empty() {
        row.text("name", name, LONGEST_NAME);
    }
    row.text("meaning", meaning, LONGEST_MEANING);
    let class = row.word(
        "class",
        class,
        CodeClass::from_name,
        &CodeClass::ALL.map(CodeClass::as_str),
    );
    let outcome = row.word(
        "outcome",
        outcome,
        |name| Outcome::from_name(name).filter(|outcome| *outcome != Outcome::Unknown),
        &Outcome::ALL
            .map(Outcome::as_str)
            .into_iter()
            .filter(|name| *name != Outcome::Unknown.as_str())
            .collect::<Vec<_>>(),
    );
    let open_to_codes = |scenario: &Scenario| {
        !matches!(
            scenario,
            Scenario::UnknownErrorCode | Scenario::Undetermined
        )
    };
    let scenario = row.word(
        "scenario",
        scenario,
        |name| match CodeScenario::from_name(name)? {
            CodeScenario::Fixed(scenario) if !open_to_codes(&scenario) => None,
            known => Some(known),
        },
        &Scenario::ALL
            .into_iter()
            .filter(open_to_codes)
            .map(Scenario::as_str)
            .chain([CodeScenario::BY_SOURCE])
            .collect::<Vec<_>>(),
    );
    let verified = row.word(
        "verified",
        verified,
        |word| match word {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        &["true", "false"],
    );
    let sources: Vec<Option<Source>> = sources
        .split('+')
        .map(|word| {
            row.word(
                "sources",
                word,
                Source::from_name,
                &Source::ALL.map(Source::as_str),
            )
        })
        .collect();
    if !row.sound {
        return None;
    }
    Some(Code {
        code: number?,
        name: (!name.is_empty()).then(|| name.clone()),
        class: class?,
        outcome: outcome?,
        scenario: scenario?,
        meaning: meaning.clone(),
        verified: verified?,
        sources: sources.into_iter().flatten().collect(),
        texts: Vec::new(),
    })
}

/// A row under reading, for its faults.
struct Row<'a> {
    file: &'a str,
    line: usize,
    findings: &'a mut Findings,
    sound: bool,
}

impl Row<'_> {
    fn fault(&mut self, reason: impl Into<String>, remedy: impl Into<String>) {
        self.sound = false;
        self.findings
            .add(self.file, Place::Line(self.line), reason, remedy);
    }

    fn text(&mut self, column: &str, text: &str, longest: usize) {
        if text.is_empty() {
            self.fault(format!("the {column} is empty"), "fill it in");
        } else if text.chars().count() > longest {
            self.fault(
                format!("the {column} is longer than {longest} characters"),
                "shorten it",
            );
        } else if text.contains(char::is_control) {
            self.fault(
                format!("the {column} holds a control character"),
                "remove it",
            );
        }
    }

    fn word<T>(
        &mut self,
        column: &str,
        word: &str,
        read: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Option<T> {
        let found = read(word.trim());
        if found.is_none() {
            self.fault(
                format!("the {column} {} is unknown", shown(word)),
                format!("use one of {}", known.join(", ")),
            );
        }
        found
    }
}

/// The rows with as many fields as the table has columns, trimmed and in the order of `columns`,
/// each with its line.
fn rows<const N: usize>(
    file: &str,
    text: &str,
    columns: [&str; N],
    findings: &mut Findings,
) -> Vec<(usize, [String; N])> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim().is_empty());
    let header = lines.next().map_or_else(Vec::new, |(_, line)| fields(line));
    let mut header_is_sound = true;
    for column in columns {
        let count = header.iter().filter(|found| *found == column).count();
        if count != 1 {
            header_is_sound = false;
            let reason = if count == 0 {
                format!("the column {column} is missing")
            } else {
                format!("the column {column} stands {count} times")
            };
            let remedy = format!("start the file with the line {}", columns.join(","));
            findings.add(file, Place::Line(1), reason, remedy);
        }
    }
    for found in &header {
        if !columns.contains(&found.as_str()) {
            header_is_sound = false;
            findings.add(
                file,
                Place::Line(1),
                format!("the column {} is unknown", shown(found)),
                format!("the columns are {}", columns.join(", ")),
            );
        }
    }
    if !header_is_sound {
        return Vec::new();
    }
    let order = columns.map(|column| header.iter().position(|found| found == column));

    let mut rows = Vec::new();
    for (line, text) in lines {
        let mut found = fields(text);
        if text.matches('"').count() % 2 == 1 {
            findings.add(
                file,
                Place::Line(line),
                "a quotation mark is not closed",
                "close it on the same line, and write a mark inside a quoted field twice",
            );
        } else if found.len() == N {
            let row = order.map(|at| {
                at.and_then(|at| found.get_mut(at))
                    .map(std::mem::take)
                    .unwrap_or_default()
            });
            rows.push((line, row));
        } else {
            findings.add(
                file,
                Place::Line(line),
                format!("the row has {} fields instead of {N}", found.len()),
                "put a field that holds a comma in double quotation marks",
            );
        }
    }
    rows
}

fn fields(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    // A single record of valid UTF-8 in memory has no error to give.
    match reader.read_record(&mut record) {
        Ok(_) => record.iter().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}
