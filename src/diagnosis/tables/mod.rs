//! The tables of a policy that decided: its conditions with the values of the sign-in, and its
//! controls with the evidence that they were met or not.
//!
//! A table with nothing that applies is empty, and then absent from the record.
mod configured;
mod controls;
mod value;

use std::borrow::Cow;

pub use configured::Configuration;
pub use controls::Evidence;
pub use value::{ConditionValue, Values};

use super::bounds::{Bounds, cut};
use super::deciding::needs_all_controls;
use super::record::{ConditionList, ConditionRow, ConfiguredCondition, Tables};
use crate::signin::{AppliedPolicy, Condition, Text};

/// What is said where neither the event nor a policy snapshot tells.
pub const NOT_KNOWN: &str = "not known";

/// What is said where the event tells, and the privacy settings keep it from the record.
const LEFT_OUT: &str = "left out for privacy";

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
            .and_then(|it| it.one_is_enough())
            .or(needs_all_controls(policy).then_some(false))
            .filter(|_| access_controls.len() > 1),
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
        configured: configured.or_else(|| matched_rules(&name, policy, values.bounds)),
        condition: name,
        value,
    }
}

/// What the policy is set to for `conditions`, as far as the policy snapshot tells.
pub fn configured_conditions<'a>(
    conditions: ConditionList<'a>,
    configuration: Configuration<'a>,
) -> Vec<ConfiguredCondition<'a>> {
    let row = |condition: Cow<'a, str>| {
        let configured = configuration.condition(Condition::from_name(&condition))?;
        Some(ConfiguredCondition {
            condition,
            configured,
        })
    };
    conditions.iter().filter_map(row).collect()
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
        .map(|rule| rule_words(rule).unwrap_or_else(|| cut(rule, bounds.text_bytes)));
    let first = Cow::Borrowed(rules.next()?);
    Some(rules.fold(first, |all, rule| format!("{all}, {rule}").into()))
}

/// The rules of Graph's `conditionalAccessRule` that have words, as a policy snapshot has them.
const RULES: [(&str, &str); 21] = [
    ("allApps", "All resources (formerly 'All cloud apps')"),
    ("firstPartyApps", "Microsoft's apps"),
    ("office365", "Office 365"),
    ("appId", "this application"),
    ("acr", "an authentication context"),
    ("appFilter", "a filter for applications"),
    ("allUsers", "All users"),
    ("guest", "guests and external users"),
    ("groupId", "a group of the user"),
    ("roleId", "a role of the user"),
    ("userId", "this user"),
    ("allDevicePlatforms", "Any device platform"),
    ("devicePlatform", "this device platform"),
    ("allLocations", "Any network or location"),
    ("insideCorpnet", "the corporate network"),
    ("allTrustedLocations", "All trusted networks and locations"),
    ("locationId", "a named location of the sign-in"),
    ("allDevices", "All devices"),
    ("deviceFilter", "a filter for devices"),
    ("deviceState", "this device state"),
    ("allDeviceStates", "Any device state"),
];

fn rule_words(rule: &str) -> Option<&'static str> {
    let known = RULES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(rule));
    known.map(|(_, words)| *words)
}

#[cfg(test)]
mod tests;
