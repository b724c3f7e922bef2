//! What a worker tells of itself: counters, health, and log lines that do not repeat every
//! second.
mod counts;
mod partitions;
mod progress;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;
use tracing::{error, warn};

use crate::config::{Settings, is_topic_pattern};
use crate::delivery::TopicPartition;
use crate::kafka::{ClientError, Failure, classify, missing_right};
use crate::telemetry::{BrokerFault, Link, Metrics, WorkerHealth};

/// The same trouble is logged again after this.
const QUIET: Duration = Duration::from_secs(30);

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
    /// A topic is what must not be written: that a transaction may begin shows nothing.
    refused_topic: bool,
    refusal_timeout: Duration,
    reading: Reading,
    /// The input topics that are named; what patterns match is known by what is assigned.
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
            refused_topic: false,
            refusal_timeout: settings.kafka.refusal_timeout,
            reading: Reading::Open,
            inputs: settings
                .input
                .topics
                .iter()
                .filter(|topic| !is_topic_pattern(topic))
                .cloned()
                .collect(),
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
        self.refused_topic = false;
        self.output_refused_since = None;
        self.set_output(Link::Up);
    }

    /// The broker lets transactions begin.
    pub fn may_begin(&mut self) {
        if !self.refused_topic {
            self.may_write();
        }
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
        self.refused_topic = code == RDKafkaErrorCode::TopicAuthorizationFailed;
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

    fn set_output(&mut self, output: Link) {
        if self.output != output {
            self.output = output;
            self.health.set_output(output);
        }
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

/// Never negative: clocks differ.
fn seconds_between(earlier: i64, later: i64) -> f64 {
    let milliseconds = u64::try_from(later.saturating_sub(earlier)).unwrap_or(0);
    Duration::from_millis(milliseconds).as_secs_f64()
}
