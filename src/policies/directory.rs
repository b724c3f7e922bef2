//! The groups, roles and applications that policies name by their ids.
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::facts::Facts;
use super::fault::Findings;
use super::json::{Item, Object, clean};
use super::load::Limits;
use super::value::{Answer, guid};

/// Who is a member of a group, or holds a role.
#[derive(Debug)]
pub(super) struct Members {
    ids: HashSet<u128>,
    /// False where members may be missing: a nested group, or further pages.
    pub complete: bool,
}

impl Members {
    pub fn answer(&self, facts: &Facts<'_>) -> Answer {
        let Some(id) = facts.user_id.and_then(guid) else {
            return Answer::NotKnown;
        };
        match (self.ids.contains(&id), self.complete) {
            (true, _) => Answer::Matches,
            (false, true) => Answer::DoesNotMatch,
            (false, false) => Answer::NotKnown,
        }
    }
}

/// What is known by id; ids are GUIDs in every spelling, or texts.
#[derive(Debug)]
pub(super) struct ById<T>(HashMap<String, T>);

impl<T> Default for ById<T> {
    fn default() -> Self {
        ById(HashMap::new())
    }
}

impl<T> ById<T> {
    pub fn get(&self, id: &str) -> Option<&T> {
        self.0.get(&id.to_ascii_lowercase())
    }

    /// What the id stood for before, if anything.
    pub fn insert(&mut self, id: &str, value: T) -> Option<T> {
        self.0.insert(id.to_ascii_lowercase(), value)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }
}

#[derive(Debug)]
pub(super) struct Group {
    pub name: Option<String>,
    pub members: Option<Arc<Members>>,
}

#[derive(Debug, Default)]
pub(super) struct Role {
    pub name: Option<String>,
    pub holders: Option<Arc<Members>>,
}

/// A group as Graph gives it, of which only the id is kept of each member: a group may have
/// hundreds of thousands.
#[derive(Deserialize)]
struct GroupRow {
    id: Option<String>,
    #[serde(rename = "displayName")]
    display_name: Option<String>,
    #[serde(alias = "transitiveMembers")]
    members: Option<Vec<Member>>,
    #[serde(
        rename = "members@odata.nextLink",
        alias = "transitiveMembers@odata.nextLink"
    )]
    next_link: Option<IgnoredAny>,
}

/// The id of a member, and whether it is a group.
#[derive(Debug, Default)]
struct Member {
    id: Option<u128>,
    is_group: bool,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Member, D::Error> {
        struct MemberVisitor;
        impl<'de> Visitor<'de> for MemberVisitor {
            type Value = Member;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a member, or an object with it")
            }

            fn visit_str<E>(self, id: &str) -> Result<Member, E> {
                Ok(Member {
                    id: guid(id),
                    is_group: false,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Member, A::Error> {
                let mut member = Member::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "id" => {
                            let id: Option<String> = map.next_value()?;
                            member.id = id.as_deref().and_then(guid);
                        }
                        "@odata.type" => {
                            let kind: Option<String> = map.next_value()?;
                            member.is_group = kind.as_deref().is_some_and(is_group);
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(member)
            }
        }
        deserializer.deserialize_any(MemberVisitor)
    }
}

fn is_group(odata_type: &str) -> bool {
    odata_type == "#microsoft.graph.group"
}

pub(super) fn groups(items: &[Item<'_>], limits: &Limits, findings: &mut Findings) -> ById<Group> {
    const SHAPE: &str = "write {\"id\", \"displayName\", \"members\": [{\"id\"}]} for each group";
    let mut groups = ById::default();
    let mut members = 0;
    for item in items {
        let row = match serde_json::from_str::<GroupRow>(item.raw.get()) {
            Ok(row) => row,
            Err(error) => {
                findings.add(&item.path, format!("it is no group: {error}"), SHAPE);
                continue;
            }
        };
        let Some(id) = row.id.filter(|id| !id.is_empty()) else {
            findings.add(&item.path, "it has no id", SHAPE);
            continue;
        };
        let mut known = None;
        if let Some(rows) = row.members {
            members += rows.len();
            if rows.iter().any(|member| member.id.is_none()) {
                findings.add(&item.path, "a member has no id that is a GUID", SHAPE);
            }
            known = Some(Arc::new(Members {
                complete: row.next_link.is_none() && !rows.iter().any(|member| member.is_group),
                ids: rows.into_iter().filter_map(|member| member.id).collect(),
            }));
        }
        let group = Group {
            name: name(row.display_name.as_deref()),
            members: known,
        };
        if groups.insert(&id, group).is_some() {
            findings.add(
                &item.path,
                format!("it is the second group with the id {}", clean(&id)),
                "keep one of them, with all members",
            );
        }
    }
    if members > limits.members {
        findings.add(
            "",
            format!(
                "its groups have {members} members, more than {}",
                limits.members
            ),
            "leave out the members of the largest groups",
        );
    }
    groups
}

/// Roles by the id of their template, which policies name. Role assignments may stand among
/// them; without any, who holds a role is not known.
pub(super) fn roles(
    items: &[Item<'_>],
    groups: &ById<Group>,
    findings: &mut Findings,
) -> ById<Role> {
    let mut roles = ById::default();
    let mut templates = ById::default();
    let mut assignments = Vec::new();
    for item in items {
        let Some(map) = item.read(findings) else {
            continue;
        };
        let row = Object::new(&map, &item.path);
        if let Some(definition) = row.text("roleDefinitionId", findings) {
            let Some(principal) = row.required("principalId", findings) else {
                continue;
            };
            let kind = row
                .object("principal", findings)
                .and_then(|object| object.text("@odata.type", findings).map(ToOwned::to_owned));
            // Conditional Access does not see roles that are held for a part of the directory.
            let scope = row.text("directoryScopeId", findings).unwrap_or("/");
            if scope == "/" {
                assignments.push((definition.to_owned(), principal.to_owned(), kind));
            }
            continue;
        }
        let Some(id) = row.required("id", findings) else {
            continue;
        };
        let template = row.text("templateId", findings);
        let template = template
            .or(row.text("roleTemplateId", findings))
            .unwrap_or(id);
        templates.insert(id, template.to_owned());
        let role = Role {
            name: name(row.text("displayName", findings)),
            holders: None,
        };
        roles.insert(template, role);
    }
    hold(&mut roles, &templates, groups, &assignments);
    roles
}

type Assignment = (String, String, Option<String>);

fn hold(
    roles: &mut ById<Role>,
    templates: &ById<String>,
    groups: &ById<Group>,
    assignments: &[Assignment],
) {
    if assignments.is_empty() {
        return;
    }
    let nobody = || Members {
        ids: HashSet::new(),
        complete: true,
    };
    let mut holders: HashMap<String, Members> = HashMap::new();
    for (definition, principal, kind) in assignments {
        let template = templates.get(definition).unwrap_or(definition);
        let held = holders
            .entry(template.to_ascii_lowercase())
            .or_insert_with(nobody);
        held.ids.extend(guid(principal));
        let group = groups.get(principal);
        match group.and_then(|group| group.members.as_ref()) {
            Some(members) => {
                held.ids.extend(&members.ids);
                held.complete &= members.complete;
            }
            // Without its kind, it may be a group whose members are not in the export.
            None => held.complete &= kind.as_deref().is_some_and(|kind| !is_group(kind)),
        }
    }
    for (id, role) in &mut roles.0 {
        role.holders = Some(Arc::new(holders.remove(id).unwrap_or_else(nobody)));
    }
}

/// Names of applications, by application id and by object id.
pub(super) fn applications(items: &[Item<'_>], findings: &mut Findings) -> ById<String> {
    let mut names = ById::default();
    for item in items {
        let Some(map) = item.read(findings) else {
            continue;
        };
        let row = Object::new(&map, &item.path);
        let ids = [row.text("appId", findings), row.text("id", findings)];
        if ids.iter().all(Option::is_none) {
            let remedy = "export it again from Microsoft Graph";
            findings.add(&item.path, "it has neither appId nor id", remedy);
        }
        if let Some(name) = name(row.text("displayName", findings)) {
            for id in ids.into_iter().flatten() {
                names.insert(id, name.clone());
            }
        }
    }
    names
}

pub(super) fn name(text: Option<&str>) -> Option<String> {
    text.map(clean).filter(|name| !name.is_empty())
}
