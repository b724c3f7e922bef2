//! Reads the output and dead-letter topics as any consumer would, and counts for itself.
//!
//! Knows nothing of the metrics. Notices messages that the broker dropped before they were read.
use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::Deserialize;
use uuid::Uuid;

use super::cluster::{DEAD_LETTERS, OUTPUT, OUTPUT_PARTITIONS};

const POLL: Duration = Duration::from_millis(50);

/// For the rest, once nothing more is written.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(5);

/// Ids in one generation of [`Ids`].
const GENERATION: usize = 500_000;

/// Silent where the client has nothing of its own to tell.
struct Quiet;

impl ClientContext for Quiet {}
impl ConsumerContext for Quiet {}

/// What lay in the topics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Messages of the output topic.
    pub diagnoses: u64,
    /// Of these: ids that came for the first time.
    pub distinct: u64,
    pub dead_letters: u64,
    /// Messages of the output topic without an id.
    pub unreadable: u64,
    /// Dropped by the broker before they were read.
    pub vanished: u64,
    /// Not read before the time was over.
    pub unread: u64,
}

#[derive(Deserialize)]
struct Words {
    assessment: String,
}

#[derive(Default)]
struct Live {
    /// Messages read, of either topic.
    read: AtomicU64,
    /// Set when nothing more is written.
    finish: AtomicBool,
    wanted: AtomicBool,
    /// An assessment.
    last: Mutex<Option<String>>,
}

/// The reading thread.
pub struct ReadBack {
    live: Arc<Live>,
    thread: JoinHandle<Result<Account>>,
}

impl ReadBack {
    pub fn start(brokers: &str) -> Result<ReadBack> {
        let consumer = consumer(brokers).context("cannot read the output topics")?;
        let live = Arc::new(Live::default());
        live.wanted.store(true, Ordering::Relaxed);
        let reading = Reading {
            consumer,
            tally: Tally {
                live: Arc::clone(&live),
                next: Vec::new(),
                ids: Ids::default(),
                account: Account::default(),
            },
        };
        let thread = thread::Builder::new()
            .name("read-back".to_owned())
            .spawn(move || reading.run())?;
        Ok(ReadBack { live, thread })
    }

    /// Messages read up to now, of either topic.
    pub fn messages(&self) -> u64 {
        self.live.read.load(Ordering::Relaxed)
    }

    /// The last assessment, unless none came since this was last asked.
    pub fn take_last(&self) -> Option<String> {
        let last = self
            .live
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.live.wanted.store(true, Ordering::Relaxed);
        last
    }

    /// Reads on to the ends of the topics, to which nothing is written any more.
    pub fn finish(self) -> Result<Account> {
        self.live.finish.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| io::Error::other("the reader of the output panicked"))?
    }
}

fn consumer(brokers: &str) -> Result<BaseConsumer<Quiet>, KafkaError> {
    let consumer: BaseConsumer<Quiet> = ClientConfig::new()
        .set("client.id", "demo-read-back")
        .set("bootstrap.servers", brokers)
        // A partition is assigned by hand: the group is only a name.
        .set("group.id", "demo-read-back")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "5")
        .set_log_level(RDKafkaLogLevel::Warning)
        .create_with_context(Quiet)?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..OUTPUT_PARTITIONS {
        partitions.add_partition_offset(OUTPUT, partition.into(), Offset::Beginning)?;
    }
    partitions.add_partition_offset(DEAD_LETTERS, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    Ok(consumer)
}

#[derive(Deserialize)]
struct Identity<'a> {
    diagnosis_id: &'a str,
}

/// A partition: whether of the dead letters, and its number.
type Place = (bool, i32);

struct Reading {
    consumer: BaseConsumer<Quiet>,
    tally: Tally,
}

struct Tally {
    live: Arc<Live>,
    /// The offset that comes next in each partition.
    next: Vec<(Place, i64)>,
    ids: Ids,
    account: Account,
}

impl Reading {
    fn run(mut self) -> Result<Account> {
        while !self.tally.live.finish.load(Ordering::Relaxed) {
            self.read();
        }
        let deadline = Instant::now() + FINISH_TIMEOUT;
        let ends = self.ends()?;
        loop {
            let account = &mut self.tally.account;
            account.unread = missing(&self.tally.next, &ends);
            if account.unread == 0 || Instant::now() >= deadline {
                return Ok(*account);
            }
            self.read();
        }
    }

    fn ends(&self) -> Result<Vec<(Place, i64)>, KafkaError> {
        let outputs = (0..i32::from(OUTPUT_PARTITIONS)).map(|partition| (false, partition));
        outputs
            .chain([(true, 0)])
            .map(|place| {
                let topic = if place.0 { DEAD_LETTERS } else { OUTPUT };
                let (_, end) = self
                    .consumer
                    .fetch_watermarks(topic, place.1, WATERMARK_TIMEOUT)?;
                Ok((place, end))
            })
            .collect()
    }

    fn read(&mut self) {
        // After an error the client tries again by itself; what it cannot read in time is told
        // as unread.
        if let Some(Ok(message)) = self.consumer.poll(POLL) {
            let place = (message.topic() == DEAD_LETTERS, message.partition());
            let payload = message.payload().unwrap_or_default();
            self.tally.add(place, message.offset(), payload);
        }
    }
}

impl Tally {
    fn add(&mut self, place: Place, offset: i64, payload: &[u8]) {
        let skipped = follow(&mut self.next, place, offset);
        self.account.vanished += skipped;
        let (is_dead_letter, _) = place;
        if is_dead_letter {
            self.account.dead_letters += 1;
        } else {
            self.account.diagnoses += 1;
            self.diagnosis(payload);
        }
        // What vanished will never be read: nobody should wait for it.
        self.live.read.fetch_add(1 + skipped, Ordering::Relaxed);
    }

    fn diagnosis(&mut self, payload: &[u8]) {
        let id = serde_json::from_slice::<Identity<'_>>(payload)
            .ok()
            .and_then(|identity| Uuid::parse_str(identity.diagnosis_id).ok());
        match id {
            Some(id) if self.ids.is_new(id.as_u128()) => self.account.distinct += 1,
            Some(_) => {}
            None => self.account.unreadable += 1,
        }
        if self.live.wanted.swap(false, Ordering::Relaxed)
            && let Ok(Words { assessment }) = serde_json::from_slice(payload)
        {
            *self
                .live
                .last
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(assessment);
        }
    }
}

/// Messages between what was read and the ends.
fn missing(next: &[(Place, i64)], ends: &[(Place, i64)]) -> u64 {
    let missing = ends.iter().map(|(place, end)| {
        let read = next.iter().find(|(known, _)| known == place);
        let read = read.map_or(0, |(_, next)| *next);
        u64::try_from(end - read).unwrap_or(0)
    });
    missing.sum()
}

/// Takes note of an offset; gives how many before it were passed over.
fn follow(next: &mut Vec<(Place, i64)>, place: Place, offset: i64) -> u64 {
    let known = next.iter_mut().find(|(known, _)| *known == place);
    let expected = if let Some((_, next)) = known {
        std::mem::replace(next, offset + 1)
    } else {
        next.push((place, offset + 1));
        0
    };
    u64::try_from(offset - expected).unwrap_or(0)
}

/// Ids seen before, in bounded memory: the latest half million at least.
#[derive(Debug, Default)]
struct Ids {
    young: HashSet<u128>,
    old: HashSet<u128>,
}

impl Ids {
    fn is_new(&mut self, id: u128) -> bool {
        let is_new = !self.old.contains(&id) && !self.young.contains(&id);
        self.young.insert(id);
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_that_are_passed_over_count_as_vanished() {
        let mut next = Vec::new();
        let first = (false, 0);
        assert_eq!(follow(&mut next, first, 0), 0);
        assert_eq!(follow(&mut next, first, 1), 0);
        assert_eq!(follow(&mut next, first, 5), 3);
        assert_eq!(follow(&mut next, (true, 0), 2), 2, "also before the first");
        assert_eq!(follow(&mut next, (false, 1), 0), 0);
    }

    #[test]
    fn an_id_is_known_for_at_least_a_generation() {
        let mut ids = Ids::default();
        let generation = GENERATION as u128;
        for id in 0..3 * generation {
            assert!(ids.is_new(id));
            if id % (generation / 3) == 0 {
                // Asked of the sets: to ask `is_new` is to see it again.
                let oldest = id.saturating_sub(generation - 1);
                assert!(ids.old.contains(&oldest) || ids.young.contains(&oldest));
            }
        }
        assert!(!ids.is_new(3 * generation - 1));
        assert!(ids.old.len() + ids.young.len() <= 2 * GENERATION);
    }
}
