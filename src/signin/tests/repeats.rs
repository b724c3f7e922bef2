//! Policies that repeat within a message.
use super::{Item, LIMITS, Privacy, Reader, describe};

fn read(message: &str) -> Vec<String> {
    let mut seen = Vec::new();
    Reader::new(LIMITS, Privacy::default()).read(message.as_bytes(), &mut |item| match item {
        Item::SignIn {
            sign_in, faults, ..
        } => seen.push(describe(sign_in, faults)),
        other => panic!("{other:?}"),
    });
    seen
}

fn record(id: usize, policies: &[&str]) -> String {
    format!(
        r#"{{"category":"SignInLogs","properties":{{"id":"{id}","appId":"app",
            "appliedConditionalAccessPolicies":[{}]}}}}"#,
        policies.join(", ")
    )
}

/// The records read together are what each is by itself.
fn assert_same(records: &[String]) {
    let together = read(&format!(r#"{{"records":[{}]}}"#, records.join(",")));
    let lines = read(&records.join("\n").replace("\n  ", " "));
    let alone: Vec<String> = records.iter().flat_map(|record| read(record)).collect();
    assert_eq!(alone.len(), records.len());
    assert_eq!(together, alone);
    assert_eq!(lines, alone);
}

const BLOCK: &str = r#"{"id":"1","displayName":"Block &amp; more","result":"notApplied",
    "enforcedGrantControls":["Block","Terms"],"enforcedSessionControls":["SignInFrequency"],
    "conditionsSatisfied":3,"conditionsNotSatisfied":"location,agentRisk",
    "includeRulesSatisfied":[{"conditionalAccessCondition":"users","ruleSatisfied":"allUsers"}],
    "authenticationStrength":{"displayName":"Strong"}}"#;
const ALMOST: &str = r#"{"id":"1","displayName":"Block &amp; more","result":"notApplied"}"#;
const ESCAPED: &str = r#"{"id":"2","displayName":"R\u0026D \"x\"","result":"success"}"#;
const FAULTY: &str = r#"{"id":7,"displayName":["x"],"result":{},"enforcedGrantControls":3}"#;

#[test]
fn a_policy_that_repeats_is_what_it_was() {
    let records: Vec<String> = [
        &[BLOCK, ALMOST, ESCAPED][..],
        &[BLOCK, ALMOST, ESCAPED],
        &[ESCAPED, BLOCK],
        &[],
        &[BLOCK, BLOCK, ALMOST, "null", ESCAPED],
        &[ALMOST],
    ]
    .iter()
    .enumerate()
    .map(|(id, policies)| record(id, policies))
    .collect();
    assert_same(&records);
}

#[test]
fn a_fault_of_a_policy_that_repeats_counts_again() {
    let records = [
        record(0, &[FAULTY, BLOCK]),
        record(1, &[BLOCK]),
        record(2, &[FAULTY]),
        record(3, &["7", FAULTY]),
    ];
    assert_same(&records);
    let seen = read(&records.join("\n").replace("\n  ", " "));
    let faulty = "appliedConditionalAccessPolicies\"]";
    let expected = [true, false, true, true];
    for (record, expected) in seen.iter().zip(expected) {
        assert_eq!(record.contains(faulty), expected, "{record}");
    }
}

#[test]
fn more_policies_than_are_remembered_are_read() {
    let policies: Vec<String> = (0..600)
        .map(|id| format!(r#"{{"id":"{id}","result":"success"}}"#))
        .collect();
    let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
    let records = [
        record(0, &policies),
        record(1, &policies),
        record(
            2,
            &[policies[0], policies[255], policies[256], policies[599]],
        ),
    ];
    assert_same(&records);
}

#[test]
fn policies_of_either_level_and_name_and_as_text_are_told_apart() {
    let text = format!("{:?}", format!("[{ESCAPED}]"));
    let records = [
        format!(
            r#"{{"id":"a","appId":"x","status":{{"errorCode":0}},"appliedConditionalAccessPolicies":[{ALMOST}]}}"#
        ),
        record(1, &[ESCAPED, ALMOST]),
        format!(
            r#"{{"id":"c","appId":"x","status":{{"errorCode":0}},"conditionalAccessPolicies":[{ALMOST},{ESCAPED}]}}"#
        ),
        format!(
            r#"{{"id":"d","appId":"x","status":{{"errorCode":0}},"ConditionalAccessPolicies":{text}}}"#
        ),
        record(4, &[ALMOST, ESCAPED, BLOCK]),
    ];
    assert_same(&records);
}

#[test]
fn what_a_broken_record_taught_is_not_mixed_up() {
    let broken = record(1, &[ALMOST, r#"{"id":"3","result":"success"]"#]);
    let whole = [record(0, &[BLOCK]), record(2, &[ESCAPED, ALMOST, BLOCK])];
    let message = format!(r#"{{"records":[{},{broken},{}]}}"#, whole[0], whole[1]);
    let mut seen = Vec::new();
    Reader::new(LIMITS, Privacy::default()).read(message.as_bytes(), &mut |item| {
        if let Item::SignIn {
            sign_in, faults, ..
        } = item
        {
            seen.push(describe(sign_in, faults));
        }
    });
    let alone: Vec<String> = whole.iter().flat_map(|record| read(record)).collect();
    assert_eq!(seen, alone);
}
