//! `kafka.properties`: librdkafka settings under their own names.
//!
//! Settings on which the delivery guarantees rest are refused, with the key to use instead; the
//! others are tried on the client library itself, which knows every name and range.
use std::collections::BTreeMap;

use ::config::ValueKind;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::fault::Fault;
use super::reader::{Reader, show};
use super::settings::Property;

const PREFIX: &str = "kafka.properties.";

/// Owned settings: name (with a dot at its end: all names that start so), reason, remedy.
const OWNED: [(&str, &str, &str); 38] = [
    ("bootstrap.servers", HAS_KEY, "use kafka.bootstrap_servers"),
    (
        "metadata.broker.list",
        HAS_KEY,
        "use kafka.bootstrap_servers",
    ),
    ("security.protocol", HAS_KEY, "use kafka.security.protocol"),
    ("sasl.mechanism", HAS_KEY, "use kafka.security.mechanism"),
    ("sasl.mechanisms", HAS_KEY, "use kafka.security.mechanism"),
    ("sasl.username", HAS_KEY, "use kafka.security.username"),
    ("sasl.password", HAS_KEY, "use kafka.security.password_file"),
    ("sasl.", "no supported mechanism uses it", LEAVE_OUT),
    ("enable.sasl.", "no supported mechanism uses it", LEAVE_OUT),
    ("ssl.ca.", HAS_KEY, "use kafka.security.ca_file"),
    (
        "ssl.certificate.",
        HAS_KEY,
        "use kafka.security.certificate_file",
    ),
    ("ssl.key.location", HAS_KEY, "use kafka.security.key_file"),
    ("ssl.key.pem", HAS_KEY, "use kafka.security.key_file"),
    (
        "ssl.keystore.",
        HAS_KEY,
        "use kafka.security.certificate_file and key_file",
    ),
    ("group.id", HAS_KEY, "use input.group_id"),
    (
        "group.instance.id",
        "each worker needs its own",
        "use kafka.instance_id",
    ),
    (
        "group.protocol",
        "the service speaks the classic protocol",
        LEAVE_OUT,
    ),
    (
        "group.remote.assignor",
        "the service speaks the classic protocol",
        LEAVE_OUT,
    ),
    (
        "partition.assignment.strategy",
        "draining a revoked partition rests on cooperative-sticky",
        LEAVE_OUT,
    ),
    ("auto.offset.reset", HAS_KEY, "use input.start"),
    (
        "enable.auto.commit",
        OFFSETS,
        "use delivery.commit_interval",
    ),
    (
        "auto.commit.enable",
        OFFSETS,
        "use delivery.commit_interval",
    ),
    (
        "auto.commit.interval.ms",
        OFFSETS,
        "use delivery.commit_interval",
    ),
    ("enable.auto.offset.store", OFFSETS, LEAVE_OUT),
    ("offset.store.", OFFSETS, LEAVE_OUT),
    (
        "enable.partition.eof",
        "the worker does not expect it",
        LEAVE_OUT,
    ),
    (
        "queued.max.messages.kbytes",
        HAS_KEY,
        "use input.prefetch_bytes",
    ),
    (
        "queue.buffering.max.messages",
        HAS_KEY,
        "use output.queue_messages",
    ),
    (
        "queue.buffering.max.kbytes",
        HAS_KEY,
        "use output.queue_bytes",
    ),
    (
        "enable.idempotence",
        "a retry must not write a record twice",
        LEAVE_OUT,
    ),
    (
        "acks",
        "a record counts as written when all replicas have it",
        LEAVE_OUT,
    ),
    (
        "request.required.acks",
        "a record counts as written when all replicas have it",
        LEAVE_OUT,
    ),
    (
        "message.timeout.ms",
        "the client must never drop a record by itself",
        LEAVE_OUT,
    ),
    (
        "delivery.timeout.ms",
        "the client must never drop a record by itself",
        LEAVE_OUT,
    ),
    (
        "transactional.id",
        "it is made of group, instance and worker",
        "use delivery.mode and kafka.instance_id",
    ),
    (
        "transaction.timeout.ms",
        "it bounds what a crash delays",
        LEAVE_OUT,
    ),
    (
        "statistics.interval.ms",
        "the metrics rest on it",
        LEAVE_OUT,
    ),
    (
        "plugin.library.paths",
        "it would load code into the process",
        LEAVE_OUT,
    ),
];

const HAS_KEY: &str = "is owned by the service: it has a key of its own";
const OFFSETS: &str = "an offset is committed only after its records are acknowledged";
const LEAVE_OUT: &str = "leave it out";

pub(super) fn read(reader: &mut Reader) -> BTreeMap<String, Property> {
    let mut properties = BTreeMap::new();
    for (name, found) in reader.section(PREFIX) {
        let key = format!("{PREFIX}{name}");
        let value = match &found.value {
            ValueKind::Array(_) | ValueKind::Table(_) | ValueKind::Nil => {
                reader.fault(
                    &key,
                    "is not a single value",
                    "write it as text, number or boolean",
                );
                continue;
            }
            value => show(value),
        };
        if let Some((_, reason, remedy)) = OWNED.iter().find(|(owned, ..)| owns(owned, &name)) {
            let reason = match *reason {
                HAS_KEY => HAS_KEY.to_owned(),
                reason => format!("is owned by the service: {reason}"),
            };
            reader.fault(&key, reason, remedy);
            continue;
        }
        if let Err(reason) = try_on_client(&name, &value) {
            let remedy = "see librdkafka's CONFIGURATION.md for names and ranges";
            reader.fault(&key, reason, remedy);
            continue;
        }
        let secret = Fault::is_redacted(&key, &value);
        properties.insert(name, Property { value, secret });
    }
    properties
}

fn owns(owned: &str, name: &str) -> bool {
    name == owned || (owned.ends_with('.') && name.starts_with(owned))
}

/// Sets the one property on an empty configuration: no client is made, nothing is opened.
fn try_on_client(name: &str, value: &str) -> Result<(), String> {
    let mut config = ClientConfig::new();
    // The binding turns texts into C strings, which cannot hold a NUL.
    if name.contains('\0') || value.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    config.set(name, value);
    match config.create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(_, description, ..)) if !Fault::is_redacted(name, value) => {
            Err(format!(
                "the client library refuses it: {}",
                description.replace('\n', " ")
            ))
        }
        Err(_) => Err("the client library refuses it".to_owned()),
    }
}
