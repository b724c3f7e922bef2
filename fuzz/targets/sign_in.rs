//! Sign-ins of every scenario, of which members are replaced, doubled, moved and taken away: each
//! is diagnosed, and its record is valid by its schema.
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::message::same_however_written;
use super::reading::{Outcome, outcomes};

static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let golden: Value =
        serde_json::from_str(include_str!("../../tests/golden/cases.json")).unwrap();
    let cases = golden["cases"].as_object().unwrap().values();
    let mut events: Vec<Value> = cases
        .map(|patch| {
            let mut event = golden["base"].clone();
            merge(&mut event, patch);
            event
        })
        .collect();
    for file in [
        include_str!("../../tests/fixtures/samples/azure-monitor.ndjson"),
        include_str!("../../tests/fixtures/samples/graph.ndjson"),
        include_str!("../../tests/fixtures/samples/log-analytics.ndjson"),
    ] {
        events.extend(
            file.lines()
                .filter_map(|line| serde_json::from_str(line).ok()),
        );
    }
    events
});

/// What hostile and careless senders write.
static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(53003),
        json!(50074.0),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("53000"),
        json!("None"),
        json!("{\"errorCode\":50126}"),
        json!("[{\"result\":\"failure\"}]"),
        json!("\u{1b}[31m\u{202e}<script>=1+1|\r\n\0"),
        json!("&amp;lt;b&amp;gt;"),
        json!("{user} {{policy}}"),
        json!("2026-03-02T08:11:05.1234567Z"),
        json!("12/12/2025 3:03:58 PM"),
        json!("x".repeat(5_000)),
        json!("🗝️".repeat(1_200)),
        json!([]),
        json!([null, 1, "a", {}, []]),
        json!({}),
        json!({"id": "a", "result": "failure", "enforcedGrantControls": ["Block"]}),
        json!([{"displayName": null, "result": "reportOnlyInterrupted", "conditionsSatisfied": 65_535}]),
    ]
});

pub fn run(bytes: &[u8]) {
    let Ok(event) = event(&mut Unstructured::new(bytes)) else {
        return;
    };
    let found = outcomes(event.to_string().as_bytes(), 0);
    assert!(
        !found
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Bad("syntax"))),
        "{event}"
    );
    same_however_written(&json!({ "records": [event, EVENTS[0]] }));
}

fn event(input: &mut Unstructured<'_>) -> Result<Value> {
    let mut event = input.choose(&EVENTS)?.clone();
    for _ in 0..input.int_in_range(0..=8)? {
        change(&mut event, input)?;
    }
    Ok(event)
}

/// Changes something at a place that the input chooses.
fn change(value: &mut Value, input: &mut Unstructured<'_>) -> Result<()> {
    match value {
        Value::Object(members) if !members.is_empty() && input.ratio(9, 10)? => {
            change_member(members, input)
        }
        Value::Array(items) if !items.is_empty() && input.ratio(9, 10)? => {
            let at = input.choose_index(items.len())?;
            match input.int_in_range(0..=9)? {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                // Once or twice: a few changes more, and the memory is that of the target itself.
                2 if items.len() < 100 && json!(items).to_string().len() < 100_000 => {
                    let more = items.iter().cycle().take(items.len() * 40).cloned();
                    *items = more.collect();
                }
                _ => change(&mut items[at], input)?,
            }
            Ok(())
        }
        other => {
            *other = replacement(other, input)?;
            Ok(())
        }
    }
}

fn change_member(members: &mut Map<String, Value>, input: &mut Unstructured<'_>) -> Result<()> {
    let at = input.choose_index(members.len())?;
    let Some(key) = members.keys().nth(at).cloned() else {
        return Ok(());
    };
    match input.int_in_range(0..=11)? {
        0 => drop(members.remove(&key)),
        1 => {
            let other = members
                .keys()
                .nth(input.choose_index(members.len())?)
                .cloned();
            if let (Some(other), Some(value)) = (other, members.get(&key).cloned()) {
                members.insert(other, value);
            }
        }
        // Log Analytics rows have nested fields as text.
        2 => {
            let text = members[&key].to_string();
            members.insert(key, Value::from(text));
        }
        _ => change(&mut members[&key], input)?,
    }
    Ok(())
}

fn replacement(old: &Value, input: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match (input.int_in_range(0..=3)?, old) {
        (0, Value::String(text)) => {
            let more: &str = input.arbitrary()?;
            Value::from(format!("{text}{more}"))
        }
        (1, _) => Value::from(input.arbitrary::<&str>()?),
        (2, _) => Value::from(input.int_in_range(-1..=700_100)?),
        _ => input.choose(&VALUES)?.clone(),
    })
}

fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(target), Value::Object(patch)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
