//! Carries a worker's transactions out, on a thread of its own.
//!
//! The client's transaction calls block until the broker answers, and while they do the
//! producer must be polled: so the worker goes on turning, and the answers come to the
//! producer's mailbox. Each call has a timeout and is made again until it has an answer; what
//! the answer means is one of three: done, the transaction must be aborted, or the producer
//! cannot go on.
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::error::classify;
use super::events::{ConsumerEvents, ProducerEvents};
use crate::config::Settings;
use crate::delivery::TopicPartition;
use crate::telemetry::BrokerFault;

/// After so long without an answer the broker aborts a transaction by itself: what a process
/// leaves behind that is killed holds readers up no longer.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(15);
/// An output that is not acknowledged by then aborts the transaction, before the broker does.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// For one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two calls.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub enum TransactionEvent {
    Ready,
    Committed,
    /// It must be aborted.
    Failed(RDKafkaErrorCode),
    Aborted,
    /// The producer cannot go on.
    Fatal(RDKafkaErrorCode),
    /// The broker takes no transactions from this producer at all.
    Refused(RDKafkaErrorCode),
    /// No answer yet, and the call is made again; or the right that is missing.
    Trouble(RDKafkaErrorCode),
}

/// What an operator can do about an answer, where that is known.
pub fn remedy(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::InvalidTransactionTimeout => {
            "the broker allows no transaction of 15 s: raise its transaction.max.timeout.ms to \
             15000 or more"
        }
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            "another producer has taken its transactional id, or the broker has ended a \
             transaction after 15 s; give each process on one host its own kafka.instance_id"
        }
        _ => return None,
    })
}

/// The name by which the broker knows the worker's producer, over restarts.
pub fn transactional_id(settings: &Settings, worker: usize) -> String {
    let group = &settings.input.group_id;
    let instance = match &settings.kafka.instance_id {
        Some(id) => id.clone(),
        None => host_name(),
    };
    format!("{group}-{instance}-{worker}")
}

fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "localhost".to_owned())
}

/// Settings of a producer that writes in transactions.
pub fn make_transactional(producer: &mut ClientConfig, settings: &Settings, worker: usize) {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    producer
        .set("transactional.id", transactional_id(settings, worker))
        .set("transaction.timeout.ms", milliseconds(TRANSACTION_TIMEOUT))
        // The client wants no more than a transaction may take.
        .set("socket.timeout.ms", milliseconds(MESSAGE_TIMEOUT))
        .set("request.timeout.ms", milliseconds(MESSAGE_TIMEOUT))
        .set("message.timeout.ms", milliseconds(MESSAGE_TIMEOUT));
}

enum Request {
    /// With the membership under which the offsets were read; `None` where it is over.
    Commit(Vec<(TopicPartition, i64)>, Option<ConsumerGroupMetadata>),
    Abort,
}

/// Hands requests to its thread.
pub struct Transactor {
    requests: Sender<Request>,
    consumer: Arc<BaseConsumer<ConsumerEvents>>,
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Transactor {
    /// Makes the producer ready, and begins its first transaction.
    pub fn start(
        producer: Arc<BaseProducer<ProducerEvents>>,
        consumer: Arc<BaseConsumer<ConsumerEvents>>,
    ) -> io::Result<Transactor> {
        let (sender, requests) = mpsc::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let calls = Calls {
            producer,
            closing: Arc::clone(&closing),
        };
        let thread = thread::Builder::new().name("transactor".to_owned());
        let thread = thread.spawn(move || calls.serve(&requests))?;
        Ok(Transactor {
            requests: sender,
            consumer,
            closing,
            thread,
        })
    }

    /// Commits as the member that the consumer is now, however often the calls are made again:
    /// with the generation of a later moment the broker would take a commit of partitions that
    /// somebody else has meanwhile. A member that has lost its partitions may have no generation,
    /// and a broker takes offsets of transactions without one, too: so that is none.
    pub fn commit(&self, offsets: Vec<(TopicPartition, i64)>) {
        let group = self.consumer.group_metadata();
        let group = group.filter(|_| !self.consumer.assignment_lost());
        // The thread ends early only after an answer that leaves the producer of no use.
        let _ = self.requests.send(Request::Commit(offsets, group));
    }

    pub fn abort(&self) {
        let _ = self.requests.send(Request::Abort);
    }

    /// Takes no more; the thread ends after the call under way.
    pub fn close(self) -> JoinHandle<()> {
        self.closing.store(true, Ordering::Relaxed);
        self.thread
    }
}

struct Calls {
    producer: Arc<BaseProducer<ProducerEvents>>,
    closing: Arc<AtomicBool>,
}

impl Calls {
    fn serve(&self, requests: &Receiver<Request>) {
        let ready = self
            .insist(None, || self.producer.init_transactions(CALL_TIMEOUT))
            .and_then(|()| self.producer.begin_transaction());
        if let Err(error) = ready {
            return self.tell(TransactionEvent::Refused(code(&error)));
        }
        self.tell(TransactionEvent::Ready);
        for request in requests {
            // A topic that must not be written is not in the transaction: where it was all of it, the
            // broker has nothing to abort, and the client takes the answer for its end.
            let refusal = match request {
                Request::Commit(..) => None,
                Request::Abort => self.refusal(),
            };
            if let Some(code) = refusal {
                self.tell(TransactionEvent::Trouble(code));
            }
            let (result, done) = match request {
                Request::Commit(offsets, group) => {
                    let result = self.commit(&offsets, group.as_ref());
                    (result, TransactionEvent::Committed)
                }
                Request::Abort => (self.abort(), TransactionEvent::Aborted),
            };
            let result = match result {
                Ok(()) => self.producer.begin_transaction().map(|()| done),
                Err(error) if is_fatal(&error) => Err(error),
                Err(error) => Ok(TransactionEvent::Failed(code(&error))),
            };
            match result {
                Ok(event) => self.tell(event),
                Err(error) => {
                    // Nothing to abort: the state is what the refusal left. Any other error is its own.
                    let code = match code(&error) {
                        RDKafkaErrorCode::InvalidTransactionalState => {
                            refusal.unwrap_or(RDKafkaErrorCode::InvalidTransactionalState)
                        }
                        code => code,
                    };
                    return self.tell(TransactionEvent::Fatal(code));
                }
            }
        }
    }

    /// The right to write that is missing, where the client holds that against the transaction: it
    /// says so when it is asked for another.
    fn refusal(&self) -> Option<RDKafkaErrorCode> {
        let code = code(&self.producer.begin_transaction().err()?);
        // A right of the group is missed by the commit, and told there.
        let is_to_write = classify(code) == BrokerFault::Authorization
            && code != RDKafkaErrorCode::GroupAuthorizationFailed;
        is_to_write.then_some(code)
    }

    fn commit(
        &self,
        offsets: &[(TopicPartition, i64)],
        group: Option<&ConsumerGroupMetadata>,
    ) -> KafkaResult<()> {
        let group = group.ok_or(KafkaError::ConsumerCommit(
            RDKafkaErrorCode::UnknownMemberId,
        ))?;
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (id, offset) in offsets {
            list.add_partition_offset(&id.topic, id.partition, Offset::Offset(*offset))?;
        }
        let until = Instant::now() + TRANSACTION_TIMEOUT;
        self.insist(Some(until), || {
            let producer = &self.producer;
            producer.send_offsets_to_transaction(&list, group, CALL_TIMEOUT)
        })?;
        // Once it was asked for, only the broker knows how it ends.
        self.insist(None, || self.producer.commit_transaction(CALL_TIMEOUT))
    }

    fn abort(&self) -> KafkaResult<()> {
        self.insist(None, || self.producer.abort_transaction(CALL_TIMEOUT))
    }

    /// Makes a call again as long as it has no answer.
    fn insist(
        &self,
        until: Option<Instant>,
        call: impl Fn() -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        loop {
            let Err(error) = call() else { return Ok(()) };
            let over = until.is_some_and(|until| Instant::now() >= until);
            if over || !is_retriable(&error) || self.closing.load(Ordering::Relaxed) {
                return Err(error);
            }
            self.tell(TransactionEvent::Trouble(code(&error)));
            thread::sleep(RETRY_AFTER);
        }
    }

    fn tell(&self, event: TransactionEvent) {
        self.producer.context().transactions.put(event);
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    let code = error.rdkafka_error_code();
    code.unwrap_or(RDKafkaErrorCode::Unknown)
}

fn is_retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}
