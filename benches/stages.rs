//! What a record costs in each stage of a worker, without Kafka: the time is that of one record.
//!
//! `cargo bench --bench stages`. Reading takes the whole message, the other stages the sign-ins
//! in it. `mix` is the corpus of the end-to-end benchmark with the default detail, `full failure`
//! its records that are written in full.
#![allow(clippy::expect_used)] // the ground of a measurement: where it gives way, it ends
use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use signin_diagnostics::cli::demo::generator::{Generator, Profile};
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, Provenance, Source, Time, Versions, write_diagnosis,
    write_provenance,
};
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader, SignIn};

const SEED: u64 = 2026;
const RECORDS: u64 = 2_000;

struct Messages {
    bodies: Vec<Vec<u8>>,
    records: u64,
    bytes: u64,
}

fn messages(profile: Profile) -> Messages {
    let mut generator = Generator::new(SEED, profile);
    let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let mut made = Messages {
        bodies: Vec::new(),
        records: 0,
        bytes: 0,
    };
    while made.records < RECORDS {
        let message = generator.next_message(now);
        made.records += message.records;
        made.bytes += message.body.len() as u64;
        made.bodies.push(message.body);
    }
    made
}

fn reader() -> Reader {
    Reader::new(Limits::decompressed(1 << 20), Privacy::default())
}

fn diagnoser(rules: DetailRules) -> Diagnoser {
    let catalog = Catalog::embedded().expect("the catalog of the program");
    Diagnoser::new(catalog, rules)
}

/// The sign-ins that a stage is measured with.
type Wanted<'w> = &'w dyn Fn(&SignIn<'_>) -> bool;

const SOURCE: Source<'static> = Source::Kafka {
    topic: "sign-ins",
    partition: 3,
    offset: 123_456,
    position: 7,
};

fn provenance() -> Provenance<'static> {
    Provenance {
        policy_page: false,
        source: SOURCE,
        diagnosed_at: Time::new(Utc::now()),
        versions: Versions {
            service: "0.1.0",
            catalog: "2026-01",
            snapshot: None,
        },
    }
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    let shapes = [
        ("3 KB, no policies", 0, 1..=40),
        ("6 KB, 22 policies", 22, 1..=40),
        ("6 KB, 22 policies, alone", 22, 1..=1),
        ("15 KB, 55 policies", 55, 1..=40),
    ];
    for (name, policies, batch) in shapes {
        let messages = messages(Profile {
            policies: policies..=policies,
            long_lists: 0,
            others: 0,
            batch,
            ..Profile::corpus()
        });
        group.throughput(Throughput::Bytes(messages.bytes / messages.records));
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let mut reader = reader();
            b.iter_custom(|iterations| {
                let mut left = iterations;
                let start = Instant::now();
                for body in messages.bodies.iter().cycle() {
                    if left == 0 {
                        break;
                    }
                    reader.read(body, &mut |item| {
                        black_box(&item);
                        left = left.saturating_sub(1);
                    });
                }
                start.elapsed()
            });
        });
    }
    group.finish();
}

/// The time that `stage` takes for each sign-in that is `wanted`, reading apart.
fn timed(
    messages: &Messages,
    iterations: u64,
    wanted: Wanted<'_>,
    stage: &mut dyn FnMut(&SignIn<'_>) -> Duration,
) -> Duration {
    let mut reader = reader();
    let mut left = iterations;
    let mut spent = Duration::ZERO;
    for body in messages.bodies.iter().cycle() {
        if left == 0 {
            break;
        }
        reader.read(body, &mut |item| {
            if let Item::SignIn { sign_in, .. } = item
                && left > 0
                && wanted(sign_in)
            {
                left -= 1;
                spent += stage(sign_in);
            }
        });
    }
    spent
}

fn stages(c: &mut Criterion) {
    let messages = messages(Profile::corpus());
    let default = diagnoser(DetailRules::default());
    let full = diagnoser(DetailRules::all(Detail::Full));
    let all = |_: &SignIn<'_>| true;
    let failed = |sign_in: &SignIn<'_>| sign_in.error_code != Some(0);
    let subjects: [(&str, &Diagnoser, Wanted<'_>); 3] = [
        ("mix", &default, &all),
        ("full failure", &default, &failed),
        ("mix, all full", &full, &all),
    ];
    let mut group = c.benchmark_group("diagnose");
    for (name, diagnoser, wanted) in subjects {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter_custom(|iterations| {
                timed(&messages, iterations, wanted, &mut |sign_in| {
                    let start = Instant::now();
                    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
                    black_box(&diagnosis);
                    drop(diagnosis);
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
    let mut group = c.benchmark_group("encode");
    for (name, diagnoser, wanted) in subjects {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let provenance = provenance();
            let mut out = Vec::with_capacity(1 << 16);
            b.iter_custom(|iterations| {
                timed(&messages, iterations, wanted, &mut |sign_in| {
                    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
                    out.clear();
                    let start = Instant::now();
                    write_diagnosis(&diagnosis, &mut out);
                    write_provenance(&provenance, &mut out);
                    black_box(&out);
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
    let mut group = c.benchmark_group("diagnose and encode");
    for (name, diagnoser, wanted) in subjects {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let provenance = provenance();
            let mut out = Vec::with_capacity(1 << 16);
            b.iter_custom(|iterations| {
                timed(&messages, iterations, wanted, &mut |sign_in| {
                    out.clear();
                    let start = Instant::now();
                    let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
                    write_diagnosis(&diagnosis, &mut out);
                    write_provenance(&provenance, &mut out);
                    black_box(&out);
                    drop(diagnosis);
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, stages);
criterion_main!(benches);
