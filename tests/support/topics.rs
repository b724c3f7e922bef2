//! Topics of a test's own, and what goes in and comes out of them.
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Headers as _, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::broker::broker;
use super::wait::holds_within;

/// Longer than anything a local broker needs, short enough for a test that fails.
const DEADLINE: Duration = Duration::from_mins(3);

/// A message as it lies in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl Message {
    /// The value of a header, where the message has it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_slice())
    }
}

/// Creates a topic of a unique name, so that tests do not meet, also on a broker that outlives
/// the run.
pub fn topic(name_prefix: &str, partitions: i32) -> String {
    topic_on(&broker().bootstrap, name_prefix, partitions)
}

/// The same on a broker of the test's own.
pub fn topic_on(bootstrap: &str, name_prefix: &str, partitions: i32) -> String {
    let name = topic_name(name_prefix);
    create_topic(bootstrap, &name, partitions);
    name
}

/// A name that no topic has.
pub fn topic_name(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{prefix}-{}-{}-{}",
        chrono::Utc::now().timestamp_millis(),
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Creates the topic of that name.
pub fn create_topic(bootstrap: &str, name: &str, partitions: i32) {
    create_topic_with(bootstrap, name, partitions, &[]);
}

/// The same with settings of the topic.
pub fn create_topic_with(bootstrap: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let new = settings
        .iter()
        .fold(new, |new, (key, value)| new.set(key, value));
    let results = administer(bootstrap, async |admin, options| {
        admin.create_topics(&[new], options).await
    });
    for result in results {
        result.expect("the topic is created");
    }
}

/// Deletes the topic; the broker may know it for a moment longer.
pub fn delete_topic(bootstrap: &str, name: &str) {
    let results = administer(bootstrap, async |admin, options| {
        admin.delete_topics(&[name], options).await
    });
    for result in results {
        result.expect("the topic is deleted");
    }
}

/// Whether the broker knows the topic.
pub fn exists(bootstrap: &str, name: &str) -> bool {
    let consumer: BaseConsumer = client(bootstrap)
        .create()
        .expect("a consumer of fixed settings");
    let metadata = consumer.fetch_metadata(None, DEADLINE);
    let metadata = metadata.expect("the broker answers");
    metadata.topics().iter().any(|topic| topic.name() == name)
}

/// Adds partitions to the topic, up to so many.
pub fn grow_topic(bootstrap: &str, name: &str, partitions: usize) {
    let results = administer(bootstrap, async |admin, options| {
        let new = NewPartitions::new(name, partitions);
        admin.create_partitions(&[new], options).await
    });
    for result in results {
        result.expect("the topic grows");
    }
}

/// Deletes what is before the offset of a partition, as retention does.
pub fn delete_before(bootstrap: &str, topic: &str, partition: i32, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset))
        .expect("a valid offset");
    let deleted = administer(bootstrap, async |admin, options| {
        admin.delete_records(&list, options).await
    });
    for element in deleted.elements() {
        element.error().expect("the records are deleted");
    }
}

fn administer<T>(
    bootstrap: &str,
    request: impl AsyncFnOnce(
        &AdminClient<DefaultClientContext>,
        &AdminOptions,
    ) -> Result<T, KafkaError>,
) -> T {
    let admin: AdminClient<DefaultClientContext> = client(bootstrap)
        .create()
        .expect("an admin client of fixed settings");
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(request(&admin, &options))
        .expect("the broker answers")
}

/// Sends the bodies, the n-th (from 0) to partition `partition_of(n)`, and returns when the
/// broker has acknowledged all of them.
///
/// # Panics
///
/// When a message is not acknowledged.
pub fn produce<B: AsRef<[u8]>>(
    topic: &str,
    bodies: impl IntoIterator<Item = B>,
    partition_of: impl Fn(usize) -> i32,
) {
    produce_on(&broker().bootstrap, topic, bodies, partition_of);
}

/// The same on a broker of the test's own.
pub fn produce_on<B: AsRef<[u8]>>(
    bootstrap: &str,
    topic: &str,
    bodies: impl IntoIterator<Item = B>,
    partition_of: impl Fn(usize) -> i32,
) {
    let sender = Sender::new(bootstrap);
    for (n, body) in bodies.into_iter().enumerate() {
        sender.send(topic, partition_of(n), Some(body.as_ref()));
    }
    sender.finish();
}

/// Sends messages to partition 0, one after the other; `None` is a message without a body.
pub fn produce_in_order(bootstrap: &str, topic: &str, bodies: &[Option<Vec<u8>>]) {
    let sender = Sender::new(bootstrap);
    for body in bodies {
        sender.send(topic, 0, body.as_deref());
    }
    sender.finish();
}

struct Sender {
    producer: ThreadedProducer<Failures>,
    failures: Failures,
}

impl Sender {
    fn new(bootstrap: &str) -> Sender {
        let failures = Failures::default();
        let producer = client(bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .create_with_context(failures.clone())
            .expect("a producer of fixed settings");
        Sender { producer, failures }
    }

    fn send(&self, topic: &str, partition: i32, body: Option<&[u8]>) {
        let started = Instant::now();
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition);
        record.payload = body;
        while let Err((error, back)) = self.producer.send(record) {
            assert_eq!(
                error.rdkafka_error_code(),
                Some(RDKafkaErrorCode::QueueFull)
            );
            assert!(started.elapsed() < DEADLINE, "the broker takes no messages");
            self.producer.poll(Duration::from_millis(10));
            record = back;
        }
    }

    fn finish(self) {
        self.producer
            .flush(DEADLINE)
            .expect("all messages are sent");
        let failures = self
            .failures
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        assert!(failures.is_empty(), "not acknowledged: {failures:?}");
    }
}

#[derive(Clone, Default)]
struct Failures(Arc<Mutex<Vec<KafkaError>>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(error.clone());
        }
    }
}

/// Every committed message of the topic, up to its end as of the call; in order within each
/// partition.
pub fn read_all(topic: &str) -> Vec<Message> {
    read_all_on(&broker().bootstrap, topic)
}

/// The same on a broker of the test's own.
pub fn read_all_on(bootstrap: &str, topic: &str) -> Vec<Message> {
    let consumer: BaseConsumer = client(bootstrap)
        // Never joined: the client wants a name to be assigned partitions.
        .set("group.id", "read-all")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer of fixed settings");
    let partitions = partitions(&consumer, topic);

    let mut assignment = TopicPartitionList::new();
    for partition in &partitions {
        assignment
            .add_partition_offset(topic, *partition, Offset::Beginning)
            .expect("a valid offset");
    }
    consumer
        .assign(&assignment)
        .expect("partitions are assigned");

    let mut open: HashSet<i32> = partitions.into_iter().collect();
    let mut messages = Vec::new();
    let started = Instant::now();
    while !open.is_empty() {
        assert!(started.elapsed() < DEADLINE, "{topic} cannot be read");
        match consumer.poll(Duration::from_millis(100)) {
            // The end is known even where aborted records or commit markers come last.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => panic!("{topic}: {error}"),
            Some(Ok(message)) if open.contains(&message.partition()) => {
                messages.push(to_owned(&message));
            }
            // Nothing yet, or written after the end was seen.
            Some(Ok(_)) | None => {}
        }
    }
    messages
}

pub(super) fn to_owned(message: &rdkafka::message::BorrowedMessage<'_>) -> Message {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .map(|header| {
                (
                    header.key.to_owned(),
                    header.value.unwrap_or_default().to_vec(),
                )
            })
            .collect()
    });
    Message {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        headers,
        payload: message.payload().unwrap_or_default().to_vec(),
    }
}

pub(super) fn partitions(consumer: &BaseConsumer, topic: &str) -> Vec<i32> {
    let metadata = consumer
        .fetch_metadata(Some(topic), DEADLINE)
        .expect("the broker knows the topic");
    metadata.topics()[0]
        .partitions()
        .iter()
        .map(rdkafka::metadata::MetadataPartition::id)
        .collect()
}

/// How far a group has come in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The offset after the last message; of a new topic, the number of messages.
    pub end: i64,
    /// The offset that the group has committed, 0 where it has not.
    pub committed: i64,
}

/// What the broker says of a group's progress, by partition.
pub fn progress(bootstrap: &str, topic: &str, group: &str) -> BTreeMap<i32, Progress> {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", group)
        .create()
        .expect("a consumer of fixed settings");
    let partitions = partitions(&consumer, topic);
    let mut asked = TopicPartitionList::new();
    for partition in &partitions {
        asked.add_partition(topic, *partition);
    }
    // A broker that was stopped is elected again as coordinator first.
    let mut committed = consumer.committed_offsets(asked.clone(), DEADLINE);
    let known = holds_within(DEADLINE, || {
        if committed.is_err() {
            committed = consumer.committed_offsets(asked.clone(), DEADLINE);
        }
        committed.is_ok()
    });
    assert!(known, "{group}: {committed:?}");
    let committed = committed.expect("it is known");
    partitions
        .into_iter()
        .map(|partition| {
            // It is elected as leader again, too.
            let mut watermarks = consumer.fetch_watermarks(topic, partition, DEADLINE);
            let known = holds_within(DEADLINE, || {
                if watermarks.is_err() {
                    watermarks = consumer.fetch_watermarks(topic, partition, DEADLINE);
                }
                watermarks.is_ok()
            });
            assert!(known, "{topic} {partition}: {watermarks:?}");
            let (_, end) = watermarks.expect("they are known");
            let committed = committed
                .find_partition(topic, partition)
                .and_then(|found| found.offset().to_raw())
                .filter(|offset| *offset >= 0)
                .unwrap_or(0);
            (partition, Progress { end, committed })
        })
        .collect()
}

/// Whether the group is at rest, with so many members that each have partitions.
pub fn is_settled(bootstrap: &str, group: &str, members: usize) -> bool {
    let consumer: BaseConsumer = client(bootstrap)
        .create()
        .expect("a consumer of fixed settings");
    let Ok(groups) = consumer.fetch_group_list(Some(group), DEADLINE) else {
        return false;
    };
    groups.groups().iter().any(|found| {
        found.state() == "Stable"
            && found.members().len() == members
            && found
                .members()
                .iter()
                .all(|member| member.assignment().is_some_and(has_partitions))
    })
}

/// How many members the broker counts in the group.
pub fn members(bootstrap: &str, group: &str) -> usize {
    let consumer: BaseConsumer = client(bootstrap)
        .create()
        .expect("a consumer of fixed settings");
    let groups = consumer.fetch_group_list(Some(group), DEADLINE);
    groups
        .expect("the broker answers")
        .groups()
        .iter()
        .map(|found| found.members().len())
        .sum()
}

/// An assignment is a version (2 bytes), the number of topics (4 bytes, big endian), and more.
fn has_partitions(assignment: &[u8]) -> bool {
    assignment
        .get(2..6)
        .is_some_and(|topics| topics != [0, 0, 0, 0])
}

pub(super) fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set_log_level(RDKafkaLogLevel::Emerg);
    config
}
