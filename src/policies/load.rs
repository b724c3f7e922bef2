//! From the files of an export to a [`PolicySnapshot`], or to every fault they have.
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use xxhash_rust::xxh3::Xxh3;

use super::conditions::conditions;
use super::controls::{Strength, grant_controls, session_controls};
use super::directory::{ById, applications, groups, name, roles};
use super::fault::{Fault, Faults, Findings};
use super::json::{Item, Object, clean, items};
use super::locations::locations;
use super::value::guid;
use super::{Directory, Policy, PolicySnapshot, State};
use crate::signin::{Privacy, parse_time};

/// What describes the export itself.
const TENANT: &str = "tenant.json";
const POLICIES: &str = "policies.json";

/// The files of a snapshot, in the order in which they are read. Only the policies are required.
pub(super) const FILES: [&str; 7] = [
    TENANT,
    "namedLocations.json",
    "groups.json",
    "roles.json",
    "applications.json",
    "authenticationStrengths.json",
    POLICIES,
];

const SCRIPT: &str = "deploy/azure/export-policies.sh makes one";

/// How large a snapshot may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of one file, which is in memory while it is read.
    pub file_bytes: u64,
    pub policies: usize,
    /// Of all groups together. Each takes 20 to 40 bytes of memory for as long as the snapshot
    /// is loaded, twice that while a new one is.
    pub members: usize,
}

impl Default for Limits {
    /// Entra itself takes a few hundred policies a tenant; a million members make a file of
    /// about 60 MB.
    fn default() -> Self {
        Limits {
            file_bytes: 64 << 20,
            policies: 5_000,
            members: 1_000_000,
        }
    }
}

/// Where a snapshot comes from, and whose it has to be.
#[derive(Debug, Clone)]
pub struct Source {
    pub folder: PathBuf,
    /// `None`: of any tenant.
    pub tenant_id: Option<String>,
    pub limits: Limits,
    /// What is shown of the users whom a policy names.
    pub privacy: Privacy,
}

impl Source {
    /// The snapshot in the folder.
    ///
    /// # Errors
    ///
    /// Every fault of every file.
    pub fn load(&self) -> Result<PolicySnapshot, Faults> {
        let mut snapshot = load(&self.folder, &self.limits)?;
        snapshot.hide_personal(&self.privacy);
        let Some(wanted) = &self.tenant_id else {
            return Ok(snapshot);
        };
        let reason = match snapshot.tenant_id() {
            Some(tenant) if tenant.eq_ignore_ascii_case(wanted) => return Ok(snapshot),
            Some(tenant) => format!("it is of tenant {tenant}, not of {wanted}"),
            None => format!("it does not say that it is of tenant {wanted}"),
        };
        Err(tenant_fault(&self.folder, reason).into())
    }
}

pub(super) fn tenant_fault(folder: &Path, reason: String) -> Fault {
    Fault {
        file: folder.join(TENANT).display().to_string(),
        place: "/tenantId".to_owned(),
        reason,
        remedy: "export the policies of that tenant, or set policy_snapshot.tenant_id".to_owned(),
    }
}

pub(super) fn load(folder: &Path, limits: &Limits) -> Result<PolicySnapshot, Faults> {
    if !folder.is_dir() {
        return Err(Faults::from(Fault {
            file: folder.display().to_string(),
            place: String::new(),
            reason: "it is no folder that can be read".to_owned(),
            remedy: format!("name the folder of an export; {SCRIPT}"),
        }));
    }
    let mut findings = Findings::default();
    let mut version = Xxh3::new();
    let mut texts = HashMap::new();
    let mut modified = None;
    for file in FILES {
        let path = folder.join(file);
        findings.file = path.display().to_string();
        let Some((text, time)) = read(&path, file == POLICIES, limits, &mut findings) else {
            continue;
        };
        if file != TENANT {
            version.update(file.as_bytes());
            version.update(&text.len().to_le_bytes());
            version.update(text.as_bytes());
        }
        if file == POLICIES {
            modified = time;
        }
        texts.insert(file, text);
    }
    let mut reading = Reading {
        folder,
        texts: &texts,
        findings,
    };
    let export = reading.tenant();
    let strengths = reading.of("authenticationStrengths.json", strengths);
    let locations = reading.of("namedLocations.json", locations);
    let groups = reading.of("groups.json", |items, findings| {
        groups(items, limits, findings)
    });
    let roles = reading.of("roles.json", |items, findings| {
        roles(items, &groups, findings)
    });
    let applications = reading.of("applications.json", applications);
    let trusted: Vec<_> = locations
        .values()
        .filter(|place| place.is_trusted)
        .cloned()
        .collect();
    let directory = Directory {
        locations,
        trusted: Arc::from(trusted),
        groups,
        roles,
        applications,
        strengths,
    };
    let policies = reading.of(POLICIES, |items, findings| {
        policies(items, &directory, limits, findings)
    });
    let mut by_id = HashMap::with_capacity(policies.len());
    for (place, policy) in policies.iter().enumerate() {
        if let Some(id) = guid(&policy.id) {
            by_id.insert(id, place);
        }
    }
    let named = directory.locations.values();
    let mut locations: Vec<_> = named
        .filter_map(|location| Some((Some(location.name.clone()?), Arc::clone(location))))
        .collect();
    locations.sort_by(|(one, _), (other, _)| one.cmp(other));
    let version = format!("{:016x}", version.digest());
    reading.findings.into_result(PolicySnapshot {
        version: version.chars().take(12).collect(),
        exported_at: export.time.or(modified).unwrap_or_default(),
        tenant_id: export.tenant_id,
        contents: super::Contents {
            policies: policies.len(),
            locations: directory.locations.len(),
            groups: directory.groups.len(),
            groups_with_members: directory
                .groups
                .values()
                .filter(|group| group.members.is_some())
                .count(),
            roles: directory.roles.len(),
            applications: directory.applications.len(),
        },
        policies,
        by_id,
        locations,
    })
}

/// The file's text and the time of its last change. A file that is not there is no fault, unless
/// it is required.
fn read(
    path: &Path,
    is_required: bool,
    limits: &Limits,
    findings: &mut Findings,
) -> Option<(String, Option<DateTime<Utc>>)> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_required => return None,
        Err(error) => {
            let remedy = format!("put the export there, readable for this user; {SCRIPT}");
            findings.add("", format!("it cannot be read: {error}"), remedy);
            return None;
        }
    };
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        findings.add("", "it is no file", SCRIPT);
        return None;
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| {
        file.take(limits.file_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        let remedy = "make it readable for this user";
        findings.add("", format!("it cannot be read: {error}"), remedy);
        return None;
    }
    if bytes.len() as u64 > limits.file_bytes {
        findings.add(
            "",
            format!("it is larger than {} bytes", limits.file_bytes),
            "export only what the policies mention, without the members of very large groups",
        );
        return None;
    }
    let Ok(mut text) = String::from_utf8(bytes) else {
        findings.add("", "it is not UTF-8", "save it as UTF-8");
        return None;
    };
    // PowerShell writes a byte order mark.
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Some((text, metadata.modified().ok().map(DateTime::from)))
}

struct Reading<'t> {
    folder: &'t Path,
    texts: &'t HashMap<&'static str, String>,
    findings: Findings,
}

impl Reading<'_> {
    /// What the items of a file are; of none, where there is no file.
    fn of<T>(&mut self, file: &str, read: impl FnOnce(&[Item<'_>], &mut Findings) -> T) -> T {
        self.findings.file = self.folder.join(file).display().to_string();
        let items = self
            .texts
            .get(file)
            .map(|text| items(text, &mut self.findings));
        read(&items.unwrap_or_default(), &mut self.findings)
    }

    fn tenant(&mut self) -> Export {
        self.of(TENANT, |items, findings| {
            let mut export = Export::default();
            for item in items {
                let Some(map) = item.read(findings) else {
                    continue;
                };
                let object = Object::new(&map, "");
                export.tenant_id = object
                    .required("tenantId", findings)
                    .map(|id| id.trim().to_owned());
                if let Some(time) = object.text("exportedAt", findings) {
                    export.time = parse_time(time);
                    if export.time.is_none() {
                        let remedy = "write it as 2026-01-31T04:05:06Z";
                        findings.add("/exportedAt", "it is no time", remedy);
                    }
                }
            }
            export
        })
    }
}

/// What an export says of itself.
#[derive(Default)]
struct Export {
    tenant_id: Option<String>,
    time: Option<DateTime<Utc>>,
}

fn strengths(items: &[Item<'_>], findings: &mut Findings) -> ById<Strength> {
    let mut strengths = ById::default();
    for item in items {
        let Some(map) = item.read(findings) else {
            continue;
        };
        let object = Object::new(&map, &item.path);
        let id = object.required("id", findings);
        let strength = Strength::of(&object, findings);
        if let (Some(id), Some(strength)) = (id, strength) {
            strengths.insert(id, strength);
        }
    }
    strengths
}

fn policies(
    items: &[Item<'_>],
    directory: &Directory,
    limits: &Limits,
    findings: &mut Findings,
) -> Vec<Policy> {
    if items.len() > limits.policies {
        findings.add(
            "",
            format!(
                "it has {} policies, more than {}",
                items.len(),
                limits.policies
            ),
            "export the policies of one tenant, once",
        );
        return Vec::new();
    }
    let mut policies: Vec<Policy> = Vec::with_capacity(items.len());
    let mut seen = HashMap::new();
    for item in items {
        let Some(map) = item.read(findings) else {
            continue;
        };
        let object = Object::new(&map, &item.path);
        let Some(policy) = policy(&object, directory, findings) else {
            continue;
        };
        let first = seen.insert(policy.id.to_ascii_lowercase(), item.path.clone());
        if let Some(first) = first {
            let reason = format!("its id is that of {first}");
            findings.add(&item.path, reason, "keep one of the two");
        }
        policies.push(policy);
    }
    policies
}

fn policy(object: &Object<'_>, directory: &Directory, findings: &mut Findings) -> Option<Policy> {
    const KNOWN: [&str; 10] = [
        "id",
        "displayName",
        "state",
        "conditions",
        "grantControls",
        "sessionControls",
        "createdDateTime",
        "modifiedDateTime",
        "deletedDateTime",
        "templateId",
    ];
    let id = object.required("id", findings);
    let state = match object.text("state", findings).unwrap_or_default() {
        "enabled" => State::Enabled,
        "disabled" => State::Disabled,
        "enabledForReportingButNotEnforced" => State::ReportOnly,
        other => State::Other(clean(other)),
    };
    let conditions = object
        .object("conditions", findings)
        .map(|object| conditions(&object, directory, findings));
    let grant_controls = object
        .object("grantControls", findings)
        .and_then(|object| grant_controls(&object, directory, findings));
    let session_controls = object
        .object("sessionControls", findings)
        .map(|object| session_controls(&object, findings));
    Some(Policy {
        id: clean(id?),
        name: name(object.text("displayName", findings)),
        state,
        conditions: conditions.unwrap_or_default(),
        grant_controls,
        session_controls: session_controls.unwrap_or_default(),
        other: object
            .unknown(&KNOWN)
            .map(|(key, shown)| (clean(key), shown))
            .collect(),
    })
}
