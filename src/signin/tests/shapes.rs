//! Every message shape holds every record shape, and all three record shapes say the same.
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::signin::{Category, Shape};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn one_line(record: &str) -> String {
    record.split('\n').map(str::trim).collect()
}

#[test]
fn the_three_record_shapes_are_the_same_sign_in() {
    let mut described = Vec::new();
    for (record, shape) in [
        (AZURE, Shape::AzureMonitor),
        (ROW, Shape::LogAnalytics),
        (GRAPH, Shape::Graph),
    ] {
        one(record, |sign_in, faults| {
            assert_eq!(sign_in.shape, shape);
            let same = SignIn {
                shape: Shape::Graph,
                ..sign_in.clone()
            };
            described.push(describe(&same, faults));
        });
    }
    assert_eq!(described[0], described[1]);
    assert_eq!(described[0], described[2]);
}

#[test]
fn every_field_arrives() {
    one(AZURE, |s, faults| {
        assert!(faults.is_empty());
        assert_eq!(s.category, Category::Interactive);
        assert_eq!(s.id.as_deref(), Some("a1"));
        assert_eq!(
            s.tenant_id.as_deref(),
            Some("0b2f6f0e-77a5-4c1d-9a55-0d4ac1e6a001")
        );
        assert_eq!(
            s.correlation_id.as_deref(),
            Some("c0ffee00-1111-4222-8333-944455556666")
        );
        assert_eq!(
            s.event_time.unwrap().to_rfc3339(),
            "2026-03-02T08:11:05.123456700+00:00"
        );
        assert_eq!(s.error_code, Some(53003));
        assert_eq!(
            s.failure_reason.as_deref(),
            Some("Access has been blocked by policies.")
        );
        assert_eq!(s.additional_details.as_deref(), Some("Blocked."));
        assert_eq!(shown(s.user_id.as_ref()).as_deref(), Some("u-1"));
        assert_eq!(
            shown(s.user_principal_name.as_ref()).as_deref(),
            Some("ada@example.org")
        );
        assert_eq!(s.app_display_name.as_deref(), Some("Payroll"));
        assert_eq!(s.resource_id.as_deref(), Some("res-1"));
        assert_eq!(s.resource_tenant_id.as_deref(), Some("t-res"));
        assert_eq!(s.home_tenant_id.as_deref(), Some("t-home"));
        assert_eq!(s.client_app_used.as_deref(), Some("Browser"));
        assert_eq!(s.device.is_compliant, Some(true));
        assert_eq!(s.device.is_managed, None);
        assert_eq!(s.device.trust_type.as_deref(), Some("Azure AD joined"));
        assert_eq!(shown(s.location.city.as_ref()).as_deref(), Some("Lund"));
        let [name] = &s.network_locations[0].network_names[..] else {
            panic!("{s:?}");
        };
        assert_eq!(name.shown(), Some("Office"));
        assert_eq!(s.risk_level.as_deref(), Some("low"));
        assert_eq!(s.risk_state.as_deref(), Some("atRisk"));
        assert_eq!(s.risk_event_types, ["unfamiliarFeatures"]);
        assert_eq!(s.flagged_for_review, Some(false));
        assert_eq!(s.is_interactive, Some(true));
        assert_eq!(s.policies.as_ref().unwrap().len(), 2);
        assert_eq!(s.authentication_steps[0].succeeded, Some(true));
        assert_eq!(
            s.requirement_policies[0].requirement_provider.as_deref(),
            Some("multiConditionalAccess")
        );
        assert!(s.mfa_method.is_none() && s.mfa_detail.is_none());
    });
}

#[test]
fn every_message_shape_holds_every_record_shape() {
    for record in [AZURE, ROW, GRAPH] {
        let second = record.replace("\"a1\"", "\"b2\"");
        let (first, line, line2) = (record, one_line(record), one_line(&second));
        let expected = read(format!("[{first},{second}]"));
        assert_eq!(ids(&expected), ["a1", "b2"]);
        let envelope = format!("{{\"records\":[{first},{second}]}}");
        for body in [
            envelope.clone(),
            format!(" \r\n{envelope}\n\n"),
            format!("\u{feff}{envelope}"),
            format!("\u{feff}\u{20}{first}{second}"),
            format!("{{\"records\" : [ {first} , {second} ] , \"n\": 2}}"),
            format!("{{\"Records\":[{first}],\"records\":[{second}]}}"),
            format!("{{\"records\":[{first}]}}{{\"records\":[{second}]}}"),
            format!("{{\"records\":[{line}]}}\n{{\"records\":[{line2}]}}\r\n"),
            format!("{first}\n{second}"),
            format!("{line}\n{line2}\n"),
            format!("{line}\r\n\r\n{line2}"),
            format!("{line}{line2}"),
            format!("{line},\n{line2},"),
            format!("[{line}]\n[{line2}]"),
            format!("[{envelope}]"),
            format!(
                "{{\"@odata.context\":\"x\",\"value\":[{first},{second}],\"@odata.nextLink\":\"y\"}}"
            ),
            format!("{{\"value\":[{first},{second}],\"@odata.count\":2}}"),
        ] {
            assert_eq!(read(&body), expected, "{body}");
            assert_eq!(read(gzip(body.as_bytes())), expected, "gzip of {body}");
            assert_eq!(read_slowly(&body).0, expected, "slowly {body}");
        }
        let (a, b) = envelope.as_bytes().split_at(envelope.len() / 2);
        let two_members = [gzip(a), gzip(b)].concat();
        assert_eq!(read(two_members), expected, "two gzip members");
    }
}

#[test]
fn one_reader_reads_many_messages() {
    let mut reader = Reader::new(LIMITS, Privacy::default());
    let mut seen = Vec::new();
    for body in [
        gzip(AZURE.as_bytes()),
        b"{\"records\":[]}".to_vec(),
        GRAPH.into(),
    ] {
        reader.read(&body, &mut |item| seen.push(Seen::of(&item)));
    }
    let seen: Vec<_> = seen.iter().map(|(at, item)| (*at, item.id())).collect();
    assert_eq!(seen, [(0, Some("a1")), (0, Some("a1"))]);
}

#[test]
fn nothing_of_a_record_stays_for_the_next() {
    let plain = azure(r#""id":"b2","appId":"x""#);
    let alone = read(&plain);
    for before in [AZURE, ROW, GRAPH] {
        let both = read(format!("[{before},{plain}]"));
        assert_eq!(both[1..], alone[..]);
        let lists = azure(
            r#""appliedConditionalAccessPolicies":[null,{}],"authenticationDetails":[{}],"networkLocationDetails":[{}]"#,
        );
        assert_eq!(read(format!("[{before},{lists}]"))[1..], read(&lists)[..]);
        let flat = r#"{"category":"SignInLogs","id":"c3"}"#;
        assert_eq!(read(format!("[{before},{flat}]"))[1..], read(flat)[..]);
    }
}

#[test]
fn messages_without_records_give_no_item() {
    for body in ["{\"records\":[]}", "[]", "{\"value\":[]}", "[] []"] {
        assert_eq!(read(body), [], "{body}");
    }
}

#[test]
fn a_body_that_holds_nothing_is_empty() {
    for body in ["", " ", "\r\n\t ", "\u{feff}", "\u{feff} \n"] {
        assert_eq!(read(body), [Seen::bad(BadReason::Empty, body)], "{body:?}");
    }
}

#[test]
fn other_categories_are_skipped_under_their_name() {
    for (record, category) in [
        (
            r#"{"category":"AuditLogs","properties":{"status":{"errorCode":0}}}"#,
            SkippedCategory::AuditLogs,
        ),
        (r#"{"category":"auditlogs"}"#, SkippedCategory::AuditLogs),
        (
            r#"{"category":"SomethingNew","userId":"u","status":{"errorCode":0}}"#,
            SkippedCategory::Other,
        ),
        (
            r#"{"Type":"AuditLogs","UserId":"u","ResultType":"0"}"#,
            SkippedCategory::AuditLogs,
        ),
        (
            r#"{"Type":"AADProvisioningLogs"}"#,
            SkippedCategory::ProvisioningLogs,
        ),
        ("{}", SkippedCategory::None),
        (r#"{"records":null}"#, SkippedCategory::None),
        (r#"{"value":{"id":"x"}}"#, SkippedCategory::None),
        // A user and an application, as Graph exports them.
        (
            r#"{"id":"x","createdDateTime":"2026-01-01T00:00:00Z","userPrincipalName":"a@b"}"#,
            SkippedCategory::None,
        ),
        (
            r#"{"id":"x","createdDateTime":"2026-01-01T00:00:00Z","appId":"a"}"#,
            SkippedCategory::None,
        ),
        (
            r#"{"category":"AuditLogs","value":[{"id":"no envelope"}]}"#,
            SkippedCategory::AuditLogs,
        ),
    ] {
        assert_eq!(read(record), [Seen::Skipped(category)], "{record}");
        assert_eq!(read_slowly(record).0, [Seen::Skipped(category)], "{record}");
        let mixed = format!("{{\"records\":[{AZURE},{record},{GRAPH}]}}");
        let items = read(&mixed);
        assert_eq!(ids(&items), ["a1", "a1"]);
        assert_eq!(items[1], Seen::Skipped(category), "{record}");
    }
}

/// A list under a name of envelopes makes no record vanish, and is not lost itself.
#[test]
fn a_record_that_holds_a_list_of_records_is_read_beside_them() {
    let plain = azure(r#""id":"a","status":{"errorCode":53003}"#);
    let alone = read(&plain);
    let inside = |list: &str| plain.replacen('{', &format!("{{{list},"), 1);
    for (list, before) in [
        ("\"records\":[]", &[][..]),
        ("\"value\":[]", &[]),
        ("\"value\":[],\"records\":[]", &[]),
        ("\"value\":[{\"value\":[]}]", &[]),
        (
            "\"records\":[{\"category\":\"SignInLogs\",\"id\":\"x\"}]",
            &["x"],
        ),
        (
            "\"records\":[{\"value\":[{\"category\":\"SignInLogs\",\"id\":\"x\"}],\"category\":\"SignInLogs\",\"id\":\"y\"}]",
            &["x", "y"],
        ),
    ] {
        let record = inside(list);
        for body in [
            record.clone(),
            format!("[{record}]"),
            format!("{{\"records\":[{record},{GRAPH}]}}"),
        ] {
            let items = read(&body);
            let mut expected = [before, &["a"]].concat();
            expected.extend(body.contains(GRAPH).then_some("a1"));
            assert_eq!(ids(&items), expected, "{body}");
            assert_eq!(items.len(), expected.len(), "{body}");
            assert_eq!(items[before.len()], alone[0], "{body}");
            assert_eq!(read_slowly(&body).0, items, "{body}");
        }
    }
    let graph = GRAPH.replacen(
        "\"signInEventTypes\"",
        "\"value\":[],\"signInEventTypes\"",
        1,
    );
    assert_eq!(read(&graph), read(GRAPH));
    assert_eq!(read_slowly(&graph).0, read(GRAPH));
    // What its list holds may be bad; that costs nothing else.
    let items = read(inside("\"value\":[5]"));
    assert_eq!(items[0], Seen::bad(BadReason::NotAnObject, "5"));
    assert_eq!(items[1..], alone[..]);
    // An envelope may carry a time of its own.
    let envelope =
        format!("{{\"time\":\"x\",\"id\":\"x\",\"records\":[{plain}],\"tenantId\":\"t\"}}");
    assert_eq!(read(&envelope), alone);
}

#[test]
fn the_category_is_told_by_name_table_or_event_type() {
    for (record, category) in [
        (r#"{"category":"signinlogs"}"#, Category::Interactive),
        (r#"{"category":"SignIn"}"#, Category::Interactive),
        (
            r#"{"category":"NonInteractiveUserSIgnInLogs"}"#,
            Category::NonInteractive,
        ),
        (
            r#"{"category":"ServicePrincipalSignInLogs"}"#,
            Category::ServicePrincipal,
        ),
        (
            r#"{"category":"ManagedIdentitySignInLogs"}"#,
            Category::ManagedIdentity,
        ),
        (
            r#"{"category":"MicrosoftServicePrincipalSignInLogs"}"#,
            Category::MicrosoftServicePrincipal,
        ),
        (r#"{"category":"ADFSSignInLogs"}"#, Category::Adfs),
        (r#"{"category":"TomorrowsSignInLogs"}"#, Category::Other),
        (
            r#"{"category":"SignInLogs","signInEventTypes":["servicePrincipal"]}"#,
            Category::Interactive,
        ),
        (r#"{"Type":"SigninLogs"}"#, Category::Interactive),
        (
            r#"{"Type":"AADNonInteractiveUserSignInLogs"}"#,
            Category::NonInteractive,
        ),
        (
            r#"{"Type":"AADServicePrincipalSignInLogs"}"#,
            Category::ServicePrincipal,
        ),
        (
            r#"{"Type":"AADManagedIdentitySignInLogs"}"#,
            Category::ManagedIdentity,
        ),
        (r#"{"Type":"ADFSSignInLogs"}"#, Category::Adfs),
        (
            r#"{"Type":"AADServicePrincipalSignInLogs","Category":"ManagedIdentitySignInLogs"}"#,
            Category::ManagedIdentity,
        ),
        (
            r#"{"Type":"Elsewhere","appId":"a","status":{"errorCode":0}}"#,
            Category::Interactive,
        ),
        (
            r#"{"userId":"u","signInEventTypes":["interactiveUser"]}"#,
            Category::Interactive,
        ),
        (
            r#"{"userId":"u","signInEventTypes":["new","nonInteractiveUser"]}"#,
            Category::NonInteractive,
        ),
        (
            r#"{"appId":"a","signInEventTypes":["servicePrincipal"]}"#,
            Category::ServicePrincipal,
        ),
        (
            r#"{"appId":"a","signInEventTypes":["managedIdentity"]}"#,
            Category::ManagedIdentity,
        ),
        (
            r#"{"userId":"u","status":{"errorCode":0}}"#,
            Category::Interactive,
        ),
        (r#"{"userId":"u","resultType":"0"}"#, Category::Interactive),
        (
            r#"{"userPrincipalName":"u","conditionalAccessStatus":"success"}"#,
            Category::Interactive,
        ),
        (
            r#"{"servicePrincipalId":"s","clientAppUsed":"Browser"}"#,
            Category::Interactive,
        ),
        (
            r#"{"createdDateTime":"2026-01-01T00:00:00Z","appId":"a","userId":"u"}"#,
            Category::Interactive,
        ),
    ] {
        one(record, |sign_in, _| {
            assert_eq!(sign_in.category, category, "{record}");
        });
    }
}

#[test]
fn keys_match_whatever_their_case() {
    let lower = AZURE
        .split('"')
        .enumerate()
        .map(|(at, part)| {
            let key = at % 2 == 1 && AZURE.contains(&format!("\"{part}\":"));
            if key {
                part.to_lowercase()
            } else {
                part.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("\"");
    assert!(lower.contains("\"appliedconditionalaccesspolicies\""));
    assert_eq!(read(lower), read(AZURE));
}
