//! Generated sign-ins to send, and the diagnoses that come of them.
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use signin_diagnostics::cli::demo::generator::{self, Generator, Profile};

use super::topics::Message;

/// Messages to send, and what is in them.
pub struct Load {
    generator: Generator,
    pub messages: Vec<generator::Message>,
}

impl Load {
    /// At least so many records; the same ones for the same seed.
    pub fn generate(seed: u64, profile: Profile, records: u64) -> Load {
        let mut load = Load {
            generator: Generator::new(seed, profile),
            messages: Vec::new(),
        };
        drop(load.grow(records));
        load
    }

    /// Adds at least so many records; gives the bodies of the new messages.
    pub fn grow(&mut self, records: u64) -> impl Iterator<Item = &[u8]> {
        let old = self.messages.len();
        let mut left = records;
        while left > 0 {
            let message = self.generator.next_message(chrono::Utc::now());
            left = left.saturating_sub(message.records);
            self.messages.push(message);
        }
        self.messages[old..].iter().map(|m| m.body.as_slice())
    }

    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().map(|message| message.body.as_slice())
    }

    /// The ids of all sign-ins.
    pub fn ids(&self) -> BTreeSet<&str> {
        let ids = self.messages.iter().flat_map(|message| &message.ids);
        ids.map(String::as_str).collect()
    }

    pub fn records(&self) -> u64 {
        self.sum(|message| message.records)
    }

    /// The sum of one of the counts over all messages.
    pub fn sum(&self, of: impl Fn(&generator::Message) -> u64) -> u64 {
        self.messages.iter().map(of).sum()
    }
}

/// What the tests read of a diagnosis record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Diagnosis {
    pub schema_version: u32,
    #[serde(rename = "diagnosis_id")]
    pub id: String,
    /// Empty for an event without one.
    #[serde(default)]
    pub sign_in_id: String,
    pub scenario: String,
    pub outcome: String,
    pub source: Source,
    #[serde(default)]
    pub policy_page: bool,
    pub user: Option<Account>,
    pub service_principal: Option<Account>,
}

/// Where a sign-in was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Source {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub position: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub id: Option<String>,
}

/// The diagnosis that a message of the output topic is.
///
/// # Panics
///
/// When it is none.
pub fn diagnosis(message: &Message) -> Diagnosis {
    serde_json::from_slice(&message.payload).unwrap_or_else(|error| {
        panic!(
            "no diagnosis: {error}:\n{}",
            String::from_utf8_lossy(&message.payload)
        )
    })
}

/// The diagnoses of an output topic, by the id of the sign-in.
pub fn by_sign_in(messages: &[Message]) -> BTreeMap<String, Vec<Diagnosis>> {
    let mut diagnoses: BTreeMap<String, Vec<Diagnosis>> = BTreeMap::new();
    for diagnosis in messages.iter().map(diagnosis) {
        diagnoses
            .entry(diagnosis.sign_in_id.clone())
            .or_default()
            .push(diagnosis);
    }
    diagnoses
}

/// Asserts that every id that was sent came out, and no other; gives the number of diagnoses
/// beyond one an id.
pub fn duplicates(sent: &BTreeSet<&str>, diagnoses: &BTreeMap<String, Vec<Diagnosis>>) -> usize {
    let came: BTreeSet<&str> = diagnoses.keys().map(String::as_str).collect();
    let missing: Vec<_> = sent.difference(&came).take(5).collect();
    let strange: Vec<_> = came.difference(sent).take(5).collect();
    assert!(
        missing.is_empty() && strange.is_empty(),
        "sent {}, came {}; missing {missing:?}…, never sent {strange:?}…",
        sent.len(),
        came.len()
    );
    diagnoses.values().map(|copies| copies.len() - 1).sum()
}
