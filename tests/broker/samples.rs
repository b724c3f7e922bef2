//! A sign-in has one diagnosis, whichever way it comes: alone or in an envelope among other
//! records, from a file or through Kafka.
//!
//! Reads every `*.ndjson` of `tests/fixtures/samples`, or of the folder that the environment
//! variable `SIGNIN_DIAGNOSTICS_SAMPLES` names; each line is
//! `{"source": "…", "format": "…", "event": {…}}`.
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::said;
use crate::support::service::Metrics;
use crate::support::{Setup, Signal, produce, read_all};

const FOLDER_VARIABLE: &str = "SIGNIN_DIAGNOSTICS_SAMPLES";

/// Records in the envelopes, in turn.
const ENVELOPE_SIZES: [usize; 5] = [1, 2, 5, 3, 8];

const AUDIT: &str =
    r#"{"category":"AuditLogs","operationName":"Update policy","properties":{"id":"audit"}}"#;

const DEADLINE: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
struct Sample {
    event: Box<RawValue>,
}

/// Messages, and what they hold.
struct Messages {
    name: &'static str,
    bodies: Vec<String>,
    audit_records: usize,
}

/// What a diagnosis says, the place and the moment of reading apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Content {
    /// Absent where the event has no id of its own: the place gives it one then.
    id: Option<String>,
    record: String,
}

#[test]
fn a_sign_in_has_one_diagnosis_whichever_way_it_comes() {
    let events = samples();
    let ids = ids_of(&events);
    let [alone, mixed] = [each_alone(&events), in_mixed_envelopes(&events)];

    let expected = from_files(&alone);
    assert_eq!(expected.len(), events.len(), "each sample is a sign-in");
    assert_eq!(from_files(&mixed), expected, "in envelopes");
    let found: BTreeSet<_> = expected.iter().filter_map(sign_in_id).collect();
    assert_eq!(found, ids, "ids in, ids out");

    for messages in [&alone, &mixed] {
        let through_kafka = from_service(messages, events.len());
        let name = messages.name;
        assert_eq!(with_id(&through_kafka), with_id(&expected), "{name}");
        assert_eq!(without_id(&through_kafka), without_id(&expected), "{name}");
    }
}

/// Repeats are dropped by the service: what is left is each content once.
fn with_id(contents: &[Content]) -> BTreeSet<&Content> {
    contents.iter().filter(|it| it.id.is_some()).collect()
}

fn without_id(contents: &[Content]) -> BTreeMap<&Content, usize> {
    let mut counted = BTreeMap::new();
    for content in contents.iter().filter(|it| it.id.is_none()) {
        *counted.entry(content).or_default() += 1;
    }
    counted
}

fn samples() -> Vec<String> {
    let folder = env::var_os(FOLDER_VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/samples"),
        PathBuf::from,
    );
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|it| it == "ndjson"))
        .collect();
    files.sort();
    let mut events = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("text");
        for (number, line) in (1..).zip(text.lines()) {
            let sample: Sample = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}:{number}: {error}", file.display()));
            events.push(sample.event.get().to_owned());
        }
    }
    assert!(!events.is_empty(), "no samples in {}", folder.display());
    events
}

/// The ids of the sign-ins, read by other means than the service's.
fn ids_of(events: &[String]) -> BTreeSet<String> {
    let member = |object: &Value, name: &str| {
        object.as_object().and_then(|object| {
            let found = object
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        })
    };
    let id = |event: &String| {
        let event: Value = serde_json::from_str(event).expect("JSON");
        let properties = member(&event, "properties");
        let id = properties
            .and_then(|properties| member(&properties, "id"))
            .or_else(|| member(&event, "id"))?;
        id.as_str().map(str::to_owned)
    };
    events.iter().filter_map(id).collect()
}

fn each_alone(events: &[String]) -> Messages {
    Messages {
        name: "alone",
        bodies: events.to_vec(),
        audit_records: 0,
    }
}

fn in_mixed_envelopes(events: &[String]) -> Messages {
    let mut bodies = Vec::new();
    let mut audit_records = 0;
    let mut sizes = ENVELOPE_SIZES.into_iter().cycle();
    let mut rest = events;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (taken, left) = rest.split_at(size);
        rest = left;
        let mut records = Vec::new();
        for (n, event) in taken.iter().enumerate() {
            if n % 2 == bodies.len() % 2 {
                records.push(AUDIT);
                audit_records += 1;
            }
            records.push(event);
        }
        bodies.push(format!("{{\"records\":[{}]}}", records.join(",")));
    }
    Messages {
        name: "in envelopes",
        bodies,
        audit_records,
    }
}

/// What `diagnose` says, in the order of the events.
fn from_files(messages: &Messages) -> Vec<Content> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["diagnose", "--format", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = messages.bodies.join("\n");
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()).expect("it reads"));
        child.wait_with_output().expect("it ends")
    });
    said::keep("diagnose", &output.stderr);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let records = std::str::from_utf8(&output.stdout).expect("UTF-8").lines();
    records.map(|record| content(record.as_bytes())).collect()
}

/// What `run` writes, once its counters agree with what went in and came out.
fn from_service(messages: &Messages, sign_ins: usize) -> Vec<Content> {
    // One partition: repeats are told within a partition.
    let setup = Setup::new("samples", 1).set("output.detail.successful_sign_in", "\"full\"");
    produce(&setup.input, &messages.bodies, |_| 0);
    let mut service = setup.start();
    service.wait_ready();

    let count = |number: usize| f64::from(u32::try_from(number).expect("a small number"));
    let records = count(sign_ins + messages.audit_records);
    service.wait_for_metrics(
        DEADLINE,
        "every record is accounted for and acknowledged",
        |metrics| {
            same(accounted(metrics), records)
                && same(
                    metrics.sum("signin_produced_records_total"),
                    written(metrics),
                )
        },
    );
    let metrics = service.metrics();
    service.signal(Signal::Term);
    assert!(service.wait(DEADLINE).success(), "{}", service.log());

    let received = metrics.sum("signin_records_received_total");
    assert!(same(received, records), "{received} of {records} records");
    let skipped = metrics.sum("signin_records_skipped_total");
    assert!(same(skipped, count(messages.audit_records)), "{skipped}");
    assert_eq!(read_all(&setup.dead_letters), []);

    let output = read_all(&setup.output);
    assert!(
        same(count(output.len()), written(&metrics)),
        "{}",
        output.len()
    );
    output
        .iter()
        .map(|message| content(&message.payload))
        .collect()
}

fn written(metrics: &Metrics) -> f64 {
    ["diagnoses", "updates", "pages"]
        .iter()
        .map(|kind| metrics.sum(&format!("signin_{kind}_total")))
        .sum()
}

/// The records of which the counters say what became of them.
fn accounted(metrics: &Metrics) -> f64 {
    ["repeats", "records_skipped", "dead_letters"]
        .iter()
        .map(|kind| metrics.sum(&format!("signin_{kind}_total")))
        .sum::<f64>()
        + written(metrics)
}

/// Counters are whole numbers.
fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 0.5
}

fn content(record: &[u8]) -> Content {
    let mut record: Value = serde_json::from_slice(record).expect("a JSON record");
    let object = record.as_object_mut().expect("an object");
    for provenance in ["source", "diagnosed_at", "policy_page"] {
        object.remove(provenance);
    }
    let id = object
        .remove("diagnosis_id")
        .expect("every diagnosis has its id");
    let own = object.contains_key("sign_in_id");
    Content {
        id: own.then(|| id.to_string()),
        record: record.to_string(),
    }
}

fn sign_in_id(content: &Content) -> Option<String> {
    let record: Value = serde_json::from_str(&content.record).expect("JSON");
    record["sign_in_id"].as_str().map(str::to_owned)
}
