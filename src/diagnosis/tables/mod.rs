//! The tables of a policy that decided: its conditions with the values of the sign-in, and its
//! controls with the evidence that they were met or not.
//!
//! A table with nothing that applies is empty, and then absent from the record.
mod configured;
mod controls;
mod value;

use std::borrow::Cow;

pub use configured::Configuration;
pub use controls::{Evidence, refused_controls};
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
    configuration: Option<Configuration<'a>>,
) -> Tables<'a> {
    let access_controls = evidence.access_controls(policy, configuration);
    Tables {
        conditions: conditions
            .iter()
            .map(|name| condition_row(name, policy, values, configuration))
            .collect(),
        one_access_control_is_enough: configuration
            .filter(|_| access_controls.len() > 1)
            .and_then(|it| it.one_is_enough()),
        access_controls,
        session_controls: evidence.session_controls(policy, configuration),
    }
}

fn condition_row<'a>(
    name: Cow<'a, str>,
    policy: &'a AppliedPolicy<'a>,
    values: Values<'a>,
    configuration: Option<Configuration<'a>>,
) -> ConditionRow<'a> {
    let condition = Condition::from_name(&name);
    let value = values.of(condition);
    let configured = configuration.and_then(|it| it.condition(condition));
    ConditionRow {
        configured: configured
            .or_else(|| matched_rules(&name, policy, values.bounds))
            .unwrap_or(NOT_KNOWN.into()),
        condition: name,
        value,
    }
}

/// What kept the policy from applying.
pub fn unmet_conditions<'a>(
    conditions: ConditionList<'a>,
    values: Values<'a>,
    configuration: Option<Configuration<'a>>,
) -> Vec<UnmetCondition<'a>> {
    let row = |name: Cow<'a, str>| {
        let known = Condition::from_name(&name);
        UnmetCondition {
            condition: name,
            configured: configuration.and_then(|it| it.condition(known)),
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
