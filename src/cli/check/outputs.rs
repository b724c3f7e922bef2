//! Steps of `check --online` about what is written: rights, sizes, transactions.
use std::sync::Arc;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::STEP;
use super::clients::{self, until};
use super::online::{ANSWER, SLICE, grant};
use super::report::Finding;
use crate::config::{Mode, Profile, Sasl, Settings};
use crate::kafka::{self, Tokens, classify};
use crate::telemetry::BrokerFault;

/// Asks for two acknowledgements, which no version of the protocol knows: Apache Kafka looks at
/// the right first, then refuses the number, and writes nothing. Whether Event Hubs does the same
/// is not documented; should a broker write the record, it is empty, has no `schema_version`, and
/// the line says where it is.
pub(super) fn write(settings: &Settings, tokens: Option<&Arc<Tokens>>, name: &str) -> Finding {
    let defect = [
        ("enable.idempotence", "false"),
        ("acks", "2"),
        ("message.timeout.ms", "10000"),
        ("linger.ms", "0"),
    ];
    let fail = |code: Code| {
        let remedy = match classify(code) {
            BrokerFault::Authorization => grant(code, "producer"),
            _ => "try again; the broker's log says more".to_owned(),
        };
        Finding::fail("write", name, code.to_string(), remedy)
    };
    let producer = match clients::producer(settings, tokens, &defect) {
        Ok(producer) => producer,
        Err(error) => return fail(error.rdkafka_error_code().unwrap_or(Code::Unknown)),
    };
    let headers = OwnedHeaders::new().insert(Header {
        key: "content-type",
        value: Some("application/x-signin-diagnostics-check"),
    });
    let record = BaseRecord::<str, str>::to(name)
        .partition(0)
        .key("signin-diagnostics-check")
        .payload("")
        .headers(headers);
    if let Err((error, _)) = producer.send(record) {
        return fail(error.rdkafka_error_code().unwrap_or(Code::Unknown));
    }
    let sent = until(STEP, || {
        producer.poll(SLICE);
        producer.context().sent()
    });
    match sent {
        Some(Err(Code::InvalidRequiredAcks)) => {
            Finding::pass("write", name, "allowed; nothing was written")
        }
        Some(Ok((partition, offset))) => {
            let detail = format!(
                "allowed; this broker kept the empty record of the check, at partition \
                 {partition}, offset {offset}"
            );
            Finding::pass("write", name, detail)
        }
        Some(Err(code)) => fail(code),
        None => fail(Code::OperationTimedOut),
    }
}

/// Whether the topic takes the largest batch that the producer makes.
pub(super) fn size(settings: &Settings, name: &str) -> Finding {
    let largest = kafka::max_batch_bytes(settings);
    if settings.kafka.profile == Profile::EventHubs {
        return if largest > EVENT_HUBS_BYTES {
            Finding::fail(
                "size",
                name,
                format!("batches of up to {largest} bytes; Event Hubs takes {EVENT_HUBS_BYTES}"),
                "lower kafka.properties.batch.size and message.max.bytes",
            )
        } else {
            let detail = format!(
                "batches of up to {largest} bytes; Event Hubs takes {EVENT_HUBS_BYTES} (Standard \
                 and above), which it does not tell"
            );
            Finding::pass("size", name, detail)
        };
    }
    if let Some(Sasl::Token(_)) = &settings.kafka.security.sasl {
        // The library's administration client does not serve token requests.
        let detail = "the topic's limit cannot be asked for with oauthbearer";
        return Finding::skipped("size", name, detail);
    }
    let limit = match topic_limit(settings, name) {
        Ok(limit) => limit,
        Err(reason) => return Finding::skipped("size", name, reason),
    };
    if limit < largest {
        let detail = format!("batches of up to {largest} bytes; the topic takes {limit}");
        let remedy = "raise max.message.bytes of the topic, or lower kafka.properties.batch.size \
                      and message.max.bytes";
        return Finding::fail("size", name, detail, remedy);
    }
    let detail = format!("batches of up to {largest} bytes; the topic takes {limit}");
    Finding::pass("size", name, detail)
}

/// Above it the service closes the connection (Event Hubs, Kafka configurations).
const EVENT_HUBS_BYTES: usize = 1_046_528;

/// `max.message.bytes` of a topic, where the broker tells.
fn topic_limit(settings: &Settings, name: &str) -> Result<usize, String> {
    let told = |error: String| format!("the broker does not tell the topic's limit: {error}");
    let mut config = kafka::common(settings);
    config.set("statistics.interval.ms", "0");
    config.set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    let admin = AdminClient::from_config_and_context(&config, DefaultClientContext)
        .map_err(|error| told(error.to_string()))?;
    let options = AdminOptions::new().request_timeout(Some(ANSWER));
    let topic = ResourceSpecifier::Topic(name);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| told(error.to_string()))?;
    let answer = runtime
        .block_on(async {
            tokio::time::timeout(STEP, admin.describe_configs([&topic], &options)).await
        })
        .map_err(|_| told("no answer in time".to_owned()))?
        .map_err(|error| told(error.to_string()))?;
    let config = answer
        .into_iter()
        .next()
        .ok_or_else(|| told("an empty answer".to_owned()))?
        .map_err(|code| told(code.to_string()))?;
    config
        .get("max.message.bytes")
        .and_then(|entry| entry.value.as_ref()?.parse().ok())
        .ok_or_else(|| told("the right DESCRIBE_CONFIGS may be missing".to_owned()))
}

/// Under a name of its own, so that no running producer is fenced.
pub(super) fn transactions(settings: &Settings, tokens: Option<&Arc<Tokens>>) -> Finding {
    let id = format!("{}-check", settings.input.group_id);
    let without = |reason: String| {
        if settings.delivery.mode == Mode::ExactlyOnce {
            let remedy = "grant Write and Describe on the transactional id, use a broker that has \
                          transactions (Event Hubs: Premium or Dedicated), or set delivery.mode \
                          to \"at_least_once\"";
            return Finding::fail("transactions", &id, format!("refused: {reason}"), remedy);
        }
        let detail = format!("not available ({reason}); delivery at least once needs none");
        Finding::skipped("transactions", &id, detail)
    };
    let with = [
        ("transactional.id", id.as_str()),
        ("message.timeout.ms", "10000"),
        ("transaction.timeout.ms", "15000"),
    ];
    let producer = match clients::producer(settings, tokens, &with) {
        Ok(producer) => producer,
        Err(error) => return without(error.to_string()),
    };
    // Hands a token over first: the call below blocks.
    producer.poll(SLICE);
    match producer.init_transactions(STEP) {
        Ok(()) => Finding::pass("transactions", &id, "available"),
        Err(error) => {
            let cause = producer.client().fatal_error();
            without(cause.map_or_else(|| error.to_string(), |(code, _)| code.to_string()))
        }
    }
}
