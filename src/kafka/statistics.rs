//! The few figures that are read from librdkafka's statistics.
use std::collections::HashMap;

use serde::Deserialize;

/// What the client tells of itself every five seconds.
#[derive(Debug, Default, Deserialize)]
pub struct Statistics {
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
    #[serde(default)]
    cgrp: Group,
}

#[derive(Debug, Default, Deserialize)]
struct Group {
    #[serde(default)]
    state: String,
    #[serde(default)]
    join_state: String,
}

#[derive(Debug, Deserialize)]
struct Broker {
    #[serde(default)]
    nodeid: i32,
    #[serde(default)]
    throttle: Throttle,
}

/// Milliseconds.
#[derive(Debug, Default, Deserialize)]
struct Throttle {
    #[serde(default)]
    avg: i64,
}

#[derive(Debug, Deserialize)]
struct Topic {
    #[serde(default)]
    partitions: HashMap<String, Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    #[serde(rename = "partition")]
    number: i32,
    #[serde(default)]
    fetch_state: String,
    #[serde(default)]
    lo_offset: i64,
    #[serde(default)]
    ls_offset: i64,
    #[serde(default)]
    app_offset: i64,
    #[serde(default)]
    committed_offset: i64,
}

/// A partition's ends, as the client last heard of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionLag {
    start: i64,
    end: i64,
    position: i64,
}

impl PartitionLag {
    /// Messages between `settled` (where known, else the client's own position) and the end of
    /// the partition. Never counts what retention has deleted.
    pub fn messages(self, settled: Option<i64>) -> Option<i64> {
        let position = settled.unwrap_or(self.position);
        let known = self.end >= 0 && position >= 0;
        known.then(|| (self.end - position.max(self.start)).max(0))
    }
}

impl Statistics {
    pub fn parse(json: &[u8]) -> Option<Statistics> {
        serde_json::from_slice(json).ok()
    }

    /// Whether the consumer is connected to its group's coordinator and a settled member.
    pub fn is_joined(&self) -> bool {
        self.cgrp.state == "up" && self.cgrp.join_state == "steady"
    }

    fn find(&self, topic: &str, partition: i32) -> Option<&Partition> {
        let mut partitions = self.topics.get(topic)?.partitions.values();
        partitions.find(|known| known.number == partition)
    }

    /// Whether the client has given up fetching a partition: its next offset is not there.
    pub fn is_halted(&self, topic: &str, partition: i32) -> bool {
        self.find(topic, partition)
            .is_some_and(|found| matches!(&*found.fetch_state, "none" | "stopped"))
    }

    pub fn partition(&self, topic: &str, partition: i32) -> Option<PartitionLag> {
        let found = self.find(topic, partition)?;
        Some(PartitionLag {
            start: found.lo_offset,
            end: found.ls_offset,
            position: found.app_offset.max(found.committed_offset),
        })
    }

    /// The mean throttling of each broker since the last statistics, in seconds.
    pub fn throttles(&self) -> impl Iterator<Item = (i32, f64)> {
        self.brokers
            .values()
            .filter(|broker| broker.nodeid >= 0)
            .map(|broker| {
                let milliseconds = i32::try_from(broker.throttle.avg).unwrap_or(i32::MAX);
                (broker.nodeid, f64::from(milliseconds) / 1000.0)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATISTICS: &[u8] = br#"{"name":"rdkafka#consumer-1","brokers":{
        "broker.test:9092/0":{"nodeid":0,"throttle":{"avg":250,"min":0}},
        "GroupCoordinator":{"nodeid":-1}},
        "topics":{"in":{"partitions":{
            "3":{"partition":3,"fetch_state":"none","lo_offset":100,"ls_offset":150,"hi_offset":151,
                 "app_offset":120,"committed_offset":110},
            "-1":{"partition":-1}}}}}"#;

    #[test]
    fn lag_is_counted_from_what_is_settled_and_clamped_to_the_log() {
        let statistics = Statistics::parse(STATISTICS).unwrap();
        let lag = statistics.partition("in", 3).unwrap();
        assert_eq!(lag.messages(Some(130)), Some(20));
        assert_eq!(
            lag.messages(Some(10)),
            Some(50),
            "the rest was deleted by retention"
        );
        assert_eq!(lag.messages(Some(160)), Some(0));
        assert_eq!(lag.messages(None), Some(30));
        assert!(statistics.is_halted("in", 3) && !statistics.is_halted("in", -1));
        assert!(statistics.partition("in", 4).is_none());
        assert!(statistics.partition("out", 3).is_none());
    }

    #[test]
    fn a_member_is_joined_while_its_coordinator_is_connected_and_nothing_is_rebalanced() {
        for (group, joined) in [
            (r#"{"cgrp":{"state":"up","join_state":"steady"}}"#, true),
            (r#"{"cgrp":{"state":"up","join_state":"wait-sync"}}"#, false),
            (
                r#"{"cgrp":{"state":"wait-broker-transport","join_state":"steady"}}"#,
                false,
            ),
            ("{}", false),
        ] {
            let statistics = Statistics::parse(group.as_bytes()).unwrap();
            assert_eq!(statistics.is_joined(), joined, "{group}");
        }
    }

    #[test]
    fn throttling_is_given_in_seconds_for_real_brokers_only() {
        let statistics = Statistics::parse(STATISTICS).unwrap();
        let throttles: Vec<_> = statistics.throttles().collect();
        assert_eq!(throttles, [(0, 0.25)]);
    }
}
