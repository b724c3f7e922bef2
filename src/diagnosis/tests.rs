//! The record as a whole: what it carries, what it leaves out, and its bounds.
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::signin::{
    AppliedPolicy, AuthenticationStep, Category, ConditionalAccessStatus, Conditions, DeviceDetail,
    GrantControl, NetworkLocation, Personal, Place, PolicyResult, RequirementPolicy, RuleSatisfied,
    SessionLifetimePolicy, Text,
};

const SOURCE: Source<'static> = Source::Kafka {
    topic: "sign-ins",
    partition: 0,
    offset: 12,
    position: 1,
};

fn diagnoser(rules: DetailRules) -> Diagnoser {
    Diagnoser::new(Catalog::embedded().unwrap(), rules)
}

fn full() -> Diagnoser {
    diagnoser(DetailRules::all(Detail::Full))
}

fn provenance() -> Provenance<'static> {
    Provenance {
        policy_page: false,
        source: SOURCE,
        diagnosed_at: Time::new(chrono::DateTime::UNIX_EPOCH),
        versions: Versions {
            service: "0",
            catalog: "1",
            snapshot: None,
        },
    }
}

fn written(diagnosis: &Diagnosis<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_diagnosis(diagnosis, &mut out);
    write_provenance(&provenance(), &mut out);
    out
}

fn value(diagnosis: &Diagnosis<'_>) -> Value {
    serde_json::from_slice(&written(diagnosis)).unwrap()
}

fn has_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty),
        Value::Object(fields) => fields.is_empty() || fields.values().any(has_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An event that fills every field, every text `text` and every list `entries` long.
#[allow(clippy::too_many_lines)] // a line a field
fn filled(text: &str, entries: usize) -> SignIn<'_> {
    let some = || Some(Text::from(text));
    let list = || vec![Text::from(text); entries];
    let conditions = || Conditions {
        bits: u64::MAX,
        other: list(),
    };
    let rules = || {
        let rule = RuleSatisfied {
            condition: some(),
            rule: some(),
        };
        vec![rule; entries]
    };
    let mut policy = AppliedPolicy {
        id: some(),
        display_name: some(),
        result: PolicyResult::Failure,
        session_controls: list(),
        session_controls_not_satisfied: list(),
        conditions_satisfied: conditions(),
        conditions_not_satisfied: conditions(),
        include_rules: rules(),
        exclude_rules: rules(),
        authentication_strength: some(),
        ..AppliedPolicy::default()
    };
    for (control, _) in GrantControl::ALL {
        policy.grant_controls.insert(control);
    }
    policy.grant_controls.other = list();
    let step = AuthenticationStep {
        time: Some(chrono::DateTime::UNIX_EPOCH),
        method: some(),
        method_detail: Some(Personal::new(text.into())),
        succeeded: Some(true),
        result_detail: some(),
        requirement: some(),
    };
    let lifetime = SessionLifetimePolicy {
        expiration_requirement: some(),
        detail: some(),
    };
    // Distinct, as repeated providers are listed once.
    let provider = |n: usize| RequirementPolicy {
        requirement_provider: Some(format!("{text}{n}").into()),
        detail: some(),
    };
    let network = NetworkLocation {
        network_type: some(),
        network_names: list().into_iter().map(Personal::new).collect(),
    };
    SignIn {
        id: some(),
        original_request_id: some(),
        correlation_id: some(),
        tenant_id: some(),
        home_tenant_id: some(),
        resource_tenant_id: some(),
        cross_tenant_access_type: some(),
        event_time: Some(chrono::DateTime::UNIX_EPOCH),
        error_code: Some(53003),
        failure_reason: some(),
        additional_details: some(),
        user_id: Some(Personal::new(text.into())),
        user_principal_name: Some(Personal::new(text.into())),
        user_display_name: Some(Personal::new(text.into())),
        user_type: some(),
        service_principal_id: some(),
        service_principal_name: some(),
        app_id: some(),
        app_display_name: some(),
        resource_id: some(),
        resource_display_name: some(),
        client_app_used: some(),
        user_agent: Some(Personal::new(text.into())),
        ip_address: Some(Personal::new(text.into())),
        is_interactive: Some(true),
        authentication_protocol: some(),
        incoming_token_type: some(),
        client_credential_type: some(),
        token_issuer_type: some(),
        original_transfer_method: some(),
        device: DeviceDetail {
            id: Some(Personal::new(text.into())),
            display_name: Some(Personal::new(text.into())),
            operating_system: some(),
            browser: some(),
            is_compliant: Some(false),
            is_managed: Some(false),
            trust_type: some(),
        },
        location: Place {
            city: Some(Personal::new(text.into())),
            state: Some(Personal::new(text.into())),
            country_or_region: Some(Personal::new(text.into())),
        },
        network_locations: vec![network; entries],
        risk_level: some(),
        risk_level_aggregated: some(),
        risk_state: some(),
        risk_detail: some(),
        risk_event_types: list(),
        flagged_for_review: Some(true),
        conditional_access_status: Some(ConditionalAccessStatus::Failure),
        policies: Some(vec![policy; entries]),
        authentication_requirement: some(),
        requirement_policies: (0..entries).map(provider).collect(),
        authentication_steps: vec![step; entries],
        mfa_method: some(),
        mfa_detail: Some(Personal::new(text.into())),
        session_lifetime_policies: vec![lifetime; entries],
        ..SignIn::default()
    }
}

#[test]
fn nothing_empty_is_written_and_nothing_invented() {
    let diagnoser = full();
    for sign_in in [SignIn::default(), filled("", 2), filled("x", 2)] {
        let record = value(&diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None));
        assert!(!has_empty(&record), "{record:#}");
    }
    let sign_in = SignIn::default();
    let record = value(&diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None));
    let keys: Vec<_> = record.as_object().unwrap().keys().collect();
    let expected = [
        "assessment",
        "category",
        "detail",
        "diagnosed_at",
        "diagnosis_id",
        "outcome",
        "references",
        "remediation",
        "scenario",
        "schema_version",
        "source",
        "versions",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn an_assessment_has_no_placeholder_whatever_is_missing() {
    let diagnoser = full();
    let codes: Vec<_> = diagnoser.catalog().codes().map(|code| code.code).collect();
    for code in codes.into_iter().map(Some).chain([None, Some(57_999)]) {
        let service = SignIn {
            category: Category::ServicePrincipal,
            service_principal_name: Some("nightly-export".into()),
            ..SignIn::default()
        };
        for base in [SignIn::default(), service, filled("Name", 2)] {
            let sign_in = SignIn {
                error_code: code,
                ..base
            };
            let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None);
            let text = &diagnosis.assessment;
            for wrong in ["{", "}", "[", "]", "null", "None", "  ", " .", ".."] {
                assert!(!text.contains(wrong), "{code:?}: {text}");
            }
            assert!(text.starts_with(char::is_uppercase), "{code:?}: {text}");
            assert!(text.ends_with('.'), "{code:?}: {text}");
            let sentences = text.matches(". ").count() + 1;
            assert!((2..=5).contains(&sentences), "{code:?}: {text}");
        }
    }
}

#[test]
fn a_ticket_has_the_facts_for_support_and_no_name_of_a_person() {
    let sign_in = SignIn {
        id: Some("r-1".into()),
        correlation_id: Some("c-1".into()),
        tenant_id: Some("t-1".into()),
        app_id: Some("a-1".into()),
        event_time: Some(chrono::DateTime::UNIX_EPOCH),
        user_principal_name: Some(Personal::new("ines@fabrikam.example".into())),
        ip_address: Some(Personal::new("203.0.113.44".into())),
        error_code: Some(90033),
        ..SignIn::default()
    };
    let ticket = |sign_in: &SignIn<'_>, diagnoser: &Diagnoser| {
        let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
        diagnosis.support_ticket.map(Cow::into_owned)
    };
    assert_eq!(
        ticket(&sign_in, &full()).as_deref(),
        Some(
            "Microsoft Entra sign-in with error code 90033 (MsodsServiceUnavailable); request id \
             r-1; correlation id c-1; time 1970-01-01T00:00:00.000Z; tenant id t-1; application \
             id a-1."
        )
    );
    let summary = diagnoser(DetailRules::all(Detail::Summary));
    assert_eq!(ticket(&sign_in, &summary), None);
    for code in full().catalog().codes().map(|code| code.code) {
        let sign_in = SignIn {
            error_code: Some(code),
            ..sign_in.clone()
        };
        let diagnoser = full();
        let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None);
        let steps = diagnosis.remediation.items();
        let ends_there = steps.last().unwrap().actor == Actor::MicrosoftSupport;
        assert_eq!(diagnosis.support_ticket.is_some(), ends_there, "{code}");
    }
}

#[test]
fn steps_follow_the_case_that_the_event_shows() {
    let diagnoser = full();
    let first = |sign_in: &SignIn<'_>| {
        let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
        let written = value(&diagnosis)["remediation"][0]["action"].clone();
        let step = diagnosis.remediation.items().first().unwrap();
        assert_eq!(written, step.action);
        step.action.clone()
    };
    let locked = |reason: &'static str| SignIn {
        error_code: Some(50053),
        failure_reason: Some(reason.into()),
        ..SignIn::default()
    };
    let code = |code| SignIn {
        error_code: Some(code),
        ..SignIn::default()
    };
    let by_application = |sign_in| SignIn {
        category: Category::ServicePrincipal,
        ..sign_in
    };
    let refused = SignIn {
        conditional_access_status: Some(ConditionalAccessStatus::Failure),
        ..code(0)
    };
    for (sign_in, part) in [
        (
            locked("Signed in too many times"),
            "the source of the wrong passwords",
        ),
        (
            locked("From a malicious IP address"),
            "whether the user made the attempt",
        ),
        (locked("Refused"), "Read the failure reason"),
        (code(0), "What If"),
        (by_application(code(0)), "workload identities"),
        (refused, "the result Failure"),
        (code(53000), "Company Portal"),
        (by_application(code(53000)), "Company Portal"),
        (code(50126), "Check the user name"),
        (code(50074), "complete the prompt"),
    ] {
        let action = first(&sign_in);
        assert!(action.contains(part), "{part}: {action}");
    }
    let steps = |sign_in: &SignIn<'_>| {
        let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
        format!("{:?}", diagnosis.remediation.items())
    };
    let application = steps(&by_application(code(0)));
    assert!(
        !application.contains("ultifactor") && !application.contains("MFA"),
        "{application}"
    );
    // A revoked session, and a token that was not used, are no matter of the sign-in frequency.
    for number in [50173, 70008, 700_082, 700_084] {
        assert!(!steps(&code(number)).contains("frequency"), "{number}");
    }
    assert!(steps(&code(50139)).contains("frequency"));
    // Who was asked by another source than Conditional Access is told where that is set.
    assert!(steps(&code(50074)).contains("Per-user MFA"));
}

#[test]
fn the_reason_of_a_success_is_not_shown() {
    let sign_in = SignIn {
        error_code: Some(0),
        failure_reason: Some("Other.".into()),
        ..SignIn::default()
    };
    let diagnoser = full();
    let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None);
    assert_eq!(diagnosis.error.as_ref().unwrap().reason, None);
    assert!(!value(&diagnosis).to_string().contains("Other."));
}

#[test]
fn policies_are_shown_from_deciding_to_unknown() {
    use PolicyResult as R;
    let results = [
        R::Other("brandNew".into()),
        R::NotEnabled,
        R::NotApplied,
        R::ReportOnlySuccess,
        R::Success,
        R::Failure,
    ];
    let policies = results.map(|result| AppliedPolicy {
        result,
        ..AppliedPolicy::default()
    });
    let sign_in = SignIn {
        error_code: Some(53000),
        policies: Some(policies.to_vec()),
        ..SignIn::default()
    };
    let diagnoser = full();
    let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None);
    let access = diagnosis.conditional_access.as_ref().unwrap();
    let shown: Vec<_> = access
        .policies
        .iter()
        .map(|it| (it.result, it.deciding))
        .collect();
    assert_eq!(
        shown,
        [
            ("failure", true),
            ("success", false),
            ("report_only_success", false),
            ("not_applied", false),
            ("not_enabled", false),
            ("brandNew", false),
        ]
    );
    assert_eq!(access.counts, None);
    assert_eq!(access.not_shown, 0);
}

#[test]
fn as_many_policies_as_the_limit_are_shown_and_one_more_is_counted() {
    let diagnoser = full();
    let shown = |policies: usize| {
        let sign_in = filled("x", policies);
        let bounds = Bounds {
            policies: 12,
            ..Bounds::DEFAULT
        };
        let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, bounds, None);
        let access = diagnosis.conditional_access.as_ref().unwrap();
        let counted = access.counts.map(|counts| counts.failure);
        (
            access.policies.len(),
            access.not_shown,
            counted,
            diagnosis.trimmed,
        )
    };
    assert_eq!(shown(12), (12, 0, None, false));
    assert_eq!(shown(13), (12, 1, Some(13), true));
}

#[test]
fn a_summary_shows_ten_policies_with_their_reasons_and_counts_the_rest() {
    let sign_in = SignIn {
        error_code: Some(0),
        ..filled("x", 12)
    };
    let diagnoser = diagnoser(DetailRules::default());
    let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None);
    assert_eq!(diagnosis.detail, Detail::Summary);
    assert!(!diagnosis.trimmed, "a summary is a form, not a cut");
    let access = diagnosis.conditional_access.as_ref().unwrap();
    assert_eq!((access.policies.len(), access.not_shown), (10, 2));
    assert_eq!(access.counts.unwrap().failure, 12);
    let record = value(&diagnosis);
    assert_eq!(
        record["conditional_access"]["policies"][0]["reason"],
        "blocked"
    );
    let keys = record["conditional_access"]["policies"][0]
        .as_object()
        .unwrap()
        .len();
    assert_eq!(keys, 5, "id, name, result, deciding, reason");
    for absent in ["remediation", "references"] {
        assert!(record.get(absent).is_none(), "{absent}");
    }
    for identity in [
        "sign_in_id",
        "correlation_id",
        "user",
        "application",
        "client",
    ] {
        assert!(record.get(identity).is_some(), "{identity}");
    }
}

#[test]
fn each_policy_result_has_its_reason() {
    use PolicyResult as R;
    let reason = |result: R<'static>, block: bool, bits: u64| {
        let mut policy = AppliedPolicy {
            result,
            ..AppliedPolicy::default()
        };
        policy.conditions_not_satisfied.bits = bits;
        if block {
            policy.grant_controls.insert(GrantControl::Block);
        }
        let sign_in = SignIn {
            error_code: Some(0),
            policies: Some(vec![policy]),
            ..SignIn::default()
        };
        let diagnoser = diagnoser(DetailRules::default());
        let record = value(&diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None));
        let reason = &record["conditional_access"]["policies"][0]["reason"];
        reason.as_str().unwrap().to_owned()
    };
    let silent = "the event does not say which condition did not match";
    let table = [
        (R::Success, false, 0, "satisfied"),
        (R::Failure, true, 0, "blocked"),
        (R::Failure, false, 0, "not satisfied"),
        (R::NotApplied, false, 8, "did not match: location"),
        (
            R::NotApplied,
            false,
            6,
            "did not match: users, device platform",
        ),
        (R::NotApplied, false, 4096, "did not match: unknown(0x1000)"),
        (R::NotApplied, false, 0, silent),
        (R::NotEnabled, false, 3, "disabled"),
        (
            R::ReportOnlySuccess,
            false,
            0,
            "report-only: would have been satisfied",
        ),
        (
            R::ReportOnlyFailure,
            true,
            0,
            "report-only: would have blocked",
        ),
        (
            R::ReportOnlyFailure,
            false,
            0,
            "report-only: would have failed",
        ),
        (
            R::ReportOnlyNotApplied,
            false,
            16,
            "report-only: did not match: client app",
        ),
        (
            R::ReportOnlyInterrupted,
            false,
            0,
            "report-only: would have required the user to act",
        ),
        (R::Unknown, false, 0, "result not known"),
        (R::Other("x".into()), false, 0, "result not known"),
    ];
    for (result, block, bits, expected) in table {
        assert_eq!(reason(result.clone(), block, bits), expected, "{result:?}");
    }
    // A reader of a full record sees the name of a result that nobody knows.
    let mut words = String::new();
    record::reason_words("quarantined", false, [""; 0].iter(), &mut words).unwrap();
    assert_eq!(words, "result not known: quarantined");
}

#[test]
fn what_exceeds_a_bound_is_cut_and_the_record_says_so() {
    let diagnoser = full();
    let trimmed =
        |sign_in: &SignIn<'_>, bounds| diagnoser.diagnose(sign_in, &SOURCE, bounds, None).trimmed;
    assert!(!trimmed(&filled("x", 60), Bounds::DEFAULT));
    assert!(trimmed(&filled("x", 201), Bounds::DEFAULT));
    assert!(trimmed(&filled("x", 6), Bounds::TIGHT));
    let one_policy = Bounds {
        policies: 1,
        ..Bounds::DEFAULT
    };
    assert!(!trimmed(&filled("x", 1), one_policy));
    assert!(trimmed(&filled("x", 2), one_policy));
    let named = |name: &str| {
        let sign_in = SignIn {
            app_display_name: Some(name.into()),
            ..SignIn::default()
        };
        value(&diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None))
    };
    let at_limit = "y".repeat(4_096);
    let record = named(&at_limit);
    assert_eq!(record["application"]["name"], at_limit);
    assert!(record.get("trimmed").is_none());
    let record = named(&format!("{at_limit}y"));
    assert_eq!(record["application"]["name"], at_limit);
    assert_eq!(record["trimmed"], true);
}

#[test]
fn tight_bounds_hold_against_the_worst_event() {
    // Each byte of the text is written as six.
    let worst = "\u{1}".repeat(10_000);
    let sign_in = filled(&worst, 300);
    let diagnoser = full();
    let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::TIGHT, None);
    let size = written(&diagnosis).len();
    assert!(size < 600 * 1024, "{size}");
    let access = diagnosis.conditional_access.unwrap();
    assert_eq!((access.policies.len(), access.not_shown), (10, 290));
    assert_eq!(access.counts.unwrap().failure, 300);
}

#[test]
fn the_key_is_the_user_else_the_service_principal() {
    let diagnoser = full();
    let key = |sign_in: &SignIn<'_>, key| {
        let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
        diagnosis.key(key).map(str::to_owned)
    };
    let nobody = SignIn {
        id: Some("request".into()),
        ..SignIn::default()
    };
    let service = SignIn {
        service_principal_id: Some("principal".into()),
        ..nobody.clone()
    };
    let user = SignIn {
        user_id: Some(Personal::new("user".into())),
        ..service.clone()
    };
    assert_eq!(key(&user, MessageKey::User).as_deref(), Some("user"));
    assert_eq!(
        key(&service, MessageKey::User).as_deref(),
        Some("principal")
    );
    assert_eq!(key(&nobody, MessageKey::User), None);
    assert_eq!(key(&user, MessageKey::SignIn).as_deref(), Some("request"));
    assert_eq!(key(&SignIn::default(), MessageKey::SignIn), None);
    assert_eq!(key(&user, MessageKey::None), None);
}

#[test]
fn the_provenance_completes_the_object() {
    let sign_in = SignIn::default();
    let diagnoser = full();
    let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None);
    let mut out = b"kept".to_vec();
    write_diagnosis(&diagnosis, &mut out);
    let page = Provenance {
        policy_page: true,
        source: Source::File {
            file: "a.json",
            line: 7,
            position: 2,
        },
        ..provenance()
    };
    write_provenance(&page, &mut out);
    let record: Value = serde_json::from_slice(&out[4..]).unwrap();
    assert_eq!(record["policy_page"], true);
    assert_eq!(record["source"]["line"], 7);
    assert_eq!(record["diagnosed_at"], "1970-01-01T00:00:00.000Z");
    assert_eq!(value(&diagnosis)["source"]["offset"], 12);
    assert!(value(&diagnosis).get("policy_page").is_none());
}

#[test]
fn the_schema_knows_every_key_of_a_record() {
    let schema = json_schema().to_value();
    let known = schema["properties"].as_object().unwrap();
    let sign_in = filled("x", 2);
    let diagnoser = full();
    let record = value(&diagnoser.diagnose(&sign_in, &SOURCE, Bounds::DEFAULT, None));
    for key in record.as_object().unwrap().keys() {
        assert!(known.contains_key(key), "{key}");
    }
    for required in schema["required"].as_array().unwrap() {
        assert!(
            record.get(required.as_str().unwrap()).is_some(),
            "{required}"
        );
    }
    let details = schema["$defs"]["Detail"].to_string();
    assert!(
        details.contains("summary") && !details.contains("none"),
        "{details}"
    );
}

proptest! {
    #[test]
    fn no_text_and_no_code_breaks_a_record(
        text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}",
        code in proptest::option::of(prop_oneof![any::<i64>(), 0..60_000_i64]),
        entries in 0..4_usize,
        tight in any::<bool>(),
    ) {
        let sign_in = SignIn { error_code: code, ..filled(&text, entries) };
        let bounds = if tight {
            Bounds { policies: 1, tables: 1, list: 1, text_bytes: 5 }
        } else {
            Bounds::DEFAULT
        };
        let diagnoser = full();
        let diagnosis = diagnoser.diagnose(&sign_in, &SOURCE, bounds, None);
        prop_assert!(serde_json::from_slice::<Value>(&written(&diagnosis)).is_ok());
    }
}
