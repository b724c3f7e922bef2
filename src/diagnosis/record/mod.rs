//! The diagnosis record: the types behind its JSON and its JSON Schema.
//!
//! Everything is borrowed from the event and the catalog. Keys are snake case; what the event
//! does not say is left out, never null. The record on the wire is one object: the diagnosis,
//! and at its end the provenance, which is known later and written apart.
mod lists;
mod parts;
mod policy;
mod tables;
mod time;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

pub use lists::{ConditionList, GrantControlList, NameList, Prepared, TextList};
pub use parts::{
    Authentication, AuthenticationStep, Client, Device, Error, Location, Named, NetworkLocation,
    RequirementSourceEntry, Risk, SessionLifetime, Tenants, User,
};
pub use policy::{
    ConditionalAccess, Policy, PolicyCounts, Reason, Rule, condition_words, reason_words,
    result_name, status_name,
};
pub use tables::{
    ConditionRow, ConfiguredCondition, ControlRow, ControlState, SignInValues, Tables,
};
pub use time::Time;

use super::aspects::Aspects;
use super::catalog::{Reference, Step};
use super::detail::Detail;
use super::identity::DiagnosisId;
use super::source::Source;
use super::{Outcome, Scenario};
use crate::json;

/// The version of the record's layout: fields may be added within it, none changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// One sign-in, diagnosed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diagnosis<'a> {
    pub schema_version: u32,
    /// Deterministic: the same for a replay and for every shape of the same sign-in.
    pub diagnosis_id: DiagnosisId,
    /// The request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<&'a str>,
    /// The log category in its canonical spelling.
    pub category: &'static str,
    /// When the person or the application signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Time>,
    pub scenario: Scenario,
    pub outcome: Outcome,
    /// What the context adds to the scenario.
    #[serde(skip_serializing_if = "Aspects::is_empty")]
    pub aspects: Aspects,
    /// The watch lists that the account is on; the diagnosis itself knows none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watch_lists: Vec<&'a str>,
    /// What happened, in plain sentences.
    pub assessment: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_principal: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Client<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Tenants<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditional_access: Option<ConditionalAccess<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication<'a>>,
    /// What to do, in order.
    #[serde(skip_serializing_if = "Prepared::is_empty")]
    pub remediation: Prepared<'a, Step>,
    /// What Microsoft support asks for, where the steps end there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_ticket: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Prepared::is_empty")]
    pub references: Prepared<'a, Reference>,
    pub detail: Detail,
    /// True where a bound on the record's size cut a text or a list.
    #[serde(skip_serializing_if = "is_false")]
    pub trimmed: bool,
}

/// What the key of an output message is taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MessageKey {
    /// One user's records stay in order on one partition.
    #[default]
    User,
    SignIn,
    None,
}

impl MessageKey {
    /// The value of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            MessageKey::User => "user",
            MessageKey::SignIn => "sign_in",
            MessageKey::None => "none",
        }
    }
}

impl Diagnosis<'_> {
    /// The key of the output message. By user: the user id, else the service principal id; a
    /// record with neither has no key.
    pub fn key(&self, key: MessageKey) -> Option<&str> {
        match key {
            MessageKey::User => {
                let user = self.user.as_ref().and_then(|user| user.id);
                let principal = self.service_principal.as_ref();
                user.or_else(|| principal.and_then(|principal| principal.id))
            }
            MessageKey::SignIn => self.sign_in_id,
            MessageKey::None => None,
        }
    }
}

/// Where a record comes from: known when the record is written, not when it is diagnosed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Provenance<'a> {
    /// True where the record carries one page of a policy list that Entra spread over several
    /// rows; readers merge the pages by `diagnosis_id`.
    #[serde(skip_serializing_if = "is_false")]
    pub policy_page: bool,
    pub source: Source<'a>,
    /// Absent where the machine's clock is out of its mind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosed_at: Option<Time>,
    pub versions: Versions<'a>,
}

/// What made the diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Versions<'a> {
    pub service: &'a str,
    pub catalog: &'a str,
    /// The policy snapshot, where one is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<&'a str>,
}

/// The record on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Record<'a> {
    #[serde(flatten)]
    pub diagnosis: Diagnosis<'a>,
    #[serde(flatten)]
    pub provenance: Provenance<'a>,
}

/// Appends the diagnosis as a JSON object without its closing brace.
pub fn write_diagnosis(diagnosis: &Diagnosis<'_>, out: &mut Vec<u8>) {
    append(diagnosis, out);
    out.pop();
}

/// Completes the object that [`write_diagnosis`] began.
pub fn write_provenance(provenance: &Provenance<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    append(provenance, out);
    out[start] = b',';
}

fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    #[allow(clippy::expect_used)]
    json::append(value, out)
        .expect("the keys of a record's maps are texts, and its enums hold nothing");
}

/// The JSON Schema of a record.
pub fn json_schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Record<'static>>()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_false(value: &bool) -> bool {
    !value
}
