//! What the broker tests stand on: one real Apache Kafka for the whole test binary, topics of
//! a test's own, and the built service as a process.
//!
//! Every wait has a deadline. No process outlives the test process, however that one ends.
pub mod broker;
#[allow(dead_code)] // not every test binary needs it
pub mod certificates;
#[allow(dead_code)]
pub mod console;
mod distribution;
#[allow(dead_code)]
pub mod https;
pub mod leash;
pub mod load;
#[allow(dead_code)]
pub mod proxy;
#[allow(dead_code)]
pub mod random;
pub mod said;
#[allow(dead_code)]
pub mod secured;
pub mod service;
#[allow(dead_code)]
pub mod tail;
pub mod topics;
pub mod wait;

pub use load::Load;
pub use service::{Service, Setup, Signal};
pub use topics::{Message, produce, read_all, read_all_on, topic};
pub use wait::wait_until;
