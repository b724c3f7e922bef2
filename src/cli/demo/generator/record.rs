//! Writes an attempt as the record that Azure Monitor sends.
use std::fmt;

use super::attempt::{Attempt, Factor, Network, Risk};
use super::endings::Decided;
use super::json::Object;
use super::person;
use super::policies::{Aim, Policies};
use super::random::Random;
use super::tenant::Tenant;
use super::times::{Iso, UsFormat, WithOffset};
use crate::signin::Category;

/// Only what identifies a sign-in and names its scenario.
pub fn write_minimal(attempt: &Attempt, tenant: &Tenant, out: &mut String) {
    let mut record = Object::open(out);
    record
        .shown("time", Iso(attempt.logged))
        .text("category", attempt.category.as_str())
        .shown("tenantId", tenant.id)
        .shown("resultType", attempt.ending.code);
    let mut properties = record.object("properties");
    properties
        .shown("id", attempt.id)
        .shown("createdDateTime", Iso(attempt.created))
        .shown("correlationId", attempt.correlation_id);
    account(attempt, tenant, &mut properties);
    properties.shown("appId", tenant.apps[attempt.app].id);
    status(attempt, &mut properties);
    properties.close();
    record.close();
}

/// Every field, with the differences between categories and between the years.
pub fn write_full(attempt: &Attempt, tenant: &Tenant, policies: &Policies, out: &mut String) {
    let random = &mut Random::new(attempt.seed);
    let code = attempt.ending.code;
    let mut record = Object::open(out);
    if random.chance(200) {
        record.shown("time", UsFormat(attempt.logged));
    } else {
        record.shown("time", Iso(attempt.logged));
    }
    record
        .shown(
            "resourceId",
            format_args!("/tenants/{}/providers/Microsoft.aadiam", tenant.id),
        )
        .text("operationName", "Sign-in activity")
        .text("operationVersion", "1.0")
        .text("category", attempt.category.as_str())
        .shown("tenantId", tenant.id)
        .shown("resultType", code)
        .text(
            "resultSignature",
            if code == 0 { "SUCCESS" } else { "FAILURE" },
        );
    if code != 0 {
        record.text("resultDescription", attempt.ending.reason);
    }
    record
        .json("durationMs", if random.chance(500) { "\"0\"" } else { "0" })
        .shown("callerIpAddress", address(attempt))
        .shown("correlationId", attempt.correlation_id);
    if attempt.category.is_user() {
        record.text("identity", &attempt.user(tenant).name);
    }
    record.json(
        if random.chance(300) { "level" } else { "Level" },
        if random.chance(500) { "\"4\"" } else { "4" },
    );
    if attempt.category != Category::Adfs {
        record.text("location", attempt.place.country);
    }
    let mut properties = record.object("properties");
    properties
        .shown("id", attempt.id)
        .shown("createdDateTime", WithOffset(attempt.created));
    account(attempt, tenant, &mut properties);
    if attempt.category.is_user() {
        person::write(
            attempt,
            attempt.user(tenant),
            tenant,
            random,
            &mut properties,
        );
    }
    common_properties(attempt, tenant, random, &mut properties);

    let list = properties.key("appliedConditionalAccessPolicies");
    list.push('[');
    let ca_status = policies.write(attempt, tenant, list);
    list.push(']');
    properties.text("conditionalAccessStatus", ca_status);
    let device_code = attempt
        .decider
        .is_some_and(|decider| policies.aim(decider) == Aim::DeviceCodeFlow);
    properties
        .text(
            "authenticationProtocol",
            if device_code { "deviceCode" } else { "none" },
        )
        .text(
            "originalTransferMethod",
            if device_code {
                "deviceCodeFlow"
            } else {
                "none"
            },
        );
    properties.close();
    record.close();
}

fn account(attempt: &Attempt, tenant: &Tenant, properties: &mut Object<'_>) {
    if attempt.category.is_user() {
        let user = attempt.user(tenant);
        properties
            .text("userDisplayName", &user.name)
            .text("userPrincipalName", &user.upn)
            .shown("userId", user.id);
    } else {
        let workload = &tenant.workloads[attempt.account % tenant.workloads.len()];
        properties
            .json("userId", "null")
            .text("servicePrincipalName", &workload.name)
            .shown("servicePrincipalId", workload.principal_id);
    }
}

fn status(attempt: &Attempt, properties: &mut Object<'_>) {
    let mut status = properties.object("status");
    status.raw("errorCode", attempt.ending.code);
    if !attempt.ending.reason.is_empty() {
        status.text("failureReason", attempt.ending.reason);
    }
    match attempt.factor {
        Factor::Claim => {
            status.text(
                "additionalDetails",
                "MFA requirement satisfied by claim in the token",
            );
        }
        Factor::Performed => {
            status.text("additionalDetails", "MFA completed in Azure AD");
        }
        Factor::Denied => {
            status.text(
                "additionalDetails",
                "MFA denied; user declined the authentication",
            );
        }
        Factor::NotAsked | Factor::Pending => {}
    }
    status.close();
}

/// What every category has.
fn common_properties(
    attempt: &Attempt,
    tenant: &Tenant,
    random: &mut Random,
    properties: &mut Object<'_>,
) {
    let resource = &tenant.resources[attempt.resource];
    let app = if attempt.category.is_user() {
        &tenant.apps[attempt.app]
    } else {
        &tenant.workloads[attempt.account % tenant.workloads.len()]
    };
    properties
        .shown("appId", app.id)
        .text("appDisplayName", &app.name)
        .shown("resourceId", resource.id)
        .text("resourceDisplayName", &resource.name)
        .shown("resourceServicePrincipalId", resource.principal_id)
        .shown("ipAddress", address(attempt));
    status(attempt, properties);

    let place = attempt.place;
    let mut location = properties.object("location");
    location.text("city", place.city);
    if !place.state.is_empty() {
        location.text("state", place.state);
    }
    location.text("countryOrRegion", place.country);
    let mut coordinates = location.object("geoCoordinates");
    coordinates
        .json("latitude", place.latitude)
        .json("longitude", place.longitude);
    coordinates.close();
    location.close();

    properties
        .shown("correlationId", attempt.correlation_id)
        .shown("originalRequestId", attempt.original_id)
        .raw("isInteractive", attempt.category == Category::Interactive)
        .text("tokenIssuerType", token_issuer(attempt.category))
        .json("authenticationProcessingDetails", processing_details(attempt, random))
        .json("networkLocationDetails", match attempt.network {
            Network::Office(_) => {
                "[{\"networkType\":\"trustedNamedLocation\",\"networkNames\":[\"Contoso offices\"]}]"
            }
            _ => "[]",
        })
        .json("clientCredentialType", match attempt.category {
            Category::ServicePrincipal => "\"clientSecret\"",
            Category::ManagedIdentity => "\"managedIdentity\"",
            _ => "\"none\"",
        })
        .raw("processingTimeInMilliseconds", random.between(40, 900))
        .raw("autonomousSystemNumber", 64_496 + random.below(16));
    risk(attempt, properties);
    properties
        .json("flaggedForReview", "false")
        .json("isTenantRestricted", "false")
        .json("isThroughGlobalSecureAccess", "false")
        .text("incomingTokenType", match attempt.category {
            Category::NonInteractive => {
                if random.chance(5_000) { "refreshToken" } else { "primaryRefreshToken" }
            }
            _ => "none",
        })
        .shown("resourceTenantId", tenant.id)
        .shown("uniqueTokenIdentifier", random.guid())
        .json("sessionLifetimePolicies", if attempt.ending.decided == Decided::Session {
            "[{\"expirationRequirement\":\"signInFrequencyPeriodicReauthentication\",\"detail\":\"Sign-in frequency (periodic re-authentication)\"}]"
        } else {
            "[]"
        })
        .json("privateLinkDetails", "{}")
        .json("agent", "{\"agentType\":\"notAgentic\",\"agentSubjectType\":\"notAgentic\"}");
}

fn risk(attempt: &Attempt, properties: &mut Object<'_>) {
    let (level, state, detections) = match attempt.risk {
        Risk::None => ("none", "none", "[]"),
        Risk::Low => ("low", "atRisk", "[\"unfamiliarFeatures\"]"),
        Risk::Medium => ("medium", "atRisk", "[\"anonymizedIPAddress\"]"),
        Risk::High => (
            "high",
            "atRisk",
            "[\"leakedCredentials\",\"maliciousIPAddress\"]",
        ),
    };
    properties
        .text("riskDetail", "none")
        .text("riskLevelAggregated", level)
        .text("riskLevelDuringSignIn", level)
        .text("riskState", state)
        .json("riskEventTypes", detections)
        .json("riskEventTypes_v2", detections);
}

const fn token_issuer(category: Category) -> &'static str {
    match category {
        Category::Adfs => "ADFederationServices",
        _ => "AzureAD",
    }
}

const fn processing_details(attempt: &Attempt, random: &mut Random) -> &'static str {
    if !attempt.category.is_user() {
        return "[{\"key\":\"Azure AD App Authentication Library\",\"value\":\"Family: MSAL Library: MSAL.NetCore 4.66.2.0 Platform: .NET 8.0\"}]";
    }
    if random.chance(5_000) {
        "[{\"key\":\"Legacy TLS (TLS 1.0, 1.1, 3DES)\",\"value\":\"False\"},{\"key\":\"Oauth Scope Info\",\"value\":\"[Mail.Read, User.Read, offline_access, openid, profile]\"},{\"key\":\"Is CAE Token\",\"value\":\"True\"}]"
    } else {
        "[{\"key\":\"Login Hint Present\",\"value\":\"True\"},{\"key\":\"Is CAE Token\",\"value\":\"False\"}]"
    }
}

fn address(attempt: &Attempt) -> impl fmt::Display {
    struct Shown(Network);
    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.0 {
                Network::Office(host) => write!(f, "192.0.2.{host}"),
                Network::Home(host) => write!(f, "198.51.100.{host}"),
                Network::Mobile(host) => write!(f, "2001:db8:0:17::{host:x}"),
                Network::Foreign(host) => write!(f, "203.0.113.{host}"),
            }
        }
    }
    Shown(attempt.network)
}
