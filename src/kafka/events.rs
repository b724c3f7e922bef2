//! What the clients' callbacks tell. They only record; the worker acts.
//!
//! The callbacks run on the worker's own thread, inside its polls; only the answer to a commit
//! comes from another. The mutex is practically never waited for.
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use tracing::{debug, info};

use super::error::classify;
use super::resolver::{OffsetLost, Resolved, Round};
use super::statistics::Statistics;
use super::token::{Tokens, current_token};
use super::transactor::TransactionEvent;
use crate::delivery::{Token, TopicPartition};
use crate::telemetry::BrokerFault;

/// What happened since it was last emptied.
#[derive(Debug)]
pub struct Mailbox<T>(Mutex<Vec<T>>);

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox(Mutex::new(Vec::new()))
    }
}

impl<T> Mailbox<T> {
    pub(super) fn put(&self, item: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(item);
    }

    /// Swaps the content with `empty`, whose capacity is kept in use.
    pub fn take_into(&self, empty: &mut Vec<T>) {
        mem::swap(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            empty,
        );
    }
}

#[derive(Debug)]
pub enum GroupEvent {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
    /// Where partitions of an assignment start.
    Resolved(Vec<(Round, Resolved)>),
    /// Where reading goes on in partitions whose next offset is gone.
    OffsetsLost(Vec<OffsetLost>),
    Committed(Vec<(TopicPartition, i64)>),
    CommitFailed(Vec<(TopicPartition, i64)>, RDKafkaErrorCode),
    Statistics(Statistics),
    Error(ClientError),
}

/// What a client reports of itself, outside of any request of the worker.
#[derive(Debug)]
pub struct ClientError {
    pub fault: BrokerFault,
    pub code: RDKafkaErrorCode,
    /// librdkafka's own words: about brokers, topics and groups, never about messages.
    pub reason: String,
}

impl ClientError {
    pub fn new(code: RDKafkaErrorCode, reason: &str) -> ClientError {
        ClientError {
            fault: classify(code),
            code,
            reason: reason.to_owned(),
        }
    }
}

/// The consumer's context.
#[derive(Debug, Default)]
pub struct ConsumerEvents {
    pub mailbox: Mailbox<GroupEvent>,
    tokens: Option<Arc<Tokens>>,
    closing: AtomicBool,
}

impl ConsumerEvents {
    /// With tokens where the client signs in by them.
    pub fn new(tokens: Option<Arc<Tokens>>) -> ConsumerEvents {
        ConsumerEvents {
            tokens,
            ..ConsumerEvents::default()
        }
    }

    /// From now on partitions are handed back at once: the worker no longer listens.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition {
            topic: Arc::from(element.topic()),
            partition: element.partition(),
        })
        .collect()
}

impl ClientContext for ConsumerEvents {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        current_token(self.tokens.as_ref(), SystemTime::now())
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if let Some(statistics) = Statistics::parse(statistics) {
            self.mailbox.put(GroupEvent::Statistics(statistics));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            debug!(%code, reason, "The consumer reports an error");
            self.mailbox
                .put(GroupEvent::Error(ClientError::new(code, reason)));
        }
    }
}

impl ConsumerContext for ConsumerEvents {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        if self.is_closing() {
            let result = match event {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                    consumer.incremental_assign(&TopicPartitionList::new())
                }
                _ => consumer.incremental_unassign(list),
            };
            if let Err(error) = result {
                debug!(%error, "Could not hand back partitions while closing");
            }
            return;
        }
        let partitions = partitions(list);
        self.mailbox.put(match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                GroupEvent::Assigned(partitions)
            }
            _ if consumer.assignment_lost() => GroupEvent::Lost(partitions),
            _ => GroupEvent::Revoked(partitions),
        });
    }
}

/// Why an output was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    pub code: RDKafkaErrorCode,
    pub fault: BrokerFault,
    /// Size of the output's payload.
    pub bytes: usize,
}

/// What became of one output.
#[derive(Debug)]
pub struct Acknowledgement {
    pub token: Token,
    pub failure: Option<Failure>,
}

/// The producer's context.
#[derive(Debug, Default)]
pub struct ProducerEvents {
    pub acknowledgements: Mailbox<Acknowledgement>,
    pub errors: Mailbox<ClientError>,
    pub statistics: Mailbox<Statistics>,
    pub transactions: Mailbox<TransactionEvent>,
    tokens: Option<Arc<Tokens>>,
}

impl ProducerEvents {
    /// With tokens where the client signs in by them.
    pub fn new(tokens: Option<Arc<Tokens>>) -> ProducerEvents {
        ProducerEvents {
            tokens,
            ..ProducerEvents::default()
        }
    }
}

impl ClientContext for ProducerEvents {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        current_token(self.tokens.as_ref(), SystemTime::now())
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if let Some(statistics) = Statistics::parse(statistics) {
            self.statistics.put(statistics);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            debug!(%code, reason, "The producer reports an error");
            self.errors.put(ClientError::new(code, reason));
        }
    }
}

impl ProducerContext for ProducerEvents {
    /// The bits of a [`Token`].
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let failure = result.as_ref().err().map(|(error, message)| {
            let code = error
                .rdkafka_error_code()
                .unwrap_or(RDKafkaErrorCode::Unknown);
            Failure {
                code,
                fault: classify(code),
                bytes: message.payload_len(),
            }
        });
        self.acknowledgements.put(Acknowledgement {
            token: Token::from_bits(token as u64),
            failure,
        });
    }
}

const _: () = assert!(
    usize::BITS == 64,
    "a token is carried in the client's opaque pointer"
);

/// librdkafka's own log: about connections and requests, never about what messages hold. What
/// an operator must act on reaches the worker as an error and is logged there.
fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    // Every property of the user goes to both clients on purpose.
    if facility == "CONFWARN" && message.contains("will be ignored by this") {
        return debug!(facility, message, "Kafka client");
    }
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => info!(facility, message, "Kafka client"),
        _ => debug!(facility, message, "Kafka client"),
    }
}
