//! What a record says of a policy that decided: three tables, each only where it applies.
use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::tables::ConditionValue;

/// The tables of one policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Tables<'a> {
    /// The conditions that applied to the sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionRow<'a>>,
    /// Whether the policy asks for one of its access controls or for all, where the policy
    /// snapshot tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_access_control_is_enough: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_controls: Vec<ControlRow<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub session_controls: Vec<ControlRow<'a>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ConditionRow<'a> {
    /// As Graph names it; a bit without a name is `unknown(0x…)`.
    pub condition: Cow<'a, str>,
    /// What the policy is set to, from the policy snapshot or the rule that the event names;
    /// else `not known`.
    pub configured: Cow<'a, str>,
    /// The value of this sign-in; `not known` where the event does not say.
    pub value: ConditionValue<'a>,
}

/// A condition that kept a policy from applying.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UnmetCondition<'a> {
    /// As Graph names it; a bit without a name is `unknown(0x…)`.
    pub condition: Cow<'a, str>,
    /// What the policy is set to, where a policy snapshot tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<Cow<'a, str>>,
    /// The value of this sign-in; absent for the application and the users, which the record
    /// names once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ConditionValue<'a>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ControlRow<'a> {
    /// As the event names it.
    pub control: Cow<'a, str>,
    /// What the policy is set to, where the policy snapshot tells more than the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<Cow<'a, str>>,
    pub state: ControlState,
    /// What the state is taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Cow<'a, str>>,
}

/// Whether a sign-in met what a control asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    Met,
    NotMet,
    /// The event does not tell.
    NotKnown,
    /// It asks for nothing: Block, and session controls that shape the session.
    Enforced,
}
