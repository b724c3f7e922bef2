//! The objects of a record, one for each thing an event speaks of.
use schemars::JsonSchema;
use serde::Serialize;

use super::{NameList, TextList, Time};
use crate::diagnosis::mfa_source::DecidedBy;
use crate::diagnosis::{CodeClass, RequirementSource, SecondFactorResult};

/// The result code and what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Error<'a> {
    pub code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<CodeClass>,
    /// What the code means, by the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'a str>,
    /// Microsoft's own failure reason, as in the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_details: Option<&'a str>,
    /// False where no public reference confirms what the catalog says of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub user_type: Option<&'a str>,
}

/// A service principal, an application or a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

/// What signed in, and how it spoke to Entra.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Client<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incoming_token_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_method: Option<&'a str>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Device<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliant: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_type: Option<&'a str>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_locations: Vec<NetworkLocation<'a>>,
}

/// A named location that the address belongs to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct NetworkLocation<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub network_type: Option<&'a str>,
    #[serde(skip_serializing_if = "NameList::is_empty")]
    pub names: NameList<'a>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Tenants<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_tenant_access: Option<&'a str>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Risk<'a> {
    /// Of this sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_aggregated: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    #[serde(skip_serializing_if = "TextList::is_empty")]
    pub event_types: TextList<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flagged_for_review: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Authentication<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<&'a str>,
    /// The rule that told where the MFA requirement came from; on the two MFA scenarios only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<DecidedBy>,
    /// Everything that the event names as a source of the requirement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<RequirementSourceEntry<'a>>,
    /// How the second factor ended; absent where the event does not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<SecondFactorResult>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<AuthenticationStep<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub session_lifetime: Vec<SessionLifetime<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct RequirementSourceEntry<'a> {
    pub source: RequirementSource,
    /// As spelled in the event; absent where the policy list shows the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct AuthenticationStep<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method_detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct SessionLifetime<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}
