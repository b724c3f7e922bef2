//! From one message to its outputs: read, diagnose, tell repeats, encode.
use std::sync::Arc;

use chrono::Utc;
use xxhash_rust::xxh3::xxh3_64;

use super::batch::{Batch, OutputKind};
use super::dead_letter;
use super::dead_letter_limit::{Breach, DeadLetterLimit};
use super::receipt::{Fate, Receipt};
use super::tally::Tally;
use super::worker::MessagePlace;
use crate::delivery::{Fingerprint, Occurrence, Seen};
use crate::diagnosis::{
    Bounds, Detail, Diagnoser, Diagnosis, MessageKey, Provenance, Source, Time, Versions,
    write_diagnosis, write_provenance,
};
use crate::policies::{self, CurrentReader, PolicySnapshot};
use crate::signin::{BadReason, Item, Limits, Reader, SignIn};
use crate::watch::{Follower, WatchLists, Watched};

/// The version in every record.
pub const SERVICE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Below this no record is made smaller: the topic's limit is then a mistake.
const SMALLEST_LIMIT: usize = 16 * 1024;

/// Turns messages into outputs. Holds the buffers that are used again.
pub struct MessageReader {
    reader: Reader,
    diagnoser: Arc<Diagnoser>,
    snapshot: CurrentReader,
    key: MessageKey,
    maximum: Maximum,
    limit: DeadLetterLimit,
    policies: Vec<u32>,
    tally: Tally,
    watch: Follower,
}

/// What one message may become.
#[derive(Debug, Clone, Copy)]
pub struct Maximum {
    /// Of the payload of an output.
    pub output_bytes: usize,
    /// Of one message; one that has more is a dead letter as a whole.
    pub records: u64,
}

/// One message, and where its results go.
pub struct Diagnosing<'m> {
    pub payload: &'m [u8],
    /// The position, in the message where it stood, of its first record: more than 0 where only
    /// a part of that message is read again.
    pub first_position: u32,
    /// It was not read before.
    pub is_new: bool,
    pub place: &'m MessagePlace,
    pub seen: &'m mut Seen,
    pub batch: &'m mut Batch,
    pub receipt: &'m mut Receipt,
}

impl MessageReader {
    #[allow(clippy::too_many_arguments)] // its parts, each of another kind
    pub fn new(
        limits: Limits,
        diagnoser: Arc<Diagnoser>,
        policies: Arc<policies::Current>,
        tally: Tally,
        watch: Follower,
        key: MessageKey,
        maximum: Maximum,
        limit: DeadLetterLimit,
    ) -> Self {
        MessageReader {
            reader: Reader::new(limits),
            diagnoser,
            snapshot: CurrentReader::new(policies),
            key,
            maximum,
            limit,
            policies: Vec::new(),
            tally,
            watch,
        }
    }

    /// Makes outputs smaller, after the broker refused one of `bytes`; false where they are as
    /// small as they get.
    pub fn shrink(&mut self, bytes: usize) -> bool {
        let smaller = (bytes / 2).min(self.maximum.output_bytes);
        if smaller < SMALLEST_LIMIT {
            return false;
        }
        self.maximum.output_bytes = smaller;
        true
    }

    /// Appends the outputs of the message to its batch and what it held to its receipt.
    ///
    /// # Errors
    ///
    /// Where it holds more dead letters than are still allowed: it must not be written.
    pub fn read(&mut self, message: Diagnosing<'_>) -> Result<(), Breach> {
        let Diagnosing {
            payload,
            first_position,
            is_new,
            place,
            seen,
            batch,
            receipt,
        } = message;
        let in_message = |position: u32| position.saturating_add(first_position);
        self.snapshot.refresh();
        let mut record = RecordWriter {
            diagnoser: &self.diagnoser,
            snapshot: self.snapshot.get(),
            key: self.key,
            limit: self.maximum.output_bytes,
            policies: &mut self.policies,
            tally: &mut self.tally,
            watch: self.watch.current(),
            place,
            diagnosed_at: Time::new(Utc::now()),
            seen,
            batch,
            receipt,
        };
        let mut records = 0;
        let mut breach = None;
        let limit = &mut self.limit;
        let mut observe = |is_dead| {
            if is_new && breach.is_none() {
                breach = limit.observe(is_dead);
            }
        };
        self.reader.read(payload, &mut |item| {
            records += 1;
            if records > self.maximum.records {
                return;
            }
            observe(matches!(item, Item::Bad { .. }));
            record.receipt.records += 1;
            match item {
                Item::SignIn {
                    position,
                    sign_in,
                    faults,
                } => {
                    record.receipt.add_faults(faults);
                    record.sign_in(in_message(position), sign_in);
                }
                Item::Skipped { category, .. } => record.receipt.count(Fate::Skipped(category)),
                Item::Bad {
                    position,
                    bytes,
                    reason,
                    ..
                } => record.dead_letter(in_message(position), bytes, reason),
            }
        });
        if records > self.maximum.records {
            observe(true);
            record.start_over();
            record.dead_letter(in_message(0), payload, BadReason::TooManyRecords);
            record.receipt.records += 1;
        }
        self.tally.end_message(receipt);
        breach.map_or(Ok(()), Err)
    }
}

/// Writes the records of one message.
struct RecordWriter<'m> {
    diagnoser: &'m Diagnoser,
    snapshot: Option<&'m PolicySnapshot>,
    key: MessageKey,
    limit: usize,
    policies: &'m mut Vec<u32>,
    tally: &'m mut Tally,
    watch: &'m WatchLists,
    place: &'m MessagePlace,
    diagnosed_at: Option<Time>,
    seen: &'m mut Seen,
    batch: &'m mut Batch,
    receipt: &'m mut Receipt,
}

impl<'m> RecordWriter<'m> {
    /// Forgets what was made of the message so far.
    fn start_over(&mut self) {
        self.batch.clear();
        self.receipt.clear();
        self.tally.clear();
        self.seen.forget_from(self.place.offset);
    }

    fn dead_letter(&mut self, position: u32, bytes: &[u8], reason: BadReason) {
        let start = self.batch.buffer().len();
        let encoding = dead_letter::write_payload(bytes, self.limit, self.batch.buffer());
        let kind = OutputKind::DeadLetter {
            reason,
            position,
            encoding,
        };
        self.batch.push(kind, start, None);
        self.receipt.count(Fate::DeadLetter(reason));
    }

    fn sign_in(&mut self, position: u32, sign_in: &SignIn<'_>) {
        let source = Source::Kafka {
            topic: &self.place.topic,
            partition: self.place.partition,
            offset: self.place.offset,
            position,
        };
        let snapshot = self.snapshot_for(sign_in);
        let watched = self.watch.of(sign_in);
        let mut diagnosis = self
            .diagnoser
            .diagnose(sign_in, &source, Bounds::DEFAULT, snapshot);
        self.watch.mark(watched, &mut diagnosis);
        let start = self.batch.buffer().len();
        write_diagnosis(&diagnosis, self.batch.buffer());
        // What a reader could tell apart, its provenance excepted: same text, same record.
        let content = xxh3_64(&self.batch.buffer()[start..]);
        let occurrence = self.occurrence(sign_in, &diagnosis, content);
        if occurrence == Occurrence::Repeat {
            self.batch.buffer().truncate(start);
            return self.receipt.count(Fate::Repeat);
        }
        self.count(sign_in, &diagnosis, occurrence, watched);
        if diagnosis.detail == Detail::None {
            self.batch.buffer().truncate(start);
            self.receipt.without_record += 1;
            return;
        }
        let provenance = Provenance {
            policy_page: occurrence == Occurrence::Page,
            source,
            diagnosed_at: self.diagnosed_at,
            versions: Versions {
                service: SERVICE_VERSION,
                catalog: self.diagnoser.catalog().version(),
                snapshot: snapshot.map(PolicySnapshot::version),
            },
        };
        write_provenance(&provenance, self.batch.buffer());
        if self.batch.buffer().len() - start > self.limit {
            self.batch.buffer().truncate(start);
            let mut tight = self
                .diagnoser
                .diagnose(sign_in, &source, Bounds::TIGHT, snapshot);
            self.watch.mark(watched, &mut tight);
            write_diagnosis(&tight, self.batch.buffer());
            write_provenance(&provenance, self.batch.buffer());
        }
        let kind = OutputKind::Diagnosis {
            scenario: diagnosis.scenario,
            outcome: diagnosis.outcome,
        };
        self.batch.push(kind, start, diagnosis.key(self.key));
    }

    /// The snapshot, where it is of the sign-in's tenant.
    fn snapshot_for(&self, sign_in: &SignIn<'_>) -> Option<&'m PolicySnapshot> {
        self.snapshot
            .filter(|snapshot| snapshot.applies_to(sign_in.tenant_id.as_deref()))
    }

    fn occurrence(
        &mut self,
        sign_in: &SignIn<'_>,
        diagnosis: &Diagnosis<'_>,
        content: u64,
    ) -> Occurrence {
        let mut moment = [0; 16];
        let time = sign_in
            .event_time
            .map_or(i64::MIN, |time| time.timestamp_micros());
        moment[..8].copy_from_slice(&time.to_le_bytes());
        moment[8..].copy_from_slice(&sign_in.error_code.unwrap_or(i64::MIN).to_le_bytes());
        self.policies.clear();
        let policies = sign_in.policies.iter().flatten();
        self.policies.extend(policies.filter_map(|policy| {
            let id = policy.id.as_deref()?;
            #[allow(clippy::cast_possible_truncation)] // 32 bits tell a few dozen ids apart
            Some(xxh3_64(id.as_bytes()) as u32)
        }));
        let print = Fingerprint {
            content,
            moment: xxh3_64(&moment),
            policies: self.policies,
        };
        let id = diagnosis.diagnosis_id.as_uuid().as_u128();
        self.seen.observe(self.place.offset, id, print)
    }

    fn count(
        &mut self,
        sign_in: &SignIn<'_>,
        diagnosis: &Diagnosis<'_>,
        occurrence: Occurrence,
        watched: Watched,
    ) {
        self.receipt.count(match occurrence {
            Occurrence::First => Fate::Diagnosis {
                scenario: diagnosis.scenario,
                outcome: diagnosis.outcome,
                category: sign_in.category,
            },
            Occurrence::Update => Fate::Update,
            Occurrence::Page => Fate::Page,
            Occurrence::Repeat => Fate::Repeat,
        });
        if let Some(time) = sign_in.event_time {
            self.receipt.event_times.push(time.timestamp_millis());
        }
        if occurrence == Occurrence::First {
            self.receipt.add_context(diagnosis);
            self.tally.first(sign_in, diagnosis, watched, self.receipt);
        }
        // A page carries policies that the rows before it do not.
        if matches!(occurrence, Occurrence::First | Occurrence::Page) {
            self.tally.policies(sign_in);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::DeadLetter;
    use crate::diagnosis::catalog::Catalog;
    use crate::diagnosis::{DetailRules, Outcome, Scenario};
    use crate::pipeline::tally;
    use crate::signin::{Category, Privacy, SkippedCategory};

    struct Bench {
        reader: MessageReader,
        seen: Seen,
        place: MessagePlace,
    }

    impl Bench {
        fn new(detail: Detail, limit: usize) -> Bench {
            let catalog = Catalog::embedded().unwrap();
            let diagnoser = Diagnoser::new(catalog, Privacy, DetailRules::all(detail));
            let limits = Limits {
                decompressed_bytes: 1 << 20,
            };
            let maximum = Maximum {
                output_bytes: limit,
                records: 50,
            };
            Bench {
                reader: MessageReader::new(
                    limits,
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
}
