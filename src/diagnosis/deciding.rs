//! Which policies decided a sign-in, and the order in which policies are shown.
use super::classify::Classification;
use super::mfa_source::{is_enforced, is_security_defaults, required_challenge};
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
    /// Enforced with an interactive challenge.
    Challenge,
    SecurityDefaults,
    /// Enforced with a session control: its grant controls may all be met.
    SessionControl,
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
            Scenario::BlockedByConditionalAccess if any(sign_in, Deciding::Block) => {
                Deciding::Block
            }
            Scenario::FailedConditionalAccess
                if found.outcome == Outcome::Expired && !any(sign_in, Deciding::Failure) =>
            {
                Deciding::SessionControl
            }
            Scenario::BlockedByConditionalAccess | Scenario::FailedConditionalAccess => {
                Deciding::Failure
            }
            Scenario::MfaFromConditionalAccess
            | Scenario::MfaProofupRequired
            | Scenario::MfaProofupNotFromSecureLocation => Deciding::Challenge,
            Scenario::BlockedBySecurityDefaults => Deciding::SecurityDefaults,
            // Elsewhere only the status tells whether Conditional Access had a part in it.
            _ if found.outcome != Outcome::Succeeded
                && sign_in.conditional_access_status == Some(ConditionalAccessStatus::Failure) =>
            {
                Deciding::Failure
            }
            _ => Deciding::None,
        }
    }

    pub fn holds(self, policy: &AppliedPolicy<'_>) -> bool {
        let failed = policy.result == PolicyResult::Failure && !is_security_defaults(policy);
        match self {
            Deciding::None => false,
            Deciding::Block => failed && policy.grant_controls.contains(GrantControl::Block),
            Deciding::Failure => failed,
            Deciding::Challenge => required_challenge(policy),
            Deciding::SessionControl => is_enforced(policy) && has_session_control(policy),
            Deciding::SecurityDefaults => {
                policy.result == PolicyResult::Failure && is_security_defaults(policy)
            }
        }
    }
}

fn any(sign_in: &SignIn<'_>, deciding: Deciding) -> bool {
    let mut policies = sign_in.policies.iter().flatten();
    policies.any(|policy| deciding.holds(policy))
}

pub fn has_session_control(policy: &AppliedPolicy<'_>) -> bool {
    !policy.session_controls.is_empty() || !policy.session_controls_not_satisfied.is_empty()
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
        vec![
            policy("block", Failure, &[Block]),
            policy("device", Failure, &[CompliantDevice]),
            policy("mfa", Failure, &[Mfa]),
            policy("mfa done", Success, &[Mfa]),
            policy("block elsewhere", NotApplied, &[Block]),
            policy("block trial", ReportOnlyFailure, &[Block]),
            policy("SecurityDefaults", Failure, &[Mfa]),
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
        let table: [(i64, Option<ConditionalAccessStatus>, &[&str]); 13] = [
            (53003, None, &["block"]),
            (53000, None, &["block", "device", "mfa"]),
            (70044, None, &["block", "device", "mfa"]),
            (50076, None, &["mfa", "mfa done"]),
            (50072, None, &["mfa", "mfa done"]),
            (53004, None, &["mfa", "mfa done"]),
            (530_035, None, &["SecurityDefaults"]),
            (50142, failed, &["block", "device", "mfa"]),
            (50142, None, &[]),
            (50126, Some(ConditionalAccessStatus::NotApplied), &[]),
            (0, None, &[]),
            (0, failed, &["block", "device", "mfa"]),
            (57_999, failed, &["block", "device", "mfa"]),
        ];
        for (code, status, expected) in table {
            assert_eq!(deciding(code, status, all()), expected, "{code} {status:?}");
        }
    }

    #[test]
    fn without_a_block_control_any_failed_policy_blocked() {
        let mut policies = all();
        policies.remove(0);
        assert_eq!(deciding(53003, None, policies), ["device", "mfa"]);
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
