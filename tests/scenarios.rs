//! The scenarios of Microsoft's description of the sign-in diagnostic hold whatever the context.
//!
//! The codes are typed from that description, not taken from the catalog.
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{Outcome, Scenario, classify};
use signin_diagnostics::signin::{
    AppliedPolicy, Category, ConditionalAccessStatus, GrantControl, PolicyResult,
    RequirementPolicy, SignIn,
};

const TABLE: [(Scenario, &[i64]); 5] = [
    (
        Scenario::BlockedByConditionalAccess,
        &[53003, 530_031, 530_032, 530_033],
    ),
    (
        Scenario::FailedConditionalAccess,
        &[
            50097, 53000, 53001, 53002, 70043, 70044, 530_001, 530_002, 530_003, 530_021, 700_003,
        ],
    ),
    (Scenario::MfaProofupRequired, &[50072, 57006]),
    (Scenario::MfaProofupNotFromSecureLocation, &[53004]),
    (Scenario::SuccessfulSignIn, &[0]),
];

/// Events that differ in everything that could tempt a rule to look beyond the code.
fn contexts() -> Vec<SignIn<'static>> {
    let mut policy = AppliedPolicy {
        result: PolicyResult::Failure,
        ..AppliedPolicy::default()
    };
    policy.grant_controls.insert(GrantControl::Mfa);
    vec![
        SignIn::default(),
        SignIn {
            category: Category::ServicePrincipal,
            conditional_access_status: Some(ConditionalAccessStatus::Failure),
            policies: Some(vec![policy]),
            ..SignIn::default()
        },
        SignIn {
            conditional_access_status: Some(ConditionalAccessStatus::Success),
            cross_tenant_access_type: Some("b2bCollaboration".into()),
            client_app_used: Some("IMAP4".into()),
            risk_level: Some("high".into()),
            risk_state: Some("atRisk".into()),
            failure_reason: Some("An IP address with malicious activity.".into()),
            requirement_policies: vec![RequirementPolicy {
                requirement_provider: Some("multiConditionalAccess".into()),
                detail: None,
            }],
            ..SignIn::default()
        },
    ]
}

#[test]
fn the_described_codes_have_the_described_scenarios_in_every_context() {
    let catalog = Catalog::embedded().unwrap();
    for (scenario, codes) in TABLE {
        for code in codes {
            for context in contexts() {
                let sign_in = SignIn {
                    error_code: Some(*code),
                    ..context
                };
                let found = classify(&sign_in, &catalog);
                assert_eq!(found.scenario, scenario, "{code}");
            }
        }
    }
}

#[test]
fn interrupts_and_expiries_among_them_are_neither_failures_nor_blocks() {
    let catalog = Catalog::embedded().unwrap();
    let table = [
        (0, Outcome::Succeeded),
        (50072, Outcome::Interrupted),
        (50097, Outcome::Interrupted),
        (57006, Outcome::Interrupted),
        (70043, Outcome::Expired),
        (70044, Outcome::Expired),
        (53000, Outcome::Failed),
        (53001, Outcome::Failed),
        (53002, Outcome::Failed),
        (530_001, Outcome::Failed),
        (530_002, Outcome::Failed),
        (530_003, Outcome::Failed),
        (530_021, Outcome::Failed),
        (700_003, Outcome::Failed),
        (53003, Outcome::Blocked),
        (53004, Outcome::Blocked),
        (530_031, Outcome::Blocked),
        (530_032, Outcome::Blocked),
        (530_033, Outcome::Blocked),
    ];
    for (code, outcome) in table {
        let sign_in = SignIn {
            error_code: Some(code),
            ..SignIn::default()
        };
        assert_eq!(classify(&sign_in, &catalog).outcome, outcome, "{code}");
    }
}

#[test]
fn a_code_in_no_reference_is_marked_so() {
    let catalog = Catalog::embedded().unwrap();
    assert!(!catalog.code(57006).unwrap().verified);
    assert!(catalog.code(53003).unwrap().verified);
}
