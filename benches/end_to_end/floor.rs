//! The cost of moving the bytes: a program that consumes, splits each message into its records,
//! and produces one fixed output a record, under the service's delivery rules and with its client
//! settings. It looks at nothing else.
//!
//! As many threads as the service has workers, each with a consumer and a producer. Outputs are
//! acknowledged by all replicas, the producer is idempotent, and an offset is committed once a
//! second, after all outputs up to it are acknowledged.
use std::collections::{HashMap, VecDeque};
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, DefaultConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use serde_json::value::RawValue;
use signin_diagnostics::config::{Settings, Sources};
use signin_diagnostics::kafka;

use crate::{FIRST, LAST};

const OUTPUT: [u8; 600] = [b'x'; 600];
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);

#[derive(Deserialize)]
pub struct Envelope<'m> {
    #[serde(borrow)]
    pub records: Vec<&'m RawValue>,
}

/// Runs until `records` are through, says so, and waits to be told to end.
pub fn run(set: Vec<String>, records: u64) {
    let settings = Settings::load(&Sources {
        files: Vec::new(),
        environment: Vec::new(),
        set,
    })
    .expect("the settings of the benchmark");
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        for worker in 0..settings.workers {
            let (settings, done) = (&settings, &done);
            scope.spawn(move || Worker::new(settings, worker).run(done, records));
        }
    });
    println!("{LAST}");
    // Its parent closes the pipe once it has read what the process took.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The outputs that the broker has acknowledged, each by the message that it came from.
#[derive(Default)]
struct Acknowledged(Mutex<Vec<usize>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, message: usize) {
        assert!(result.is_ok(), "the broker refuses an output");
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(message);
    }
}

/// A message is named by its partition and its number there.
const NUMBER_BITS: u32 = 40;

/// The messages of one partition whose outputs are under way.
#[derive(Default)]
struct Partition {
    /// The offset after each message, and its outputs that are not acknowledged.
    pending: VecDeque<(i64, u64)>,
    /// The number of the first of them.
    first: usize,
    settled: Option<i64>,
}

struct Worker<'s> {
    settings: &'s Settings,
    consumer: BaseConsumer,
    producer: BaseProducer<Acknowledged>,
    partitions: HashMap<i32, Partition>,
    reports: Vec<usize>,
}

impl<'s> Worker<'s> {
    fn new(settings: &'s Settings, number: usize) -> Worker<'s> {
        let mut consumer = kafka::consumer(settings, number);
        // The service looks up itself where a new group starts.
        consumer.set("auto.offset.reset", "earliest");
        let consumer = BaseConsumer::from_config_and_context(&consumer, DefaultConsumerContext)
            .expect("a consumer with the service's settings");
        let topics: Vec<&str> = settings.input.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).expect("topics to subscribe to");
        let mut producer = kafka::producer(settings);
        producer.set("batch.size", kafka::batch_bytes(settings).to_string());
        let producer = BaseProducer::from_config_and_context(&producer, Acknowledged::default())
            .expect("a producer with the service's settings");
        Worker {
            settings,
            consumer,
            producer,
            partitions: HashMap::new(),
            reports: Vec::new(),
        }
    }

    fn run(mut self, done: &AtomicU64, records: u64) {
        let mut next_commit = Instant::now() + COMMIT_INTERVAL;
        while done.load(Ordering::Relaxed) < records {
            self.acknowledge(done);
            if Instant::now() >= next_commit {
                next_commit = Instant::now() + COMMIT_INTERVAL;
                self.commit(CommitMode::Async);
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let text = std::str::from_utf8(message.payload().unwrap_or_default());
                    let envelope: Envelope<'_> = serde_json::from_str(text.expect("text"))
                        .expect("the corpus holds envelopes");
                    let outputs = envelope.records.len();
                    let (partition, next) = (message.partition(), message.offset() + 1);
                    let entry = self.partitions.entry(partition).or_default();
                    let number = entry.first + entry.pending.len();
                    entry.pending.push_back((next, outputs as u64));
                    let partition = usize::try_from(partition).expect("a partition's number");
                    for _ in 0..outputs {
                        self.produce(partition << NUMBER_BITS | number);
                    }
                }
                Some(Err(error)) => panic!("cannot read: {error}"),
                None => {}
            }
        }
        self.commit(CommitMode::Sync);
    }

    fn produce(&self, message: usize) {
        loop {
            let record =
                BaseRecord::<(), [u8], usize>::with_opaque_to(&self.settings.output.topic, message)
                    .payload(&OUTPUT[..]);
            match self.producer.send(record) {
                Ok(()) => return,
                Err((error, _)) => {
                    let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                    assert!(full, "cannot write: {error}");
                    self.producer.poll(Duration::from_millis(2));
                }
            }
        }
    }

    fn acknowledge(&mut self, done: &AtomicU64) {
        self.producer.poll(Duration::ZERO);
        let events = &self.producer.context().0;
        std::mem::swap(
            &mut *events.lock().unwrap_or_else(PoisonError::into_inner),
            &mut self.reports,
        );
        if self.reports.is_empty() {
            return;
        }
        if done.fetch_add(self.reports.len() as u64, Ordering::Relaxed) == 0 {
            println!("{FIRST}");
        }
        for message in self.reports.drain(..) {
            let partition = i32::try_from(message >> NUMBER_BITS).expect("a partition's number");
            let partition = self.partitions.get_mut(&partition).expect("it was read");
            let index = (message & ((1 << NUMBER_BITS) - 1)) - partition.first;
            partition.pending[index].1 -= 1;
            while let Some((next, _)) = partition.pending.pop_front_if(|(_, left)| *left == 0) {
                partition.first += 1;
                partition.settled = Some(next);
            }
        }
    }

    fn commit(&mut self, mode: CommitMode) {
        let mut offsets = TopicPartitionList::new();
        for (number, partition) in &mut self.partitions {
            if let Some(next) = partition.settled.take() {
                offsets
                    .add_partition_offset(
                        &self.settings.input.topics[0],
                        *number,
                        Offset::Offset(next),
                    )
                    .expect("an offset");
            }
        }
        if offsets.count() > 0 {
            self.consumer.commit(&offsets, mode).expect("a commit");
        }
    }
}
