//! The keys of a record that are read, and the set of those that held the wrong type.
//!
//! Keys match whatever their case: camelCase in the stream and in Graph, `PascalCase` in Log
//! Analytics, lower case behind some forwarders.

macro_rules! fields {
    ($($variant:ident = $name:literal,)*) => {
        /// A key of a record: the value of the `field` label of `signin_field_faults_total`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field {
            $($variant,)*
            /// No key: `status.errorCode` and a numeric `resultType` both exist and differ.
            ErrorCodeConflict,
        }

        impl Field {
            pub const ALL: [Field; [$($name),*].len() + 1] =
                [$(Field::$variant,)* Field::ErrorCodeConflict];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Field::$variant => $name,)*
                    Field::ErrorCodeConflict => "error_code_conflict",
                }
            }
        }

        const KEYS: [(&str, Field); [$($name),*].len()] = [$(($name, Field::$variant),)*];
    };
}

fields! {
    CreatedDateTime = "createdDateTime",
    Time = "time",
    TimeGenerated = "TimeGenerated",
    Category = "category",
    Type = "Type",
    TenantId = "tenantId",
    AadTenantId = "AADTenantId",
    ResultType = "resultType",
    ResultDescription = "resultDescription",
    CallerIpAddress = "callerIpAddress",
    IpAddress = "ipAddress",
    CorrelationId = "correlationId",
    Identity = "identity",
    Location = "location",
    LocationDetails = "LocationDetails",
    ResourceId = "resourceId",
    ResourceIdentity = "ResourceIdentity",
    Properties = "properties",
    Id = "id",
    OriginalRequestId = "originalRequestId",
    HomeTenantId = "homeTenantId",
    ResourceTenantId = "resourceTenantId",
    CrossTenantAccessType = "crossTenantAccessType",
    Status = "status",
    UserId = "userId",
    UserPrincipalName = "userPrincipalName",
    UserDisplayName = "userDisplayName",
    UserType = "userType",
    ServicePrincipalId = "servicePrincipalId",
    ServicePrincipalName = "servicePrincipalName",
    AppId = "appId",
    AppDisplayName = "appDisplayName",
    ResourceDisplayName = "resourceDisplayName",
    ClientAppUsed = "clientAppUsed",
    UserAgent = "userAgent",
    IsInteractive = "isInteractive",
    AuthenticationProtocol = "authenticationProtocol",
    IncomingTokenType = "incomingTokenType",
    ClientCredentialType = "clientCredentialType",
    TokenIssuerType = "tokenIssuerType",
    OriginalTransferMethod = "originalTransferMethod",
    DeviceDetail = "deviceDetail",
    NetworkLocationDetails = "networkLocationDetails",
    RiskLevelDuringSignIn = "riskLevelDuringSignIn",
    RiskLevelAggregated = "riskLevelAggregated",
    RiskState = "riskState",
    RiskDetail = "riskDetail",
    RiskEventTypes = "riskEventTypes",
    RiskEventTypesV2 = "riskEventTypes_v2",
    FlaggedForReview = "flaggedForReview",
    ConditionalAccessStatus = "conditionalAccessStatus",
    AppliedConditionalAccessPolicies = "appliedConditionalAccessPolicies",
    ConditionalAccessPolicies = "conditionalAccessPolicies",
    AuthenticationRequirement = "authenticationRequirement",
    AuthenticationRequirementPolicies = "authenticationRequirementPolicies",
    AuthenticationDetails = "authenticationDetails",
    MfaDetail = "mfaDetail",
    SessionLifetimePolicies = "sessionLifetimePolicies",
    SignInEventTypes = "signInEventTypes",
}

const LONGEST: usize = 33;

/// [`KEYS`] by length, and where each length begins: a look-up compares the few keys of its
/// own length.
const BY_LENGTH: [(&str, Field); KEYS.len()] = by_length().0;
const START: [u8; LONGEST + 2] = by_length().1;

const fn by_length() -> ([(&'static str, Field); KEYS.len()], [u8; LONGEST + 2]) {
    let mut sorted = KEYS;
    let mut start = [0; LONGEST + 2];
    let (mut length, mut next) = (0, 0);
    while length <= LONGEST {
        let mut key = 0;
        while key < KEYS.len() {
            if KEYS[key].0.len() == length {
                sorted[next] = KEYS[key];
                next += 1;
            }
            key += 1;
        }
        length += 1;
        #[allow(clippy::cast_possible_truncation, reason = "fewer than 64 keys")]
        {
            start[length] = next as u8;
        }
    }
    // A key longer than LONGEST would be lost: this stops the build instead.
    assert!(next == KEYS.len());
    (sorted, start)
}

impl Field {
    /// The field that a key of a record names.
    pub(super) fn from_key(key: &str) -> Option<Field> {
        let length = key.len();
        if length > LONGEST {
            return None;
        }
        BY_LENGTH[usize::from(START[length])..usize::from(START[length + 1])]
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, field)| *field)
    }
}

/// The fields of one record that held the wrong type, and were read as absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldFaults(u64);

const _: () = assert!(Field::ALL.len() <= 64);

impl FieldFaults {
    pub(super) const fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u8;
    }

    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL
            .into_iter()
            .filter(move |field| self.contains(*field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_case() {
        for field in Field::ALL {
            let name = field.as_str();
            let expected = (field != Field::ErrorCodeConflict).then_some(field);
            assert_eq!(Field::from_key(name), expected, "{name}");
            assert_eq!(Field::from_key(&name.to_ascii_lowercase()), expected);
            assert_eq!(Field::from_key(&name.to_ascii_uppercase()), expected);
        }
        for unknown in ["", "x", "é", "createdDateTim", "createdDateTimes", "tıme"] {
            assert_eq!(Field::from_key(unknown), None, "{unknown}");
        }
        assert_eq!(Field::from_key(&"a".repeat(1000)), None);
    }

    #[test]
    fn faults_are_a_set() {
        let mut faults = FieldFaults::default();
        assert!(faults.is_empty());
        faults.insert(Field::Time);
        faults.insert(Field::ErrorCodeConflict);
        faults.insert(Field::Time);
        assert_eq!(
            faults.iter().collect::<Vec<_>>(),
            [Field::Time, Field::ErrorCodeConflict]
        );
        assert!(!faults.contains(Field::Id));
    }
}
