//! The whole service against a real Kafka on the same machine: how fast it catches up with a
//! backlog, and what that costs beside a program that only moves the bytes.
//!
//! `make bench`, or `cargo bench --bench end_to_end -- --help`; see `benches/README.md`.
#![allow(clippy::expect_used)] // the ground of a measurement: where it gives way, it ends
#![allow(clippy::cast_precision_loss)] // figures for people
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unused_imports)] // the broker tests use more of it
mod support;

mod corpus;
mod floor;
mod process;
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
    /// Records of the backlog.
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// How often each subject runs, in turn with the others.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A setting of the service as `key=value` in TOML; compared with the defaults. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Another build of the service to compare with.
    #[arg(long, value_name = "PROGRAM")]
    other: Option<PathBuf>,
    /// `cargo bench` passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// The service and the floor, alternately (the default).
    CatchUp,
    /// The floor itself.
    #[command(hide = true)]
    Floor { records: u64, set: Vec<String> },
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.what {
        Some(What::Floor { records, set }) => floor::run(set, records),
        None | Some(What::CatchUp) => catch_up(&arguments),
    }
}

fn catch_up(arguments: &Arguments) {
    let corpus = Corpus::load(&Shape::typical(), arguments.records);
    let mut subjects = vec![Subject::floor(), Subject::service("service", &[])];
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
