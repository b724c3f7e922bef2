//! The nested objects of a record: which members are read, and how.
use serde::de::MapAccess;

use super::members::{Member, Members, keys};
use super::personal::{Personal, User};
use super::text::Text;
use super::values::{Bool, Code, Time};
use super::{
    AuthenticationStep, DeviceDetail, NetworkLocation, Place, RequirementPolicy,
    SessionLifetimePolicy,
};

/// `status`.
#[derive(Default)]
pub(super) struct Status<'m> {
    pub(super) error_code: Option<i64>,
    pub(super) failure_reason: Option<Text<'m>>,
    pub(super) additional_details: Option<Text<'m>>,
}

keys! { StatusKey {
    ErrorCode = "errorCode",
    FailureReason = "failureReason",
    AdditionalDetails = "additionalDetails",
} }

impl<'m> Members<'m> for Status<'m> {
    type Key = StatusKey;

    fn key(name: &str) -> Option<StatusKey> {
        StatusKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: StatusKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            StatusKey::ErrorCode => {
                self.error_code = value.read(Code {
                    text_allowed: false,
                })?;
            }
            StatusKey::FailureReason => self.failure_reason = value.text()?,
            StatusKey::AdditionalDetails => self.additional_details = value.text()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Status::default();
    }
}

keys! { DeviceKey {
    Id = "deviceId",
    DisplayName = "displayName",
    OperatingSystem = "operatingSystem",
    Browser = "browser",
    IsCompliant = "isCompliant",
    IsManaged = "isManaged",
    TrustType = "trustType",
} }

impl<'m> Members<'m> for DeviceDetail<'m> {
    type Key = DeviceKey;

    fn key(name: &str) -> Option<DeviceKey> {
        DeviceKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: DeviceKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            DeviceKey::Id => self.id = value.personal()?,
            DeviceKey::DisplayName => self.display_name = value.personal_name()?,
            DeviceKey::OperatingSystem => self.operating_system = value.text()?,
            DeviceKey::Browser => self.browser = value.text()?,
            DeviceKey::IsCompliant => self.is_compliant = value.read(Bool)?,
            DeviceKey::IsManaged => self.is_managed = value.read(Bool)?,
            DeviceKey::TrustType => self.trust_type = value.text()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = DeviceDetail::default();
    }
}

keys! { PlaceKey {
    City = "city",
    State = "state",
    CountryOrRegion = "countryOrRegion",
} }

impl<'m> Members<'m> for Place<'m> {
    type Key = PlaceKey;

    fn key(name: &str) -> Option<PlaceKey> {
        PlaceKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: PlaceKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            PlaceKey::City => self.city = value.personal_name()?,
            PlaceKey::State => self.state = value.personal_name()?,
            PlaceKey::CountryOrRegion => self.country_or_region = value.personal()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Place::default();
    }
}

keys! { NetworkLocationKey {
    NetworkType = "networkType",
    NetworkNames = "networkNames",
} }

impl<'m> Members<'m> for NetworkLocation<'m> {
    type Key = NetworkLocationKey;

    fn key(name: &str) -> Option<NetworkLocationKey> {
        NetworkLocationKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: NetworkLocationKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            NetworkLocationKey::NetworkType => self.network_type = value.text()?,
            NetworkLocationKey::NetworkNames => {
                self.network_names.clear();
                value.texts(&mut self.network_names)?;
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.network_type = None;
        self.network_names.clear();
    }
}

keys! { RequirementKey {
    Provider = "requirementProvider",
    Detail = "detail",
} }

impl<'m> Members<'m> for RequirementPolicy<'m> {
    type Key = RequirementKey;

    fn key(name: &str) -> Option<RequirementKey> {
        RequirementKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: RequirementKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            RequirementKey::Provider => self.requirement_provider = value.text()?,
            RequirementKey::Detail => self.detail = value.text()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = RequirementPolicy::default();
    }
}

keys! { SessionLifetimeKey {
    ExpirationRequirement = "expirationRequirement",
    Detail = "detail",
} }

impl<'m> Members<'m> for SessionLifetimePolicy<'m> {
    type Key = SessionLifetimeKey;

    fn key(name: &str) -> Option<SessionLifetimeKey> {
        SessionLifetimeKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: SessionLifetimeKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            SessionLifetimeKey::ExpirationRequirement => {
                self.expiration_requirement = value.text()?;
            }
            SessionLifetimeKey::Detail => self.detail = value.text()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = SessionLifetimePolicy::default();
    }
}

keys! { StepKey {
    Time = "authenticationStepDateTime",
    Method = "authenticationMethod",
    MethodDetail = "authenticationMethodDetail",
    Succeeded = "succeeded",
    ResultDetail = "authenticationStepResultDetail",
    Requirement = "authenticationStepRequirement",
} }

impl<'m> Members<'m> for AuthenticationStep<'m> {
    type Key = StepKey;

    fn key(name: &str) -> Option<StepKey> {
        StepKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: StepKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            StepKey::Time => self.time = value.read(Time)?,
            StepKey::Method => self.method = value.text()?,
            StepKey::MethodDetail => self.method_detail = value.personal_name()?,
            StepKey::Succeeded => self.succeeded = value.read(Bool)?,
            StepKey::ResultDetail => self.result_detail = value.text()?,
            StepKey::Requirement => self.requirement = value.text()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = AuthenticationStep::default();
    }
}

/// `mfaDetail`.
#[derive(Default)]
pub(super) struct MfaDetail<'m> {
    pub(super) method: Option<Text<'m>>,
    pub(super) detail: Option<Personal<'m, User>>,
}

keys! { MfaKey {
    Method = "authMethod",
    Detail = "authDetail",
} }

impl<'m> Members<'m> for MfaDetail<'m> {
    type Key = MfaKey;

    fn key(name: &str) -> Option<MfaKey> {
        MfaKey::find(name)
    }

    fn member<A: MapAccess<'m>>(
        &mut self,
        key: MfaKey,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error> {
        match key {
            MfaKey::Method => self.method = value.text()?,
            MfaKey::Detail => self.detail = value.personal_name()?,
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = MfaDetail::default();
    }
}
