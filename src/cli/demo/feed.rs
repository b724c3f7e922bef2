//! What a demo sends: generated sign-ins or the user's own files, one message after another.
use std::path::PathBuf;

use anyhow::Result;
use chrono::Utc;

use super::files::{Files, NotSent};
use super::generator::{Generator, Profile};

/// One message, and what the side that sends it knows of it.
#[derive(Debug)]
pub struct Parcel {
    pub partition: i32,
    pub body: Vec<u8>,
    pub contents: Contents,
}

/// Counts of records. Kept apart from whatever the pipeline counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// `sign_ins + skipped + bad`.
    pub records: u64,
    /// Repeats and updates among them.
    pub sign_ins: u64,
    pub skipped: u64,
    pub bad: u64,
    /// Known for generated sign-ins only.
    pub again: Again,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Again {
    pub repeats: u64,
    pub updates: u64,
}

impl Contents {
    pub fn add(&mut self, other: &Contents) {
        self.records += other.records;
        self.sign_ins += other.sign_ins;
        self.skipped += other.skipped;
        self.bad += other.bad;
        self.again.repeats += other.again.repeats;
        self.again.updates += other.again.updates;
    }
}

pub enum Feed {
    /// A generator for each partition: a repeat has to follow its first copy there.
    Generated {
        generators: Vec<Generator>,
        next: usize,
        seed: u64,
    },
    Given(Box<Files>),
}

impl Feed {
    /// `spike_after`: records of all partitions together.
    pub fn generated(seed: u64, partitions: u16, spike_after: u64) -> Feed {
        let profile = Profile {
            spike_after: Some(spike_after / u64::from(partitions)),
            ..Profile::demo()
        };
        let generators = (0..u64::from(partitions))
            .map(|number| Generator::new(seed.wrapping_add(number), profile.clone()))
            .collect();
        Feed::Generated {
            generators,
            next: 0,
            seed,
        }
    }

    /// Fails where one of the files cannot be opened.
    pub fn files(paths: &[PathBuf]) -> Result<Feed> {
        Ok(Feed::Given(Box::new(Files::new(paths)?)))
    }

    /// In words, for the head of the screen.
    pub fn describe(&self) -> String {
        match self {
            Feed::Generated { seed, .. } => format!("generated sign-ins, seed {seed}"),
            Feed::Given(files) => match files.count() {
                1 => "the sign-ins of 1 file".to_owned(),
                count => format!("the sign-ins of {count} files"),
            },
        }
    }

    pub const fn is_generated(&self) -> bool {
        matches!(self, Feed::Generated { .. })
    }

    /// What the files hold and no message can carry.
    pub fn not_sent(&self) -> Option<&NotSent> {
        match self {
            Feed::Generated { .. } => None,
            Feed::Given(files) => Some(files.not_sent()),
        }
    }

    /// The next message; `None` at the end of the files.
    pub fn next_parcel(&mut self) -> Option<Parcel> {
        match self {
            Feed::Generated {
                generators, next, ..
            } => {
                let index = *next;
                *next = (index + 1) % generators.len();
                let message = generators.get_mut(index)?.next_message(Utc::now());
                Some(Parcel {
                    partition: i32::try_from(index).ok()?,
                    contents: Contents {
                        records: message.records,
                        sign_ins: message.sign_ins,
                        skipped: message.skipped,
                        bad: message.bad,
                        again: Again {
                            repeats: message.repeats,
                            updates: message.updates,
                        },
                    },
                    body: message.body,
                })
            }
            Feed::Given(files) => files.next(),
        }
    }
}
