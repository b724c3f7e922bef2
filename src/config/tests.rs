//! Whole configurations: what loads, what is refused, and what is never printed.
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::{OPEN_SECTIONS, merge};
use super::reader::Reader;
use super::*;
use crate::diagnosis::{Detail, DetailRules, MessageKey, Scenario};
use crate::signin::Treatment;
use crate::watch::Accounts;

const EVENT_HUBS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/event-hubs.toml");

const SECRET: &str = "c2VjcmV0LWtleQ==";

fn connection_string(rest: &str) -> String {
    format!(
        "Endpoint=sb://example.servicebus.windows.net/;SharedAccessKeyName=stream;\
         SharedAccessKey={SECRET}{rest}"
    )
}

/// The settings without which nothing runs.
const REQUIRED: [&str; 5] = [
    "kafka.bootstrap_servers=localhost:9092",
    "input.topics=sign-ins",
    "input.group_id=diagnostics",
    "output.topic=diagnoses",
    "dead_letter.topic=dead-letters",
];

fn with(set: &[&str]) -> Sources {
    Sources {
        set: REQUIRED
            .iter()
            .chain(set)
            .map(ToString::to_string)
            .collect(),
        ..Sources::default()
    }
}

fn in_environment(mut sources: Sources, variables: &[(&str, &str)]) -> Sources {
    sources.environment.extend(
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    sources
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn in_file(sources: Sources, path: PathBuf) -> Sources {
    Sources {
        files: vec![path],
        ..sources
    }
}

fn password(settings: &Settings) -> (Mechanism, &str, &str) {
    match &settings.kafka.security.sasl {
        Some(Sasl::Password {
            mechanism,
            username,
            password,
        }) => (*mechanism, username, password.expose()),
        other => panic!("{other:?}"),
    }
}

fn refused(sources: &Sources) -> String {
    let faults = Settings::load(sources).expect_err("accepted");
    let text = faults.to_string();
    assert_eq!(
        text.lines().count(),
        faults.0.len(),
        "one line a fault: {text}"
    );
    assert!(!text.contains(SECRET), "{text}");
    text
}

#[test]
fn a_start_before_1970_is_refused() {
    let faults = refused(&with(&["input.start=1969-12-31T23:59:59Z"]));
    assert!(faults.contains("before 1970"), "{faults}");
}

#[test]
fn the_defaults_are_those_of_the_file() {
    let settings = Settings::load(&with(&[])).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    let expected = Settings {
        workers: cores,
        kafka: Kafka {
            bootstrap_servers: "localhost:9092".to_owned(),
            profile: Profile::Kafka,
            properties: BTreeMap::new(),
            instance_id: None,
            refusal_timeout: Duration::from_mins(15),
            security: Security {
                protocol: Protocol::Plaintext,
                sasl: None,
                ca_file: None,
                client_certificate: None,
            },
        },
        input: Input {
            topics: vec!["sign-ins".to_owned()],
            group_id: "diagnostics".to_owned(),
            start: Start::Earliest,
            prefetch_bytes: 4 << 20,
        },
        output: Output {
            topic: "diagnoses".to_owned(),
            key: MessageKey::User,
            detail: DetailRules::default(),
            queue_messages: 50_000,
            queue_bytes: 16 << 20,
        },
        dead_letter: DeadLetter {
            topic: "dead-letters".to_owned(),
            max_ratio: Some(0.2),
            max_consecutive: Some(100),
        },
        delivery: Delivery {
            mode: Mode::AtLeastOnce,
            transaction_interval: Duration::from_secs(1),
            commit_interval: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(20),
            remembered_sign_ins: 8192,
        },
        catalog: Catalog { path: None },
        policy_snapshot: PolicySnapshot {
            path: None,
            tenant_id: None,
            max_age: Duration::from_hours(48),
        },
        telemetry: Telemetry {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            log_format: LogFormat::Text,
            log_level: tracing::Level::INFO,
        },
        metrics: MetricOptions::default(),
        limits: Limits {
            message_bytes: 64 << 20,
            decompressed_bytes: 16 << 20,
            decompressed_ratio: 500,
            records_per_message: 10_000,
            policies_per_record: 200,
            text_bytes: 4096,
        },
        watch: Vec::new(),
        console: Console {
            listen: SocketAddr::from(([127, 0, 0, 1], 9465)),
            access: Access::Machine,
            proxies: Vec::new(),
            hosts: Vec::new(),
        },
        privacy: PrivacySettings::default(),
    };
    assert_eq!(settings, expected);
}

#[test]
fn every_key_of_the_defaults_is_read_and_no_other() {
    let (values, faults) = merge(&Sources::default());
    assert_eq!(faults, []);
    let in_file: BTreeSet<String> = values
        .keys()
        .filter(|key| *key == "output.detail.default" || !is_open(key))
        .cloned()
        .collect();
    let mut reader = Reader::new(values, faults);
    load::read(&mut reader);
    let read: BTreeSet<String> = reader.keys_read().iter().map(ToString::to_string).collect();
    assert_eq!(read, in_file);
}

fn is_open(key: &str) -> bool {
    OPEN_SECTIONS.iter().any(|open| key.starts_with(open))
}

#[test]
fn the_required_settings_are_all_asked_for_at_once() {
    let faults = Settings::load(&Sources::default()).unwrap_err();
    let keys: Vec<&str> = faults.0.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "dead_letter.topic",
            "input.group_id",
            "input.topics",
            "kafka.bootstrap_servers",
            "output.topic",
        ]
    );
}

#[test]
fn a_later_layer_wins() {
    let files = Files::new();
    let first = files.write("first.toml", "workers = 1\n[input]\nstart = 'latest'\n");
    let second = files.write("second.toml", "workers = 2\n[output]\nkey = 'none'\n");
    let sources = Sources {
        files: vec![first, second],
        ..with(&["telemetry.log_format=json"])
    };
    let sources = in_environment(
        sources,
        &[
            ("SIGNIN_DIAGNOSTICS__OUTPUT__KEY", "sign_in"),
            ("SIGNIN_DIAGNOSTICS__TELEMETRY__LOG_FORMAT", "text"),
            ("SIGNIN_DIAGNOSTICS__INPUT__TOPICS", "shadowed"),
            ("SIGNIN_DIAGNOSTICS_UNRELATED", "x"),
            ("PATH", "/bin"),
        ],
    );
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.workers, 2);
    assert_eq!(settings.input.start, Start::Latest);
    assert_eq!(settings.output.key, MessageKey::SignIn);
    assert_eq!(settings.telemetry.log_format, LogFormat::Json);
    assert_eq!(settings.input.topics, ["sign-ins"]);
}

#[test]
fn values_of_the_environment_stay_text_and_lists_are_separated_by_commas() {
    let sources = in_environment(
        with(&["input.topics= a , b,,c "]),
        &[
            ("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PROTOCOL", "sasl_ssl"),
            ("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__USERNAME", "true"),
            ("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD", "0123"),
            ("SIGNIN_DIAGNOSTICS__WORKERS", "3"),
            ("SIGNIN_DIAGNOSTICS__INPUT__PREFETCH_BYTES", "2097152"),
            ("SIGNIN_DIAGNOSTICS__OUTPUT__DETAIL__DEFAULT", "none"),
            (
                "SIGNIN_DIAGNOSTICS__OUTPUT__DETAIL__SESSION_EXPIRED",
                "full",
            ),
        ],
    );
    let settings = Settings::load(&sources).unwrap();
    let (_, username, password) = password(&settings);
    assert_eq!((username, password), ("true", "0123"));
    assert_eq!(settings.input.topics, ["a", "b", "c"]);
    assert_eq!(settings.workers, 3);
    assert_eq!(settings.input.prefetch_bytes, 2 << 20);
    let detail = settings.output.detail;
    assert_eq!(detail.of(Scenario::SessionExpired), Detail::Full);
    assert_eq!(detail.of(Scenario::SuccessfulSignIn), Detail::Summary);
    assert_eq!(detail.of(Scenario::AccountLocked), Detail::None);
}

#[test]
fn librdkafka_settings_are_the_same_key_however_they_are_written() {
    let files = Files::new();
    let file = files.write(
        "a.toml",
        "[kafka.properties]\n\"linger.ms\" = 50\nsocket.timeout.ms = 61000\n\
         socket.keepalive.enable = true\n\"ssl.key.password\" = \"hunter2\"\n",
    );
    let sources = in_environment(
        in_file(with(&["kafka.properties.socket.timeout.ms=62000"]), file),
        &[("SIGNIN_DIAGNOSTICS__KAFKA__PROPERTIES__LINGER_MS", "20")],
    );
    let settings = Settings::load(&sources).unwrap();
    let properties: Vec<(&str, &str)> = settings
        .kafka
        .properties
        .iter()
        .map(|(name, property)| (name.as_str(), property.expose()))
        .collect();
    assert_eq!(
        properties,
        [
            ("linger.ms", "20"),
            ("socket.keepalive.enable", "true"),
            ("socket.timeout.ms", "62000"),
            ("ssl.key.password", "hunter2"),
        ]
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_event_hubs_overlay_needs_only_the_connection_string() {
    let sources = in_environment(
        in_file(Sources::default(), PathBuf::from(EVENT_HUBS)),
        &[(
            "SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__CONNECTION_STRING",
            &connection_string(""),
        )],
    );
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(
        settings.kafka.bootstrap_servers,
        "example.servicebus.windows.net:9093"
    );
    assert_eq!(settings.kafka.profile, Profile::EventHubs);
    assert_eq!(settings.kafka.security.protocol, Protocol::SaslSsl);
    assert!(!format!("{settings:?}").contains(SECRET));
    let (_, username, password) = password(&settings);
    assert_eq!(username, "$ConnectionString");
    assert_eq!(password, connection_string(""));
    assert_eq!(settings.input.topics.len(), 4);
}

#[test]
fn a_secret_file_is_read_without_its_line_end() {
    let files = Files::new();
    for (text, password) in [("0123\n", "0123"), (" a b \r\n", " a b "), ("x\n\n", "x\n")] {
        let path = files.write("password", text);
        let settings = Settings::load(&with(&[
            "kafka.security.protocol=sasl_plaintext",
            "kafka.security.mechanism=SCRAM-SHA-512",
            "kafka.security.username=service",
            &format!("kafka.security.password_file={}", path.display()),
        ]))
        .unwrap();
        let (mechanism, _, read) = super::tests::password(&settings);
        assert_eq!(mechanism, Mechanism::ScramSha512);
        assert_eq!(read, password, "{text:?}");
    }
}

/// A setting on top of the required ones, and the line that refuses it.
const REFUSED: [(&str, &str); 48] = [
    (
        "privacy.user=pseudonymise",
        "privacy.user = \"pseudonymise\" (by --set): a pseudonym needs a key, and none is set; name \
         a file with a secret of your own as privacy.key_file; `openssl rand -hex 32` makes one",
    ),
    (
        "privacy.address=hash",
        "privacy.address = \"hash\" (by --set): is not one of the choices; use \"keep\", \
         \"pseudonymise\" or \"drop\"",
    ),
    (
        "privacy.device=drop",
        "privacy.dead_letters = \"keep\": the bytes of a dead letter hold what the \
         other keys of this section take away; use \"encrypt\", or \"drop\" where nobody will need \
         them",
    ),
    (
        "privacy.dead_letters=encrypt",
        "privacy.dead_letters = \"encrypt\" (by --set): encryption needs a key, and none is set; \
         name a file with a secret of your own as privacy.key_file; `openssl rand -hex 32` makes \
         one",
    ),
    (
        "privacy.key=c2VjcmV0LWtleQ==",
        "privacy.key = *** (by --set): the secret has 16 characters, which can be guessed; use \
         at least 32; `openssl rand -hex 32` makes a good one",
    ),
    (
        "privacy.key_file=/nowhere/key",
        "privacy.key_file = \"/nowhere/key\" (by --set): the file cannot be read: No such file or \
         directory (os error 2); name a file that holds the secret alone, and that this user may \
         read",
    ),
    (
        "input.topic=a",
        "input.topic (by --set): is not a known key; did you mean input.topics?",
    ),
    (
        "telemetry.topics=a",
        "telemetry.topics (by --set): is not a known key; did you mean input.topics?",
    ),
    (
        "quite_another_thing=1",
        "quite_another_thing (by --set): is not a known key; config/signin-diagnostics.toml \
         lists every key",
    ),
    (
        "input=sign-ins",
        "input (by --set): is a section, not a single value; set one of its keys, such as \
         input.group_id",
    ),
    (
        "workers=many",
        "workers = \"many\" (by --set): is not a whole number; use a whole number from 0 to \
         256",
    ),
    (
        "workers=1000",
        "workers = \"1000\" (by --set): is out of range; use a whole number from 0 to 256",
    ),
    (
        "delivery.commit_interval=100ms",
        "delivery.commit_interval = \"100ms\" (by --set): is out of range; use a duration \
         from 1s to 1h, such as \"5s\"",
    ),
    (
        "delivery.commit_interval=5",
        "delivery.commit_interval = \"5\" (by --set): is not a duration with its unit; use a \
         duration from 1s to 1h, such as \"5s\"",
    ),
    (
        "delivery.drain_timeout=0s",
        "delivery.drain_timeout = \"0s\" (by --set): is out of range; use a duration from 1s \
         to 4m, such as \"5s\"",
    ),
    (
        "limits.decompressed_bytes=big",
        "limits.decompressed_bytes = \"big\" (by --set): is not a size; use a size from 1MiB \
         to 1GiB, such as \"16MiB\"",
    ),
    (
        "output.key=tenant",
        "output.key = \"tenant\" (by --set): is not one of the choices; use \"user\", \
         \"sign_in\" or \"none\"",
    ),
    (
        "output.detail.succesful_sign_in=full",
        "output.detail.succesful_sign_in = \"full\" (by --set): is not a scenario; did you \
         mean successful_sign_in?",
    ),
    (
        "output.detail.account_locked=brief",
        "output.detail.account_locked = \"brief\" (by --set): is not one of the choices; use \
         \"full\", \"summary\" or \"none\"",
    ),
    (
        "telemetry.listen=localhost:9464",
        "telemetry.listen = \"localhost:9464\" (by --set): is not an IP address with a port; \
         write an address and a port, such as 127.0.0.1:9464 or 0.0.0.0:9464",
    ),
    (
        "output.topic=sign-ins",
        "output.topic = \"sign-ins\" (by --set): is an input topic too: the service would \
         read its own records; name another topic",
    ),
    (
        "dead_letter.topic=sign-ins",
        "dead_letter.topic = \"sign-ins\" (by --set): is an input topic too: a dead letter \
         would be read again for ever; name another topic",
    ),
    (
        "dead_letter.topic=diagnoses",
        "dead_letter.topic = \"diagnoses\" (by --set): is the output topic too: its readers \
         would meet dead letters; name another topic",
    ),
    (
        "input.topics=sign-ins,logs/all",
        "input.topics = \"sign-ins,logs/all\" (by --set): \"logs/all\" is not a topic name: \
         letters, digits, '.', '_' and '-' only; name existing topics, or a pattern that begins \
         with '^'",
    ),
    (
        "input.topics=^logs(",
        "input.topics = \"^logs(\" (by --set): \"^logs(\" is no regular expression; name existing \
         topics, or a pattern that begins with '^'",
    ),
    (
        "input.topics=sign-ins,^diag",
        "output.topic = \"diagnoses\" (by --set): is matched by the pattern \"^diag\" of \
         input.topics: the service would read its own records; name another topic, or narrow the \
         pattern",
    ),
    (
        "input.topics=^sign-ins$,^dead-",
        "dead_letter.topic = \"dead-letters\" (by --set): is matched by the pattern \"^dead-\" of \
         input.topics: a dead letter would be read again for ever; name another topic, or narrow \
         the pattern",
    ),
    (
        "input.topics=a,a",
        "input.topics = \"a,a\" (by --set): names \"a\" twice; name each topic once",
    ),
    (
        "kafka.bootstrap_servers=localhost",
        "kafka.bootstrap_servers = \"localhost\" (by --set): is not a list of host:port; write \
         host:port, such as <namespace>.servicebus.windows.net:9093 or localhost:9092",
    ),
    (
        "kafka.security.mechanism=gssapi",
        "kafka.security.mechanism = \"gssapi\" (by --set): is not one of the choices; use \
         \"plain\", \"scram-sha-256\", \"scram-sha-512\" or \"oauthbearer\"",
    ),
    (
        "kafka.security.ca_file=missing.pem",
        "kafka.security.ca_file = \"missing.pem\" (by --set): has no effect without TLS; set \
         protocol to \"ssl\" or \"sasl_ssl\"",
    ),
    (
        "kafka.security.password=c2VjcmV0LWtleQ==",
        "kafka.security.password = *** (by --set): has no effect without a sasl protocol; set \
         kafka.security.protocol to \"sasl_ssl\"",
    ),
    (
        "kafka.security.pasword=c2VjcmV0LWtleQ==",
        "kafka.security.pasword (by --set): is not a known key; did you mean \
         kafka.security.password?",
    ),
    (
        "kafka.properties.group.id=x",
        "kafka.properties.group.id = \"x\" (by --set): is owned by the service: it has a key \
         of its own; use input.group_id",
    ),
    (
        "kafka.properties.sasl.password=c2VjcmV0LWtleQ==",
        "kafka.properties.sasl.password = *** (by --set): is owned by the service: it has a \
         key of its own; use kafka.security.password_file",
    ),
    (
        "kafka.properties.acks=1",
        "kafka.properties.acks = \"1\" (by --set): is owned by the service: a record counts \
         as written when all replicas have it; leave it out",
    ),
    (
        "kafka.properties.sokcet.timeout.ms=1",
        "kafka.properties.sokcet.timeout.ms = \"1\" (by --set): the client library refuses \
         it: No such configuration property: \"sokcet.timeout.ms\"; see librdkafka's \
         CONFIGURATION.md for names and ranges",
    ),
    (
        "kafka.properties.socket.timeout.ms=soon",
        "kafka.properties.socket.timeout.ms = \"soon\" (by --set): the client library refuses it: \
         Invalid value for configuration property \"socket.timeout.ms\"; see librdkafka's \
         CONFIGURATION.md for names and ranges",
    ),
    (
        "metrics.policies=yes",
        "metrics.policies = \"yes\" (by --set): is neither true nor false; use true or false",
    ),
    (
        "metrics.max_policies=0",
        "metrics.max_policies = \"0\" (by --set): is out of range; use a whole number from 1 to 1000",
    ),
    (
        "watch=alex@contoso.example",
        "watch (by --set): is a section, not a single value; set one of its keys, such as \
         watch.emergency.users",
    ),
    (
        "watch.emergency=alex@contoso.example",
        "watch.emergency = *** (by --set): is a section, not a single value; write \
         watch.emergency.users = [\"user@contoso.com\"]",
    ),
    (
        "watch.emergency.user=alex@contoso.example",
        "watch.emergency.user = *** (by --set): is not a known key; did you mean \
         watch.emergency.users?",
    ),
    (
        "watch.Break Glass.users=alex@contoso.example",
        "watch.Break Glass: is not a name for a watch list; use up to 40 lower-case letters, \
         digits, '_' and '-', such as emergency",
    ),
    (
        "watch.emergency.users=alex@contoso.example,Alex Doe",
        "watch.emergency.users = *** (by --set): element 2 is neither an object id nor a user \
         principal name; write object ids or user principal names, as [\"user@contoso.com\"]",
    ),
    (
        "watch.emergency.users=",
        "watch.emergency: lists no account; set watch.emergency.users or \
         watch.emergency.users_file, or leave it out",
    ),
    (
        "watch.emergency.users_file=missing.txt",
        "watch.emergency.users_file = \"missing.txt\" (by --set): cannot be read: No such file \
         or directory (os error 2); name a text file with one object id or user principal name \
         a line",
    ),
    (
        "no equals sign",
        "--set number 6: is not key=value; write it as --set input.start=latest",
    ),
];

#[test]
fn a_wrong_setting_is_named_with_value_reason_and_remedy() {
    for (set, line) in REFUSED {
        let text = refused(&with(&[set]));
        assert!(
            text.lines().any(|found| found == line),
            "{set}:\n{text}\nexpected\n{line}"
        );
    }
}

#[test]
fn watch_lists_come_from_every_layer_and_their_files() {
    let files = Files::new();
    let list = files.write("list.txt", "# names\nBlake@Contoso.example\n");
    let file = files.write(
        "watch.toml",
        format!(
            "[watch.emergency]\nusers = [\"alex@contoso.example\"]\nusers_file = \"{}\"\n\
             [watch.other]\nusers = \"x@contoso.example, y@contoso.example\"",
            list.display()
        ),
    );
    let sources = in_environment(
        in_file(with(&[]), file),
        &[(
            "SIGNIN_DIAGNOSTICS__WATCH__OTHER__USERS",
            "z@contoso.example",
        )],
    );
    let settings = Settings::load(&sources).unwrap();
    let accounts = |listed: &[&str]| {
        let mut accounts = Accounts::default();
        for account in listed {
            accounts.insert(account);
        }
        accounts
    };
    let lists: Vec<(&str, Accounts)> = settings
        .watch
        .iter()
        .map(|list| (&*list.name, list.accounts()))
        .collect();
    assert_eq!(
        lists,
        [
            (
                "emergency",
                accounts(&["alex@contoso.example", "blake@contoso.example"])
            ),
            ("other", accounts(&["z@contoso.example"])),
        ]
    );
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("alex") && !shown.contains("contoso"),
        "{shown}"
    );
}

#[test]
fn more_watch_lists_than_the_metrics_hold_and_lists_of_nobody_are_refused() {
    let mut text = String::from("[watch.nobody]\n");
    for number in 0..20 {
        writeln!(
            text,
            "[watch.list-{number}]\nusers = [\"a@contoso.example\"]"
        )
        .unwrap();
    }
    let files = Files::new();
    let text = refused(&in_file(with(&[]), files.write("watch.toml", text)));
    assert!(
        text.contains("watch: 21 lists are more than 20; join some of them"),
        "{text}"
    );
    assert!(text.contains("watch.nobody"), "{text}");
    assert!(text.contains("lists no account"), "{text}");
}

#[test]
fn faults_of_every_layer_are_told_together() {
    let files = Files::new();
    let broken = files.write(
        "broken.toml",
        "workers = 1\n[kafka.security]\npassword = \"hunter2\n",
    );
    let wrong = files.write(
        "wrong.toml",
        "telemetry.log_level = 'loud'\ntelemetry.log_format = 5\n[input]\ntopics = [1]\n",
    );
    let sources = Sources {
        files: vec![broken.clone(), PathBuf::from("absent.toml"), wrong.clone()],
        set: vec!["kafka.profile=confluent".to_owned()],
        environment: vec![(
            OsString::from("SIGNIN_DIAGNOSTICS__DELIVERY__DRAIN_TIMEOUT"),
            OsString::from("1 day"),
        )],
    };
    let text = refused(&sources);
    for part in [
        format!("{}, line 3: is not TOML: ", broken.display()),
        "--config absent.toml: the file cannot be read: ".to_owned(),
        format!(
            "telemetry.log_level = \"loud\" (in {}): is not one",
            wrong.display()
        ),
        format!(
            "telemetry.log_format = \"5\" (in {}): is not text",
            wrong.display()
        ),
        format!("input.topics = \"1\" (in {}): is not text", wrong.display()),
        "kafka.profile = \"confluent\" (by --set): is not one of".to_owned(),
        "delivery.drain_timeout = \"1 day\" (in SIGNIN_DIAGNOSTICS__DELIVERY__DRAIN_TIMEOUT): is \
         not a duration"
            .to_owned(),
        "output.topic = \"\": no topic is named".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}\nis not in\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn credentials_that_do_not_go_together_are_refused() {
    let files = Files::new();
    let password = files.write("password", "hunter2");
    let empty = files.write("empty", "\n");
    let pem = files.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let password = format!("kafka.security.password_file={}", password.display());
    let empty = format!("kafka.security.password_file={}", empty.display());
    let folder = format!("kafka.security.ca_file={}", files.0.path().display());
    let certificate = format!("kafka.security.certificate_file={}", pem.display());
    let string = format!("kafka.security.connection_string={}", connection_string(""));
    let of_hub = format!(
        "kafka.security.connection_string={}",
        connection_string(";EntityPath=another")
    );
    let sasl = "kafka.security.protocol=sasl_ssl";
    let user = "kafka.security.username=service";
    for (set, key, reason) in [
        (
            vec![sasl, user, "kafka.security.password=hunter2", &password],
            "kafka.security.password_file",
            "kafka.security.password is set as well",
        ),
        (
            vec![sasl, &password],
            "kafka.security.username",
            "needs a user name",
        ),
        (
            vec![sasl, user],
            "kafka.security.password",
            "needs a password",
        ),
        (
            vec![sasl, user, &empty],
            "kafka.security.password_file",
            "the file is empty",
        ),
        (
            vec![sasl, user, "kafka.security.password_file=absent"],
            "kafka.security.password_file",
            "cannot be read",
        ),
        (
            vec![sasl, user, &string],
            "kafka.security.username",
            "kafka.security.connection_string is set as well",
        ),
        (
            vec![sasl, &string, "kafka.security.mechanism=scram-sha-256"],
            "kafka.security.mechanism",
            "needs the mechanism plain",
        ),
        (
            vec![&string],
            "kafka.security.connection_string",
            "has no effect",
        ),
        (
            vec![sasl, "kafka.security.connection_string=c2VjcmV0LWtleQ=="],
            "kafka.security.connection_string",
            "lacks Endpoint",
        ),
        (
            vec![sasl, &of_hub],
            "kafka.security.connection_string",
            "names the hub \"another\"",
        ),
        (
            vec!["kafka.security.protocol=ssl", &folder],
            "kafka.security.ca_file",
            "is a folder",
        ),
        (
            vec!["kafka.security.protocol=ssl", &certificate],
            "kafka.security.key_file",
            "a certificate needs its key",
        ),
    ] {
        let faults = Settings::load(&with(&set)).expect_err("accepted");
        assert_eq!(faults.0.len(), 1, "{set:?}: {faults}");
        assert_eq!(faults.0[0].key, key, "{faults}");
        assert!(faults.0[0].reason.contains(reason), "{faults}");
        let text = faults.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains(SECRET),
            "{text}"
        );
    }
}

#[test]
fn a_secret_in_the_wrong_key_is_not_printed() {
    let string = connection_string("");
    for key in [
        "kafka.bootstrap_servers",
        "kafka.security.connection_string_file",
        "kafka.security.protocol",
        "output.topic",
        "kafka.properties.client.software",
        "kafka.security",
        "workers",
    ] {
        refused(&with(&[&format!("{key}={string}")]));
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_a_fault_without_its_bytes() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut sources = with(&[]);
    let name = OsString::from("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD");
    let value = OsString::from_vec(b"hunter2\xff".to_vec());
    sources.environment.push((name, value));
    let text = refused(&sources);
    assert!(text.contains("is not UTF-8"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

proptest::proptest! {
    #[test]
    fn no_file_no_flag_and_no_variable_panics(
        text in "(\\PC|[\\[\\]=\"'.#\n])*",
        key in "[a-z_.=]{0,40}",
        value in "\\PC*",
    ) {
        let files = Files::new();
        let file = files.write("any.toml", &text);
        let nested = files.write("nested.toml", format!("a = {}", "[".repeat(text.len() * 50)));
        let mut sources = in_file(with(&[&text, &format!("{key}={value}")]), file);
        sources.files.push(nested);
        let name = format!("SIGNIN_DIAGNOSTICS__{}", key.replace('.', "__"));
        if let Err(faults) = Settings::load(&in_environment(sources, &[(&name, &value)])) {
            let lines = faults.to_string().lines().count();
            proptest::prop_assert_eq!(lines, faults.0.len());
        }
    }
}

/// The value of any setting, secret or not, is laid over the defaults or refused; it never panics.
#[test]
fn odd_values_of_every_key_are_refused_or_read() {
    let (values, _) = merge(&Sources::default());
    for key in values.keys() {
        for value in [
            "",
            " ",
            "\0",
            "é",
            "-1",
            "99999999999999999999",
            "[1]",
            "a,b",
            ";=;",
            "::",
        ] {
            let _ = Settings::load(&with(&[&format!("{key}={value}")]));
        }
    }
}

/// Long enough, and nowhere to be seen.
const PRIVACY_SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

#[test]
fn every_fault_of_privacy_is_told_at_once() {
    let faults = refused(&with(&[
        "privacy.user=pseudonymise",
        "privacy.location=drop",
        "metrics.countries=true",
    ]));
    let keys: Vec<_> = faults
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        keys,
        ["metrics.countries", "privacy.dead_letters", "privacy.user"],
        "{faults}"
    );
}

#[test]
fn a_key_of_privacy_comes_from_its_file_or_the_environment_and_is_not_printed() {
    let files = Files::new();
    let path = files.write("key", format!("{PRIVACY_SECRET}\n"));
    let set = ["privacy.user=pseudonymise", "privacy.dead_letters=encrypt"];
    let variable = ("SIGNIN_DIAGNOSTICS__PRIVACY__KEY", PRIVACY_SECRET);
    let file = format!("privacy.key_file={}", path.display());
    for sources in [
        with(&[set[0], set[1], &file]),
        in_environment(with(&set), &[variable]),
    ] {
        let settings = Settings::load(&sources).unwrap();
        let privacy = &settings.privacy;
        assert_eq!(privacy.treatments.user, Treatment::Pseudonymise);
        assert_eq!(privacy.treatments.device, Treatment::Keep);
        assert_eq!(privacy.dead_letters, DeadLetterBytes::Encrypt);
        assert!(privacy.key().is_some());
        let printed = format!("{settings:?} {:?}", privacy.in_force());
        assert!(!printed.contains(PRIVACY_SECRET), "{printed}");
    }
}

/// Long enough, and nowhere to be seen.
const CONSOLE_TOKEN: &str = "the-token-of-the-console-of-the-tests";

#[test]
fn a_console_that_others_reach_asks_who_they_are() {
    let refusals = |set: &[&str]| -> Vec<String> {
        let faults = refused(&with(set));
        assert!(!faults.contains(CONSOLE_TOKEN), "{faults}");
        let keys = faults
            .lines()
            .filter_map(|line| line.split([' ', ':']).next());
        keys.map(ToOwned::to_owned).collect()
    };
    let token = format!("console.token={CONSOLE_TOKEN}");
    let (open, header) = (
        "console.listen=0.0.0.0:9465",
        "console.proxy_header=X-Forwarded-User",
    );
    assert_eq!(refusals(&[open]), ["console.listen"]);
    assert_eq!(refusals(&["console.listen=[::]:9465"]), ["console.listen"]);
    assert_eq!(refusals(&[open, "console.token=short"]), ["console.token"]);
    assert_eq!(
        refusals(&[open, "console.token_file=missing"]),
        ["console.token_file"]
    );
    assert_eq!(
        refusals(&["console.proxy_header=X User"]),
        ["console.proxy_header"]
    );
    assert_eq!(refusals(&[&token, header]), ["console.proxy_header"]);
    for name in [
        "User-Agent",
        "host",
        "Accept-Language",
        "Sec-Fetch-User",
        "X-Forwarded-For",
    ] {
        let set = format!("console.proxy_header={name}");
        assert_eq!(refusals(&[&set]), ["console.proxy_header"], "{name}");
    }
    // Who else reaches the port could name any user.
    let proxies = "console.proxy_addresses=10.0.0.7,10.1.0.0/16";
    assert_eq!(refusals(&[open, header]), ["console.proxy_addresses"]);
    assert_eq!(refusals(&[proxies]), ["console.proxy_addresses"]);
    assert_eq!(
        refusals(&[header, "console.proxy_addresses=proxy.example"]),
        ["console.proxy_addresses"]
    );

    let files = Files::new();
    let path = files.write("token", format!("{CONSOLE_TOKEN}\n"));
    let file = format!("console.token_file={}", path.display());
    for (set, is_token) in [(&*token, true), (&*file, true), (header, false)] {
        let proxies = if set == header {
            proxies
        } else {
            "console.hosts="
        };
        let set_all = with(&[open, set, proxies]);
        let console = Settings::load(&set_all).unwrap().console;
        assert_eq!(
            matches!(console.access, Access::Token(_)),
            is_token,
            "{set}"
        );
        assert_eq!(
            matches!(console.access, Access::Proxy(_)),
            !is_token,
            "{set}"
        );
        assert!(!format!("{console:?}").contains(CONSOLE_TOKEN));
    }
}

#[test]
fn a_console_over_files_needs_no_broker() {
    let sources = Sources {
        set: vec!["console.listen=127.0.0.1:1".to_owned()],
        ..Sources::default()
    };
    let (console, _) = Settings::console(&sources).unwrap();
    assert_eq!(console.listen, SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!(console.access, Access::Machine);
}
