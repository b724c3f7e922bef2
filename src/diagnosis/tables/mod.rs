//! The tables of a policy that decided: its conditions with the values of the sign-in, and its
//! controls with the evidence that they were met or not.
//!
//! A table with nothing that applies is empty, and then absent from the record.
mod controls;
mod value;

use std::borrow::Cow;

pub use controls::Evidence;
pub use value::{ConditionValue, Values};

use super::bounds::{Bounds, cut};
use super::record::{ConditionList, ConditionRow, Tables, UnmetCondition};
use crate::signin::{AppliedPolicy, Condition, Text};

/// What is said where neither the event nor a policy snapshot tells.
pub const NOT_KNOWN: &str = "not known";

/// The tables of `policy`; `conditions` are those that it reports as satisfied.
pub fn tables<'a>(
    policy: &'a AppliedPolicy<'a>,
    conditions: ConditionList<'a>,
    values: Values<'a>,
    evidence: &Evidence<'a>,
) -> Tables<'a> {
    Tables {
        conditions: conditions
            .iter()
            .map(|name| condition_row(name, policy, values))
            .collect(),
        access_controls: evidence.access_controls(policy),
        session_controls: evidence.session_controls(policy),
    }
}

fn condition_row<'a>(
    name: Cow<'a, str>,
    policy: &'a AppliedPolicy<'a>,
    values: Values<'a>,
) -> ConditionRow<'a> {
    let value = values.of(Condition::from_name(&name));
    ConditionRow {
        configured: matched_rules(&name, policy, values.bounds).unwrap_or(NOT_KNOWN.into()),
        condition: name,
        value,
    }
}

/// What kept the policy from applying.
pub fn unmet_conditions<'a>(
    conditions: ConditionList<'a>,
    values: Values<'a>,
) -> Vec<UnmetCondition<'a>> {
    let row = |name: Cow<'a, str>| {
        let known = Condition::from_name(&name);
        UnmetCondition {
            condition: name,
            configured: None,
            value: known
                .filter(|known| !matches!(known, Condition::Application | Condition::Users))
                .map(|known| values.of(Some(known))),
        }
    };
    conditions.iter().map(row).collect()
}

/// The rules that the event names for the condition.
fn matched_rules<'a>(
    condition: &str,
    policy: &'a AppliedPolicy<'a>,
    bounds: Bounds,
) -> Option<Cow<'a, str>> {
    let is_meant =
        |of: &Option<Text<'_>>| matches!(of, Some(of) if of.eq_ignore_ascii_case(condition));
    let rules = policy.include_rules.iter().take(bounds.list);
    let mut rules = rules
        .filter(|rule| is_meant(&rule.condition))
        .filter_map(|rule| rule.rule.as_deref())
        .filter(|rule| !rule.is_empty())
        .map(|rule| cut(rule, bounds.text_bytes));
    let first = Cow::Borrowed(rules.next()?);
    Some(rules.fold(first, |all, rule| format!("{all}, {rule}").into()))
}

#[cfg(test)]
mod tests;
