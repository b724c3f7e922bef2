//! Metrics by policy, application and country: labels that the tenant fills, so each is capped,
//! and each has to be asked for.
use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

use super::capped::{Capped, Place};
use super::signal::Signal;
use crate::diagnosis::record::result_name;
use crate::signin::policy::SECURITY_DEFAULTS_ID;
use crate::signin::text::is_active;
use crate::signin::{AppliedPolicy, PolicyResult};

/// The label for everything that is not admitted.
pub(super) const OTHER: &str = "other";

/// Characters of a name in a label. Entra's own limit for a policy's name is 256.
const NAME_CHARS: usize = 128;

/// ISO 3166 knows 249 countries.
const COUNTRIES: usize = 250;

/// What a policy may come to; those without a name of their own share the last.
const RESULTS: [PolicyResult<'static>; 9] = [
    PolicyResult::Success,
    PolicyResult::Failure,
    PolicyResult::NotApplied,
    PolicyResult::NotEnabled,
    PolicyResult::ReportOnlySuccess,
    PolicyResult::ReportOnlyFailure,
    PolicyResult::ReportOnlyNotApplied,
    PolicyResult::ReportOnlyInterrupted,
    PolicyResult::Unknown,
];

const fn result_index(result: &PolicyResult<'_>) -> usize {
    match result {
        PolicyResult::Success => 0,
        PolicyResult::Failure => 1,
        PolicyResult::NotApplied => 2,
        PolicyResult::NotEnabled => 3,
        PolicyResult::ReportOnlySuccess => 4,
        PolicyResult::ReportOnlyFailure => 5,
        PolicyResult::ReportOnlyNotApplied => 6,
        PolicyResult::ReportOnlyInterrupted => 7,
        PolicyResult::Unknown | PolicyResult::Other(_) => 8,
    }
}

/// The gauge that gives an id its name, for the ids of one counter.
struct Names(IntGaugeVec);

impl Names {
    fn new(family: IntGaugeVec) -> Names {
        family.with_label_values(&[OTHER, OTHER]).set(1);
        Names(family)
    }

    /// Once an id; the first record that carries a name gives it.
    fn tell(&self, told: &OnceLock<()>, id: &str, name: Option<&str>) {
        if let Some(name) = name {
            told.get_or_init(|| self.0.with_label_values(&[id, &printable(name)]).set(1));
        }
    }
}

fn printable(name: &str) -> String {
    let printable = |character: char| match character {
        character if is_active(character) => ' ',
        character => character,
    };
    name.chars().take(NAME_CHARS).map(printable).collect()
}

fn is_guid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// For each [`Signal`] the counter of what counts once an hour, by one open label.
pub(super) struct BySignal(pub [IntCounterVec; Signal::ALL.len()]);

impl BySignal {
    /// All series of a value exist from its first sight on, at 0.
    fn of(&self, value: &str) -> [IntCounter; Signal::ALL.len()] {
        self.0
            .each_ref()
            .map(|family| family.with_label_values(&[value]))
    }
}

/// `signin_policy_results_total`, `signin_{blocks,failures,proof_ups}_by_policy_total` and
/// `signin_policy_info`.
pub struct Policies {
    results: IntCounterVec,
    firsts: BySignal,
    names: Names,
    members: Capped<Box<str>, Policy>,
}

struct Policy {
    results: [IntCounter; RESULTS.len()],
    firsts: [IntCounter; Signal::ALL.len()],
    named: OnceLock<()>,
}

/// A policy and its result, as a number below [`Policies::cells`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyCell(u32);

impl Policies {
    pub(super) fn new(
        max: usize,
        results: IntCounterVec,
        firsts: BySignal,
        names: IntGaugeVec,
    ) -> Policies {
        let other = policy(&results, &firsts, OTHER);
        Policies {
            names: Names::new(names),
            members: Capped::new(max, other),
            results,
            firsts,
        }
    }

    pub fn cells(&self) -> usize {
        self.members.places() * RESULTS.len()
    }

    /// Where a policy counts; admits it while there is room.
    pub fn place(&self, id: Option<&str>, name: Option<&str>) -> Place {
        let known = |id: &&str| is_guid(id) || *id == SECURITY_DEFAULTS_ID;
        let Some(id) = id.filter(known) else {
            return self.members.other();
        };
        let admit = || (Box::from(id), policy(&self.results, &self.firsts, id));
        let place = self.members.place(id, admit);
        if place != self.members.other() {
            self.names.tell(&self.members.at(place).named, id, name);
        }
        place
    }

    /// Where the result of a policy counts.
    #[allow(clippy::cast_possible_truncation)] // far fewer cells than 2^32
    pub fn cell(&self, applied: &AppliedPolicy<'_>) -> PolicyCell {
        let place = self.place(applied.id.as_deref(), applied.display_name.as_deref());
        PolicyCell((place.index() * RESULTS.len() + result_index(&applied.result)) as u32)
    }

    /// What counts once an hour.
    pub fn first(&self, place: Place, signal: Signal) -> &IntCounter {
        &self.members.at(place).firsts[signal as usize]
    }

    pub fn at(&self, cell: PolicyCell) -> &IntCounter {
        let cell = cell.index();
        let policy = self.members.at(Place::from_index(cell / RESULTS.len()));
        &policy.results[cell % RESULTS.len()]
    }
}

impl PolicyCell {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All results of a policy exist from its first sight on, at 0.
fn policy(results: &IntCounterVec, firsts: &BySignal, id: &str) -> Policy {
    Policy {
        results: RESULTS.map(|result| {
            let name = result_name(&result).unwrap_or("unknown");
            results.with_label_values(&[id, name])
        }),
        firsts: firsts.of(id),
        named: OnceLock::new(),
    }
}

/// `signin_{blocks,failures,proof_ups}_by_application_total` and `signin_application_info`.
pub struct Applications {
    firsts: BySignal,
    names: Names,
    members: Capped<Box<str>, Application>,
}

struct Application {
    firsts: [IntCounter; Signal::ALL.len()],
    named: OnceLock<()>,
}

impl Applications {
    pub(super) fn new(max: usize, firsts: BySignal, names: IntGaugeVec) -> Applications {
        let other = application(&firsts, OTHER);
        Applications {
            names: Names::new(names),
            members: Capped::new(max, other),
            firsts,
        }
    }

    /// Where the application counts; admits it while there is room.
    pub fn place(&self, id: Option<&str>, name: Option<&str>) -> Place {
        let Some(id) = id.filter(|id| is_guid(id)) else {
            return self.members.other();
        };
        let admit = || (Box::from(id), application(&self.firsts, id));
        let place = self.members.place(id, admit);
        if place != self.members.other() {
            self.names.tell(&self.members.at(place).named, id, name);
        }
        place
    }

    pub fn first(&self, place: Place, signal: Signal) -> &IntCounter {
        &self.members.at(place).firsts[signal as usize]
    }
}

fn application(firsts: &BySignal, id: &str) -> Application {
    Application {
        firsts: firsts.of(id),
        named: OnceLock::new(),
    }
}

/// `signin_blocks_by_country_total`.
pub struct Countries {
    family: IntCounterVec,
    members: Capped<[u8; 2], IntCounter>,
}

impl Countries {
    pub(super) fn new(family: IntCounterVec) -> Countries {
        let other = family.with_label_values(&[OTHER]);
        Countries {
            members: Capped::new(COUNTRIES, other),
            family,
        }
    }

    /// Where the country counts; what is not two letters is no country.
    pub fn place(&self, country: Option<&str>) -> Place {
        let Some(&[first, second]) = country.map(str::as_bytes) else {
            return self.members.other();
        };
        if !first.is_ascii_alphabetic() || !second.is_ascii_alphabetic() {
            return self.members.other();
        }
        let letters = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
        self.members.place(&letters, || {
            let country: String = letters.map(char::from).iter().collect();
            (letters, self.family.with_label_values(&[&country]))
        })
    }

    pub fn at(&self, place: Place) -> &IntCounter {
        self.members.at(place)
    }
}

#[cfg(test)]
#[path = "open_labels_tests.rs"]
mod tests;
