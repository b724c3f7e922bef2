//! Where the requirement of a second factor came from. The error code cannot tell.
//!
//! Three rules in this order decide between the two MFA scenarios; what the event names as a
//! source is listed whole, whichever rule decided.
use schemars::JsonSchema;
use serde::Serialize;

use super::RequirementSource;
use super::catalog::Catalog;
use crate::signin::policy::SECURITY_DEFAULTS_ID;
use crate::signin::{AppliedPolicy, GrantControl, PolicyResult, RequirementPolicy, SignIn};

/// The rule that told Conditional Access from the other requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The event's list of requirement providers: one belongs to Conditional Access, or all are
    /// known and none does.
    RequirementPolicies,
    /// A Conditional Access policy that was enforced and holds an interactive challenge.
    AppliedPolicies,
    /// Nothing in the event points to Conditional Access.
    NoConditionalAccessSource,
}

/// What decided between the two MFA scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MfaSource {
    pub conditional_access: bool,
    pub decided_by: DecidedBy,
}

pub fn decide(sign_in: &SignIn<'_>, catalog: &Catalog) -> MfaSource {
    let mut providers = sign_in.requirement_policies.iter().map(|policy| {
        policy
            .requirement_provider
            .as_deref()
            .map_or(RequirementSource::Unknown, |provider| {
                catalog.requirement_source(provider)
            })
    });
    if providers
        .clone()
        .any(|source| source == RequirementSource::ConditionalAccess)
    {
        return MfaSource {
            conditional_access: true,
            decided_by: DecidedBy::RequirementPolicies,
        };
    }
    if providers.len() > 0 && providers.all(|source| source != RequirementSource::Unknown) {
        return MfaSource {
            conditional_access: false,
            decided_by: DecidedBy::RequirementPolicies,
        };
    }
    if policies(sign_in).any(required_challenge) {
        return MfaSource {
            conditional_access: true,
            decided_by: DecidedBy::AppliedPolicies,
        };
    }
    MfaSource {
        conditional_access: false,
        decided_by: DecidedBy::NoConditionalAccessSource,
    }
}

/// Whether a Conditional Access policy was enforced with a control that the user has to answer:
/// MFA, an authentication strength, a custom control, terms of use. Block, device, app and
/// password controls are none.
pub fn required_challenge(policy: &AppliedPolicy<'_>) -> bool {
    !is_security_defaults(policy) && is_enforced(policy) && has_challenge(policy)
}

/// Whether the entry stands for security defaults, which Graph lists among the policies.
pub fn is_security_defaults(policy: &AppliedPolicy<'_>) -> bool {
    policy
        .id
        .as_deref()
        .is_some_and(|id| id.eq_ignore_ascii_case(SECURITY_DEFAULTS_ID))
}

pub fn is_enforced(policy: &AppliedPolicy<'_>) -> bool {
    matches!(policy.result, PolicyResult::Success | PolicyResult::Failure)
}

pub fn has_challenge(policy: &AppliedPolicy<'_>) -> bool {
    asks_for_mfa(policy) || !policy.grant_controls.other.is_empty()
}

pub fn asks_for_mfa(policy: &AppliedPolicy<'_>) -> bool {
    policy.grant_controls.contains(GrantControl::Mfa) || policy.authentication_strength.is_some()
}

fn policies<'a, 'm>(sign_in: &'a SignIn<'m>) -> impl Iterator<Item = &'a AppliedPolicy<'m>> {
    sign_in.policies.iter().flatten()
}

/// A source that the event names for the requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedSource<'a> {
    pub source: RequirementSource,
    /// As spelled in `authenticationRequirementPolicies`; `None` where the policy list names it.
    pub provider: Option<&'a str>,
    pub detail: Option<&'a str>,
}

/// Requirement providers looked at for the list of sources. Graph knows 20; the bound keeps the
/// search for repeated ones short on hostile input.
pub const MAX_PROVIDERS: usize = 64;

/// Calls `visit` with every source that the event names, each once: the requirement providers
/// first, then what only the policy list shows.
pub fn for_each_source<'a>(
    sign_in: &'a SignIn<'_>,
    catalog: &Catalog,
    mut visit: impl FnMut(NamedSource<'a>),
) {
    let mut named = [false; RequirementSource::ALL.len()];
    let listed = &sign_in.requirement_policies;
    for (index, policy) in listed.iter().take(MAX_PROVIDERS).enumerate() {
        let Some(provider) = policy.requirement_provider.as_deref() else {
            if let Some(detail) = policy.detail.as_deref() {
                visit(NamedSource {
                    source: RequirementSource::Unknown,
                    provider: None,
                    detail: Some(detail),
                });
            }
            continue;
        };
        let is_same = |other: &RequirementPolicy<'_>| {
            other
                .requirement_provider
                .as_deref()
                .is_some_and(|other| other.eq_ignore_ascii_case(provider))
        };
        if listed.iter().take(index).any(is_same) {
            continue;
        }
        let source = catalog.requirement_source(provider);
        named[source as usize] = true;
        visit(NamedSource {
            source,
            provider: Some(provider),
            detail: policy.detail.as_deref(),
        });
    }
    let from_policies = policies(sign_in).filter_map(|policy| {
        if is_security_defaults(policy) && is_enforced(policy) {
            Some(RequirementSource::SecurityDefaults)
        } else if required_challenge(policy) {
            Some(RequirementSource::ConditionalAccess)
        } else {
            None
        }
    });
    for source in from_policies {
        if !std::mem::replace(&mut named[source as usize], true) {
            visit(NamedSource {
                source,
                provider: None,
                detail: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers(names: &[Option<&'static str>]) -> Vec<RequirementPolicy<'static>> {
        names
            .iter()
            .map(|name| RequirementPolicy {
                requirement_provider: name.map(Into::into),
                detail: None,
            })
            .collect()
    }

    fn policy(
        id: &'static str,
        result: PolicyResult<'static>,
        controls: &[GrantControl],
        other: &[&'static str],
    ) -> AppliedPolicy<'static> {
        let mut policy = AppliedPolicy {
            id: Some(id.into()),
            result,
            ..AppliedPolicy::default()
        };
        for control in controls {
            policy.grant_controls.insert(*control);
        }
        policy.grant_controls.other = other.iter().map(|name| (*name).into()).collect();
        policy
    }

    fn decided(
        names: &[Option<&'static str>],
        policies: Vec<AppliedPolicy<'static>>,
    ) -> (bool, DecidedBy) {
        let sign_in = SignIn {
            requirement_policies: providers(names),
            policies: Some(policies),
            ..SignIn::default()
        };
        let found = decide(&sign_in, &Catalog::embedded().unwrap());
        (found.conditional_access, found.decided_by)
    }

    /// Providers, whether a policy demanded MFA, what is decided.
    type Case<'a> = (&'a [Option<&'static str>], bool, (bool, DecidedBy));

    #[test]
    fn the_requirement_providers_decide_where_they_can() {
        use DecidedBy::{AppliedPolicies, NoConditionalAccessSource, RequirementPolicies};
        let mfa = || {
            vec![policy(
                "p",
                PolicyResult::Success,
                &[GrantControl::Mfa],
                &[],
            )]
        };
        let table: [Case<'_>; 11] = [
            (
                &[Some("multiConditionalAccess")],
                false,
                (true, RequirementPolicies),
            ),
            (
                &[Some("MULTICONDITIONALACCESS")],
                false,
                (true, RequirementPolicies),
            ),
            (
                &[Some("user"), Some("authenticationStrengths")],
                false,
                (true, RequirementPolicies),
            ),
            (
                &[None, Some("multiConditionalAccess")],
                false,
                (true, RequirementPolicies),
            ),
            (&[Some("user")], true, (false, RequirementPolicies)),
            (
                &[Some("user"), Some("riskBasedPolicy")],
                true,
                (false, RequirementPolicies),
            ),
            (&[Some("neverSeen")], true, (true, AppliedPolicies)),
            (
                &[Some("user"), Some("neverSeen")],
                true,
                (true, AppliedPolicies),
            ),
            (&[Some("user"), None], true, (true, AppliedPolicies)),
            (&[], true, (true, AppliedPolicies)),
            (
                &[Some("user"), Some("neverSeen")],
                false,
                (false, NoConditionalAccessSource),
            ),
        ];
        for (names, with_policy, expected) in table {
            let policies = if with_policy { mfa() } else { Vec::new() };
            assert_eq!(
                decided(names, policies),
                expected,
                "{names:?} {with_policy}"
            );
        }
    }

    #[test]
    fn only_an_enforced_interactive_challenge_points_to_conditional_access() {
        use GrantControl as G;
        let strength = AppliedPolicy {
            authentication_strength: Some("Phishing-resistant MFA".into()),
            ..policy("p", PolicyResult::Failure, &[], &[])
        };
        let table = [
            (policy("p", PolicyResult::Success, &[G::Mfa], &[]), true),
            (policy("p", PolicyResult::Failure, &[G::Mfa], &[]), true),
            (
                policy(
                    "p",
                    PolicyResult::Failure,
                    &[G::CompliantDevice, G::Mfa],
                    &[],
                ),
                true,
            ),
            (
                policy("p", PolicyResult::Success, &[], &["Visitor terms"]),
                true,
            ),
            (strength, true),
            (policy("p", PolicyResult::Failure, &[G::Block], &[]), false),
            (
                policy("p", PolicyResult::Failure, &[G::CompliantDevice], &[]),
                false,
            ),
            (
                policy("p", PolicyResult::Failure, &[G::DomainJoinedDevice], &[]),
                false,
            ),
            (
                policy("p", PolicyResult::Success, &[G::ApprovedApp], &[]),
                false,
            ),
            (
                policy("p", PolicyResult::Success, &[G::CompliantApp], &[]),
                false,
            ),
            (
                policy("p", PolicyResult::Success, &[G::PasswordChange], &[]),
                false,
            ),
            (policy("p", PolicyResult::Success, &[], &[]), false),
            (policy("p", PolicyResult::NotApplied, &[G::Mfa], &[]), false),
            (policy("p", PolicyResult::NotEnabled, &[G::Mfa], &[]), false),
            (
                policy("p", PolicyResult::ReportOnlySuccess, &[G::Mfa], &[]),
                false,
            ),
            (
                policy("p", PolicyResult::ReportOnlyFailure, &[G::Mfa], &[]),
                false,
            ),
            (
                policy("p", PolicyResult::ReportOnlyInterrupted, &[G::Mfa], &[]),
                false,
            ),
            (policy("p", PolicyResult::Unknown, &[G::Mfa], &[]), false),
            (
                policy("SecurityDefaults", PolicyResult::Success, &[G::Mfa], &[]),
                false,
            ),
            (
                policy("securitydefaults", PolicyResult::Failure, &[G::Mfa], &[]),
                false,
            ),
        ];
        for (policy, expected) in table {
            let rule = if expected {
                DecidedBy::AppliedPolicies
            } else {
                DecidedBy::NoConditionalAccessSource
            };
            assert_eq!(
                decided(&[], vec![policy.clone()]),
                (expected, rule),
                "{policy:?}"
            );
        }
    }

    #[test]
    fn an_event_without_a_policy_list_points_to_nothing() {
        let found = decide(&SignIn::default(), &Catalog::embedded().unwrap());
        assert!(!found.conditional_access);
        assert_eq!(found.decided_by, DecidedBy::NoConditionalAccessSource);
    }

    #[test]
    fn every_source_is_named_once() {
        let sign_in = SignIn {
            requirement_policies: providers(&[
                Some("user"),
                Some("User"),
                None,
                Some("brandNew"),
                Some("multiConditionalAccess"),
            ]),
            policies: Some(vec![
                policy(
                    "SecurityDefaults",
                    PolicyResult::Success,
                    &[GrantControl::Mfa],
                    &[],
                ),
                policy("p", PolicyResult::Failure, &[GrantControl::Mfa], &[]),
                policy("q", PolicyResult::Failure, &[GrantControl::Mfa], &[]),
            ]),
            ..SignIn::default()
        };
        let mut found = Vec::new();
        for_each_source(&sign_in, &Catalog::embedded().unwrap(), |source| {
            found.push((source.source, source.provider));
        });
        assert_eq!(
            found,
            [
                (RequirementSource::PerUser, Some("user")),
                (RequirementSource::Unknown, Some("brandNew")),
                (
                    RequirementSource::ConditionalAccess,
                    Some("multiConditionalAccess")
                ),
                (RequirementSource::SecurityDefaults, None),
            ]
        );
    }

    #[test]
    fn security_defaults_that_did_not_apply_are_no_source() {
        let sign_in = SignIn {
            policies: Some(vec![policy(
                "SecurityDefaults",
                PolicyResult::NotApplied,
                &[GrantControl::Mfa],
                &[],
            )]),
            ..SignIn::default()
        };
        for_each_source(&sign_in, &Catalog::embedded().unwrap(), |source| {
            panic!("{source:?}");
        });
    }
}
