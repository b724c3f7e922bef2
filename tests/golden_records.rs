//! Whole records, compared with `tests/golden/`. Review a difference before it is accepted:
//! `BLESS_GOLDEN=1 cargo test --test golden_records` writes the files anew.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

use std::path::Path;

use chrono::{DateTime, Utc};
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, DetailRules, Diagnoser, Provenance, Record, Source, Time, Versions, write_diagnosis,
    write_provenance,
};
use signin_diagnostics::signin::{
    AppliedPolicy, AuthenticationStep, Category, ConditionalAccessStatus, Conditions, DeviceDetail,
    GrantControl, NetworkLocation, Personal, Place, PolicyResult, Privacy, RequirementPolicy,
    RuleSatisfied, Shape, SignIn,
};

const SOURCE: Source<'static> = Source::Kafka {
    topic: "entra-sign-ins",
    partition: 2,
    offset: 90_817,
    position: 4,
};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn diagnoser() -> Diagnoser {
    let catalog = Catalog::embedded().unwrap();
    Diagnoser::new(catalog, Privacy, DetailRules::default())
}

fn provenance() -> Provenance<'static> {
    Provenance {
        policy_page: false,
        source: SOURCE,
        diagnosed_at: Time::new(time("2026-03-02T08:16:40.250Z")),
        versions: Versions {
            service: "1.2.3",
            catalog: "2026-01-01",
            snapshot: None,
        },
    }
}

/// The record as it is written, and as the type behind the JSON Schema gives it.
fn golden(name: &str, sign_in: &SignIn<'_>) {
    let diagnoser = diagnoser();
    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT);
    let provenance = provenance();
    let mut wire = Vec::new();
    write_diagnosis(&diagnosis, &mut wire);
    write_provenance(&provenance, &mut wire);
    let wire = String::from_utf8(wire).unwrap();
    let record = Record {
        diagnosis,
        provenance,
    };
    assert_eq!(wire, serde_json::to_string(&record).unwrap(), "{name}");

    let actual = serde_json::to_string_pretty(&record).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"));
    if std::env::var_os("BLESS_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{name} differs from {}:\n{actual}",
        path.display()
    );
}

fn policy(
    id: &'static str,
    name: &'static str,
    result: PolicyResult<'static>,
    controls: &[GrantControl],
    conditions: (u64, u64),
) -> AppliedPolicy<'static> {
    let bits = |bits| Conditions {
        bits,
        other: Vec::new(),
    };
    let mut policy = AppliedPolicy {
        id: Some(id.into()),
        display_name: Some(name.into()),
        result,
        conditions_satisfied: bits(conditions.0),
        conditions_not_satisfied: bits(conditions.1),
        ..AppliedPolicy::default()
    };
    for control in controls {
        policy.grant_controls.insert(*control);
    }
    policy
}

fn step(
    at: &str,
    method: &'static str,
    succeeded: bool,
    result: &'static str,
    requirement: &'static str,
) -> AuthenticationStep<'static> {
    AuthenticationStep {
        time: Some(time(at)),
        method: Some(method.into()),
        method_detail: None,
        succeeded: Some(succeeded),
        result_detail: Some(result.into()),
        requirement: Some(requirement.into()),
    }
}

/// A person in a browser, as interactive sign-ins are streamed.
fn person(code: i64) -> SignIn<'static> {
    SignIn {
        id: Some("6F1D2A9C-0000-4000-8000-00000000A100".into()),
        original_request_id: Some("6f1d2a9c-0000-4000-8000-00000000a100".into()),
        correlation_id: Some("c0ffee00-0000-4000-8000-000000000001".into()),
        tenant_id: Some("11111111-aaaa-4000-8000-000000000001".into()),
        home_tenant_id: Some("11111111-aaaa-4000-8000-000000000001".into()),
        resource_tenant_id: Some("11111111-aaaa-4000-8000-000000000001".into()),
        cross_tenant_access_type: Some("none".into()),
        event_time: Some(time("2026-03-02T08:14:55.1234567Z")),
        error_code: Some(code),
        user_id: Some(Personal::new("22222222-bbbb-4000-8000-00000000000a".into())),
        user_principal_name: Some(Personal::new("nadia.okafor@fabrikam.example".into())),
        user_display_name: Some(Personal::new("Nadia Okafor".into())),
        user_type: Some("Member".into()),
        app_id: Some("33333333-cccc-4000-8000-00000000000b".into()),
        app_display_name: Some("Freight Portal".into()),
        resource_id: Some("00000003-0000-0000-c000-000000000000".into()),
        resource_display_name: Some("Microsoft Graph".into()),
        client_app_used: Some("Browser".into()),
        user_agent: Some(Personal::new(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64)".into(),
        )),
        ip_address: Some(Personal::new("203.0.113.44".into())),
        is_interactive: Some(true),
        authentication_protocol: Some("oAuth2".into()),
        device: DeviceDetail {
            operating_system: Some("Windows 11".into()),
            browser: Some("Edge 131".into()),
            ..DeviceDetail::default()
        },
        location: Place {
            city: Some(Personal::new("Tromsø".into())),
            state: Some(Personal::new("Troms".into())),
            country_or_region: Some(Personal::new("NO".into())),
        },
        risk_level: Some("none".into()),
        risk_state: Some("none".into()),
        ..SignIn::default()
    }
}

#[test]
fn a_block_names_the_policy_that_blocked() {
    let mut block = policy(
        "p-block",
        "Block outside the depots",
        PolicyResult::Failure,
        &[GrantControl::Block],
        (1 | 2 | 8, 0),
    );
    block.include_rules = vec![RuleSatisfied {
        condition: Some("location".into()),
        rule: Some("allLocations".into()),
    }];
    golden(
        "blocked_by_conditional_access",
        &SignIn {
            failure_reason: Some("Access is refused by the policies of the tenant.".into()),
            conditional_access_status: Some(ConditionalAccessStatus::Failure),
            network_locations: vec![NetworkLocation {
                network_type: Some("namedNetwork".into()),
                network_names: vec!["Northern countries".into()],
            }],
            policies: Some(vec![
                policy("p-old", "Old trial", PolicyResult::NotEnabled, &[], (0, 0)),
                policy(
                    "p-mac",
                    "Macs need compliance",
                    PolicyResult::NotApplied,
                    &[GrantControl::CompliantDevice],
                    (3, 4),
                ),
                policy(
                    "p-mfa",
                    "MFA for all",
                    PolicyResult::Success,
                    &[GrantControl::Mfa],
                    (3, 0),
                ),
                block,
                policy(
                    "p-trial",
                    "Trial: block risky",
                    PolicyResult::ReportOnlyFailure,
                    &[GrantControl::Block],
                    (3 | 32, 0),
                ),
            ]),
            ..person(53003)
        },
    );
}

#[test]
fn a_device_that_is_not_compliant_fails() {
    let mut sign_in = SignIn {
        failure_reason: Some("The device does not meet the policy.".into()),
        conditional_access_status: Some(ConditionalAccessStatus::Failure),
        policies: Some(vec![policy(
            "p-device",
            "Managed devices only",
            PolicyResult::Failure,
            &[
                GrantControl::CompliantDevice,
                GrantControl::DomainJoinedDevice,
            ],
            (3, 0),
        )]),
        ..person(53000)
    };
    sign_in.device.id = Some(Personal::new("44444444-dddd-4000-8000-00000000000c".into()));
    sign_in.device.display_name = Some(Personal::new("FAB-LT-0417".into()));
    sign_in.device.is_compliant = Some(false);
    sign_in.device.is_managed = Some(true);
    sign_in.device.trust_type = Some("Azure AD joined".into());
    golden("failed_conditional_access", &sign_in);
}

#[test]
fn a_session_that_is_too_old_has_expired() {
    let mut frequency = policy(
        "p-freq",
        "Sign in daily",
        PolicyResult::Failure,
        &[],
        (3, 0),
    );
    frequency.session_controls = vec!["SignInFrequency".into()];
    golden(
        "failed_conditional_access_expired",
        &SignIn {
            category: Category::NonInteractive,
            is_interactive: Some(false),
            incoming_token_type: Some("refreshToken".into()),
            conditional_access_status: Some(ConditionalAccessStatus::Failure),
            policies: Some(vec![frequency]),
            ..person(70044)
        },
    );
}

#[test]
fn mfa_from_conditional_access_says_which_rule_told() {
    golden(
        "mfa_from_conditional_access",
        &SignIn {
            authentication_requirement: Some("multiFactorAuthentication".into()),
            conditional_access_status: Some(ConditionalAccessStatus::Failure),
            policies: Some(vec![policy(
                "p-mfa",
                "MFA for all",
                PolicyResult::Failure,
                &[GrantControl::Mfa],
                (3, 0),
            )]),
            authentication_steps: vec![step(
                "2026-03-02T08:14:50Z",
                "Password",
                true,
                "Correct password",
                "Primary authentication",
            )],
            ..person(50076)
        },
    );
}

#[test]
fn mfa_from_other_requirements_names_its_sources() {
    let provider = |name: &'static str, detail: &'static str| RequirementPolicy {
        requirement_provider: Some(name.into()),
        detail: Some(detail.into()),
    };
    golden(
        "mfa_from_other_requirements",
        &SignIn {
            authentication_requirement: Some("multiFactorAuthentication".into()),
            conditional_access_status: Some(ConditionalAccessStatus::NotApplied),
            policies: Some(Vec::new()),
            requirement_policies: vec![
                provider("user", "Per-user MFA"),
                provider("riskBasedPolicy", "Risk"),
            ],
            authentication_steps: vec![
                step(
                    "2026-03-02T08:14:50Z",
                    "Password",
                    true,
                    "Correct password",
                    "Primary authentication",
                ),
                step(
                    "2026-03-02T08:14:54Z",
                    "Mobile app notification",
                    false,
                    "MFA denied; user declined the authentication",
                    "Multi-factor authentication",
                ),
            ],
            ..person(500_121)
        },
    );
}

#[test]
fn a_user_without_a_method_has_to_set_one_up() {
    golden("mfa_proofup_required", &person(50072));
}

#[test]
fn setting_up_a_method_from_a_risky_place_is_blocked() {
    golden(
        "mfa_proofup_not_from_secure_location",
        &SignIn {
            risk_level: Some("medium".into()),
            risk_level_aggregated: Some("medium".into()),
            risk_state: Some("atRisk".into()),
            risk_event_types: vec!["unfamiliarFeatures".into()],
            ..person(53004)
        },
    );
}

#[test]
fn a_success_says_why_nothing_interrupted() {
    golden(
        "successful_sign_in",
        &SignIn {
            failure_reason: Some("Other.".into()),
            authentication_requirement: Some("singleFactorAuthentication".into()),
            conditional_access_status: Some(ConditionalAccessStatus::NotApplied),
            policies: Some(vec![
                policy("p-old", "Old trial", PolicyResult::NotEnabled, &[], (0, 0)),
                policy(
                    "p-mfa",
                    "MFA outside the depots",
                    PolicyResult::NotApplied,
                    &[GrantControl::Mfa],
                    (3, 8 | 16),
                ),
                policy(
                    "p-trial",
                    "Trial: terms",
                    PolicyResult::ReportOnlyInterrupted,
                    &[],
                    (3, 0),
                ),
            ]),
            authentication_steps: vec![step(
                "2026-03-02T08:14:50Z",
                "Password",
                true,
                "Correct password",
                "Primary authentication",
            )],
            ..person(0)
        },
    );
}

#[test]
fn an_unknown_code_shows_microsofts_reason() {
    golden(
        "unknown_error_code",
        &SignIn {
            shape: Shape::Graph,
            category: Category::ServicePrincipal,
            id: Some("6f1d2a9c-0000-4000-8000-00000000a200".into()),
            tenant_id: Some("11111111-aaaa-4000-8000-000000000001".into()),
            error_code: Some(987_654),
            failure_reason: Some("Something new went wrong.".into()),
            service_principal_id: Some("55555555-eeee-4000-8000-00000000000d".into()),
            service_principal_name: Some("nightly-export".into()),
            resource_display_name: Some("Microsoft Graph".into()),
            ip_address: Some(Personal::new("198.51.100.9".into())),
            ..SignIn::default()
        },
    );
}

#[test]
fn an_empty_event_is_undetermined_and_nothing_is_invented() {
    golden("undetermined", &SignIn::default());
}
