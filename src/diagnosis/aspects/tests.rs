//! Each rule with events for which it holds and for which it does not.
#![allow(clippy::large_stack_arrays)] // tables of whole events

use super::*;
use crate::diagnosis::classify;
use crate::diagnosis::mfa_source::for_each_source;
use crate::signin::{AuthenticationStep, Category, Personal, RequirementPolicy};

fn found(sign_in: &SignIn<'_>) -> Aspects {
    let catalog = Catalog::embedded().unwrap();
    let mut named = Vec::new();
    for_each_source(sign_in, &catalog, |source| named.push(source.source));
    let found = classify(sign_in, &catalog);
    let factor = SecondFactor::of(sign_in);
    let deciding = Deciding::of(sign_in, &found);
    aspects(sign_in, &found, deciding, factor, &catalog, |source| {
        named.contains(&source)
    })
}

/// Each event with whether the aspect holds.
fn check(aspect: Aspect, cases: &[(bool, SignIn<'_>)]) {
    for (expected, sign_in) in cases {
        assert_eq!(
            found(sign_in).contains(aspect),
            *expected,
            "{aspect}: {sign_in:?}"
        );
    }
}

fn code(code: i64) -> SignIn<'static> {
    SignIn {
        error_code: Some(code),
        ..SignIn::default()
    }
}

fn policy(result: PolicyResult<'static>, controls: &[GrantControl]) -> AppliedPolicy<'static> {
    let mut policy = AppliedPolicy {
        result,
        ..AppliedPolicy::default()
    };
    for control in controls {
        policy.grant_controls.insert(*control);
    }
    policy
}

fn with(sign_in: SignIn<'static>, policies: Vec<AppliedPolicy<'static>>) -> SignIn<'static> {
    SignIn {
        policies: Some(policies),
        ..sign_in
    }
}

fn status(sign_in: SignIn<'static>, status: ConditionalAccessStatus) -> SignIn<'static> {
    SignIn {
        conditional_access_status: Some(status),
        ..sign_in
    }
}

fn step(
    method: &'static str,
    requirement: &'static str,
    succeeded: Option<bool>,
    result: &'static str,
) -> AuthenticationStep<'static> {
    let text = |text: &'static str| (!text.is_empty()).then(|| text.into());
    AuthenticationStep {
        method: text(method),
        requirement: text(requirement),
        succeeded,
        result_detail: text(result),
        ..AuthenticationStep::default()
    }
}

fn steps(
    sign_in: SignIn<'static>,
    authentication_steps: Vec<AuthenticationStep<'static>>,
) -> SignIn<'static> {
    SignIn {
        authentication_steps,
        ..sign_in
    }
}

fn details(sign_in: SignIn<'static>, text: &'static str) -> SignIn<'static> {
    SignIn {
        additional_details: Some(text.into()),
        ..sign_in
    }
}

fn single(sign_in: SignIn<'static>) -> SignIn<'static> {
    SignIn {
        authentication_requirement: Some("singleFactorAuthentication".into()),
        ..sign_in
    }
}

const PASSWORD: (&str, &str) = ("Password", "Primary authentication");

#[test]
fn legacy_authentication_is_by_the_catalogs_list() {
    let client = |name: &'static str| SignIn {
        client_app_used: Some(name.into()),
        ..SignIn::default()
    };
    check(
        Aspect::LegacyAuthentication,
        &[
            (true, client("IMAP4")),
            (true, client("exchange activesync")),
            (false, client("Browser")),
            (false, client("Mobile Apps and Desktop clients")),
            (false, SignIn::default()),
        ],
    );
}

#[test]
fn cross_tenant_is_by_the_access_type_else_by_the_tenants_of_a_user() {
    let access = |name: &'static str, home: &'static str, resource: &'static str| SignIn {
        cross_tenant_access_type: Some(name.into()),
        home_tenant_id: Some(home.into()),
        resource_tenant_id: Some(resource.into()),
        ..SignIn::default()
    };
    let tenants = |home: &'static str, resource: &'static str| SignIn {
        cross_tenant_access_type: None,
        ..access("", home, resource)
    };
    let of = |category, sign_in: SignIn<'static>| SignIn {
        category,
        ..sign_in
    };
    check(
        Aspect::CrossTenant,
        &[
            (true, access("b2bCollaboration", "a", "a")),
            (
                true,
                of(
                    Category::ServicePrincipal,
                    access("serviceProvider", "", ""),
                ),
            ),
            (false, access("none", "a", "b")),
            (false, access("None", "a", "b")),
            (true, access("", "a", "b")),
            (false, access("unknownFutureValue", "a", "A")),
            (false, access("unknownFutureValue", "", "b")),
            (true, tenants("a", "b")),
            (true, of(Category::NonInteractive, tenants("a", "b"))),
            (false, tenants("a", "A")),
            (false, tenants("", "b")),
            (false, tenants("a", "")),
            (false, of(Category::ServicePrincipal, tenants("a", "b"))),
            (false, of(Category::ManagedIdentity, tenants("a", "b"))),
            (false, SignIn::default()),
        ],
    );
}

#[test]
fn security_defaults_are_by_code_provider_or_entry() {
    let provider = |name: &'static str| SignIn {
        requirement_policies: vec![RequirementPolicy {
            requirement_provider: Some(name.into()),
            detail: None,
        }],
        ..code(50074)
    };
    let entry = |result| AppliedPolicy {
        id: Some("SecurityDefaults".into()),
        ..policy(result, &[GrantControl::Mfa])
    };
    check(
        Aspect::SecurityDefaults,
        &[
            (true, code(530_035)),
            (true, provider("securityDefaults")),
            (true, with(code(0), vec![entry(PolicyResult::Success)])),
            (false, with(code(0), vec![entry(PolicyResult::NotApplied)])),
            (false, provider("user")),
            (false, code(53003)),
        ],
    );
}

#[test]
fn risk_counts_until_it_is_closed_and_never_when_hidden() {
    let risk = |level: &'static str, state: &'static str| SignIn {
        risk_level: Some(level.into()),
        risk_state: (!state.is_empty()).then(|| state.into()),
        ..SignIn::default()
    };
    let cases = [
        (true, risk("low", "atRisk")),
        (true, risk("medium", "confirmedCompromised")),
        (true, risk("High", "atRisk")),
        (true, risk("high", "")),
        (false, risk("low", "none")),
        (false, risk("high", "dismissed")),
        (false, risk("high", "remediated")),
        (false, risk("high", "confirmedSafe")),
        (false, risk("none", "atRisk")),
        (false, risk("hidden", "atRisk")),
        (false, risk("unknownFutureValue", "atRisk")),
        (false, SignIn::default()),
    ];
    check(Aspect::SignInRisk, &cases);
    let aggregated = cases.map(|(expected, sign_in)| {
        let sign_in = SignIn {
            risk_level_aggregated: sign_in.risk_level.clone(),
            risk_level: Some("none".into()),
            ..sign_in
        };
        assert!(!found(&sign_in).contains(Aspect::UserRisk), "{sign_in:?}");
        (expected, sign_in)
    });
    check(Aspect::SignInRisk, &aggregated);
}

#[test]
fn the_risk_of_the_user_shows_in_a_policy_that_was_enforced_for_it() {
    use PolicyResult::{Failure, NotApplied, ReportOnlyFailure, Success};
    let one = |result, condition| {
        let mut policy = policy(result, &[GrantControl::PasswordChange]);
        policy.conditions_satisfied.insert(condition);
        with(code(50142), vec![policy])
    };
    let state = |sign_in: SignIn<'static>, state: &'static str| SignIn {
        risk_state: Some(state.into()),
        ..sign_in
    };
    check(
        Aspect::UserRisk,
        &[
            (true, one(Failure, Condition::UserRisk)),
            (true, one(Success, Condition::UserRisk)),
            (false, one(Failure, Condition::SignInRisk)),
            (false, one(NotApplied, Condition::UserRisk)),
            (false, one(ReportOnlyFailure, Condition::UserRisk)),
            (true, state(one(Failure, Condition::UserRisk), "atRisk")),
            (true, state(one(Failure, Condition::UserRisk), "unknown")),
            (false, state(one(Failure, Condition::UserRisk), "none")),
            (false, state(one(Failure, Condition::UserRisk), "dismissed")),
            (
                false,
                state(one(Success, Condition::UserRisk), "Remediated"),
            ),
            (
                false,
                state(one(Failure, Condition::UserRisk), "confirmedSafe"),
            ),
            (false, code(50142)),
        ],
    );
}

#[test]
fn a_malicious_address_is_told_by_the_reason_of_50053() {
    let reason = |number, text: &'static str| SignIn {
        failure_reason: Some(text.into()),
        ..code(number)
    };
    let malicious = "Refused: the request came from an IP address with malicious activity.";
    check(
        Aspect::MaliciousIp,
        &[
            (true, reason(50053, malicious)),
            (false, reason(50126, malicious)),
            (
                false,
                reason(50053, "Locked: wrong password too many times."),
            ),
            (
                false,
                reason(
                    50053,
                    "Locked after too many times, or from a malicious IP address.",
                ),
            ),
            (false, reason(50053, "Refused: malicious client.")),
            (false, code(50053)),
        ],
    );
}

#[test]
fn mfa_was_performed_where_a_step_or_the_details_say_so() {
    let mfa = "Multi-factor authentication";
    let in_progress = || {
        step(
            "Text message",
            mfa,
            Some(false),
            "Authentication in progress",
        )
    };
    let password = || step(PASSWORD.0, PASSWORD.1, Some(true), "Correct password");
    check(
        Aspect::MfaPerformed,
        &[
            (
                false,
                steps(
                    code(0),
                    vec![step("", "", Some(false), "MFA completed in Azure AD")],
                ),
            ),
            (
                true,
                steps(code(0), vec![step("Text message", mfa, Some(true), "")]),
            ),
            (
                true,
                steps(
                    code(0),
                    vec![step("", "", None, "MFA completed in Azure AD")],
                ),
            ),
            (true, details(code(0), "MFA completed in Azure AD")),
            (true, details(code(0), "MFA successfully completed")),
            (
                true,
                details(
                    steps(code(0), vec![password(), in_progress()]),
                    "MFA completed in Azure AD",
                ),
            ),
            (false, steps(code(0), vec![password(), in_progress()])),
            (
                false,
                steps(code(0), vec![step("Text message", mfa, Some(false), "")]),
            ),
            (false, details(code(0), "MFA required in Azure AD")),
            (
                false,
                steps(
                    code(0),
                    vec![step(
                        "Previously satisfied",
                        mfa,
                        Some(true),
                        "MFA requirement satisfied by claim in the token",
                    )],
                ),
            ),
            // The steps come first.
            (
                false,
                details(
                    steps(
                        code(500_121),
                        vec![step(
                            "Text message",
                            mfa,
                            Some(false),
                            "MFA denied; user declined the authentication",
                        )],
                    ),
                    "MFA completed in Azure AD",
                ),
            ),
            (false, code(0)),
        ],
    );
}

#[test]
fn mfa_was_satisfied_by_a_claim_but_not_the_first_factor() {
    let claim = "MFA requirement satisfied by claim in the token";
    let first = "First factor requirement satisfied by claim in the token";
    let satisfied = |text| step("Previously satisfied", "", Some(true), text);
    check(
        Aspect::MfaSatisfiedByClaim,
        &[
            (true, steps(code(0), vec![satisfied(claim)])),
            (true, details(code(0), claim)),
            (
                true,
                details(
                    code(0),
                    "MFA requirement satisfied by claim provided by external provider",
                ),
            ),
            (false, steps(code(0), vec![satisfied(first)])),
            (false, details(code(0), first)),
            (false, details(code(0), "MFA completed in Azure AD")),
            (false, code(0)),
        ],
    );
}

#[test]
fn only_a_refusal_by_the_person_is_a_denial() {
    let result = |text| {
        steps(
            code(500_121),
            vec![step("Mobile app notification", "", Some(false), text)],
        )
    };
    check(
        Aspect::MfaDeniedByUser,
        &[
            (true, result("MFA denied; user declined the authentication")),
            (true, result("MFA denied; fraud code entered")),
            (
                true,
                details(
                    code(500_121),
                    "MFA denied; User declined the authentication",
                ),
            ),
            (
                false,
                result("MFA denied; user did not respond to mobile app notification"),
            ),
            (false, result("MFA denied; invalid verification code")),
            (
                false,
                details(code(65004), "User declined to consent to access the app."),
            ),
            (false, code(500_121)),
        ],
    );
}

#[test]
fn a_single_factor_is_a_users_success_that_shows_no_second() {
    let password = || step(PASSWORD.0, PASSWORD.1, Some(true), "Correct password");
    let of = |category, sign_in: SignIn<'static>| SignIn {
        category,
        ..sign_in
    };
    let multi = SignIn {
        authentication_requirement: Some("multiFactorAuthentication".into()),
        ..steps(code(0), vec![password()])
    };
    let method = SignIn {
        mfa_method: Some("Text message".into()),
        ..single(code(0))
    };
    let detail = SignIn {
        mfa_detail: Some(Personal::new("+XX XXXXXXX12".into())),
        ..single(code(0))
    };
    check(
        Aspect::SingleFactor,
        &[
            (true, single(code(0))),
            (true, steps(code(0), vec![password()])),
            (true, of(Category::NonInteractive, single(code(0)))),
            (false, of(Category::ServicePrincipal, single(code(0)))),
            (false, single(code(53003))),
            (false, single(SignIn::default())),
            (false, multi),
            (false, method),
            (false, detail),
            (
                false,
                details(
                    single(code(0)),
                    "MFA requirement satisfied by claim in the token",
                ),
            ),
            (
                false,
                details(
                    single(code(0)),
                    "MFA requirement skipped due to remembered device",
                ),
            ),
            (
                false,
                steps(
                    single(code(0)),
                    vec![step("Passkey", PASSWORD.1, Some(true), "")],
                ),
            ),
            (
                false,
                steps(
                    single(code(0)),
                    vec![
                        password(),
                        step(
                            "Text message",
                            "Multi-factor authentication",
                            Some(true),
                            "",
                        ),
                    ],
                ),
            ),
            // An event that says nothing of factors shows nothing.
            (false, code(0)),
        ],
    );
}

#[test]
fn report_only_results_say_what_would_have_happened() {
    use PolicyResult::{Failure, ReportOnlyFailure, ReportOnlyInterrupted, ReportOnlySuccess};
    let one = |result, controls: &[GrantControl]| with(code(0), vec![policy(result, controls)]);
    check(
        Aspect::ReportOnlyWouldBlock,
        &[
            (true, one(ReportOnlyFailure, &[GrantControl::Block])),
            (
                false,
                one(ReportOnlyFailure, &[GrantControl::CompliantDevice]),
            ),
            (false, one(ReportOnlySuccess, &[GrantControl::Block])),
            (false, one(Failure, &[GrantControl::Block])),
            (false, code(0)),
        ],
    );
    check(
        Aspect::ReportOnlyWouldRequireAction,
        &[
            (true, one(ReportOnlyInterrupted, &[GrantControl::Mfa])),
            (false, one(ReportOnlyFailure, &[GrantControl::Mfa])),
            (false, code(0)),
        ],
    );
}

#[test]
fn conditional_access_may_fail_on_a_success() {
    use ConditionalAccessStatus::{Failure, Success};
    check(
        Aspect::ConditionalAccessFailedOnSuccess,
        &[
            (true, status(code(0), Failure)),
            (false, status(code(0), Success)),
            (false, status(code(53003), Failure)),
            (false, status(SignIn::default(), Failure)),
            (false, code(0)),
        ],
    );
}

#[test]
fn no_policy_applied_needs_a_list_that_shows_it() {
    use ConditionalAccessStatus as Status;
    use PolicyResult::{Failure, NotApplied, NotEnabled, ReportOnlySuccess, Success};
    let one = |result| with(code(0), vec![policy(result, &[])]);
    let of_user = |number| SignIn {
        user_id: Some(Personal::new("u".into())),
        ..code(number)
    };
    let defaults = AppliedPolicy {
        id: Some("SecurityDefaults".into()),
        ..policy(Success, &[GrantControl::Mfa])
    };
    check(
        Aspect::NoConditionalAccessPolicyApplied,
        &[
            (true, with(code(0), Vec::new())),
            (true, one(NotApplied)),
            (true, one(ReportOnlySuccess)),
            (true, with(code(0), vec![defaults])),
            (true, status(one(NotApplied), Status::NotApplied)),
            (true, with(of_user(50074), Vec::new())),
            (true, status(one(NotApplied), Status::Success)),
            (true, status(one(ReportOnlySuccess), Status::Success)),
            (false, status(one(NotEnabled), Status::Success)),
            (false, status(one(Success), Status::Success)),
            (false, status(one(NotApplied), Status::Failure)),
            (false, with(code(50074), Vec::new())),
            (false, with(of_user(50058), Vec::new())),
            (false, with(of_user(70016), Vec::new())),
            (false, with(code(50126), Vec::new())),
            (false, with(code(57_999), Vec::new())),
            (false, with(SignIn::default(), Vec::new())),
            (false, status(with(code(0), Vec::new()), Status::Success)),
            (false, status(with(code(0), Vec::new()), Status::Failure)),
            (false, with(code(53003), vec![policy(NotApplied, &[])])),
            (false, with(code(53000), Vec::new())),
            (false, with(code(50097), Vec::new())),
            (false, with(code(50142), Vec::new())),
            (
                false,
                with(
                    SignIn {
                        requirement_policies: vec![RequirementPolicy {
                            requirement_provider: Some("multiConditionalAccess".into()),
                            detail: None,
                        }],
                        ..code(50072)
                    },
                    Vec::new(),
                ),
            ),
            (false, one(PolicyResult::Unknown)),
            (false, one(PolicyResult::Other("brandNew".into()))),
            (false, one(Success)),
            (false, one(Failure)),
            (false, code(0)),
        ],
    );
}

#[test]
fn an_mfa_policy_that_did_not_apply_matters_on_a_single_factor_only() {
    use PolicyResult::{NotApplied, ReportOnlyNotApplied};
    let strength = AppliedPolicy {
        authentication_strength: Some("Phishing-resistant MFA".into()),
        ..policy(NotApplied, &[])
    };
    let mfa = |result| vec![policy(result, &[GrantControl::Mfa])];
    check(
        Aspect::MfaPolicyNotApplied,
        &[
            (true, with(single(code(0)), mfa(NotApplied))),
            (true, with(single(code(0)), vec![strength])),
            (false, with(code(0), mfa(NotApplied))),
            (false, with(single(code(50126)), mfa(NotApplied))),
            (false, with(single(code(0)), mfa(ReportOnlyNotApplied))),
            (
                false,
                with(
                    single(code(0)),
                    vec![policy(NotApplied, &[GrantControl::CompliantDevice])],
                ),
            ),
        ],
    );
}

#[test]
fn policy_detail_is_missing_where_a_decision_shows_no_policy() {
    use ConditionalAccessStatus as Status;
    use PolicyResult::{Failure, NotApplied, NotEnabled, ReportOnlySuccess, Success};
    let provider = SignIn {
        requirement_policies: vec![RequirementPolicy {
            requirement_provider: Some("multiConditionalAccess".into()),
            detail: None,
        }],
        ..code(50074)
    };
    let frequency = AppliedPolicy {
        session_controls: vec!["SignInFrequency".into()],
        ..policy(Success, &[])
    };
    let defaults = |result| AppliedPolicy {
        id: Some("SecurityDefaults".into()),
        ..policy(result, &[GrantControl::Block])
    };
    let one = |number, result| with(code(number), vec![policy(result, &[GrantControl::Mfa])]);
    check(
        Aspect::PolicyDetailMissing,
        &[
            (true, code(53003)),
            (true, one(53003, NotApplied)),
            (true, code(53000)),
            (true, one(53000, Success)),
            (true, code(70044)),
            (true, provider.clone()),
            (true, status(code(50126), Status::Failure)),
            (true, status(code(0), Status::Success)),
            (true, status(one(0, NotEnabled), Status::Success)),
            (false, status(one(0, NotApplied), Status::Success)),
            (false, status(one(0, ReportOnlySuccess), Status::Success)),
            (true, with(code(53003), vec![defaults(Failure)])),
            (
                false,
                status(
                    with(code(530_035), vec![defaults(Failure)]),
                    Status::Failure,
                ),
            ),
            (true, one(53003, Failure)),
            (true, one(53000, Failure)),
            (
                false,
                with(code(53003), vec![policy(Failure, &[GrantControl::Block])]),
            ),
            (false, one(530_031, Failure)),
            (
                false,
                with(
                    code(53000),
                    vec![policy(Failure, &[GrantControl::CompliantDevice])],
                ),
            ),
            (false, one(50005, Failure)),
            (false, with(code(70044), vec![frequency])),
            (
                false,
                with(provider, vec![policy(Success, &[GrantControl::Mfa])]),
            ),
            (false, code(50097)),
            (false, status(one(0, Success), Status::Success)),
            (false, status(code(0), Status::NotApplied)),
            (false, status(code(0), Status::Unknown)),
            (false, code(50126)),
            (false, code(0)),
            (false, SignIn::default()),
        ],
    );
}

#[test]
fn a_set_lists_its_aspects_by_name() {
    let mut set = Aspects::default();
    assert!(set.is_empty());
    for aspect in Aspect::ALL.into_iter().rev() {
        assert!(!set.contains(aspect));
        set.insert(aspect);
    }
    assert!(set.iter().eq(Aspect::ALL));
    let mut two = Aspects::default();
    two.insert(Aspect::SingleFactor);
    two.insert(Aspect::CrossTenant);
    assert_eq!(
        serde_json::to_string(&two).unwrap(),
        r#"["cross_tenant","single_factor"]"#
    );
}
