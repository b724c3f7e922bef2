//! A worker: one thread, one consumer, one producer, nothing shared.
//!
//! The loop feeds [`Delivery`] with what the clients tell and carries out what it decides. It
//! decides nothing about loss itself.
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, error, info, warn};

use super::batch::Batch;
use super::batching::Batching;
use super::dead_letter_limit::DeadLetterLimit;
use super::observer::Observer;
use super::outputs::Outputs;
use super::reader::{Diagnosing, Maximum, MessageReader};
use super::receipt::Receipt;
use super::stop::StopSignal;
use super::tally::Tally;
use crate::config::{Mode, Settings};
use crate::delivery::{
    Delivery, Event, Exit, Owned, Phase, Position, Taken, TopicPartition, TransactionPhase,
};
use crate::diagnosis::Diagnoser;
use crate::kafka::{
    self, Acknowledgement, ClientError, Committer, ConsumerEvents, GroupEvent, ProducerEvents,
    Resolved, Resolver, Round, Statistics, Tokens, TransactionEvent, Transactor, classify,
    is_no_member,
};
use crate::policies;
use crate::signin::Limits;
use crate::telemetry::{BrokerFault, Client, Metrics, WorkerHealth};
use crate::watch::Follower;

/// How long a poll waits for a message while outputs are on their way: their acknowledgements
/// are served between polls.
const BUSY_POLL: Duration = Duration::from_millis(5);
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long a client is served after it was told to leave its group. Closed in the middle of a
/// rebalance, librdkafka 2.12 leaves without a word; it does not tell when it has left.
const LEAVE: Duration = Duration::from_millis(500);
/// How long the producer is served while no message is wanted.
const FULL_POLL: Duration = Duration::from_millis(2);

/// Until another producer is made in place of one that had no right to write.
const RENEW_AFTER: Duration = Duration::from_secs(3);

/// Where a message stands in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePlace {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
}

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the Kafka client refuses its settings")]
    Client(#[from] KafkaError),
    #[error("the system gives no thread")]
    Thread(#[from] io::Error),
}

/// What a worker is made of.
pub struct Parts {
    pub number: usize,
    pub settings: Arc<Settings>,
    pub diagnoser: Arc<Diagnoser>,
    pub metrics: Arc<Metrics>,
    pub watch: Follower,
    pub health: WorkerHealth,
    pub policies: Arc<policies::Current>,
    pub tokens: Option<Arc<Tokens>>,
    pub stop: StopSignal,
}

pub(super) struct Clients {
    brokers: String,
    pub(super) consumer: Arc<BaseConsumer<ConsumerEvents>>,
    pub(super) committer: Committer,
    resolver: Resolver,
    pub(super) producer: Arc<BaseProducer<ProducerEvents>>,
    /// Present exactly where outputs are written in transactions.
    pub(super) transactor: Option<Transactor>,
}

/// One worker. See the module.
pub struct Worker {
    clients: Clients,
    state: State,
    number: usize,
    settings: Arc<Settings>,
    tokens: Option<Arc<Tokens>>,
}

pub(super) struct State {
    pub(super) delivery: Delivery<Receipt>,
    pub(super) reader: MessageReader,
    pub(super) batch: Batch,
    /// The message that `batch` was made of.
    pub(super) place: MessagePlace,
    pub(super) outputs: Outputs,
    pub(super) batching: Batching,
    pub(super) observer: Observer,
    /// Receipts to use again.
    pub(super) receipts: Vec<Receipt>,
    stop: StopSignal,
    pub(super) exit: Option<Exit>,
    acknowledgements: Vec<Acknowledgement>,
    group_events: Vec<GroupEvent>,
    /// Partitions of the group's assignments whose start offsets are looked for.
    unresolved: Vec<(Round, TopicPartition)>,
    round: Round,
    /// The client waits for the answer to an assignment.
    owes_answer: bool,
    /// A producer that the broker gave no right to write is replaced then.
    pub(super) renew_at: Option<Instant>,
    /// The client has given up a partition whose next offset is not there; its statistics will
    /// tell which.
    offset_lost: bool,
}

impl Worker {
    /// Creates the clients and subscribes. Opens sockets, waits for nothing.
    pub fn new(parts: Parts) -> Result<Worker, StartError> {
        let settings = &parts.settings;
        let mut own = kafka::consumer(settings, parts.number);
        if settings.delivery.mode == Mode::ExactlyOnce {
            // Also makes committed offsets wait for a transaction that is not decided.
            own.set("isolation.level", "read_committed");
        }
        let consumer = Arc::new(BaseConsumer::from_config_and_context(
            &own,
            ConsumerEvents::new(parts.tokens.clone()),
        )?);
        let committer = Committer::start(Arc::clone(&consumer))?;
        let resolver = Resolver::start(Arc::clone(&consumer), settings.input.start)?;
        let batch_bytes = kafka::batch_bytes(settings);
        let (producer, transactor) = producer(
            settings,
            parts.number,
            batch_bytes,
            &consumer,
            parts.tokens.clone(),
        )?;
        let topics: Vec<&str> = settings.input.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let state = State {
            delivery: Delivery::new(super::delivery_settings(settings), Instant::now()),
            reader: MessageReader::new(
                Limits {
                    decompressed_bytes: settings.limits.decompressed_bytes,
                },
                parts.diagnoser,
                parts.policies,
                Tally::new(Arc::clone(&parts.metrics)),
                parts.watch,
                settings.output.key,
                Maximum {
                    output_bytes: kafka::max_output_bytes(settings),
                    records: settings.limits.records_per_message as u64,
                },
                DeadLetterLimit::new(&settings.dead_letter),
            ),
            batch: Batch::default(),
            place: MessagePlace {
                topic: Arc::from(""),
                partition: 0,
                offset: 0,
            },
            outputs: Outputs::new(settings),
            batching: Batching::new(batch_bytes),
            observer: Observer::new(parts.number, parts.metrics, parts.health, settings),
            receipts: Vec::new(),
            stop: parts.stop,
            exit: None,
            acknowledgements: Vec::new(),
            group_events: Vec::new(),
            unresolved: Vec::new(),
            round: 0,
            owes_answer: false,
            renew_at: None,
            offset_lost: false,
        };
        Ok(Worker {
            clients: Clients {
                brokers: settings.kafka.bootstrap_servers.clone(),
                consumer,
                committer,
                resolver,
                producer,
                transactor,
            },
            state,
            number: parts.number,
            settings: parts.settings,
            tokens: parts.tokens,
        })
    }

    /// Turns until there is a reason to exit. What could be drained is then committed; the
    /// clients are still open.
    pub fn run(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.state.turn(&self.clients) {
                self.state.observer.ended();
                return exit;
            }
            let now = Instant::now();
            let is_idle = self.state.delivery.in_flight() == 0;
            let is_open = matches!(
                self.state.delivery.transaction_phase(),
                None | Some(TransactionPhase::Open)
            );
            let renewing = self.state.renew_at.is_some_and(|at| now >= at);
            let changing = self.state.batching.is_changing() && is_open;
            if is_idle && (renewing || changing) {
                self.change_producer();
            }
        }
    }

    /// Another producer, for smaller batches or because the broker has refused this one. Every
    /// output of this one has come to its end.
    fn change_producer(&mut self) {
        let bytes = self.state.batching.bytes();
        if let Some(transactor) = self.clients.transactor.take() {
            // It has nothing under way. A panic was reported when it happened.
            let _ = transactor.close().join();
        }
        let consumer = &self.clients.consumer;
        let now = Instant::now();
        match producer(
            &self.settings,
            self.number,
            bytes,
            consumer,
            self.tokens.clone(),
        ) {
            Ok((producer, transactor)) => {
                if self.state.batching.is_changing() {
                    warn!(
                        bytes,
                        "The broker refuses larger batches; making smaller ones. Raise \
                         max.message.bytes of the output and dead-letter topics, or set \
                         kafka.properties.batch.size"
                    );
                }
                self.state.renew_at = None;
                self.clients.producer = producer;
                self.clients.transactor = transactor;
                self.state.batching.changed();
                self.state.event(&self.clients, now, Event::ProducerChanged);
            }
            Err(error) => {
                error!(%error, "No other producer can be made; exiting");
                self.state.event(&self.clients, now, Event::Fatal);
            }
        }
    }

    /// Waits until the other side of `leave` is dropped, and answers the group meanwhile: others
    /// of it may still be at their drain, and commit nothing during a rebalance.
    pub fn linger(&mut self, leave: &Receiver<()>) {
        while let Err(TryRecvError::Empty) = leave.try_recv() {
            // Nothing is paused for it: what it gives is read again by the next owner.
            let _ = self.clients.consumer.poll(IDLE_POLL);
            self.state.serve_group(&self.clients, Instant::now());
        }
    }

    /// Leaves the group and closes the clients. May take long; has no deadline of its own.
    pub fn close(self) {
        let Clients {
            brokers: _,
            consumer,
            committer,
            resolver,
            producer,
            transactor,
        } = self.clients;
        consumer.context().close();
        if self.state.owes_answer {
            // Without it the client cannot leave the group. One that is refused was answered
            // meanwhile.
            let _ = consumer.incremental_assign(&TopicPartitionList::new());
        }
        // librdkafka 2.12 closes a cooperative member without partitions without a word to the
        // group, which then waits for its session to time out. A static member stays on purpose.
        let mut left_by = Instant::now();
        if self.settings.kafka.instance_id.is_none() {
            consumer.unsubscribe();
            left_by += LEAVE;
        }
        // What they have under way may need the client to be served.
        let mut threads = vec![committer.close(), resolver.close()];
        threads.extend(transactor.map(Transactor::close));
        while !threads.iter().all(JoinHandle::is_finished) || Instant::now() < left_by {
            let _ = consumer.poll(BUSY_POLL);
            producer.poll(Duration::ZERO);
        }
        drop(consumer);
        drop(producer);
    }
}

type Writing = (Arc<BaseProducer<ProducerEvents>>, Option<Transactor>);

fn producer(
    settings: &Settings,
    worker: usize,
    batch_bytes: usize,
    consumer: &Arc<BaseConsumer<ConsumerEvents>>,
    tokens: Option<Arc<Tokens>>,
) -> Result<Writing, StartError> {
    let mut client = kafka::producer(settings);
    client.set("batch.size", batch_bytes.to_string());
    let transactional = settings.delivery.mode == Mode::ExactlyOnce;
    if transactional {
        kafka::make_transactional(&mut client, settings, worker);
    }
    let events = ProducerEvents::new(tokens);
    let producer = Arc::new(BaseProducer::from_config_and_context(&client, events)?);
    let transactor = transactional
        .then(|| Transactor::start(Arc::clone(&producer), Arc::clone(consumer)))
        .transpose()?;
    Ok((producer, transactor))
}

impl State {
    fn turn(&mut self, clients: &Clients) -> Option<Exit> {
        let now = Instant::now();
        self.observer.turned(now);
        if self.stop.is_requested() && self.delivery.phase() == Phase::Running {
            self.event(clients, now, Event::Stop);
        }
        self.serve_producer(clients, now);
        self.serve_group(clients, now);
        self.event(clients, now, Event::Tick);
        self.observer.searching(now, !self.unresolved.is_empty());
        if self
            .observer
            .watch(now, &self.delivery, &clients.producer, &self.outputs)
        {
            self.fetch_anew(clients);
        }
        if self.observer.is_refused_for_good(now) && self.delivery.phase() == Phase::Running {
            error!(
                "Credentials or rights are refused for as long as kafka.refusal_timeout allows; \
                 draining and exiting"
            );
            self.event(clients, now, Event::Fatal);
        }
        if self.delivery.phase() != Phase::Running {
            self.observer.draining();
        }
        if self.exit.is_some() {
            return self.exit;
        }
        let wanted = self.delivery.wants_message();
        if wanted || self.delivery.serves_group() {
            let patience = if self.delivery.in_flight() > 0 || !wanted {
                BUSY_POLL
            } else {
                IDLE_POLL
            };
            match clients.consumer.poll(patience) {
                Some(Ok(message)) => self.message(clients, now, &message),
                Some(Err(error)) => self.consume_error(clients, now, &error),
                None => {}
            }
        } else {
            clients.producer.poll(FULL_POLL);
        }
        None
    }

    fn message(&mut self, clients: &Clients, now: Instant, message: &BorrowedMessage<'_>) {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let payload = message.payload().unwrap_or_default();
        self.observer.received(payload.len());
        let Some(Taken { slot, is_new, seen }) = self.delivery.take(now, topic, partition, offset)
        else {
            return self.carry_out(clients, now);
        };
        if *self.place.topic != *topic {
            self.place.topic = Arc::from(topic);
        }
        self.place.partition = partition;
        self.place.offset = offset;
        let mut receipt = self.receipts.pop().unwrap_or_default();
        receipt.clear();
        receipt.broker_time = message.timestamp().to_millis();
        self.batch.clear();
        let timer = self.observer.metrics().diagnose_duration.start_timer();
        let read = self.reader.read(Diagnosing {
            payload,
            first_position: 0,
            is_new,
            place: &self.place,
            seen,
            batch: &mut self.batch,
            receipt: &mut receipt,
        });
        timer.observe_duration();
        if let Err(breach) = read {
            error!(
                topic,
                partition,
                offset,
                "{breach}; stopping before this message. Look at the dead letters, and at what \
                 has changed: the release, the log format. If the input is at fault, raise the \
                 limit, or set it to 0, until reading is past it"
            );
            return self.event(clients, now, Event::Fatal);
        }
        self.observer.diagnosed(&receipt);
        let Ok(outputs) = u32::try_from(self.batch.len()) else {
            // A body is bounded far below 2^32 records.
            error!(
                partition,
                offset, "A message holds more records than can be counted"
            );
            return self.event(clients, now, Event::Fatal);
        };
        self.event(
            clients,
            now,
            Event::Diagnosed {
                slot,
                offset,
                outputs,
                receipt,
            },
        );
    }

    fn event(&mut self, clients: &Clients, now: Instant, event: Event<Receipt>) {
        self.delivery.handle(now, event);
        self.carry_out(clients, now);
    }

    /// The client tells once that a topic must not be read, until it is read from a new place:
    /// even if that is the old one.
    fn fetch_anew(&self, clients: &Clients) {
        for owned in self.delivery.owned() {
            if let Some(offset) = owned.restart_offset {
                let (topic, partition) = (&owned.id.topic, owned.id.partition);
                let to = Offset::Offset(offset);
                if let Err(error) =
                    clients
                        .consumer
                        .seek(topic, partition, to, Duration::from_secs(1))
                {
                    debug!(%error, partition, "Could not fetch anew");
                }
            }
        }
    }

    fn serve_producer(&mut self, clients: &Clients, now: Instant) {
        clients.producer.poll(Duration::ZERO);
        let events = clients.producer.context();
        let mut errors = Vec::new();
        events.errors.take_into(&mut errors);
        for error in errors {
            self.client_error(clients, now, &error, "producer");
        }
        let mut reports = std::mem::take(&mut self.acknowledgements);
        events.acknowledgements.take_into(&mut reports);
        for report in reports.drain(..) {
            let event = match report.failure {
                None => {
                    self.observer.acknowledged(now);
                    Event::Acknowledged(report.token)
                }
                Some(failure) => {
                    if let Some(fatal) = self.refused(clients, now, failure) {
                        self.event(clients, now, fatal);
                    }
                    Event::Failed(report.token)
                }
            };
            self.event(clients, now, event);
        }
        self.acknowledgements = reports;
        let mut transactions = Vec::new();
        events.transactions.take_into(&mut transactions);
        for event in transactions {
            self.transaction(clients, now, event);
        }
        let mut statistics = Vec::new();
        events.statistics.take_into(&mut statistics);
        for statistics in statistics {
            self.observer.throttled(Client::Producer, &statistics);
        }
    }

    fn transaction(&mut self, clients: &Clients, now: Instant, event: TransactionEvent) {
        let event = match event {
            TransactionEvent::Ready => {
                self.observer.may_write();
                Event::TransactionReady
            }
            TransactionEvent::Aborted => Event::TransactionAborted,
            TransactionEvent::Committed => {
                self.observer.committed();
                self.observer.may_write();
                Event::TransactionCommitted
            }
            TransactionEvent::Failed(code) => {
                self.observer.transaction_failed(now, code);
                Event::TransactionFailed
            }
            TransactionEvent::Refused(code) | TransactionEvent::Fatal(code)
                if self.is_for_rights(now, code) =>
            {
                Event::TransactionFailed
            }
            TransactionEvent::Trouble(code) => {
                let error = ClientError::new(code, &code.to_string());
                return self.observer.client_error(now, &error, "producer");
            }
            TransactionEvent::Refused(code) => {
                error!(
                    %code,
                    brokers = clients.brokers,
                    "delivery.mode = \"exactly_once\" is refused: {}; or set delivery.mode to \
                     \"at_least_once\"",
                    kafka::remedy(code).unwrap_or(
                        "the broker has no transactions (Event Hubs: only the tiers Premium and \
                         Dedicated have them)"
                    )
                );
                Event::Fatal
            }
            TransactionEvent::Fatal(code) => {
                error!(
                    %code,
                    "The transactional producer cannot go on: {}; exiting",
                    kafka::remedy(code).unwrap_or("a restart makes another")
                );
                Event::Fatal
            }
        };
        self.event(clients, now, event);
    }

    fn serve_group(&mut self, clients: &Clients, now: Instant) {
        let mut events = std::mem::take(&mut self.group_events);
        clients.consumer.context().mailbox.take_into(&mut events);
        for event in events.drain(..) {
            match event {
                GroupEvent::Assigned(partitions) => {
                    info!(partitions = partitions.len(), "Partitions assigned");
                    if partitions.is_empty() || self.delivery.phase() == Phase::Ended {
                        // An ended worker's go to others as soon as it leaves.
                        self.event(clients, now, Event::Assigned(Vec::new()));
                    } else {
                        self.owes_answer = true;
                        self.round += 1;
                        let round = self.round;
                        let new = partitions.iter().map(|id| (round, id.clone()));
                        self.unresolved.extend(new);
                        clients.resolver.resolve(round, partitions);
                    }
                }
                GroupEvent::Resolved(resolved) => self.resolved(clients, now, resolved),
                GroupEvent::OffsetsLost(lost) => {
                    for lost in lost {
                        let stands = |owned: Owned<'_, Receipt>| {
                            *owned.id == lost.id && owned.restart_offset == Some(lost.wanted)
                        };
                        if !self.delivery.owned().any(stands) {
                            // It moved on meanwhile: if it is still halted, it is asked again.
                            self.offset_lost = true;
                            continue;
                        }
                        self.observer.offset_lost(&lost);
                        let position = Position {
                            id: lost.id,
                            offset: lost.start,
                            is_committed: false,
                        };
                        let wanted = lost.wanted;
                        self.event(clients, now, Event::OffsetLost { wanted, position });
                    }
                }
                GroupEvent::Revoked(partitions) => {
                    info!(
                        partitions = partitions.len(),
                        "Partitions revoked; draining"
                    );
                    self.observer.revoked();
                    self.forget(clients, &partitions);
                    self.event(clients, now, Event::Revoked(partitions));
                }
                GroupEvent::Lost(partitions) => {
                    warn!(
                        partitions = partitions.len(),
                        "Partitions lost without notice; their new owner reads again what was \
                         not committed"
                    );
                    self.observer.lost();
                    self.forget(clients, &partitions);
                    self.event(clients, now, Event::Lost(partitions));
                }
                GroupEvent::Committed(offsets) => {
                    self.observer.committed();
                    self.event(clients, now, Event::Committed(offsets));
                }
                GroupEvent::CommitFailed(offsets, code) => {
                    self.observer.commit_failed(now, code);
                    let event = if is_no_member(code) {
                        Event::CommitRefused(offsets)
                    } else {
                        Event::CommitFailed(offsets)
                    };
                    self.event(clients, now, event);
                }
                GroupEvent::Statistics(statistics) => {
                    self.observer
                        .consumer_statistics(now, &statistics, &self.delivery);
                    if self.offset_lost {
                        self.find_lost_offsets(clients, &statistics);
                    }
                }
                GroupEvent::Error(error) => {
                    self.client_error(clients, now, &error, "consumer");
                }
            }
        }
        self.group_events = events;
    }

    /// The other errors have come through the client's error callback already.
    fn consume_error(&mut self, clients: &Clients, now: Instant, error: &KafkaError) {
        match error {
            KafkaError::MessageConsumptionFatal(code) => {
                let error = ClientError {
                    fault: BrokerFault::Fatal,
                    code: *code,
                    reason: error.to_string(),
                };
                self.client_error(clients, now, &error, "consumer");
            }
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::LogTruncation,
            ) => self.offset_lost = true,
            _ => {}
        }
    }

    fn resolved(&mut self, clients: &Clients, now: Instant, resolved: Vec<(Round, Resolved)>) {
        let mut positions = Vec::with_capacity(resolved.len());
        for (round, Resolved { position, origin }) in resolved {
            let mut unresolved = self.unresolved.iter();
            let at = unresolved.position(|(of, id)| *of == round && *id == position.id);
            let Some(at) = at else { continue };
            self.unresolved.swap_remove(at);
            let Position { id, offset, .. } = &position;
            info!(
                topic = %id.topic,
                partition = id.partition,
                offset,
                %origin,
                "Partition starts"
            );
            positions.push(position);
        }
        if !positions.is_empty() {
            self.owes_answer = false;
            self.event(clients, now, Event::Assigned(positions));
        }
    }

    /// They are no longer this worker's: their starts are of no interest.
    fn forget(&mut self, clients: &Clients, partitions: &[TopicPartition]) {
        self.owes_answer = false;
        self.unresolved.retain(|(_, id)| !partitions.contains(id));
        clients.resolver.forget(partitions.to_vec());
    }

    /// The client's error does not say which partition it is about.
    fn find_lost_offsets(&mut self, clients: &Clients, statistics: &Statistics) {
        let mut lost = Vec::new();
        let mut later = false;
        for owned in self.delivery.owned() {
            if statistics.is_halted(&owned.id.topic, owned.id.partition) {
                match owned.restart_offset {
                    Some(offset) => lost.push((owned.id.clone(), offset)),
                    // What was taken of it is not settled yet.
                    None => later = true,
                }
            }
        }
        if !lost.is_empty() {
            self.offset_lost = later;
            clients.resolver.find_again(lost);
        }
    }

    /// Whether a producer came to its end because a right is missing: that is granted without a
    /// restart, so another producer is made after a while, and `kafka.refusal_timeout` decides.
    pub(super) fn is_for_rights(&mut self, now: Instant, code: RDKafkaErrorCode) -> bool {
        if classify(code) != BrokerFault::Authorization {
            return false;
        }
        self.observer.refused_to_write(now, code);
        self.renew_at.get_or_insert(now + RENEW_AFTER);
        true
    }

    fn client_error(
        &mut self,
        clients: &Clients,
        now: Instant,
        reported: &ClientError,
        client: &'static str,
    ) {
        if reported.fault != BrokerFault::Fatal {
            return self.observer.client_error(now, reported, client);
        }
        let cause = match client {
            "consumer" => clients.consumer.client().fatal_error(),
            _ => clients.producer.client().fatal_error(),
        };
        let code = cause.map_or(reported.code, |(code, _)| code);
        if client == "producer" && self.is_for_rights(now, code) {
            return;
        }
        // A fatal error is reported more than once.
        if self.delivery.phase() == Phase::Running {
            error!(client, %code, "The Kafka client cannot go on; draining and exiting");
        }
        self.event(clients, now, Event::Fatal);
    }
}
