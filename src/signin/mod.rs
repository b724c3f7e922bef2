//! What arrives: message shapes, record shapes, and the sign-in they become.
//!
//! Lenient in what it accepts; no record is lost for a field of the wrong type, and no record
//! is lost for a broken neighbour.
pub mod category;
pub mod conditions;
pub mod fault;
pub mod field;
mod glance;
mod layer;
mod lenient;
mod members;
mod message;
mod numbers;
mod objects;
pub mod personal;
mod policies;
pub mod policy;
pub mod privacy;
pub mod reader;
mod record;
mod recover;
mod repeats;
pub(crate) mod scan;
pub(crate) mod scrub;
pub mod text;
pub mod time;
mod values;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use category::{Category, SkippedCategory};
pub use conditions::{Condition, Conditions};
pub use fault::{BadDetail, BadReason};
pub use field::{Field, FieldFaults};
pub use personal::{Address, Device, Location, Personal, User};
pub use policy::{AppliedPolicy, GrantControl, GrantControls, PolicyResult, RuleSatisfied};
pub use privacy::{Privacy, Treatment, Treatments};
pub use reader::{Item, Limits, Reader};
pub use text::{Text, fingerprint};
pub use time::parse_time;

/// One sign-in log record, whichever shape it came in. `None` and empty lists are what the
/// event does not say (absent, null, empty text or wrong-typed).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SignIn<'a> {
    pub shape: Shape,
    pub category: Category,
    /// The request id: with tenant and category the identity of the sign-in.
    pub id: Option<Text<'a>>,
    pub original_request_id: Option<Text<'a>>,
    pub correlation_id: Option<Text<'a>>,
    /// The tenant whose log this is.
    pub tenant_id: Option<Text<'a>>,
    pub home_tenant_id: Option<Text<'a>>,
    pub resource_tenant_id: Option<Text<'a>>,
    pub cross_tenant_access_type: Option<Text<'a>>,
    /// `createdDateTime`, else `time`.
    pub event_time: Option<DateTime<Utc>>,

    /// `status.errorCode`, else a numeric `resultType`.
    pub error_code: Option<i64>,
    /// `status.failureReason`, else `resultDescription`.
    pub failure_reason: Option<Text<'a>>,
    pub additional_details: Option<Text<'a>>,

    pub user_id: Option<Personal<'a, User>>,
    pub user_principal_name: Option<Personal<'a, User>>,
    pub user_display_name: Option<Personal<'a, User>>,
    pub user_type: Option<Text<'a>>,
    pub service_principal_id: Option<Text<'a>>,
    pub service_principal_name: Option<Text<'a>>,

    pub app_id: Option<Text<'a>>,
    pub app_display_name: Option<Text<'a>>,
    pub resource_id: Option<Text<'a>>,
    pub resource_display_name: Option<Text<'a>>,

    pub client_app_used: Option<Text<'a>>,
    pub user_agent: Option<Personal<'a, Device>>,
    pub ip_address: Option<Personal<'a, Address>>,
    pub is_interactive: Option<bool>,
    pub authentication_protocol: Option<Text<'a>>,
    pub incoming_token_type: Option<Text<'a>>,
    pub client_credential_type: Option<Text<'a>>,
    pub token_issuer_type: Option<Text<'a>>,
    pub original_transfer_method: Option<Text<'a>>,

    pub device: DeviceDetail<'a>,
    pub location: Place<'a>,
    pub network_locations: Vec<NetworkLocation<'a>>,

    pub risk_level: Option<Text<'a>>,
    pub risk_level_aggregated: Option<Text<'a>>,
    pub risk_state: Option<Text<'a>>,
    pub risk_detail: Option<Text<'a>>,
    pub risk_event_types: Vec<Text<'a>>,
    pub flagged_for_review: Option<bool>,

    pub conditional_access_status: Option<ConditionalAccessStatus>,
    /// `None`: the event has no policy list (or null, as Graph without the permission);
    /// `Some` of an empty list: it has one, and it is empty.
    pub policies: Option<Vec<AppliedPolicy<'a>>>,

    pub authentication_requirement: Option<Text<'a>>,
    pub requirement_policies: Vec<RequirementPolicy<'a>>,
    pub authentication_steps: Vec<AuthenticationStep<'a>>,
    pub mfa_method: Option<Text<'a>>,
    pub mfa_detail: Option<Personal<'a, User>>,
    pub session_lifetime_policies: Vec<SessionLifetimePolicy<'a>>,
}

/// Which of the three record shapes an event came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// camelCase with `properties`.
    #[default]
    AzureMonitor,
    /// `PascalCase` columns of a workspace export.
    LogAnalytics,
    /// A Graph `signIn`.
    Graph,
}

/// `deviceDetail`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeviceDetail<'a> {
    pub id: Option<Personal<'a, Device>>,
    pub display_name: Option<Personal<'a, Device>>,
    pub operating_system: Option<Text<'a>>,
    pub browser: Option<Text<'a>>,
    /// The stream leaves these out when false or unknown.
    pub is_compliant: Option<bool>,
    pub is_managed: Option<bool>,
    pub trust_type: Option<Text<'a>>,
}

/// Whether a `trustType` meets "hybrid joined"; the last is Graph's word.
pub fn is_hybrid_joined(trust_type: &str) -> bool {
    let names = [
        "Hybrid Azure AD joined",
        "Microsoft Entra hybrid joined",
        "ServerAd",
    ];
    names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(trust_type))
}

/// `location`, or the two-letter country that stands in its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place<'a> {
    pub city: Option<Personal<'a, Location>>,
    pub state: Option<Personal<'a, Location>>,
    pub country_or_region: Option<Personal<'a, Location>>,
}

/// An element of `networkLocationDetails`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkLocation<'a> {
    pub network_type: Option<Text<'a>>,
    pub network_names: Vec<Personal<'a, Location>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionalAccessStatus {
    Success,
    Failure,
    NotApplied,
    Unknown,
}

/// An element of `authenticationRequirementPolicies`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequirementPolicy<'a> {
    pub requirement_provider: Option<Text<'a>>,
    pub detail: Option<Text<'a>>,
}

/// An element of `sessionLifetimePolicies`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionLifetimePolicy<'a> {
    pub expiration_requirement: Option<Text<'a>>,
    pub detail: Option<Text<'a>>,
}

/// An element of `authenticationDetails`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuthenticationStep<'a> {
    pub time: Option<DateTime<Utc>>,
    pub method: Option<Text<'a>>,
    pub method_detail: Option<Personal<'a, User>>,
    pub succeeded: Option<bool>,
    pub result_detail: Option<Text<'a>>,
    pub requirement: Option<Text<'a>>,
}
