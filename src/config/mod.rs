//! The settings: built-in defaults, files, environment and flags, read into typed values.
//!
//! Guarantees: a [`Settings`] is complete and consistent; a configuration that is not is refused
//! with every fault at once; a secret is never printed, in a fault neither, and no watched account. The defaults are
//! `config/signin-diagnostics.toml` itself. Does not reach the network: whether a broker, topic or
//! right exists is not known here.
mod args;
mod authorities;
mod client_certificate;
mod connection_string;
mod console;
mod fault;
mod identity;
mod layers;
mod load;
mod privacy;
mod properties;
mod reader;
mod secret;
mod security;
mod settings;
mod topics;
mod units;
mod watch;

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod tests;

pub use args::SettingsArgs;
pub use authorities::Authorities;
pub use client_certificate::{CertificateFault, pkcs12};
pub use fault::{ConfigFaults, Fault, Origin};
pub use layers::Sources;
pub use secret::Secret;
pub use settings::{
    Access, Application, Catalog, ClientCertificate, Console, DeadLetter, DeadLetterBytes,
    Delivery, Identity, IdentitySource, Input, Kafka, Limits, LogFormat, Mechanism, MetricOptions,
    Mode, Output, PolicySnapshot, PrivacySettings, Profile, Property, Protocol, Sasl, SecretText,
    Security, Settings, Start, Telemetry,
};
pub use topics::{is_pattern as is_topic_pattern, pattern as topic_pattern};
pub use units::duration as parse_duration;
