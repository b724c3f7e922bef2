//! What is read: seeded sign-ins in an input topic.
use std::fmt;
use std::ops::RangeInclusive;

use chrono::{TimeDelta, Utc};
use signin_diagnostics::cli::demo::generator::{Generator, Profile};

use crate::support::{Setup, produce};

/// Fixes the corpus.
const SEED: u64 = 2026;

/// How the corpus is made.
pub struct Shape {
    pub partitions: i32,
    pub profile: Profile,
}

impl Shape {
    /// 6 KB a record, 1.5 to 18 KB; envelopes of 1 to 40; 22 policies; three quarters successes.
    pub fn typical() -> Shape {
        Shape {
            partitions: 4,
            profile: Profile::corpus(),
        }
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
                let message = generator.next_message(start);
                sent += message.records;
                bytes += message.body.len() as u64;
                message.body
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
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records of {:.1} KB on average, {} to {} a message, {} partitions",
            self.records,
            self.bytes as f64 / self.records as f64 / 1_000.0,
            self.batch.start(),
            self.batch.end(),
            self.partitions,
        )
    }
}
