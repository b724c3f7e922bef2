//! Reads part of a topic again, through the reader of the service: dead letters, or a time range
//! of the input.
//!
//! It joins no group and commits nothing. It ends at the ends that the partitions had when it
//! began. What cannot be read is counted and written nowhere: it is a dead letter already.
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::batch::{Batch, OutputKind};
use super::dead_letter_limit::DeadLetterLimit;
use super::outputs::Outputs;
use super::reader::{Diagnosing, Maximum, MessageReader};
use super::receipt::{Fate, Receipt};
use super::tally::Tally;
use super::worker::MessagePlace;
use super::{Shared, StopSignal};
use crate::config::{DeadLetter, Settings};
use crate::delivery::{Seen, Token};
use crate::diagnosis::{Outcome, Scenario};
use crate::kafka::{self, Acknowledgement, ConsumerEvents, ProducerEvents, classify};
use crate::signin::{BadReason, Limits};
use crate::telemetry::BrokerFault;
use crate::watch::Follower;

/// For one answer of the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
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

/// What came of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Figures {
    pub messages: u64,
    pub diagnoses: BTreeMap<(&'static str, &'static str), u64>,
    pub updates: u64,
    pub pages: u64,
    pub repeats: u64,
    pub skipped: u64,
    /// Diagnoses that `output.detail` keeps out of the topic.
    pub without_record: u64,
    /// By reason, what still cannot be read.
    pub dead_letters: BTreeMap<&'static str, u64>,
    /// Messages of a dead-letter topic without the headers of a dead letter.
    pub foreign: u64,
    /// Outputs that the producer was given, and those that the broker has acknowledged.
    pub produced: u64,
    pub acknowledged: u64,
}

impl Figures {
    /// Records for the output topic.
    pub fn records(&self) -> u64 {
        self.diagnoses.values().sum::<u64>() + self.updates + self.pages - self.without_record
    }

    fn add(&mut self, receipt: &Receipt) {
        self.without_record += receipt.without_record;
        for (fate, count) in &receipt.fates {
            *match *fate {
                Fate::Diagnosis {
                    scenario, outcome, ..
                } => self.diagnosis(scenario, outcome),
                Fate::Update => &mut self.updates,
                Fate::Page => &mut self.pages,
                Fate::Repeat => &mut self.repeats,
                Fate::Skipped(_) => &mut self.skipped,
                Fate::DeadLetter(reason) => self.dead_letter(reason.as_str()),
            } += count;
        }
    }

    fn diagnosis(&mut self, scenario: Scenario, outcome: Outcome) -> &mut u64 {
        let key = (scenario.as_str(), outcome.as_str());
        self.diagnoses.entry(key).or_default()
    }

    fn dead_letter(&mut self, reason: &'static str) -> &mut u64 {
        self.dead_letters.entry(reason).or_default()
    }
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

#[derive(Debug, Clone)]
struct Part {
    topic: Arc<str>,
    partition: i32,
    first: i64,
    end: i64,
}

/// Where the outputs of a pass go.
struct Writer {
    producer: BaseProducer<ProducerEvents>,
    outputs: Outputs,
    /// The messages whose outputs are not all acknowledged, in order; the first one's number.
    pending: VecDeque<Pending>,
    first: u64,
    reports: Vec<Acknowledgement>,
}

struct Pending {
    outstanding: usize,
    time: Option<i64>,
}

impl<'s> Replay<'s> {
    /// Finds the range in each partition. Opens sockets.
    pub fn new(shared: &'s Shared, range: Range) -> Result<Replay<'s>, ReplayError> {
        let settings = &shared.settings;
        if range.topics.contains(&settings.output.topic) {
            return Err(ReplayError::Loop);
        }
        let client = kafka::reader(settings);
        let events = ConsumerEvents::new(shared.tokens.clone());
        let consumer = BaseConsumer::from_config_and_context(&client, events)?;
        // Hands a token over, where the broker asks for one.
        let _ = consumer.poll(Duration::ZERO);
        let mut parts = Vec::new();
        for topic in &range.topics {
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
        let Some(payload) = reading.body(message) else {
            *figures.dead_letter(BadReason::TooLarge.as_str()) += 1;
            return Ok(true);
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

/// The parts that diagnose, and how far each partition was read.
struct Reading {
    reader: MessageReader,
    batch: Batch,
    receipt: Receipt,
    seen: HashMap<(Arc<str>, i32), Seen>,
    remembered: usize,
    max_bytes: usize,
    /// The next offset, and the time of the last message.
    reached: HashMap<(Arc<str>, i32), (i64, Option<i64>)>,
}

impl Reading {
    fn new(shared: &Shared) -> Reading {
        let settings = &shared.settings;
        Reading {
            reader: MessageReader::new(
                Limits {
                    decompressed_bytes: settings.limits.decompressed_bytes,
                },
                Arc::clone(&shared.diagnoser),
                Arc::clone(&shared.policies),
                Tally::new(Arc::clone(&shared.metrics)),
                Follower::new(Arc::clone(&shared.watch)),
                settings.output.key,
                Maximum {
                    output_bytes: kafka::max_output_bytes(settings),
                    records: settings.limits.records_per_message as u64,
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
            max_bytes: settings.limits.decompressed_bytes,
            reached: HashMap::new(),
        }
    }

    /// The bytes as they came: a dead letter that was too long was compressed. `None` where they
    /// are more than a message may have.
    fn body<'m>(&self, message: &'m BorrowedMessage<'_>) -> Option<Cow<'m, [u8]>> {
        let payload = message.payload().unwrap_or_default();
        if text(message, "content-encoding") != Some("gzip") {
            return Some(Cow::Borrowed(payload));
        }
        let mut bytes = Vec::new();
        let one_more = self.max_bytes as u64 + 1;
        let mut decoder = GzDecoder::new(payload).take(one_more);
        // What the service has written itself is whole.
        decoder.read_to_end(&mut bytes).ok()?;
        (bytes.len() <= self.max_bytes).then_some(Cow::Owned(bytes))
    }

    fn diagnose(&mut self, payload: &[u8], place: &MessagePlace, position: u32) -> &Receipt {
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

    fn reaches(&mut self, part: &Part, next: i64, time: Option<i64>) {
        let key = (Arc::clone(&part.topic), part.partition);
        let reached = self.reached.entry(key).or_default();
        *reached = (next, time.or(reached.1));
    }

    fn reached(&self, part: &Part) -> Option<(i64, Option<i64>)> {
        let key = (Arc::clone(&part.topic), part.partition);
        self.reached.get(&key).copied()
    }
}

impl Writer {
    fn new(shared: &Shared) -> KafkaResult<Writer> {
        let settings: &Settings = &shared.settings;
        let events = ProducerEvents::new(shared.tokens.clone());
        let mut client = kafka::producer(settings);
        client.set("statistics.interval.ms", "0");
        Ok(Writer {
            producer: BaseProducer::from_config_and_context(&client, events)?,
            outputs: Outputs::new(settings),
            pending: VecDeque::new(),
            first: 0,
            reports: Vec::new(),
        })
    }

    fn write(
        &mut self,
        batch: &Batch,
        place: &MessagePlace,
        time: Option<i64>,
        figures: &mut Figures,
        stop: &StopSignal,
    ) -> KafkaResult<bool> {
        let outputs: Vec<_> = (0..batch.len())
            .filter_map(|index| batch.output(index))
            .filter(|output| matches!(output.kind, OutputKind::Diagnosis { .. }))
            .collect();
        if outputs.is_empty() {
            return Ok(true);
        }
        let token = Token::from_bits(self.first + self.pending.len() as u64);
        self.pending.push_back(Pending {
            outstanding: outputs.len(),
            time,
        });
        for output in outputs {
            loop {
                match self
                    .outputs
                    .produce(&self.producer, batch, output, place, token)
                {
                    Ok(()) => break,
                    Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => {
                        if stop.is_requested() {
                            return Ok(false);
                        }
                        self.producer.poll(POLL);
                    }
                    Err(error) => return Err(error),
                }
            }
            figures.produced += 1;
        }
        Ok(true)
    }

    fn serve(&mut self, patience: Duration, figures: &mut Figures) -> Result<(), ReplayError> {
        self.producer.poll(patience);
        let mut reports = std::mem::take(&mut self.reports);
        self.producer
            .context()
            .acknowledgements
            .take_into(&mut reports);
        for report in reports.drain(..) {
            if let Some(failure) = report.failure {
                return Err(ReplayError::Refused(failure.code));
            }
            figures.acknowledged += 1;
            let index = report.token.to_bits().saturating_sub(self.first);
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(message) = self.pending.get_mut(index) {
                message.outstanding -= 1;
            }
            while self
                .pending
                .pop_front_if(|message| message.outstanding == 0)
                .is_some()
            {
                self.first += 1;
            }
        }
        self.reports = reports;
        let mut errors = Vec::new();
        self.producer.context().errors.take_into(&mut errors);
        match errors.iter().find(|error| needs_operator(error.fault)) {
            Some(error) => Err(ReplayError::Refused(error.code)),
            None => Ok(()),
        }
    }
}

/// Whether trying on does not help, or only an operator can.
fn is_final(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
    let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
    fatal || code == RDKafkaErrorCode::AutoOffsetReset || needs_operator(classify(code))
}

fn needs_operator(fault: BrokerFault) -> bool {
    matches!(
        fault,
        BrokerFault::Authentication
            | BrokerFault::Authorization
            | BrokerFault::TopicMissing
            | BrokerFault::Fatal
    )
}

/// The range in each partition of a topic.
fn find(
    consumer: &BaseConsumer<ConsumerEvents>,
    topic: &str,
    range: &Range,
) -> Result<Vec<Part>, ReplayError> {
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let Some(found) =
        found.filter(|found| found.error().is_none() && !found.partitions().is_empty())
    else {
        return Err(ReplayError::NoTopic(topic.to_owned()));
    };
    let name: Arc<str> = Arc::from(topic);
    let mut parts = Vec::new();
    for partition in found.partitions() {
        let partition = partition.id();
        let (low, high) = consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT)?;
        let at = |time: Option<i64>, none| match time {
            None => Ok(none),
            Some(time) => offset_at(consumer, topic, partition, time).map(|at| at.unwrap_or(high)),
        };
        parts.push(Part {
            topic: Arc::clone(&name),
            partition,
            first: at(range.from, low)?.max(low),
            end: at(range.to, high)?.min(high),
        });
    }
    Ok(parts)
}

/// The first offset of this time or later; `None` where there is none.
fn offset_at(
    consumer: &BaseConsumer<ConsumerEvents>,
    topic: &str,
    partition: i32,
    time: i64,
) -> KafkaResult<Option<i64>> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(time))?;
    let found = consumer.offsets_for_times(list, REQUEST_TIMEOUT)?;
    let element = found.elements().into_iter().next();
    let Some(element) = element else {
        return Ok(None);
    };
    element.error()?;
    Ok(match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}

fn place(message: &BorrowedMessage<'_>) -> MessagePlace {
    MessagePlace {
        topic: Arc::from(message.topic()),
        partition: message.partition(),
        offset: message.offset(),
    }
}

enum Letter {
    Whole(MessagePlace, u32),
    /// Only its first part was kept.
    Cut,
}

fn text<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(header.value?).ok()
}

/// Where a dead letter comes from, as its headers say.
fn place_of(message: &BorrowedMessage<'_>) -> Option<Letter> {
    let text = |name| text(message, name);
    let place = MessagePlace {
        topic: Arc::from(text("source_topic")?),
        partition: text("source_partition")?.parse().ok()?,
        offset: text("source_offset")?.parse().ok()?,
    };
    let position = text("source_position")?.parse().ok()?;
    if text("original_bytes").is_some() {
        return Some(Letter::Cut);
    }
    Some(Letter::Whole(place, position))
}
