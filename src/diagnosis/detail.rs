//! How much a record says, by scenario.
use schemars::JsonSchema;
use serde::Serialize;

use super::Scenario;

/// How much a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    Full,
    /// What answers why nothing interrupted a sign-in, and everything that identifies it.
    Summary,
    /// No record is written: the caller drops the diagnosis and counts it.
    #[schemars(skip)]
    None,
}

impl Detail {
    pub const ALL: [Detail; 3] = [Detail::Full, Detail::Summary, Detail::None];

    pub const fn as_str(self) -> &'static str {
        match self {
            Detail::Full => "full",
            Detail::Summary => "summary",
            Detail::None => "none",
        }
    }

    pub fn from_name(name: &str) -> Option<Detail> {
        Detail::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// `output.detail`: a default, and what departs from it by scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailRules([Detail; Scenario::ALL.len()]);

impl DetailRules {
    /// The same detail for every scenario.
    pub const fn all(detail: Detail) -> DetailRules {
        DetailRules([detail; Scenario::ALL.len()])
    }

    pub fn set(&mut self, scenario: Scenario, detail: Detail) {
        self.0[scenario as usize] = detail;
    }

    pub fn of(&self, scenario: Scenario) -> Detail {
        self.0[scenario as usize]
    }
}

impl Default for DetailRules {
    /// Full; a summary for successes, which are most of the stream.
    fn default() -> DetailRules {
        let mut rules = DetailRules::all(Detail::Full);
        rules.set(Scenario::SuccessfulSignIn, Detail::Summary);
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_successes_are_summarised_unless_told_otherwise() {
        let rules = DetailRules::default();
        for scenario in Scenario::ALL {
            let expected = if scenario == Scenario::SuccessfulSignIn {
                Detail::Summary
            } else {
                Detail::Full
            };
            assert_eq!(rules.of(scenario), expected, "{scenario}");
        }
    }

    #[test]
    fn a_rule_changes_its_scenario_alone() {
        let mut rules = DetailRules::all(Detail::Full);
        rules.set(Scenario::SessionExpired, Detail::None);
        assert_eq!(rules.of(Scenario::SessionExpired), Detail::None);
        assert_eq!(rules.of(Scenario::SeamlessSso), Detail::Full);
    }

    #[test]
    fn every_detail_is_found_by_its_name() {
        for detail in Detail::ALL {
            assert_eq!(Detail::from_name(detail.as_str()), Some(detail));
        }
        assert_eq!(Detail::from_name("Full"), None);
    }
}
