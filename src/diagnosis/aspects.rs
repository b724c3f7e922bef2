//! What the context of an event adds to its scenario. Each rule errs on the side of silence.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::catalog::Catalog;
use super::classify::Classification;
use super::deciding::Deciding;
use super::mfa_source::{asks_for_mfa, is_enforced, is_security_defaults, required_challenge};
use super::second_factor::{SecondFactor, contains, shows_single_factor};
use super::{Aspect, Outcome, RequirementSource, Scenario};
use crate::signin::{
    AppliedPolicy, Condition, ConditionalAccessStatus, GrantControl, PolicyResult, SignIn, Text,
};

/// A set of aspects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aspects(u32);

impl Aspects {
    pub const fn insert(&mut self, aspect: Aspect) {
        self.0 |= 1 << aspect as u32;
    }

    pub const fn contains(self, aspect: Aspect) -> bool {
        self.0 & (1 << aspect as u32) != 0
    }

    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The aspects of the set, in the order of [`Aspect::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Aspect> {
        Aspect::ALL
            .into_iter()
            .filter(move |aspect| self.contains(*aspect))
    }
}

impl Serialize for Aspects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl JsonSchema for Aspects {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Aspects".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Aspect>::json_schema(generator)
    }
}

/// The aspects of a sign-in; `names_source` tells the requirement sources that it names.
pub fn aspects(
    sign_in: &SignIn<'_>,
    found: &Classification<'_>,
    deciding: Deciding,
    factor: SecondFactor,
    catalog: &Catalog,
    names_source: impl Fn(RequirementSource) -> bool,
) -> Aspects {
    let succeeded = found.outcome == Outcome::Succeeded;
    let single_factor = succeeded && is_by_user(sign_in) && shows_single_factor(sign_in, factor);
    let has_policy = |test: fn(&AppliedPolicy<'_>) -> bool| policies(sign_in).any(test);
    let single_factor = single_factor && !has_policy(needed_only_mfa);

    let rules = [
        (
            Aspect::LegacyAuthentication,
            sign_in
                .client_app_used
                .as_deref()
                .is_some_and(|client| catalog.is_legacy_client(client)),
        ),
        (Aspect::CrossTenant, is_cross_tenant(sign_in)),
        (
            Aspect::SecurityDefaults,
            found.scenario == Scenario::BlockedBySecurityDefaults
                || names_source(RequirementSource::SecurityDefaults),
        ),
        (
            Aspect::SignInRisk,
            is_at_risk(sign_in.risk_level.as_ref(), sign_in)
                || is_at_risk(sign_in.risk_level_aggregated.as_ref(), sign_in),
        ),
        (
            Aspect::UserRisk,
            policies(sign_in).any(|policy| is_for_user_risk(policy, sign_in)),
        ),
        (Aspect::MaliciousIp, is_malicious_ip(sign_in)),
        (Aspect::MfaPerformed, factor.performed),
        (Aspect::MfaSatisfiedByClaim, factor.satisfied_by_claim),
        (Aspect::MfaDeniedByUser, factor.denied_by_user),
        (Aspect::SingleFactor, single_factor),
        (
            Aspect::ReportOnlyWouldBlock,
            has_policy(|policy| {
                policy.result == PolicyResult::ReportOnlyFailure
                    && policy.grant_controls.contains(GrantControl::Block)
            }),
        ),
        (
            Aspect::ReportOnlyWouldRequireAction,
            has_policy(|policy| policy.result == PolicyResult::ReportOnlyInterrupted),
        ),
        (
            Aspect::ConditionalAccessFailedOnSuccess,
            succeeded
                && sign_in.conditional_access_status == Some(ConditionalAccessStatus::Failure),
        ),
        (
            Aspect::NoConditionalAccessPolicyApplied,
            no_policy_applied(
                sign_in,
                found,
                names_source(RequirementSource::ConditionalAccess),
            ),
        ),
        (
            Aspect::MfaPolicyNotApplied,
            single_factor
                && has_policy(|policy| {
                    policy.result == PolicyResult::NotApplied
                        && asks_for_mfa(policy)
                        && !is_security_defaults(policy)
                }),
        ),
        (
            Aspect::PolicyDetailMissing,
            is_policy_detail_missing(sign_in, found, deciding),
        ),
    ];
    let mut aspects = Aspects::default();
    for (aspect, holds) in rules {
        if holds {
            aspects.insert(aspect);
        }
    }
    aspects
}

pub fn policies<'a, 'm>(sign_in: &'a SignIn<'m>) -> impl Iterator<Item = &'a AppliedPolicy<'m>> {
    sign_in.policies.iter().flatten()
}

/// Whether a person signed in, and not an application.
pub fn is_by_user(sign_in: &SignIn<'_>) -> bool {
    let names_user = sign_in.user_id.is_some() || sign_in.user_principal_name.is_some();
    sign_in.category.is_user() && (names_user || sign_in.service_principal_id.is_none())
}

fn is_cross_tenant(sign_in: &SignIn<'_>) -> bool {
    // Graph's word for a type that it does not know tells nothing.
    let is_told =
        |text: &&str| !text.is_empty() && !text.eq_ignore_ascii_case("unknownFutureValue");
    let access_type = sign_in.cross_tenant_access_type.as_deref();
    if let Some(access_type) = access_type.filter(is_told) {
        return !access_type.eq_ignore_ascii_case("none");
    }
    let tenant = |id: &Option<Text<'_>>| id.as_deref().is_some_and(|id| !id.is_empty());
    is_by_user(sign_in)
        && tenant(&sign_in.home_tenant_id)
        && tenant(&sign_in.resource_tenant_id)
        && !same(
            sign_in.home_tenant_id.as_ref(),
            sign_in.resource_tenant_id.as_ref(),
        )
}

/// Whether both are known, and the same in any case: ids of tenants are written in either.
pub fn same(one: Option<&Text<'_>>, other: Option<&Text<'_>>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
}

/// `hidden` (no licence to see it) and any level not known are no risk.
pub fn is_at_risk(level: Option<&Text<'_>>, sign_in: &SignIn<'_>) -> bool {
    one_of(level, &["low", "medium", "high"]) && !is_risk_closed(sign_in)
}

/// Whether the event says that there is no risk, or none any more.
fn is_risk_closed(sign_in: &SignIn<'_>) -> bool {
    one_of(
        sign_in.risk_state.as_ref(),
        &["none", "dismissed", "remediated", "confirmedSafe"],
    )
}

fn one_of(text: Option<&Text<'_>>, known: &[&str]) -> bool {
    text.is_some_and(|text| known.iter().any(|known| text.eq_ignore_ascii_case(known)))
}

/// 50053 stands for three things, smart lockout, an address known for attacks, and a sign-in that
/// is risky with high confidence; only the reason text tells which. A text that speaks of more
/// than one tells nothing.
fn is_malicious_ip(sign_in: &SignIn<'_>) -> bool {
    let reason = sign_in.failure_reason.as_deref().unwrap_or_default();
    sign_in.error_code == Some(50053) && speaks_of_address(reason) && !speaks_of_lockout(reason)
}

/// The second of the three.
pub fn is_lockout(sign_in: &SignIn<'_>) -> bool {
    let reason = sign_in.failure_reason.as_deref().unwrap_or_default();
    sign_in.error_code == Some(50053) && speaks_of_lockout(reason) && !speaks_of_address(reason)
}

/// The third, by the words that Microsoft quotes ("Remediate risks and unblock users").
pub fn is_high_confidence_risk(sign_in: &SignIn<'_>) -> bool {
    let reason = sign_in.failure_reason.as_deref().unwrap_or_default();
    sign_in.error_code == Some(50053)
        && contains(reason, "high confidence of risk")
        && !speaks_of_lockout(reason)
        && !speaks_of_address(reason)
}

fn speaks_of_address(reason: &str) -> bool {
    contains(reason, "malicious") && (contains(reason, "address") || contains(reason, " ip"))
}

fn speaks_of_lockout(reason: &str) -> bool {
    contains(reason, "too many times")
}

/// The levels of the event are those of the sign-in (Graph: `riskLevelDuringSignIn`, and
/// `riskLevelAggregated` once detections that come later are in). Of the user's own risk only a
/// policy tells that was enforced for it, unless the event says that the risk is closed.
pub fn is_for_user_risk(policy: &AppliedPolicy<'_>, sign_in: &SignIn<'_>) -> bool {
    is_enforced(policy)
        && policy.conditions_satisfied.contains(Condition::UserRisk)
        && !is_risk_closed(sign_in)
}

/// Told of what went through and of interrupts: what failed was stopped by something else, and no
/// policy is missed there. Report-only results do not count, and security defaults are no policy.
/// Where nobody is known yet, no policy could apply. Where the code, the status or a requirement
/// provider says that Conditional Access decided, a list that does not show it is incomplete; of a
/// result that is not known nothing can be said.
fn no_policy_applied(sign_in: &SignIn<'_>, found: &Classification<'_>, required: bool) -> bool {
    let decided = required
        || matches!(
            found.scenario,
            Scenario::BlockedByConditionalAccess
                | Scenario::FailedConditionalAccess
                | Scenario::MfaFromConditionalAccess
                | Scenario::BlockedByRiskPolicy
        )
        || sign_in.conditional_access_status == Some(ConditionalAccessStatus::Failure)
        || is_success_unexplained(sign_in);
    let may_have_applied = |policy: &AppliedPolicy<'_>| match policy.result {
        PolicyResult::Unknown | PolicyResult::Other(_) => true,
        _ => is_enforced(policy) && !is_security_defaults(policy),
    };
    matches!(found.outcome, Outcome::Succeeded | Outcome::Interrupted)
        && sign_in.policies.is_some()
        && !decided
        && !is_nobody_yet(sign_in, found)
        && !policies(sign_in).any(may_have_applied)
}

/// Codes of steps before anybody has signed in: no session yet, a device code not yet entered.
const NOBODY_YET: [i64; 2] = [50058, 70016];

fn is_nobody_yet(sign_in: &SignIn<'_>, found: &Classification<'_>) -> bool {
    let is_named = sign_in.user_id.is_some() || sign_in.user_principal_name.is_some();
    let is_before = |code| NOBODY_YET.contains(&code);
    sign_in.error_code.is_some_and(is_before)
        || found.outcome == Outcome::Interrupted && is_by_user(sign_in) && !is_named
}

/// The status is success also where a policy was evaluated and did not apply ("Learn about the
/// sign-in log activity details", Conditional Access): the list explains it unless no policy in it
/// was evaluated.
fn is_success_unexplained(sign_in: &SignIn<'_>) -> bool {
    sign_in.conditional_access_status == Some(ConditionalAccessStatus::Success)
        && policies(sign_in).all(|policy| policy.result == PolicyResult::NotEnabled)
}

/// Whether a policy is satisfied that asked for nothing but a second factor: then there was one.
fn needed_only_mfa(policy: &AppliedPolicy<'_>) -> bool {
    policy.result == PolicyResult::Success && policy.grant_controls.is_only(GrantControl::Mfa)
}

/// Whether Conditional Access decided, by the code or by the status, and the list does not show
/// how. 50097 is silent: an application may ask for the device as well. The status counts
/// security defaults, which Graph lists among the policies; the codes do not.
fn is_policy_detail_missing(
    sign_in: &SignIn<'_>,
    found: &Classification<'_>,
    deciding: Deciding,
) -> bool {
    let missing_by_code = match (found.scenario, found.outcome) {
        (Scenario::FailedConditionalAccess, Outcome::Interrupted) => false,
        (Scenario::BlockedByConditionalAccess, _) if sign_in.error_code == Some(53003) => {
            deciding != Deciding::Block
        }
        (Scenario::BlockedByConditionalAccess | Scenario::FailedConditionalAccess, _) => {
            !deciding.holds_any(sign_in)
        }
        (Scenario::MfaFromConditionalAccess, _) => !policies(sign_in).any(required_challenge),
        _ => false,
    };
    let missing_by_status = match sign_in.conditional_access_status {
        // By the session control above.
        Some(ConditionalAccessStatus::Failure) if found.outcome == Outcome::Expired => false,
        Some(ConditionalAccessStatus::Failure) => {
            !policies(sign_in).any(|policy| policy.result == PolicyResult::Failure)
        }
        _ => is_success_unexplained(sign_in),
    };
    missing_by_code || missing_by_status
}

#[cfg(test)]
mod tests;
