//! What a worker tells of itself: counters, health, and log lines that do not repeat every
//! second.
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::RDKafkaErrorCode;
use tracing::{error, info, warn};

use super::outputs::Outputs;
use super::receipt::{Fate, Receipt};
use crate::config::Settings;
use crate::delivery::{Delivery, Room, TopicPartition};
use crate::kafka::{
    ClientError, Failure, OffsetLost, ProducerEvents, Statistics, classify, missing_right,
};
use crate::telemetry::{
    BrokerFault, Client, Link, Metrics, OffsetReset, Rebalance, Reporter, Stall, WorkerHealth,
};

/// Without a step forward for so long, a worker that has work counts as stalled.
const STALL_AFTER: Duration = Duration::from_mins(1);
/// The same trouble is logged again after this.
const QUIET: Duration = Duration::from_secs(30);
/// Until the output is known to be there it is asked for at this interval.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Kinds of trouble that are logged each for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Output(BrokerFault),
    Probe(BrokerFault),
    Client(&'static str, BrokerFault),
    Commit(BrokerFault),
    Transaction(BrokerFault),
}

/// Whether the input topics may be read, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// The right may come back without a message that would tell.
    Refused,
    /// They can be seen again, and are fetched anew.
    Tried,
}

/// One worker's view outwards.
pub struct Observer {
    worker: usize,
    metrics: Arc<Metrics>,
    health: WorkerHealth,
    group: Link,
    output: Link,
    next_probe: Option<Instant>,
    last_progress: Option<Instant>,
    /// Since when an output that failed has not arrived.
    retrying_since: Option<Instant>,
    /// Since when no commit was confirmed although one was sent.
    committing_since: Option<Instant>,
    /// Since when the start offsets of partitions are looked for.
    searching_since: Option<Instant>,
    /// Since when credentials or rights are refused, without anything that shows otherwise.
    group_refused_since: Option<Instant>,
    output_refused_since: Option<Instant>,
    /// Writing itself was refused: that the topic can be asked for shows nothing.
    refused_to_write: bool,
    refusal_timeout: Duration,
    reading: Reading,
    inputs: Vec<String>,
    stalled: bool,
    /// What was logged last, and when: the same again is not, for a while.
    logged: Vec<(Trouble, Instant)>,
    /// The assigned partitions, and since when the end of each is ahead with nothing in hand.
    partitions: Vec<(TopicPartition, Option<Instant>)>,
}

impl Observer {
    pub fn new(
        worker: usize,
        metrics: Arc<Metrics>,
        health: WorkerHealth,
        settings: &Settings,
    ) -> Observer {
        Observer {
            worker,
            metrics,
            health,
            group: Link::Pending,
            output: Link::Pending,
            next_probe: None,
            last_progress: None,
            retrying_since: None,
            committing_since: None,
            searching_since: None,
            group_refused_since: None,
            output_refused_since: None,
            refused_to_write: false,
            refusal_timeout: settings.kafka.refusal_timeout,
            reading: Reading::Open,
            inputs: settings.input.topics.clone(),
            stalled: false,
            logged: Vec::new(),
            partitions: Vec::new(),
        }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub fn turned(&self, now: Instant) {
        self.health.turned(now);
    }

    /// It is on its way out, by a stop or by an error.
    pub fn draining(&self) {
        self.health.set_draining();
    }

    pub fn ended(&mut self) {
        self.set_stalled(None, Instant::now());
        self.health.ended();
    }

    pub fn received(&mut self, bytes: usize) {
        self.metrics.messages_received.inc();
        self.metrics.received_bytes.inc_by(bytes as u64);
        self.is_member();
    }

    /// Counts what does not wait for the message to be settled.
    pub fn diagnosed(&self, receipt: &Receipt) {
        for (field, count) in &receipt.faults {
            self.metrics.field_faults(*field as usize).inc_by(*count);
        }
        let now = Utc::now().timestamp_millis();
        for time in &receipt.event_times {
            self.metrics
                .source_delay
                .observe(seconds_between(*time, now));
        }
    }

    /// Counts what a settled message held.
    pub fn settled(&self, receipt: &Receipt) {
        let metrics = &self.metrics;
        metrics.records_received.inc_by(receipt.records);
        for (fate, count) in &receipt.fates {
            match *fate {
                Fate::Diagnosis {
                    scenario,
                    outcome,
                    category,
                } => {
                    metrics
                        .diagnoses(scenario, outcome, category)
                        .inc_by(*count);
                }
                Fate::Update => metrics.updates.inc_by(*count),
                Fate::Page => metrics.pages.inc_by(*count),
                Fate::Repeat => metrics.repeats.inc_by(*count),
                Fate::Skipped(category) => metrics.records_skipped(category).inc_by(*count),
                Fate::DeadLetter(reason) => {
                    metrics.dead_letters(reason.as_str()).inc_by(*count);
                }
            }
        }
        metrics.dropped_by_detail.inc_by(receipt.without_record);
        for code in &receipt.unknown_codes {
            metrics.unknown_codes(*code).inc();
        }
        for (control, count) in &receipt.failed_controls {
            metrics.failed_controls(*control).inc_by(*count);
        }
        for (source, count) in &receipt.requirement_sources {
            metrics.requirement_sources(*source).inc_by(*count);
        }
        self.count_blocks(receipt);
        if let Some(policies) = &metrics.policies {
            for (cell, count) in &receipt.policy_results {
                policies.at(*cell).inc_by(u64::from(*count));
            }
        }
        let now = Utc::now().timestamp_millis();
        for sign_in in &receipt.watched {
            // A time to come would stand for ever.
            let time = sign_in.time.unwrap_or(now).min(now);
            for list in sign_in.lists.iter() {
                metrics.watched(list, sign_in.outcome, time.div_euclid(1000));
            }
        }
        for time in &receipt.event_times {
            metrics
                .end_to_end_delay
                .observe(seconds_between(*time, now));
        }
        let latest = receipt.event_times.iter().map(|time| *time.min(&now)).max();
        if let Some(time) = latest.and_then(DateTime::from_timestamp_millis) {
            metrics.saw_event(time);
        }
    }

    fn count_blocks(&self, receipt: &Receipt) {
        let metrics = &self.metrics;
        for block in &receipt.blocks {
            if !metrics.count_block(block.scenario, block.category, block.print) {
                continue;
            }
            if let Some(applications) = &metrics.applications {
                applications.at(block.application).inc();
            }
            if let Some(countries) = &metrics.countries {
                countries.at(block.country).inc();
            }
        }
    }

    /// An output reached the broker.
    pub fn acknowledged(&mut self, now: Instant) {
        self.metrics.produced_records.inc();
        self.last_progress = Some(now);
        if self.retrying_since.is_none() {
            self.may_write();
        }
    }

    /// The broker has taken what was written.
    pub fn may_write(&mut self) {
        self.refused_to_write = false;
        self.output_refused_since = None;
        self.set_output(Link::Up);
    }

    /// The group, and the topics, are open to this worker.
    fn is_member(&mut self) {
        self.group_refused_since = None;
        self.set_group(Link::Up);
    }

    /// The producer as a whole was refused.
    pub fn refused_to_write(&mut self, now: Instant, code: RDKafkaErrorCode) {
        let fault = classify(code);
        self.refused_to_write = true;
        self.set_output(Link::Down(fault));
        if self.may_log(now, Trouble::Transaction(fault)) {
            let missing = missing(fault, code, "producer");
            error!(worker = self.worker, %code, missing, "Kafka: {}; trying again", fault.text());
        }
    }

    pub fn output_failed(&mut self, now: Instant, failure: Failure) {
        self.metrics.produce_errors(failure.fault).inc();
        self.refused_to_write = failure.fault == BrokerFault::Authorization;
        self.set_output(Link::Down(failure.fault));
        if self.may_log(now, Trouble::Output(failure.fault)) {
            let Failure { code, fault, bytes } = failure;
            error!(
                worker = self.worker,
                %code,
                bytes,
                missing = missing(fault, code, "producer"),
                "An output was refused, {}; reading its message again",
                fault.text()
            );
        }
    }

    pub fn client_error(&mut self, now: Instant, reported: &ClientError, client: &'static str) {
        let ClientError {
            fault,
            code,
            reason,
        } = reported;
        let (fault, code) = (*fault, *code);
        let consumer = client == "consumer";
        let link = if consumer { self.group } else { self.output };
        match fault {
            BrokerFault::Other | BrokerFault::TimedOut | BrokerFault::Throttled => {}
            // What is refused is also reported as a broker that cannot be reached.
            BrokerFault::Unreachable if is_refused(link) => {}
            _ if consumer => {
                if code == RDKafkaErrorCode::TopicAuthorizationFailed {
                    self.reading = Reading::Refused;
                }
                self.set_group(Link::Down(fault));
            }
            _ => self.set_output(Link::Down(fault)),
        }
        if !self.may_log(now, Trouble::Client(client, fault)) {
            return;
        }
        let worker = self.worker;
        if is_refused(Link::Down(fault)) {
            let missing = missing(fault, code, client);
            error!(worker, client, %code, reason, missing, "Kafka: {}; trying again", fault.text());
        } else {
            warn!(worker, client, %code, "Kafka: {}; trying again", fault.text());
        }
    }

    /// Whether credentials or rights were refused for as long as the settings allow.
    pub fn is_refused_for_good(&mut self, now: Instant) -> bool {
        let timeout = self.refusal_timeout;
        [
            (self.group, &mut self.group_refused_since),
            (self.output, &mut self.output_refused_since),
        ]
        .into_iter()
        .filter(|(link, _)| is_refused(*link))
        .any(|(_, since)| now.saturating_duration_since(*since.get_or_insert(now)) >= timeout)
    }

    fn may_log(&mut self, now: Instant, trouble: Trouble) -> bool {
        match self.logged.iter_mut().find(|(known, _)| *known == trouble) {
            Some((_, last)) if now < *last + QUIET => return false,
            Some((_, last)) => *last = now,
            None => self.logged.push((trouble, now)),
        }
        true
    }

    fn set_group(&mut self, group: Link) {
        if group == Link::Up {
            self.reading = Reading::Open;
        }
        if self.group != group {
            self.group = group;
            self.show_group();
        }
    }

    /// Without its start offsets no partition is read, although the group counts on it.
    fn show_group(&self) {
        self.health.set_group(match self.group {
            Link::Up if self.searching_since.is_some() => Link::Pending,
            group => group,
        });
    }

    /// Whether start offsets are looked for.
    pub fn searching(&mut self, now: Instant, searching: bool) {
        if searching != self.searching_since.is_some() {
            self.searching_since = searching.then_some(now);
            self.show_group();
        }
    }

    fn set_output(&mut self, output: Link) {
        if self.output != output {
            self.output = output;
            self.health.set_output(output);
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
        let visible = |topic: &String| {
            let found = producer.client().fetch_metadata(Some(topic), PROBE_TIMEOUT);
            found.is_ok_and(|metadata| {
                let topic = metadata.topics().first();
                topic.is_some_and(|topic| topic.error().is_none())
            })
        };
        let fetch_anew = !self.partitions.is_empty() && self.inputs.iter().all(visible);
        if fetch_anew {
            // Known to be open with the next statistics, unless it is refused again before.
            self.reading = Reading::Tried;
            self.set_group(Link::Pending);
        }
        fetch_anew
    }

    fn set_stalled(&mut self, stall: Option<Stall>, now: Instant) {
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

    pub fn assigned<'p>(&mut self, partitions: impl Iterator<Item = &'p TopicPartition>) {
        self.metrics.rebalances(Rebalance::Assign).inc();
        for id in partitions {
            self.metrics.assigned_partitions.inc();
            self.partitions.push((id.clone(), None));
        }
        self.is_member();
    }

    /// What retention has deleted before it was read is lost for good.
    pub fn offset_lost(&self, lost: &OffsetLost) {
        self.metrics.offset_resets(lost.reason).inc();
        let OffsetLost {
            id, wanted, start, ..
        } = lost;
        let (topic, partition) = (&id.topic, id.partition);
        match lost.reason {
            OffsetReset::Deleted => {
                let messages = u64::try_from(start - wanted).unwrap_or(0);
                self.metrics.messages_lost.inc_by(messages);
                error!(
                    %topic, partition, wanted, start, messages,
                    "Retention has deleted messages before they were read; going on at the \
                     oldest. Lengthen the retention of the topic, and look at what held reading up"
                );
            }
            OffsetReset::BeyondEnd => warn!(
                %topic, partition, wanted, start,
                "The partition ends before the offset that was to be read: the topic was \
                 created anew. Reading it from its begin"
            ),
            OffsetReset::Truncated => warn!(
                %topic, partition, wanted, start,
                "The broker has lost messages that were read before; going on"
            ),
        }
    }

    pub fn revoked(&self) {
        self.metrics.rebalances(Rebalance::Revoke).inc();
    }

    pub fn lost(&self) {
        self.metrics.rebalances(Rebalance::Lost).inc();
    }

    /// The partitions are no longer this worker's.
    pub fn released(&mut self, partitions: &[TopicPartition]) {
        self.metrics.assigned_partitions.sub(count(partitions));
        for id in partitions {
            self.metrics.forget_lag(&id.topic, id.partition);
        }
        self.partitions.retain(|(id, _)| !partitions.contains(id));
    }

    pub fn committing(&mut self, now: Instant) {
        self.committing_since.get_or_insert(now);
    }

    pub fn committed(&mut self) {
        self.committing_since = None;
        if self.group == Link::Down(BrokerFault::Authorization) && self.reading == Reading::Open {
            self.is_member();
        }
        self.metrics.commits_ok.inc();
    }

    /// A transaction is about the topics that are written, and about the group.
    pub fn transaction_failed(&mut self, now: Instant, code: RDKafkaErrorCode) {
        self.metrics.commits_failed.inc();
        let fault = classify(code);
        match fault {
            BrokerFault::Authorization if code == RDKafkaErrorCode::GroupAuthorizationFailed => {
                self.set_group(Link::Down(fault));
            }
            BrokerFault::Authorization | BrokerFault::Authentication => {
                self.refused_to_write = fault == BrokerFault::Authorization;
                self.set_output(Link::Down(fault));
            }
            _ => {}
        }
        if self.may_log(now, Trouble::Transaction(fault)) {
            let missing = missing(fault, code, "producer");
            warn!(worker = self.worker, %code, missing, "A transaction failed; reading it again");
        }
    }

    pub fn commit_failed(&mut self, now: Instant, code: RDKafkaErrorCode) {
        self.metrics.commits_failed.inc();
        let fault = classify(code);
        if let BrokerFault::Authorization | BrokerFault::Authentication = fault {
            self.set_group(Link::Down(fault));
        }
        if self.may_log(now, Trouble::Commit(fault)) {
            let missing = missing(fault, code, "consumer");
            warn!(worker = self.worker, %code, missing, "A commit failed; trying again");
        }
    }

    pub fn consumer_statistics(
        &mut self,
        now: Instant,
        statistics: &Statistics,
        delivery: &Delivery<Receipt>,
    ) {
        for owned in delivery.owned() {
            let lag = statistics.partition(&owned.id.topic, owned.id.partition);
            let Some(messages) = lag.and_then(|lag| lag.messages(owned.resume_offset)) else {
                continue;
            };
            let mut partitions = self.partitions.iter_mut();
            let Some((_, behind_since)) = partitions.find(|(known, _)| known == owned.id) else {
                continue;
            };
            let oldest = owned.oldest.and_then(|receipt| receipt.broker_time);
            let seconds = if messages == 0 {
                *behind_since = None;
                0.0
            } else if let Some(time) = oldest {
                seconds_between(time, Utc::now().timestamp_millis())
            } else {
                let since = *behind_since.get_or_insert(now);
                now.saturating_duration_since(since).as_secs_f64()
            };
            self.metrics
                .set_lag(&owned.id.topic, owned.id.partition, messages, Some(seconds));
        }
        // A connection that comes back within the session brings no assignment that would tell.
        let disconnected = matches!(
            self.group,
            Link::Down(BrokerFault::Unreachable | BrokerFault::Authentication)
        );
        if (disconnected || self.reading == Reading::Tried) && statistics.is_joined() {
            self.is_member();
        }
        self.throttled(Client::Consumer, statistics);
    }

    pub fn throttled(&self, client: Client, statistics: &Statistics) {
        let reporter = Reporter {
            worker: self.worker,
            client,
        };
        for (broker, seconds) in statistics.throttles() {
            self.metrics.set_throttle(reporter, broker, seconds);
        }
    }
}

fn is_refused(link: Link) -> bool {
    matches!(
        link,
        Link::Down(BrokerFault::Authentication | BrokerFault::Authorization)
    )
}

/// The right that is missing, where that is the fault.
fn missing(fault: BrokerFault, code: RDKafkaErrorCode, client: &str) -> Option<&'static str> {
    (fault == BrokerFault::Authorization).then(|| missing_right(code, client))
}

fn count(partitions: &[TopicPartition]) -> i64 {
    i64::try_from(partitions.len()).unwrap_or(i64::MAX)
}

/// Never negative: clocks differ.
fn seconds_between(earlier: i64, later: i64) -> f64 {
    let milliseconds = u64::try_from(later.saturating_sub(earlier)).unwrap_or(0);
    Duration::from_millis(milliseconds).as_secs_f64()
}

#[cfg(test)]
#[path = "observer_tests.rs"]
mod tests;
