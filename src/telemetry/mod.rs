//! Seen from outside: metrics, health, the HTTP endpoint that answers both, and the log.
//!
//! Guarantees: label sets that are closed or capped, no personal value in a label, an answer or a log line of
//! its own; counting takes no lock. Does not decide anything: workers report, and this shows.
pub mod admin;
mod capped;
pub mod definitions;
mod families;
mod first_tries;
pub mod health;
pub mod logging;
pub mod metrics;
mod open_labels;
mod register;
mod signal;
mod throttles;
mod watched;

pub use capped::Place;
pub use first_tries::TryPrint;
pub use health::{BrokerFault, Health, Link, Stall, WorkerHealth};
pub use metrics::{BuildInfo, Metrics, OffsetReset, Rebalance, Series};
pub use open_labels::{Policies, PolicyCell};
pub use signal::Signal;
pub use throttles::{Client, Reporter};
