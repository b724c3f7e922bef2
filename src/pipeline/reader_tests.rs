use serde_json::{Value, json};

use super::*;
use crate::config::{DeadLetter, PrivacySettings};
use crate::diagnosis::catalog::Catalog;
use crate::diagnosis::{Detail, DetailRules, Outcome, Scenario};
use crate::pipeline::batch::OutputKind;
use crate::pipeline::tally;
use crate::signin::{Category, SkippedCategory};

struct Bench {
    reader: MessageReader,
    seen: Seen,
    place: MessagePlace,
}

impl Bench {
    fn new(detail: Detail, limit: usize) -> Bench {
        let catalog = Catalog::embedded().unwrap();
        let diagnoser = Diagnoser::new(catalog, DetailRules::all(detail));
        let limits = Limits::decompressed(1 << 20);
        let maximum = Maximum {
            output_bytes: limit,
            records: 50,
            bounds: Bounds::DEFAULT,
        };
        Bench {
            reader: MessageReader::new(
                limits,
                &PrivacySettings::default(),
                Arc::new(diagnoser),
                Arc::default(),
                Tally::new(tally::tests::metrics()),
                Follower::new(Arc::default()),
                MessageKey::User,
                maximum,
                DeadLetterLimit::new(&DeadLetter {
                    topic: "dead".to_owned(),
                    max_ratio: None,
                    max_consecutive: Some(10),
                }),
            ),
            seen: Seen::new(100),
            place: MessagePlace {
                topic: Arc::from("in"),
                partition: 2,
                offset: 40,
            },
        }
    }

    /// Reads one message; gives its outputs as (kind, key, payload).
    fn read(&mut self, body: &str) -> (Receipt, Vec<(OutputKind, Option<String>, String)>) {
        let mut batch = Batch::default();
        let mut receipt = Receipt::default();
        let message = Diagnosing {
            payload: body.as_bytes(),
            first_position: 0,
            is_new: true,
            place: &self.place,
            seen: &mut self.seen,
            batch: &mut batch,
            receipt: &mut receipt,
        };
        self.reader.read(message).unwrap();
        self.place.offset += 1;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let outputs = (0..batch.len())
            .map(|index| {
                let output = batch.output(index).unwrap();
                let key = batch.key(output).map(text);
                (output.kind.clone(), key, text(batch.payload(output)))
            })
            .collect();
        assert_eq!(
            receipt.records,
            receipt.fates.iter().map(|(_, count)| count).sum::<u64>()
        );
        (receipt, outputs)
    }
}

fn blocked(id: &str, policies: &Value) -> Value {
    json!({"category": "SignInLogs", "tenantId": "t", "properties": {
        "id": id, "createdDateTime": "2026-11-20T10:00:00Z", "userId": "user-1",
        "status": {"errorCode": 53003}, "appliedConditionalAccessPolicies": policies}})
}

fn policy(id: &str) -> Value {
    json!({"id": id, "displayName": id, "result": "failure", "enforcedGrantControls": ["Block"]})
}

#[test]
fn every_record_of_a_message_has_one_fate() {
    let mut bench = Bench::new(Detail::Full, 1 << 20);
    let body = format!(
        r#"{{"records":[{},{{"category":"AuditLogs"}},{{"a":tru}},{}]}}"#,
        blocked("a", &json!([policy("p")])),
        blocked("a", &json!([policy("p")])),
    );
    let (receipt, outputs) = bench.read(&body);
    let diagnosis = Fate::Diagnosis {
        scenario: Scenario::BlockedByConditionalAccess,
        outcome: Outcome::Blocked,
        category: Category::Interactive,
    };
    assert_eq!(
        receipt.fates,
        [
            (diagnosis, 1),
            (Fate::Skipped(SkippedCategory::AuditLogs), 1),
            (Fate::DeadLetter(BadReason::Syntax), 1),
            (Fate::Repeat, 1),
        ]
    );
    let [(_, key, record), (letter, None, bytes)] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(key.as_deref(), Some("user-1"));
    assert_eq!(bytes, r#"{"a":tru}"#);
    assert!(matches!(letter, OutputKind::DeadLetter { position: 2, .. }));
    let record: Value = serde_json::from_str(record).unwrap();
    let source = json!({"topic": "in", "partition": 2, "offset": 40, "position": 0});
    assert_eq!(record["source"], source);
}

#[test]
fn a_message_with_too_many_records_is_one_dead_letter_and_leaves_nothing_behind() {
    let mut bench = Bench::new(Detail::Full, 1 << 20);
    let event = blocked("a", &json!([policy("p")])).to_string();
    let body = |count| format!("[{}]", vec![event.as_str(); count].join(","));
    let (receipt, outputs) = bench.read(&body(51));
    let [(kind, None, bytes)] = &outputs[..] else {
        panic!("{} outputs", outputs.len());
    };
    assert!(matches!(
        kind,
        OutputKind::DeadLetter {
            reason: BadReason::TooManyRecords,
            position: 0,
            ..
        }
    ));
    assert_eq!(*bytes, body(51));
    let letter = Fate::DeadLetter(BadReason::TooManyRecords);
    assert_eq!(
        (receipt.records, &receipt.fates[..]),
        (1, &[(letter, 1)][..])
    );
    let (receipt, _) = bench.read(&body(50));
    assert!(matches!(
        receipt.fates[..],
        [(Fate::Diagnosis { .. }, 1), (Fate::Repeat, 49)]
    ));
}

#[test]
fn dead_letters_in_a_row_pass_the_limit_and_those_read_again_do_not_count_twice() {
    let mut bench = Bench::new(Detail::Full, 1 << 20);
    let mut read = |is_new, payload: &str| {
        let message = Diagnosing {
            payload: payload.as_bytes(),
            first_position: 0,
            is_new,
            place: &bench.place,
            seen: &mut bench.seen,
            batch: &mut Batch::default(),
            receipt: &mut Receipt::default(),
        };
        bench.reader.read(message)
    };
    for n in 0..30 {
        // Each of ten messages comes three times.
        assert_eq!(read(n % 3 == 0, "no JSON"), Ok(()));
    }
    assert_eq!(
        read(true, "no JSON"),
        Err(Breach::Consecutive { records: 11 })
    );
}

#[test]
fn updates_and_pages_are_written_and_not_counted_again() {
    let mut bench = Bench::new(Detail::Full, 1 << 20);
    bench.read(&blocked("a", &json!([policy("p")])).to_string());
    let (receipt, outputs) = bench.read(&blocked("a", &json!([policy("q")])).to_string());
    assert_eq!(receipt.fates, [(Fate::Page, 1)]);
    assert!(outputs[0].2.contains(r#""policy_page":true"#));
    let (receipt, outputs) = bench.read(&blocked("a", &json!([])).to_string());
    assert_eq!(receipt.fates, [(Fate::Update, 1)]);
    assert!(!outputs[0].2.contains("policy_page"));
}

#[test]
fn a_record_that_is_too_large_is_trimmed_and_says_so() {
    let long = "x".repeat(3_000);
    let policies: Vec<Value> = (0..40).map(|n| policy(&format!("{n}{long}"))).collect();
    let mut bench = Bench::new(Detail::Full, 50_000);
    let (_, outputs) = bench.read(&blocked("a", &json!(policies)).to_string());
    let record = &outputs[0].2;
    assert!(record.len() <= 50_000, "{} bytes", record.len());
    let record: Value = serde_json::from_str(record).unwrap();
    assert_eq!(record["trimmed"], true);
    assert_eq!(record["scenario"], "blocked_by_conditional_access");
    assert!(record["conditional_access"]["not_shown"].as_u64().unwrap() > 0);
}

#[test]
fn outputs_shrink_until_they_are_as_small_as_they_get() {
    let mut bench = Bench::new(Detail::Full, 1 << 20);
    assert!(bench.reader.shrink(100_000));
    assert_eq!(bench.reader.maximum.output_bytes, 50_000);
    assert!(!bench.reader.shrink(20_000));
    assert_eq!(bench.reader.maximum.output_bytes, 50_000);
}

#[test]
fn a_diagnosis_without_record_is_counted_and_still_tells_repeats() {
    let mut bench = Bench::new(Detail::None, 1 << 20);
    let event = blocked("a", &json!([policy("p")])).to_string();
    let (receipt, outputs) = bench.read(&event);
    assert_eq!((receipt.without_record, outputs.len()), (1, 0));
    let (receipt, _) = bench.read(&event);
    assert_eq!(receipt.fates, [(Fate::Repeat, 1)]);
}
