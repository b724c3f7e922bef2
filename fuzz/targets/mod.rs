//! What is fuzzed: each target takes any bytes, and panics where a promise does not hold.
//!
//! `make fuzz` runs them under libFuzzer, which looks for bytes that reach new code;
//! `tests/fuzz_seeds.rs` runs them over the seeds and over changes of the seeds.
#![allow(clippy::unwrap_used)] // a target panics where the ground of its check gives way
#![allow(dead_code)] // each binary of libFuzzer takes one target

pub mod catalog;
pub mod configuration;
pub mod folder;
pub mod gzip;
pub mod message;
pub mod policy_snapshot;
pub mod privacy;
pub mod reading;
pub mod search;
pub mod sign_in;
pub mod time;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// Their names, as `cargo fuzz run` takes them.
pub const ALL: [(&str, Target); 9] = [
    ("catalog", catalog::run),
    ("configuration", configuration::run),
    ("gzip", gzip::run),
    ("message", message::run),
    ("policy_snapshot", policy_snapshot::run),
    ("privacy", privacy::run),
    ("search", search::run),
    ("sign_in", sign_in::run),
    ("time", time::run),
];
