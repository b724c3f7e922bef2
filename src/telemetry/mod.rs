//! Seen from outside: metrics, health, the HTTP endpoint that answers both, and the log.
//!
//! Guarantees: closed label sets only, no personal value in a label, an answer or a log line of
//! its own; counting takes no lock. Does not decide anything: workers report, and this shows.
pub mod admin;
pub mod definitions;
mod families;
pub mod health;
pub mod logging;
pub mod metrics;

pub use health::{BrokerFault, Health, Link, Stall, WorkerHealth};
pub use metrics::{BuildInfo, Metrics, OffsetReset, Rebalance, Series};
