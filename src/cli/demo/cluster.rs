//! The embedded broker: librdkafka's mock cluster, and the settings that lead to it.
//!
//! It keeps about 5 MB a partition and drops what is older, read or not: whoever writes to it
//! has to wait for its readers.
use std::net::SocketAddr;

use anyhow::Context as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::config::{ConfigFaults, Settings, Sources};

pub const INPUT: &str = "sign-ins";
pub const OUTPUT: &str = "diagnoses";
pub const DEAD_LETTERS: &str = "dead-letters";
pub const OUTPUT_PARTITIONS: u16 = 4;

/// Ends with its last use; its clients should be closed by then.
pub struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
}

impl Cluster {
    /// Starts the broker, with an input topic of so many partitions.
    pub fn start(partitions: u16) -> anyhow::Result<Cluster> {
        let mock = MockCluster::new(1).context("cannot start the embedded broker")?;
        for (topic, partitions) in [
            (INPUT, partitions),
            (OUTPUT, OUTPUT_PARTITIONS),
            (DEAD_LETTERS, 1),
        ] {
            mock.create_topic(topic, partitions.into(), 1)
                .with_context(|| format!("cannot create the topic {topic}"))?;
        }
        Ok(Cluster { mock })
    }

    /// The built-in settings, pointed here.
    pub fn settings(
        &self,
        listen: SocketAddr,
        workers: u16,
        log_level: &str,
        remembered: usize,
    ) -> Result<Settings, ConfigFaults> {
        Settings::load(&Sources {
            set: vec![
                format!("workers={workers}"),
                format!("kafka.bootstrap_servers={}", self.mock.bootstrap_servers()),
                format!("input.topics={INPUT}"),
                "input.group_id=demo".to_owned(),
                // The embedded broker answers an empty fetch only when its time is over, even if
                // messages came meanwhile.
                "kafka.properties.fetch.wait.max.ms=20".to_owned(),
                // It forms a group as fast as its members speak up, and drops one that it has
                // lost track of only when its session ends.
                "kafka.properties.heartbeat.interval.ms=500".to_owned(),
                "kafka.properties.session.timeout.ms=6000".to_owned(),
                format!("output.topic={OUTPUT}"),
                format!("dead_letter.topic={DEAD_LETTERS}"),
                // The files that somebody wants to see may be all bad.
                "dead_letter.max_ratio=0".to_owned(),
                "dead_letter.max_consecutive=0".to_owned(),
                format!("delivery.remembered_sign_ins={remembered}"),
                // All that an alert could name: nothing here is a secret.
                "metrics.policies=true".to_owned(),
                "metrics.applications=true".to_owned(),
                "metrics.countries=true".to_owned(),
                format!("telemetry.listen={listen}"),
                format!("telemetry.log_level={log_level}"),
            ],
            ..Sources::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_for_a_search_beside_the_demo_names_its_topics() {
        let sources = Sources {
            files: vec![concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo.toml").into()],
            set: vec!["kafka.bootstrap_servers=127.0.0.1:1".to_owned()],
            ..Sources::default()
        };
        let settings = Settings::load(&sources).unwrap();
        assert_eq!(settings.output.topic, OUTPUT);
        assert_eq!(settings.input.topics, [INPUT]);
        assert_eq!(settings.dead_letter.topic, DEAD_LETTERS);
    }
}
