//! Scenario, outcome and class of a sign-in, by the catalog.
//!
//! The code decides alone; only for the codes that the catalog marks as MFA by source does the
//! context decide, and then between the two MFA scenarios only.
use super::catalog::{Catalog, Code, CodeScenario};
use super::mfa_source::{self, MfaSource};
use super::{CodeClass, Outcome, Scenario};
use crate::signin::SignIn;

/// What a sign-in is, before anything is said about it.
#[derive(Debug, Clone, Copy)]
pub struct Classification<'c> {
    pub scenario: Scenario,
    pub outcome: Outcome,
    /// The catalog's entry for the code; `None` where there is no code or it is not known.
    pub code: Option<&'c Code>,
    /// What decided between the two MFA scenarios; `None` for every other scenario.
    pub mfa_source: Option<MfaSource>,
}

impl Classification<'_> {
    pub fn class(&self) -> Option<CodeClass> {
        self.code.map(|code| code.class)
    }
}

pub fn classify<'c>(sign_in: &SignIn<'_>, catalog: &'c Catalog) -> Classification<'c> {
    let undecided = |scenario| Classification {
        scenario,
        outcome: Outcome::Unknown,
        code: None,
        mfa_source: None,
    };
    let Some(number) = sign_in.error_code else {
        return undecided(Scenario::Undetermined);
    };
    let Some(code) = catalog.code(number) else {
        return undecided(Scenario::UnknownErrorCode);
    };
    let (scenario, mfa_source) = match code.scenario {
        CodeScenario::Fixed(scenario) => (scenario, None),
        CodeScenario::MfaBySource => {
            let source = mfa_source::decide(sign_in, catalog);
            let scenario = if source.conditional_access {
                Scenario::MfaFromConditionalAccess
            } else {
                Scenario::MfaFromOtherRequirements
            };
            (scenario, Some(source))
        }
    };
    Classification {
        scenario,
        outcome: code.outcome,
        code: Some(code),
        mfa_source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(error_code: Option<i64>) -> (Scenario, Outcome, Option<CodeClass>) {
        let catalog = Catalog::embedded().unwrap();
        let sign_in = SignIn {
            error_code,
            ..SignIn::default()
        };
        let found = classify(&sign_in, &catalog);
        (found.scenario, found.outcome, found.class())
    }

    #[test]
    fn an_absent_code_is_undetermined_and_never_a_success() {
        assert_eq!(
            classified(None),
            (Scenario::Undetermined, Outcome::Unknown, None)
        );
    }

    #[test]
    fn a_code_that_the_catalog_does_not_know_is_unknown() {
        for code in [-1, 1, 57_999, i64::MAX, i64::MIN] {
            assert_eq!(
                classified(Some(code)),
                (Scenario::UnknownErrorCode, Outcome::Unknown, None),
                "{code}"
            );
        }
    }

    #[test]
    fn a_known_code_gives_the_scenario_outcome_and_class_of_its_row() {
        let table = [
            (
                0,
                Scenario::SuccessfulSignIn,
                Outcome::Succeeded,
                CodeClass::Success,
            ),
            (
                53003,
                Scenario::BlockedByConditionalAccess,
                Outcome::Blocked,
                CodeClass::Failure,
            ),
            (
                50097,
                Scenario::FailedConditionalAccess,
                Outcome::Interrupted,
                CodeClass::Interrupt,
            ),
            (
                70044,
                Scenario::FailedConditionalAccess,
                Outcome::Expired,
                CodeClass::Expiry,
            ),
            (
                50074,
                Scenario::MfaFromOtherRequirements,
                Outcome::Interrupted,
                CodeClass::Interrupt,
            ),
        ];
        for (code, scenario, outcome, class) in table {
            assert_eq!(
                classified(Some(code)),
                (scenario, outcome, Some(class)),
                "{code}"
            );
        }
    }
}
