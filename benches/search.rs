//! `search` and the console over 200,000 diagnoses on four partitions of a real Kafka on the same
//! machine: how long an answer takes, and how much memory.
//!
//! `cargo bench --bench search`; see `benches/README.md`.
#![allow(clippy::expect_used)] // the ground of a measurement: where it gives way, it ends
#![allow(clippy::cast_precision_loss)] // figures for people
#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports)] // the broker tests use more of it
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use serde_json::Value;
use signin_diagnostics::config::{Settings, Sources};
use signin_diagnostics::kafka;
use uuid::Uuid;

use support::broker::broker;
use support::leash::{Leash, send_signal};
use support::topic;

const RECORDS: u64 = 200_000;
const PARTITIONS: i32 = 4;
const USERS: u64 = 2_000;
const ROUNDS: usize = 3;

/// The sign-ins are of so long, up to now.
const DAY: TimeDelta = TimeDelta::days(1);
/// Between a sign-in and its record.
const DELAY: TimeDelta = TimeDelta::minutes(5);

const FLUSH: Duration = Duration::from_mins(2);
const ANSWER: Duration = Duration::from_mins(2);

/// As they come: three quarters of all sign-ins succeed.
const KINDS: [&str; 8] = [
    "successful_sign_in",
    "successful_sign_in",
    "blocked_by_conditional_access",
    "successful_sign_in",
    "successful_sign_in",
    "mfa_from_conditional_access",
    "successful_sign_in",
    "successful_sign_in",
];

fn main() {
    let topic = topic("search-bench", PARTITIONS);
    let set = settings(&topic);
    let now = Utc::now();
    let bytes = fill(&topic, &set, now);
    let user = user(7);
    let name = format!("{}@fabrikam.example", &user[..8]);
    println!(
        "{RECORDS} diagnoses of {:.1} KB on {PARTITIONS} partitions; medians of {ROUNDS}\n",
        bytes as f64 / RECORDS as f64 / 1_000.0
    );
    println!(
        "{:<44}{:>9}{:>12}{:>9}{:>9}",
        "", "seconds", "records/s", "MB", "found"
    );
    let hour = ["--from", "6h", "--to", "5h"];
    let all = ["--from", "all"];
    let cases: [(&str, Vec<&str>, bool); 6] = [
        (
            "one hour of one user, by id",
            [&hour[..], &["--user", &user]].concat(),
            false,
        ),
        (
            "one hour of one user, by name",
            [&hour[..], &["--user", &name]].concat(),
            false,
        ),
        (
            "all of one user, by name: a full scan",
            [&all[..], &["--user", &name]].concat(),
            true,
        ),
        (
            "the newest 100 of all",
            [&all[..], &["--limit", "100"]].concat(),
            true,
        ),
        (
            "all, counted by scenario",
            [&all[..], &["--group-by", "scenario"]].concat(),
            true,
        ),
        (
            "all, streamed as NDJSON",
            [&all[..], &["--stream"]].concat(),
            true,
        ),
    ];
    for (what, arguments, is_full) in cases {
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| search(&arguments, &set)).collect();
        rounds.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        line(what, is_full, rounds[ROUNDS / 2]);
    }
    console(&set, &name);
}

#[derive(Debug, Clone, Copy)]
struct Round {
    seconds: f64,
    peak_megabytes: f64,
    /// Lines that were written.
    found: usize,
}

fn line(what: &str, is_full: bool, round: Round) {
    let rate = if is_full {
        format!("{:.0}", RECORDS as f64 / round.seconds)
    } else {
        String::new()
    };
    let Round {
        seconds,
        peak_megabytes,
        found,
    } = round;
    println!("{what:<44}{seconds:>9.2}{rate:>12}{peak_megabytes:>9.0}{found:>9}");
}

fn settings(topic: &str) -> Vec<String> {
    vec![
        format!("kafka.bootstrap_servers={}", broker().bootstrap),
        format!("output.topic={topic}"),
        "input.topics=none".to_owned(),
        "input.group_id=searches".to_owned(),
        "dead_letter.topic=none-dead".to_owned(),
    ]
}

fn user(n: u64) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()).to_string()
}

/// Writes the diagnoses as the service would; gives their bytes.
fn fill(topic: &str, set: &[String], now: DateTime<Utc>) -> u64 {
    let sources = Sources {
        set: set.to_vec(),
        ..Sources::default()
    };
    let settings = Settings::load(&sources).expect("valid settings");
    let producer: ThreadedProducer<DefaultProducerContext> =
        kafka::producer(&settings).create().expect("a producer");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut kinds = KINDS.map(|kind| -> Value {
        let record = fs::read(folder.join(format!("{kind}.json"))).expect("it is there");
        serde_json::from_slice(&record).expect("it is JSON")
    });
    let step = DAY / i32::try_from(RECORDS).expect("few enough");
    let mut bytes = 0;
    for n in 0..RECORDS {
        let user = user(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % USERS);
        let time = now - DAY + step * i32::try_from(n).expect("few enough");
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, &n.to_be_bytes()).to_string();
        let kind = usize::try_from(n).expect("few enough") % KINDS.len();
        let record = &mut kinds[kind];
        record["diagnosis_id"] = id.clone().into();
        record["correlation_id"] = id.clone().into();
        record["sign_in_id"] = id.into();
        record["event_time"] = time.to_rfc3339().into();
        record["user"]["id"] = user.clone().into();
        record["user"]["principal_name"] = format!("{}@fabrikam.example", &user[..8]).into();
        let body = record.to_string();
        bytes += body.len() as u64;
        let mut next = BaseRecord::to(topic)
            .key(&user)
            .payload(&body)
            .timestamp((time + DELAY).timestamp_millis());
        while let Err((error, back)) = producer.send(next) {
            let is_full = error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert!(is_full, "{error}");
            thread::sleep(Duration::from_millis(10));
            next = back;
        }
    }
    producer.flush(FLUSH).expect("all are sent");
    bytes
}

fn command(subcommand: &str, arguments: &[&str], set: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"));
    command
        .arg(subcommand)
        .args(arguments)
        .args(set.iter().flat_map(|one| ["--set", one]))
        .stdin(Stdio::null());
    command
}

/// From the start of the program to its end.
fn search(arguments: &[&str], set: &[String]) -> Round {
    let start = Instant::now();
    let mut process = command("search", arguments, set)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the built binary starts");
    let mut out = BufReader::new(process.stdout.take().expect("it is piped"));
    let lines = thread::spawn(move || {
        let mut found = 0;
        let mut line = Vec::new();
        while out.read_until(b'\n', &mut line).expect("it can be read") > 0 {
            found += 1;
            line.clear();
        }
        found
    });
    let mut peak_megabytes: f64 = 0.0;
    let status = loop {
        // The highest so far: the last one before the end counts.
        peak_megabytes = peak_megabytes.max(peak(process.id()).unwrap_or(0.0));
        if let Some(status) = process.try_wait().expect("it can be asked") {
            break status;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "{arguments:?}");
    Round {
        seconds,
        peak_megabytes,
        found: lines.join().expect("it counts"),
    }
}

fn peak(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1_024.0)
}

/// Pages of one console, one after the other, then two at a time; memory is that of the process
/// so far.
fn console(set: &[String], name: &str) {
    let mut process = command("console", &[], set)
        .args(["--set", "console.listen=127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary starts");
    let _leash = Leash::attach(process.id(), None);
    let mut log = BufReader::new(process.stderr.take().expect("it is piped"));
    let mut first = String::new();
    log.read_line(&mut first).expect("it is text");
    let address = first
        .split_once("url=http://")
        .and_then(|(_, rest)| rest.split_once('/'));
    let address = address.expect("it says where it listens").0.to_owned();
    let page = |path: &str| {
        let start = Instant::now();
        let mut stream = TcpStream::connect(&address).expect("it listens");
        stream.set_read_timeout(Some(ANSWER)).expect("it is set");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        (
            start.elapsed().as_secs_f64(),
            answer.matches("<tr>").count().saturating_sub(1),
        )
    };
    let user = format!("/search?from=all&user={name}");
    for (what, path) in [
        (
            "console: one hour of one user, by name",
            &*format!("{user}&from=6h&to=5h"),
        ),
        ("console: all of one user, by name", &user),
        ("console: newest 100 of all", "/search?from=all"),
        (
            "console: all, counted by scenario",
            "/search?from=all&group=scenario",
        ),
    ] {
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| page(path)).collect();
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (seconds, found) = rounds[ROUNDS / 2];
        let peak_megabytes = peak(process.id()).expect("it runs");
        let is_full = !path.contains("to=5h");
        line(
            what,
            is_full,
            Round {
                seconds,
                peak_megabytes,
                found,
            },
        );
    }
    let (seconds, found) = thread::scope(|scope| {
        let two = [(); 2].map(|()| scope.spawn(|| page("/search?from=all&rows=1000")));
        let answers = two.map(|one| one.join().expect("an answer"));
        (answers[0].0.max(answers[1].0), answers[0].1)
    });
    let peak_megabytes = peak(process.id()).expect("it runs");
    line(
        "console: newest 1,000, twice at a time",
        true,
        Round {
            seconds,
            peak_megabytes,
            found,
        },
    );
    end(process);
}

fn end(mut process: Child) {
    send_signal(&process, "INT");
    process.wait().expect("it ends");
}
