//! The layers of a configuration, and the one value a key that results.
//!
//! Each layer is flattened into dotted keys before it is laid over the one below, so a fault in
//! one never hides another, and every value knows the layer it came from.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;

use ::config::{Environment, File, FileFormat, Map, Source as _, Value, ValueKind};

use super::fault::{Fault, Origin};

/// The built-in defaults, which name every key.
pub(super) const DEFAULTS: &str = include_str!("../../config/signin-diagnostics.toml");

const ENVIRONMENT_PREFIX: &str = "SIGNIN_DIAGNOSTICS";

/// Sections whose keys are the user's: librdkafka settings, scenarios, watch lists.
pub(super) const OPEN_SECTIONS: [&str; 3] = ["kafka.properties.", "output.detail.", "watch."];

/// What to lay over the built-in defaults, from low to high.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub files: Vec<PathBuf>,
    /// Environment variables; those without the prefix are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// `key=value` settings.
    pub set: Vec<String>,
}

/// A value, and where it was set.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub value: ValueKind,
    pub origin: Origin,
}

pub(super) type Values = BTreeMap<String, Found>;

/// The name of the environment variable for a key.
pub(super) fn environment_name(key: &str) -> String {
    match key.strip_prefix("kafka.properties.") {
        Some(property) => format!(
            "{ENVIRONMENT_PREFIX}__KAFKA__PROPERTIES__{}",
            property.replace('.', "_").to_uppercase()
        ),
        None => format!(
            "{ENVIRONMENT_PREFIX}__{}",
            key.replace('.', "__").to_uppercase()
        ),
    }
}

/// Lays the layers over each other. Unknown keys and unreadable layers become faults.
pub(super) fn merge(sources: &Sources) -> (Values, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut values = Values::new();
    for (key, value) in parse_file(DEFAULTS, &Origin::BuiltIn, &mut faults) {
        if !matches!(value.value, ValueKind::Table(_)) {
            values.insert(key, value);
        }
    }
    let known: BTreeSet<String> = values.keys().cloned().collect();

    let mut layers: Vec<Vec<(String, Found)>> = Vec::new();
    for path in &sources.files {
        match std::fs::read_to_string(path) {
            Ok(text) => layers.push(parse_file(&text, &Origin::File(path.clone()), &mut faults)),
            Err(error) => faults.push(Fault {
                key: format!("--config {}", path.display()),
                value: None,
                origin: None,
                reason: format!("the file cannot be read: {error}"),
                remedy: "name a TOML file that this user may read".to_owned(),
            }),
        }
    }
    layers.push(environment(&sources.environment, &mut faults));
    layers.push(flags(&sources.set, &mut faults));

    for (key, found) in layers.into_iter().flatten() {
        if is_known(&known, &key) {
            values.insert(key, found);
        } else if !(is_section(&known, &key) && matches!(found.value, ValueKind::Table(_))) {
            faults.push(unknown(&known, &key, found.origin));
        }
    }
    (values, faults)
}

fn is_known(known: &BTreeSet<String>, key: &str) -> bool {
    known.contains(key)
        || OPEN_SECTIONS
            .iter()
            .any(|open| key.strip_prefix(open).is_some_and(|rest| !rest.is_empty()))
}

fn is_section(known: &BTreeSet<String>, key: &str) -> bool {
    let prefix = format!("{key}.");
    known.iter().any(|known| known.starts_with(&prefix)) || OPEN_SECTIONS.contains(&&*prefix)
}

/// The value of an unknown key is not repeated: it may be a secret under a misspelled name.
fn unknown(known: &BTreeSet<String>, key: &str, origin: Origin) -> Fault {
    let (reason, remedy) = if is_section(known, key) {
        (
            "is a section, not a single value",
            format!("set one of its keys, such as {}", example(known, key)),
        )
    } else {
        let remedy = match nearest(key, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "config/signin-diagnostics.toml lists every key".to_owned(),
        };
        ("is not a known key", remedy)
    };
    Fault {
        key: key.to_owned(),
        value: None,
        origin: Some(origin),
        reason: reason.to_owned(),
        remedy,
    }
}

fn example(known: &BTreeSet<String>, section: &str) -> String {
    let prefix = format!("{section}.");
    known
        .iter()
        .find(|known| known.starts_with(&prefix))
        .cloned()
        .unwrap_or_else(|| match section {
            "watch" => "watch.emergency.users".to_owned(),
            _ => format!("{prefix}socket.timeout.ms"),
        })
}

fn parse_file(text: &str, origin: &Origin, faults: &mut Vec<Fault>) -> Vec<(String, Found)> {
    match File::from_str(text, FileFormat::Toml).collect() {
        Ok(map) => flatten(map, origin),
        Err(error) => {
            faults.push(syntax_fault(text, origin, &error));
            Vec::new()
        }
    }
}

/// Names file, line and reason. The parser's own text would quote the line, with any secret in it.
fn syntax_fault(text: &str, origin: &Origin, error: &::config::ConfigError) -> Fault {
    let cause = match error {
        ::config::ConfigError::FileParse { cause, .. } => cause.downcast_ref::<toml::de::Error>(),
        _ => None,
    };
    let path = match origin {
        Origin::File(path) => path.display().to_string(),
        _ => "built-in defaults".to_owned(),
    };
    let line = cause
        .and_then(toml::de::Error::span)
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    Fault {
        key: line.map_or_else(|| path.clone(), |line| format!("{path}, line {line}")),
        value: None,
        origin: None,
        reason: format!(
            "is not TOML: {}",
            cause.map_or("a value is out of range", toml::de::Error::message)
        ),
        remedy: "put text in double quotes, and write each key once".to_owned(),
    }
}

fn environment(
    variables: &[(OsString, OsString)],
    faults: &mut Vec<Fault>,
) -> Vec<(String, Found)> {
    let prefix = format!("{ENVIRONMENT_PREFIX}__");
    let mut texts = HashMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let ours = name
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(&prefix));
        if !ours {
            continue;
        }
        if let Some(value) = value.to_str() {
            texts.insert(name.to_owned(), value.to_owned());
        } else {
            faults.push(Fault {
                key: name.to_owned(),
                value: None,
                origin: None,
                reason: "the environment variable is not UTF-8".to_owned(),
                remedy: "set it to UTF-8 text".to_owned(),
            });
        }
    }
    // Values stay text: `try_parsing` would turn the password "0123" into the number 123.
    let collected = Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator("__")
        .separator("__")
        .source(Some(texts))
        .collect();
    match collected {
        Ok(map) => flatten(map, &Origin::Environment)
            .into_iter()
            .map(|(key, found)| (property_name(key), found))
            .collect(),
        Err(error) => {
            faults.push(Fault {
                key: ENVIRONMENT_PREFIX.to_owned(),
                value: None,
                origin: None,
                reason: format!("the environment cannot be read: {error}"),
                remedy: "set variables of UTF-8 text".to_owned(),
            });
            Vec::new()
        }
    }
}

/// A shell variable cannot hold the dots of librdkafka's names, and those hold no underscore.
fn property_name(key: String) -> String {
    match key.strip_prefix("kafka.properties.") {
        Some(property) => format!("kafka.properties.{}", property.replace('_', ".")),
        None => key,
    }
}

fn flags(set: &[String], faults: &mut Vec<Fault>) -> Vec<(String, Found)> {
    let mut values = Vec::new();
    for (index, setting) in set.iter().enumerate() {
        match setting.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => values.push((
                key.trim().to_owned(),
                Found {
                    value: ValueKind::String(value.to_owned()),
                    origin: Origin::Flag,
                },
            )),
            _ => faults.push(Fault {
                key: format!("--set number {}", index + 1),
                value: None,
                origin: None,
                reason: "is not key=value".to_owned(),
                remedy: "write it as --set input.start=latest".to_owned(),
            }),
        }
    }
    values
}

/// Dotted keys of the leaves, in their order. An empty table is kept as a leaf.
fn flatten(map: Map<String, Value>, origin: &Origin) -> Vec<(String, Found)> {
    let mut leaves = Vec::new();
    let mut open: Vec<(String, Value)> = map.into_iter().collect();
    while let Some((key, value)) = open.pop() {
        match value.kind {
            ValueKind::Table(table) if !table.is_empty() => open.extend(
                table
                    .into_iter()
                    .map(|(name, value)| (format!("{key}.{name}"), value)),
            ),
            kind => leaves.push((
                key,
                Found {
                    value: kind,
                    origin: origin.clone(),
                },
            )),
        }
    }
    leaves.sort_by(|(a, _), (b, _)| a.cmp(b));
    leaves
}

/// The candidate that a misspelled word most likely means, if one is near.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    // Long input cannot be a misspelling, and the distance costs the product of the lengths.
    if word.len() > 100 {
        return None;
    }
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let word_end = last(word);
    candidates
        .map(|candidate| {
            let whole = distance(word, candidate);
            // A key in the wrong section is near when its own name is right.
            let score = if last(candidate) == word_end {
                whole.min(2)
            } else {
                whole
            };
            (score, whole, candidate)
        })
        .min()
        .filter(|(score, _, _)| *score <= 3.max(word.len() / 4))
        .map(|(_, _, candidate)| candidate)
}

/// Levenshtein distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
