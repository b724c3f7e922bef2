//! What the broker tests stand on: one real Apache Kafka for the whole test binary, topics of
//! a test's own, and the built service as a process.
//!
//! Every wait has a deadline. No process outlives the test process, however that one ends.
pub mod broker;
mod distribution;
pub mod leash;
pub mod load;
pub mod service;
pub mod topics;
pub mod wait;

pub use load::Load;
pub use service::{Service, Setup, Signal};
pub use topics::{Message, produce, read_all, topic};
pub use wait::wait_until;
