//! The clients of `check --online`: those of the service, but in nobody's way.
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaResult;
use rdkafka::producer::BaseProducer;

use crate::config::Settings;
use crate::kafka::{self, Heard, Tokens};

pub type Consumer = BaseConsumer<Heard>;
pub type Producer = BaseProducer<Heard>;

/// The service's consumer, without its static membership: that would throw a running one out.
pub fn consumer(settings: &Settings, tokens: Option<&Arc<Tokens>>) -> KafkaResult<Consumer> {
    let mut config = kafka::consumer(settings, 0);
    config
        .remove("group.instance.id")
        .set("enable.partition.eof", "true");
    quiet(&mut config);
    BaseConsumer::from_config_and_context(&config, Heard::new(tokens))
}

/// The service's producer with other settings on top.
pub fn producer(
    settings: &Settings,
    tokens: Option<&Arc<Tokens>>,
    with: &[(&str, &str)],
) -> KafkaResult<Producer> {
    let mut config = kafka::producer(settings);
    for (name, value) in with {
        config.set(*name, *value);
    }
    quiet(&mut config);
    BaseProducer::from_config_and_context(&config, Heard::new(tokens))
}

fn quiet(config: &mut ClientConfig) {
    config
        .set("statistics.interval.ms", "0")
        .set_log_level(RDKafkaLogLevel::Emerg);
}

/// Calls `step` until it gives something, or the time is up.
pub fn until<T>(timeout: Duration, mut step: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline {
        if let Some(found) = step() {
            return Some(found);
        }
    }
    None
}
