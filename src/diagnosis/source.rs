//! Where an event was read.
use schemars::JsonSchema;
use serde::Serialize;

/// Where an event was read: what a record carries as its source, and what gives an event
/// without an id its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Source<'a> {
    Kafka {
        topic: &'a str,
        partition: i32,
        offset: i64,
        /// Index of the event within its message.
        position: u32,
    },
    File {
        file: &'a str,
        /// Counted from one.
        line: u64,
        /// Index of the event within its line.
        position: u32,
    },
}
