//! The policy snapshot: an export of a tenant's Conditional Access configuration.
//!
//! A snapshot is read whole or refused with every fault ([`fault`]). It names what policies are
//! configured to ([`conditions`], [`controls`]), and compares that with a sign-in ([`value`],
//! [`facts`]). [`watch`] looks for changes of the folder, [`current`] hands the latest snapshot to
//! the workers. `docs/policy-snapshot.md` describes the files.
pub mod conditions;
pub mod controls;
mod countries;
pub mod current;
mod directory;
pub mod facts;
pub mod fault;
mod json;
mod load;
mod locations;
mod ranges;
mod users;
pub mod value;
pub mod watch;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use conditions::{Condition, Kind};
pub use controls::{Control, GrantControls, Operator};
pub use current::{Current, CurrentReader};
pub use facts::Facts;
pub use fault::{Fault, Faults};
pub use load::{Limits, Source};
pub use ranges::IpRange;
pub use value::{Answer, Value};
pub use watch::Watch;

use crate::signin::{Address, Location, Privacy, SignIn};
use controls::Strength;
use directory::{ById, Group, Role};
use locations::NamedLocation;

/// The Conditional Access policies of one tenant at one time. Read-only.
#[derive(Debug)]
pub struct PolicySnapshot {
    version: String,
    exported_at: DateTime<Utc>,
    tenant_id: Option<String>,
    contents: Contents,
    policies: Vec<Policy>,
    /// Places in `policies` of those whose id is a GUID.
    by_id: HashMap<u128, usize>,
    /// The named locations that have a name, with what may be shown of it, if anything.
    locations: Vec<(Option<String>, Arc<NamedLocation>)>,
}

/// How many of each a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    pub policies: usize,
    pub locations: usize,
    pub groups: usize,
    pub groups_with_members: usize,
    pub roles: usize,
    /// Names, by application and object id.
    pub applications: usize,
}

/// A Conditional Access policy as it is configured.
#[derive(Debug)]
pub struct Policy {
    pub id: String,
    pub name: Option<String>,
    pub state: State,
    conditions: Vec<Condition>,
    /// `None` where the policy has none, as one of session controls only.
    pub grant_controls: Option<GrantControls>,
    /// Those in force.
    pub session_controls: Vec<Control>,
    /// What is not known here (a classic policy's `detail`, say), as name and JSON.
    pub other: Vec<(String, String)>,
}

/// `state` of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Enabled,
    Disabled,
    ReportOnly,
    /// As Graph spells it; empty where it says none.
    Other(String),
}

impl PolicySnapshot {
    /// Reads the folder of an export.
    ///
    /// # Errors
    ///
    /// Every fault of every file.
    pub fn load(folder: &Path, limits: &Limits) -> Result<PolicySnapshot, Faults> {
        load::load(folder, limits)
    }

    /// Takes from the texts of the policies what may not be shown of users, and from the names of
    /// places what may not be shown of who was there; both are still compared. A place tells the
    /// address of who was there by its ranges.
    fn hide_personal(&mut self, privacy: &Privacy) {
        for (name, _) in &mut self.locations {
            let known = name.take().filter(|_| privacy.keeps::<Address>());
            *name = known.and_then(|name| privacy.shown::<Location>(&name));
        }
        let conditions = self.policies.iter_mut().flat_map(|it| &mut it.conditions);
        for value in conditions.flat_map(|it| it.include.iter_mut().chain(&mut it.exclude)) {
            value.hide_user(privacy);
            value.hide_place(privacy);
        }
    }

    /// Twelve hexadecimal digits of a hash of the files: the same content, the same version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `exportedAt` of tenant.json, else when policies.json was last changed.
    pub const fn exported_at(&self) -> DateTime<Utc> {
        self.exported_at
    }

    /// Whose it is, where the export says it.
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// False for a sign-in of another tenant: the snapshot says nothing about it. Where event or
    /// export name no tenant, the policy ids alone decide.
    pub fn applies_to(&self, tenant_id: Option<&str>) -> bool {
        match (self.tenant_id(), tenant_id) {
            (Some(own), Some(tenant)) => own.eq_ignore_ascii_case(tenant.trim()),
            _ => true,
        }
    }

    pub const fn contents(&self) -> Contents {
        self.contents
    }

    /// In the order of the export.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The named locations that a sign-in came from, each with whether it is trusted; without a
    /// name where privacy leaves it out.
    pub fn locations_of<'s>(
        &'s self,
        sign_in: &'s SignIn<'_>,
    ) -> impl Iterator<Item = (Option<&'s str>, bool)> {
        let facts = Facts::of(sign_in);
        let from_there = self
            .locations
            .iter()
            .filter(move |(_, location)| location.answer(&facts) == Answer::Matches);
        from_there.map(|(name, location)| (name.as_deref(), location.is_trusted))
    }

    /// By id, whatever its case.
    pub fn policy(&self, id: &str) -> Option<&Policy> {
        match value::guid(id) {
            Some(id) => self.by_id.get(&id).map(|place| &self.policies[*place]),
            None => self
                .policies
                .iter()
                .find(|policy| policy.id.eq_ignore_ascii_case(id)),
        }
    }
}

impl Policy {
    /// The configured conditions: those that sign-in logs name in the logs' order, then others.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter()
    }

    /// The condition that a log's name means. Logs name the address that Entra or a resource saw
    /// beside the location; a policy configures one location for all three.
    pub fn condition(&self, condition: crate::signin::Condition) -> Option<&Condition> {
        use crate::signin::Condition as Known;
        let condition = match condition {
            Known::IpAddressSeenByAzureAd | Known::IpAddressSeenByResourceProvider => {
                Known::Location
            }
            other => other,
        };
        self.conditions
            .iter()
            .find(|found| found.kind == Kind::Known(condition))
    }
}

/// What policies name by ids.
struct Directory {
    locations: ById<Arc<NamedLocation>>,
    trusted: Arc<[Arc<NamedLocation>]>,
    groups: ById<Group>,
    roles: ById<Role>,
    applications: ById<String>,
    /// Text by id.
    strengths: ById<Strength>,
}
