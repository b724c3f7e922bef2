//! Whether the worker gets on: probes of the topics, and stalls.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::RDKafkaErrorCode;
use tracing::{error, info, warn};

use super::{Observer, Reading, Trouble, missing};
use crate::delivery::{Delivery, Room};
use crate::kafka::{ProducerEvents, classify};
use crate::pipeline::outputs::Outputs;
use crate::telemetry::{Link, Stall};

/// Without a step forward for so long, a worker that has work counts as stalled.
pub(super) const STALL_AFTER: Duration = Duration::from_mins(1);
/// Until the output is known to be there it is asked for at this interval.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

impl Observer {
    /// Whether start offsets are looked for.
    pub fn searching(&mut self, now: Instant, searching: bool) {
        if searching != self.searching_since.is_some() {
            self.searching_since = searching.then_some(now);
            self.show_group();
        }
    }

    /// Once a turn: is the output there, and does the worker get on? True where topics that
    /// could not be read are to be fetched anew.
    pub fn watch<R>(
        &mut self,
        now: Instant,
        delivery: &Delivery<R>,
        producer: &BaseProducer<ProducerEvents>,
        outputs: &Outputs,
    ) -> bool {
        if delivery.is_retrying() {
            self.retrying_since.get_or_insert(now);
        } else if self.retrying_since.take().is_some() {
            // What had failed has arrived, or is somebody else's now: the next output tells, or
            // the next question.
            self.refused_to_write = false;
            self.next_probe = None;
            self.set_output(Link::Pending);
        }
        // That the topic can be asked for does not mean that it can be written.
        let unknown =
            self.output != Link::Up && self.retrying_since.is_none() && !self.refused_to_write;
        if unknown && self.next_probe.is_none_or(|next| now >= next) {
            self.next_probe = Some(now + PROBE_INTERVAL);
            self.probe(now, producer, outputs);
        }
        let mut fetch_anew = false;
        if self.reading == Reading::Refused && self.next_probe.is_none_or(|next| now >= next) {
            self.next_probe = Some(now + PROBE_INTERVAL);
            fetch_anew = self.probe_inputs(producer);
        }
        let idle = delivery.room() == Room::Open && delivery.in_flight() == 0;
        if idle || self.last_progress.is_none() {
            self.last_progress = Some(now);
        }
        let long = |since: Option<Instant>| since.is_some_and(|since| now >= since + STALL_AFTER);
        let stall = if long(self.searching_since) {
            Some(Stall::NotStarted)
        } else if long(self.retrying_since) {
            Some(Stall::NotAcknowledged)
        } else if long(self.committing_since) {
            Some(Stall::NotCommitted)
        } else if !long(self.last_progress) {
            None
        } else if delivery.room() == Room::Open {
            Some(Stall::NotAcknowledged)
        } else {
            Some(Stall::QueueFull)
        };
        self.set_stalled(stall, now);
        fetch_anew
    }

    /// Asks the broker for the topics that are written.
    fn probe(&mut self, now: Instant, producer: &BaseProducer<ProducerEvents>, outputs: &Outputs) {
        for topic in [&outputs.topic, &outputs.dead_letter_topic] {
            let found = producer.client().fetch_metadata(Some(topic), PROBE_TIMEOUT);
            let code = match &found {
                Ok(metadata) => metadata
                    .topics()
                    .first()
                    .and_then(rdkafka::metadata::MetadataTopic::error)
                    .map(RDKafkaErrorCode::from),
                Err(error) => Some(
                    error
                        .rdkafka_error_code()
                        .unwrap_or(RDKafkaErrorCode::Unknown),
                ),
            };
            if let Some(code) = code {
                let fault = classify(code);
                self.set_output(Link::Down(fault));
                if self.may_log(now, Trouble::Probe(fault)) {
                    warn!(
                        worker = self.worker,
                        topic,
                        %code,
                        missing = missing(fault, code, "producer"),
                        "Not ready to write: {}",
                        fault.text()
                    );
                }
                return;
            }
        }
        self.set_output(Link::Up);
    }

    /// A partition that may be read again says so with its next message, which may be far off.
    /// Whether it may be worth a try.
    fn probe_inputs(&mut self, producer: &BaseProducer<ProducerEvents>) -> bool {
        let visible = |topic: &&str| {
            let found = producer.client().fetch_metadata(Some(topic), PROBE_TIMEOUT);
            found.is_ok_and(|metadata| {
                let topic = metadata.topics().first();
                topic.is_some_and(|topic| topic.error().is_none())
            })
        };
        let assigned = self.partitions.iter().map(|(id, _)| &*id.topic);
        let topics: BTreeSet<&str> = self
            .inputs
            .iter()
            .map(String::as_str)
            .chain(assigned)
            .collect();
        let fetch_anew = !self.partitions.is_empty() && topics.iter().all(visible);
        if fetch_anew {
            // Known to be open with the next statistics, unless it is refused again before.
            self.reading = Reading::Tried;
            self.set_group(Link::Pending);
        }
        fetch_anew
    }

    pub(super) fn set_stalled(&mut self, stall: Option<Stall>, now: Instant) {
        if stall.is_some() != self.stalled {
            self.stalled = stall.is_some();
            if let Some(stall) = stall {
                error!(
                    worker = self.worker,
                    "No progress for a minute: {}",
                    stall.text()
                );
            } else {
                info!(worker = self.worker, "Progress again");
            }
            self.health.set_stall(stall, now);
        }
    }
}
