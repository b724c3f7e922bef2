//! A worker: one thread, one consumer, one producer, nothing shared.
//!
//! The loop feeds [`Delivery`] with what the clients tell and carries out what it decides. It
//! decides nothing about loss itself.
mod actions;
mod answers;
mod clients;
mod group;
mod turn;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::End;
use super::batch::Batch;
use super::batching::Batching;
use super::dead_letter_limit::DeadLetterLimit;
use super::delivery_settings;
use super::observer::Observer;
use super::outputs::Outputs;
use super::reader::{Maximum, MessageReader};
use super::receipt::Receipt;
use super::stop::StopSignal;
use super::tally::Tally;
use crate::config::Settings;
use crate::delivery::{Delivery, Event, Exit, TopicPartition, TransactionPhase};
use crate::diagnosis::Diagnoser;
use crate::kafka::{self, Acknowledgement, GroupEvent, Round, Tokens};
use crate::policies;
use crate::telemetry::{Metrics, WorkerHealth};
use crate::watch::Follower;

use clients::Clients;
pub use clients::StartError;

/// How long a poll waits for a message while outputs are on their way: their acknowledgements
/// are served between polls.
const BUSY_POLL: Duration = Duration::from_millis(5);
const IDLE_POLL: Duration = Duration::from_millis(100);

/// Where a message stands in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePlace {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
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

/// One worker. See the module.
pub struct Worker {
    clients: Clients,
    state: State,
}

/// What a worker knows and holds, its clients apart.
struct State {
    delivery: Delivery<Receipt>,
    reader: MessageReader,
    batch: Batch,
    /// The message that `batch` was made of.
    place: MessagePlace,
    outputs: Outputs,
    batching: Batching,
    observer: Observer,
    /// Receipts to use again.
    receipts: Vec<Receipt>,
    stop: StopSignal,
    exit: Option<Exit>,
    /// More could not be read than may become dead letters.
    is_past_limit: bool,
    acknowledgements: Vec<Acknowledgement>,
    group_events: Vec<GroupEvent>,
    /// Partitions of the group's assignments whose start offsets are looked for.
    unresolved: Vec<(Round, TopicPartition)>,
    round: Round,
    /// The client waits for the answer to an assignment.
    owes_answer: bool,
    /// A producer that the broker gave no right to write is replaced then.
    renew_at: Option<Instant>,
    /// The client has given up a partition whose next offset is not there; its statistics will
    /// tell which.
    offset_lost: bool,
}

impl Worker {
    /// Creates the clients and subscribes. Opens sockets, waits for nothing.
    pub fn new(parts: Parts) -> Result<Worker, StartError> {
        let settings = &parts.settings;
        let clients = Clients::new(settings, parts.number, parts.tokens)?;
        let state = State {
            delivery: Delivery::new(delivery_settings(settings), Instant::now()),
            reader: MessageReader::new(
                settings.limits.of_messages(),
                &settings.privacy,
                parts.diagnoser,
                parts.policies,
                Tally::new(Arc::clone(&parts.metrics)),
                parts.watch,
                settings.output.key,
                Maximum {
                    output_bytes: kafka::max_output_bytes(settings),
                    records: settings.limits.records_per_message as u64,
                    bounds: settings.limits.of_records(),
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
            batching: Batching::new(kafka::batch_bytes(settings)),
            observer: Observer::new(parts.number, parts.metrics, parts.health, settings),
            receipts: Vec::new(),
            stop: parts.stop,
            exit: None,
            is_past_limit: false,
            acknowledgements: Vec::new(),
            group_events: Vec::new(),
            unresolved: Vec::new(),
            round: 0,
            owes_answer: false,
            renew_at: None,
            offset_lost: false,
        };
        Ok(Worker { clients, state })
    }

    /// Turns until there is a reason to exit. What could be drained is then committed; the
    /// clients are still open.
    pub fn run(&mut self) -> End {
        loop {
            if let Some(exit) = self.state.turn(&self.clients) {
                self.state.observer.ended();
                if self.state.is_past_limit {
                    return End::DeadLetterLimit;
                }
                return End::By(exit);
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
        let now = Instant::now();
        match self.clients.change_producer(bytes) {
            Ok(()) => {
                if self.state.batching.is_changing() {
                    warn!(
                        bytes,
                        "The broker refuses larger batches; making smaller ones. Raise \
                         max.message.bytes of the output and dead-letter topics, or set \
                         kafka.properties.batch.size"
                    );
                }
                self.state.renew_at = None;
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
        self.clients.close(self.state.owes_answer);
    }
}
