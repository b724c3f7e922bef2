//! The clients of `check --online`: those of the service, but in nobody's way.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use crate::config::Settings;
use crate::kafka::{self, Tokens};

/// What a client reported, and what became of the one record it sent.
#[derive(Default)]
pub struct Heard {
    tokens: Option<Arc<Tokens>>,
    errors: Mutex<Vec<(RDKafkaErrorCode, String)>>,
    sent: Mutex<Option<Result<(i32, i64), RDKafkaErrorCode>>>,
}

impl Heard {
    fn new(tokens: Option<&Arc<Tokens>>) -> Heard {
        Heard {
            tokens: tokens.cloned(),
            ..Heard::default()
        }
    }

    /// The first error of this kind.
    pub fn error(
        &self,
        kind: impl Fn(RDKafkaErrorCode) -> bool,
    ) -> Option<(RDKafkaErrorCode, String)> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.iter().find(|(code, _)| kind(*code)).cloned()
    }

    pub fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.last().cloned()
    }

    pub fn sent(&self) -> Option<Result<(i32, i64), RDKafkaErrorCode>> {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Heard {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        kafka::current_token(self.tokens.as_ref(), SystemTime::now())
    }

    /// What matters comes as an error.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            errors.push((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Heard {}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        use rdkafka::Message as _;
        let sent = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error
                .rdkafka_error_code()
                .unwrap_or(RDKafkaErrorCode::Unknown)),
        };
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent);
    }
}

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
