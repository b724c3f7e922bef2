//! Reads one key at a time into its type, and keeps every fault on the way.
//!
//! A faulty key reads as a stand-in, so that reading goes on; whoever reads must ask for the
//! faults before using what was read.
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::config::ValueKind;

use super::fault::{Fault, Origin};
use super::layers::{Found, Values};
use super::secret::Secret;
use super::settings::SecretText;
use super::units;

/// A secret file is a line of text; anything much larger is the wrong file.
const SECRET_FILE_BYTES: u64 = 64 * 1024;

pub(super) struct Reader {
    values: Values,
    faults: Vec<Fault>,
    read: BTreeSet<&'static str>,
    azure: HashMap<String, String>,
}

impl Reader {
    pub fn new(values: Values, faults: Vec<Fault>) -> Reader {
        Reader {
            values,
            faults,
            read: BTreeSet::new(),
            azure: HashMap::new(),
        }
    }

    /// Keeps the variables that Azure sets for a workload identity.
    pub fn with_azure(mut self, environment: &[(OsString, OsString)]) -> Reader {
        self.azure = environment
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
            .filter(|(name, value)| name.starts_with("AZURE_") && !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self
    }

    /// The value of an `AZURE_` variable.
    pub fn azure(&self, name: &str) -> Option<String> {
        self.azure.get(name).cloned()
    }

    /// All faults so far, in the order of the keys.
    pub fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by(|a, b| a.key.cmp(&b.key));
        self.faults
    }

    /// The keys that were read, for the test that they are those of the defaults.
    #[cfg(test)]
    pub fn keys_read(&self) -> &BTreeSet<&'static str> {
        &self.read
    }

    /// A fault of `key`, with its value and origin as found.
    pub fn fault(&mut self, key: &str, reason: impl fmt::Display, remedy: impl fmt::Display) {
        let found = self.values.get(key);
        self.faults.push(Fault {
            key: key.to_owned(),
            value: found.map(|found| Fault::shown(key, &show(&found.value))),
            origin: found.map(|found| found.origin.clone()),
            reason: reason.to_string(),
            remedy: remedy.to_string(),
        });
    }

    pub fn has_fault(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| fault.key == key)
    }

    /// Whether a layer above the defaults sets this key to something.
    pub fn is_set(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|found| {
            found.origin != Origin::BuiltIn && !show(&found.value).trim().is_empty()
        })
    }

    /// Whether a flag is on, without reading it a second time.
    pub fn is_on(&self, key: &str) -> bool {
        self.values
            .get(key)
            .is_some_and(|found| show(&found.value).trim() == "true")
    }

    fn parse<T>(
        &mut self,
        key: &'static str,
        stand_in: T,
        remedy: impl fmt::Display,
        parse: impl FnOnce(&ValueKind) -> Result<T, String>,
    ) -> T {
        self.read.insert(key);
        let parsed = match self.values.get(key) {
            Some(found) => parse(&found.value),
            None => Err("has no default".to_owned()),
        };
        parsed.unwrap_or_else(|reason| {
            self.fault(key, reason, remedy);
            stand_in
        })
    }

    /// Text as it stands; empty where it is not set.
    pub fn text(&mut self, key: &'static str) -> String {
        self.parse(key, String::new(), "write it as text, in quotes", |value| {
            text(value).map(ToOwned::to_owned)
        })
    }

    pub fn optional_text(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key);
        (!text.is_empty()).then_some(text)
    }

    pub fn optional_path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.optional_text(key).map(PathBuf::from)
    }

    /// A PEM file that the client will open: it must be readable now.
    pub fn optional_file(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = self.optional_path(key)?;
        self.must_open(key, &path, "name a PEM file that this user may read");
        Some(path)
    }

    pub fn must_open(&mut self, key: &str, path: &Path, remedy: &str) {
        if let Err(reason) = open(path) {
            self.fault(key, reason, remedy);
        }
    }

    /// A list, or one text with commas. Blanks around an element are ignored, empty ones dropped.
    pub fn list(&mut self, key: &'static str) -> Vec<String> {
        let remedy = "write it as [\"a\", \"b\"], or as text with commas";
        self.parse(key, Vec::new(), remedy, list)
    }

    pub fn flag(&mut self, key: &'static str) -> bool {
        self.parse(key, false, "use true or false", |value| match value {
            ValueKind::Boolean(flag) => Ok(*flag),
            value => match text(value)?.trim() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err("is neither true nor false".to_owned()),
            },
        })
    }

    /// One of a closed set of words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> T {
        let remedy = format!("use {}", names(choices));
        self.parse(key, choices[0].1, remedy, |value| {
            choose(text(value)?, choices).ok_or_else(|| "is not one of the choices".to_owned())
        })
    }

    pub fn count(&mut self, key: &'static str, range: RangeInclusive<usize>) -> usize {
        let remedy = format!(
            "use a whole number from {} to {}",
            range.start(),
            range.end()
        );
        self.parse(key, *range.start(), remedy, |value| {
            let number = match value {
                ValueKind::I64(number) => usize::try_from(*number).ok(),
                ValueKind::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            in_range(number.ok_or("is not a whole number")?, &range)
        })
    }

    /// A part of the whole, from 0 to 1.
    pub fn ratio(&mut self, key: &'static str) -> f64 {
        self.parse(key, 0.0, "use a number from 0 to 1, such as 0.1", |value| {
            let number = match value {
                #[allow(clippy::cast_precision_loss)] // only 0 and 1 are in range
                ValueKind::I64(number) => Some(*number as f64),
                ValueKind::Float(number) => Some(*number),
                ValueKind::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            in_range(number.ok_or("is not a number")?, &(0.0..=1.0))
        })
    }

    pub fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> usize {
        let remedy = format!(
            "use a size from {} to {}, such as \"16MiB\"",
            units::show_size(*range.start()),
            units::show_size(*range.end())
        );
        self.parse(key, 0, remedy, |value| {
            let bytes = match value {
                ValueKind::I64(number) => u64::try_from(*number).ok(),
                ValueKind::String(text) => units::size(text),
                _ => None,
            };
            let bytes = in_range(bytes.ok_or("is not a size")?, &range)?;
            usize::try_from(bytes).map_err(|_| "is too large for this machine".to_owned())
        })
    }

    pub fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Duration {
        let remedy = format!(
            "use a duration from {} to {}, such as \"5s\"",
            units::show_duration(*range.start()),
            units::show_duration(*range.end())
        );
        self.parse(key, *range.start(), remedy, |value| {
            let duration = match value {
                ValueKind::String(text) => units::duration(text),
                _ => None,
            };
            in_range(duration.ok_or("is not a duration with its unit")?, &range)
        })
    }

    /// Any text that the target type reads.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        stand_in: T,
        remedy: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.parse(key, stand_in, remedy, |value| parse(text(value)?))
    }

    /// An address of this machine with a port, to listen at.
    pub fn address(&mut self, key: &'static str, stand_in: SocketAddr) -> SocketAddr {
        let remedy = "write an address and a port, such as 127.0.0.1:9464 or 0.0.0.0:9464";
        self.parsed(key, stand_in, remedy, |text| {
            text.trim()
                .parse()
                .map_err(|_| "is not an IP address with a port".to_owned())
        })
    }

    /// A secret that stands in one key or in the file that another key names.
    pub fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<Secret> {
        self.secret_text(key, file_key).map(|(secret, _)| secret)
    }

    /// The same, with the place where to read it again.
    pub fn secret_text(
        &mut self,
        key: &'static str,
        file_key: &'static str,
    ) -> Option<(Secret, SecretText)> {
        let direct = self.optional_text(key);
        let path = self.optional_path(file_key);
        match (direct, path) {
            (Some(_), Some(_)) => {
                self.fault(
                    file_key,
                    format!("{key} is set as well"),
                    "set only one of the two",
                );
                None
            }
            (Some(direct), None) => {
                let secret = Secret::new(direct);
                Some((secret.clone(), SecretText::Given(secret)))
            }
            (None, Some(path)) => match read_secret(&path) {
                Ok(secret) => Some((secret, SecretText::File(path))),
                Err(reason) => {
                    let remedy = "name a file that holds the secret alone, and that this user may \
                                  read";
                    self.fault(file_key, reason, remedy);
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// The value of a key of an open section, where it is set.
    pub fn found(&self, key: &str) -> Option<&ValueKind> {
        self.values.get(key).map(|found| &found.value)
    }

    /// The value of one key of an open section, as text.
    pub fn property(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|found| show(&found.value))
    }

    /// The keys of an open section, without its prefix.
    pub fn section(&self, prefix: &str) -> Vec<(String, Found)> {
        self.values
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, found)| (key[prefix.len()..].to_owned(), found.clone()))
            .collect()
    }
}

fn in_range<T: PartialOrd>(value: T, range: &RangeInclusive<T>) -> Result<T, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err("is out of range".to_owned())
    }
}

pub(super) fn choose<T: Copy>(word: &str, choices: &[(&str, T)]) -> Option<T> {
    let word = word.trim();
    choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, choice)| *choice)
}

/// `"a", "b" or "c"`.
pub(super) fn names<T>(choices: &[(&str, T)]) -> String {
    let mut text = String::new();
    for (index, (name, _)) in choices.iter().enumerate() {
        if index > 0 {
            text.push_str(if index + 1 == choices.len() {
                " or "
            } else {
                ", "
            });
        }
        text.push('"');
        text.push_str(name);
        text.push('"');
    }
    text
}

pub(super) fn list(value: &ValueKind) -> Result<Vec<String>, String> {
    match value {
        ValueKind::Array(elements) => elements
            .iter()
            .map(|element| text(&element.kind).map(|text| text.trim().to_owned()))
            .filter(|element| element.as_ref().map_or(true, |text| !text.is_empty()))
            .collect(),
        value => Ok(text(value)?
            .split(',')
            .map(str::trim)
            .filter(|element| !element.is_empty())
            .map(ToOwned::to_owned)
            .collect()),
    }
}

pub(super) fn text(value: &ValueKind) -> Result<&str, String> {
    match value {
        ValueKind::String(text) => Ok(text),
        ValueKind::Array(_) => Err("is a list, not text".to_owned()),
        ValueKind::Table(_) => Err("is a section, not text".to_owned()),
        _ => Err("is not text".to_owned()),
    }
}

/// A value as a fault repeats it, before redaction.
pub(super) fn show(value: &ValueKind) -> String {
    match value {
        ValueKind::String(text) => text.clone(),
        ValueKind::Array(elements) => elements
            .iter()
            .map(|element| show(&element.kind))
            .collect::<Vec<_>>()
            .join(", "),
        ValueKind::Table(_) => "{…}".to_owned(),
        other => other.to_string(),
    }
}

fn open(path: &Path) -> Result<fs::File, String> {
    let file = fs::File::open(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err("is a folder, not a file".to_owned()),
        Ok(_) => Ok(file),
        Err(error) => Err(format!("the file cannot be read: {error}")),
    }
}

pub(super) fn read_secret(path: &Path) -> Result<Secret, String> {
    use std::io::Read as _;
    let mut text = String::new();
    open(path)?
        .take(SECRET_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        })?;
    if text.len() as u64 > SECRET_FILE_BYTES {
        return Err("the file is larger than a secret can be".to_owned());
    }
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.trim().is_empty() {
        return Err("the file is empty".to_owned());
    }
    Ok(Secret::new(secret.to_owned()))
}
