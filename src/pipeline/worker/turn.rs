//! One turn of a worker: serve the clients, tick the delivery, take a message.
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};
use tracing::error;

use super::clients::Clients;
use super::{BUSY_POLL, IDLE_POLL, State};
use crate::delivery::{Event, Exit, Phase, Taken};
use crate::pipeline::reader::Diagnosing;
use crate::pipeline::receipt::Receipt;

/// How long the producer is served while no message is wanted.
const FULL_POLL: Duration = Duration::from_millis(2);

impl State {
    pub(super) fn turn(&mut self, clients: &Clients) -> Option<Exit> {
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
            self.is_past_limit = true;
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

    pub(super) fn event(&mut self, clients: &Clients, now: Instant, event: Event<Receipt>) {
        self.delivery.handle(now, event);
        self.carry_out(clients, now);
    }
}
