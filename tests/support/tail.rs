//! Reads a topic as its users do, with `read_committed`, from its begin on and as it grows.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::topics::{Message, client, partitions, to_owned};
use super::wait::holds_within;

/// What a message is recognised by.
pub type Name = fn(&Message) -> String;

#[derive(Default)]
struct Seen {
    copies: BTreeMap<String, u32>,
    messages: u64,
    last: Option<Instant>,
}

/// Ends when it is dropped.
pub struct Tail {
    seen: Arc<Mutex<Seen>>,
    ends: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Tail {
    pub fn follow(bootstrap: &str, topic: &str, name: Name) -> Tail {
        let consumer: BaseConsumer = client(bootstrap)
            .set("group.id", "tail")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .create()
            .expect("a consumer of fixed settings");
        let mut assignment = TopicPartitionList::new();
        for partition in partitions(&consumer, topic) {
            assignment
                .add_partition_offset(topic, partition, Offset::Beginning)
                .expect("a valid offset");
        }
        consumer.assign(&assignment).expect("it is assigned");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let ends = Arc::new(AtomicBool::new(false));
        let reader = {
            let (seen, ends) = (Arc::clone(&seen), Arc::clone(&ends));
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    // An error passes: the broker may be away.
                    if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                        let name = name(&to_owned(&message));
                        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                        *seen.copies.entry(name).or_default() += 1;
                        seen.messages += 1;
                        seen.last = Some(Instant::now());
                    }
                }
            })
        };
        Tail {
            seen,
            ends,
            reader: Some(reader),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages that were read.
    pub fn messages(&self) -> u64 {
        self.seen().messages
    }

    /// How many different ones they are.
    pub fn different(&self) -> usize {
        self.seen().copies.len()
    }

    /// Messages beyond the first of their name.
    pub fn duplicates(&self) -> u64 {
        let seen = self.seen();
        seen.messages - seen.copies.len() as u64
    }

    pub fn has(&self, name: &str) -> bool {
        self.seen().copies.contains_key(name)
    }

    /// Waits for a message beyond the first `messages`; gives when the last one came.
    ///
    /// # Panics
    ///
    /// When none comes within `deadline`.
    pub fn wait_beyond(&self, messages: u64, deadline: Duration) -> Instant {
        let came = holds_within(deadline, || self.messages() > messages);
        assert!(came, "nothing beyond {messages} messages in {deadline:?}");
        self.seen().last.expect("one came")
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            // What it panicked with was printed.
            let _ = reader.join();
        }
    }
}
