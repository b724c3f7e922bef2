//! The partitions of a worker: rebalances, lost offsets, lag.
use std::time::Instant;

use chrono::Utc;
use tracing::{error, warn};

use super::{Observer, Reading, seconds_between};
use crate::delivery::{Delivery, TopicPartition};
use crate::kafka::{OffsetLost, Statistics};
use crate::pipeline::receipt::Receipt;
use crate::telemetry::{BrokerFault, Client, Link, OffsetReset, Rebalance, Reporter};

impl Observer {
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

fn count(partitions: &[TopicPartition]) -> i64 {
    i64::try_from(partitions.len()).unwrap_or(i64::MAX)
}
