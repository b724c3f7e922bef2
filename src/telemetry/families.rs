//! Families of counters whose members are resolved once, so counting is one atomic addition.
use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec};

use super::capped::Capped;
use super::open_labels::OTHER;
use super::signal::Signal;
use crate::diagnosis::{Outcome, Scenario};
use crate::signin::Category;

/// A counter for each value of a closed set, by its place in the set.
pub(super) struct Closed<const N: usize>([IntCounter; N]);

impl<const N: usize> Closed<N> {
    pub fn new(family: &IntCounterVec, values: [&str; N]) -> Closed<N> {
        Closed(values.map(|value| family.with_label_values(&[value])))
    }

    /// `index` is the place of the value in the set given to [`Closed::new`].
    pub fn at(&self, index: usize) -> &IntCounter {
        &self.0[index]
    }
}

/// A counter for each name of a list that another module owns; `other` takes in the rest.
pub(super) struct Named {
    members: Vec<(&'static str, IntCounter)>,
    other: IntCounter,
}

impl Named {
    pub fn new(family: &IntCounterVec, names: impl Iterator<Item = &'static str>) -> Named {
        Named {
            members: names
                .map(|name| (name, family.with_label_values(&[name])))
                .collect(),
            other: family.with_label_values(&[OTHER]),
        }
    }

    /// By the place in the list.
    pub fn at(&self, index: usize) -> &IntCounter {
        self.members
            .get(index)
            .map_or(&self.other, |(_, counter)| counter)
    }

    /// By name; the lists are short.
    pub fn named(&self, name: &str) -> &IntCounter {
        self.members
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(&self.other, |(_, counter)| counter)
    }
}

const CATEGORIES: usize = Category::ALL.len();
const OUTCOMES: usize = Outcome::ALL.len();

/// `signin_diagnoses_total`: a dense table of scenario, outcome and category.
pub(super) struct Diagnoses {
    family: IntCounterVec,
    cells: Vec<OnceLock<IntCounter>>,
}

impl Diagnoses {
    /// The series of the given pairs exist from the start, at 0.
    pub fn new(family: IntCounterVec, pairs: &[(Scenario, Outcome)]) -> Diagnoses {
        let cells = vec![OnceLock::new(); Scenario::ALL.len() * OUTCOMES * CATEGORIES];
        let diagnoses = Diagnoses { family, cells };
        for (scenario, outcome) in pairs {
            for category in Category::ALL {
                diagnoses.at(*scenario, *outcome, category);
            }
        }
        diagnoses
    }

    /// A pair that was not given comes to exist with its first use.
    pub fn at(&self, scenario: Scenario, outcome: Outcome, category: Category) -> &IntCounter {
        let row = scenario as usize * OUTCOMES + outcome as usize;
        self.cells[row * CATEGORIES + category as usize].get_or_init(|| {
            let labels = [scenario.as_str(), outcome.as_str(), category.as_str()];
            self.family.with_label_values(&labels)
        })
    }
}

/// What counts once an hour, by [`Signal`]: `signin_blocks_first_total`, a dense table of scenario
/// and category, and the others by category alone.
pub(super) struct Firsts {
    family: IntCounterVec,
    blocks: Vec<OnceLock<IntCounter>>,
    failures: Closed<CATEGORIES>,
    proof_ups: Closed<CATEGORIES>,
}

impl Firsts {
    /// The series of the scenarios that can block exist from the start, at 0.
    pub fn new(
        blocks: IntCounterVec,
        failures: &IntCounterVec,
        proof_ups: &IntCounterVec,
        pairs: &[(Scenario, Outcome)],
    ) -> Firsts {
        let categories = Category::ALL.map(Category::as_str);
        let firsts = Firsts {
            family: blocks,
            blocks: vec![OnceLock::new(); Scenario::ALL.len() * CATEGORIES],
            failures: Closed::new(failures, categories),
            proof_ups: Closed::new(proof_ups, categories),
        };
        for (scenario, outcome) in pairs {
            if *outcome == Outcome::Blocked {
                for category in Category::ALL {
                    firsts.at(Signal::Block, *scenario, category);
                }
            }
        }
        firsts
    }

    pub fn at(&self, signal: Signal, scenario: Scenario, category: Category) -> &IntCounter {
        let category_index = category as usize;
        match signal {
            Signal::Block => {
                let row = scenario as usize * CATEGORIES;
                self.blocks[row + category_index].get_or_init(|| {
                    let labels = [scenario.as_str(), category.as_str()];
                    self.family.with_label_values(&labels)
                })
            }
            Signal::Failure => self.failures.at(category_index),
            Signal::ProofUp => self.proof_ups.at(category_index),
        }
    }
}

/// How many error codes have a series of their own.
const CODES: usize = 100;

/// `signin_unknown_codes_total`.
pub(super) struct Codes {
    family: IntCounterVec,
    members: Capped<i64, IntCounter>,
}

impl Codes {
    pub fn new(family: IntCounterVec) -> Codes {
        Codes {
            members: Capped::new(CODES, family.with_label_values(&[OTHER])),
            family,
        }
    }

    pub fn of(&self, code: i64) -> &IntCounter {
        let place = self.members.place(&code, || {
            (code, self.family.with_label_values(&[&code.to_string()]))
        });
        self.members.at(place)
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Opts;

    use super::*;

    fn family(labels: &[&str]) -> IntCounterVec {
        IntCounterVec::new(Opts::new("test_total", "For the test."), labels).unwrap()
    }

    #[test]
    fn every_cell_counts_for_itself() {
        let diagnoses = Diagnoses::new(family(&["scenario", "outcome", "category"]), &[]);
        let mut expected = 0;
        for scenario in Scenario::ALL {
            for outcome in Outcome::ALL {
                for category in Category::ALL {
                    expected += 1;
                    diagnoses.at(scenario, outcome, category).inc_by(expected);
                    let labels = [scenario.as_str(), outcome.as_str(), category.as_str()];
                    assert_eq!(diagnoses.family.with_label_values(&labels).get(), expected);
                }
            }
        }
    }

    #[test]
    fn codes_beyond_the_cap_share_one_series() {
        let codes = Codes::new(family(&["code"]));
        let cap = i64::try_from(CODES).unwrap();
        for code in (0..cap + 20).chain(0..cap + 20) {
            codes.of(code).inc();
        }
        assert_eq!(codes.of(0).get(), 2);
        assert_eq!(codes.of(cap - 1).get(), 2);
        assert_eq!(codes.of(cap).get(), 40);
        assert_eq!(codes.of(-1).get(), 40);
    }

    #[test]
    fn a_name_that_is_not_listed_counts_as_other() {
        let named = Named::new(&family(&["name"]), ["a", "b"].into_iter());
        named.at(1).inc();
        named.named("b").inc();
        named.at(2).inc();
        named.named("c").inc();
        assert_eq!(named.named("a").get(), 0);
        assert_eq!(named.at(1).get(), 2);
        assert_eq!(named.other.get(), 2);
    }
}
