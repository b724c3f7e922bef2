//! The hot path copies nothing that it can point at.
use std::borrow::Cow;

use super::*;

#[test]
fn a_record_without_escapes_is_borrowed_from_the_message() {
    one(AZURE, |s, _| {
        let policies = s.policies.as_ref().unwrap();
        for text in [
            &s.id,
            &s.correlation_id,
            &s.tenant_id,
            &s.failure_reason,
            &s.app_id,
            &s.app_display_name,
            &s.resource_id,
            &s.client_app_used,
            &s.device.browser,
            &s.risk_level,
            &s.authentication_requirement,
            &s.authentication_steps[0].method,
            &s.requirement_policies[0].requirement_provider,
            &policies[0].id,
            &policies[1].display_name,
        ] {
            assert!(matches!(text, Some(Cow::Borrowed(_))), "{text:?}");
        }
        assert!(matches!(policies[1].session_controls[0], Cow::Borrowed(_)));
        assert!(matches!(
            policies[1].grant_controls.other[0],
            Cow::Borrowed(_)
        ));
        assert!(matches!(s.risk_event_types[0], Cow::Borrowed(_)));
    });
}

#[test]
fn an_escape_is_read() {
    one(
        &azure(r#""appDisplayName":"R\u0026D \"x\" \ud83d\ude00""#),
        |s, _| {
            assert_eq!(s.app_display_name.as_deref(), Some("R&D \"x\" 😀"));
        },
    );
}
