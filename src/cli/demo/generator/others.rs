//! What else lies on a shared hub: records of other logs, and what nobody can read.
use chrono::{DateTime, Utc};

use super::json::Object;
use super::random::Random;
use super::tenant::Tenant;
use super::times::Iso;

/// A record of a log that is no sign-in log, mostly the audit log.
pub fn write_other(now: DateTime<Utc>, tenant: &Tenant, random: &mut Random, out: &mut String) {
    let user = random.pick(&tenant.users);
    let category = if random.chance(8_500) {
        "AuditLogs"
    } else {
        random.pick(&["RiskyUsers", "UserRiskEvents", "ProvisioningLogs"])
    };
    let activity = *random.pick(&[
        "Update user",
        "Add member to group",
        "Update conditional access policy",
        "Reset user password",
    ]);
    let mut record = Object::open(out);
    record
        .shown("time", Iso(now))
        .shown(
            "resourceId",
            format_args!("/tenants/{}/providers/Microsoft.aadiam", tenant.id),
        )
        .text("operationName", activity)
        .text("operationVersion", "1.0")
        .text("category", category)
        .shown("tenantId", tenant.id)
        .text("resultType", "Update")
        .text("resultSignature", "None")
        .json("durationMs", "0")
        .text("callerIpAddress", "<null>")
        .shown("correlationId", random.guid())
        .text("Level", "4");
    let mut properties = record.object("properties");
    properties
        .shown("id", random.guid())
        .text("activityDisplayName", activity)
        .shown("activityDateTime", Iso(now))
        .text("loggedByService", "Core Directory")
        .text("result", "success")
        .text("userPrincipalName", &user.upn);
    properties.close();
    record.close();
}

/// A record with a syntax error whose end can still be found.
pub fn write_broken(now: DateTime<Utc>, out: &mut String) {
    let mut record = Object::open(out);
    record
        .shown("time", Iso(now))
        .text("category", "SignInLogs")
        .json("resultType", "")
        .json("properties", "{\"id\":}");
    record.close();
}

/// A message of something that is not JSON at all.
pub const NO_JSON: &str = "HTTP/1.1 503 Service Unavailable";
