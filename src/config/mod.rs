//! The settings: built-in defaults, files, environment and flags, read into typed values.
//!
//! Guarantees: a [`Settings`] is complete and consistent; a configuration that is not is refused
//! with every fault at once; a secret is never printed, in a fault neither. The defaults are
//! `config/signin-diagnostics.toml` itself. Does not reach the network: whether a broker, topic or
//! right exists is not known here.
mod args;
mod authorities;
mod connection_string;
mod fault;
mod layers;
mod load;
mod properties;
mod reader;
mod secret;
mod security;
mod settings;
mod units;

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod tests;

pub use args::SettingsArgs;
pub use authorities::Authorities;
pub use fault::{ConfigFaults, Fault, Origin};
pub use layers::Sources;
pub use secret::Secret;
pub use settings::{
    Catalog, ClientCertificate, DeadLetter, Delivery, Input, Kafka, Limits, LogFormat, Mechanism,
    Mode, Output, PolicySnapshot, Profile, Property, Protocol, Sasl, Security, Settings, Start,
    Telemetry,
};
pub use units::duration as parse_duration;
