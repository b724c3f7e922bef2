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

/// A table of the keys by [`slot`], in which each has a slot of its own: a look-up compares one key.
const SLOTS: usize = 256;
static BY_SLOT: [Option<(&str, Field)>; SLOTS] = by_slot();

const fn by_slot() -> [Option<(&'static str, Field)>; SLOTS] {
    let mut slots = [None; SLOTS];
    let mut next = 0;
    while next < KEYS.len() {
        let slot = slot(KEYS[next].0.as_bytes());
        // Two keys in one slot stop the build: another MULTIPLIER parts them.
        assert!(slots[slot].is_none());
        slots[slot] = Some(KEYS[next]);
        next += 1;
    }
    slots
}

/// Chosen so that no two keys share a slot.
const MULTIPLIER: u32 = 0x6518_093d;

/// Of a key, whatever the case of its letters: from its length and three of its characters.
const fn slot(key: &[u8]) -> usize {
    const fn at(key: &[u8], place: usize) -> u32 {
        // Upper case becomes lower case; the rest is told apart by the comparison.
        if place < key.len() {
            (key[place] | 0x20) as u32
        } else {
            0
        }
    }
    let length = key.len();
    let last = at(key, length.wrapping_sub(1));
    let inner = at(key, 2 * length / 3);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "any number will do for longer keys"
    )]
    let mixed = at(key, 0) | inner << 8 | last << 16 | (length as u32) << 24;
    (mixed.wrapping_mul(MULTIPLIER) >> 24) as usize
}

impl Field {
    /// The field that a key of a record names.
    #[inline]
    pub(super) fn from_key(key: &str) -> Option<Field> {
        let (name, field) = BY_SLOT[slot(key.as_bytes())]?;
        // As the stream spells it, most of the time.
        (name == key || name.eq_ignore_ascii_case(key)).then_some(field)
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

    pub(super) const fn add(&mut self, others: FieldFaults) {
        self.0 |= others.0;
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
