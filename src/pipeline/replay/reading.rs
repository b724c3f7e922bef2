//! Diagnoses the messages of a range, and knows how far each partition was read.
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;

use flate2::read::GzDecoder;
use rdkafka::message::{BorrowedMessage, Message as _};

use super::letter::text;
use super::range::Part;
use crate::config::DeadLetter;
use crate::delivery::Seen;
use crate::kafka;
use crate::pipeline::Shared;
use crate::pipeline::batch::Batch;
use crate::pipeline::dead_letter_limit::DeadLetterLimit;
use crate::pipeline::reader::{Diagnosing, Maximum, MessageReader};
use crate::pipeline::receipt::Receipt;
use crate::pipeline::tally::Tally;
use crate::pipeline::worker::MessagePlace;
use crate::privacy_key::{CIPHER, PrivacyKey};
use crate::watch::Follower;

/// What there is of the bytes of a message.
pub(super) enum Body<'m> {
    Whole(Cow<'m, [u8]>),
    /// More than a message may have.
    TooLarge,
    /// Not under the key at hand, but under the one of this id.
    Sealed(String),
}

/// The parts that diagnose, and how far each partition was read.
pub(super) struct Reading {
    reader: MessageReader,
    pub(super) batch: Batch,
    receipt: Receipt,
    seen: HashMap<(Arc<str>, i32), Seen>,
    remembered: usize,
    max_bytes: usize,
    key: Option<PrivacyKey>,
    /// The next offset, and the time of the last message.
    reached: HashMap<(Arc<str>, i32), (i64, Option<i64>)>,
}

impl Reading {
    pub(super) fn new(shared: &Shared) -> Reading {
        let settings = &shared.settings;
        Reading {
            reader: MessageReader::new(
                settings.limits.of_messages(),
                &settings.privacy,
                Arc::clone(&shared.diagnoser),
                Arc::clone(&shared.policies),
                Tally::new(Arc::clone(&shared.metrics)),
                Follower::new(Arc::clone(&shared.watch)),
                settings.output.key,
                Maximum {
                    output_bytes: kafka::max_output_bytes(settings),
                    records: settings.limits.records_per_message as u64,
                    bounds: settings.limits.of_records(),
                },
                DeadLetterLimit::new(&DeadLetter {
                    topic: String::new(),
                    max_ratio: None,
                    max_consecutive: None,
                }),
            ),
            batch: Batch::default(),
            receipt: Receipt::default(),
            seen: HashMap::new(),
            remembered: settings.delivery.remembered_sign_ins,
            // The service compresses what is too long for a dead letter, also a message that came plain.
            max_bytes: settings
                .limits
                .decompressed_bytes
                .max(settings.limits.message_bytes),
            key: settings.privacy.key(),
            reached: HashMap::new(),
        }
    }

    /// The bytes as they came: a dead letter that was too long was compressed, and then sealed
    /// where the settings said so.
    pub(super) fn body<'m>(&self, message: &'m BorrowedMessage<'_>) -> Body<'m> {
        let mut payload = Cow::Borrowed(message.payload().unwrap_or_default());
        if text(message, "encryption") == Some(CIPHER) {
            let opened = self.key.as_ref().and_then(|key| key.open(&payload).ok());
            let Some(opened) = opened else {
                let key_id = text(message, "key_id").unwrap_or("not known");
                return Body::Sealed(key_id.to_owned());
            };
            payload = Cow::Owned(opened);
        }
        if text(message, "content-encoding") != Some("gzip") {
            return Body::Whole(payload);
        }
        let mut bytes = Vec::new();
        let one_more = self.max_bytes as u64 + 1;
        let mut decoder = GzDecoder::new(&*payload).take(one_more);
        // What the service has written itself is whole.
        match decoder.read_to_end(&mut bytes) {
            Ok(_) if bytes.len() <= self.max_bytes => Body::Whole(Cow::Owned(bytes)),
            _ => Body::TooLarge,
        }
    }

    pub(super) fn diagnose(
        &mut self,
        payload: &[u8],
        place: &MessagePlace,
        position: u32,
    ) -> &Receipt {
        self.batch.clear();
        self.receipt.clear();
        let remembered = self.remembered;
        let key = (Arc::clone(&place.topic), place.partition);
        let seen = self
            .seen
            .entry(key)
            .or_insert_with(|| Seen::new(remembered));
        // Without limits there is no breach.
        let _ = self.reader.read(Diagnosing {
            payload,
            first_position: position,
            is_new: false,
            place,
            seen,
            batch: &mut self.batch,
            receipt: &mut self.receipt,
        });
        &self.receipt
    }

    pub(super) fn reaches(&mut self, part: &Part, next: i64, time: Option<i64>) {
        let key = (Arc::clone(&part.topic), part.partition);
        let reached = self.reached.entry(key).or_default();
        *reached = (next, time.or(reached.1));
    }

    pub(super) fn reached(&self, part: &Part) -> Option<(i64, Option<i64>)> {
        let key = (Arc::clone(&part.topic), part.partition);
        self.reached.get(&key).copied()
    }
}
