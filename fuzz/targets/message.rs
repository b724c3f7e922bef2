//! Any bytes as a message; and, where plain `serde_json` can read them, the same message written
//! another way: neither the order of keys nor blanks nor unknown keys nor the case of names that
//! are known nor how an envelope is split may change a diagnosis.
use serde_json::{Map, Value};
use signin_diagnostics::signin::{Condition, GrantControl};

use super::reading::{Outcome, outcomes};

pub fn run(bytes: &[u8]) {
    outcomes(bytes, 0);
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    same_however_written(&plain(value));
}

/// # Panics
///
/// Where the way in which the same message is written tells.
pub fn same_however_written(value: &Value) {
    let found = outcomes(value.to_string().as_bytes(), 0);
    let other = serde_json::to_string_pretty(&rearranged(value)).unwrap();
    assert_eq!(found, outcomes(other.as_bytes(), 0), "{value}\n{other}");

    // Each record in a message of its own.
    let Some(records) = value.get("records").and_then(Value::as_array) else {
        return;
    };
    if records.is_empty()
        || !records.iter().all(Value::is_object)
        || value.as_object().is_some_and(|envelope| envelope.len() > 1)
    {
        return;
    }
    let apart: Vec<Outcome> = records
        .iter()
        .flat_map(|record| {
            let envelope = Value::from_iter([("records", Value::from_iter([record.clone()]))]);
            outcomes(envelope.to_string().as_bytes(), 0)
        })
        .collect();
    assert_eq!(found, apart, "{value}");
}

/// Without keys that differ in nothing but case: which of them counts depends on their order.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut seen = Vec::new();
            let members = members.into_iter().filter(|(key, _)| {
                let key = key.to_lowercase();
                let is_new = !seen.contains(&key);
                seen.push(key);
                is_new
            });
            members.map(|(key, value)| (key, plain(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

/// What `result` and `conditionalAccessStatus` say.
const RESULTS: [&str; 9] = [
    "success",
    "failure",
    "notApplied",
    "notEnabled",
    "unknown",
    "reportOnlySuccess",
    "reportOnlyFailure",
    "reportOnlyNotApplied",
    "reportOnlyInterrupted",
];

/// A value under `key` in other letters, where it is a name that is known there.
fn in_other_case(key: &str, value: &Value) -> Option<Value> {
    let is_known: fn(&str) -> bool = match key {
        "result" | "conditionalAccessStatus" => |name| RESULTS.contains(&name),
        "conditionsSatisfied" | "conditionsNotSatisfied" => |names| {
            names
                .split(',')
                .all(|name| Condition::from_name(name).is_some())
        },
        "enforcedGrantControls" => |name| GrantControl::from_name(name).is_some(),
        _ => return None,
    };
    let swap = |value: &Value| match value.as_str() {
        Some(name) if is_known(name) => Value::from(name.to_ascii_uppercase()),
        _ => value.clone(),
    };
    Some(match value {
        Value::Array(items) => items.iter().map(swap).collect(),
        other => swap(other),
    })
}

/// The same, keys the other way round, with a member that nobody knows, and known names in
/// capitals.
fn rearranged(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let known = members.iter().rev();
            let mut other: Map<String, Value> = known
                .map(|(key, value)| {
                    let other = in_other_case(key, value).unwrap_or_else(|| rearranged(value));
                    (key.clone(), other)
                })
                .collect();
            if !other.is_empty() {
                other.insert("zzUnknown".to_owned(), Value::from("x"));
            }
            Value::Object(other)
        }
        Value::Array(items) => items.iter().map(rearranged).collect(),
        other => other.clone(),
    }
}
