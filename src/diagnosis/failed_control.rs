//! Which control of Conditional Access a sign-in failed, by its code alone.
use super::refusals::controls_behind;
use super::{Outcome, Scenario};
use crate::signin::GrantControl;

/// What stopped a sign-in of `failed_conditional_access`. The code names it, so it is known also
/// where the event lists no policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedControl {
    CompliantDevice,
    HybridJoinedDevice,
    /// Compliant or hybrid joined: the code does not say which was asked for.
    ManagedDevice,
    ApprovedApp,
    AppProtection,
    SignInFrequency,
    /// The code names none.
    NotNamed,
}

impl FailedControl {
    pub const ALL: [FailedControl; 7] = [
        FailedControl::CompliantDevice,
        FailedControl::HybridJoinedDevice,
        FailedControl::ManagedDevice,
        FailedControl::ApprovedApp,
        FailedControl::AppProtection,
        FailedControl::SignInFrequency,
        FailedControl::NotNamed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            FailedControl::CompliantDevice => "compliant_device",
            FailedControl::HybridJoinedDevice => "hybrid_joined_device",
            FailedControl::ManagedDevice => "managed_device",
            FailedControl::ApprovedApp => "approved_app",
            FailedControl::AppProtection => "app_protection",
            FailedControl::SignInFrequency => "sign_in_frequency",
            FailedControl::NotNamed => "not_named",
        }
    }

    /// `None` of other scenarios, and of an interrupt, which is no failure yet.
    pub fn of(scenario: Scenario, outcome: Outcome, code: i64) -> Option<FailedControl> {
        match (scenario, outcome) {
            // The only session control that ends a session (70043, 70044).
            (Scenario::FailedConditionalAccess, Outcome::Expired) => {
                Some(FailedControl::SignInFrequency)
            }
            (Scenario::FailedConditionalAccess, Outcome::Failed) => {
                Some(match controls_behind(code).unwrap_or_default() {
                    [GrantControl::CompliantDevice] => FailedControl::CompliantDevice,
                    [GrantControl::DomainJoinedDevice] => FailedControl::HybridJoinedDevice,
                    [
                        GrantControl::CompliantDevice,
                        GrantControl::DomainJoinedDevice,
                    ] => FailedControl::ManagedDevice,
                    [GrantControl::ApprovedApp] => FailedControl::ApprovedApp,
                    [GrantControl::CompliantApp] => FailedControl::AppProtection,
                    _ => FailedControl::NotNamed,
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::catalog::{Catalog, CodeScenario};

    use FailedControl as Control;

    #[test]
    fn every_code_of_the_scenario_has_its_control() {
        let catalog = Catalog::embedded().expect("it is valid");
        let codes_of = |control| -> Vec<i64> {
            let codes = catalog.codes().filter(|code| match code.scenario {
                CodeScenario::Fixed(scenario) => {
                    FailedControl::of(scenario, code.outcome, code.code) == Some(control)
                }
                CodeScenario::MfaBySource => false,
            });
            codes.map(|code| code.code).collect()
        };
        for (control, expected) in [
            (Control::CompliantDevice, &[53000, 530_001, 530_002][..]),
            (Control::HybridJoinedDevice, &[53001, 530_011]),
            (
                Control::ManagedDevice,
                &[50129, 53008, 501_291, 501_311, 530_003, 530_004, 700_003],
            ),
            (Control::ApprovedApp, &[53002, 530_021, 530_022]),
            (Control::AppProtection, &[53005, 53009]),
            (Control::SignInFrequency, &[70043, 70044]),
            (
                Control::NotNamed,
                &[50005, 50127, 50131, 50155, 50187, 530_081, 530_082],
            ),
        ] {
            assert_eq!(codes_of(control), expected, "{control:?}");
        }
    }

    #[test]
    fn an_interrupt_and_another_scenario_have_none() {
        let of = FailedControl::of;
        assert_eq!(
            of(
                Scenario::FailedConditionalAccess,
                Outcome::Interrupted,
                50097
            ),
            None
        );
        assert_eq!(
            of(Scenario::MfaProofupRequired, Outcome::Failed, 53000),
            None
        );
    }
}
