use super::*;
use crate::diagnosis::catalog::Catalog;
use crate::diagnosis::classify;
use crate::diagnosis::record::{ControlRow, ControlState};
use crate::policies::{Limits, Source};
use crate::signin::{
    self, AuthenticationStep, DeviceDetail, GrantControl, NetworkLocation, Personal, Place,
    PolicyResult, RuleSatisfied, SignIn,
};
use ControlState::{Enforced, Met, NotKnown, NotMet};

fn values<'a>(sign_in: &'a SignIn<'a>) -> Values<'a> {
    Values {
        sign_in,
        bounds: Bounds {
            text_bytes: 64,
            ..Bounds::DEFAULT
        },
    }
}

fn full() -> SignIn<'static> {
    SignIn {
        user_principal_name: Some(Personal::new("ines@fabrikam.example".into())),
        user_type: Some("Guest".into()),
        service_principal_name: Some("nightly job".into()),
        app_display_name: Some("Ledger".into()),
        resource_id: Some("0003".into()),
        client_app_used: Some("IMAP4".into()),
        ip_address: Some(Personal::new("203.0.113.9".into())),
        original_transfer_method: Some("deviceCodeFlow".into()),
        event_time: "2026-03-02T08:14:55Z".parse().ok(),
        risk_level: Some("high".into()),
        device: DeviceDetail {
            operating_system: Some("MacOs".into()),
            is_compliant: Some(false),
            trust_type: Some("Azure AD registered".into()),
            ..DeviceDetail::default()
        },
        location: Place {
            city: Some(Personal::new("Oslo".into())),
            state: Some(Personal::new("unknown".into())),
            country_or_region: Some(Personal::new("NO".into())),
        },
        network_locations: vec![
            NetworkLocation {
                network_type: Some("trustedNamedLocation".into()),
                network_names: vec![
                    Personal::new("Depot".into()),
                    Personal::new("Harbour".into()),
                ],
            },
            NetworkLocation {
                network_type: Some("namedNetwork".into()),
                network_names: vec![Personal::new("North".into())],
            },
        ],
        ..SignIn::default()
    }
}

#[test]
fn each_condition_has_the_value_of_the_sign_in() {
    let sign_in = full();
    let place = "Oslo, NO, 203.0.113.9, trusted named location Depot, \
                 trusted named location Harbour, named location North";
    for (condition, expected) in [
        (Condition::Application, "Ledger, resource 0003"),
        (Condition::Users, "ines@fabrikam.example, Guest"),
        (Condition::DevicePlatform, "MacOs"),
        (Condition::Location, place),
        (Condition::ClientType, "IMAP4"),
        (Condition::Client, "IMAP4"),
        (Condition::SignInRisk, "high"),
        (Condition::UserRisk, NOT_KNOWN),
        (Condition::Time, "2026-03-02T08:14:55Z"),
        (Condition::DeviceState, "not compliant, Azure AD registered"),
        (Condition::IpAddressSeenByAzureAd, "203.0.113.9"),
        (Condition::IpAddressSeenByResourceProvider, NOT_KNOWN),
        (Condition::ServicePrincipals, "nightly job"),
        (Condition::ServicePrincipalRisk, NOT_KNOWN),
        (Condition::AuthenticationFlows, "deviceCodeFlow"),
        (Condition::InsiderRisk, NOT_KNOWN),
    ] {
        let value = values(&sign_in).of(Some(condition)).to_string();
        assert_eq!(value, expected, "{condition:?}");
    }
}

#[test]
fn what_the_event_does_not_say_is_not_known() {
    let sign_in = SignIn {
        client_app_used: Some("Unknown".into()),
        user_type: Some("Member".into()),
        ..SignIn::default()
    };
    for (condition, _, _) in Condition::ALL {
        let value = values(&sign_in).of(Some(condition)).to_string();
        assert_eq!(value, NOT_KNOWN, "{condition:?}");
    }
}

#[test]
fn a_long_value_is_cut() {
    let sign_in = SignIn {
        client_app_used: Some("é".repeat(100).into()),
        ..SignIn::default()
    };
    let value = values(&sign_in).of(Some(Condition::Client)).to_string();
    assert_eq!(value, "é".repeat(32));
}

#[test]
fn conditions_show_the_rule_that_matched_and_keep_what_has_no_name() {
    let rule = |condition: &'static str, rule: &'static str| RuleSatisfied {
        condition: Some(condition.into()),
        rule: Some(rule.into()),
    };
    let mut policy = failed(&[GrantControl::Block]);
    policy.conditions_satisfied.bits = 2 | 8 | 0x1000;
    policy.include_rules = vec![
        rule("Location", "allLocations"),
        rule("location", "namedLocation"),
        rule("application", "allApps"),
    ];
    let sign_in = full();
    let list = ConditionList {
        bits: policy.conditions_satisfied.bits,
        ..ConditionList::default()
    };
    let rows: Vec<_> = list
        .iter()
        .map(|name| condition_row(name, &policy, values(&sign_in), None))
        .map(|row| (row.condition, row.configured))
        .collect();
    assert_eq!(
        rows,
        [
            ("users".into(), None),
            (
                "location".into(),
                Some("Any network or location, namedLocation".into())
            ),
            ("unknown(0x1000)".into(), None),
        ]
    );
}

#[test]
fn places_that_are_left_out_are_counted() {
    let treatments = signin::Treatments {
        location: signin::Treatment::Drop,
        ..signin::Treatments::default()
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policies");
    let source = Source {
        folder: folder.into(),
        tenant_id: None,
        limits: Limits::default(),
        privacy: signin::Privacy::new(treatments, None),
    };
    let snapshot = source.load().unwrap();
    let policies = snapshot.policies().iter();
    let sign_in = full();
    let said: Vec<_> = policies
        .filter_map(|policy| {
            Configuration::new(policy, &sign_in).condition(Some(Condition::Location))
        })
        .collect();
    assert!(
        said.iter()
            .any(|text| text == "A named location (4 of them)"),
        "{said:?}"
    );
}

fn failed(controls: &[GrantControl]) -> AppliedPolicy<'static> {
    let mut policy = AppliedPolicy {
        result: PolicyResult::Failure,
        ..AppliedPolicy::default()
    };
    for control in controls {
        policy.grant_controls.insert(*control);
    }
    policy
}

fn evidence<'a>(sign_in: &'a SignIn<'a>) -> Evidence<'a> {
    let catalog = Catalog::embedded().unwrap();
    Evidence::new(values(sign_in), &classify(sign_in, &catalog))
}

fn rows(rows: &[ControlRow<'_>]) -> Vec<(String, ControlState, String)> {
    rows.iter()
        .map(|row| {
            let evidence = row.evidence.as_deref().unwrap_or_default();
            (row.control.to_string(), row.state, evidence.to_owned())
        })
        .collect()
}

fn device(compliant: Option<bool>, trust_type: Option<&'static str>) -> DeviceDetail<'static> {
    DeviceDetail {
        is_compliant: compliant,
        trust_type: trust_type.map(Text::from),
        ..DeviceDetail::default()
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn each_access_control_is_met_or_not_by_what_the_event_shows() {
    use GrantControl::{
        ApprovedApp, Block, CompliantApp, CompliantDevice, DomainJoinedDevice, Mfa, PasswordChange,
    };
    let none = || device(None, None);
    let only = "the policy failed and asks for nothing else";
    let table = [
        (53003, none(), vec![Block], vec![(Enforced, "")]),
        (
            53000,
            none(),
            vec![CompliantDevice],
            vec![(NotMet, "code 53000: the device is not compliant")],
        ),
        (
            53000,
            device(Some(true), None),
            vec![CompliantDevice, Mfa],
            vec![
                (NotKnown, ""),
                (
                    NotMet,
                    "code 53000: the device is not compliant; the event reports it as compliant",
                ),
            ],
        ),
        (
            53001,
            device(Some(true), Some("Azure AD joined")),
            vec![CompliantDevice, DomainJoinedDevice],
            vec![
                (Met, "the event reports the device as compliant"),
                (NotMet, "code 53001: the device is not hybrid joined"),
            ],
        ),
        (
            53000,
            device(None, Some("hybrid azure ad joined")),
            vec![DomainJoinedDevice, ApprovedApp],
            vec![
                (Met, "the device is \"hybrid azure ad joined\""),
                (NotKnown, ""),
            ],
        ),
        (
            50097,
            none(),
            vec![CompliantDevice, DomainJoinedDevice],
            vec![
                (
                    NotKnown,
                    "code 50097: the device was asked to identify itself",
                ),
                (
                    NotKnown,
                    "code 50097: the device was asked to identify itself",
                ),
            ],
        ),
        (
            50097,
            device(Some(false), None),
            vec![CompliantDevice],
            vec![(
                NotKnown,
                "code 50097: the device was asked to identify itself",
            )],
        ),
        (
            50097,
            device(None, Some("Azure AD registered")),
            vec![DomainJoinedDevice],
            vec![(
                NotKnown,
                "code 50097: the device was asked to identify itself",
            )],
        ),
        (50097, none(), vec![ApprovedApp], vec![(NotKnown, "")]),
        (
            50005,
            device(Some(false), None),
            vec![CompliantDevice],
            vec![(NotMet, "the event reports the device as not compliant")],
        ),
        (
            53002,
            none(),
            vec![ApprovedApp, CompliantApp],
            vec![
                (NotMet, "code 53002: the app is not an approved one"),
                (NotKnown, ""),
            ],
        ),
        (
            53009,
            none(),
            vec![ApprovedApp, CompliantApp],
            vec![
                (NotKnown, ""),
                (NotMet, "code 53009: no app protection policy is in force"),
            ],
        ),
        (
            700_003,
            none(),
            vec![CompliantDevice],
            vec![(NotMet, "code 700003: the device is not in the directory")],
        ),
        (
            50142,
            none(),
            vec![PasswordChange],
            vec![(NotMet, "code 50142: asked for")],
        ),
        (53002, none(), vec![PasswordChange], vec![(NotMet, only)]),
        (
            50076,
            none(),
            vec![Mfa],
            vec![(NotKnown, "code 50076: asked for")],
        ),
    ];
    for (code, device, controls, expected) in table {
        let sign_in = SignIn {
            error_code: Some(code),
            device,
            ..SignIn::default()
        };
        let policy = failed(&controls);
        let found = rows(&evidence(&sign_in).access_controls(&policy, None));
        let found: Vec<_> = found
            .iter()
            .map(|(_, state, evidence)| (*state, evidence.as_str()))
            .collect();
        assert_eq!(found, expected, "{code} {controls:?}");
    }
}

#[test]
fn the_second_factor_meets_the_control_or_its_refusal_does_not() {
    let with = |result: &'static str, succeeded| SignIn {
        error_code: Some(0),
        authentication_steps: vec![AuthenticationStep {
            method: Some("Mobile app notification".into()),
            succeeded: Some(succeeded),
            result_detail: Some(result.into()),
            ..AuthenticationStep::default()
        }],
        ..SignIn::default()
    };
    let done = || with("MFA completed in Azure AD", true);
    let claim = || with("MFA requirement satisfied by claim in the token", true);
    let declined = || with("MFA denied; user declined the authentication", false);
    let silent = || with("MFA denied; phone call went to voicemail", false);
    let wrong = || with("MFA denied; user entered incorrect code", false);
    let waived = || with("MFA requirement skipped due to remembered device", true);
    let open = || with("Authentication in progress", false);
    let claim_then_declined = || {
        let mut sign_in = claim();
        sign_in
            .authentication_steps
            .extend(declined().authentication_steps);
        sign_in
    };
    let none = SignIn::default;
    let (success, failure) = (PolicyResult::Success, PolicyResult::Failure);
    let table = vec![
        (0, done(), &success, Met, "performed in this sign-in"),
        (
            0,
            claim(),
            &success,
            Met,
            "satisfied by a claim in the token",
        ),
        (0, declined(), &success, NotMet, "the user declined"),
        (
            0,
            claim_then_declined(),
            &success,
            NotMet,
            "the user declined",
        ),
        (0, silent(), &success, NotMet, "the user did not respond"),
        (0, wrong(), &success, NotMet, "user entered incorrect code"),
        (0, waived(), &success, Met, "the policy was satisfied"),
        (0, none(), &success, Met, "the policy was satisfied"),
        (50074, done(), &failure, Met, "performed in this sign-in"),
        (50074, open(), &failure, NotKnown, "still in progress"),
        (50074, none(), &failure, NotKnown, "code 50074: asked for"),
        (50076, claim(), &failure, NotKnown, "code 50076: asked for"),
        (
            50076,
            declined(),
            &failure,
            NotMet,
            "code 50076: asked for; the user declined",
        ),
        (
            50078,
            none(),
            &failure,
            NotMet,
            "code 50078: the last one is too old",
        ),
        (
            500_121,
            done(),
            &failure,
            NotMet,
            "code 500121: not completed",
        ),
        (
            500_121,
            silent(),
            &failure,
            NotMet,
            "code 500121: not completed; the user did not respond",
        ),
    ];
    for (code, mut sign_in, result, state, why) in table {
        sign_in.error_code = Some(code);
        let mut policy = failed(&[GrantControl::Mfa]);
        policy.result = result.clone();
        let found = rows(&evidence(&sign_in).access_controls(&policy, None));
        assert_eq!(
            found,
            [("Mfa".to_owned(), state, why.to_owned())],
            "{code} {sign_in:?}"
        );
    }
}

#[test]
fn controls_of_other_names_and_strengths_are_shown_as_they_are() {
    let sign_in = SignIn {
        error_code: Some(50158),
        ..SignIn::default()
    };
    let mut policy = failed(&[]);
    policy.grant_controls.other = vec!["Visitor terms".into()];
    policy.authentication_strength = Some("Phishing-resistant MFA".into());
    let evidence = evidence(&sign_in);
    let found = rows(&evidence.access_controls(&policy, None));
    assert_eq!(
        found,
        [
            ("Visitor terms".to_owned(), NotKnown, String::new()),
            ("Phishing-resistant MFA".to_owned(), NotKnown, String::new()),
        ]
    );
}

#[test]
fn session_controls_are_shown_where_they_had_a_part() {
    let mut policy = failed(&[GrantControl::CompliantDevice]);
    policy.session_controls = vec!["SignInFrequency".into(), "CloudAppSecurity".into()];
    let frequency = "the sign-in is older than the policy allows";
    let table = [
        (53000, vec![], vec![]),
        (
            70044,
            vec![],
            vec![
                (
                    "SignInFrequency",
                    NotMet,
                    format!("code 70044: {frequency}"),
                ),
                ("CloudAppSecurity", Enforced, String::new()),
            ],
        ),
        (
            70043,
            vec!["signinfrequency"],
            vec![
                (
                    "signinfrequency",
                    NotMet,
                    format!("code 70043: {frequency}"),
                ),
                ("CloudAppSecurity", Enforced, String::new()),
            ],
        ),
        (
            53003,
            vec!["SignInTokenProtection"],
            vec![
                (
                    "SignInTokenProtection",
                    NotMet,
                    "the event lists it as not satisfied".to_owned(),
                ),
                ("SignInFrequency", NotKnown, String::new()),
                ("CloudAppSecurity", Enforced, String::new()),
            ],
        ),
    ];
    for (code, unmet, expected) in table {
        let sign_in = SignIn {
            error_code: Some(code),
            ..SignIn::default()
        };
        policy.session_controls_not_satisfied = unmet.into_iter().map(Text::from).collect();
        let found = rows(&evidence(&sign_in).session_controls(&policy, None));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, state, why)| (name.to_owned(), state, why))
            .collect();
        assert_eq!(found, expected, "{code}");
    }
}

#[test]
fn an_expired_session_has_no_access_controls() {
    let sign_in = SignIn {
        error_code: Some(70044),
        ..SignIn::default()
    };
    let mut policy = failed(&[GrantControl::Mfa]);
    for result in [PolicyResult::Failure, PolicyResult::Success] {
        policy.result = result;
        assert_eq!(evidence(&sign_in).access_controls(&policy, None).len(), 0);
    }
}

#[test]
fn a_policy_that_failed_on_its_session_tells_nothing_of_its_access_controls() {
    let sign_in = SignIn {
        error_code: Some(53003),
        ..SignIn::default()
    };
    let mut policy = failed(&[GrantControl::ApprovedApp]);
    policy.session_controls_not_satisfied = vec!["SignInTokenProtection".into()];
    let found = rows(&evidence(&sign_in).access_controls(&policy, None));
    assert_eq!(
        found,
        [("RequireApprovedApp".to_owned(), NotKnown, String::new())]
    );
}
