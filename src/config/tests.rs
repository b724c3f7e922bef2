//! Whole configurations: what loads, what is refused, and what is never printed.
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::{OPEN_SECTIONS, merge};
use super::reader::Reader;
use super::*;
use crate::diagnosis::{Detail, DetailRules, MessageKey, Scenario};
use crate::signin::Treatment;
use crate::watch::Accounts;

mod any_input;
mod console;
mod credentials;
mod layers;
mod privacy;
mod watch;
mod wrong_settings;

const EVENT_HUBS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/event-hubs.toml");

const SECRET: &str = "c2VjcmV0LWtleQ==";

fn connection_string(rest: &str) -> String {
    format!(
        "Endpoint=sb://example.servicebus.windows.net/;SharedAccessKeyName=stream;\
         SharedAccessKey={SECRET}{rest}"
    )
}

/// The settings without which nothing runs.
const REQUIRED: [&str; 5] = [
    "kafka.bootstrap_servers=localhost:9092",
    "input.topics=sign-ins",
    "input.group_id=diagnostics",
    "output.topic=diagnoses",
    "dead_letter.topic=dead-letters",
];

fn with(set: &[&str]) -> Sources {
    Sources {
        set: REQUIRED
            .iter()
            .chain(set)
            .map(ToString::to_string)
            .collect(),
        ..Sources::default()
    }
}

fn in_environment(mut sources: Sources, variables: &[(&str, &str)]) -> Sources {
    sources.environment.extend(
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    sources
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn in_file(sources: Sources, path: PathBuf) -> Sources {
    Sources {
        files: vec![path],
        ..sources
    }
}

fn password(settings: &Settings) -> (Mechanism, &str, &str) {
    match &settings.kafka.security.sasl {
        Some(Sasl::Password {
            mechanism,
            username,
            password,
        }) => (*mechanism, username, password.expose()),
        other => panic!("{other:?}"),
    }
}

fn refused(sources: &Sources) -> String {
    let faults = Settings::load_all(sources).expect_err("accepted");
    let text = faults.to_string();
    assert_eq!(
        text.lines().count(),
        faults.0.len(),
        "one line a fault: {text}"
    );
    assert!(!text.contains(SECRET), "{text}");
    text
}

#[test]
fn the_defaults_are_those_of_the_file() {
    let (settings, console) = Settings::load_all(&with(&[])).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    let expected = Settings {
        workers: cores,
        kafka: Kafka {
            bootstrap_servers: "localhost:9092".to_owned(),
            profile: Profile::Kafka,
            properties: BTreeMap::new(),
            instance_id: None,
            refusal_timeout: Duration::from_mins(15),
            security: Security {
                protocol: Protocol::Plaintext,
                sasl: None,
                ca_file: None,
                client_certificate: None,
            },
        },
        input: Input {
            topics: vec!["sign-ins".to_owned()],
            group_id: "diagnostics".to_owned(),
            start: Start::Earliest,
            prefetch_bytes: 2 << 20,
        },
        output: Output {
            topic: "diagnoses".to_owned(),
            key: MessageKey::User,
            detail: DetailRules::default(),
            queue_messages: 50_000,
            queue_bytes: 16 << 20,
        },
        dead_letter: DeadLetter {
            topic: "dead-letters".to_owned(),
            max_ratio: Some(0.2),
            max_consecutive: Some(100),
        },
        delivery: Delivery {
            mode: Mode::AtLeastOnce,
            transaction_interval: Duration::from_secs(1),
            commit_interval: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(20),
            remembered_sign_ins: 8192,
        },
        catalog: Catalog { path: None },
        policy_snapshot: PolicySnapshot {
            path: None,
            tenant_id: None,
            max_age: Duration::from_hours(48),
        },
        telemetry: Telemetry {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            log_format: LogFormat::Text,
            log_level: tracing::Level::INFO,
        },
        metrics: MetricOptions::default(),
        limits: Limits {
            message_bytes: 64 << 20,
            decompressed_bytes: 16 << 20,
            decompressed_ratio: 500,
            records_per_message: 10_000,
            policies_per_record: 200,
            text_bytes: 4096,
        },
        watch: Vec::new(),
        privacy: PrivacySettings::default(),
    };
    assert_eq!(settings, expected);
    let expected = Console {
        listen: SocketAddr::from(([127, 0, 0, 1], 9465)),
        access: Access::Machine,
        proxies: Vec::new(),
        hosts: Vec::new(),
    };
    assert_eq!(console, expected);
}

#[test]
fn every_key_of_the_defaults_is_read_and_no_other() {
    let (values, faults) = merge(&Sources::default());
    assert_eq!(faults, []);
    let in_file: BTreeSet<String> = values
        .keys()
        .filter(|key| *key == "output.detail.default" || !is_open(key))
        .cloned()
        .collect();
    let mut reader = Reader::new(values, faults);
    load::read(&mut reader);
    super::console::read(&mut reader);
    let read: BTreeSet<String> = reader.keys_read().iter().map(ToString::to_string).collect();
    assert_eq!(read, in_file);
}

fn is_open(key: &str) -> bool {
    OPEN_SECTIONS.iter().any(|open| key.starts_with(open))
}

#[test]
fn the_required_settings_are_all_asked_for_at_once() {
    let faults = Settings::load(&Sources::default()).unwrap_err();
    let keys: Vec<&str> = faults.0.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "dead_letter.topic",
            "input.group_id",
            "input.topics",
            "kafka.bootstrap_servers",
            "output.topic",
        ]
    );
}
