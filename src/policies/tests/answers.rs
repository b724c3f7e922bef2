//! What values and conditions answer for the facts of a sign-in.
use super::*;
use crate::signin::NetworkLocation;

/// Looks a value up by its text, in whatever policy it is.
fn value<'s>(snapshot: &'s PolicySnapshot, text: &str) -> &'s Value {
    let conditions = snapshot.policies().iter().flat_map(Policy::conditions);
    conditions
        .flat_map(|condition| condition.include.iter().chain(&condition.exclude))
        .find(|value| value.text().starts_with(text))
        .unwrap_or_else(|| panic!("no value {text}"))
}

#[test]
#[allow(clippy::too_many_lines, clippy::useless_vec)] // a table, too large for the stack
fn a_value_answers_for_the_facts_of_a_sign_in() {
    const DEVICE_CODE: &str = "Authentication flow: device code flow";
    use Answer::{DoesNotMatch, Matches, NotKnown};

    let snapshot = snapshot();
    let ids: Vec<String> = (0..100).map(id).collect();
    let nothing = Facts::default();
    let user = |number: usize| Facts {
        user_id: Some(&ids[number]),
        ..nothing
    };
    let guest = |cross: &'static str, home: usize| Facts {
        user_type: Some("Guest"),
        cross_tenant_access_type: Some(cross),
        home_tenant_id: Some(&ids[home]),
        ..nothing
    };
    let member = |home: &'static str| Facts {
        user_type: Some("member"),
        tenant_id: Some(TENANT),
        home_tenant_id: Some(home),
        ..nothing
    };
    let from = |address: &str| Facts {
        ip_address: Some(address.parse().unwrap()),
        ..nothing
    };
    let app = |app: usize, resource: usize| Facts {
        app_id: Some(&ids[app]),
        resource_id: Some(&ids[resource]),
        ..nothing
    };
    let client = |client| Facts {
        client_app: Some(client),
        ..nothing
    };
    let system = |system| Facts {
        operating_system: Some(system),
        ..nothing
    };
    let country = |country| Facts {
        country: Some(country),
        ..nothing
    };
    let risk = |level| Facts {
        sign_in_risk: Some(level),
        ..nothing
    };
    let trust = |trust| Facts {
        trust_type: Some(trust),
        ..nothing
    };
    let service = |number: usize| Facts {
        service_principal_id: Some(&ids[number]),
        ..nothing
    };
    let flow = |method, protocol| Facts {
        transfer_method: method,
        authentication_protocol: protocol,
        ..nothing
    };
    let trusted = [NetworkLocation {
        network_type: Some("trustedNamedLocation".into()),
        network_names: vec![signin::Personal::new("headquarters".into())],
    }];
    let by_network = Facts {
        network_locations: &trusted,
        ..nothing
    };

    for (text, facts, answer) in vec![
        (
            "All resources (formerly 'All cloud apps')",
            nothing,
            Matches,
        ),
        ("All users", user(9), Matches),
        ("All users", nothing, NotKnown),
        ("All users", service(41), DoesNotMatch),
        ("No users", user(9), DoesNotMatch),
        ("User: ", user(1), Matches),
        ("User: ", user(2), DoesNotMatch),
        ("User: ", nothing, NotKnown),
        ("Group: Finance", user(2), Matches),
        ("Group: Finance", user(3), Matches),
        ("Group: Finance", user(4), Matches),
        ("Group: Finance", user(5), DoesNotMatch),
        ("Group: Finance", nothing, NotKnown),
        ("Group: Emergency", user(2), NotKnown),
        ("Group: Contractors", user(5), Matches),
        // A group in the group: its members are not in the export.
        ("Group: Contractors", user(2), NotKnown),
        ("Role: Global", user(7), Matches),
        ("Role: Global", user(6), Matches),
        ("Role: Global", user(8), NotKnown),
        ("Role: 0000", user(7), NotKnown),
        ("All guests", guest("none", 0), Matches),
        ("All guests", member(TENANT), DoesNotMatch),
        ("All guests", member("another"), NotKnown),
        (
            "Guests and external users: local",
            guest("none", 0),
            Matches,
        ),
        (
            "Guests and external users: local",
            guest("b2bCollaboration", 81),
            Matches,
        ),
        (
            "Guests and external users: local",
            guest("b2bCollaboration", 82),
            DoesNotMatch,
        ),
        (
            "Guests and external users: local",
            guest("b2bDirectConnect", 81),
            DoesNotMatch,
        ),
        (
            "Guests and external users: local",
            guest("passthrough", 81),
            NotKnown,
        ),
        (
            "Guests and external users: service",
            guest("serviceProvider", 3),
            Matches,
        ),
        ("Application: Payroll", app(31, 1), Matches),
        ("Application: Payroll", app(1, 31), Matches),
        ("Application: Payroll", app(1, 2), DoesNotMatch),
        ("Application: Payroll", nothing, NotKnown),
        ("Application: Office 365", app(1, 2), NotKnown),
        ("User action: register s", app(1, 2), NotKnown),
        ("Authentication context", nothing, NotKnown),
        (
            "Exchange ActiveSync",
            client("Exchange ActiveSync"),
            Matches,
        ),
        ("Exchange ActiveSync", client("Browser"), DoesNotMatch),
        ("Other clients", client("imap4"), Matches),
        (
            "Other clients",
            client("Mobile Apps and Desktop clients"),
            DoesNotMatch,
        ),
        ("Other clients", client("Unknown"), NotKnown),
        ("Browser", client("Browser"), Matches),
        (
            "Mobile apps",
            client("Mobile Apps and Desktop clients"),
            Matches,
        ),
        ("Any platform", nothing, Matches),
        ("Platform: iOS", system("Ios 17.1"), Matches),
        ("Platform: iOS", system("MacOs"), DoesNotMatch),
        ("Platform: Windows", system("Windows Phone 8.1"), Matches),
        (
            "Platform: Windows Phone",
            system("Windows 10"),
            DoesNotMatch,
        ),
        ("Platform: macOS", system("MacOs 14"), Matches),
        ("Platform: Android", system("Ünix"), NotKnown),
        ("Platform: Android", nothing, NotKnown),
        ("Location: Headquarters", from("203.0.113.200"), Matches),
        (
            "Location: Headquarters",
            from("2001:db8:1:ffff::1"),
            Matches,
        ),
        ("Location: Headquarters", from("203.0.114.1"), DoesNotMatch),
        ("Location: Headquarters", by_network, Matches),
        ("Location: Headquarters", nothing, NotKnown),
        ("All trusted", from("203.0.113.200"), Matches),
        ("All trusted", by_network, Matches),
        // The branch office is no trusted location; MFA trusted IPs may be.
        ("All trusted", from("198.51.100.12"), NotKnown),
        ("Location: Branch", from("198.51.100.12"), Matches),
        ("Location: Branch", from("198.51.100.21"), DoesNotMatch),
        ("Location: Nordics", country("no"), Matches),
        ("Location: Nordics", country("DE"), DoesNotMatch),
        ("Location: Nordics", nothing, NotKnown),
        ("Location: By phone", country("DE"), NotKnown),
        ("Location: All Compliant", from("203.0.113.1"), NotKnown),
        ("Location: MFA trusted", from("203.0.113.1"), NotKnown),
        ("Location: 0000", from("203.0.113.1"), NotKnown),
        ("Sign-in risk: high", risk("High"), Matches),
        ("Sign-in risk: high", risk("low"), DoesNotMatch),
        ("Sign-in risk: high", risk("hidden"), NotKnown),
        ("User risk: high", risk("high"), NotKnown),
        (
            "User risk: high",
            Facts {
                user_risk: Some("high"),
                ..nothing
            },
            Matches,
        ),
        ("Device filter", nothing, NotKnown),
        (
            "Compliant devices",
            Facts {
                is_compliant: Some(true),
                ..nothing
            },
            Matches,
        ),
        ("Compliant devices", nothing, NotKnown),
        ("Hybrid joined", trust("Hybrid Azure AD joined"), Matches),
        ("Hybrid joined", trust("Azure AD registered"), DoesNotMatch),
        (DEVICE_CODE, flow(None, Some("deviceCode")), Matches),
        (DEVICE_CODE, flow(Some("deviceCodeFlow"), None), Matches),
        (DEVICE_CODE, flow(Some("none"), Some("none")), DoesNotMatch),
        (DEVICE_CODE, flow(None, Some("oAuth2")), NotKnown),
        ("Service principal: Nightly", service(41), Matches),
        ("Service principal: Nightly", service(42), DoesNotMatch),
        ("Insider risk", nothing, NotKnown),
        ("includeAgents", user(1), NotKnown),
    ] {
        assert_eq!(value(&snapshot, text).answer(&facts), answer, "{text}");
    }
}

#[test]
fn a_remark_says_what_the_answer_rests_on() {
    let snapshot = snapshot();
    for (text, user, remark) in [
        ("User: ", 1, Some("this user")),
        ("User: ", 2, None),
        ("Group: Finance", 2, Some("the user is a member")),
        ("Group: Finance", 5, Some("the user is not a member")),
        ("Group: Emergency", 2, Some("membership not known")),
        ("Role: Global", 6, Some("the user holds the role")),
        (
            "Role: Global",
            8,
            Some("not held by the user when the snapshot was made"),
        ),
        ("Role: 0000", 7, Some("assignment not known")),
        (
            "Location: Headquarters",
            1,
            Some("the sign-in came from there"),
        ),
    ] {
        let user = id(user);
        let facts = Facts {
            user_id: Some(&user),
            ip_address: Some([203, 0, 113, 9].into()),
            ..Facts::default()
        };
        let value = value(&snapshot, text);
        assert_eq!(value.remark(value.answer(&facts)), remark, "{text}");
    }
}

#[test]
fn a_condition_answers_for_what_it_includes_and_excludes() {
    use Answer::{DoesNotMatch, Matches, NotKnown};

    let snapshot = snapshot();
    let ids: Vec<String> = (0..10).map(id).collect();
    let answer = |number: u64, condition, facts: &Facts<'_>| {
        let policy = snapshot.policy(&id(number)).unwrap();
        policy.condition(condition).unwrap().answer(facts)
    };
    let user = |number: usize| Facts {
        user_id: Some(ids[number].as_str()),
        ..Facts::default()
    };
    let users = signin::Condition::Users;
    assert_eq!(answer(101, users, &user(2)), Matches);
    assert_eq!(answer(101, users, &user(1)), DoesNotMatch);
    assert_eq!(answer(101, users, &Facts::default()), NotKnown);
    // In the group; whether in an excluded one is not known.
    assert_eq!(answer(102, users, &user(2)), NotKnown);
    assert_eq!(answer(102, users, &user(5)), DoesNotMatch);
    let phone = Facts {
        operating_system: Some("iOS 17"),
        ..Facts::default()
    };
    let platform = signin::Condition::DevicePlatform;
    assert_eq!(answer(102, platform, &phone), DoesNotMatch);
    // Only excludes.
    assert_eq!(
        answer(105, signin::Condition::DeviceState, &phone),
        NotKnown
    );
}

/// A role that is held by a group: its members are in the export, or nobody knows.
#[test]
fn a_role_that_an_unknown_group_holds_may_be_held_by_anybody() {
    let remark = |snapshot: &PolicySnapshot, user: u64| {
        let user = id(user);
        let facts = Facts {
            user_id: Some(&user),
            ..Facts::default()
        };
        let role = value(snapshot, "Role: Global");
        role.remark(role.answer(&facts))
    };
    let copy = Copy::new();
    copy.replace("groups.json", &id(15), &id(16));
    let snapshot = load(&copy.path()).unwrap();
    assert_eq!(remark(&snapshot, 7), Some("the user holds the role"));
    assert_eq!(remark(&snapshot, 6), Some("assignment not known"));
    let copy = Copy::new();
    copy.replace("roles.json", "#microsoft.graph.user", "");
    let snapshot = load(&copy.path()).unwrap();
    assert_eq!(remark(&snapshot, 9), Some("assignment not known"));
}

#[test]
fn the_facts_of_an_event_are_its_own() {
    let sign_in = signin::SignIn {
        user_id: Some(signin::Personal::new("u".into())),
        ip_address: Some(signin::Personal::new("203.0.113.7".into())),
        risk_level: Some("high".into()),
        risk_level_aggregated: Some("low".into()),
        ..signin::SignIn::default()
    };
    let facts = Facts::of(&sign_in);
    assert_eq!(facts.user_id, Some("u"));
    assert_eq!(facts.ip_address, Some([203, 0, 113, 7].into()));
    assert_eq!((facts.sign_in_risk, facts.user_risk), (Some("high"), None));
}
