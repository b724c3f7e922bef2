//! What is read: seeded sign-ins in an input topic.
use std::fmt;
use std::ops::RangeInclusive;

use chrono::{TimeDelta, Utc};
use signin_diagnostics::cli::demo::generator::{Generator, Profile};

use crate::floor::Envelope;
use crate::support::topics::delete_topic;
use crate::support::{Setup, produce};

/// Fixes the corpus.
pub const SEED: u64 = 2026;

/// How the corpus is made.
pub struct Shape {
    pub partitions: i32,
    pub profile: Profile,
    /// Smaller records are left out.
    pub least_bytes: usize,
}

impl Shape {
    /// 6 KB a record, 1.5 to 18 KB; envelopes of 1 to 40; 22 policies; three quarters successes.
    pub fn typical() -> Shape {
        Shape {
            partitions: 4,
            profile: Profile::corpus(),
            least_bytes: 0,
        }
    }

    /// As typical, with another list of policies.
    pub fn listing(policies: RangeInclusive<u32>) -> Shape {
        let mut shape = Shape::typical();
        shape.profile.policies = policies;
        shape.profile.long_lists = 0;
        shape
    }

    pub fn partitions(self, partitions: i32) -> Shape {
        Shape { partitions, ..self }
    }

    /// With so many records in every envelope.
    pub fn envelopes(mut self, records: u32) -> Shape {
        self.profile.batch = records..=records;
        self
    }
}

/// An input topic that is filled, with the topics for what becomes of it.
pub struct Corpus {
    pub setup: Setup,
    pub records: u64,
    pub bytes: u64,
    partitions: i32,
    batch: RangeInclusive<u32>,
}

impl Corpus {
    pub fn load(shape: &Shape, records: u64) -> Corpus {
        let setup = Setup::new("bench", shape.partitions);
        let mut generator = Generator::new(SEED, shape.profile.clone());
        let start = Utc::now() - TimeDelta::hours(1);
        let (mut sent, mut bytes) = (0, 0);
        let bodies = std::iter::from_fn(|| {
            (sent < records).then(|| {
                let body = generator.next_message(start).body;
                let (body, records) = without_smaller(&body, shape.least_bytes);
                sent += records;
                bytes += body.len() as u64;
                body
            })
        });
        produce(&setup.input, bodies, |n| {
            i32::try_from(n).unwrap_or(0) % shape.partitions
        });
        Corpus {
            setup,
            records: sent,
            bytes,
            partitions: shape.partitions,
            batch: shape.profile.batch.clone(),
        }
    }

    /// Of a record, in KB.
    pub fn mean_kilobytes(&self) -> f64 {
        self.bytes as f64 / self.records as f64 / 1_000.0
    }

    /// Deletes its topics: the disk must not fill.
    pub fn delete(self) {
        let Setup {
            bootstrap,
            input,
            output,
            dead_letters,
            ..
        } = &self.setup;
        for topic in [input, output, dead_letters] {
            delete_topic(bootstrap, topic);
        }
    }
}

/// The message with its records of so many bytes and more, and their number.
fn without_smaller(body: &[u8], least_bytes: usize) -> (Vec<u8>, u64) {
    let text = std::str::from_utf8(body).expect("text");
    let mut envelope: Envelope<'_> = serde_json::from_str(text).expect("an envelope");
    envelope
        .records
        .retain(|record| record.get().len() >= least_bytes);
    let records = envelope.records.iter().map(|record| record.get());
    let records: Vec<&str> = records.collect();
    let body = format!("{{\"records\":[{}]}}", records.join(","));
    (body.into_bytes(), records.len() as u64)
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records of {:.1} KB on average, {} to {} a message, {} partitions",
            self.records,
            self.mean_kilobytes(),
            self.batch.start(),
            self.batch.end(),
            self.partitions,
        )
    }
}
