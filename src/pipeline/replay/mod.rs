//! Reads part of a topic again, through the reader of the service: dead letters, or a time range
//! of the input.
//!
//! It joins no group and commits nothing. It ends at the ends that the partitions had when it
//! began. What cannot be read is counted and written nowhere: it is a dead letter already.
mod figures;
mod letter;
mod range;
mod reading;
mod writer;

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::{Shared, StopSignal};
use crate::kafka::{self, ConsumerEvents};
use crate::signin::BadReason;

pub use figures::Figures;
use letter::{Letter, place, place_of};
use range::{Part, REQUEST_TIMEOUT, find};
use reading::{Body, Reading};
use writer::{Writer, is_final};

const POLL: Duration = Duration::from_millis(100);
/// The broker is silent for so long: it is told, and tried on.
const SILENCE: Duration = Duration::from_secs(30);

/// What is read again.
#[derive(Debug, Clone)]
pub struct Range {
    pub topics: Vec<String>,
    /// The messages are dead letters of the service, and stand for the places that they name.
    pub dead_letters: bool,
    /// Broker's times in milliseconds since 1970: from the first message of this time on…
    pub from: Option<i64>,
    /// …to the last one before.
    pub to: Option<i64>,
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Done,
    /// Stopped; everything before this time is delivered. `None`: nothing was read.
    Stopped {
        go_on_from: Option<i64>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the Kafka client fails")]
    Client(#[from] KafkaError),
    #[error("the topic {0} cannot be seen; check its name and the right to describe it")]
    NoTopic(String),
    #[error(
        "the broker refuses what is written ({0}); nothing before it is undone, and running it \
         again writes the same ids"
    )]
    Refused(RDKafkaErrorCode),
    #[error("the output topic is one of those that are read: it would be read again")]
    Loop,
}

/// One replay: a counting pass, then one that writes.
pub struct Replay<'s> {
    shared: &'s Shared,
    range: Range,
    consumer: BaseConsumer<ConsumerEvents>,
    /// Of every partition, where reading begins and where it ends.
    parts: Vec<Part>,
}

impl<'s> Replay<'s> {
    /// Finds the range in each partition. Opens sockets.
    pub fn new(shared: &'s Shared, range: Range) -> Result<Replay<'s>, ReplayError> {
        let settings = &shared.settings;
        let client = kafka::reader(settings);
        let events = ConsumerEvents::new(shared.tokens.clone());
        let consumer = BaseConsumer::from_config_and_context(&client, events)?;
        // Hands a token over, where the broker asks for one.
        let _ = consumer.poll(Duration::ZERO);
        let topics = kafka::expand(&consumer, &range.topics, REQUEST_TIMEOUT)?;
        if topics.is_empty() {
            return Err(ReplayError::NoTopic(range.topics.join(", ")));
        }
        if topics.contains(&settings.output.topic) {
            return Err(ReplayError::Loop);
        }
        let mut parts = Vec::new();
        for topic in &topics {
            parts.extend(find(&consumer, topic, &range)?);
        }
        Ok(Replay {
            shared,
            range,
            consumer,
            parts,
        })
    }

    /// Messages of the range, as far as offsets tell.
    pub fn messages(&self) -> u64 {
        let parts = self.parts.iter();
        parts
            .map(|part| u64::try_from(part.end - part.first).unwrap_or(0))
            .sum()
    }

    /// Reads the range once. With `write`, diagnoses go to the output topic, and the end is
    /// reached when all are acknowledged.
    pub fn pass(
        &self,
        write: bool,
        stop: &StopSignal,
        progress: &mut dyn FnMut(&Figures),
    ) -> Result<(Figures, End), ReplayError> {
        let mut writer = write.then(|| Writer::new(self.shared)).transpose()?;
        let mut reading = Reading::new(self.shared);
        let mut figures = Figures::default();
        for part in self.parts.iter().filter(|part| part.first < part.end) {
            self.read(
                part,
                &mut reading,
                writer.as_mut(),
                &mut figures,
                stop,
                progress,
            )?;
            if stop.is_requested() {
                break;
            }
        }
        let until = Instant::now() + self.shared.settings.delivery.drain_timeout;
        while let Some(writer) = &mut writer
            && !writer.pending.is_empty()
            && (!stop.is_requested() || Instant::now() < until)
        {
            writer.serve(POLL, &mut figures)?;
        }
        progress(&figures);
        if !stop.is_requested() {
            return Ok((figures, End::Done));
        }
        let pending = writer.iter().flat_map(|writer| &writer.pending);
        let pending = pending.filter_map(|message| message.time).min();
        // A partition that was not read to its end has its later messages after the last one read;
        // one that was not begun has them all.
        let unread = self
            .parts
            .iter()
            .filter_map(|part| match reading.reached(part) {
                Some((next, _)) if next >= part.end => None,
                Some((_, time)) => Some(time),
                None if part.first >= part.end => None,
                None => Some(self.range.from),
            });
        let mut times: Vec<Option<i64>> = unread.collect();
        times.extend(pending.map(Some));
        let go_on_from = times.into_iter().min().flatten();
        Ok((figures, End::Stopped { go_on_from }))
    }

    fn read(
        &self,
        part: &Part,
        reading: &mut Reading,
        mut writer: Option<&mut Writer>,
        figures: &mut Figures,
        stop: &StopSignal,
        progress: &mut dyn FnMut(&Figures),
    ) -> Result<(), ReplayError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&part.topic, part.partition, Offset::Offset(part.first))?;
        self.consumer.assign(&list)?;
        let mut heard = Instant::now();
        while !stop.is_requested() {
            if let Some(writer) = writer.as_deref_mut() {
                writer.serve(Duration::ZERO, figures)?;
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if message.offset() >= part.end {
                        break;
                    }
                    let writer = writer.as_deref_mut();
                    if !self.message(&message, reading, writer, figures, stop)? {
                        break;
                    }
                    reading.reaches(part, message.offset() + 1, message.timestamp().to_millis());
                    progress(figures);
                    if message.offset() + 1 >= part.end {
                        break;
                    }
                }
                // The rest of the range holds no message: markers of transactions, or compacted.
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    reading.reaches(part, part.end, None);
                    break;
                }
                // The client goes on by itself after the others.
                Some(Err(error)) if is_final(&error) => return Err(error.into()),
                Some(Err(_)) | None if heard.elapsed() >= SILENCE => {
                    tracing::warn!(topic = %part.topic, partition = part.partition, "The broker is silent");
                    heard = Instant::now();
                }
                Some(Err(_)) | None => {}
            }
        }
        self.consumer.unassign()?;
        Ok(())
    }

    /// False where it was stopped before all of its outputs were in the producer's queue.
    fn message(
        &self,
        message: &BorrowedMessage<'_>,
        reading: &mut Reading,
        writer: Option<&mut Writer>,
        figures: &mut Figures,
        stop: &StopSignal,
    ) -> KafkaResult<bool> {
        figures.messages += 1;
        let (place, position) = if self.range.dead_letters {
            match place_of(message) {
                Some(Letter::Whole(place, position)) => (place, position),
                Some(Letter::Dropped) => {
                    figures.dropped += 1;
                    return Ok(true);
                }
                // The rest of it is only in the input topic.
                Some(Letter::Cut) => {
                    *figures.dead_letter("truncated") += 1;
                    return Ok(true);
                }
                None => {
                    figures.foreign += 1;
                    return Ok(true);
                }
            }
        } else {
            (place(message), 0)
        };
        let payload = match reading.body(message) {
            Body::Whole(payload) => payload,
            Body::TooLarge => {
                *figures.dead_letter(BadReason::TooLarge.as_str()) += 1;
                return Ok(true);
            }
            Body::Sealed(key_id) => {
                *figures.sealed.entry(key_id).or_default() += 1;
                return Ok(true);
            }
        };
        let receipt = reading.diagnose(&payload, &place, position);
        figures.add(receipt);
        let Some(writer) = writer else {
            return Ok(true);
        };
        writer.write(
            &reading.batch,
            &place,
            message.timestamp().to_millis(),
            figures,
            stop,
        )
    }
}
