//! What a record leaves out, because it is told elsewhere in it or of no interest.
use serde_json::{Value, json};

use crate::diagnosis::catalog::Catalog;
use crate::diagnosis::{Bounds, Detail, DetailRules, Diagnoser, Source};
use crate::signin::{
    AppliedPolicy, AuthenticationStep, Condition, GrantControl, Personal, PolicyResult,
    RequirementPolicy, SignIn,
};

fn record(sign_in: &SignIn<'_>) -> Value {
    const SOURCE: Source<'static> = Source::Kafka {
        topic: "sign-ins",
        partition: 0,
        offset: 12,
        position: 1,
    };
    let rules = DetailRules::all(Detail::Full);
    let diagnoser = Diagnoser::new(Catalog::embedded().unwrap(), rules);
    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
    serde_json::to_value(diagnosis).unwrap()
}

/// Asks for multifactor authentication, and its location did not match.
fn policy(result: PolicyResult<'static>) -> AppliedPolicy<'static> {
    let mut policy = AppliedPolicy {
        id: Some("p-1".into()),
        display_name: Some("MFA for all".into()),
        result,
        ..AppliedPolicy::default()
    };
    policy.grant_controls.insert(GrantControl::Mfa);
    policy.conditions_not_satisfied.bits = Condition::Location.bit();
    policy
}

#[test]
fn beside_the_policies_that_decided_the_others_are_told_in_brief() {
    let mut bare = policy(PolicyResult::NotApplied);
    bare.display_name = None;
    let mut unknown = policy(PolicyResult::NotApplied);
    unknown.grant_controls.other.push("Visitor terms".into());
    let policies = vec![
        policy(PolicyResult::Failure),
        policy(PolicyResult::Success),
        policy(PolicyResult::NotApplied),
        bare,
        unknown,
    ];
    let shown = |error_code| {
        let sign_in = SignIn {
            error_code: Some(error_code),
            policies: Some(policies.clone()),
            ..SignIn::default()
        };
        record(&sign_in)["conditional_access"].clone()
    };
    let brief = json!({"name": "MFA for all", "result": "not_applied",
        "conditions_not_satisfied": ["location"]});
    let decided = shown(53003);
    assert_eq!(decided["policies"][2], brief);
    // Where it has no name, the id is what it is called; what is not known is never left out.
    assert_eq!(decided["policies"][3]["id"], "p-1");
    assert_eq!(
        decided["policies"][4]["grant_controls"],
        json!(["Mfa", "Visitor terms"])
    );
    assert_eq!(decided["policies"][1]["id"], "p-1");
    // Where none decided, each is told in full, with what the sign-in brought.
    let undecided = shown(50126);
    let not_applied = undecided["policies"].as_array().unwrap();
    let not_applied = not_applied
        .iter()
        .find(|it| it["name"] == "MFA for all" && it["result"] == "not_applied");
    assert_eq!(not_applied.unwrap()["grant_controls"], json!(["Mfa"]));
    assert!(undecided["sign_in_values"]["location"].is_string());
}

#[test]
fn what_the_record_says_elsewhere_is_not_said_again() {
    let mut sign_in = SignIn {
        error_code: Some(500_121),
        user_agent: Some(Personal::new("Mozilla/5.0".into())),
        authentication_protocol: Some("none".into()),
        incoming_token_type: Some("None".into()),
        additional_details: Some("MFA denied; user declined the authentication".into()),
        requirement_policies: vec![
            RequirementPolicy {
                requirement_provider: Some("multiConditionalAccess".into()),
                detail: Some("Conditional Access".into()),
            },
            RequirementPolicy {
                requirement_provider: Some("user".into()),
                detail: Some("Per-user MFA".into()),
            },
        ],
        ..SignIn::default()
    };
    let alone = record(&sign_in);
    assert_eq!(alone["client"], json!({"user_agent": "Mozilla/5.0"}));
    let details = "MFA denied; user declined the authentication";
    assert_eq!(alone["error"]["additional_details"], details);
    let sources = &alone["authentication"]["sources"];
    assert!(sources[0]["detail"].is_null());
    assert_eq!(sources[1]["detail"], "Per-user MFA");

    sign_in.device.browser = Some("Edge 131".into());
    sign_in.device.operating_system = Some("".into());
    assert_eq!(record(&sign_in)["client"], alone["client"]);
    sign_in.device.operating_system = Some("Windows 11".into());
    sign_in.authentication_steps = vec![AuthenticationStep {
        result_detail: Some(details.into()),
        ..AuthenticationStep::default()
    }];
    let told = record(&sign_in);
    assert!(told["client"].is_null() && told["error"]["additional_details"].is_null());
    assert_eq!(told["authentication"]["steps"][0]["result"], details);
}
