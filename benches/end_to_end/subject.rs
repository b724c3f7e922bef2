//! What is measured: the service with some settings, or the floor.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::corpus::Corpus;
use crate::process::Usage;
use crate::support::leash::Leash;
use crate::support::{Service, Setup, Signal, wait};
use crate::{FIRST, LAST};

/// A catch-up that takes longer has failed.
const DEADLINE: Duration = Duration::from_mins(4);

/// One run of a subject.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// From the first record settled to the last.
    pub seconds: f64,
    /// Of the whole process, or of several, from the start.
    pub usage: Usage,
}

pub struct Subject {
    name: String,
    kind: Kind,
}

/// Settings are `key=value`.
enum Kind {
    Floor {
        settings: Vec<String>,
    },
    Service {
        settings: Vec<String>,
        /// Another build than this one.
        program: Option<PathBuf>,
        /// Processes of one group.
        instances: usize,
    },
}

impl Subject {
    pub fn floor(settings: &[String]) -> Subject {
        Subject {
            name: "floor".to_owned(),
            kind: Kind::Floor {
                settings: settings.to_vec(),
            },
        }
    }

    pub fn service(name: &str, settings: &[String]) -> Subject {
        Subject {
            name: name.to_owned(),
            kind: Kind::Service {
                settings: settings.to_vec(),
                program: None,
                instances: 1,
            },
        }
    }

    pub fn program(mut self, other: &Path) -> Subject {
        if let Kind::Service { program, .. } = &mut self.kind {
            *program = Some(other.to_owned());
        }
        self
    }

    pub fn instances(mut self, number: usize) -> Subject {
        if let Kind::Service { instances, .. } = &mut self.kind {
            *instances = number;
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
            Kind::Floor { settings } => floor(&setup, settings, corpus.records),
            Kind::Service {
                settings,
                program,
                instances,
            } => {
                setup = with(setup, settings);
                if let Some(program) = program {
                    setup = setup.program(program);
                }
                service(&setup, *instances, corpus.records)
            }
        }
    }
}

/// The setup with settings of `key=value`.
pub fn with(setup: Setup, settings: &[String]) -> Setup {
    settings.iter().fold(setup, |setup, setting| {
        let (key, value) = setting.split_once('=').expect("key=value");
        setup.set(key, value)
    })
}

fn service(setup: &Setup, instances: usize, records: u64) -> Round {
    let mut services: Vec<Service> = (0..instances).map(|_| setup.start()).collect();
    // One that refuses its settings ends at once.
    let mut has = |enough: u64| {
        wait::holds_within(DEADLINE, || {
            services.iter_mut().any(|service| service.ended().is_some())
                || services.iter().map(Service::records).sum::<u64>() >= enough
        })
    };
    has(1);
    let start = Instant::now();
    has(records);
    let seconds = start.elapsed().as_secs_f64();
    let is_done = services.iter().map(Service::records).sum::<u64>() >= records;
    assert!(is_done, "the backlog is not done:\n{}", services[0].log());
    let usage = Usage::of_all(services.iter().map(Service::pid));
    for service in &mut services {
        service.signal(Signal::Term);
        service.wait(DEADLINE);
    }
    Round { seconds, usage }
}

/// This program, as the floor.
fn floor(setup: &Setup, settings: &[String], records: u64) -> Round {
    let mut floor = Command::new(std::env::current_exe().expect("this program has a path"))
        .arg("floor")
        .arg(records.to_string())
        .arg(format!("kafka.bootstrap_servers={}", setup.bootstrap))
        .arg(format!("input.topics={}", setup.input))
        .arg(format!("input.group_id={}", setup.group))
        .arg(format!("output.topic={}", setup.output))
        .arg(format!("dead_letter.topic={}", setup.dead_letters))
        .args(settings)
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
