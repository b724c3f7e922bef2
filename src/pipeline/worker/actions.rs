//! What the delivery decides, carried out on the clients.
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, error, warn};

use super::State;
use super::clients::Clients;
use crate::delivery::{Action, Event, Token, TopicPartition};
use crate::kafka::{Failure, classify};
use crate::pipeline::receipt::Receipt;
use crate::telemetry::BrokerFault;

/// A seek is answered by a thread of the client; it does not wait for the broker.
const SEEK_TIMEOUT: Duration = Duration::from_secs(5);

impl State {
    pub(super) fn carry_out(&mut self, clients: &Clients, now: Instant) {
        while let Some(action) = self.delivery.next_action() {
            let answer = match action {
                Action::Produce { token, index } => Some(self.produce(clients, now, token, index)),
                Action::Settled(receipt) => {
                    self.observer.settled(&receipt);
                    self.receipts.push(receipt);
                    None
                }
                Action::Commit(offsets) => {
                    self.observer.committing(now);
                    let refused = clients.committer.commit(offsets).err();
                    refused.map(Event::CommitFailed)
                }
                Action::CommitTransaction(offsets) => {
                    self.observer.committing(now);
                    if let Some(transactor) = &clients.transactor {
                        transactor.commit(offsets);
                    }
                    None
                }
                Action::AbortTransaction => {
                    if let Some(transactor) = &clients.transactor {
                        transactor.abort();
                    }
                    None
                }
                Action::Rewind { partition, offset } => Some(rewind(clients, partition, offset)),
                Action::Pause(partitions) => {
                    change(clients.consumer.pause(&list(&partitions)), "pause")
                }
                Action::Resume(partitions) => {
                    change(clients.consumer.resume(&list(&partitions)), "resume")
                }
                Action::Assign(starts) => {
                    self.observer.assigned(starts.iter().map(|(id, _)| id));
                    change(assign(clients, &starts), "assign")
                }
                Action::Restart { partition, offset } => {
                    let ids = [partition];
                    let given_back = clients.consumer.incremental_unassign(&list(&ids));
                    let [id] = ids;
                    let taken = given_back.and_then(|()| assign(clients, &[(id, offset)]));
                    change(taken, "restart")
                }
                Action::Unassign(partitions) => {
                    self.observer.released(&partitions);
                    change(
                        clients.consumer.incremental_unassign(&list(&partitions)),
                        "unassign",
                    )
                }
                Action::Exit(exit) => {
                    self.exit = Some(exit);
                    None
                }
            };
            if let Some(event) = answer {
                self.delivery.handle(now, event);
            }
        }
    }

    fn produce(
        &mut self,
        clients: &Clients,
        now: Instant,
        token: Token,
        index: u32,
    ) -> Event<Receipt> {
        if self.batching.is_changing() || self.renew_at.is_some() {
            return Event::QueueFull;
        }
        let Some(output) = self.batch.output(index as usize) else {
            return Event::Refused;
        };
        match self
            .outputs
            .produce(&clients.producer, &self.batch, output, &self.place, token)
        {
            Ok(()) => Event::Enqueued,
            Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => Event::QueueFull,
            Err(error) => {
                let code = error
                    .rdkafka_error_code()
                    .unwrap_or(RDKafkaErrorCode::Unknown);
                let failure = Failure {
                    code,
                    fault: classify(code),
                    bytes: self.batch.payload(output).len(),
                };
                self.refused(clients, now, failure)
                    .unwrap_or(Event::Refused)
            }
        }
    }

    /// An output that was refused, before or after it left. `Fatal` where trying again does
    /// not help.
    pub(super) fn refused(
        &mut self,
        clients: &Clients,
        now: Instant,
        failure: Failure,
    ) -> Option<Event<Receipt>> {
        if failure.fault == BrokerFault::Fatal {
            let cause = clients.producer.client().fatal_error();
            let for_rights = cause.is_some_and(|(code, _)| self.is_for_rights(now, code));
            return (!for_rights).then_some(Event::Fatal);
        }
        self.observer.output_failed(now, failure);
        match failure.fault {
            BrokerFault::TooLarge if self.batching.shrink(failure.bytes) => None,
            BrokerFault::TooLarge if !self.reader.shrink(failure.bytes) => {
                error!(
                    bytes = failure.bytes,
                    "The broker refuses a record of an ordinary size: raise max.message.bytes of \
                     the output and dead-letter topics"
                );
                Some(Event::Fatal)
            }
            _ => None,
        }
    }
}

fn list(partitions: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for id in partitions {
        list.add_partition(&id.topic, id.partition);
    }
    list
}

fn assign(clients: &Clients, starts: &[(TopicPartition, i64)]) -> Result<(), KafkaError> {
    let mut list = TopicPartitionList::with_capacity(starts.len());
    for (id, offset) in starts {
        list.add_partition_offset(&id.topic, id.partition, Offset::Offset(*offset))?;
    }
    clients.consumer.incremental_assign(&list)
}

/// A change of the assignment that the client refuses leaves the worker and the group of two
/// minds; only a restart makes them one.
fn change(result: Result<(), KafkaError>, what: &'static str) -> Option<Event<Receipt>> {
    let error = result.err()?;
    error!(%error, what, "The consumer refused a change of its partitions; exiting");
    Some(Event::Fatal)
}

fn rewind(clients: &Clients, id: TopicPartition, offset: i64) -> Event<Receipt> {
    let to = Offset::Offset(offset);
    match clients
        .consumer
        .seek(&id.topic, id.partition, to, SEEK_TIMEOUT)
    {
        Ok(()) => {
            debug!(partition = id.partition, offset, "Reading again");
            Event::Rewound(id, offset)
        }
        Err(error) => {
            warn!(%error, partition = id.partition, offset, "Could not read again; trying again");
            Event::RewindFailed(id)
        }
    }
}
