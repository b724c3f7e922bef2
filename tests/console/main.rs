//! The console in a real browser and by bare requests: it leads from a name to what to do, shows
//! hostile text without harm, and answers nobody who may not ask.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod browser;
#[path = "../support/console.rs"]
mod console;
#[path = "../support/leash.rs"]
mod leash;
mod requests;
#[path = "../support/said.rs"]
mod said;
mod served;
mod steps;

use std::path::Path;

use serde_json::Value;

/// A record as the service writes it.
fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Of a story: a user is blocked, then signs in elsewhere in the same flow; and others.
fn story() -> Vec<Value> {
    let blocked = golden("blocked_by_conditional_access.json");
    let mut later = golden("successful_sign_in.json");
    later["correlation_id"] = blocked["correlation_id"].clone();
    let mut records = vec![blocked, later];
    for (name, user) in [
        ("account_locked.json", "arne.lund"),
        ("mfa_from_conditional_access.json", "nadia.okafor"),
        ("invalid_credentials.json", "mette.dahl"),
        ("failed_conditional_access.json", "arne.lund"),
    ] {
        let mut record = golden(name);
        record["correlation_id"] = format!("flow of {name}").into();
        record["user"]["principal_name"] = format!("{user}@fabrikam.example").into();
        records.push(record);
    }
    for (n, record) in records.iter_mut().enumerate() {
        if n > 0 {
            let start = u32::try_from(n).unwrap().wrapping_mul(0x9e37_79b9);
            record["diagnosis_id"] = format!("{start:08x}-0000-5000-8000-{n:012}").into();
            record["sign_in_id"] = format!("aaaaaaaa-0000-4000-8000-{n:012}").into();
            record["event_time"] = format!("2026-03-02T08:{:02}:24.500Z", 14 + n).into();
        }
    }
    records
}
