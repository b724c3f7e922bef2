//! The whole service against a real Kafka on the same machine: how fast it catches up with a
//! backlog, what that costs beside a program that only moves the bytes, and how that scales; how
//! long a diagnosis takes at a modest rate, and a start.
//!
//! `make bench`, or `cargo bench --bench end_to_end -- --help`; see `benches/README.md`.
#![allow(clippy::expect_used)] // the ground of a measurement: where it gives way, it ends
#![allow(clippy::cast_precision_loss)] // figures for people
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unused_imports)] // the broker tests use more of it
mod support;

mod corpus;
mod floor;
mod latency;
mod process;
mod scaling;
mod start;
mod subject;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use corpus::{Corpus, Shape};
use subject::Subject;
use table::Table;

/// What the floor says when its first output is acknowledged, and when its last is.
const FIRST: &str = "first";
const LAST: &str = "last";

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Records of the backlog: 200,000, and 100,000 for `scaling`.
    #[arg(long, global = true)]
    records: Option<u64>,
    /// How often each subject runs, in turn with the others; for `catch-up` and `scaling`.
    #[arg(long, global = true, default_value_t = 3)]
    rounds: usize,
    /// A setting of the service as `key=value` in TOML; `catch-up` and `latency` compare it with the
    /// defaults. Repeatable.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Another build of the service to compare with; for `catch-up`.
    #[arg(long, value_name = "PROGRAM")]
    other: Option<PathBuf>,
    /// `cargo bench` passes it.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// The service and the floor, alternately (the default).
    CatchUp,
    /// What a record costs by workers, partitions, envelopes, sizes, instances, backlog, buffers.
    Scaling {
        /// All of them, if none is named.
        by: Vec<scaling::By>,
    },
    /// The time of a diagnosis at 1,000 records a second, for several `linger.ms`.
    Latency {
        /// Seconds of each; the first are left out.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..))]
        seconds: u64,
    },
    /// The time from the start of the process to `/readyz`, and the size of the program.
    Start,
    /// The floor itself.
    #[command(hide = true)]
    Floor { until: u64, settings: Vec<String> },
}

fn main() {
    let arguments = Arguments::parse();
    let Arguments { set, rounds, .. } = &arguments;
    match &arguments.what {
        Some(What::Floor { until, settings }) => floor::run(settings.clone(), *until),
        Some(What::Scaling { by }) => {
            scaling::run(by, arguments.records.unwrap_or(100_000), *rounds, set);
        }
        Some(What::Latency { seconds }) => latency::run(*seconds, set),
        Some(What::Start) => start::run(set),
        None | Some(What::CatchUp) => catch_up(&arguments),
    }
}

fn catch_up(arguments: &Arguments) {
    let corpus = Corpus::load(&Shape::typical(), arguments.records.unwrap_or(200_000));
    let mut subjects = vec![Subject::floor(&[]), Subject::service("service", &[])];
    if !arguments.set.is_empty() {
        let name = arguments.set.join(" ");
        subjects.push(Subject::service(&name, &arguments.set));
    }
    if let Some(program) = &arguments.other {
        subjects.push(Subject::service("other build", &[]).program(program));
    }
    compare(&corpus, &subjects, arguments.rounds);
}

/// Runs the subjects in turn; the first is what the others are measured by.
fn compare(corpus: &Corpus, subjects: &[Subject], rounds: usize) {
    println!("{corpus}");
    let mut table = Table::new(subjects.iter().map(Subject::name), corpus);
    for round in 0..rounds {
        for (number, subject) in subjects.iter().enumerate() {
            let group = format!("{round}-{number}");
            table.add(number, subject.run(corpus, &group));
        }
    }
    table.end();
}
