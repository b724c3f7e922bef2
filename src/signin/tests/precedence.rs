//! Which of several keys decides, in whatever order they come.
use super::*;

/// Reads the two members in both orders.
fn both_orders(first: &str, second: &str, check: impl Fn(&SignIn<'_>)) {
    for body in [
        format!(r#"{{"category":"SignInLogs",{first},{second}}}"#),
        format!(r#"{{{second},{first},"category":"SignInLogs"}}"#),
    ] {
        one(&body, |sign_in, _| check(sign_in));
    }
}

#[test]
fn properties_win_over_the_root() {
    both_orders(
        r#""correlationId":"root","callerIpAddress":"192.0.2.1","location":"SE","resultDescription":"root","userId":"root","appId":"root","riskEventTypes":["root"],"appliedConditionalAccessPolicies":[{"id":"root"}],"deviceDetail":{"browser":"root"}"#,
        r#""properties":{"correlationId":"p","ipAddress":"192.0.2.2","location":{"city":"Oslo","countryOrRegion":"NO"},"status":{"failureReason":"p"},"userId":"p","riskEventTypes":["p"],"appliedConditionalAccessPolicies":[],"deviceDetail":{"operatingSystem":"p"}}"#,
        |s| {
            assert_eq!(s.correlation_id.as_deref(), Some("p"));
            assert_eq!(shown(s.ip_address.as_ref()).as_deref(), Some("192.0.2.2"));
            assert_eq!(shown(s.location.city.as_ref()).as_deref(), Some("Oslo"));
            assert_eq!(
                shown(s.location.country_or_region.as_ref()).as_deref(),
                Some("NO")
            );
            assert_eq!(s.failure_reason.as_deref(), Some("p"));
            assert_eq!(shown(s.user_id.as_ref()).as_deref(), Some("p"));
            assert_eq!(s.app_id.as_deref(), Some("root"));
            assert_eq!(s.risk_event_types, ["p"]);
            assert_eq!(s.policies, Some(vec![]));
            assert_eq!(s.device.browser.as_deref(), Some("root"));
            assert_eq!(s.device.operating_system.as_deref(), Some("p"));
        },
    );
}

#[test]
fn the_root_fills_what_properties_leave_out() {
    both_orders(
        r#""correlationId":"root","callerIpAddress":"192.0.2.1","location":"SE","resultDescription":"root","resultType":"7""#,
        r#""properties":{"correlationId":"","ipAddress":null,"status":{"failureReason":""}}"#,
        |s| {
            assert_eq!(s.correlation_id.as_deref(), Some("root"));
            assert_eq!(shown(s.ip_address.as_ref()).as_deref(), Some("192.0.2.1"));
            assert_eq!(
                shown(s.location.country_or_region.as_ref()).as_deref(),
                Some("SE")
            );
            assert_eq!(s.failure_reason.as_deref(), Some("root"));
            assert_eq!(s.error_code, Some(7));
        },
    );
}

#[test]
fn properties_may_be_json_text() {
    let plain = r#"{"time":"2026-03-02T08:11:05Z","category":"SignInLogs","properties":{"id":"a","status":{"errorCode":5},"location":{"city":"Lund"},"appliedConditionalAccessPolicies":[{"id":"p","enforcedGrantControls":["Mfa","x"]}]}}"#;
    let text = r#"{"time":"2026-03-02T08:11:05Z","category":"SignInLogs","properties":"{\"id\":\"a\",\"status\":\"{\\\"errorCode\\\":5}\",\"location\":{\"city\":\"Lund\"},\"appliedConditionalAccessPolicies\":\"[{\\\"id\\\":\\\"p\\\",\\\"enforcedGrantControls\\\":[\\\"Mfa\\\",\\\"x\\\"]}]\"}"}"#;
    assert_eq!(read(text), read(plain));
    assert_eq!(ids(&read(text)), ["a"]);
}

#[test]
fn the_event_time_is_the_creation_time() {
    for (record, time) in [
        (
            r#""time":"2026-01-01T00:05:00Z","properties":{"createdDateTime":"2026-01-01T00:01:00Z"}"#,
            Some("2026-01-01T00:01:00+00:00"),
        ),
        (
            r#""properties":{"createdDateTime":"2026-01-01T00:01:00-05:00"},"time":"2026-01-01T00:05:00Z""#,
            Some("2026-01-01T05:01:00+00:00"),
        ),
        (
            r#""time":"12/12/2025 3:03:58 PM","properties":{}"#,
            Some("2025-12-12T15:03:58+00:00"),
        ),
        (
            r#""time":"2026-01-01 00:05:00.5","properties":{"createdDateTime":"soon"}"#,
            Some("2026-01-01T00:05:00.500+00:00"),
        ),
        (
            r#""time":"2026-01-01T00:05:00Z","properties":{"createdDateTime":"0001-01-01T00:00:00Z"}"#,
            Some("2026-01-01T00:05:00+00:00"),
        ),
        (
            r#""TimeGenerated":"2026-01-01T00:05:00Z","CreatedDateTime":"2026-01-01T00:01:00Z""#,
            Some("2026-01-01T00:01:00+00:00"),
        ),
        (
            r#""TimeGenerated":"2026-01-01T00:05:00Z""#,
            Some("2026-01-01T00:05:00+00:00"),
        ),
        (r#""userId":"u""#, None),
    ] {
        one(
            &format!(r#"{{"category":"SignInLogs",{record}}}"#),
            |s, _| {
                assert_eq!(
                    s.event_time.map(|time| time.to_rfc3339()).as_deref(),
                    time,
                    "{record}"
                );
            },
        );
    }
}

#[test]
fn the_tenant_is_the_first_that_is_named() {
    let all = r#""tenantId":"root","resourceId":"/tenants/from-resource/providers/x","properties":{"tenantId":"inner","resourceTenantId":"of-resource","homeTenantId":"home"}"#;
    let mut without = String::from(all);
    for (tenant, dropped) in [
        (Some("root"), r#""tenantId":"root","#),
        (Some("inner"), r#""tenantId":"inner","#),
        (
            Some("from-resource"),
            r#""resourceId":"/tenants/from-resource/providers/x","#,
        ),
        (Some("of-resource"), r#""resourceTenantId":"of-resource","#),
        (Some("home"), r#""homeTenantId":"home""#),
        (None, ""),
    ] {
        one(
            &format!(r#"{{"category":"SignInLogs",{without}}}"#),
            |s, _| {
                assert_eq!(s.tenant_id.as_deref(), tenant, "{without}");
            },
        );
        without = without.replacen(dropped, "", 1);
    }
    for (row, tenant) in [
        (r#""TenantId":"workspace","AADTenantId":"t""#, Some("t")),
        (
            r#""TenantId":"workspace","TimeGenerated":"2026-01-01T00:05:00Z""#,
            None,
        ),
        (
            r#""tenantid":"workspace","timegenerated":"2026-01-01T00:05:00Z""#,
            None,
        ),
        (
            r#""TenantId":"workspace","ResourceId":"/TENANTS/t2/providers/Microsoft.aadiam""#,
            Some("t2"),
        ),
    ] {
        one(&format!(r#"{{"Category":"SignInLogs",{row}}}"#), |s, _| {
            assert_eq!(s.tenant_id.as_deref(), tenant, "{row}");
        });
    }
}

#[test]
fn the_resource_is_never_an_address_within_azure() {
    for (members, resource) in [
        (
            r#""resourceId":"/tenants/t/providers/x","properties":{"resourceId":"r"}"#,
            Some("r"),
        ),
        (
            r#""resourceId":"/tenants/t/providers/x","properties":{}"#,
            None,
        ),
        (r#""resourceId":"/subscriptions/s/x","properties":{}"#, None),
        (
            r#""resourceId":"https://service.example","properties":{}"#,
            Some("https://service.example"),
        ),
        (
            r#""ResourceId":"/tenants/t/providers/x","ResourceIdentity":"r""#,
            Some("r"),
        ),
        (r#""resourceId":"r""#, Some("r")),
    ] {
        one(
            &format!(r#"{{"category":"SignInLogs",{members}}}"#),
            |s, _| {
                assert_eq!(s.resource_id.as_deref(), resource, "{members}");
            },
        );
    }
}

#[test]
fn a_place_is_an_object_or_a_country() {
    for (members, city, country) in [
        (r#""location":"SE""#, None, Some("SE")),
        (
            r#""location":{"city":"Lund","countryOrRegion":"SE"}"#,
            Some("Lund"),
            Some("SE"),
        ),
        (r#""location":"{\"city\":\"Lund\"}""#, Some("Lund"), None),
        (
            r#""Location":"SE","LocationDetails":{"city":"Lund"}"#,
            Some("Lund"),
            Some("SE"),
        ),
        (
            r#""LocationDetails":"{\"city\":\"Lund\",\"countryOrRegion\":\"NO\"}","Location":"SE""#,
            Some("Lund"),
            Some("NO"),
        ),
        (
            r#""location":"SE","properties":{"location":{}}"#,
            None,
            Some("SE"),
        ),
        (
            r#""location":"","properties":{"location":{"city":"Lund"}}"#,
            Some("Lund"),
            None,
        ),
    ] {
        one(
            &format!(r#"{{"category":"SignInLogs",{members}}}"#),
            |s, _| {
                assert_eq!(
                    shown(s.location.city.as_ref()).as_deref(),
                    city,
                    "{members}"
                );
                assert_eq!(
                    shown(s.location.country_or_region.as_ref()).as_deref(),
                    country,
                    "{members}"
                );
            },
        );
    }
}

#[test]
fn of_duplicate_keys_the_last_wins() {
    for (twice, once) in [
        (
            r#""properties":{"id":"x","appId":"x"},"properties":{"id":"y"}"#,
            r#""properties":{"id":"y"}"#,
        ),
        (
            r#""properties":{"id":"x","id":"y","userId":"x","userId":null}"#,
            r#""properties":{"id":"y"}"#,
        ),
        (r#""properties":{"id":"x"},"properties":null"#, ""),
        (
            r#""correlationId":"x","CorrelationId":"y","properties":{}"#,
            r#""correlationId":"y","properties":{}"#,
        ),
        (
            r#""properties":{"status":{"errorCode":1,"failureReason":"x"},"status":{"errorCode":2}}"#,
            r#""properties":{"status":{"errorCode":2}}"#,
        ),
        (
            r#""properties":{"riskEventTypes":["x","y"],"riskEventTypes":["z"]}"#,
            r#""properties":{"riskEventTypes":["z"]}"#,
        ),
        (
            r#""properties":{"appliedConditionalAccessPolicies":[{"id":"x"},{"id":"y"}],"appliedConditionalAccessPolicies":[{"result":"failure","result":"success"}]}"#,
            r#""properties":{"appliedConditionalAccessPolicies":[{"result":"success"}]}"#,
        ),
        (
            r#""location":{"city":"x"},"location":"SE""#,
            r#""location":"SE""#,
        ),
    ] {
        let record = |members: &str| {
            format!(
                r#"{{"time":"2026-01-01T00:00:00Z",{members}{}"category":"SignInLogs"}}"#,
                if members.is_empty() { "" } else { "," }
            )
        };
        assert_eq!(read(record(twice)), read(record(once)), "{twice}");
    }
    let body = r#"{"category":"AuditLogs","category":"SignInLogs","properties":{"id":"a"}}"#;
    assert_eq!(ids(&read(body)), ["a"]);
}
