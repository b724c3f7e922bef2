//! librdkafka's settings, as the service and its profile need them.
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;

use crate::config::{Profile, Sasl, Settings};

/// Event Hubs closes the connection above 1,046,528 bytes; librdkafka's own default is below
/// it, and a plain broker's default (1,048,588) is above it.
const MESSAGE_MAX_BYTES: usize = 1_000_000;

/// What the service decides for every client. The user's properties come first, so that these
/// win; those that would collide are refused when the configuration is read.
///
/// Laid over `client`, and not merged from a map of its own: the binding's map shows passwords as a
/// placeholder, which would then be sent.
fn lay_common(client: &mut ClientConfig, settings: &Settings) {
    client
        .set("client.id", "signin-diagnostics")
        .set("socket.keepalive.enable", "true")
        .set("statistics.interval.ms", "5000")
        .set("message.max.bytes", MESSAGE_MAX_BYTES.to_string());
    if settings.kafka.profile == Profile::EventHubs {
        client
            // Azure drops a connection that was idle for 240 s; the metadata request keeps it
            // in use, and a connection that was idle nevertheless is closed from this side.
            // (librdkafka's own heuristic looks for "azure" in the host name, which Event Hubs
            // names do not contain.) The refresh makes the request, the age only ends what is
            // known: both are needed.
            .set("topic.metadata.refresh.interval.ms", "180000")
            .set("metadata.max.age.ms", "180000")
            .set("connections.max.idle.ms", "180000")
            .set("socket.timeout.ms", "60000");
    }
    for (name, property) in &settings.kafka.properties {
        client.set(name, property.expose());
    }
    let security = &settings.kafka.security;
    client
        .set("bootstrap.servers", &settings.kafka.bootstrap_servers)
        .set("security.protocol", security.protocol.as_str());
    if security.protocol.is_tls() {
        // A vendored OpenSSL looks for authorities under its own prefix, where there are none:
        // `probe` looks where the systems keep theirs.
        match &security.ca_file {
            Some(file) => client.set("ssl.ca.location", file.to_string_lossy()),
            None => client.set("ssl.ca.location", "probe"),
        };
        if let Some(own) = &security.client_certificate {
            client
                .set(
                    "ssl.certificate.location",
                    own.certificate_file.to_string_lossy(),
                )
                .set("ssl.key.location", own.key_file.to_string_lossy());
        }
    }
    match &security.sasl {
        None => {}
        Some(Sasl::Password {
            mechanism,
            username,
            password,
        }) => {
            client
                .set("sasl.mechanism", mechanism.as_str())
                .set("sasl.username", username)
                .set("sasl.password", password.expose());
        }
        // The tokens come through the clients' contexts.
        Some(Sasl::Token(_)) => {
            client.set("sasl.mechanism", "OAUTHBEARER");
        }
    }
    client.set_log_level(RDKafkaLogLevel::Warning);
}

/// A client that neither reads nor writes records.
pub fn common(settings: &Settings) -> ClientConfig {
    let mut client = ClientConfig::new();
    lay_common(&mut client, settings);
    client
}

/// The consumer of worker number `worker`.
pub fn consumer(settings: &Settings, worker: usize) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        // Once the queue was full librdkafka waits before it fetches again: 1 s by default,
        // which left the machine 77 % idle during catch-up. Much less wakes its threads for
        // nothing: 20 ms takes a tenth less CPU than 5 ms. In 10 ms a prefetch of 2 MiB does not
        // run empty, in 20 it does (all measured).
        .set("fetch.queue.backoff.ms", "10")
        .set("session.timeout.ms", "45000");
    if settings.kafka.profile == Profile::EventHubs {
        client
            .set("session.timeout.ms", "30000")
            .set("heartbeat.interval.ms", "3000")
            .set("max.poll.interval.ms", "300000")
            // Whether Event Hubs knows the newer protocol is not documented.
            .set("group.protocol", "classic");
    }
    lay_common(&mut client, settings);
    client
        .set("group.id", &settings.input.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "false")
        .set("allow.auto.create.topics", "false")
        // An offset that is not there is a loss: found, told and counted, never moved silently.
        .set("auto.offset.reset", "error")
        // From the first release: a group cannot be rolled over from an eager assignor later.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set(
            "queued.max.messages.kbytes",
            (settings.input.prefetch_bytes / 1024).max(1).to_string(),
        );
    if let Some(id) = &settings.kafka.instance_id {
        client.set("group.instance.id", format!("{id}-{worker}"));
    }
    client
}

/// A consumer that reads what it is told to: it joins no group and commits nothing. It carries the
/// group's name all the same, since it asks for the coordinator, and that right is granted.
pub fn reader(settings: &Settings) -> ClientConfig {
    let mut client = consumer(settings, 0);
    client
        .remove("group.instance.id")
        // Nobody reads them.
        .set("statistics.interval.ms", "0")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed");
    client
}

/// The producer of a worker.
pub fn producer(settings: &Settings) -> ClientConfig {
    let mut client = ClientConfig::new();
    // Fuller batches: a quarter less CPU in catch-up than with the client's 5 ms (measured), for
    // at most so much more delay of logs that are minutes old.
    client.set("linger.ms", "20");
    if settings.kafka.profile == Profile::EventHubs {
        client
            .set("request.timeout.ms", "60000")
            // The service counts a batch with its overhead, and closes the connection above.
            .set("batch.size", "900000")
            // Standard refuses compressed batches; Premium and Dedicated accept gzip.
            .set("compression.codec", "none")
            .set("partitioner", "consistent_random");
    }
    lay_common(&mut client, settings);
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // The client never gives an output up by itself.
        .set("message.timeout.ms", "0")
        .set(
            "queue.buffering.max.messages",
            settings.output.queue_messages.to_string(),
        )
        .set(
            "queue.buffering.max.kbytes",
            (settings.output.queue_bytes / 1024).max(1).to_string(),
        );
    client
}

/// A librdkafka setting of the user that librdkafka refuses. Names the key, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "kafka.properties.{name} is refused by librdkafka; its CONFIGURATION.md lists the settings \
     and their values"
)]
pub struct PropertyFault {
    name: String,
}

/// What librdkafka has against the settings of its clients, found without opening a socket.
pub fn properties_fault(settings: &Settings) -> Option<PropertyFault> {
    [consumer(settings, 0), producer(settings)]
        .iter()
        .find_map(|client| match client.create_native_config() {
            Err(KafkaError::ClientConfig(_, _, name, _)) => Some(PropertyFault { name }),
            _ => None,
        })
}

/// What one batch of the producer holds at most, before the broker says otherwise.
pub fn batch_bytes(settings: &Settings) -> usize {
    let own = producer(settings);
    let bytes = own.get("batch.size").and_then(|bytes| bytes.parse().ok());
    bytes.unwrap_or(MESSAGE_MAX_BYTES)
}

/// The largest record that the producer takes, with room for key and headers.
pub fn max_output_bytes(settings: &Settings) -> usize {
    let limit = settings
        .kafka
        .properties
        .get("message.max.bytes")
        .and_then(|property| property.expose().parse().ok())
        .unwrap_or(MESSAGE_MAX_BYTES);
    limit - limit / 20
}

/// The largest batch that the producer sends in one request to a partition.
pub fn max_batch_bytes(settings: &Settings) -> usize {
    let producer = producer(settings);
    let bytes = |name, default| {
        let value: Option<&str> = producer.get(name);
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let batch: usize = bytes("batch.size", MESSAGE_MAX_BYTES);
    batch.min(bytes("message.max.bytes", MESSAGE_MAX_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn settings(set: &[&str]) -> Settings {
        let required = [
            "kafka.bootstrap_servers=broker.test:9092",
            "input.topics=sign-ins",
            "input.group_id=diagnostics",
            "output.topic=diagnoses",
            "dead_letter.topic=dead-letters",
        ];
        let set = required
            .iter()
            .chain(set)
            .map(|&one| one.to_owned())
            .collect();
        Settings::load(&Sources {
            files: Vec::new(),
            environment: Vec::new(),
            set,
        })
        .unwrap()
    }

    fn value<'c>(client: &'c ClientConfig, name: &str) -> Option<&'c str> {
        client.get(name)
    }

    #[test]
    fn what_delivery_rests_on_is_set_whatever_the_profile() {
        for profile in ["kafka", "event_hubs"] {
            let settings = settings(&[&format!("kafka.profile={profile}")]);
            let consumer = consumer(&settings, 0);
            assert_eq!(value(&consumer, "enable.auto.commit"), Some("false"));
            assert_eq!(value(&consumer, "enable.auto.offset.store"), Some("false"));
            let assignment = value(&consumer, "partition.assignment.strategy");
            assert_eq!(assignment, Some("cooperative-sticky"));
            let producer = producer(&settings);
            assert_eq!(value(&producer, "acks"), Some("all"));
            assert_eq!(value(&producer, "enable.idempotence"), Some("true"));
            assert_eq!(value(&producer, "message.timeout.ms"), Some("0"));
            assert_eq!(properties_fault(&settings), None);
        }
    }

    /// Event Hubs' quotas and client recommendations.
    #[test]
    fn the_event_hubs_profile_outlives_its_idle_time_out() {
        let settings = settings(&["kafka.profile=event_hubs"]);
        for client in [consumer(&settings, 0), producer(&settings)] {
            assert_eq!(value(&client, "socket.keepalive.enable"), Some("true"));
            assert_eq!(value(&client, "metadata.max.age.ms"), Some("180000"));
            assert_eq!(
                value(&client, "topic.metadata.refresh.interval.ms"),
                Some("180000")
            );
            assert_eq!(value(&client, "connections.max.idle.ms"), Some("180000"));
            assert_eq!(value(&client, "message.max.bytes"), Some("1000000"));
        }
        assert_eq!(
            value(&consumer(&settings, 0), "session.timeout.ms"),
            Some("30000")
        );
        assert_eq!(
            value(&producer(&settings), "request.timeout.ms"),
            Some("60000")
        );
        assert_eq!(value(&producer(&settings), "batch.size"), Some("900000"));
    }

    #[test]
    fn the_users_properties_win_over_the_profile() {
        let settings = settings(&[
            "kafka.profile=event_hubs",
            "kafka.properties.session.timeout.ms=20000",
            "kafka.properties.message.max.bytes=200000",
        ]);
        assert_eq!(
            value(&consumer(&settings, 0), "session.timeout.ms"),
            Some("20000")
        );
        assert_eq!(max_output_bytes(&settings), 190_000);
    }

    #[test]
    fn passwords_reach_both_clients_as_they_are() {
        let settings = settings(&[
            "kafka.security.protocol=sasl_ssl",
            "kafka.security.username=service",
            "kafka.security.password=hunter2",
            "kafka.properties.ssl.key.password=hunter3",
        ]);
        for client in [consumer(&settings, 0), producer(&settings)] {
            assert_eq!(value(&client, "sasl.password"), Some("hunter2"));
            assert_eq!(value(&client, "ssl.key.password"), Some("hunter3"));
        }
    }

    #[test]
    fn each_worker_is_a_static_member_of_its_own() {
        let settings = settings(&["kafka.instance_id=pod-3"]);
        let name = |worker| {
            consumer(&settings, worker)
                .get("group.instance.id")
                .map(str::to_owned)
        };
        assert_eq!(name(0).as_deref(), Some("pod-3-0"));
        assert_eq!(name(1).as_deref(), Some("pod-3-1"));
    }

    /// A vendored OpenSSL would find no authority by itself.
    #[test]
    fn tls_looks_for_the_authorities_of_the_system() {
        let settings = settings(&["kafka.security.protocol=ssl"]);
        assert_eq!(
            value(&consumer(&settings, 0), "ssl.ca.location"),
            Some("probe")
        );
    }
}
