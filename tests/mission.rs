//! What Microsoft's description of the sign-in diagnostic says that it "will present", sentence
//! by sentence, shown on the reviewed records of `tests/golden`.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

use std::path::Path;

use serde_json::Value;

fn record(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// One reviewed record of each scenario of the description.
const SCENARIOS: [&str; 7] = [
    "blocked_by_conditional_access",
    "failed_conditional_access",
    "mfa_from_conditional_access",
    "mfa_from_other_requirements",
    "mfa_proofup_required",
    "mfa_proofup_not_from_secure_location",
    "successful_sign_in",
];

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|item| item[key].as_str().unwrap())
        .collect()
}

/// The policies that decided, with their tables.
fn deciding(record: &Value) -> Vec<&Value> {
    let policies = record["conditional_access"]["policies"].as_array().unwrap();
    let deciding: Vec<_> = policies
        .iter()
        .filter(|policy| policy["deciding"] == true)
        .collect();
    assert!(deciding.iter().all(|policy| policy["tables"].is_object()));
    deciding
}

/// "Details about the user sign-in."
fn shows_the_sign_in(record: &Value) {
    for part in ["user", "application", "client", "device", "location"] {
        assert!(record[part].is_object(), "{part}: {record:#}");
    }
    assert!(record["event_time"].is_string() && record["error"]["code"].is_i64());
}

/// "The authentication details about that sign-in."
fn shows_the_authentication(record: &Value) {
    let steps = &record["authentication"]["steps"];
    assert!(
        steps[0]["method"].is_string() && steps[0]["result"].is_string(),
        "{record:#}"
    );
}

/// "The results starts with an assessment. The assessment explains in a few sentences what
/// happened."
#[test]
fn an_assessment_explains_in_a_few_sentences_what_happened() {
    for name in SCENARIOS {
        let record = record(name);
        let assessment = record["assessment"].as_str().unwrap();
        let sentences = assessment.matches(". ").count() + 1;
        assert!((2..=6).contains(&sentences), "{name}: {assessment}");
        assert!(
            assessment.contains("nadia.okafor@fabrikam.example"),
            "{assessment}"
        );
    }
}

/// "You get a summary of the related conditional access policies that were applied to the
/// selected sign-in."
#[test]
fn the_related_policies_are_summarised() {
    for (name, results) in [
        (
            "blocked_by_conditional_access",
            vec![
                "failure",
                "success",
                "report_only_failure",
                "not_applied",
                "not_applied",
                "not_enabled",
            ],
        ),
        (
            "mfa_from_conditional_access",
            vec!["failure", "not_applied"],
        ),
    ] {
        let record = record(name);
        assert_eq!(
            texts(&record["conditional_access"]["policies"], "result"),
            results
        );
    }
}

/// "This part is completed by recommended remediation steps to resolve your issue. … a
/// recommended step might be to open a support ticket."
#[test]
fn remediation_steps_are_recommended_and_one_may_be_a_support_ticket() {
    for name in SCENARIOS {
        let record = record(name);
        let actors = texts(&record["remediation"], "actor");
        let known = ["user", "administrator", "microsoft_support"];
        assert!(!actors.is_empty() && actors.iter().all(|actor| known.contains(actor)));
    }
    let record = record("service_issue");
    assert_eq!(
        texts(&record["remediation"], "actor").last(),
        Some(&"microsoft_support")
    );
    let ticket = record["support_ticket"].as_str().unwrap();
    for fact in ["sign_in_id", "correlation_id", "tenant_id"] {
        assert!(
            ticket.contains(record[fact].as_str().unwrap()),
            "{fact}: {ticket}"
        );
    }
    assert!(ticket.contains("90033"), "{ticket}");
}

/// "The diagnostic will present details about the user sign-in and the policy or policies which
/// applied. The diagnostic will show a table of information for each Conditional Access policy
/// which enforced the Block grant control."
#[test]
fn each_policy_that_enforced_block_has_a_table() {
    let record = record("blocked_by_conditional_access_legacy_client");
    for part in ["user", "application", "client", "location"] {
        assert!(record[part].is_object(), "{part}");
    }
    let blocking = deciding(&record);
    assert_eq!(blocking.len(), 2);
    for policy in blocking {
        let controls = &policy["tables"]["access_controls"];
        assert_eq!(texts(controls, "control"), ["Block"]);
        assert!(policy["tables"]["conditions"].is_array());
    }
}

/// "The policy details table will only show conditions which were applicable to the user. The
/// policy details will also show the details from that specific client sign-in attempt which
/// matched the applicable conditions."
#[test]
fn a_table_shows_the_conditions_that_applied_and_what_matched_them() {
    let record = record("blocked_by_conditional_access");
    let policy = deciding(&record)[0];
    let conditions = &policy["tables"]["conditions"];
    assert_eq!(
        texts(conditions, "condition"),
        ["application", "users", "location"]
    );
    let values = texts(conditions, "value");
    for (value, matched) in values
        .iter()
        .zip(["Freight Portal", "nadia.okafor", "Tromsø"])
    {
        assert!(value.contains(matched), "{value}");
    }
}

/// "If a group was selected for the 'Users, Groups and Roles' condition in the Conditional Access
/// policy the table will show the group which was configured in the policy and that the user was
/// a member of that group." Said of what was blocked and of what failed.
#[test]
fn a_configured_group_and_the_membership_are_shown() {
    for name in [
        "blocked_by_conditional_access",
        "failed_conditional_access_expired",
    ] {
        let record = record(&format!("with_snapshot/{name}"));
        let users = &deciding(&record)[0]["tables"]["conditions"][1];
        assert_eq!(users["condition"], "users");
        let configured = users["configured"].as_str().unwrap();
        assert!(
            configured.starts_with("Group: Freight planning (the user is a member)"),
            "{name}: {configured}"
        );
    }
}

/// "More information about the scenario can be found at this link: Conditional Access: Block
/// access", and the links of the other scenarios.
#[test]
fn the_links_of_the_description_are_kept() {
    let troubleshoot = "https://docs.microsoft.com/en-us/azure/active-directory/user-help/multi-factor-authentication-end-user-troubleshoot";
    let how_it_works = "https://docs.microsoft.com/en-us/azure/active-directory/authentication/concept-mfa-howitworks";
    let prompts = "https://docs.microsoft.com/en-us/azure/active-directory/authentication/concepts-azure-multi-factor-authentication-prompts-session-lifetime";
    for (name, links) in [
        (
            "mfa_proofup_required",
            vec![troubleshoot, how_it_works, prompts],
        ),
        ("mfa_proofup_not_from_secure_location", vec![troubleshoot]),
    ] {
        let record = record(name);
        let found = texts(&record["references"], "url");
        assert!(
            links.iter().all(|link| found.contains(link)),
            "{name}: {found:?}"
        );
    }
    let block = record("blocked_by_conditional_access");
    assert!(texts(&block["references"], "title").contains(&"Conditional Access: Block access"));
}

/// "The diagnostic will present details about the user sign-in and the policy or policies which
/// applied. The diagnostic will show one table for each of the applicable aspects of the policy to
/// investigate.
/// For this scenario, the diagnostic will present per-policy tables for Conditions, Access
/// Controls and Session Controls. Note that if configured settings for any of these items are not
/// applicable to the sign-in event's error then that table will not be shown. The tables will
/// also show the details from that specific client sign-in attempt which matched the applicable
/// conditions or access controls."
#[test]
fn a_failed_policy_has_the_tables_that_apply_to_the_error() {
    let device = record("failed_conditional_access");
    shows_the_sign_in(&device);
    let tables = &deciding(&device)[0]["tables"];
    assert!(tables["conditions"].is_array() && tables["session_controls"].is_null());
    let controls = &tables["access_controls"];
    assert_eq!(texts(controls, "state"), ["not_met", "not_met"]);
    assert!(texts(controls, "evidence")[1].contains("Azure AD joined"));

    let session = record("failed_conditional_access_expired");
    let tables = &deciding(&session)[0]["tables"];
    assert!(tables["conditions"].is_array() && tables["access_controls"].is_null());
    assert_eq!(texts(&tables["session_controls"], "state"), ["not_met"]);
}

/// "The intent of this diagnostic scenario is to provide insight that the Multi-Factor
/// Authentication interruption was to set it up and to provide the recommendation to have the user
/// complete the Proofup. … the diagnostic will present details about the user sign-in and the
/// authentication details about that sign-in."
#[test]
fn a_proofup_says_that_it_was_to_set_up_a_method_and_who_completes_it() {
    let record = record("mfa_proofup_required");
    shows_the_sign_in(&record);
    shows_the_authentication(&record);
    let assessment = record["assessment"].as_str().unwrap();
    assert!(assessment.contains("set up a method for multifactor authentication"));
    assert_eq!(record["outcome"], "interrupted");
    let first = &record["remediation"][0];
    assert_eq!(first["actor"], "user");
    assert!(
        first["action"]
            .as_str()
            .unwrap()
            .contains("Register a method"),
        "{first}"
    );
}

/// "… but to do so from a network location which does not appear risky. For example, if a
/// corporate network is defined as a named location attempt to do the Proofup from the corporate
/// network instead."
#[test]
fn a_proofup_from_a_risky_place_recommends_a_known_network() {
    let record = record("mfa_proofup_not_from_secure_location");
    shows_the_sign_in(&record);
    shows_the_authentication(&record);
    let assessment = record["assessment"].as_str().unwrap();
    assert!(assessment.contains("set up a method for multifactor authentication"));
    let first = &record["remediation"][0];
    assert_eq!(first["actor"], "user");
    assert!(
        first["action"]
            .as_str()
            .unwrap()
            .contains("corporate network"),
        "{first}"
    );
}

/// "The intent of this diagnostic scenario is to provide insight into what the user supplied
/// during the sign-in in case there was a Conditional Access policy or policies which were expected
/// to apply, or a configured Multi-Factor Authentication which was expected to interrupt the user
/// sign-in. … details about the user sign-in and the authentication details about that sign-in."
#[test]
fn a_success_says_what_was_supplied_and_why_nothing_interrupted() {
    let record = record("successful_sign_in");
    shows_the_sign_in(&record);
    shows_the_authentication(&record);
    let assessment = record["assessment"].as_str().unwrap();
    for said in [
        "authenticated with Password",
        "\"MFA outside the depots\" did not apply: location did not match",
        "\"Old trial\" is turned off",
        "In report-only mode, \"Trial: terms of use\" would have asked the user to act",
    ] {
        assert!(assessment.contains(said), "{said}: {assessment}");
    }
    let policies = record["conditional_access"]["policies"].as_array().unwrap();
    let expected = policies
        .iter()
        .find(|policy| policy["name"] == "MFA outside the depots")
        .unwrap();
    assert_eq!(expected["conditions_not_satisfied"][0], "location");
    let value = &record["conditional_access"]["sign_in_values"]["location"];
    assert!(value.as_str().unwrap().contains("198.51.100.23"));
}
