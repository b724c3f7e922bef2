//! Of a mixed stream every record is diagnosed, skipped or a dead letter, and counted once.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::{Diagnosis, diagnosis, duplicates};
use crate::support::{Load, Message, Setup, read_all};

const PARTITIONS: usize = 4;

#[test]
#[allow(clippy::cast_precision_loss)] // counts far below 2^52
fn every_record_comes_out_once_and_the_counters_agree() {
    let load = Load::generate(1, Profile::demo(), 8_000);
    let setup = Setup::new("delivers", 4).set("workers", "2");
    let mut service = setup.start();
    service.wait_ready();
    // A hand-over in the middle would make a partition forget what it has seen.
    setup.wait_settled(2);
    setup.send(load.bodies());

    let records = load.records();
    service.wait_for_records(records);
    setup.wait_committed(Duration::from_secs(20));
    service.wait_for_metrics(Duration::from_secs(20), "the lag is 0", |metrics| {
        (0..PARTITIONS).all(|partition| {
            let label = format!("partition=\"{partition}\"");
            metrics.sum_with("signin_consumer_lag_messages", &label) < 0.5
        })
    });

    let output = read_all(&setup.output);
    let diagnoses: Vec<Diagnosis> = output.iter().map(diagnosis).collect();
    let by_id = setup.diagnoses();
    let copies = duplicates(&load.ids(), &by_id);
    assert_eq!(output.len(), by_id.len() + copies);

    // A partition remembers the sign-ins that it has seen.
    let first: BTreeSet<(usize, &str)> = load
        .messages
        .iter()
        .enumerate()
        .flat_map(|(n, message)| {
            message
                .ids
                .iter()
                .map(move |id| (n % PARTITIONS, id.as_str()))
        })
        .collect();
    let first = first.len() as f64;
    let sign_ins = load.sum(|message| message.sign_ins) as f64;
    let skipped = load.sum(|message| message.skipped) as f64;
    let bad = load.sum(|message| message.bad) as f64;
    assert!(sign_ins > first && skipped > 0.0 && bad > 0.0, "a poor mix");

    let metrics = service.metrics();
    let sum = |name: &str| metrics.sum(name);
    let repeats = sum("signin_repeats_total");
    let updates = sum("signin_updates_total") + sum("signin_pages_total");
    assert_eq!(
        sum("signin_messages_received_total"),
        load.messages.len() as f64
    );
    assert_eq!(
        sum("signin_received_bytes_total"),
        load.sum(|m| m.body.len() as u64) as f64
    );
    assert_eq!(sum("signin_records_received_total"), records as f64);
    assert_eq!(sum("signin_diagnoses_total"), first);
    assert_eq!(repeats + updates, sign_ins - first);
    assert!(repeats > 0.0 && updates > 0.0, "{repeats} {updates}");
    assert_eq!(sum("signin_records_skipped_total"), skipped);
    assert_eq!(sum("signin_dead_letters_total"), bad);
    assert_eq!(output.len() as f64, first + updates);
    assert_eq!(sum("signin_produced_records_total"), first + updates + bad);
    assert_eq!(setup.read_dead_letters().len() as f64, bad);
    assert_eq!(
        records as f64,
        sum("signin_diagnoses_total") + updates + repeats + skipped + bad
    );
    assert_eq!(sum("signin_assigned_partitions"), 4.0);

    for (scenario, count) in first_scenarios(&diagnoses) {
        let label = format!("scenario=\"{scenario}\"");
        let counted = metrics.sum_with("signin_diagnoses_total", &label);
        assert_eq!(counted, f64::from(count), "{scenario}");
    }
    for (message, diagnosis) in output.iter().zip(&diagnoses) {
        is_as_documented(message, diagnosis, &setup.input);
        let offset = usize::try_from(diagnosis.source.offset).expect("from 0");
        let partition = usize::try_from(diagnosis.source.partition).expect("from 0");
        let source = &load.messages[offset * PARTITIONS + partition];
        assert!(source.ids.contains(&diagnosis.sign_in_id), "{diagnosis:?}");
    }
    service.stop();
}

/// The scenario of the first record of each sign-in in each partition, counted.
fn first_scenarios(diagnoses: &[Diagnosis]) -> BTreeMap<&str, u32> {
    let mut in_order: Vec<&Diagnosis> = diagnoses.iter().collect();
    in_order.sort_by(|a, b| a.source.cmp(&b.source));
    let mut seen = BTreeSet::new();
    let mut counts = BTreeMap::new();
    for diagnosis in in_order {
        if seen.insert((diagnosis.source.partition, &diagnosis.sign_in_id)) {
            *counts.entry(diagnosis.scenario.as_str()).or_default() += 1;
        }
    }
    counts
}

fn is_as_documented(message: &Message, diagnosis: &Diagnosis, input: &str) {
    let json: Value = serde_json::from_slice(&message.payload).expect("valid JSON");
    assert!(no_nulls(&json), "{json}");
    assert_eq!(diagnosis.schema_version, 1);
    assert_eq!(diagnosis.source.topic, input);
    let headers: Vec<(&str, &[u8])> = message
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    assert_eq!(
        headers,
        [
            ("schema_version", b"1".as_slice()),
            ("scenario", diagnosis.scenario.as_bytes()),
            ("outcome", diagnosis.outcome.as_bytes()),
            ("content-type", b"application/json"),
        ]
    );
    let account = [&diagnosis.user, &diagnosis.service_principal]
        .into_iter()
        .flatten()
        .find_map(|account| account.id.as_deref());
    assert_eq!(message.key.as_deref(), account.map(str::as_bytes));
}

fn no_nulls(json: &Value) -> bool {
    match json {
        Value::Null => false,
        Value::Array(list) => list.iter().all(no_nulls),
        Value::Object(object) => object.values().all(no_nulls),
        _ => true,
    }
}
