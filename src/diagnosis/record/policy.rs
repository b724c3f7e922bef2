//! What a record says of the Conditional Access policies.
use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::{ConditionList, ConfiguredCondition, GrantControlList, SignInValues, Tables, TextList};
use crate::diagnosis::Detail;
use crate::signin::{
    AppliedPolicy, Condition, ConditionalAccessStatus, GrantControl, PolicyResult,
};

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct ConditionalAccess<'a> {
    /// `success`, `failure`, `not_applied` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Those that decided first, then the satisfied, report-only, not applied, disabled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy<'a>>,
    /// What the sign-in brought for the conditions that kept the listed policies from applying, by
    /// their names; without application and users, which the record names once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_values: Option<SignInValues<'a>>,
    /// How many policies a bound left out of the list.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_shown: usize,
    /// Of all policies of the event, those not shown included; only where some are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<PolicyCounts>,
}

pub const fn status_name(status: ConditionalAccessStatus) -> &'static str {
    match status {
        ConditionalAccessStatus::Success => "success",
        ConditionalAccessStatus::Failure => "failure",
        ConditionalAccessStatus::NotApplied => "not_applied",
        ConditionalAccessStatus::Unknown => "unknown",
    }
}

/// How many policies came to which result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyCounts {
    #[serde(skip_serializing_if = "is_zero")]
    pub success: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub failure: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub not_applied: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub not_enabled: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub report_only_success: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub report_only_failure: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub report_only_not_applied: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub report_only_interrupted: usize,
    /// Results of another name included.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: usize,
}

impl PolicyCounts {
    pub fn of(policies: &[AppliedPolicy<'_>]) -> PolicyCounts {
        let mut counts = PolicyCounts::default();
        for policy in policies {
            let count = match policy.result {
                PolicyResult::Success => &mut counts.success,
                PolicyResult::Failure => &mut counts.failure,
                PolicyResult::NotApplied => &mut counts.not_applied,
                PolicyResult::NotEnabled => &mut counts.not_enabled,
                PolicyResult::ReportOnlySuccess => &mut counts.report_only_success,
                PolicyResult::ReportOnlyFailure => &mut counts.report_only_failure,
                PolicyResult::ReportOnlyNotApplied => &mut counts.report_only_not_applied,
                PolicyResult::ReportOnlyInterrupted => &mut counts.report_only_interrupted,
                PolicyResult::Unknown | PolicyResult::Other(_) => &mut counts.unknown,
            };
            *count += 1;
        }
        counts
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Policy<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// In snake case; a result that is not known as spelled in the event.
    pub result: &'a str,
    /// True where the policy decided the outcome.
    #[serde(skip_serializing_if = "is_false")]
    pub deciding: bool,
    /// Why the policy did what it did, in words: in a summary, in place of what follows.
    #[serde(skip_serializing_if = "Reason::is_told_below")]
    pub reason: Reason<'a>,
    /// Of a policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Box<Tables<'a>>>,
    /// Without those of its table.
    #[serde(skip_serializing_if = "GrantControlList::is_empty")]
    pub grant_controls: GrantControlList<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_strength: Option<&'a str>,
    /// Without those of its table.
    #[serde(skip_serializing_if = "TextList::is_empty")]
    pub session_controls: TextList<'a>,
    #[serde(skip_serializing_if = "TextList::is_empty")]
    pub session_controls_not_satisfied: TextList<'a>,
    /// Only where one of them has no name of its own.
    #[serde(skip_serializing_if = "ConditionList::is_empty")]
    pub conditions_satisfied: ConditionList<'a>,
    /// What kept the policy from applying.
    #[serde(skip_serializing_if = "ConditionList::is_empty")]
    pub conditions_not_satisfied: ConditionList<'a>,
    /// What the policy is set to for these, as far as a policy snapshot tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configured: Vec<ConfiguredCondition<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_rules: Vec<Rule<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_rules: Vec<Rule<'a>>,
}

/// The part of a condition that matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct Rule<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
}

/// `None` for a result that is not known; the event's spelling is shown instead.
pub const fn result_name(result: &PolicyResult<'_>) -> Option<&'static str> {
    Some(match result {
        PolicyResult::Success => "success",
        PolicyResult::Failure => "failure",
        PolicyResult::NotApplied => "not_applied",
        PolicyResult::NotEnabled => "not_enabled",
        PolicyResult::ReportOnlySuccess => "report_only_success",
        PolicyResult::ReportOnlyFailure => "report_only_failure",
        PolicyResult::ReportOnlyNotApplied => "report_only_not_applied",
        PolicyResult::ReportOnlyInterrupted => "report_only_interrupted",
        PolicyResult::Unknown => "unknown",
        PolicyResult::Other(_) => return None,
    })
}

/// One line on why a policy did what it did. Written without a copy.
#[derive(Debug, Clone, Copy)]
pub struct Reason<'a> {
    policy: &'a AppliedPolicy<'a>,
    not_satisfied: ConditionList<'a>,
    detail: Detail,
}

impl PartialEq for Reason<'_> {
    /// Reasons are the same that are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl<'a> Reason<'a> {
    pub const fn new(
        policy: &'a AppliedPolicy<'a>,
        not_satisfied: ConditionList<'a>,
        detail: Detail,
    ) -> Self {
        Reason {
            policy,
            not_satisfied,
            detail,
        }
    }

    fn is_told_below(&self) -> bool {
        self.detail == Detail::Full
    }
}

/// Writes why a policy did what it did: of its `result` by name, whether it blocks, and the
/// words for the conditions that did not match.
pub fn reason_words<W: AsRef<str>>(
    result: &str,
    blocks: bool,
    unmet: impl Iterator<Item = W>,
    out: &mut impl fmt::Write,
) -> fmt::Result {
    match result {
        "not_applied" => unmet_words(unmet, out),
        "report_only_not_applied" => {
            out.write_str("report-only: ")?;
            unmet_words(unmet, out)
        }
        other => match result_words(other, blocks) {
            Some(words) => out.write_str(words),
            None => write!(out, "result not known: {other}"),
        },
    }
}

/// `None` where the conditions tell, and for a result that is not known.
fn result_words(result: &str, blocks: bool) -> Option<&'static str> {
    Some(match result {
        "success" => "satisfied",
        "failure" if blocks => "blocked",
        "failure" => "not satisfied",
        "not_enabled" => "disabled",
        "report_only_success" => "report-only: would have been satisfied",
        "report_only_failure" if blocks => "report-only: would have blocked",
        "report_only_failure" => "report-only: would have failed",
        "report_only_interrupted" => "report-only: would have required the user to act",
        "" | "unknown" => "result not known",
        _ => return None,
    })
}

fn unmet_words<W: AsRef<str>>(
    unmet: impl Iterator<Item = W>,
    out: &mut impl fmt::Write,
) -> fmt::Result {
    let mut before = "did not match: ";
    for words in unmet {
        out.write_str(before)?;
        out.write_str(words.as_ref())?;
        before = ", ";
    }
    if before == ", " {
        return Ok(());
    }
    out.write_str("the event does not say which condition did not match")
}

/// The words for each condition, and the reason where it alone did not match.
macro_rules! condition_words {
    ($($condition:ident = $words:literal;)*) => {
        pub const fn condition_words(condition: Condition) -> &'static str {
            match condition {
                $(Condition::$condition => $words,)*
            }
        }

        const fn unmet_alone(condition: Condition) -> &'static str {
            match condition {
                $(Condition::$condition => concat!("did not match: ", $words),)*
            }
        }
    };
}

condition_words! {
    Application = "application";
    Users = "users";
    DevicePlatform = "device platform";
    Location = "location";
    ClientType = "client app";
    SignInRisk = "sign-in risk";
    UserRisk = "user risk";
    Time = "time";
    DeviceState = "device state";
    Client = "client";
    IpAddressSeenByAzureAd = "address seen by Entra";
    IpAddressSeenByResourceProvider = "address seen by the resource";
    ServicePrincipals = "service principals";
    ServicePrincipalRisk = "service principal risk";
    AuthenticationFlows = "authentication flows";
    InsiderRisk = "insider risk";
}

impl Reason<'_> {
    fn result(&self) -> &'static str {
        result_name(&self.policy.result).unwrap_or_default()
    }

    fn blocks(&self) -> bool {
        self.policy.grant_controls.contains(GrantControl::Block)
    }

    /// The words where nothing has to be put together, which is most of the time.
    fn whole(&self) -> Option<&'static str> {
        if self.policy.result == PolicyResult::NotApplied {
            return self.not_satisfied.only().map(unmet_alone);
        }
        result_words(self.result(), self.blocks())
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unmet = self.not_satisfied.called(condition_words);
        reason_words(self.result(), self.blocks(), unmet, f)
    }
}

impl Serialize for Reason<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.whole() {
            Some(words) => serializer.serialize_str(words),
            None => serializer.collect_str(self),
        }
    }
}

impl JsonSchema for Reason<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Reason".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_as_it_is_displayed() {
        let results = [
            PolicyResult::Success,
            PolicyResult::Failure,
            PolicyResult::NotApplied,
            PolicyResult::NotEnabled,
            PolicyResult::ReportOnlySuccess,
            PolicyResult::ReportOnlyFailure,
            PolicyResult::ReportOnlyNotApplied,
            PolicyResult::ReportOnlyInterrupted,
            PolicyResult::Unknown,
            PolicyResult::Other("paused".into()),
        ];
        let masks = Condition::ALL.map(|(condition, ..)| condition.bit());
        let masks = masks.into_iter().chain([0, 3, 1 << 40, 1 | 1 << 40]);
        let other = ["weather".into()];
        for (result, bits) in results
            .iter()
            .flat_map(|it| masks.clone().map(move |bits| (it, bits)))
        {
            for (blocks, others) in [(false, 0), (true, 0), (false, 1)] {
                let mut policy = AppliedPolicy {
                    result: result.clone(),
                    ..AppliedPolicy::default()
                };
                if blocks {
                    policy.grant_controls.insert(GrantControl::Block);
                }
                let unmet = ConditionList {
                    bits,
                    other: TextList::new(&other[..others], 100),
                };
                let reason = Reason::new(&policy, unmet, Detail::Summary);
                let written = serde_json::to_value(reason).unwrap();
                assert_eq!(written, reason.to_string());
            }
        }
    }
}
