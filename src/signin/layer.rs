//! One level of keys: those at the root of a record, or those of its `properties`.
//!
//! What is the sign-in's own goes to `fields`; keys that compete with others, of the same or
//! of the other level, stand beside it until the record is complete.
use std::mem;

use chrono::{DateTime, Utc};
use serde::de::MapAccess;

use super::field::Field;
use super::lenient::{Found, Lenient, Read, Str, holds_json};
use super::members::{Member, Members, Object};
use super::objects::{MfaDetail, Status};
use super::personal::{Address, Location, Personal, User};
use super::policy::AppliedPolicy;
use super::repeats::KnownPolicies;
use super::text::Text;
use super::values::{self, Bool, Code, EventTypes, IpAddress, Time};
use super::{Category, Place, SignIn};

#[derive(Default)]
pub(super) struct Layer<'m> {
    pub(super) fields: SignIn<'m>,
    /// Whether `fields` holds anything.
    pub(super) touched: bool,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) time: Option<DateTime<Utc>>,
    pub(super) category: Option<Text<'m>>,
    /// `Type`: the table of a Log Analytics row.
    pub(super) table: Option<Text<'m>>,
    pub(super) event_category: Option<Category>,
    pub(super) tenant_id: Option<Text<'m>>,
    pub(super) aad_tenant_id: Option<Text<'m>>,
    pub(super) status: Status<'m>,
    pub(super) result_code: Option<i64>,
    pub(super) result_description: Option<Text<'m>>,
    pub(super) ip_address: Option<Personal<'m, Address>>,
    pub(super) caller_ip_address: Option<Personal<'m, Address>>,
    pub(super) correlation_id: Option<Text<'m>>,
    pub(super) identity: Option<Personal<'m, User>>,
    /// `location` where it is an object, and where it is text.
    pub(super) place: Place<'m>,
    pub(super) country: Option<Personal<'m, Location>>,
    pub(super) resource_id: Option<Text<'m>>,
    pub(super) resource_identity: Option<Text<'m>>,
    risk_event_types_v2: Vec<Text<'m>>,
    /// `conditionalAccessPolicies`: the name of 2018, and that of Log Analytics.
    old_policies: Option<Vec<AppliedPolicy<'m>>>,
    /// Policies of an earlier record, kept for their memory.
    spare_policies: Vec<AppliedPolicy<'m>>,
    /// The policies of the message that may repeat.
    pub(super) known_policies: KnownPolicies<'m>,
}

impl<'m> Layer<'m> {
    /// Decides between the names that compete within a level.
    pub(super) fn settle(&mut self) {
        if self.fields.policies.is_none() {
            self.fields.policies = self.old_policies.take();
        }
        if !self.risk_event_types_v2.is_empty() {
            mem::swap(
                &mut self.fields.risk_event_types,
                &mut self.risk_event_types_v2,
            );
        }
    }

    /// Reads the keys that compete with others; `false` where `key` is none of them.
    fn competing<A: MapAccess<'m>>(
        &mut self,
        key: Field,
        value: &mut Member<'_, A>,
    ) -> Result<bool, A::Error> {
        match key {
            Field::CreatedDateTime => self.created = value.read(Time)?,
            Field::Time | Field::TimeGenerated => self.time = value.read(Time)?,
            Field::Category => self.category = value.text()?,
            Field::Type => self.table = value.text()?,
            Field::SignInEventTypes => {
                let mut types = EventTypes::default();
                value.texts(&mut types)?;
                self.event_category = types.0;
            }
            Field::TenantId => self.tenant_id = value.text()?,
            Field::AadTenantId => self.aad_tenant_id = value.text()?,
            Field::Status => drop(value.object(&mut self.status)?),
            Field::ResultType => self.result_code = value.read(Code { text_allowed: true })?,
            Field::ResultDescription => self.result_description = value.text()?,
            Field::IpAddress => self.ip_address = value.read(IpAddress)?,
            Field::CallerIpAddress => self.caller_ip_address = value.read(IpAddress)?,
            Field::CorrelationId => self.correlation_id = value.text()?,
            Field::Identity => self.identity = value.personal_name()?,
            Field::Location => {
                self.place = Place::default();
                let object = Object {
                    target: &mut self.place,
                    field: key,
                    faults: value.faults,
                };
                let found = value.object.next_value_seed(Read(Whereabouts(object)))?;
                self.country = value.note(found);
            }
            Field::ResourceId => self.resource_id = value.text()?,
            Field::ResourceIdentity => self.resource_identity = value.text()?,
            // Read by the record, which alone has them.
            Field::Properties | Field::ErrorCodeConflict => value.skip()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn policies<A: MapAccess<'m>>(
        &mut self,
        value: &mut Member<'_, A>,
    ) -> Result<Option<Vec<AppliedPolicy<'m>>>, A::Error> {
        let mut policies = mem::take(&mut self.spare_policies);
        if value.policies(&mut policies, &mut self.known_policies)? {
            return Ok(Some(policies));
        }
        self.spare_policies = policies;
        Ok(None)
    }
}

impl<'m> Members<'m> for Layer<'m> {
    type Key = Field;

    fn key(name: &str) -> Option<Field> {
        Field::from_key(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: Field,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        value.field = key;
        if self.competing(key, value)? {
            return Ok(());
        }
        self.touched = true;
        match key {
            Field::AppliedConditionalAccessPolicies => {
                self.fields.policies = self.policies(value)?;
            }
            Field::ConditionalAccessPolicies => self.old_policies = self.policies(value)?,
            Field::RiskEventTypesV2 => {
                self.risk_event_types_v2.clear();
                value.texts(&mut self.risk_event_types_v2)?;
            }
            _ => self.fields.member(key, value)?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        let mut old = mem::take(self);
        self.known_policies = old.known_policies;
        self.spare_policies = old
            .fields
            .policies
            .or(old.old_policies)
            .unwrap_or(old.spare_policies);
        macro_rules! keep {
            ($($list:ident,)*) => {$(
                old.fields.$list.clear();
                self.fields.$list = old.fields.$list;
            )*};
        }
        keep! {
            network_locations,
            risk_event_types,
            requirement_policies,
            authentication_steps,
            session_lifetime_policies,
        }
    }
}

impl<'m> SignIn<'m> {
    /// Reads a key that stands for one field of the sign-in.
    fn member<A: MapAccess<'m>>(
        &mut self,
        key: Field,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            Field::Id => self.id = value.text()?,
            Field::OriginalRequestId => self.original_request_id = value.text()?,
            Field::HomeTenantId => self.home_tenant_id = value.text()?,
            Field::ResourceTenantId => self.resource_tenant_id = value.text()?,
            Field::CrossTenantAccessType => self.cross_tenant_access_type = value.text()?,
            Field::UserId => self.user_id = value.personal()?,
            Field::UserPrincipalName => self.user_principal_name = value.personal()?,
            Field::UserDisplayName => self.user_display_name = value.personal_name()?,
            Field::UserType => self.user_type = value.text()?,
            Field::ServicePrincipalId => self.service_principal_id = value.text()?,
            Field::ServicePrincipalName => self.service_principal_name = value.name()?,
            Field::AppId => self.app_id = value.text()?,
            Field::AppDisplayName => self.app_display_name = value.name()?,
            Field::ResourceDisplayName => self.resource_display_name = value.name()?,
            Field::ClientAppUsed => self.client_app_used = value.text()?,
            Field::UserAgent => self.user_agent = value.personal()?,
            Field::IsInteractive => self.is_interactive = value.read(Bool)?,
            Field::AuthenticationProtocol => self.authentication_protocol = value.text()?,
            Field::IncomingTokenType => self.incoming_token_type = value.text()?,
            Field::ClientCredentialType => self.client_credential_type = value.text()?,
            Field::TokenIssuerType => self.token_issuer_type = value.text()?,
            Field::OriginalTransferMethod => self.original_transfer_method = value.text()?,
            Field::DeviceDetail => drop(value.object(&mut self.device)?),
            Field::LocationDetails => drop(value.object(&mut self.location)?),
            Field::NetworkLocationDetails => drop(value.objects(&mut self.network_locations)?),
            Field::RiskLevelDuringSignIn => self.risk_level = value.text()?,
            Field::RiskLevelAggregated => self.risk_level_aggregated = value.text()?,
            Field::RiskState => self.risk_state = value.text()?,
            Field::RiskDetail => self.risk_detail = value.text()?,
            Field::RiskEventTypes => {
                self.risk_event_types.clear();
                value.texts(&mut self.risk_event_types)?;
            }
            Field::FlaggedForReview => self.flagged_for_review = value.read(Bool)?,
            Field::ConditionalAccessStatus => {
                self.conditional_access_status = value.read(values::Status)?;
            }
            Field::AuthenticationRequirement => self.authentication_requirement = value.text()?,
            Field::AuthenticationRequirementPolicies => {
                value.objects(&mut self.requirement_policies)?;
            }
            Field::AuthenticationDetails => drop(value.objects(&mut self.authentication_steps)?),
            Field::SessionLifetimePolicies => {
                value.objects(&mut self.session_lifetime_policies)?;
            }
            Field::MfaDetail => {
                let mut detail = MfaDetail::default();
                value.object(&mut detail)?;
                self.mfa_method = detail.method;
                self.mfa_detail = detail.detail;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// `location`: an object, as such or as JSON text; other text is the country, and its value.
struct Whereabouts<'t, 'm>(Object<'t, Place<'m>>);

impl<'m> Lenient<'m> for Whereabouts<'_, 'm> {
    type Value = Personal<'m, Location>;

    fn text(self, text: Str<'_, 'm>) -> Found<Self::Value> {
        if !holds_json(text.as_str(), '{') {
            return Found::Value(Personal::new(text.into_text()));
        }
        match self.0.text(text) {
            Found::Wrong => Found::Wrong,
            Found::Value(()) | Found::Absent => Found::Absent,
        }
    }

    fn object<A: MapAccess<'m>>(self, object: A) -> Result<Found<Self::Value>, A::Error> {
        self.0.object(object)?;
        Ok(Found::Absent)
    }
}
