//! Sends the feed to the input topic, no faster than asked and no faster than it is read.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::cluster::INPUT;
use super::feed::{Contents, Feed, Parcel};

/// Sent and not settled. Well below what the broker keeps of a partition, because which
/// partition the settled ones were on is not known here.
const UNSETTLED_BYTES: usize = 2 << 20;

/// Outputs that may wait to be read back. At some 4 KB each they stay below what the broker
/// keeps of a partition, even if all are on one.
const UNREAD_OUTPUTS: u64 = 500;

const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// Counts what the broker did not take.
#[derive(Debug, Default)]
struct Deliveries {
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How far the others are, by their own counts.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Records of the messages that are done.
    pub settled: u64,
    /// Outputs that the broker acknowledged and nobody has read back yet.
    pub unread_outputs: u64,
}

pub struct Sender {
    producer: BaseProducer<Deliveries>,
    feed: Feed,
    /// Taken from the feed, not yet sent.
    next: Option<Parcel>,
    rate: Option<u64>,
    /// When nothing was due; moves on while the readers hold the sender up.
    started: Option<Instant>,
    messages: u64,
    contents: Contents,
    /// The records sent up to a message, and its size.
    unsettled: VecDeque<(u64, usize)>,
    unsettled_bytes: usize,
}

impl Sender {
    pub fn new(brokers: &str, feed: Feed, rate: Option<u64>) -> Result<Sender, KafkaError> {
        let producer = ClientConfig::new()
            .set("client.id", "demo-sender")
            .set("bootstrap.servers", brokers)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set_log_level(RDKafkaLogLevel::Warning)
            .create_with_context(Deliveries::default())?;
        Ok(Sender {
            producer,
            feed,
            next: None,
            rate,
            started: None,
            messages: 0,
            contents: Contents::default(),
            unsettled: VecDeque::new(),
            unsettled_bytes: 0,
        })
    }

    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Of everything sent up to now.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages that the broker did not take.
    pub fn failed(&self) -> u64 {
        self.producer.context().failed.load(Ordering::Relaxed)
    }

    /// Sends what is due and has room, at most `records` in all; false at the end of the feed.
    pub fn send(
        &mut self,
        now: Instant,
        progress: Progress,
        records: u64,
    ) -> Result<bool, KafkaError> {
        self.forget(progress.settled);
        let started = *self.started.get_or_insert(now);
        let due = self.rate.map(|rate| due(rate, now - started));
        while self.contents.records < due.unwrap_or(u64::MAX).min(records) {
            if self.next.is_none() {
                self.next = self.feed.next_parcel();
            }
            let Some(parcel) = &self.next else {
                return Ok(false);
            };
            let unsettled = self.unsettled_bytes + parcel.body.len();
            let is_full = !self.unsettled.is_empty() && unsettled > UNSETTLED_BYTES;
            if is_full || progress.unread_outputs > UNREAD_OUTPUTS || !self.enqueue()? {
                self.give_up_backlog(now);
                break;
            }
        }
        Ok(true)
    }

    /// Puts the next message into the producer's queue; false where that is full.
    fn enqueue(&mut self) -> Result<bool, KafkaError> {
        let Some(parcel) = &self.next else {
            return Ok(true);
        };
        let record = BaseRecord::<(), [u8]>::to(INPUT)
            .partition(parcel.partition)
            .payload(&parcel.body);
        match self.producer.send(record) {
            Ok(()) => {}
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                return Ok(false);
            }
            Err((error, _)) => return Err(error),
        }
        self.messages += 1;
        self.contents.add(&parcel.contents);
        self.unsettled
            .push_back((self.contents.records, parcel.body.len()));
        self.unsettled_bytes += parcel.body.len();
        self.next = None;
        Ok(true)
    }

    fn forget(&mut self, settled: u64) {
        while let Some((records, bytes)) = self.unsettled.front().copied() {
            if records > settled {
                break;
            }
            self.unsettled.pop_front();
            self.unsettled_bytes -= bytes;
        }
    }

    /// Held up for longer than a second's worth, the sender does not make up for it at once.
    fn give_up_backlog(&mut self, now: Instant) {
        if let (Some(rate), Some(started)) = (self.rate, self.started) {
            let backlog = due(rate, now - started).saturating_sub(self.contents.records);
            if let Some(excess) = backlog.checked_sub(rate) {
                let excess = Duration::from_secs_f64(as_f64(excess) / as_f64(rate));
                self.started = Some((started + excess).min(now));
            }
        }
    }

    /// Serves the producer for at most so long.
    pub fn poll(&self, patience: Duration) {
        self.producer.poll(patience);
    }

    /// Waits until the broker has what was sent.
    pub fn flush(&self) -> Result<(), KafkaError> {
        self.producer.flush(FLUSH_TIMEOUT)
    }
}

/// Records that should have been sent after `elapsed`.
pub fn due(rate: u64, elapsed: Duration) -> u64 {
    let records = u128::from(rate) * elapsed.as_millis() / 1_000;
    u64::try_from(records).unwrap_or(u64::MAX)
}

/// Exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
const fn as_f64(count: u64) -> f64 {
    count as f64
}
