//! From the layers to [`Settings`]: every key, then what the keys say together.
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;

use super::console;
use super::fault::ConfigFaults;
use super::layers::{self, Sources, nearest};
use super::privacy;
use super::properties;
use super::reader::{Reader, choose, names, text};
use super::security::{self, Namespace};
use super::settings::{
    Catalog, Console, DeadLetter, Delivery, Input, Kafka, Limits, LogFormat, MetricOptions, Mode,
    Output, PolicySnapshot, PrivacySettings, Profile, Sasl, Settings, Start, Telemetry,
};
use super::topics::{check_topics, input_fault, topic_fault};
use super::watch;
use crate::diagnosis::{Detail, DetailRules, MessageKey, Scenario};

const KIB: u64 = 1 << 10;
const MIB: u64 = KIB << 10;
const GIB: u64 = MIB << 10;

/// The port of the Event Hubs Kafka endpoint.
const EVENT_HUBS_PORT: u16 = 9093;

/// The longest group id that Event Hubs accepts.
const GROUP_ID_CHARS: usize = 256;

const DETAILS: [(&str, Detail); 3] = [
    ("full", Detail::Full),
    ("summary", Detail::Summary),
    ("none", Detail::None),
];

impl Settings {
    /// The folder of the catalog, also where the rest of the configuration has faults: those of
    /// the catalog are told together with them.
    pub fn catalog_path(sources: &Sources) -> Option<PathBuf> {
        let (values, faults) = layers::merge(sources);
        Reader::new(values, faults).optional_path("catalog.path")
    }

    /// The address of the admin endpoint alone: the question of `healthcheck`, which needs no
    /// secret and no broker.
    ///
    /// # Errors
    ///
    /// What is wrong with the sources, or with `telemetry.listen`.
    pub fn listen_address(sources: &Sources) -> Result<SocketAddr, ConfigFaults> {
        let (values, faults) = layers::merge(sources);
        finish(Reader::new(values, faults), |reader| {
            telemetry(reader).listen
        })
    }

    /// `[console]`, `[telemetry]` and `[privacy]` alone: a console that reads files of records
    /// needs no broker.
    ///
    /// # Errors
    ///
    /// What is wrong with the sources, or with the three sections.
    pub fn console(
        sources: &Sources,
    ) -> Result<(Console, Telemetry, PrivacySettings), ConfigFaults> {
        let (values, faults) = layers::merge(sources);
        finish(Reader::new(values, faults), |reader| {
            let own = console::read(reader);
            (own, telemetry(reader), privacy::read(reader))
        })
    }

    /// `[privacy]` alone: what reads files of records needs its key, and no broker.
    ///
    /// # Errors
    ///
    /// What is wrong with the sources, or with the section.
    pub fn privacy(sources: &Sources) -> Result<PrivacySettings, ConfigFaults> {
        let (values, faults) = layers::merge(sources);
        finish(Reader::new(values, faults), privacy::read)
    }

    /// Lays the sources over the built-in defaults, and reads the result.
    ///
    /// Reads the named files, secrets included; opens nothing else. `[console]` is for the console
    /// alone, whose token need not be readable to others.
    ///
    /// # Errors
    ///
    /// Every fault at once.
    pub fn load(sources: &Sources) -> Result<Settings, ConfigFaults> {
        let (values, faults) = layers::merge(sources);
        let reader = Reader::new(values, faults).with_azure(&sources.environment);
        finish(reader, read)
    }

    /// The same with `[console]`: every key there is.
    ///
    /// # Errors
    ///
    /// Every fault at once.
    pub fn load_all(sources: &Sources) -> Result<(Settings, Console), ConfigFaults> {
        let (values, faults) = layers::merge(sources);
        let reader = Reader::new(values, faults).with_azure(&sources.environment);
        finish(reader, |reader| (read(reader), console::read(reader)))
    }
}

fn finish<T>(mut reader: Reader, read: impl FnOnce(&mut Reader) -> T) -> Result<T, ConfigFaults> {
    let value = read(&mut reader);
    match reader.into_faults() {
        faults if faults.is_empty() => Ok(value),
        faults => Err(ConfigFaults(faults)),
    }
}

pub(super) fn read(reader: &mut Reader) -> Settings {
    let (kafka, namespace) = kafka(reader);
    let settings = Settings {
        workers: workers(reader),
        kafka,
        input: input(reader),
        output: output(reader),
        dead_letter: dead_letter(reader),
        delivery: delivery(reader),
        catalog: Catalog {
            path: reader.optional_path("catalog.path"),
        },
        policy_snapshot: policy_snapshot(reader),
        telemetry: telemetry(reader),
        metrics: metrics(reader),
        limits: Limits {
            message_bytes: reader.size("limits.message_bytes", 64 * KIB..=GIB),
            decompressed_bytes: reader.size("limits.decompressed_bytes", MIB..=GIB),
            decompressed_ratio: reader.count("limits.decompressed_ratio", 20..=2_000),
            records_per_message: reader.count("limits.records_per_message", 100..=1_000_000),
            policies_per_record: reader.count("limits.policies_per_record", 10..=1_000),
            text_bytes: reader.size("limits.text_bytes", 256..=64 * KIB),
        },
        watch: watch::read(reader),
        privacy: privacy::read(reader),
    };
    check_topics(reader, &settings, namespace.as_ref());
    check_compression(reader, settings.kafka.profile);
    settings
}

fn workers(reader: &mut Reader) -> usize {
    match reader.count("workers", 0..=256) {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

fn kafka(reader: &mut Reader) -> (Kafka, Option<Namespace>) {
    let (mut security, namespace) = security::read(reader);
    let bootstrap_servers = bootstrap_servers(reader, namespace.as_ref());
    if let Some(Sasl::Token(identity)) = &mut security.sasl {
        identity.complete_scope(&bootstrap_servers);
    }
    let kafka = Kafka {
        bootstrap_servers,
        profile: reader.choice(
            "kafka.profile",
            &[
                ("kafka", Profile::Kafka),
                ("event_hubs", Profile::EventHubs),
            ],
        ),
        properties: properties::read(reader),
        instance_id: reader.optional_text("kafka.instance_id"),
        refusal_timeout: reader.duration(
            "kafka.refusal_timeout",
            Duration::from_secs(1)..=Duration::from_hours(24),
        ),
        security,
    };
    (kafka, namespace)
}

fn bootstrap_servers(reader: &mut Reader, namespace: Option<&Namespace>) -> String {
    const KEY: &str = "kafka.bootstrap_servers";
    const REMEDY: &str =
        "write host:port, such as <namespace>.servicebus.windows.net:9093 or localhost:9092";
    let servers = reader.list(KEY);
    if servers.is_empty() && !reader.has_fault(KEY) {
        if let Some(namespace) = namespace {
            return format!("{}:{EVENT_HUBS_PORT}", namespace.host);
        }
        // A connection string that cannot be read is a fault already.
        if !security::CONNECTION_STRING_KEYS
            .iter()
            .any(|key| reader.is_set(key))
        {
            reader.fault(KEY, "no broker is named", REMEDY);
        }
    }
    if servers.iter().any(|server| !is_host_and_port(server)) {
        reader.fault(KEY, "is not a list of host:port", REMEDY);
    }
    servers.join(",")
}

fn is_host_and_port(server: &str) -> bool {
    // librdkafka also takes a protocol in front ("SSL://host:port"); kafka.security says that.
    server.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(['/', ';', '=', ' '])
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn input(reader: &mut Reader) -> Input {
    let topics = reader.list("input.topics");
    if topics.is_empty() && !reader.has_fault("input.topics") {
        reader.fault(
            "input.topics",
            "no topic is named",
            "name the topics that carry sign-in logs, such as insights-logs-signinlogs",
        );
    }
    let mut seen = BTreeSet::new();
    for topic in &topics {
        if let Some(reason) = input_fault(topic) {
            let reason = format!("{topic:?} {reason}");
            let remedy = "name existing topics, or a pattern that begins with '^'";
            reader.fault("input.topics", reason, remedy);
        }
        if !seen.insert(topic) {
            let reason = format!("names {topic:?} twice");
            reader.fault("input.topics", reason, "name each topic once");
        }
    }
    let group_id = reader.text("input.group_id");
    if group_id.trim().is_empty() && !reader.has_fault("input.group_id") {
        let remedy = "name a consumer group of this service's own, such as signin-diagnostics";
        reader.fault("input.group_id", "no consumer group is named", remedy);
    } else if group_id.chars().count() > GROUP_ID_CHARS {
        let remedy = format!("use at most {GROUP_ID_CHARS} characters");
        reader.fault("input.group_id", "is too long", remedy);
    }
    Input {
        topics,
        group_id,
        start: reader.parsed(
            "input.start",
            Start::Earliest,
            "use \"earliest\", \"latest\" or a time such as \"2026-03-01T00:00:00Z\"",
            start,
        ),
        prefetch_bytes: reader.size("input.prefetch_bytes", MIB..=GIB),
    }
}

fn start(text: &str) -> Result<Start, String> {
    let choices = [("earliest", Start::Earliest), ("latest", Start::Latest)];
    let time = |text: &str| DateTime::parse_from_rfc3339(text.trim()).ok();
    let start = choose(text, &choices)
        .or_else(|| Some(Start::Time(time(text)?.to_utc())))
        .ok_or_else(|| "is neither a word that is known nor a time with its zone".to_owned())?;
    match start {
        // The protocol means its ends by negative times.
        Start::Time(time) if time.timestamp_millis() < 0 => {
            Err("is before 1970, where Kafka has no times".to_owned())
        }
        start => Ok(start),
    }
}

fn output(reader: &mut Reader) -> Output {
    Output {
        topic: topic(reader, "output.topic"),
        key: reader.choice(
            "output.key",
            &[
                ("user", MessageKey::User),
                ("sign_in", MessageKey::SignIn),
                ("none", MessageKey::None),
            ],
        ),
        detail: detail(reader),
        queue_messages: reader.count("output.queue_messages", 100..=10_000_000),
        queue_bytes: reader.size("output.queue_bytes", 2 * MIB..=GIB),
    }
}

/// 0 switches a limit off.
fn dead_letter(reader: &mut Reader) -> DeadLetter {
    let max_ratio = reader.ratio("dead_letter.max_ratio");
    let max_consecutive = reader.count("dead_letter.max_consecutive", 0..=1_000_000);
    DeadLetter {
        topic: topic(reader, "dead_letter.topic"),
        max_ratio: (max_ratio > 0.0).then_some(max_ratio),
        max_consecutive: (max_consecutive > 0).then_some(max_consecutive),
    }
}

/// The default first, whatever the order in the file, then the scenarios that are named.
fn detail(reader: &mut Reader) -> DetailRules {
    const PREFIX: &str = "output.detail.";
    let mut details = DetailRules::all(reader.choice("output.detail.default", &DETAILS));
    for (name, found) in reader.section(PREFIX) {
        if name == "default" {
            continue;
        }
        let key = format!("{PREFIX}{name}");
        let Some(scenario) = Scenario::from_name(&name) else {
            let scenarios = Scenario::ALL.into_iter().map(Scenario::as_str);
            let remedy = match nearest(&name, scenarios) {
                Some(near) => format!("did you mean {near}?"),
                None => "`signin-diagnostics explain --list` names the scenarios".to_owned(),
            };
            reader.fault(&key, "is not a scenario", remedy);
            continue;
        };
        let word = text(&found.value).ok();
        if let Some(detail) = word.and_then(|word| choose(word, &DETAILS)) {
            details.set(scenario, detail);
        } else {
            let remedy = format!("use {}", names(&DETAILS));
            reader.fault(&key, "is not one of the choices", remedy);
        }
    }
    details
}

fn delivery(reader: &mut Reader) -> Delivery {
    let second = Duration::from_secs(1);
    Delivery {
        mode: reader.choice(
            "delivery.mode",
            &[
                ("at_least_once", Mode::AtLeastOnce),
                ("exactly_once", Mode::ExactlyOnce),
            ],
        ),
        transaction_interval: reader
            .duration("delivery.transaction_interval", second / 10..=second * 5),
        commit_interval: reader.duration("delivery.commit_interval", second..=second * 3600),
        drain_timeout: reader.duration("delivery.drain_timeout", second..=second * 240),
        remembered_sign_ins: reader.count("delivery.remembered_sign_ins", 1..=1_000_000),
    }
}

fn policy_snapshot(reader: &mut Reader) -> PolicySnapshot {
    const HOUR: Duration = Duration::from_hours(1);
    PolicySnapshot {
        path: reader.optional_path("policy_snapshot.path"),
        tenant_id: reader.optional_text("policy_snapshot.tenant_id"),
        max_age: reader.duration("policy_snapshot.max_age", HOUR..=HOUR * 24 * 365),
    }
}

fn telemetry(reader: &mut Reader) -> Telemetry {
    Telemetry {
        listen: reader.address(
            "telemetry.listen",
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ),
        log_format: reader.choice(
            "telemetry.log_format",
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        ),
        log_level: reader.choice(
            "telemetry.log_level",
            &[
                ("error", tracing::Level::ERROR),
                ("warn", tracing::Level::WARN),
                ("info", tracing::Level::INFO),
                ("debug", tracing::Level::DEBUG),
                ("trace", tracing::Level::TRACE),
            ],
        ),
    }
}

fn metrics(reader: &mut Reader) -> MetricOptions {
    // Each policy has nine series, and a scrape carries them all.
    let max_policies = reader.count("metrics.max_policies", 1..=1_000);
    let max_applications = reader.count("metrics.max_applications", 1..=1_000);
    MetricOptions {
        policies: reader.flag("metrics.policies").then_some(max_policies),
        applications: reader
            .flag("metrics.applications")
            .then_some(max_applications),
        countries: reader.flag("metrics.countries"),
    }
}

/// A topic that must be named.
fn topic(reader: &mut Reader, key: &'static str) -> String {
    let topic = reader.text(key);
    let reason = if topic.is_empty() {
        (!reader.has_fault(key)).then_some("no topic is named")
    } else {
        topic_fault(&topic)
    };
    if let Some(reason) = reason {
        reader.fault(
            key,
            reason,
            "name a topic that exists and that this client may write",
        );
    }
    topic
}

/// Microsoft documents no other codec than gzip, and that only above the Standard tier.
fn check_compression(reader: &mut Reader, profile: Profile) {
    if profile != Profile::EventHubs {
        return;
    }
    for key in [
        "kafka.properties.compression.codec",
        "kafka.properties.compression.type",
    ] {
        let codec = reader.property(key);
        if codec.is_some_and(|codec| !matches!(codec.as_str(), "none" | "gzip")) {
            reader.fault(
                key,
                "is a codec that Event Hubs refuses",
                "use \"none\", or \"gzip\" in the Premium and Dedicated tiers",
            );
        }
    }
}
