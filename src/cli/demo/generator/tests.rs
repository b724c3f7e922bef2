use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Generator, Message, Profile};

fn messages(seed: u64, profile: Profile, records: u64) -> Vec<Message> {
    let mut generator = Generator::new(seed, profile);
    let mut now = DateTime::from_timestamp(1_790_000_000, 123_000_000).expect("a valid time");
    let mut produced = Vec::new();
    let mut count = 0;
    while count < records {
        let message = generator.next_message(now);
        count += message.records;
        produced.push(message);
        now += TimeDelta::milliseconds(500);
    }
    produced
}

fn records(message: &Message) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&message.body).expect("valid JSON");
    body["records"].as_array().expect("an array").clone()
}

fn code(record: &Value) -> i64 {
    record["properties"]["status"]["errorCode"]
        .as_i64()
        .expect("a code")
}

fn is_sign_in(record: &Value) -> bool {
    record["category"]
        .as_str()
        .is_some_and(|category| category.ends_with("SignInLogs"))
}

fn share(part: usize, of: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let share = part as f64 / of as f64;
    share
}

#[test]
fn the_same_seed_gives_the_same_messages_and_another_seed_others() {
    let first = messages(7, Profile::demo(), 500);
    assert_eq!(first, messages(7, Profile::demo(), 500));
    assert_ne!(first, messages(8, Profile::demo(), 500));
}

#[test]
fn what_is_not_bad_is_valid_json_and_counted_as_announced() {
    for message in messages(1, Profile::demo(), 20_000) {
        if message.bad > 0 {
            continue;
        }
        let records = records(&message);
        let sign_ins: Vec<&Value> = records.iter().filter(|r| is_sign_in(r)).collect();
        let ids: Vec<&str> = sign_ins
            .iter()
            .filter_map(|r| r["properties"]["id"].as_str())
            .collect();
        assert_eq!(records.len() as u64, message.records);
        assert_eq!(sign_ins.len() as u64, message.sign_ins);
        assert_eq!(ids, message.ids);
        for record in sign_ins {
            assert_eq!(record["resultType"], code(record).to_string());
        }
    }
}

#[test]
fn bad_records_of_every_kind_occur_and_are_no_valid_json() {
    let messages = messages(1, Profile::demo(), 60_000);
    let bad: Vec<&Message> = messages.iter().filter(|m| m.bad > 0).collect();
    for message in &bad {
        assert!(serde_json::from_slice::<Value>(&message.body).is_err());
    }
    let whole = bad.iter().filter(|m| !m.body.starts_with(b"{")).count();
    let broken = bad.iter().filter(|m| m.body.ends_with(b"]}")).count();
    let cut = bad.len() - whole - broken;
    assert!(whole > 0 && broken > 0 && cut > 0, "{whole} {broken} {cut}");
}

#[test]
fn every_id_that_comes_again_is_a_repeat_or_an_update() {
    let messages = messages(3, Profile::demo(), 20_000);
    let ids: Vec<&String> = messages.iter().flat_map(|m| &m.ids).collect();
    let distinct: HashSet<&&String> = ids.iter().collect();
    let again: u64 = messages.iter().map(|m| m.repeats + m.updates).sum();
    assert!(messages.iter().any(|m| m.repeats > 0));
    assert!(messages.iter().any(|m| m.updates > 0));
    assert_eq!((ids.len() - distinct.len()) as u64, again);
}

#[test]
fn an_interrupt_is_followed_by_a_success_of_the_same_flow() {
    let mut codes: HashMap<String, Vec<i64>> = HashMap::new();
    for record in messages(5, Profile::corpus(), 10_000)
        .iter()
        .flat_map(records)
    {
        if is_sign_in(&record) {
            let flow = record["correlationId"].as_str().expect("a flow").to_owned();
            codes.entry(flow).or_default().push(code(&record));
        }
    }
    let flows = codes.values().filter(|codes| codes.len() == 2).count();
    assert!(flows > 200, "{flows}");
    for codes in codes.values().filter(|codes| codes.len() == 2) {
        assert_ne!(codes[0], 0);
        assert_eq!(codes[1], 0);
    }
}

#[test]
fn the_corpus_has_the_size_and_the_mix_of_the_benchmarks() {
    let messages = messages(11, Profile::corpus(), 12_000);
    let records: Vec<Value> = messages.iter().flat_map(records).collect();
    let sizes: Vec<usize> = records.iter().map(|r| r.to_string().len()).collect();
    let bytes: usize = messages.iter().map(|m| m.body.len()).sum();
    let average = bytes / records.len();
    assert!((5_700..6_300).contains(&average), "average {average}");
    let largest = sizes.iter().copied().max().unwrap_or(0);
    assert!((15_000..19_000).contains(&largest), "largest {largest}");

    let sign_ins: Vec<&Value> = records.iter().filter(|r| is_sign_in(r)).collect();
    let others = share(records.len() - sign_ins.len(), records.len());
    assert!((0.025..0.035).contains(&others), "others {others}");
    let successes = sign_ins.iter().filter(|r| code(r) == 0).count();
    let successes = share(successes, records.len());
    assert!((0.73..0.77).contains(&successes), "successes {successes}");

    let listed: Vec<usize> = sign_ins
        .iter()
        .filter_map(|r| r["properties"]["appliedConditionalAccessPolicies"].as_array())
        .map(Vec::len)
        .filter(|len| *len > 0)
        .collect();
    let policies = share(listed.iter().sum(), listed.len());
    assert!((20.0..24.0).contains(&policies), "policies {policies}");

    let mut categories: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &sign_ins {
        *categories
            .entry(record["category"].as_str().expect("a category"))
            .or_default() += 1;
    }
    assert_eq!(categories.len(), 6, "{categories:?}");
    assert!(categories["NonInteractiveUserSignInLogs"] > 3 * categories["SignInLogs"]);
}

#[test]
fn policies_agree_with_the_ending() {
    let mut seen = 0;
    for record in messages(13, Profile::corpus(), 10_000)
        .iter()
        .flat_map(records)
    {
        let properties = &record["properties"];
        let Some(policies) = properties["appliedConditionalAccessPolicies"].as_array() else {
            continue;
        };
        let failed: Vec<&Value> = policies
            .iter()
            .filter(|policy| policy["result"] == "failure")
            .collect();
        let blocked = failed
            .iter()
            .any(|policy| policy["enforcedGrantControls"][0] == "Block");
        match code(&record) {
            0 => assert!(failed.is_empty(), "{record}"),
            53003 => {
                assert!(
                    blocked && properties["conditionalAccessStatus"] == "failure",
                    "{record}"
                );
                seen += 1;
            }
            53000 => assert!(failed.len() == 1 && !blocked, "{record}"),
            _ => {}
        }
        for policy in policies {
            let missed = policy["conditionsNotSatisfied"].as_u64().expect("a mask");
            let applied = policy["result"] == "success" || policy["result"] == "failure";
            assert!(!applied || missed == 0, "{policy}");
            assert!(policy["result"] != "notApplied" || missed != 0, "{policy}");
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn the_spike_is_a_rise_of_blocks_by_one_new_policy() {
    let profile = Profile {
        spike_after: Some(5_000),
        bad: 0,
        ..Profile::demo()
    };
    let records: Vec<Value> = messages(17, profile, 10_000)
        .iter()
        .flat_map(records)
        .collect();
    let by_new_policy = |record: &&Value| {
        record["properties"]["appliedConditionalAccessPolicies"]
            .as_array()
            .is_some_and(|policies| {
                policies.iter().any(|policy| {
                    policy["result"] == "failure"
                        && policy["displayName"]
                            .as_str()
                            .is_some_and(|name| name.starts_with("CA118"))
                })
            })
    };
    let (before, after) = records.split_at(5_000);
    assert_eq!(before.iter().filter(by_new_policy).count(), 0);
    let blocks = after.iter().filter(by_new_policy).count();
    assert!(share(blocks, after.len()) > 0.1, "{blocks}");
}

#[test]
fn the_test_profile_is_small_and_every_id_is_new() {
    let messages = messages(19, Profile::tests(), 5_000);
    let ids: HashSet<&String> = messages.iter().flat_map(|m| &m.ids).collect();
    let records: u64 = messages.iter().map(|m| m.records).sum();
    let bytes: usize = messages.iter().map(|m| m.body.len()).sum();
    assert_eq!(ids.len() as u64, records);
    assert!(bytes / ids.len() < 800, "{}", bytes / ids.len());
}

/// Times are where the log has them: minutes after the event, never in the future.
#[test]
fn event_times_lie_one_to_four_minutes_before_the_message() {
    let mut generator = Generator::new(23, Profile::tests());
    let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time");
    for record in records(&generator.next_message(now)) {
        let created: DateTime<Utc> = record["properties"]["createdDateTime"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a time");
        assert!((60..240).contains(&(now - created).num_seconds()));
    }
}
