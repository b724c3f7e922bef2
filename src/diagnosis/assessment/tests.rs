//! The values, the rules of the templates over them, and the assessments of whole events.
use super::*;
use crate::diagnosis::catalog::Catalog;
use crate::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, SecondFactorResult, Source, aspects, classify,
};
use crate::signin::{
    AppliedPolicy, AuthenticationStep, Condition, ConditionalAccessStatus, DeviceDetail,
    GrantControl, Item, Limits, NetworkLocation, Personal, Place, PolicyResult, Privacy, Reader,
    RequirementPolicy, Text, Treatment, Treatments,
};

const SOURCE: Source<'static> = Source::File {
    file: "a",
    line: 1,
    position: 0,
};

fn rendered(sign_in: &SignIn<'_>, template: &str) -> String {
    let catalog = Catalog::embedded().unwrap();
    let diagnoser = Diagnoser::new(catalog, DetailRules::default());
    let found = classify(sign_in, diagnoser.catalog());
    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
    let facts = Facts {
        diagnosis: &diagnosis,
        sign_in,
        deciding: Deciding::of(sign_in, &found),
        factor: SecondFactor::of(sign_in),
        snapshot: None,
        meaning: found.code.map(|code| code.meaning.as_str()),
        who: Who::of(&diagnosis, aspects::is_by_user(sign_in)),
        by_user: aspects::is_by_user(sign_in),
    };
    facts.render(&Template::parse(template).unwrap())
}

#[test]
fn who_is_a_name_of_the_event_or_words_for_nobody() {
    let user = |principal: Option<&'static str>, display: Option<&'static str>| SignIn {
        user_principal_name: principal.map(|name| Personal::new(name.into())),
        user_display_name: display.map(|name| Personal::new(name.into())),
        ..SignIn::default()
    };
    let of = |category, name: Option<&'static str>| SignIn {
        category,
        service_principal_name: name.map(Text::from),
        ..SignIn::default()
    };
    let table = [
        (
            user(Some("ines@fabrikam.example"), Some("Ines")),
            "ines@fabrikam.example came.",
        ),
        (user(Some("0b1c-guid"), Some("Ines")), "Ines came."),
        (user(Some("0b1c-guid"), None), "0b1c-guid came."),
        (user(None, Some("a user")), "a user came."),
        (user(None, None), "A user came."),
        (
            of(Category::ServicePrincipal, Some("job")),
            "The service principal \"job\" came.",
        ),
        (
            of(Category::ServicePrincipal, None),
            "A service principal came.",
        ),
        (
            of(Category::ManagedIdentity, Some("vm")),
            "The managed identity \"vm\" came.",
        ),
        (
            of(Category::ManagedIdentity, None),
            "A managed identity came.",
        ),
    ];
    for (sign_in, expected) in table {
        assert_eq!(rendered(&sign_in, "{who} came."), expected);
    }
    assert_eq!(
        rendered(&SignIn::default(), "Here came {who}."),
        "Here came a user."
    );
}

fn policies(count: usize, code: i64) -> SignIn<'static> {
    let policy = |n| {
        let mut policy = AppliedPolicy {
            display_name: Some(format!("P{n}").into()),
            result: PolicyResult::Failure,
            session_controls: vec!["SignInFrequency".into()],
            ..AppliedPolicy::default()
        };
        if n < 2 {
            policy.grant_controls.insert(GrantControl::CompliantDevice);
            policy.grant_controls.insert(GrantControl::Block);
        } else if n < 9 {
            policy.grant_controls.insert(GrantControl::ApprovedApp);
        }
        policy
    };
    SignIn {
        error_code: Some(code),
        policies: Some((0..count).map(policy).collect()),
        ..SignIn::default()
    }
}

#[test]
fn policies_and_controls_are_listed_in_words() {
    let template = "Said[ by {policies}][ for {controls}].";
    let table = [
        (policies(0, 53000), "Said."),
        (policies(1, 53000), "Said by \"P0\" for a compliant device."),
        (
            policies(2, 53000),
            "Said by \"P0\" and \"P1\" for a compliant device.",
        ),
        (
            policies(5, 50005),
            "Said by \"P0\", \"P1\", \"P2\" and 2 more for a compliant device and an approved client app.",
        ),
        (policies(3, 50126), "Said."),
    ];
    for (sign_in, expected) in table {
        assert_eq!(rendered(&sign_in, template), expected);
    }
    let mut session = policies(1, 70044);
    for policy in session.policies.iter_mut().flatten() {
        policy.grant_controls = crate::signin::GrantControls::default();
    }
    assert_eq!(
        rendered(&session, template),
        "Said by \"P0\" for a more recent sign-in."
    );
}

#[test]
fn a_success_names_the_policies_that_were_satisfied() {
    let mut sign_in = policies(3, 0);
    for policy in sign_in.policies.iter_mut().flatten().skip(1) {
        policy.result = PolicyResult::Success;
    }
    assert_eq!(
        rendered(&sign_in, "Done[ with {policies}]."),
        "Done with \"P1\" and \"P2\"."
    );
}

#[test]
fn sources_are_named_each_once_and_not_the_one_that_was_ruled_out() {
    let provider = |name: &'static str, detail: Option<&'static str>| RequirementPolicy {
        requirement_provider: Some(name.into()),
        detail: detail.map(Text::from),
    };
    let mut policy = AppliedPolicy {
        result: PolicyResult::Success,
        ..AppliedPolicy::default()
    };
    policy.grant_controls.insert(GrantControl::Mfa);
    let sign_in = SignIn {
        error_code: Some(50074),
        requirement_policies: vec![provider("user", None), provider("request", None)],
        policies: Some(vec![policy]),
        ..SignIn::default()
    };
    let template = "Asked[ by {sources}].";
    assert_eq!(
        rendered(&sign_in, template),
        "Asked by per-user MFA and the application or resource."
    );
    let unknown = SignIn {
        requirement_policies: vec![provider("brandNew", Some("A new thing"))],
        policies: None,
        ..sign_in
    };
    assert_eq!(rendered(&unknown, template), "Asked by A new thing.");
}

#[test]
fn what_the_event_calls_unknown_is_not_said() {
    let sign_in = SignIn {
        client_app_used: Some("Unknown".into()),
        location: Place {
            city: Some(Personal::new("unknown".into())),
            state: None,
            country_or_region: Some(Personal::new("NO".into())),
        },
        device: DeviceDetail {
            operating_system: Some("Ios 18".into()),
            ..DeviceDetail::default()
        },
        ..SignIn::default()
    };
    assert_eq!(
        rendered(
            &sign_in,
            "Seen[ with {client}][ from {place}][ on {device}]."
        ),
        "Seen from NO on Ios 18."
    );
}

fn person(code: i64) -> SignIn<'static> {
    SignIn {
        error_code: Some(code),
        user_principal_name: Some(Personal::new("ines@fabrikam.example".into())),
        app_display_name: Some("Freight Portal".into()),
        client_app_used: Some("Browser".into()),
        ip_address: Some(Personal::new("203.0.113.44".into())),
        location: Place {
            city: Some(Personal::new("Oslo".into())),
            state: None,
            country_or_region: Some(Personal::new("NO".into())),
        },
        ..SignIn::default()
    }
}

fn policy(
    name: &'static str,
    result: PolicyResult<'static>,
    controls: &[GrantControl],
    not_matched: &[Condition],
) -> AppliedPolicy<'static> {
    let mut policy = AppliedPolicy {
        display_name: Some(name.into()),
        result,
        ..AppliedPolicy::default()
    };
    for control in controls {
        policy.grant_controls.insert(*control);
    }
    for condition in not_matched {
        policy.conditions_not_satisfied.insert(*condition);
    }
    policy
}

fn step(
    method: &'static str,
    succeeded: bool,
    result: &'static str,
    second: bool,
) -> AuthenticationStep<'static> {
    AuthenticationStep {
        method: Some(method.into()),
        succeeded: Some(succeeded),
        result_detail: Some(result.into()),
        requirement: second.then(|| "Multi-factor authentication".into()),
        ..AuthenticationStep::default()
    }
}

fn assessment(sign_in: &SignIn<'_>) -> String {
    let rules = DetailRules::all(Detail::Full);
    let diagnoser = Diagnoser::new(Catalog::embedded().unwrap(), rules);
    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
    diagnosis.assessment.into_owned()
}

#[test]
fn a_success_says_what_was_supplied_and_why_nothing_interrupted() {
    use GrantControl::{Block, CompliantDevice, Mfa};
    use PolicyResult as R;
    let sign_in = SignIn {
        policies: Some(vec![
            policy("Old trial", R::NotEnabled, &[], &[]),
            policy("For finance", R::NotApplied, &[Block], &[Condition::Users]),
            policy(
                "Macs need compliance",
                R::NotApplied,
                &[CompliantDevice],
                &[Condition::DevicePlatform],
            ),
            policy(
                "Block abroad",
                R::NotApplied,
                &[Block],
                &[
                    Condition::Location,
                    Condition::ClientType,
                    Condition::SignInRisk,
                ],
            ),
            policy("MFA for all", R::Success, &[Mfa], &[]),
            policy("Trial: block", R::ReportOnlyFailure, &[Block], &[]),
            policy("Trial: terms", R::ReportOnlyInterrupted, &[], &[]),
            policy("Trial: fine", R::ReportOnlySuccess, &[], &[]),
        ]),
        authentication_steps: vec![
            step("Password", true, "Correct password", false),
            step("Text message", true, "MFA successfully completed", true),
        ],
        ..person(0)
    };
    assert_eq!(
        assessment(&sign_in),
        "The sign-in of ines@fabrikam.example to Freight Portal with the client Browser from \
         Oslo, NO (203.0.113.44) succeeded. It was authenticated with Password and Text \
         message; the second factor was completed. In Conditional Access it satisfied \"MFA for \
         all\". \"Macs need compliance\" did not apply: device platform did not match; \"Block \
         abroad\" did not apply: location, client app and sign-in risk did not match; \"For \
         finance\" did not apply: users did not match; 1 more did not apply. In report-only \
         mode, \"Trial: block\" would have blocked it; \"Trial: terms\" would have asked the \
         user to act."
    );
    assert_eq!(
        assessment(&SignIn {
            error_code: Some(0),
            ..SignIn::default()
        }),
        "The sign-in of a user succeeded. The event does not say how it was authenticated. The \
         event shows no Conditional Access policy that was enforced."
    );
}

#[test]
fn a_success_without_a_second_factor_or_a_policy_says_so() {
    let single = SignIn {
        authentication_requirement: Some("singleFactorAuthentication".into()),
        authentication_steps: vec![step("Password", true, "Correct password", false)],
        policies: Some(vec![
            policy("A", PolicyResult::NotEnabled, &[], &[]),
            policy("B", PolicyResult::NotApplied, &[], &[]),
        ]),
        ..person(0)
    };
    let text = assessment(&single);
    for part in [
        "It was authenticated with Password; the second factor was not asked for, as a single \
         factor was enough.",
        "Not one of the 2 Conditional Access policies in the event was enforced.",
        "\"B\" did not apply; \"A\" is turned off.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let refreshed = SignIn {
        incoming_token_type: Some("refreshToken".into()),
        authentication_steps: vec![step(
            "Previously satisfied",
            true,
            "MFA requirement satisfied by claim in the token",
            false,
        )],
        ..person(0)
    };
    let text = assessment(&refreshed);
    let part = "It was authenticated with a refresh token; the second factor was satisfied by a \
                claim that the sign-in brought along.";
    assert!(text.contains(part), "{text}");
}

#[test]
fn an_application_is_not_spoken_of_as_a_person() {
    let sign_in = SignIn {
        error_code: Some(0),
        category: Category::ServicePrincipal,
        service_principal_name: Some("nightly-export".into()),
        app_display_name: Some("nightly-export".into()),
        resource_display_name: Some("Microsoft Graph".into()),
        client_credential_type: Some("clientSecret".into()),
        ..SignIn::default()
    };
    assert_eq!(
        assessment(&sign_in),
        "The sign-in of the service principal \"nightly-export\" to Microsoft Graph succeeded. \
         It was authenticated with a client secret. The event shows no Conditional Access \
         policy that was enforced."
    );
}

#[test]
fn a_success_that_was_refused_is_no_proof_of_access_whatever_the_client() {
    for (policies, part) in [
        (None, "The event does not name the policy that failed."),
        (
            Some(vec![policy(
                "No old mail",
                PolicyResult::Failure,
                &[GrantControl::Block],
                &[],
            )]),
            "The failure comes from \"No old mail\".",
        ),
    ] {
        let sign_in = SignIn {
            conditional_access_status: Some(ConditionalAccessStatus::Failure),
            policies,
            ..person(0)
        };
        let text = assessment(&sign_in);
        assert!(text.contains(part), "{text}");
        assert!(text.contains("no proof of access"), "{text}");
        assert!(!text.contains("mail client"), "{text}");
        let text = assessment(&SignIn {
            client_app_used: Some("Exchange ActiveSync".into()),
            ..sign_in
        });
        assert!(text.contains(part), "{text}");
        assert!(
            text.contains("Older mail clients, such as Exchange ActiveSync, are logged so"),
            "{text}"
        );
    }
}

#[test]
fn a_challenge_says_who_asked_and_what_became_of_it() {
    let asked = || SignIn {
        policies: Some(vec![policy(
            "MFA for all",
            PolicyResult::Failure,
            &[GrantControl::Mfa],
            &[],
        )]),
        ..person(50074)
    };
    let with = |text: &'static str| SignIn {
        authentication_steps: vec![step("Mobile app notification", false, text, true)],
        ..asked()
    };
    for (sign_in, expected) in [
        (
            asked(),
            "Whether the second factor was completed is not known from this event.",
        ),
        (
            with("MFA denied; user declined the authentication"),
            "The second factor was declined by the user.",
        ),
        (
            with("MFA denied; Fraud code entered"),
            "The second factor was reported as fraud by the user.",
        ),
        (
            with("MFA denied; user did not respond to mobile app notification"),
            "The second factor timed out, because the user did not respond.",
        ),
        (
            with("MFA denied; user entered incorrect code"),
            "The second factor failed (user entered incorrect code).",
        ),
        (
            with("Authentication in progress"),
            "The second factor was still in progress when the event was written.",
        ),
        (
            with("MFA requirement satisfied by claim in the token"),
            "The second factor was satisfied by a claim that the sign-in brought along.",
        ),
        (
            with("MFA requirement skipped due to registered device"),
            "The second factor was skipped due to registered device.",
        ),
    ] {
        let text = assessment(&sign_in);
        assert!(text.ends_with(expected), "{text}");
        assert!(
            text.contains(
                "The requirement comes from \"MFA for all\", which asked for multifactor \
                 authentication."
            ),
            "{text}"
        );
    }
    let other = SignIn {
        requirement_policies: vec![RequirementPolicy {
            requirement_provider: Some("user".into()),
            detail: None,
        }],
        ..person(50076)
    };
    assert!(assessment(&other).contains("The request comes from per-user MFA."));
}

#[test]
fn every_result_of_a_second_factor_has_words() {
    for result in SecondFactorResult::ALL {
        let factor = SecondFactor {
            result: Some(result),
            ..SecondFactor::default()
        };
        assert!(words::of_second_factor(factor).is_some(), "{result}");
    }
}

#[test]
fn a_proof_up_that_is_blocked_says_from_where_it_came() {
    let network = |network_type: &'static str, name: &'static str| NetworkLocation {
        network_type: Some(network_type.into()),
        network_names: vec![Personal::new(name.into())],
    };
    let sign_in = SignIn {
        network_locations: vec![
            network("trustedNamedLocation", "HQ"),
            network("namedNetwork", "Nordics"),
        ],
        risk_level: Some("medium".into()),
        risk_state: Some("atRisk".into()),
        risk_event_types: vec!["unfamiliarFeatures".into()],
        ..person(53004)
    };
    let text = assessment(&sign_in);
    for part in [
        "The sign-in came from Oslo, NO (203.0.113.44), which belongs to the trusted named \
         location \"HQ\" and the named location \"Nordics\".",
        "The risk of the sign-in was medium (unfamiliarFeatures).",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(assessment(&person(53004)).contains("(203.0.113.44); no named location is known"));
}

#[test]
fn a_network_that_is_left_out_for_privacy_is_not_taken_for_unknown() {
    let treatments = Treatments {
        location: Treatment::Drop,
        ..Treatments::default()
    };
    let privacy = Privacy::new(treatments, None);
    let mut reader = Reader::new(Limits::decompressed(1 << 20), privacy);
    let event =
        br#"{"category": "SignInLogs", "properties": {"id": "a", "ipAddress": "203.0.113.44",
        "status": {"errorCode": 53004}, "networkLocationDetails": [
            {"networkType": "trustedNamedLocation", "networkNames": ["HQ"]}]}}"#;
    let mut text = String::new();
    reader.read(event, &mut |item| {
        if let Item::SignIn { sign_in, .. } = item {
            text = assessment(sign_in);
        }
    });
    let part = "203.0.113.44, which belongs to a named location that is left out for privacy.";
    assert!(text.contains(part), "{text}");
}

#[test]
fn a_locked_account_is_told_from_a_malicious_address() {
    for (reason, part) in [
        (
            "You have tried to sign in too many times with a wrong password.",
            "smart lockout holds the account",
        ),
        (
            "Blocked: the request came from an IP address with malicious activity.",
            "because the address is known for malicious activity.",
        ),
        ("Refused.", "stands for three things"),
        (
            "Sign-in was blocked by built-in protections due to high confidence of risk.",
            "because it is risky with high confidence",
        ),
    ] {
        let sign_in = SignIn {
            failure_reason: Some(reason.into()),
            ..person(50053)
        };
        let text = assessment(&sign_in);
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_block_names_its_conditions_and_other_codes_their_own_cause() {
    let mut block = policy(
        "Block abroad",
        PolicyResult::Failure,
        &[GrantControl::Block],
        &[],
    );
    for condition in [
        Condition::Application,
        Condition::Users,
        Condition::Location,
    ] {
        block.conditions_satisfied.insert(condition);
    }
    let of = |code| SignIn {
        policies: Some(vec![block.clone()]),
        ..person(code)
    };
    let text = assessment(&of(53003));
    assert!(
        text.contains(
            "The block comes from \"Block abroad\", which matched on application, users and \
             location."
        ),
        "{text}"
    );
    assert!(!text.contains("so no token was issued"), "{text}");
    for (code, part) in [
        (
            530_031,
            "A classic Conditional Access policy or a policy of ID Protection",
        ),
        (530_032, "the user is at risk in the home tenant"),
        (530_033, "by device code was blocked"),
    ] {
        let text = assessment(&of(code));
        assert!(
            text.contains(part) && text.contains("\"Block abroad\""),
            "{text}"
        );
    }
}

#[test]
fn a_block_without_a_policy_that_blocks_claims_no_more_than_the_list() {
    let device = || {
        policy(
            "Managed devices",
            PolicyResult::Failure,
            &[GrantControl::CompliantDevice],
            &[],
        )
    };
    let of = |code| {
        assessment(&SignIn {
            policies: Some(vec![device()]),
            ..person(code)
        })
    };
    for (code, part) in [
        (
            53003,
            "The event lists no policy that blocks, so its list may be incomplete; \
             \"Managed devices\" failed and asked for a compliant device.",
        ),
        (
            530_033,
            "The requirement comes from \"Managed devices\", which asked for a compliant device; \
             a device code",
        ),
    ] {
        let text = of(code);
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_device_is_identified_by_its_id_or_its_name() {
    let of = |id: Option<&'static str>, name: Option<&'static str>, system| {
        assessment(&SignIn {
            device: DeviceDetail {
                id: id.map(|id| Personal::new(id.into())),
                display_name: name.map(|name| Personal::new(name.into())),
                operating_system: Some(Text::from(system)),
                ..DeviceDetail::default()
            },
            ..person(53000)
        })
    };
    for (id, name, system, said) in [
        (
            None,
            None,
            "Windows 11",
            "does not identify the device (Windows 11).",
        ),
        (
            Some(""),
            Some(" "),
            "Windows 11",
            "does not identify the device (Windows 11).",
        ),
        (
            Some("d"),
            None,
            "Windows 11",
            "the state of the device (Windows 11).",
        ),
        (
            None,
            Some("LT-7"),
            "Windows 11",
            "the state of the device (LT-7).",
        ),
        (None, None, "", "the state of the device."),
    ] {
        let text = of(id, name, system);
        assert!(text.ends_with(said), "{id:?} {name:?}: {text}");
    }
}

#[test]
fn a_success_with_a_failed_policy_does_not_say_that_none_was_enforced() {
    let failed = policy(
        "Managed devices",
        PolicyResult::Failure,
        &[GrantControl::CompliantDevice],
        &[],
    );
    let satisfied = policy("MFA", PolicyResult::Success, &[GrantControl::Mfa], &[]);
    let of = |policies| {
        assessment(&SignIn {
            conditional_access_status: Some(ConditionalAccessStatus::Success),
            policies: Some(policies),
            ..person(0)
        })
    };
    let text = of(vec![failed.clone()]);
    assert!(
        text.contains("The event lists \"Managed devices\" as failed, although the sign-in"),
        "{text}"
    );
    assert!(!text.contains("no Conditional Access policy that was enforced"));
    let text = of(vec![failed, satisfied]);
    assert!(
        text.contains("satisfied \"MFA\", and the event lists \"Managed devices\" as failed."),
        "{text}"
    );
}

#[test]
fn several_controls_of_a_policy_are_not_said_to_be_all_needed() {
    let of = |names: &[&'static str], controls: &[&[GrantControl]]| {
        let policies = names.iter().zip(controls);
        let policies =
            policies.map(|(name, controls)| policy(name, PolicyResult::Failure, controls, &[]));
        let sign_in = SignIn {
            policies: Some(policies.collect()),
            ..person(50005)
        };
        rendered(&sign_in, "Asked[ for {controls}].")
    };
    let two: &[GrantControl] = &[GrantControl::Mfa, GrantControl::CompliantDevice];
    assert_eq!(
        of(&["a"], &[two]),
        "Asked for multifactor authentication and/or a compliant device."
    );
    assert_eq!(
        of(&["a", "b", "c"], &[two, &[GrantControl::ApprovedApp], two]),
        "Asked for multifactor authentication and/or a compliant device, and for an approved \
         client app."
    );
}

#[test]
fn what_senders_write_for_nothing_never_shows() {
    for nothing in [
        "null",
        "N/A",
        "undefined",
        "None",
        "-",
        "unknown",
        " ",
        "\u{7}",
    ] {
        let personal = || Some(Personal::new(nothing.into()));
        for code in [0, 53003, 53000, 53004, 50074, 50053, 1_234_567] {
            let sign_in = SignIn {
                error_code: Some(code),
                user_principal_name: personal(),
                user_display_name: personal(),
                app_display_name: Some(nothing.into()),
                client_app_used: Some(nothing.into()),
                failure_reason: Some(nothing.into()),
                ip_address: Some(Personal::new(nothing.into())),
                location: Place {
                    city: Some(Personal::new(nothing.into())),
                    state: None,
                    country_or_region: Some(Personal::new(nothing.into())),
                },
                network_locations: vec![NetworkLocation {
                    network_type: Some(nothing.into()),
                    network_names: vec![Personal::new(nothing.into())],
                }],
                policies: Some(vec![AppliedPolicy {
                    display_name: Some(nothing.into()),
                    id: Some("p-1".into()),
                    result: PolicyResult::Failure,
                    ..AppliedPolicy::default()
                }]),
                ..SignIn::default()
            };
            let text = assessment(&sign_in);
            assert!(text.contains("a user"), "{text}");
            for part in [nothing, "\"\""].map(str::trim) {
                let word = format!(" {part} ");
                assert!(part.is_empty() || !text.contains(&word), "{part:?}: {text}");
            }
        }
    }
    let lines = SignIn {
        app_display_name: Some("Freight\r\nPortal".into()),
        ..person(0)
    };
    assert!(assessment(&lines).contains(" to Freight Portal "));
}
