//! Puts the outputs of a message into the producer's queue.
use std::collections::HashMap;

use chrono::{SecondsFormat, Utc};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};

use super::batch::{Batch, Output, OutputKind};
use super::dead_letter;
use super::worker::MessagePlace;
use crate::config::Settings;
use crate::delivery::Token;
use crate::diagnosis::{Outcome, Scenario};
use crate::kafka::ProducerEvents;

/// Where the outputs go.
pub struct Outputs {
    pub topic: String,
    pub dead_letter_topic: String,
    /// Of the key that dead letters are sealed with.
    key_id: Option<String>,
    /// Made once for each pair that occurs.
    headers: HashMap<(Scenario, Outcome), OwnedHeaders>,
}

impl Outputs {
    pub fn new(settings: &Settings) -> Outputs {
        Outputs {
            topic: settings.output.topic.clone(),
            dead_letter_topic: settings.dead_letter.topic.clone(),
            key_id: dead_letter::Bytes::of(&settings.privacy)
                .key_id()
                .map(ToOwned::to_owned),
            headers: HashMap::new(),
        }
    }

    /// Puts one output of `batch` into the producer's queue.
    pub fn produce(
        &mut self,
        producer: &BaseProducer<ProducerEvents>,
        batch: &Batch,
        output: &Output,
        place: &MessagePlace,
        token: Token,
    ) -> Result<(), KafkaError> {
        let (topic, headers) = match output.kind {
            OutputKind::Diagnosis { scenario, outcome } => {
                let headers = self
                    .headers
                    .entry((scenario, outcome))
                    .or_insert_with(|| diagnosis_headers(scenario, outcome));
                (&self.topic, headers.clone())
            }
            OutputKind::DeadLetter {
                reason,
                position,
                encoding,
                protection,
            } => {
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
                let key_id = self.key_id.as_deref();
                let headers = dead_letter::headers(
                    reason, place, position, encoding, protection, key_id, &now,
                );
                (&self.dead_letter_topic, headers)
            }
        };
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, opaque(token))
            .payload(batch.payload(output))
            .headers(headers);
        if let Some(key) = batch.key(output) {
            record = record.key(key);
        }
        producer.send(record).map_err(|(error, _)| error)
    }
}

/// Lossless: a pointer has 64 bits wherever this compiles.
#[allow(clippy::cast_possible_truncation)]
fn opaque(token: Token) -> usize {
    token.to_bits() as usize
}

fn diagnosis_headers(scenario: Scenario, outcome: Outcome) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(4);
    for (key, value) in [
        ("schema_version", "1"),
        ("scenario", scenario.as_str()),
        ("outcome", outcome.as_str()),
        ("content-type", "application/json"),
    ] {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    headers
}
