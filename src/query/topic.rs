//! The output topic as a store: reads its partitions from a time to where they ended when the
//! reading began. Joins no group, commits nothing, writes nothing.
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::metadata::MetadataPartition;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::store::{Extent, ScanError, Stopped, Visitor};
use crate::kafka::{Heard, Tokens};

/// For metadata, offsets and the first record of a scan.
const ANSWER: Duration = Duration::from_secs(20);

/// Without a single record: the broker or the way to it is gone.
const STALL: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(100);

/// Records between two looks at the clock.
const STRIDE: u64 = 1_024;

/// Opens consumers of one topic.
#[derive(Clone)]
pub struct Topic {
    config: ClientConfig,
    name: String,
    tokens: Option<Arc<Tokens>>,
}

type Consumer = BaseConsumer<Heard>;

/// A stretch of one partition: from an offset to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    partition: i32,
    start: i64,
    end: i64,
}

impl Topic {
    /// `config` is that of a consumer of the service; `tokens` where its brokers ask for them.
    pub fn new(mut config: ClientConfig, name: &str, tokens: Option<Arc<Tokens>>) -> Topic {
        // A static member of that name may be running.
        config
            .remove("group.instance.id")
            .set("client.id", "signin-diagnostics-query")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("statistics.interval.ms", "0")
            .set("fetch.queue.backoff.ms", "2")
            .set("fetch.wait.max.ms", "50")
            .set("queued.max.messages.kbytes", "12288")
            .set_log_level(RDKafkaLogLevel::Emerg);
        Topic {
            config,
            name: name.to_owned(),
            tokens,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives every record that was written within `extent` to the visitor.
    pub fn scan(&self, extent: &Extent<'_>, visitor: &mut dyn Visitor) -> Result<(), ScanError> {
        let consumer = self.consumer()?;
        let stretches = self.stretches(&consumer, extent)?;
        let total: i64 = stretches
            .iter()
            .map(|stretch| stretch.end - stretch.start)
            .sum();
        let total = u64::try_from(total).unwrap_or(0);
        let mut assignment = TopicPartitionList::new();
        for stretch in &stretches {
            let offset = Offset::Offset(stretch.start);
            assignment
                .add_partition_offset(&self.name, stretch.partition, offset)
                .map_err(|error| self.fault(&consumer, &error))?;
        }
        consumer
            .assign(&assignment)
            .map_err(|error| self.fault(&consumer, &error))?;
        let mut open = stretches;
        let mut closed = 0;
        let mut read = 0;
        let mut heard = Instant::now();
        let done = |open: &[Stretch], closed: u64| {
            let left: i64 = open.iter().map(|stretch| stretch.end - stretch.start).sum();
            closed.max(total.saturating_sub(u64::try_from(left).unwrap_or(0)))
        };
        while !open.is_empty() {
            let end = match consumer.poll(POLL) {
                None => {
                    if heard.elapsed() > STALL {
                        return Err(silence(&consumer, read, total));
                    }
                    visitor.progress(done(&open, closed), total)?;
                    continue;
                }
                Some(Ok(message)) => {
                    heard = Instant::now();
                    read += 1;
                    let place = open
                        .iter_mut()
                        .find(|own| own.partition == message.partition());
                    let Some(stretch) = place else {
                        continue;
                    };
                    let offset = message.offset();
                    if offset < stretch.end {
                        stretch.start = offset + 1;
                        // A record without a body deletes its key: nothing to show.
                        if let Some(record) = message.payload().filter(|record| !record.is_empty())
                        {
                            visitor.record(record)?;
                        }
                    }
                    let partition = stretch.partition;
                    let is_over = stretch.start >= stretch.end || offset >= stretch.end;
                    if read % STRIDE == 0 {
                        visitor.progress(done(&open, closed), total)?;
                    }
                    is_over.then_some(partition)
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => Some(partition),
                Some(Err(error)) if fatal(&error) => return Err(self.fault(&consumer, &error)),
                Some(Err(_)) => None,
            };
            if let Some(partition) = end {
                open.retain(|stretch| stretch.partition != partition);
                closed = done(&open, closed);
                // The rest of a partition that is done would only be fetched.
                let mut rest = TopicPartitionList::new();
                rest.add_partition(&self.name, partition);
                consumer
                    .pause(&rest)
                    .map_err(|error| self.fault(&consumer, &error))?;
            }
        }
        visitor.progress(total, total)?;
        Ok(())
    }

    /// When the oldest record of the topic was written; `None` where it is empty.
    pub fn begins(&self) -> Result<Option<DateTime<Utc>>, ScanError> {
        let consumer = self.consumer()?;
        let extent = Extent::default();
        let stretches = self.stretches(&consumer, &extent)?;
        let mut assignment = TopicPartitionList::new();
        for stretch in &stretches {
            let added = assignment.add_partition_offset(
                &self.name,
                stretch.partition,
                Offset::Offset(stretch.start),
            );
            added.map_err(|error| self.fault(&consumer, &error))?;
        }
        consumer
            .assign(&assignment)
            .map_err(|error| self.fault(&consumer, &error))?;
        let mut waiting: Vec<_> = stretches.iter().map(|stretch| stretch.partition).collect();
        let mut oldest: Option<i64> = None;
        let deadline = Instant::now() + ANSWER;
        while !waiting.is_empty() && Instant::now() < deadline {
            match consumer.poll(POLL) {
                Some(Ok(message)) if waiting.contains(&message.partition()) => {
                    waiting.retain(|partition| *partition != message.partition());
                    let time = message.timestamp().to_millis();
                    oldest = [oldest, time].into_iter().flatten().min();
                }
                Some(Err(KafkaError::PartitionEOF(ended))) => {
                    waiting.retain(|partition| *partition != ended);
                }
                Some(Err(error)) if fatal(&error) => return Err(self.fault(&consumer, &error)),
                _ => {}
            }
        }
        Ok(oldest.and_then(DateTime::from_timestamp_millis))
    }

    fn consumer(&self) -> Result<Consumer, ScanError> {
        let context = Heard::new(self.tokens.as_ref());
        BaseConsumer::from_config_and_context(&self.config, context)
            .map_err(|error| ScanError::Client(error.to_string()))
    }

    /// What is to be read of each partition; those with nothing are left out.
    fn stretches(
        &self,
        consumer: &Consumer,
        extent: &Extent<'_>,
    ) -> Result<Vec<Stretch>, ScanError> {
        let fault = |error: KafkaError| self.fault(consumer, &error);
        let metadata = consumer
            .fetch_metadata(Some(&self.name), ANSWER)
            .map_err(fault)?;
        let known = metadata
            .topics()
            .first()
            .filter(|topic| topic.error().is_none());
        let partitions: Vec<i32> = known
            .map(|topic| {
                topic
                    .partitions()
                    .iter()
                    .map(MetadataPartition::id)
                    .collect()
            })
            .unwrap_or_default();
        if partitions.is_empty() {
            return Err(ScanError::NoTopic(self.name.clone()));
        }
        let count = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
        let only = extent
            .key
            .map(|key| super::partition::of_key(key.as_bytes(), count));
        let partitions = partitions
            .into_iter()
            .filter(|partition| only.is_none_or(|only| only == *partition));
        let mut stretches = Vec::new();
        for partition in partitions {
            let (start, end) = consumer
                .fetch_watermarks(&self.name, partition, ANSWER)
                .map_err(fault)?;
            stretches.push(Stretch {
                partition,
                start,
                end,
            });
        }
        stretches.retain(|stretch| stretch.start < stretch.end);
        if let Some(time) = extent.written_from {
            let offsets = self.offsets_at(consumer, time, &stretches)?;
            if offsets.iter().all(Option::is_none) && !self.knows_times(consumer, &stretches)? {
                return Ok(stretches);
            }
            for (stretch, offset) in stretches.iter_mut().zip(offsets) {
                // Without an offset, nothing was written since.
                stretch.start = offset.map_or(stretch.end, |offset| offset.max(stretch.start));
            }
        }
        if let Some(time) = extent.written_to {
            let offsets = self.offsets_at(consumer, time, &stretches)?;
            for (stretch, offset) in stretches.iter_mut().zip(offsets) {
                stretch.end = offset.map_or(stretch.end, |offset| offset.min(stretch.end));
            }
        }
        stretches.retain(|stretch| stretch.start < stretch.end);
        Ok(stretches)
    }

    /// Whether the broker looks offsets up by time: librdkafka's mock cluster, on which the demo
    /// runs, finds nothing at any time. Everything is read then.
    fn knows_times(&self, consumer: &Consumer, stretches: &[Stretch]) -> Result<bool, ScanError> {
        let offsets = self.offsets_at(consumer, DateTime::UNIX_EPOCH, stretches)?;
        Ok(offsets.iter().any(Option::is_some))
    }

    /// For each stretch the offset of the first record that was written at `time` or later.
    fn offsets_at(
        &self,
        consumer: &Consumer,
        time: DateTime<Utc>,
        stretches: &[Stretch],
    ) -> Result<Vec<Option<i64>>, ScanError> {
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let fault = |error: KafkaError| self.fault(consumer, &error);
        let mut asked = TopicPartitionList::new();
        for stretch in stretches {
            let time = Offset::Offset(time.timestamp_millis().max(0));
            asked
                .add_partition_offset(&self.name, stretch.partition, time)
                .map_err(fault)?;
        }
        let answer = consumer.offsets_for_times(asked, ANSWER).map_err(fault)?;
        let offset = |stretch: &Stretch| {
            let element = answer.find_partition(&self.name, stretch.partition);
            let Some(element) = element else {
                return Ok(None);
            };
            element.error().map_err(fault)?;
            Ok(match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        };
        stretches.iter().map(offset).collect()
    }

    fn fault(&self, consumer: &Consumer, error: &KafkaError) -> ScanError {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code();
        if matches!(
            code,
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic)
        ) {
            return ScanError::NoTopic(self.name.clone());
        }
        if matches!(code, Some(Code::TopicAuthorizationFailed)) {
            return ScanError::Refused(format!(
                "the broker does not let this client read {:?}; grant it Read and Describe",
                self.name
            ));
        }
        ScanError::Broker(heard(consumer).unwrap_or_else(|| error.to_string()))
    }
}

fn silence(consumer: &Consumer, read: u64, total: u64) -> ScanError {
    let reason = heard(consumer).unwrap_or_else(|| "the broker sent nothing".to_owned());
    ScanError::Broker(format!("{reason}; {read} of {total} records were read"))
}

/// The client's own words say more than the call that timed out.
fn heard(consumer: &Consumer) -> Option<String> {
    let last = consumer.context().last_error();
    last.map(|(code, reason)| format!("{code}: {reason}"))
}

/// Whether the client does not go on by itself.
fn fatal(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
                | Code::Fatal
                | Code::Authentication
        )
    )
}

impl From<Stopped> for ScanError {
    fn from(stopped: Stopped) -> ScanError {
        ScanError::Stopped(stopped)
    }
}
