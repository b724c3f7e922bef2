//! Users, groups, roles, guests and external users of a policy.
use super::Directory;
use super::conditions::Lists;
use super::fault::Findings;
use super::json::{Object, clean, few};
use super::value::{External, Test, Value};

const USERS: [&str; 2] = ["includeUsers", "excludeUsers"];
const GROUPS: [&str; 2] = ["includeGroups", "excludeGroups"];
const ROLES: [&str; 2] = ["includeRoles", "excludeRoles"];
const GUESTS: [&str; 2] = [
    "includeGuestsOrExternalUsers",
    "excludeGuestsOrExternalUsers",
];

pub(super) fn read(
    object: &Object<'_>,
    directory: &Directory,
    lists: &mut Lists,
    findings: &mut Findings,
) {
    lists.read(object, USERS, findings, |id| match id {
        "All" => Value::new("All users", Test::AnyUser),
        "None" => Value::new("No users", Test::Nothing),
        "GuestsOrExternalUsers" => Value::new("All guests and external users", Test::Guest),
        id => Value::new(format!("User: {}", clean(id)), Test::User(id.to_owned())),
    });
    lists.read(object, GROUPS, findings, |id| {
        let group = directory.groups.get(id);
        let name = group.and_then(|group| group.name.clone());
        Value::new(
            format!("Group: {}", name.unwrap_or_else(|| clean(id))),
            Test::Group(group.and_then(|group| group.members.clone())),
        )
    });
    lists.read(object, ROLES, findings, |id| {
        let role = directory.roles.get(id);
        let name = role.and_then(|role| role.name.clone());
        Value::new(
            format!("Role: {}", name.unwrap_or_else(|| clean(id))),
            Test::Role(role.and_then(|role| role.holders.clone())),
        )
    });
    let [included, excluded] = GUESTS.map(|key| {
        object
            .object(key, findings)
            .and_then(|guests| external(&guests, findings))
    });
    lists.include.extend(included);
    lists.exclude.extend(excluded);
    let known = [USERS, GROUPS, ROLES, GUESTS].concat();
    lists.rest(object, &known);
}

fn external(guests: &Object<'_>, findings: &mut Findings) -> Option<Value> {
    let kinds = guests.texts("guestOrExternalUserTypes", findings);
    let names: Vec<String> = kinds
        .iter()
        .map(|kind| match *kind {
            "internalGuest" => "local guests".to_owned(),
            "b2bCollaborationGuest" => "B2B collaboration guests".to_owned(),
            "b2bCollaborationMember" => "B2B collaboration members".to_owned(),
            "b2bDirectConnectUser" => "B2B direct connect users".to_owned(),
            "otherExternalUser" => "other external users".to_owned(),
            "serviceProvider" => "service provider users".to_owned(),
            other => clean(other),
        })
        .collect();
    let of = guests.object("externalTenants", findings);
    let tenants = of.as_ref().and_then(|of| {
        let members = of.texts("members", findings);
        let is_listed = of.text("membershipKind", findings) == Some("enumerated");
        (is_listed || !members.is_empty()).then_some(members)
    });
    if names.is_empty() && tenants.is_none() {
        return None;
    }
    let mut text = format!("Guests and external users: {}", few(&names));
    if let Some(tenants) = &tenants {
        let shown: Vec<String> = tenants.iter().map(|tenant| clean(tenant)).collect();
        text = format!("{text}; of the tenants {}", few(&shown));
    }
    for (key, shown) in guests.unknown(&["guestOrExternalUserTypes", "externalTenants"]) {
        text = format!("{text}; {key}: {shown}");
    }
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let external = External {
        kinds: owned(&kinds),
        tenants: tenants.map(|tenants| owned(&tenants)),
    };
    Some(Value::new(text, Test::External(external)))
}
