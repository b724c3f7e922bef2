//! From one message to its outputs: read, diagnose, tell repeats, encode.
use std::sync::Arc;

use chrono::Utc;

use super::batch::Batch;
use super::dead_letter;
use super::dead_letter_limit::{Breach, DeadLetterLimit};
use super::receipt::{Fate, Receipt};
use super::record_writer::RecordWriter;
use super::tally::Tally;
use super::worker::MessagePlace;
use crate::config::PrivacySettings;
use crate::delivery::Seen;
use crate::diagnosis::{Bounds, Diagnoser, MessageKey, Time};
use crate::policies::{self, CurrentReader};
use crate::signin::{BadReason, Item, Limits, Reader};
use crate::watch::Follower;

/// The version in every record.
pub const SERVICE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Below this no record is made smaller: the topic's limit is then a mistake.
const SMALLEST_LIMIT: usize = 16 * 1024;

/// Turns messages into outputs. Holds the buffers that are used again.
pub struct MessageReader {
    reader: Reader,
    diagnoser: Arc<Diagnoser>,
    snapshot: CurrentReader,
    key: MessageKey,
    maximum: Maximum,
    limit: DeadLetterLimit,
    dead_letters: dead_letter::Bytes,
    policies: Vec<u32>,
    tally: Tally,
    watch: Follower,
}

/// What one message may become.
#[derive(Debug, Clone, Copy)]
pub struct Maximum {
    /// Of the payload of an output.
    pub output_bytes: usize,
    /// Of one message; one that has more is a dead letter as a whole.
    pub records: u64,
    /// Of a record that is not too large for its topic.
    pub bounds: Bounds,
}

/// One message, and where its results go.
pub struct Diagnosing<'m> {
    pub payload: &'m [u8],
    /// The position, in the message where it stood, of its first record: more than 0 where only
    /// a part of that message is read again.
    pub first_position: u32,
    /// It was not read before.
    pub is_new: bool,
    pub place: &'m MessagePlace,
    pub seen: &'m mut Seen,
    pub batch: &'m mut Batch,
    pub receipt: &'m mut Receipt,
}

impl MessageReader {
    #[allow(clippy::too_many_arguments)] // its parts, each of another kind
    pub fn new(
        limits: Limits,
        privacy: &PrivacySettings,
        diagnoser: Arc<Diagnoser>,
        policies: Arc<policies::Current>,
        tally: Tally,
        watch: Follower,
        key: MessageKey,
        maximum: Maximum,
        limit: DeadLetterLimit,
    ) -> Self {
        MessageReader {
            reader: Reader::new(limits, privacy.in_force()),
            diagnoser,
            snapshot: CurrentReader::new(policies),
            key,
            maximum,
            limit,
            dead_letters: dead_letter::Bytes::of(privacy),
            policies: Vec::new(),
            tally,
            watch,
        }
    }

    /// Makes outputs smaller, after the broker refused one of `bytes`; false where they are as
    /// small as they get.
    pub fn shrink(&mut self, bytes: usize) -> bool {
        let smaller = (bytes / 2).min(self.maximum.output_bytes);
        if smaller < SMALLEST_LIMIT {
            return false;
        }
        self.maximum.output_bytes = smaller;
        true
    }

    /// Appends the outputs of the message to its batch and what it held to its receipt.
    ///
    /// # Errors
    ///
    /// Where it holds more dead letters than are still allowed: it must not be written.
    pub fn read(&mut self, message: Diagnosing<'_>) -> Result<(), Breach> {
        let Diagnosing {
            payload,
            first_position,
            is_new,
            place,
            seen,
            batch,
            receipt,
        } = message;
        let in_message = |position: u32| position.saturating_add(first_position);
        self.snapshot.refresh();
        let mut record = RecordWriter {
            diagnoser: &self.diagnoser,
            snapshot: self.snapshot.get(),
            key: self.key,
            limit: self.maximum.output_bytes,
            bounds: self.maximum.bounds,
            dead_letters: &self.dead_letters,
            policies: &mut self.policies,
            tally: &mut self.tally,
            watch: self.watch.current(),
            place,
            diagnosed_at: Time::new(Utc::now()),
            seen,
            batch,
            receipt,
        };
        let mut records = 0;
        let mut breach = None;
        let limit = &mut self.limit;
        let mut observe = |is_dead| {
            if is_new && breach.is_none() {
                breach = limit.observe(is_dead);
            }
        };
        self.reader.read(payload, &mut |item| {
            records += 1;
            if records > self.maximum.records {
                return;
            }
            observe(matches!(item, Item::Bad { .. }));
            record.receipt.records += 1;
            match item {
                Item::SignIn {
                    position,
                    sign_in,
                    faults,
                } => {
                    record.receipt.add_faults(faults);
                    record.sign_in(in_message(position), sign_in);
                }
                Item::Skipped { category, .. } => record.receipt.count(Fate::Skipped(category)),
                Item::Bad {
                    position,
                    bytes,
                    reason,
                    ..
                } => record.dead_letter(in_message(position), bytes, reason),
            }
        });
        if records > self.maximum.records {
            observe(true);
            record.start_over();
            record.dead_letter(in_message(0), payload, BadReason::TooManyRecords);
            record.receipt.records += 1;
        }
        self.tally.end_message(receipt);
        breach.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
