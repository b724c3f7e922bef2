//! The whole service against a real Kafka on the same machine: how fast it catches up with a
//! backlog, and what that costs.
//!
//! `cargo bench --bench end_to_end [-- RECORDS [ROUNDS]]`; see `benches/README.md`.
#![allow(clippy::expect_used)] // the ground of a measurement: where it gives way, it ends
#![allow(clippy::cast_precision_loss)] // figures for people
#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports)] // the broker tests use more of it
mod support;

use std::fs;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use signin_diagnostics::cli::demo::generator::{Generator, Profile};
use support::{Setup, Signal, produce, wait};

/// Messages of about 20 records each; the seed fixes them.
const SEED: u64 = 2026;
const PARTITIONS: i32 = 4;
/// A catch-up that takes longer has failed.
const DEADLINE: Duration = Duration::from_mins(5);

struct Round {
    seconds: f64,
    cpu_seconds: f64,
    peak_kib: u64,
}

fn main() {
    // `cargo bench` passes `--bench`.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok());
    let records: u64 = numbers.next().unwrap_or(200_000);
    let rounds: u64 = numbers.next().unwrap_or(3);

    let mut setup = Setup::new("bench", PARTITIONS);
    let (sent, bytes) = load(&setup.input, records);
    println!(
        "{sent} records, {:.1} KB on average, {PARTITIONS} partitions",
        bytes as f64 / sent as f64 / 1_000.0
    );
    println!(
        "{:>10} {:>8} {:>12} {:>16} {:>8}",
        "records/s", "MB/s", "CPU s/100k", "records/CPU s", "peak MB"
    );
    for round in 0..rounds {
        // A new group reads from the beginning.
        setup.group = format!("{}-{round}", setup.input);
        let Round {
            seconds,
            cpu_seconds,
            peak_kib,
        } = run(&setup, sent);
        let sent = sent as f64;
        println!(
            "{:>10.0} {:>8.0} {:>12.2} {:>16.0} {:>8.0}",
            sent / seconds,
            bytes as f64 / seconds / 1e6,
            cpu_seconds / sent * 1e5,
            sent / cpu_seconds,
            peak_kib as f64 / 1_024.0,
        );
    }
}

/// Fills the input topic; gives the records and bytes sent.
fn load(topic: &str, records: u64) -> (u64, u64) {
    let mut generator = Generator::new(SEED, Profile::corpus());
    let start = Utc::now() - TimeDelta::hours(1);
    let (mut sent, mut bytes) = (0, 0);
    let bodies = std::iter::from_fn(|| {
        (sent < records).then(|| {
            let message = generator.next_message(start);
            sent += message.records;
            bytes += message.body.len() as u64;
            message.body
        })
    });
    produce(topic, bodies, |n| {
        i32::try_from(n).unwrap_or(0) % PARTITIONS
    });
    (sent, bytes)
}

/// From the first record read to the last one settled.
fn run(setup: &Setup, records: u64) -> Round {
    let mut service = setup.start();
    let settled = || service.metrics().sum("signin_records_received_total");
    let up = wait::holds_within(DEADLINE, || service.get("/livez").is_some());
    assert!(up, "the service does not start:\n{}", service.log());
    let first = wait::holds_within(DEADLINE, || settled() > 0.0);
    let start = Instant::now();
    let done = wait::holds_within(DEADLINE, || settled() >= records as f64);
    let seconds = start.elapsed().as_secs_f64();
    assert!(first && done, "the backlog is not done:\n{}", service.log());
    let process = format!("/proc/{}", service.pid());
    let round = Round {
        seconds,
        cpu_seconds: cpu_seconds(&process),
        peak_kib: peak_kib(&process),
    };
    service.signal(Signal::Term);
    service.wait(DEADLINE);
    round
}

/// User and system time of the whole process (proc(5), fields 14 and 15, in ticks of 10 ms).
fn cpu_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("{process}/stat")).expect("Linux tells of the process");
    let after_name = stat.rsplit(") ").next().expect("the name is in brackets");
    let ticks: u64 = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number of ticks"))
        .sum();
    ticks as f64 / 100.0
}

fn peak_kib(process: &str) -> u64 {
    let status =
        fs::read_to_string(format!("{process}/status")).expect("Linux tells of the process");
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .expect("Linux tells of the peak")
}
