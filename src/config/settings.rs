//! The settings as the program uses them. Everything is resolved: secrets are read from their
//! files, the brokers are taken from the connection string, empty texts are `None`.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderName;
use chrono::{DateTime, SecondsFormat, Utc};

use super::secret::Secret;
use crate::diagnosis::{Bounds, DetailRules, MessageKey};
use crate::policies::IpRange;
use crate::privacy_key::PrivacyKey;
use crate::signin::{self, Privacy, Treatments};
use crate::watch::WatchList;

/// What `config/signin-diagnostics.toml` documents, key by key.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Never 0: "one a core" is already counted.
    pub workers: usize,
    pub kafka: Kafka,
    pub input: Input,
    pub output: Output,
    pub dead_letter: DeadLetter,
    pub delivery: Delivery,
    pub catalog: Catalog,
    pub policy_snapshot: PolicySnapshot,
    pub telemetry: Telemetry,
    /// Metrics that have to be asked for.
    pub metrics: MetricOptions,
    pub limits: Limits,
    /// By name.
    pub watch: Vec<WatchList>,
    pub privacy: PrivacySettings,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Kafka {
    /// `host:port`, separated by commas.
    pub bootstrap_servers: String,
    pub profile: Profile,
    /// librdkafka settings of the user; none that the service owns.
    pub properties: BTreeMap<String, Property>,
    pub instance_id: Option<String>,
    /// How long credentials or rights may be refused before the process ends.
    pub refusal_timeout: Duration,
    pub security: Security,
}

/// The value of a librdkafka setting. Printed as `***` where its name says that it is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Property {
    pub(super) value: String,
    pub(super) secret: bool,
}

impl Property {
    /// The value itself, for the client.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.secret {
            super::secret::REDACTED
        } else {
            &self.value
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Kafka,
    EventHubs,
}

/// How the client reaches the broker. What the protocol cannot use is never set.
#[derive(Debug, Clone, PartialEq)]
pub struct Security {
    pub protocol: Protocol,
    /// Present exactly with the sasl protocols.
    pub sasl: Option<Sasl>,
    /// `None`: the system's authorities.
    pub ca_file: Option<PathBuf>,
    pub client_certificate: Option<ClientCertificate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl Protocol {
    /// librdkafka's value of `security.protocol`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::Plaintext => "plaintext",
            Protocol::Ssl => "ssl",
            Protocol::SaslPlaintext => "sasl_plaintext",
            Protocol::SaslSsl => "sasl_ssl",
        }
    }

    pub const fn is_sasl(self) -> bool {
        matches!(self, Protocol::SaslPlaintext | Protocol::SaslSsl)
    }

    pub const fn is_tls(self) -> bool {
        matches!(self, Protocol::Ssl | Protocol::SaslSsl)
    }
}

/// How the client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sasl {
    /// User name and password; a connection string is the password of `$ConnectionString`.
    Password {
        mechanism: Mechanism,
        username: String,
        password: Secret,
    },
    /// OAUTHBEARER with tokens of Entra ID.
    Token(Identity),
}

/// Whose tokens of Entra ID the client shows, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub source: IdentitySource,
    /// `https://…`; not used by a managed identity.
    pub authority_host: String,
    /// What the token is for, such as `https://example.servicebus.windows.net/.default`.
    pub scope: String,
}

/// Files are read at each refresh of the token: a secret that is replaced there is taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    Managed {
        /// `None`: the identity of the machine itself.
        client_id: Option<String>,
    },
    Workload {
        application: Application,
        token_file: PathBuf,
    },
    ClientSecret {
        application: Application,
        secret: SecretText,
    },
    ClientCertificate {
        application: Application,
        certificate_file: PathBuf,
        password: Option<SecretText>,
    },
}

/// An application of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub tenant_id: String,
    pub client_id: String,
}

/// Where a secret is to be found whenever it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretText {
    Given(Secret),
    File(PathBuf),
}

impl SecretText {
    /// # Errors
    ///
    /// Why the file cannot be read; never what it holds.
    pub fn read(&self) -> Result<Secret, String> {
        match self {
            SecretText::Given(secret) => Ok(secret.clone()),
            SecretText::File(path) => super::reader::read_secret(path),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    /// librdkafka's value of `sasl.mechanism`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Not empty, without duplicates. One that begins with `^` is a pattern.
    pub topics: Vec<String>,
    pub group_id: String,
    pub start: Start,
    /// For each worker.
    pub prefetch_bytes: usize,
}

/// Where a partition without a committed offset starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    /// At the first message that the broker received at this time or later.
    Time(DateTime<Utc>),
}

impl Start {
    /// As the configuration writes it.
    pub fn as_str(self) -> Cow<'static, str> {
        match self {
            Start::Earliest => Cow::Borrowed("earliest"),
            Start::Latest => Cow::Borrowed("latest"),
            Start::Time(time) => Cow::Owned(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub topic: String,
    pub key: MessageKey,
    pub detail: DetailRules,
    /// For each worker.
    pub queue_messages: usize,
    /// For each worker.
    pub queue_bytes: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    pub topic: String,
    /// Of [`crate::pipeline::DEAD_LETTER_WINDOW`] records; `None`: any.
    pub max_ratio: Option<f64>,
    /// `None`: any number.
    pub max_consecutive: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub mode: Mode,
    pub commit_interval: Duration,
    /// With exactly once only.
    pub transaction_interval: Duration,
    pub drain_timeout: Duration,
    /// For each assigned partition.
    pub remembered_sign_ins: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    AtLeastOnce,
    ExactlyOnce,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// `None`: the built-in catalog.
    pub path: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySnapshot {
    /// `None`: no snapshot.
    pub path: Option<PathBuf>,
    pub tenant_id: Option<String>,
    pub max_age: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    pub listen: SocketAddr,
    pub log_format: LogFormat,
    pub log_level: tracing::Level,
}

/// Where the console listens, and whom it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    pub listen: SocketAddr,
    pub access: Access,
    /// From where the proxy in front connects; empty: from this machine.
    pub proxies: Vec<IpRange>,
    /// Names by which browsers reach it, beside localhost and addresses.
    pub hosts: Vec<String>,
}

/// Who may use the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Whoever is on this machine: the address is loopback.
    Machine,
    /// Who knows the token.
    Token(Secret),
    /// Whom the proxy in front names in this header.
    Proxy(HeaderName),
}

/// Series whose labels the tenant fills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricOptions {
    /// How many policies have series of their own; `None`: no series by policy.
    pub policies: Option<usize>,
    /// The same for applications.
    pub applications: Option<usize>,
    pub countries: bool,
}

/// What may leave the process of values about a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivacySettings {
    pub treatments: Treatments,
    /// Long enough, and there where something needs it.
    pub key: Option<Secret>,
    pub dead_letters: DeadLetterBytes,
}

impl PrivacySettings {
    pub fn key(&self) -> Option<PrivacyKey> {
        PrivacyKey::new(self.key.as_ref()?.expose())
    }

    /// What the readers of messages and policies go by.
    pub fn in_force(&self) -> Privacy {
        Privacy::new(self.treatments, self.key())
    }
}

/// What becomes of the bytes of a dead letter, which may hold personal values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeadLetterBytes {
    #[default]
    Keep,
    Encrypt,
    Drop,
}

impl DeadLetterBytes {
    /// The value of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeadLetterBytes::Keep => "keep",
            DeadLetterBytes::Encrypt => "encrypt",
            DeadLetterBytes::Drop => "drop",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub message_bytes: usize,
    pub decompressed_bytes: usize,
    pub decompressed_ratio: usize,
    pub records_per_message: usize,
    pub policies_per_record: usize,
    pub text_bytes: usize,
}

impl Limits {
    pub const fn of_messages(&self) -> signin::Limits {
        signin::Limits {
            message_bytes: self.message_bytes,
            decompressed_bytes: self.decompressed_bytes,
            decompressed_ratio: self.decompressed_ratio,
        }
    }

    pub const fn of_records(&self) -> Bounds {
        Bounds {
            policies: self.policies_per_record,
            text_bytes: self.text_bytes,
            ..Bounds::DEFAULT
        }
    }
}
