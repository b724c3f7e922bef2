//! What the producer and the broker answer, handed to the delivery.
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;
use tracing::error;

use super::State;
use super::clients::Clients;
use crate::delivery::{Event, Phase};
use crate::kafka::{self, ClientError, TransactionEvent, classify};
use crate::telemetry::{BrokerFault, Client};

/// Until another producer is made in place of one that had no right to write.
const RENEW_AFTER: Duration = Duration::from_secs(3);

impl State {
    pub(super) fn serve_producer(&mut self, clients: &Clients, now: Instant) {
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
                self.observer.may_begin();
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
            TransactionEvent::Trouble(code) if classify(code) == BrokerFault::Authorization => {
                return self.observer.refused_to_write(now, code);
            }
            TransactionEvent::Trouble(code) => {
                let error = ClientError::new(code, &code.to_string());
                return self.observer.client_error(now, &error, "producer");
            }
            TransactionEvent::Refused(code) => {
                error!(
                    %code,
                    brokers = clients.brokers(),
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

    pub(super) fn client_error(
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
