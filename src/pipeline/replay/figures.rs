//! What came of a replay, in figures.
use std::collections::BTreeMap;

use crate::diagnosis::{Outcome, Scenario};
use crate::pipeline::receipt::{Fate, Receipt};

/// What came of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    pub messages: u64,
    pub diagnoses: BTreeMap<(&'static str, &'static str), u64>,
    pub updates: u64,
    pub pages: u64,
    pub repeats: u64,
    pub skipped: u64,
    /// Diagnoses that `output.detail` keeps out of the topic.
    pub without_record: u64,
    /// By reason, what still cannot be read.
    pub dead_letters: BTreeMap<&'static str, u64>,
    /// Messages of a dead-letter topic without the headers of a dead letter.
    pub foreign: u64,
    /// Dead letters whose bytes were dropped.
    pub dropped: u64,
    /// By the id of their key, dead letters that the key at hand does not open.
    pub sealed: BTreeMap<String, u64>,
    /// Outputs that the producer was given, and those that the broker has acknowledged.
    pub produced: u64,
    pub acknowledged: u64,
}

impl Figures {
    /// Records for the output topic.
    pub fn records(&self) -> u64 {
        self.diagnoses.values().sum::<u64>() + self.updates + self.pages - self.without_record
    }

    pub(super) fn add(&mut self, receipt: &Receipt) {
        self.without_record += receipt.without_record;
        for (fate, count) in &receipt.fates {
            *match *fate {
                Fate::Diagnosis {
                    scenario, outcome, ..
                } => self.diagnosis(scenario, outcome),
                Fate::Update => &mut self.updates,
                Fate::Page => &mut self.pages,
                Fate::Repeat => &mut self.repeats,
                Fate::Skipped(_) => &mut self.skipped,
                Fate::DeadLetter(reason) => self.dead_letter(reason.as_str()),
            } += count;
        }
    }

    fn diagnosis(&mut self, scenario: Scenario, outcome: Outcome) -> &mut u64 {
        let key = (scenario.as_str(), outcome.as_str());
        self.diagnoses.entry(key).or_default()
    }

    pub(super) fn dead_letter(&mut self, reason: &'static str) -> &mut u64 {
        self.dead_letters.entry(reason).or_default()
    }
}
