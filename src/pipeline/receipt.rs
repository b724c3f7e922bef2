//! What a message held, kept until it is settled and only then counted: so the counters agree
//! with what is in the output topic, and a message that is read again is counted once.
use std::mem;

use crate::diagnosis::{Diagnosis, FailedControl, Outcome, RequirementSource, Scenario};
use crate::signin::{BadReason, Category, Field, FieldFaults, SkippedCategory};
use crate::telemetry::{Place, PolicyCell, Signal, TryPrint};
use crate::watch::Watched;

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The first record of its id.
    Diagnosis {
        scenario: Scenario,
        outcome: Outcome,
        category: Category,
    },
    Update,
    Page,
    Repeat,
    Skipped(SkippedCategory),
    DeadLetter(BadReason),
}

/// A sign-in that counts once an hour, however often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    pub signal: Signal,
    pub print: TryPrint,
    pub scenario: Scenario,
    pub category: Category,
    /// Without a meaning where applications, or countries, are not counted.
    pub application: Place,
    pub country: Place,
    /// So many of [`Receipt::tried_policies`], which stand in the order of the sign-ins.
    pub policies: usize,
}

/// A sign-in of a watched account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchedSignIn {
    pub lists: Watched,
    pub outcome: Outcome,
    /// In milliseconds since 1970; the best known, if the event has none.
    pub time: Option<i64>,
}

/// A message's counts.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Receipt {
    /// When the broker received the message, in milliseconds since 1970.
    pub broker_time: Option<i64>,
    pub records: u64,
    pub fates: Vec<(Fate, u64)>,
    /// Diagnoses that were counted and not written, because the configuration says so.
    pub without_record: u64,
    pub unknown_codes: Vec<i64>,
    pub requirement_sources: Vec<(RequirementSource, u64)>,
    pub failed_controls: Vec<(FailedControl, u64)>,
    /// First occurrences of what the signals are about; whether one counts is known when it is
    /// settled.
    pub tried: Vec<Tried>,
    /// The policies that decided those sign-ins, where policies were asked for.
    pub tried_policies: Vec<Place>,
    /// By policy and result, where that was asked for.
    pub policy_results: Vec<(PolicyCell, u32)>,
    /// Sign-ins of watched accounts, first occurrences.
    pub watched: Vec<WatchedSignIn>,
    pub faults: Vec<(Field, u64)>,
    /// Event times of the diagnoses, in milliseconds since 1970.
    pub event_times: Vec<i64>,
}

impl Receipt {
    pub fn clear(&mut self) {
        self.broker_time = None;
        self.records = 0;
        self.fates.clear();
        self.without_record = 0;
        self.unknown_codes.clear();
        self.requirement_sources.clear();
        self.failed_controls.clear();
        self.tried.clear();
        self.tried_policies.clear();
        self.policy_results.clear();
        self.watched.clear();
        self.faults.clear();
        self.event_times.clear();
    }

    pub fn count(&mut self, fate: Fate) {
        add(&mut self.fates, fate);
    }

    pub fn add_faults(&mut self, faults: FieldFaults) {
        for field in faults.iter() {
            add(&mut self.faults, field);
        }
    }

    /// What only the first record of a sign-in counts, beside its fate.
    pub fn add_context(&mut self, diagnosis: &Diagnosis<'_>) {
        let code = diagnosis.error.as_ref().map(|error| error.code);
        if diagnosis.scenario == Scenario::UnknownErrorCode {
            self.unknown_codes.extend(code);
        }
        let control =
            code.and_then(|code| FailedControl::of(diagnosis.scenario, diagnosis.outcome, code));
        if let Some(control) = control {
            add(&mut self.failed_controls, control);
        }
        let authentication = diagnosis.authentication.iter();
        // Two providers may share a source; the sign-in counts once for it.
        let mut named = [false; RequirementSource::ALL.len()];
        for entry in authentication.flat_map(|authentication| &authentication.sources) {
            if !mem::replace(&mut named[entry.source as usize], true) {
                add(&mut self.requirement_sources, entry.source);
            }
        }
    }
}

/// The few different values of one message are found faster in a list than in a map.
fn add<T: PartialEq>(counts: &mut Vec<(T, u64)>, value: T) {
    match counts.iter_mut().find(|(known, _)| *known == value) {
        Some((_, count)) => *count += 1,
        None => counts.push((value, 1)),
    }
}
