//! What is wrong with a configuration, said so that it can be put right.
use std::fmt::{self, Write as _};
use std::path::PathBuf;

use super::secret::{REDACTED, holds_access_key, is_secret_key};

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    File(PathBuf),
    Environment,
    Flag,
}

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, or the file or flag that could not be read.
    pub key: String,
    /// The value as it may be shown: `***` for a secret, nothing for an unknown key.
    pub value: Option<String>,
    pub origin: Option<Origin>,
    pub reason: String,
    pub remedy: String,
}

/// How much of a value a fault repeats.
const SHOWN_CHARS: usize = 80;

impl Fault {
    /// Whether the value of `key` must not be shown: a secret, or people.
    pub(super) fn is_redacted(key: &str, value: &str) -> bool {
        let names_people = key.starts_with("watch.") && !key.ends_with(".users_file");
        ((is_secret_key(key) || names_people) && !value.is_empty()) || holds_access_key(value)
    }

    /// The value of `key` as a fault may repeat it: on one line, bounded, without a secret.
    pub(super) fn shown(key: &str, value: &str) -> String {
        if Fault::is_redacted(key, value) {
            return REDACTED.to_owned();
        }
        let mut shown: String = value.chars().take(SHOWN_CHARS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        format!("{shown:?}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_on_one_line(f, &self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        match &self.origin {
            None | Some(Origin::BuiltIn) => {}
            Some(Origin::File(path)) => write!(f, " (in {})", path.display())?,
            Some(Origin::Environment) => {
                write!(f, " (in {})", super::layers::environment_name(&self.key))?;
            }
            Some(Origin::Flag) => f.write_str(" (by --set)")?,
        }
        f.write_str(": ")?;
        write_on_one_line(f, &self.reason)?;
        write!(f, "; {}", self.remedy)
    }
}

/// Keys and the reasons of libraries may hold anything that a file held.
fn write_on_one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        if character.is_control() {
            write!(f, "{}", character.escape_default())?;
        } else {
            f.write_char(character)?;
        }
    }
    Ok(())
}

/// Every fault of a configuration, in the order of the keys. Displays one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<Fault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}
