//! Which situations of [`Case::ALL`] a sign-in is in, for the texts that the catalog has for them.
use super::aspects::{
    Aspects, is_by_user, is_for_user_risk, is_high_confidence_risk, is_lockout, policies, same,
};
use super::classify::Classification;
use super::deciding::Deciding;
use super::second_factor::{SecondFactor, contains};
use super::{Aspect, Case, RequirementSource, Scenario, SecondFactorResult};
use crate::signin::{AppliedPolicy, Category, Condition, SignIn, Text};

/// Whether a sign-in is in a case; `names_source` tells the requirement sources that it names.
pub fn holds(
    sign_in: &SignIn<'_>,
    found: &Classification<'_>,
    deciding: Deciding,
    aspects: Aspects,
    factor: SecondFactor,
    names_source: impl Fn(RequirementSource) -> bool,
) -> impl Fn(Case) -> bool {
    let by_user = is_by_user(sign_in);
    let failed_on_success = aspects.contains(Aspect::ConditionalAccessFailedOnSuccess);
    let is_legacy = aspects.contains(Aspect::LegacyAuthentication);
    let ended = move |result| factor.result == Some(result);
    let asked_by =
        move |source| found.scenario == Scenario::MfaFromOtherRequirements && names_source(source);
    move |case| match case {
        Case::OlderClientRefused => failed_on_success && is_legacy,
        Case::ConditionalAccessFailed => failed_on_success,
        Case::MaliciousAddress => aspects.contains(Aspect::MaliciousIp),
        Case::Lockout => is_lockout(sign_in),
        Case::HighConfidenceRisk => is_high_confidence_risk(sign_in),
        Case::WrongPassword => is_wrong_password(sign_in),
        Case::ManagedIdentity => !by_user && sign_in.category == Category::ManagedIdentity,
        Case::WorkloadIdentity => !by_user,
        Case::SignInRisk => aspects.contains(Aspect::SignInRisk),
        Case::SecondFactorDeclined => ended(SecondFactorResult::DeniedByUser),
        Case::SecondFactorTimedOut => ended(SecondFactorResult::TimedOut),
        Case::SecondFactorFailed => ended(SecondFactorResult::Failed),
        Case::SecondFactorDone => ended(SecondFactorResult::Performed),
        Case::SecondFactorByClaim => ended(SecondFactorResult::SatisfiedByClaim),
        Case::SecondFactorWaived => ended(SecondFactorResult::Skipped),
        Case::SingleFactor => aspects.contains(Aspect::SingleFactor),
        Case::AskedBySecurityDefaults => asked_by(RequirementSource::SecurityDefaults),
        Case::AskedByPerUserMfa => asked_by(RequirementSource::PerUser),
        Case::PolicyNotListed => aspects.contains(Aspect::PolicyDetailMissing),
        Case::FromAnotherTenant => by_user && is_from_another_tenant(sign_in),
        Case::ToAnotherTenant => by_user && is_to_another_tenant(sign_in),
        Case::LegacyClient => is_legacy,
        Case::UserRisk => policies(sign_in)
            .any(|policy| deciding.holds(policy) && is_for_user_risk(policy, sign_in)),
        Case::Location => {
            let matched = |policy: &AppliedPolicy<'_>| {
                policy.conditions_satisfied.contains(Condition::Location)
            };
            let mut decided = policies(sign_in).filter(|policy| deciding.holds(policy));
            decided.next().is_some_and(matched) && decided.all(matched)
        }
    }
}

/// The code alone leaves open whether it was the user name.
fn is_wrong_password(sign_in: &SignIn<'_>) -> bool {
    let mut steps = sign_in.authentication_steps.iter();
    sign_in.error_code == Some(50126)
        && steps.any(|step| {
            let result = step.result_detail.as_deref().unwrap_or_default();
            step.succeeded == Some(false) && contains(result, "incorrect password")
        })
}

/// The log is of the tenant whose resource is asked for, and the home of the user is another.
fn is_from_another_tenant(sign_in: &SignIn<'_>) -> bool {
    differ(sign_in.home_tenant_id.as_ref(), sign_in.tenant_id.as_ref())
}

/// The log is of the home tenant of the user, and the resource is of another.
fn is_to_another_tenant(sign_in: &SignIn<'_>) -> bool {
    let tenant = sign_in.tenant_id.as_ref();
    !differ(sign_in.home_tenant_id.as_ref(), tenant)
        && differ(sign_in.resource_tenant_id.as_ref(), tenant)
}

/// Both are known, and not the same.
fn differ(one: Option<&Text<'_>>, other: Option<&Text<'_>>) -> bool {
    let known = |id: Option<&Text<'_>>| id.is_some_and(|id| !id.is_empty());
    known(one) && known(other) && !same(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::catalog::Catalog;
    use crate::diagnosis::classify;
    use crate::signin::{
        AppliedPolicy, AuthenticationStep, Condition, ConditionalAccessStatus, GrantControl,
        PolicyResult,
    };

    fn found(sign_in: &SignIn<'_>, aspects: &[Aspect], sources: &[RequirementSource]) -> Vec<Case> {
        let mut set = Aspects::default();
        for aspect in aspects {
            set.insert(*aspect);
        }
        let catalog = Catalog::embedded().unwrap();
        let classified = classify(sign_in, &catalog);
        let deciding = Deciding::of(sign_in, &classified);
        let factor = SecondFactor::of(sign_in);
        let holds = holds(sign_in, &classified, deciding, set, factor, |source| {
            sources.contains(&source)
        });
        Case::ALL.into_iter().filter(|case| holds(*case)).collect()
    }

    fn code(code: i64) -> SignIn<'static> {
        SignIn {
            error_code: Some(code),
            ..SignIn::default()
        }
    }

    #[test]
    fn a_user_comes_from_another_tenant_or_goes_to_one_by_the_tenant_of_the_log() {
        let of = |home: &'static str, resource: &'static str| SignIn {
            tenant_id: Some("Ours".into()),
            home_tenant_id: Some(home.into()),
            resource_tenant_id: Some(resource.into()),
            ..code(500_212)
        };
        for (home, resource, expected) in [
            ("ours", "OURS", &[][..]),
            ("theirs", "ours", &[Case::FromAnotherTenant]),
            ("OURS", "theirs", &[Case::ToAnotherTenant]),
            ("", "theirs", &[Case::ToAnotherTenant]),
            ("theirs", "", &[Case::FromAnotherTenant]),
            ("", "", &[]),
        ] {
            assert_eq!(
                found(&of(home, resource), &[], &[]),
                expected,
                "{home} {resource}"
            );
        }
        let application = SignIn {
            category: Category::ServicePrincipal,
            ..of("theirs", "ours")
        };
        assert_eq!(found(&application, &[], &[]), [Case::WorkloadIdentity]);
        let no_log = SignIn {
            tenant_id: None,
            ..of("theirs", "ours")
        };
        assert_eq!(found(&no_log, &[], &[]), []);
    }

    #[test]
    fn a_managed_identity_is_a_workload_identity_too() {
        let managed = SignIn {
            category: Category::ManagedIdentity,
            ..code(0)
        };
        assert_eq!(
            found(&managed, &[], &[]),
            [Case::ManagedIdentity, Case::WorkloadIdentity]
        );
    }

    #[test]
    fn an_older_client_is_told_from_another_that_conditional_access_failed() {
        let failed = SignIn {
            conditional_access_status: Some(ConditionalAccessStatus::Failure),
            ..code(0)
        };
        let aspect = Aspect::ConditionalAccessFailedOnSuccess;
        assert_eq!(
            found(&failed, &[aspect], &[]),
            [Case::ConditionalAccessFailed]
        );
        assert_eq!(
            found(&failed, &[aspect, Aspect::LegacyAuthentication], &[]),
            [
                Case::OlderClientRefused,
                Case::ConditionalAccessFailed,
                Case::LegacyClient
            ]
        );
    }

    #[test]
    fn the_reason_of_50053_tells_what_refused_it() {
        for (reason, expected) in [
            ("You tried to sign in too many times.", &[Case::Lockout][..]),
            (
                "Sign-in was blocked by built-in protections due to high confidence of risk.",
                &[Case::HighConfidenceRisk],
            ),
            ("Locked.", &[]),
        ] {
            let sign_in = SignIn {
                failure_reason: Some(reason.into()),
                ..code(50053)
            };
            assert_eq!(found(&sign_in, &[], &[]), expected, "{reason}");
        }
    }

    #[test]
    fn a_step_tells_a_wrong_password_from_a_wrong_name() {
        for (number, succeeded, result, expected) in [
            (50126, false, "Incorrect password", true),
            (50126, false, "Invalid username or password", false),
            (50126, true, "Incorrect password", false),
            (50053, false, "Incorrect password", false),
        ] {
            let sign_in = SignIn {
                authentication_steps: vec![AuthenticationStep {
                    succeeded: Some(succeeded),
                    result_detail: Some(result.into()),
                    ..AuthenticationStep::default()
                }],
                ..code(number)
            };
            let is_told = found(&sign_in, &[], &[]).contains(&Case::WrongPassword);
            assert_eq!(is_told, expected, "{number} {succeeded} {result}");
        }
    }

    #[test]
    fn the_location_counts_where_each_policy_that_decided_matched_on_it() {
        let block = |condition| {
            let mut policy = AppliedPolicy {
                result: PolicyResult::Failure,
                ..AppliedPolicy::default()
            };
            policy.conditions_satisfied.insert(condition);
            policy.grant_controls.insert(GrantControl::Block);
            policy
        };
        let (place, client) = (Condition::Location, Condition::ClientType);
        for (conditions, expected) in [
            (&[][..], false),
            (&[place], true),
            (&[place, place], true),
            (&[client], false),
            (&[place, client], false),
            (&[client, place], false),
        ] {
            let sign_in = SignIn {
                policies: Some(conditions.iter().copied().map(block).collect()),
                ..code(53003)
            };
            let is_told = found(&sign_in, &[], &[]).contains(&Case::Location);
            assert_eq!(is_told, expected, "{conditions:?}");
        }
    }

    #[test]
    fn the_second_factor_has_a_case_for_each_end() {
        for (text, expected) in [
            (
                "MFA denied; user declined the authentication",
                Some(Case::SecondFactorDeclined),
            ),
            (
                "MFA denied; user did not respond to mobile app notification",
                Some(Case::SecondFactorTimedOut),
            ),
            (
                "MFA denied; user entered incorrect code",
                Some(Case::SecondFactorFailed),
            ),
            ("MFA completed in Azure AD", Some(Case::SecondFactorDone)),
            (
                "MFA requirement satisfied by claim in the token",
                Some(Case::SecondFactorByClaim),
            ),
            (
                "MFA requirement skipped due to remembered device",
                Some(Case::SecondFactorWaived),
            ),
            ("MFA denied; authentication in progress", None),
        ] {
            let sign_in = SignIn {
                authentication_steps: vec![AuthenticationStep {
                    result_detail: Some(text.into()),
                    ..AuthenticationStep::default()
                }],
                ..code(500_121)
            };
            let expected: Vec<_> = expected.into_iter().collect();
            assert_eq!(found(&sign_in, &[], &[]), expected, "{text}");
        }
    }

    #[test]
    fn a_source_is_told_where_conditional_access_is_none() {
        use RequirementSource::{PerUser, SecurityDefaults};
        let both = [SecurityDefaults, PerUser];
        assert_eq!(
            found(&code(50074), &[], &both),
            [Case::AskedBySecurityDefaults, Case::AskedByPerUserMfa]
        );
        assert_eq!(found(&code(53003), &[], &both), []);
    }

    #[test]
    fn a_policy_for_users_at_risk_counts_where_it_decided() {
        let with = |result, control| {
            let mut policy = AppliedPolicy {
                result,
                ..AppliedPolicy::default()
            };
            policy.conditions_satisfied.insert(Condition::UserRisk);
            policy.grant_controls.insert(control);
            let mut block = AppliedPolicy {
                result: PolicyResult::Failure,
                ..AppliedPolicy::default()
            };
            block.grant_controls.insert(GrantControl::Block);
            SignIn {
                policies: Some(vec![policy, block]),
                ..code(53003)
            }
        };
        for (result, control, expected) in [
            (
                PolicyResult::Failure,
                GrantControl::Block,
                &[Case::UserRisk][..],
            ),
            (PolicyResult::Failure, GrantControl::PasswordChange, &[]),
            (PolicyResult::Success, GrantControl::PasswordChange, &[]),
            (PolicyResult::NotApplied, GrantControl::Block, &[]),
        ] {
            assert_eq!(
                found(&with(result, control), &[], &[]),
                expected,
                "{control:?}"
            );
        }
    }
}
