//! Which policies decided a sign-in, and the order in which policies are shown.
use super::classify::Classification;
use super::mfa_source::{asks_for_mfa, has_challenge, is_enforced, is_security_defaults};
use super::refusals::controls_behind;
use super::{Outcome, Scenario};
use crate::signin::{AppliedPolicy, ConditionalAccessStatus, GrantControl, PolicyResult, SignIn};

/// What makes a policy of the event one that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deciding {
    /// None did: a success, or a requirement from elsewhere.
    None,
    /// Failed, and holds Block.
    Block,
    Failure,
    /// Failed, and holds one of the controls that the code is about.
    Control(&'static [GrantControl]),
    /// Failed, and no control is listed: it may hold the one that the code is about.
    UnlistedControl,
    /// Enforced with an interactive challenge, or failed on it.
    Challenge {
        multifactor: bool,
        failed: bool,
    },
    SecurityDefaults,
    /// Enforced with a sign-in frequency: its grant controls may all be met.
    SignInFrequency,
}

impl Deciding {
    pub fn of(sign_in: &SignIn<'_>, found: &Classification<'_>) -> Deciding {
        match found.scenario {
            // Legacy Exchange ActiveSync is logged as a success although a policy refused it.
            Scenario::SuccessfulSignIn
                if sign_in.conditional_access_status == Some(ConditionalAccessStatus::Failure) =>
            {
                Deciding::Failure
            }
            Scenario::SuccessfulSignIn | Scenario::MfaFromOtherRequirements => Deciding::None,
            Scenario::BlockedByConditionalAccess if Deciding::Block.holds_any(sign_in) => {
                Deciding::Block
            }
            Scenario::BlockedByConditionalAccess => Deciding::Failure,
            Scenario::FailedConditionalAccess if found.outcome == Outcome::Expired => {
                Deciding::SignInFrequency
            }
            Scenario::FailedConditionalAccess => Deciding::of_code(sign_in),
            // Which of those that failed restricts the registration, the event does not say.
            Scenario::MfaProofupNotFromSecureLocation if sign_in.error_code == Some(53010) => {
                Deciding::Failure
            }
            Scenario::MfaFromConditionalAccess => Deciding::of_challenge(sign_in, false),
            Scenario::MfaProofupRequired | Scenario::MfaProofupNotFromSecureLocation => {
                Deciding::of_challenge(sign_in, true)
            }
            Scenario::BlockedBySecurityDefaults => Deciding::SecurityDefaults,
            // Elsewhere only the status tells whether Conditional Access had a part in it.
            _ if found.outcome != Outcome::Succeeded
                && sign_in.conditional_access_status == Some(ConditionalAccessStatus::Failure) =>
            {
                Deciding::of_code(sign_in)
            }
            _ => Deciding::None,
        }
    }

    fn of_code(sign_in: &SignIn<'_>) -> Deciding {
        match sign_in.error_code.and_then(controls_behind) {
            None => Deciding::Failure,
            Some(controls) if Deciding::Control(controls).holds_any(sign_in) => {
                Deciding::Control(controls)
            }
            Some(_) => Deciding::UnlistedControl,
        }
    }

    /// Where a challenge failed, a challenge that was met is not what interrupted.
    fn of_challenge(sign_in: &SignIn<'_>, multifactor: bool) -> Deciding {
        let failed = Deciding::Challenge {
            multifactor,
            failed: true,
        };
        Deciding::Challenge {
            multifactor,
            failed: failed.holds_any(sign_in),
        }
    }

    #[inline]
    pub fn holds(self, policy: &AppliedPolicy<'_>) -> bool {
        // Most sign-ins succeed: there is nothing to ask of their policies.
        !matches!(self, Deciding::None) && self.is_of(policy)
    }

    fn is_of(self, policy: &AppliedPolicy<'_>) -> bool {
        let failed = || policy.result == PolicyResult::Failure && !is_security_defaults(policy);
        let controls = &policy.grant_controls;
        match self {
            Deciding::None => false,
            Deciding::Block => failed() && controls.contains(GrantControl::Block),
            Deciding::Failure => failed(),
            Deciding::Control(any) => {
                failed() && any.iter().any(|control| controls.contains(*control))
            }
            Deciding::UnlistedControl => {
                failed() && !controls.has_known() && !has_challenge(policy)
            }
            Deciding::Challenge {
                multifactor,
                failed: only_failed,
            } => {
                let counts = if only_failed {
                    policy.result == PolicyResult::Failure
                } else {
                    is_enforced(policy)
                };
                let asks = if multifactor {
                    asks_for_mfa(policy)
                } else {
                    has_challenge(policy)
                };
                counts && asks && !is_security_defaults(policy)
            }
            Deciding::SignInFrequency => is_enforced(policy) && has_sign_in_frequency(policy),
            Deciding::SecurityDefaults => {
                policy.result == PolicyResult::Failure && is_security_defaults(policy)
            }
        }
    }

    pub fn holds_any(self, sign_in: &SignIn<'_>) -> bool {
        let mut policies = sign_in.policies.iter().flatten();
        policies.any(|policy| self.holds(policy))
    }
}

/// The session control of sign-in frequency, the only one that 70043 and 70044 are about.
pub const SIGN_IN_FREQUENCY: &str = "SignInFrequency";

fn has_sign_in_frequency(policy: &AppliedPolicy<'_>) -> bool {
    let controls = policy.session_controls.iter();
    let mut controls = controls.chain(&policy.session_controls_not_satisfied);
    controls.any(|name| name.eq_ignore_ascii_case(SIGN_IN_FREQUENCY))
}

/// Whether the controls tell that all of them are needed: who has to change the password does
/// multifactor authentication first ("Conditional Access: Grant", Require password change).
pub fn needs_all_controls(policy: &AppliedPolicy<'_>) -> bool {
    policy.grant_controls.contains(GrantControl::PasswordChange)
}

/// The groups in which policies are shown, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Deciding,
    Enforced,
    ReportOnly,
    NotApplied,
    NotEnabled,
    Unknown,
}

const _: () = assert!(Group::Unknown as usize + 1 == Group::ALL.len());

impl Group {
    pub const ALL: [Group; 6] = [
        Group::Deciding,
        Group::Enforced,
        Group::ReportOnly,
        Group::NotApplied,
        Group::NotEnabled,
        Group::Unknown,
    ];

    pub fn of(policy: &AppliedPolicy<'_>, deciding: Deciding) -> Group {
        match policy.result {
            _ if deciding.holds(policy) => Group::Deciding,
            PolicyResult::Success | PolicyResult::Failure => Group::Enforced,
            PolicyResult::ReportOnlySuccess
            | PolicyResult::ReportOnlyFailure
            | PolicyResult::ReportOnlyNotApplied
            | PolicyResult::ReportOnlyInterrupted => Group::ReportOnly,
            PolicyResult::NotApplied => Group::NotApplied,
            PolicyResult::NotEnabled => Group::NotEnabled,
            PolicyResult::Unknown | PolicyResult::Other(_) => Group::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::catalog::Catalog;
    use crate::diagnosis::classify;

    fn policy(
        id: &'static str,
        result: PolicyResult<'static>,
        controls: &[GrantControl],
    ) -> AppliedPolicy<'static> {
        let mut policy = AppliedPolicy {
            id: Some(id.into()),
            result,
            ..AppliedPolicy::default()
        };
        for control in controls {
            policy.grant_controls.insert(*control);
        }
        policy
    }

    fn all() -> Vec<AppliedPolicy<'static>> {
        use GrantControl::{Block, CompliantDevice, Mfa};
        use PolicyResult::{Failure, NotApplied, ReportOnlyFailure, Success};
        let mut terms = policy("terms", Failure, &[]);
        terms.grant_controls.other.push("Visitor terms".into());
        let mut daily = policy("daily", Success, &[]);
        daily.session_controls = vec!["CloudAppSecurity".into(), "signInFrequency".into()];
        let mut watched = policy("watched", Success, &[]);
        watched.session_controls = vec!["CloudAppSecurity".into()];
        vec![
            policy("block", Failure, &[Block]),
            policy("device", Failure, &[CompliantDevice]),
            policy("mfa", Failure, &[Mfa]),
            policy("mfa done", Success, &[Mfa]),
            policy("block elsewhere", NotApplied, &[Block]),
            policy("block trial", ReportOnlyFailure, &[Block]),
            policy("SecurityDefaults", Failure, &[Mfa]),
            terms,
            daily,
            watched,
        ]
    }

    fn deciding(
        code: i64,
        status: Option<ConditionalAccessStatus>,
        policies: Vec<AppliedPolicy<'static>>,
    ) -> Vec<String> {
        let sign_in = SignIn {
            error_code: Some(code),
            conditional_access_status: status,
            policies: Some(policies),
            ..SignIn::default()
        };
        let deciding = Deciding::of(&sign_in, &classify(&sign_in, &Catalog::embedded().unwrap()));
        let policies = sign_in.policies.iter().flatten();
        policies
            .filter(|policy| deciding.holds(policy))
            .map(|policy| policy.id.as_deref().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_scenario_says_which_policies_decided() {
        let failed = Some(ConditionalAccessStatus::Failure);
        let table: [(i64, Option<ConditionalAccessStatus>, &[&str]); 19] = [
            (53003, None, &["block"]),
            (53000, None, &["device"]),
            (53001, None, &[]),
            (50097, None, &["device"]),
            (53002, None, &[]),
            (50005, None, &["block", "device", "mfa", "terms"]),
            (70043, None, &["daily"]),
            (70044, None, &["daily"]),
            (50076, None, &["mfa", "terms"]),
            (50072, None, &["mfa"]),
            (53004, None, &["mfa"]),
            (53010, None, &["block", "device", "mfa", "terms"]),
            (530_035, None, &["SecurityDefaults"]),
            (50142, failed, &[]),
            (50142, None, &[]),
            (50126, Some(ConditionalAccessStatus::NotApplied), &[]),
            (0, None, &[]),
            (0, failed, &["block", "device", "mfa", "terms"]),
            (57_999, failed, &["block", "device", "mfa", "terms"]),
        ];
        for (code, status, expected) in table {
            assert_eq!(deciding(code, status, all()), expected, "{code} {status:?}");
        }
    }

    #[test]
    fn without_a_block_control_any_failed_policy_blocked() {
        let mut policies = all();
        policies.remove(0);
        assert_eq!(deciding(53003, None, policies), ["device", "mfa", "terms"]);
    }

    #[test]
    fn a_challenge_that_was_met_decides_only_where_none_failed() {
        let mut policies = all();
        policies.retain(|policy| policy.result != PolicyResult::Failure);
        for code in [50076, 50072, 53004] {
            assert_eq!(
                deciding(code, None, policies.clone()),
                ["mfa done"],
                "{code}"
            );
        }
        assert!(deciding(53010, None, policies).is_empty());
    }

    #[test]
    fn a_failed_policy_whose_controls_are_not_listed_may_hold_the_one_of_the_code() {
        let bare = policy("bare", PolicyResult::Failure, &[]);
        let mfa = policy("mfa", PolicyResult::Failure, &[GrantControl::Mfa]);
        assert_eq!(deciding(53000, None, vec![bare, mfa]), ["bare"]);
    }

    #[test]
    fn a_requirement_from_elsewhere_has_no_deciding_policy() {
        let only = vec![policy(
            "device",
            PolicyResult::Failure,
            &[GrantControl::CompliantDevice],
        )];
        let none: [&str; 0] = [];
        assert_eq!(deciding(50074, None, only), none);
    }
}
