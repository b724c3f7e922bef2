//! Whole messages through [`Reader`]: one file a concern.
mod borrowing;
mod damage;
mod fields;
mod precedence;
mod properties;
mod repeats;
mod shapes;

use super::personal::Personal;
use super::{BadReason, FieldFaults, Item, Limits, Privacy, Reader, SignIn, SkippedCategory};

const LIMITS: Limits = Limits::decompressed(1 << 20);

/// An item that outlives its message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// The id of the sign-in, and everything that it says.
    SignIn(String, String),
    Skipped(SkippedCategory),
    Bad(BadReason, Vec<u8>),
}

impl Seen {
    fn of(item: &Item<'_>) -> (u32, Seen) {
        match item {
            Item::SignIn {
                position,
                sign_in,
                faults,
            } => (
                *position,
                Seen::SignIn(
                    sign_in.id.as_deref().unwrap_or("none").to_owned(),
                    describe(sign_in, *faults),
                ),
            ),
            Item::Skipped { position, category } => (*position, Seen::Skipped(*category)),
            Item::Bad {
                position,
                bytes,
                reason,
                detail,
            } => {
                assert!(
                    detail.offset.is_none_or(|at| at <= bytes.len()),
                    "{detail} of {} bytes",
                    bytes.len()
                );
                (*position, Seen::Bad(*reason, bytes.to_vec()))
            }
        }
    }

    fn bad(reason: BadReason, bytes: &str) -> Seen {
        Seen::Bad(reason, bytes.as_bytes().to_vec())
    }

    fn id(&self) -> Option<&str> {
        match self {
            Seen::SignIn(id, _) => Some(id),
            _ => None,
        }
    }
}

/// Every field, personal ones included.
fn describe(sign_in: &SignIn<'_>, faults: FieldFaults) -> String {
    let faults: Vec<_> = faults.iter().map(super::Field::as_str).collect();
    let device = &sign_in.device;
    let place = &sign_in.location;
    format!(
        "{sign_in:?} {faults:?} {:?}",
        [
            shown(sign_in.user_id.as_ref()),
            shown(sign_in.user_principal_name.as_ref()),
            shown(sign_in.user_display_name.as_ref()),
            shown(sign_in.user_agent.as_ref()),
            shown(sign_in.ip_address.as_ref()),
            shown(device.id.as_ref()),
            shown(device.display_name.as_ref()),
            shown(place.city.as_ref()),
            shown(place.state.as_ref()),
            shown(place.country_or_region.as_ref()),
            shown(sign_in.mfa_detail.as_ref()),
        ]
    )
}

fn shown<C>(value: Option<&Personal<'_, C>>) -> Option<String> {
    value?.shown().map(ToOwned::to_owned)
}

/// The items of a message, whose positions count up from 0.
fn read(body: impl AsRef<[u8]>) -> Vec<Seen> {
    let mut seen = Vec::new();
    Reader::new(LIMITS, Privacy::default())
        .read(body.as_ref(), &mut |item| seen.push(Seen::of(&item)));
    for (expected, (position, item)) in seen.iter().enumerate() {
        assert_eq!(*position as usize, expected, "{item:?}");
    }
    seen.into_iter().map(|(_, seen)| seen).collect()
}

/// The same by the recovery path alone.
fn read_slowly(body: impl AsRef<[u8]>) -> (Vec<Seen>, usize) {
    let body = body.as_ref();
    let mut seen = Vec::new();
    let mut visit = |item: Item<'_>| seen.push(Seen::of(&item).1);
    let privacy = Privacy::default();
    let mut session = super::message::Session::new(&privacy, &mut visit);
    let work = super::recover::Recovery::new(body, 0, 0).run(&mut session);
    session.finish(body);
    (seen, work)
}

fn ids(items: &[Seen]) -> Vec<&str> {
    items.iter().filter_map(Seen::id).collect()
}

fn bad(items: &[Seen]) -> Vec<(BadReason, &str)> {
    items
        .iter()
        .filter_map(|item| match item {
            Seen::Bad(reason, bytes) => Some((*reason, std::str::from_utf8(bytes).unwrap_or("?"))),
            _ => None,
        })
        .collect()
}

/// Reads a message of one sign-in and lets `check` look at it.
fn one(body: &str, check: impl FnOnce(&SignIn<'_>, FieldFaults)) {
    let mut check = Some(check);
    Reader::new(LIMITS, Privacy::default()).read(body.as_bytes(), &mut |item| match item {
        Item::SignIn {
            sign_in, faults, ..
        } => check.take().expect("one sign-in")(sign_in, faults),
        other => panic!("{other:?} of {body}"),
    });
    assert!(check.is_none(), "no sign-in in {body}");
}

/// A record of Azure Monitor with these members of `properties`.
fn azure(properties: &str) -> String {
    format!(
        r#"{{"time":"2026-03-02T08:11:05.1234567Z","category":"SignInLogs","properties":{{{properties}}}}}"#
    )
}

const AZURE: &str = r#"{
    "time": "2026-03-02T08:13:41.7654321Z",
    "resourceId": "/tenants/0b2f6f0e-77a5-4c1d-9a55-0d4ac1e6a001/providers/Microsoft.aadiam",
    "operationName": "Sign-in activity", "operationVersion": "1.0", "category": "SignInLogs",
    "tenantId": "0b2f6f0e-77a5-4c1d-9a55-0d4ac1e6a001",
    "resultType": "53003", "resultSignature": "None",
    "resultDescription": "Access has been blocked by policies.",
    "durationMs": 0, "callerIpAddress": "192.0.2.44", "correlationId": "c0ffee00-1111-4222-8333-944455556666",
    "identity": "Ada Vale", "Level": 4, "location": "SE",
    "properties": {
        "id": "a1", "createdDateTime": "2026-03-02T08:11:05.1234567+00:00",
        "userDisplayName": "Ada Vale", "userPrincipalName": "ada@example.org", "userId": "u-1",
        "appId": "app-1", "appDisplayName": "Payroll", "ipAddress": "192.0.2.44",
        "status": {"errorCode": 53003, "failureReason": "Access has been blocked by policies.", "additionalDetails": "Blocked."},
        "clientAppUsed": "Browser", "userAgent": "Mozilla/5.0",
        "deviceDetail": {"deviceId": "d-1", "displayName": "LAPTOP", "operatingSystem": "Windows 11", "browser": "Edge 130", "isCompliant": true, "trustType": "Azure AD joined"},
        "location": {"city": "Lund", "state": "Skane", "countryOrRegion": "SE", "geoCoordinates": {"latitude": 55.7, "longitude": 13.2}},
        "mfaDetail": {}, "correlationId": "c0ffee00-1111-4222-8333-944455556666",
        "conditionalAccessStatus": "failure",
        "appliedConditionalAccessPolicies": [
            {"id": "p-1", "displayName": "Block outside", "enforcedGrantControls": ["Block"], "enforcedSessionControls": [], "result": "failure", "conditionsSatisfied": 11, "conditionsNotSatisfied": 0},
            {"id": "p-2", "displayName": "Legacy", "enforcedGrantControls": ["Block", "Guest terms"], "enforcedSessionControls": ["SignInFrequency"], "result": "notApplied", "conditionsSatisfied": 3, "conditionsNotSatisfied": 16}
        ],
        "authenticationRequirement": "multiFactorAuthentication",
        "authenticationRequirementPolicies": [{"requirementProvider": "multiConditionalAccess", "detail": "Conditional Access"}],
        "authenticationDetails": [{"authenticationStepDateTime": "2026-03-02T08:11:05+00:00", "authenticationMethod": "Password", "succeeded": true, "authenticationStepResultDetail": "Correct password", "authenticationStepRequirement": "Primary authentication", "StatusSequence": 0, "RequestSequence": 1772439065000}],
        "networkLocationDetails": [{"networkType": "namedNetwork", "networkNames": ["Office"]}],
        "riskDetail": "none", "riskLevelAggregated": "none", "riskLevelDuringSignIn": "low", "riskState": "atRisk",
        "riskEventTypes": [], "riskEventTypes_v2": ["unfamiliarFeatures"],
        "resourceDisplayName": "Payroll API", "resourceId": "res-1", "resourceTenantId": "t-res", "homeTenantId": "t-home",
        "isInteractive": true, "tokenIssuerType": "AzureAD", "authenticationProtocol": "oAuth2",
        "incomingTokenType": "none", "crossTenantAccessType": "none", "userType": "Member",
        "flaggedForReview": false, "newKeyOfTomorrow": {"a": [1, {"b": null}]}
    }
}"#;

/// The same sign-in as a Log Analytics row, nested columns as JSON text.
const ROW: &str = r#"{
    "TimeGenerated": "2026-03-02T08:11:05.1234567Z", "Type": "SigninLogs", "TenantId": "workspace-1",
    "AADTenantId": "0b2f6f0e-77a5-4c1d-9a55-0d4ac1e6a001", "Category": "SignInLogs", "Id": "a1",
    "ResultType": "53003", "ResultDescription": "Access has been blocked by policies.",
    "Identity": "Ada Vale", "Level": "4", "Location": "SE", "IPAddress": "192.0.2.44",
    "CorrelationId": "c0ffee00-1111-4222-8333-944455556666", "CreatedDateTime": "2026-03-02T08:11:05.1234567Z",
    "UserDisplayName": "Ada Vale", "UserPrincipalName": "ada@example.org", "UserId": "u-1", "AppId": "app-1",
    "AppDisplayName": "Payroll", "ResourceIdentity": "res-1", "ResourceDisplayName": "Payroll API",
    "ResourceId": "/tenants/0b2f6f0e-77a5-4c1d-9a55-0d4ac1e6a001/providers/Microsoft.aadiam",
    "Status": "{\"errorCode\":53003,\"failureReason\":\"Access has been blocked by policies.\",\"additionalDetails\":\"Blocked.\"}",
    "DeviceDetail": "{\"deviceId\":\"d-1\",\"displayName\":\"LAPTOP\",\"operatingSystem\":\"Windows 11\",\"browser\":\"Edge 130\",\"isCompliant\":true,\"trustType\":\"Azure AD joined\"}",
    "LocationDetails": "{\"city\":\"Lund\",\"state\":\"Skane\",\"countryOrRegion\":\"SE\"}",
    "MfaDetail": "", "Agent": "{\"agentType\":\"notAgentic\"}", "ClientAppUsed": "Browser", "UserAgent": "Mozilla/5.0",
    "ConditionalAccessStatus": "failure",
    "ConditionalAccessPolicies": "[{\"id\":\"p-1\",\"displayName\":\"Block outside\",\"enforcedGrantControls\":[\"Block\"],\"enforcedSessionControls\":[],\"result\":\"failure\",\"conditionsSatisfied\":11,\"conditionsNotSatisfied\":0},{\"id\":\"p-2\",\"displayName\":\"Legacy\",\"enforcedGrantControls\":[\"Block\",\"Guest terms\"],\"enforcedSessionControls\":[\"SignInFrequency\"],\"result\":\"notApplied\",\"conditionsSatisfied\":3,\"conditionsNotSatisfied\":16}]",
    "AuthenticationRequirement": "multiFactorAuthentication",
    "AuthenticationRequirementPolicies": "[{\"requirementProvider\":\"multiConditionalAccess\",\"detail\":\"Conditional Access\"}]",
    "AuthenticationDetails": "[{\"authenticationStepDateTime\":\"2026-03-02T08:11:05+00:00\",\"authenticationMethod\":\"Password\",\"succeeded\":true,\"authenticationStepResultDetail\":\"Correct password\",\"authenticationStepRequirement\":\"Primary authentication\"}]",
    "NetworkLocationDetails": "[{\"networkType\":\"namedNetwork\",\"networkNames\":[\"Office\"]}]",
    "RiskDetail": "none", "RiskLevelAggregated": "none", "RiskLevelDuringSignIn": "low", "RiskState": "atRisk",
    "RiskEventTypes": "[]", "RiskEventTypes_V2": "[\"unfamiliarFeatures\"]",
    "ResourceTenantId": "t-res", "HomeTenantId": "t-home", "IsInteractive": true, "TokenIssuerType": "AzureAD",
    "AuthenticationProtocol": "oAuth2", "IncomingTokenType": "none", "CrossTenantAccessType": "none",
    "UserType": "Member", "FlaggedForReview": "false"
}"#;

/// The same sign-in as Graph gives it.
const GRAPH: &str = r#"{
    "id": "a1", "createdDateTime": "2026-03-02T08:11:05.1234567Z", "signInEventTypes": ["interactiveUser"],
    "tenantId": "0b2f6f0e-77a5-4c1d-9a55-0d4ac1e6a001",
    "userDisplayName": "Ada Vale", "userPrincipalName": "ada@example.org", "userId": "u-1",
    "appId": "app-1", "appDisplayName": "Payroll", "ipAddress": "192.0.2.44",
    "status": {"errorCode": 53003, "failureReason": "Access has been blocked by policies.", "additionalDetails": "Blocked."},
    "clientAppUsed": "Browser", "userAgent": "Mozilla/5.0", "correlationId": "c0ffee00-1111-4222-8333-944455556666",
    "deviceDetail": {"deviceId": "d-1", "displayName": "LAPTOP", "operatingSystem": "Windows 11", "browser": "Edge 130", "isCompliant": true, "isManaged": null, "trustType": "Azure AD joined"},
    "location": {"city": "Lund", "state": "Skane", "countryOrRegion": "SE"},
    "mfaDetail": null, "conditionalAccessStatus": "failure", "conditionalAccessAudiences": "audience",
    "appliedConditionalAccessPolicies": [
        {"id": "p-1", "displayName": "Block outside", "enforcedGrantControls": ["Block"], "enforcedSessionControls": [], "sessionControlsNotSatisfied": [], "result": "failure", "conditionsSatisfied": "application,users,location", "conditionsNotSatisfied": "none", "authenticationStrength": null, "includeRulesSatisfied": [], "excludeRulesSatisfied": []},
        {"id": "p-2", "displayName": "Legacy", "enforcedGrantControls": ["Block", "Guest terms"], "enforcedSessionControls": ["SignInFrequency"], "result": "notApplied", "conditionsSatisfied": "application,users", "conditionsNotSatisfied": "clientType"}
    ],
    "authenticationRequirement": "multiFactorAuthentication",
    "authenticationRequirementPolicies": [{"requirementProvider": "multiConditionalAccess", "detail": "Conditional Access"}],
    "authenticationDetails": [{"authenticationStepDateTime": "2026-03-02T08:11:05Z", "authenticationMethod": "Password", "authenticationMethodDetail": null, "succeeded": true, "authenticationStepResultDetail": "Correct password", "authenticationStepRequirement": "Primary authentication"}],
    "networkLocationDetails": [{"networkType": "namedNetwork", "networkNames": ["Office"]}],
    "riskDetail": "none", "riskLevelAggregated": "none", "riskLevelDuringSignIn": "low", "riskState": "atRisk",
    "riskEventTypes": [], "riskEventTypes_v2": ["unfamiliarFeatures"],
    "resourceDisplayName": "Payroll API", "resourceId": "res-1", "resourceTenantId": "t-res", "homeTenantId": "t-home",
    "isInteractive": true, "tokenIssuerType": "AzureAD", "authenticationProtocol": "oAuth2",
    "incomingTokenType": "none", "crossTenantAccessType": "none", "userType": "Member", "flaggedForReview": false
}"#;
