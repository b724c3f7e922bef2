//! The context of clients that look and go: `check --online`, and whoever reads the output topic.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;

use super::token::{Tokens, current_token};

/// What a client reported, and what became of the one record it sent.
#[derive(Default)]
pub struct Heard {
    tokens: Option<Arc<Tokens>>,
    errors: Mutex<Vec<(RDKafkaErrorCode, String)>>,
    sent: Mutex<Option<Result<(i32, i64), RDKafkaErrorCode>>>,
}

impl Heard {
    pub fn new(tokens: Option<&Arc<Tokens>>) -> Heard {
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
        current_token(self.tokens.as_ref(), SystemTime::now())
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
