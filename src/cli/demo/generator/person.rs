//! Writes what only a person's sign-in says: client, device, second factor.
use super::attempt::{Attempt, Factor, Requirement};
use super::json::Object;
use super::random::Random;
use super::tenant::{Tenant, User};
use super::times::Iso;
use crate::signin::Category;

static SECOND_FACTORS: [&str; 3] = [
    "Mobile app notification",
    "Text message",
    "FIDO2 security key",
];

static LEGACY_CLIENTS: [&str; 4] = [
    "Exchange ActiveSync",
    "IMAP4",
    "Authenticated SMTP",
    "Other clients",
];

pub fn write(
    attempt: &Attempt,
    user: &User,
    tenant: &Tenant,
    random: &mut Random,
    properties: &mut Object<'_>,
) {
    properties
        .text("userType", if user.is_guest { "Guest" } else { "Member" })
        .text("signInIdentifier", &user.upn)
        .text("alternateSignInName", "")
        .shown(
            "homeTenantId",
            if user.is_guest {
                tenant.partner_id
            } else {
                tenant.id
            },
        )
        .text(
            "crossTenantAccessType",
            if user.is_guest {
                "b2bCollaboration"
            } else {
                "none"
            },
        )
        .text("clientAppUsed", client_app(attempt, random))
        .text("userAgent", user.device.user_agent);
    device(attempt, user, properties);
    properties.json("mfaDetail", "{}");
    let multi_factor = attempt.requirement != Requirement::Nobody;
    properties.text(
        "authenticationRequirement",
        if multi_factor {
            "multiFactorAuthentication"
        } else {
            "singleFactorAuthentication"
        },
    );
    // The source is often left out.
    let source = match attempt.requirement {
        Requirement::Policy if random.chance(6_000) => {
            "[{\"requirementProvider\":\"multiConditionalAccess\",\"detail\":\"Conditional Access\"}]"
        }
        Requirement::PerUser => "[{\"requirementProvider\":\"user\",\"detail\":\"Per-user MFA\"}]",
        _ => "[]",
    };
    properties.json("authenticationRequirementPolicies", source);
    steps(attempt, properties, random);
    properties
        .json("authenticationContextClassReferences", "[]")
        .json("authenticationStrengths", "[]")
        .json("appServicePrincipalId", "null")
        .shown("sessionId", random.guid())
        .shown("appOwnerTenantId", tenant.id)
        .shown("resourceOwnerTenantId", tenant.id)
        .text("signInTokenProtectionStatus", "none")
        .json("tokenProtectionStatusDetails", "{\"signInSessionStatus\":\"unbound\",\"signInSessionStatusCode\":1002}")
        .json("conditionalAccessAudiences", if random.chance(5_000) {
            "[\"00000003-0000-0000-c000-000000000000\"]"
        } else {
            "[{\"applicationId\":\"00000003-0000-0000-c000-000000000000\",\"audienceReasons\":\"none\"}]"
        });
}

/// Flags are left out where false, and everything where the device is not known.
fn device(attempt: &Attempt, user: &User, properties: &mut Object<'_>) {
    let own = &user.device;
    let mut device = properties.object("deviceDetail");
    if let Some(trust_type) = own.trust_type.filter(|_| attempt.known_device) {
        device
            .shown("deviceId", own.id)
            .text("displayName", &own.name)
            .text("trustType", trust_type);
        if own.is_compliant {
            device.json("isCompliant", "true").json("isManaged", "true");
        }
    }
    device
        .text("operatingSystem", own.operating_system)
        .text("browser", own.browser);
    device.close();
}

fn steps(attempt: &Attempt, properties: &mut Object<'_>, random: &mut Random) {
    let list = properties.key("authenticationDetails");
    list.push('[');
    if attempt.ending.code != 50058 {
        let password_fails = matches!(attempt.ending.code, 50126 | 50053 | 50034 | 50055 | 50057);
        let mut first = Object::open(list);
        first
            .shown("authenticationStepDateTime", Iso(attempt.created))
            .text(
                "authenticationMethod",
                if attempt.category == Category::Interactive {
                    "Password"
                } else {
                    "Previously satisfied"
                },
            );
        if attempt.category == Category::Interactive {
            first.text("authenticationMethodDetail", "Password Hash Sync");
        }
        first
            .raw("succeeded", !password_fails)
            .text(
                "authenticationStepResultDetail",
                if password_fails {
                    attempt.ending.reason
                } else {
                    "First factor requirement satisfied by claim in the token"
                },
            )
            .text("authenticationStepRequirement", "Primary authentication")
            .raw("StatusSequence", attempt.created.timestamp_millis())
            .json("RequestSequence", "0");
        first.close();
    }
    let second = match attempt.factor {
        // An unfinished step beside a finished sign-in occurs.
        Factor::Performed if random.chance(1_000) => Some(("false", "Authentication in progress")),
        Factor::Performed => Some(("true", "MFA successfully completed")),
        Factor::Pending => Some(("false", "Authentication in progress")),
        Factor::Denied => Some(("false", "MFA denied; user declined the authentication")),
        Factor::NotAsked | Factor::Claim => None,
    };
    if let Some((succeeded, detail)) = second {
        if list.ends_with('}') {
            list.push(',');
        }
        let mut step = Object::open(list);
        step.shown("authenticationStepDateTime", Iso(attempt.created))
            .text("authenticationMethod", random.pick::<&str>(&SECOND_FACTORS))
            .json("succeeded", succeeded)
            .text("authenticationStepResultDetail", detail)
            .text(
                "authenticationStepRequirement",
                "Multi-factor authentication",
            )
            .raw("StatusSequence", attempt.created.timestamp_millis() + 900)
            .json("RequestSequence", "1");
        step.close();
    }
    list.push(']');
}

fn client_app(attempt: &Attempt, random: &mut Random) -> &'static str {
    if attempt.legacy_client {
        return random.pick::<&str>(&LEGACY_CLIENTS);
    }
    match attempt.category {
        Category::Adfs => "Unknown",
        Category::Interactive if random.chance(7_000) => "Browser",
        _ => "Mobile Apps and Desktop clients",
    }
}
