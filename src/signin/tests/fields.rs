//! Fields in every type they occur in, and in types they should not.
use super::*;
use crate::signin::{
    Category, Condition, ConditionalAccessStatus, Field, GrantControl, PolicyResult,
};

fn faults_of(body: &str) -> Vec<Field> {
    let mut found = Vec::new();
    one(body, |_, faults| found.extend(faults.iter()));
    found
}

#[test]
fn codes_come_as_number_or_text_and_the_status_decides() {
    let category = r#""category":"SignInLogs""#;
    for (members, code, faults) in [
        (r#""resultType":"50140""#, Some(50140), &[][..]),
        (r#""resultType":50140"#, Some(50140), &[]),
        (r#""resultType":0.0"#, Some(0), &[]),
        (r#""resultType":"0.0""#, Some(0), &[]),
        (r#""resultType":"Success""#, None, &[]),
        (r#""resultType":"inf""#, None, &[]),
        (r#""resultType":"""#, None, &[]),
        (r#""resultType":null"#, None, &[]),
        (r#""resultType":true"#, None, &[Field::ResultType]),
        (r#""resultType":0.5"#, None, &[Field::ResultType]),
        (
            r#""resultType":18446744073709551615"#,
            None,
            &[Field::ResultType],
        ),
        (r#""status":{"errorCode":50076}"#, Some(50076), &[]),
        (r#""status":{"errorCode":"50076"}"#, Some(50076), &[]),
        (r#""status":{"errorCode":50076.0}"#, Some(50076), &[]),
        (r#""status":"{\"errorCode\":50076}""#, Some(50076), &[]),
        (r#""status":{"errorCode":"none"}"#, None, &[Field::Status]),
        (r#""status":{"errorCode":null}"#, None, &[]),
        (r#""status":{}"#, None, &[]),
        (r#""status":"""#, None, &[]),
        (r#""status":"null""#, None, &[]),
        (r#""status":"{\"errorCode\":50076""#, None, &[Field::Status]),
        (
            r#""status":"{\"errorCode\":50076} x""#,
            None,
            &[Field::Status],
        ),
        (r#""status":0"#, None, &[Field::Status]),
        (r#""status":[{"errorCode":5}]"#, None, &[Field::Status]),
        (r#""resultType":"0","status":{"errorCode":0}"#, Some(0), &[]),
        (
            r#""resultType":"50074","status":{"errorCode":50076}"#,
            Some(50076),
            &[Field::ErrorCodeConflict],
        ),
        (
            r#""status":{"errorCode":50076},"resultType":"50074""#,
            Some(50076),
            &[Field::ErrorCodeConflict],
        ),
        (
            r#""resultType":"Failure","status":{"errorCode":50053}"#,
            Some(50053),
            &[],
        ),
    ] {
        let body = format!("{{{category},{members}}}");
        one(&body, |s, _| assert_eq!(s.error_code, code, "{members}"));
        assert_eq!(faults_of(&body), faults, "{members}");
    }
}

#[test]
fn a_wrong_type_is_counted_and_never_loses_the_record() {
    for (field, wrong) in [
        ("id", "5"),
        ("userId", "[]"),
        ("createdDateTime", "\"soon\""),
        ("createdDateTime", "1772439065"),
        ("appDisplayName", "{\"a\":{\"b\":[1]}}"),
        ("deviceDetail", "\"laptop\""),
        ("deviceDetail", "{\"isCompliant\":\"perhaps\"}"),
        ("location", "[1,[2]]"),
        ("isInteractive", "\"maybe\""),
        ("isInteractive", "1"),
        ("riskEventTypes", "{}"),
        ("riskEventTypes", "[\"a\",5]"),
        ("networkLocationDetails", "[5]"),
        ("appliedConditionalAccessPolicies", "{\"id\":\"p\"}"),
        ("appliedConditionalAccessPolicies", "\"none\""),
        ("appliedConditionalAccessPolicies", "[{\"result\":[]}]"),
        ("authenticationDetails", "[{\"succeeded\":7}]"),
        ("conditionalAccessStatus", "true"),
        ("properties", "5"),
        ("properties", "\"{broken\""),
    ] {
        let root =
            format!("{{\"category\":\"SignInLogs\",\"{field}\":{wrong},\"userType\":\"Guest\"}}");
        let fault = Field::from_key(field).unwrap();
        assert_eq!(faults_of(&root), [fault], "{field}: {wrong}");
        one(&root, |s, _| {
            assert_eq!(s.user_type.as_deref(), Some("Guest"), "{field}");
        });
        if fault != Field::Properties {
            let nested = azure(&format!("\"{field}\":{wrong},\"userType\":\"Guest\""));
            assert_eq!(faults_of(&nested), [fault], "{field}: {wrong}");
        }
    }
}

#[test]
fn null_and_empty_text_are_absent_without_a_fault() {
    for field in Field::ALL {
        for absent in ["null", "\"\""] {
            let body = azure(&format!("\"{}\":{absent}", field.as_str()));
            assert_eq!(faults_of(&body), [], "{}", field.as_str());
            one(&body, |s, _| {
                assert_eq!(s.user_id, None);
                assert_eq!(s.id, None);
                assert_eq!(s.policies, None);
                assert_eq!(s.mfa_method, None);
            });
        }
    }
    let body = azure(
        r#""mfaDetail":{},"privateLinkDetails":{},"userId":null,"appServicePrincipalId":null"#,
    );
    assert_eq!(faults_of(&body), []);
}

#[test]
fn ignored_keys_disturb_nothing_whatever_they_hold() {
    let plain = read(azure(r#""id":"a1","appId":"x""#));
    for ignored in [
        r#""conditionalAccessAudiences":["a","b"]"#,
        r#""conditionalAccessAudiences":[{"applicationId":"a","audienceReasons":"none"}]"#,
        r#""durationMs":"0""#,
        r#""durationMs":0"#,
        r#""Level":4,"level":"Informational""#,
        r#""resultSignature":"SUCCESS""#,
        r#""autonomousSystemNumber":"1234","processingTimeInMilliseconds":7"#,
        r#""authenticationProcessingDetails":[{"key":"Oauth Scope Info","value":"[\"a\"]"}]"#,
        r#""agent":{"agentType":"notAgentic"},"records":[{"id":"inner"}]"#,
        r#""number":1e999,"lone":"\ud800""#,
    ] {
        let body = azure(&format!(r#""id":"a1",{ignored},"appId":"x""#));
        assert_eq!(read(&body), plain, "{ignored}");
        let at_root = body.replace(r#""properties""#, &format!(r#"{ignored},"properties""#));
        if !ignored.contains("records") {
            assert_eq!(read(at_root), plain, "{ignored}");
        }
    }
}

#[test]
fn condition_sets_are_read_in_every_form() {
    use Condition::{Application, ClientType, DevicePlatform, Users};
    for (value, known, text) in [
        ("3", &[Application, Users][..], "application, users"),
        (
            "\"19\"",
            &[Application, Users, ClientType],
            "application, users, clientType",
        ),
        (
            "\"application,users\"",
            &[Application, Users],
            "application, users",
        ),
        (
            "\"Application, devicePlatform\"",
            &[Application, DevicePlatform],
            "application, devicePlatform",
        ),
        (
            "[\"application\",\"users\"]",
            &[Application, Users],
            "application, users",
        ),
        ("\"[\\\"users\\\"]\"", &[Users], "users"),
        ("[\"users\",null,\"\"]", &[Users], "users"),
        ("\"none\"", &[], ""),
        ("0", &[], ""),
        ("null", &[], ""),
        ("\"\"", &[], ""),
        ("[]", &[], ""),
        (
            "4099",
            &[Application, Users],
            "application, users, unknown(0x1000)",
        ),
        ("\"users,agentRisk\"", &[Users], "users, agentRisk"),
        (
            "\"us\\u0065rs,\\u0061gentRisk\"",
            &[Users],
            "users, agentRisk",
        ),
        ("[\"agentRisk\"]", &[], "agentRisk"),
    ] {
        let policy = format!(r#"{{"conditionsNotSatisfied":{value}}}"#);
        let body = azure(&format!(r#""appliedConditionalAccessPolicies":[{policy}]"#));
        one(&body, |s, faults| {
            let conditions = &s.policies.as_ref().unwrap()[0].conditions_not_satisfied;
            assert_eq!(conditions.iter().collect::<Vec<_>>(), known, "{value}");
            assert_eq!(conditions.to_string(), text, "{value}");
            assert!(faults.is_empty(), "{value}");
        });
    }
    for wrong in ["-1", "1.5", "true", "{}"] {
        let body = azure(&format!(
            r#""appliedConditionalAccessPolicies":[{{"conditionsSatisfied":{wrong}}}]"#
        ));
        assert_eq!(
            faults_of(&body),
            [Field::AppliedConditionalAccessPolicies],
            "{wrong}"
        );
    }
}

#[test]
fn policy_results_are_read_by_name_and_by_number() {
    let names = [
        ("success", PolicyResult::Success),
        ("failure", PolicyResult::Failure),
        ("notApplied", PolicyResult::NotApplied),
        ("notEnabled", PolicyResult::NotEnabled),
        ("unknown", PolicyResult::Unknown),
        ("unknownFutureValue", PolicyResult::Unknown),
        ("reportOnlySuccess", PolicyResult::ReportOnlySuccess),
        ("reportOnlyFailure", PolicyResult::ReportOnlyFailure),
        ("reportOnlyNotApplied", PolicyResult::ReportOnlyNotApplied),
        ("reportOnlyInterrupted", PolicyResult::ReportOnlyInterrupted),
    ];
    let numbered = names
        .iter()
        .enumerate()
        .flat_map(|(number, (name, result))| {
            [
                (format!("\"{name}\""), result.clone()),
                (format!("\"{}\"", name.to_uppercase()), result.clone()),
                (number.to_string(), result.clone()),
                (format!("\"{number}\""), result.clone()),
            ]
        });
    let others = [
        (
            "\"tomorrow\"".to_owned(),
            PolicyResult::Other("tomorrow".into()),
        ),
        ("12".to_owned(), PolicyResult::Other("12".into())),
        ("null".to_owned(), PolicyResult::Unknown),
    ];
    for (value, result) in numbered.chain(others) {
        for key in [
            "appliedConditionalAccessPolicies",
            "conditionalAccessPolicies",
        ] {
            let body = azure(&format!(r#""{key}":[{{"result":{value}}}]"#));
            one(&body, |s, _| {
                assert_eq!(s.policies.as_ref().unwrap()[0].result, result, "{value}");
            });
        }
    }
}

#[test]
fn a_policy_list_says_whether_it_is_there() {
    for (members, policies) in [
        ("", None),
        (r#""appliedConditionalAccessPolicies":null"#, None),
        (r#""appliedConditionalAccessPolicies":[]"#, Some(vec![])),
        (r#""appliedConditionalAccessPolicies":"[]""#, Some(vec![])),
        (
            r#""appliedConditionalAccessPolicies":[{"id":"p"},null,{"id":"q"},{}]"#,
            Some(vec![Some("p"), Some("q"), None]),
        ),
        (
            r#""conditionalAccessPolicies":[{"id":"o"}]"#,
            Some(vec![Some("o")]),
        ),
        (
            r#""conditionalAccessPolicies":[{"id":"o"}],"appliedConditionalAccessPolicies":[{"id":"p"}]"#,
            Some(vec![Some("p")]),
        ),
        (
            r#""appliedConditionalAccessPolicies":[{"id":"p"}],"conditionalAccessPolicies":[{"id":"o"}]"#,
            Some(vec![Some("p")]),
        ),
        (
            r#""appliedConditionalAccessPolicies":null,"conditionalAccessPolicies":[{"id":"o"}]"#,
            Some(vec![Some("o")]),
        ),
    ] {
        one(&azure(members), |s, faults| {
            let ids = s.policies.as_ref().map(|list| {
                list.iter()
                    .map(|policy| policy.id.as_deref())
                    .collect::<Vec<_>>()
            });
            assert_eq!(ids, policies, "{members}");
            assert!(faults.is_empty(), "{members}");
        });
    }
}

#[test]
fn an_authentication_strength_without_a_name_is_known_by_its_id() {
    for (strength, expected) in [
        (r#"{"authenticationStrengthId":"x"}"#, Some("x")),
        (
            r#"{"displayName":"","authenticationStrengthId":"x"}"#,
            Some("x"),
        ),
        (
            r#"{"authenticationStrengthId":"x","displayName":5}"#,
            Some("x"),
        ),
        (
            r#"{"DisplayName":"Phishing-resistant MFA","authenticationStrengthId":"x"}"#,
            Some("Phishing-resistant MFA"),
        ),
        (
            r#"{"authenticationStrengthId":5,"displayName":"Passwordless MFA"}"#,
            Some("Passwordless MFA"),
        ),
        (
            r#""{\"authenticationStrengthId\":\"x\",\"displayName\":null}""#,
            Some("x"),
        ),
        ("{}", None),
    ] {
        let body = azure(&format!(
            r#""appliedConditionalAccessPolicies":[{{"result":"success","authenticationStrength":{strength}}}]"#
        ));
        one(&body, |s, faults| {
            let policy = &s.policies.as_ref().unwrap()[0];
            let found = policy.authentication_strength.as_deref();
            assert_eq!(found, expected, "{strength}");
            assert!(faults.is_empty(), "{strength}");
        });
    }
}

#[test]
fn controls_and_rules_of_a_policy_are_read() {
    let body = azure(
        r#""appliedConditionalAccessPolicies":[
            {"enforcedGrantControls":["mfa","BLOCK","requirecompliantdevice","DomainJoinedDevice","Guest terms of use"],
             "enforcedSessionControls":["SignInFrequency",null],"sessionControlsNotSatisfied":"[\"SignInTokenProtection\"]",
             "includeRulesSatisfied":[{"conditionalAccessCondition":"users","ruleSatisfied":"groupId"}],
             "excludeRulesSatisfied":[{"conditionalAccessCondition":"location","ruleSatisfied":"allTrustedLocations"},null],
             "authenticationStrength":{"authenticationStrengthId":"x","displayName":"Phishing-resistant MFA","more":{}}},
            {"enforcedGrantControls":"RequireApprovedApp","authenticationStrength":"Passwordless MFA"},
            {"authenticationStrength":null}]"#,
    );
    one(&body, |s, faults| {
        assert!(faults.is_empty());
        let [full, plain, bare] = s.policies.as_deref().unwrap() else {
            panic!("three policies")
        };
        let known: Vec<_> = full
            .grant_controls
            .known()
            .map(|(control, _)| control)
            .collect();
        assert_eq!(
            known,
            [
                GrantControl::Block,
                GrantControl::Mfa,
                GrantControl::CompliantDevice,
                GrantControl::DomainJoinedDevice
            ]
        );
        assert_eq!(full.grant_controls.other, ["Guest terms of use"]);
        assert_eq!(full.session_controls, ["SignInFrequency"]);
        assert_eq!(
            full.session_controls_not_satisfied,
            ["SignInTokenProtection"]
        );
        assert_eq!(full.include_rules[0].rule.as_deref(), Some("groupId"));
        assert_eq!(full.exclude_rules.len(), 1);
        assert_eq!(
            full.authentication_strength.as_deref(),
            Some("Phishing-resistant MFA")
        );
        assert!(plain.grant_controls.contains(GrantControl::ApprovedApp));
        assert_eq!(
            plain.authentication_strength.as_deref(),
            Some("Passwordless MFA")
        );
        assert_eq!(bare, &crate::signin::AppliedPolicy::default());
    });
}

#[test]
fn the_conditional_access_status_is_text_or_number() {
    use ConditionalAccessStatus::{Failure, NotApplied, Success, Unknown};
    for (value, status) in [
        ("\"success\"", Some(Success)),
        ("\"Failure\"", Some(Failure)),
        ("\"notApplied\"", Some(NotApplied)),
        ("\"unknownFutureValue\"", Some(Unknown)),
        ("0", Some(Success)),
        ("1", Some(Failure)),
        ("2", Some(NotApplied)),
        ("3", Some(Unknown)),
        ("\"1\"", Some(Failure)),
        ("null", None),
        ("\"\"", None),
    ] {
        one(
            &azure(&format!("\"conditionalAccessStatus\":{value}")),
            |s, _| {
                assert_eq!(s.conditional_access_status, status, "{value}");
            },
        );
    }
}

#[test]
fn addresses_lose_port_and_placeholder() {
    for (members, address) in [
        (r#""callerIpAddress":"192.0.2.1""#, Some("192.0.2.1")),
        (r#""callerIpAddress":"192.0.2.1:51234""#, Some("192.0.2.1")),
        (
            r#""callerIpAddress":"[2001:db8::7]:443""#,
            Some("2001:db8::7"),
        ),
        (r#""callerIpAddress":"2001:db8::7""#, Some("2001:db8::7")),
        (r#""callerIpAddress":"<null>""#, None),
        (
            r#""callerIpAddress":"192.0.2.1","ipAddress":"198.51.100.2""#,
            Some("198.51.100.2"),
        ),
        (
            r#""callerIpAddress":"192.0.2.1","ipAddress":"<null>""#,
            Some("192.0.2.1"),
        ),
    ] {
        let body = format!(r#"{{"category":"SignInLogs",{members}}}"#);
        one(&body, |s, faults| {
            assert_eq!(
                shown(s.ip_address.as_ref()).as_deref(),
                address,
                "{members}"
            );
            assert!(faults.is_empty(), "{members}");
        });
    }
}

#[test]
fn risk_types_prefer_the_second_version() {
    for (members, types) in [
        (r#""riskEventTypes":["a"]"#, &["a"][..]),
        (
            r#""riskEventTypes":["a"],"riskEventTypes_v2":["b","c"]"#,
            &["b", "c"],
        ),
        (
            r#""riskEventTypes_v2":["b"],"riskEventTypes":["a"]"#,
            &["b"],
        ),
        (r#""riskEventTypes":["a"],"riskEventTypes_v2":[]"#, &["a"]),
        (
            r#""riskEventTypes":"[\"a\"]","riskEventTypes_v2":null"#,
            &["a"],
        ),
    ] {
        one(&azure(members), |s, _| {
            assert_eq!(s.risk_event_types, types, "{members}");
        });
    }
}

#[test]
fn the_mfa_detail_is_read() {
    one(
        &azure(r#""mfaDetail":{"authMethod":"Text message","authDetail":"+XX XXXXXX12"}"#),
        |s, _| {
            assert_eq!(s.mfa_method.as_deref(), Some("Text message"));
            assert_eq!(
                shown(s.mfa_detail.as_ref()).as_deref(),
                Some("+XX XXXXXX12")
            );
        },
    );
}

#[test]
fn names_are_read_as_people_wrote_them_and_ids_and_reasons_as_they_stand() {
    let body = r#"{"category":"SignInLogs","identity":"Ada","properties":{
        "id":"a&amp;b","userPrincipalName":"o&#39;neil@x","userDisplayName":"O&#39;Neil",
        "appDisplayName":"R&amp;amp;D","resourceDisplayName":"A &lt; B",
        "servicePrincipalName":"S&amp;P",
        "status":{"errorCode":1,"failureReason":"a &amp; b"},
        "deviceDetail":{"displayName":"D&amp;1"},
        "location":{"city":"L&#x27;Aquila","state":"A&amp;B"},
        "networkLocationDetails":[{"networkNames":["HQ &amp; labs","plain"]}],
        "authenticationDetails":[{"authenticationMethodDetail":"Key &quot;1&quot;"}],
        "appliedConditionalAccessPolicies":[{"id":"p&amp;q","displayName":"Block \\u0026 log",
            "enforcedGrantControls":["Mfa","T&amp;C"],
            "authenticationStrength":{"displayName":"A&amp;B"}}]}}"#;
    one(body, |s, _| {
        assert_eq!(s.id.as_deref(), Some("a&amp;b"));
        assert_eq!(
            shown(s.user_principal_name.as_ref()).as_deref(),
            Some("o&#39;neil@x")
        );
        assert_eq!(s.failure_reason.as_deref(), Some("a &amp; b"));
        assert_eq!(
            shown(s.user_display_name.as_ref()).as_deref(),
            Some("O'Neil")
        );
        assert_eq!(s.app_display_name.as_deref(), Some("R&D"));
        assert_eq!(s.resource_display_name.as_deref(), Some("A < B"));
        assert_eq!(s.service_principal_name.as_deref(), Some("S&P"));
        assert_eq!(
            shown(s.device.display_name.as_ref()).as_deref(),
            Some("D&1")
        );
        assert_eq!(shown(s.location.city.as_ref()).as_deref(), Some("L'Aquila"));
        assert_eq!(shown(s.location.state.as_ref()).as_deref(), Some("A&B"));
        let names = s.network_locations[0].network_names.iter();
        let names: Vec<_> = names.filter_map(Personal::shown).collect();
        assert_eq!(names, ["HQ & labs", "plain"]);
        let detail = s.authentication_steps[0].method_detail.as_ref();
        assert_eq!(shown(detail).as_deref(), Some("Key \"1\""));
        let policy = &s.policies.as_deref().unwrap()[0];
        assert_eq!(policy.id.as_deref(), Some("p&amp;q"));
        assert_eq!(policy.display_name.as_deref(), Some("Block & log"));
        assert_eq!(policy.grant_controls.other, ["T&C"]);
        assert_eq!(policy.authentication_strength.as_deref(), Some("A&B"));
    });
}

#[test]
fn the_identity_names_a_user_only() {
    for (category, name) in [
        (Category::Interactive, Some("Ada")),
        (Category::Adfs, Some("Ada")),
        (Category::ServicePrincipal, None),
        (Category::ManagedIdentity, None),
        (Category::MicrosoftServicePrincipal, None),
    ] {
        let body = format!(
            r#"{{"category":"{}","identity":"Ada","properties":{{}}}}"#,
            category.as_str()
        );
        one(&body, |s, _| {
            assert_eq!(shown(s.user_display_name.as_ref()).as_deref(), name);
        });
    }
    let body =
        r#"{"category":"SignInLogs","identity":"Ada","properties":{"userDisplayName":"A. Vale"}}"#;
    one(body, |s, _| {
        assert_eq!(
            shown(s.user_display_name.as_ref()).as_deref(),
            Some("A. Vale")
        );
    });
}
