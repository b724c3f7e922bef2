//! What a record says of a policy that decided: three tables, each only where it applies.
use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use crate::diagnosis::tables::{ConditionValue, Values};
use crate::signin::Condition;

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
    /// absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<Cow<'a, str>>,
    /// The value of this sign-in; `not known` where the event does not say.
    pub value: ConditionValue<'a>,
}

/// What a policy is set to for a condition that kept it from applying.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ConfiguredCondition<'a> {
    /// As Graph names it; a bit without a name is `unknown(0x…)`.
    pub condition: Cow<'a, str>,
    /// From the policy snapshot.
    pub configured: Cow<'a, str>,
}

/// What the sign-in brought for conditions, by their names; without application and users, which
/// the record names once. Written without a copy.
#[derive(Debug, Clone, Copy)]
pub struct SignInValues<'a> {
    bits: u64,
    values: Values<'a>,
}

impl<'a> SignInValues<'a> {
    pub const fn new(bits: u64, values: Values<'a>) -> SignInValues<'a> {
        SignInValues { bits, values }
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, ConditionValue<'a>)> + use<'a> {
        let (bits, values) = (self.bits, self.values);
        Condition::in_bits(bits)
            .filter(|known| !matches!(known, Condition::Application | Condition::Users))
            .map(move |known| (known.as_str(), values.of(Some(known))))
    }
}

impl PartialEq for SignInValues<'_> {
    /// Values are the same that are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for SignInValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl JsonSchema for SignInValues<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SignInValues".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
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
