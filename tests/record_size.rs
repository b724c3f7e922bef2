//! How large a full record of a typical sign-in is: the output topic is paid for by the byte.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

mod cases;

use cases::{cases, record_of};
use serde_json::{Value, json};
use signin_diagnostics::diagnosis::Detail;

/// Names as tenants have them: those of Microsoft's policy templates, with the prefixes of its
/// naming convention.
const NAMES: [&str; 10] = [
    "CA001: Require multifactor authentication for admins",
    "CA002: Securing security info registration",
    "CA003: Block legacy authentication",
    "CA004: Require multifactor authentication for all users",
    "CA005: Require multifactor authentication for guest access",
    "CA006: Require multifactor authentication for Azure management",
    "CA007: Require MFA for risky sign-ins",
    "CA008: Require password change for high-risk users",
    "CA009: Require compliant or hybrid joined device",
    "CA010: Block access for unknown or unsupported device platform",
];

/// Result, controls, conditions that matched and that did not, as the stream's bits.
const KINDS: [(&str, &[&str], u64, u64); 10] = [
    ("notApplied", &["Mfa"], 1, 2),
    ("notApplied", &["Mfa"], 2, 1),
    ("notApplied", &["Block"], 3, 16),
    ("success", &["Mfa"], 3, 0),
    ("notApplied", &["Mfa"], 1, 2),
    ("notApplied", &["Mfa"], 2, 1),
    ("notApplied", &["Mfa"], 3, 32),
    ("notApplied", &["Mfa", "PasswordChange"], 3, 64),
    (
        "reportOnlyFailure",
        &["RequireCompliantDevice", "RequireDomainJoinedDevice"],
        3,
        0,
    ),
    ("notApplied", &["Block"], 3, 4),
];

fn policy(at: usize) -> Value {
    let (result, controls, satisfied, not_satisfied) = KINDS[at % KINDS.len()];
    json!({
        "id": format!("70000000-0000-4000-8000-{at:012}"),
        "displayName": NAMES[at % NAMES.len()],
        "result": result,
        "enforcedGrantControls": controls,
        "enforcedSessionControls": [],
        "conditionsSatisfied": satisfied,
        "conditionsNotSatisfied": not_satisfied,
    })
}

/// An event with the user agent, device and ids of a browser on a registered machine.
fn event(name: &str, policies: Vec<Value>) -> Value {
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let mut event = case.event;
    let properties = &mut event["properties"];
    properties["userAgent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0".into();
    properties["deviceDetail"]["deviceId"] = "44444444-dddd-4000-8000-00000000000c".into();
    properties["deviceDetail"]["displayName"] = "FAB-LT-0417".into();
    properties["deviceDetail"]["trustType"] = "Azure AD registered".into();
    properties["appliedConditionalAccessPolicies"] = policies.into();
    event
}

fn bytes(event: &Value) -> usize {
    let record: Value = serde_json::from_str(&record_of(event, Detail::Full, None)).unwrap();
    record.to_string().len()
}

#[test]
fn a_full_record_of_a_typical_event_is_under_4_kb() {
    for (name, controls, policy_name) in [
        (
            "blocked_by_conditional_access",
            "Block",
            "CA012: Block access by location",
        ),
        (
            "failed_conditional_access",
            "RequireCompliantDevice",
            "CA009: Require compliant device",
        ),
        ("mfa_from_conditional_access", "Mfa", NAMES[3]),
        ("mfa_from_conditional_access_declined", "Mfa", NAMES[3]),
        (
            "mfa_from_other_requirements",
            "RequireCompliantDevice",
            NAMES[8],
        ),
        ("mfa_proofup_required", "Mfa", NAMES[3]),
        ("mfa_proofup_not_from_secure_location", "Mfa", NAMES[3]),
    ] {
        let mut policies: Vec<Value> = (0..6).map(policy).collect();
        policies[3]["displayName"] = policy_name.into();
        policies[3]["result"] = "failure".into();
        policies[3]["enforcedGrantControls"] = json!([controls]);
        policies[3]["conditionsSatisfied"] = 11.into();
        let bytes = bytes(&event(name, policies));
        assert!(bytes < 4_096, "{name}: {bytes}");
        assert!(bytes > 3_000, "{name} is no typical event: {bytes}");
    }
}

#[test]
fn a_full_record_of_a_success_with_40_policies_is_under_12_kb() {
    let bytes = bytes(&event(
        "successful_sign_in_mfa_done",
        (0..40).map(policy).collect(),
    ));
    assert!(bytes < 12_288, "{bytes}");
    assert!(bytes > 9_000, "it is no typical event: {bytes}");
}
