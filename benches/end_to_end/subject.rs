//! What is measured: the service with some settings, or the floor.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::corpus::Corpus;
use crate::process::Usage;
use crate::support::leash::Leash;
use crate::support::{Setup, Signal, wait};
use crate::{FIRST, LAST};

/// A catch-up that takes longer has failed.
const DEADLINE: Duration = Duration::from_mins(4);

/// One run of a subject.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// From the first record settled to the last.
    pub seconds: f64,
    /// Of the whole process, from its start.
    pub usage: Usage,
}

pub struct Subject {
    name: String,
    kind: Kind,
}

enum Kind {
    Floor,
    Service {
        /// `key=value`.
        settings: Vec<String>,
        /// Another build than this one.
        program: Option<PathBuf>,
    },
}

impl Subject {
    pub fn floor() -> Subject {
        Subject {
            name: "floor".to_owned(),
            kind: Kind::Floor,
        }
    }

    pub fn service(name: &str, settings: &[String]) -> Subject {
        Subject {
            name: name.to_owned(),
            kind: Kind::Service {
                settings: settings.to_vec(),
                program: None,
            },
        }
    }

    pub fn program(mut self, other: &Path) -> Subject {
        if let Kind::Service { program, .. } = &mut self.kind {
            *program = Some(other.to_owned());
        }
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the corpus from its beginning, as a new group.
    pub fn run(&self, corpus: &Corpus, group: &str) -> Round {
        let mut setup = corpus.setup.clone();
        setup.group = format!("{}-{group}", setup.input);
        match &self.kind {
            Kind::Floor => floor(&setup, corpus.records),
            Kind::Service { settings, program } => {
                for setting in settings {
                    let (key, value) = setting.split_once('=').expect("key=value");
                    setup = setup.set(key, value);
                }
                if let Some(program) = program {
                    setup = setup.program(program);
                }
                service(&setup, corpus.records)
            }
        }
    }
}

fn service(setup: &Setup, records: u64) -> Round {
    let mut service = setup.start();
    // One that refuses its settings ends at once.
    let mut has = |enough: u64| {
        let enough = || service.ended().is_some() || service.records() >= enough;
        wait::holds_within(DEADLINE, enough)
    };
    has(1);
    let start = Instant::now();
    has(records);
    let seconds = start.elapsed().as_secs_f64();
    let is_done = service.records() >= records;
    assert!(is_done, "the backlog is not done:\n{}", service.log());
    let usage = Usage::of(service.pid());
    service.signal(Signal::Term);
    service.wait(DEADLINE);
    Round { seconds, usage }
}

/// This program, as the floor.
fn floor(setup: &Setup, records: u64) -> Round {
    let mut floor = Command::new(std::env::current_exe().expect("this program has a path"))
        .arg("floor")
        .arg(records.to_string())
        .arg(format!("kafka.bootstrap_servers={}", setup.bootstrap))
        .arg(format!("input.topics={}", setup.input))
        .arg(format!("input.group_id={}", setup.group))
        .arg(format!("output.topic={}", setup.output))
        .arg(format!("dead_letter.topic={}", setup.dead_letters))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the floor starts");
    let _leash = Leash::attach(floor.id(), None);
    let said = BufReader::new(floor.stdout.take().expect("a pipe"));
    let mut start = Instant::now();
    let mut seconds = None;
    for line in said.lines() {
        match line.expect("text").as_str() {
            FIRST => start = Instant::now(),
            LAST => {
                seconds = Some(start.elapsed().as_secs_f64());
                break;
            }
            other => println!("{other}"),
        }
    }
    let usage = Usage::of(floor.id());
    drop(floor.stdin.take());
    floor.wait().expect("the floor ends");
    Round {
        seconds: seconds.expect("the floor gets through"),
        usage,
    }
}
