//! The Conditional Access policies of a card, and the tables of those that decided.
use std::fmt::{self, Write};

use super::layout::{LABEL, TABLE, row, table};
use super::state_words;
use crate::diagnosis::NOT_KNOWN;
use crate::query::record::{ConditionalAccess, ControlRow, Diagnosis, Policy, Tables};
use crate::query::view::condition_name;

/// Policies that a card shows before it counts the rest; those that decided are always shown.
const POLICIES: usize = 10;

pub(super) fn policies(diagnosis: &Diagnosis, width: usize, out: &mut impl Write) -> fmt::Result {
    let Some(access) = &diagnosis.conditional_access else {
        return Ok(());
    };
    let status = access
        .status
        .as_deref()
        .map(|status| status.replace('_', " "));
    let status = status.map(|status| format!("status {status}"));
    row("Policies", &[status.as_deref()], width, out)?;
    if status.is_none() && !access.policies.is_empty() {
        writeln!(out, "  Policies")?;
    }
    let (decided, others): (Vec<_>, Vec<_>) =
        access.policies.iter().partition(|policy| policy.deciding);
    for policy in decided {
        row(
            &format!("{:>LABEL$}", "decided: "),
            &[Some(&policy_line(policy))],
            width,
            out,
        )?;
        if let Some(shown) = &policy.tables {
            tables(shown, width, out)?;
        }
    }
    let shown = &others[..others.len().min(POLICIES)];
    if !shown.is_empty() {
        let mut rows = vec![["Policy", "Result", "Controls"].map(str::to_owned)];
        rows.extend(shown.iter().map(|policy| summary(policy)));
        table(&rows, TABLE, width, out)?;
    }
    values(access, width, out)?;
    match others.len() - shown.len() + access.not_shown {
        0 => Ok(()),
        more => row("", &[Some(&format!("+ {more} more"))], width, out),
    }
}

fn policy_line(policy: &Policy) -> String {
    // Where a session control decided, the access controls had no part in it.
    let by_session = policy.tables.as_ref().is_some_and(|tables| {
        tables.access_controls.is_empty() && !tables.session_controls.is_empty()
    });
    let controls: Vec<_> = policy.controls().filter(|_| !by_session).collect();
    match &*controls.join(" + ") {
        "" => format!("{} ({})", policy.shown(), policy.reason_words()),
        controls => format!("{} ({}): {controls}", policy.shown(), policy.reason_words()),
    }
}

/// The name, why it did what it did, and what it asks for.
fn summary(policy: &Policy) -> [String; 3] {
    let mut words = policy.reason_words();
    if policy.result == "not_applied" {
        words.insert_str(0, "not applied: ");
    }
    for configured in &policy.configured {
        let name = condition_name(&configured.condition);
        // A String takes every write.
        let _ = write!(words, "; {name} is set to {}", configured.configured);
    }
    let controls = policy.controls().map(ToOwned::to_owned);
    let session = policy.session_controls.iter().cloned();
    let controls: Vec<_> = controls.chain(session).collect();
    [policy.shown().to_owned(), words, controls.join(", ")]
}

/// What the sign-in brought for the conditions that did not match.
fn values(access: &ConditionalAccess, width: usize, out: &mut impl Write) -> fmt::Result {
    if access.sign_in_values.is_empty() {
        return Ok(());
    }
    let mut rows = vec![["Condition", "This sign-in"].map(str::to_owned)];
    rows.extend(
        access
            .sign_in_values
            .iter()
            .map(|(condition, value)| [condition_name(condition).to_owned(), value.clone()]),
    );
    table(&rows, TABLE, width, out)
}

fn tables(tables: &Tables, width: usize, out: &mut impl Write) -> fmt::Result {
    if !tables.conditions.is_empty() {
        let mut rows =
            vec![["Condition", "The policy is set to", "This sign-in"].map(str::to_owned)];
        rows.extend(tables.conditions.iter().map(|row| {
            [
                condition_name(&row.condition).to_owned(),
                row.configured
                    .clone()
                    .unwrap_or_else(|| NOT_KNOWN.to_owned()),
                row.value.clone(),
            ]
        }));
        table(&rows, TABLE, width, out)?;
    }
    let needed = match tables.one_access_control_is_enough {
        Some(true) => "Access control (one is enough)",
        Some(false) => "Access control (all are needed)",
        None if tables.access_controls.len() > 1 => "Access control (one or all: not known)",
        None => "Access control",
    };
    controls(needed, &tables.access_controls, width, out)?;
    controls("Session control", &tables.session_controls, width, out)
}

fn controls(heading: &str, rows: &[ControlRow], width: usize, out: &mut impl Write) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let mut cells = vec![[heading, "State", "Evidence", "The policy is set to"].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        [
            row.control.clone(),
            state_words(&row.state).to_owned(),
            row.evidence.clone().unwrap_or_default(),
            row.configured.clone().unwrap_or_default(),
        ]
    }));
    table(&cells, TABLE, width, out)
}
