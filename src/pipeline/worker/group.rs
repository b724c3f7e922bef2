//! What the group and its coordinator tell, handed to the delivery.
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, info, warn};

use super::State;
use super::clients::Clients;
use crate::delivery::{Event, Owned, Phase, Position, TopicPartition};
use crate::kafka::{ClientError, GroupEvent, Resolved, Round, Statistics, is_no_member};
use crate::pipeline::receipt::Receipt;
use crate::telemetry::BrokerFault;

impl State {
    /// The client tells once that a topic must not be read, until it is read from a new place:
    /// even if that is the old one.
    pub(super) fn fetch_anew(&self, clients: &Clients) {
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

    pub(super) fn serve_group(&mut self, clients: &Clients, now: Instant) {
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
    pub(super) fn consume_error(&mut self, clients: &Clients, now: Instant, error: &KafkaError) {
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
}
