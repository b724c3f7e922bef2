//! A snapshot with everything that policies hold: its texts, its answers, and broken variants.
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::signin::{self, NetworkLocation};

mod reload;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policies");
const TENANT: &str = "7c0e1a52-6f3b-4d8e-9a41-2b5d8c6e0f13";

fn snapshot() -> PolicySnapshot {
    load(Path::new(FIXTURE)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn load(folder: &Path) -> Result<PolicySnapshot, Faults> {
    PolicySnapshot::load(folder, &Limits::default())
}

/// Of the objects of the fixture: users from 1, groups from 11, locations from 21 …
fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A copy of the fixture, to be broken.
struct Copy(TempDir);

impl Copy {
    fn new() -> Copy {
        let folder = TempDir::with_prefix("signin-diagnostics-policies-").unwrap();
        for file in fs::read_dir(FIXTURE).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        Copy(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.path().join(file), text).unwrap();
    }

    fn replace(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.0.path().join(file)).unwrap();
        assert!(text.contains(old), "{file} has no {old}");
        self.write(file, &text.replacen(old, new, 1));
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.0.path().join(file)).unwrap();
    }
}

/// `kind + included - excluded`, one value a line.
fn listed(policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    for condition in policy.conditions() {
        let name = condition.kind.name();
        let included = condition.include.iter().map(|value| ('+', value));
        let excluded = condition.exclude.iter().map(|value| ('-', value));
        for (sign, value) in included.chain(excluded) {
            lines.push(format!("{name} {sign} {}", value.text()));
        }
    }
    lines
}

#[test]
fn conditions_read_as_an_administrator_reads_them() {
    let snapshot = snapshot();
    let expected: [(u64, &[&str]); 8] = [
        (
            101,
            &[
                "application + All cloud apps",
                "users + All users",
                "users - User: 00000000-0000-4000-8000-000000000001",
                "clientType + Exchange ActiveSync clients",
                "clientType + Other clients (legacy authentication)",
            ],
        ),
        (
            102,
            &[
                "application + Application: Payroll",
                "application + Application: 00000000-0000-4000-8000-000000000032",
                "application + Application: Office 365",
                "users + Group: Finance",
                "users - Group: Emergency access",
                "users - Group: Contractors",
                "users - Role: Global Administrator",
                "devicePlatform + Any platform",
                "devicePlatform - Platform: iOS",
                "devicePlatform - Platform: Windows Phone",
                "location + Any network or location",
                "location - All trusted networks and locations",
                "location - Location: Headquarters (203.0.113.0/24, 2001:db8:1::/48, trusted)",
                "location - Location: Nordics (Norway, Sweden, unknown countries)",
                "location - Location: MFA trusted IPs",
                "clientType + Any client app",
            ],
        ),
        (
            103,
            &[
                "application + Application: Microsoft Admin Portals",
                "users + No users",
                "users + Role: Global Administrator",
                "users + Role: 00000000-0000-4000-8000-000000000099",
                "clientType + Any client app",
                "signInRisk + Sign-in risk: high",
                "signInRisk + Sign-in risk: medium",
                "userRisk + User risk: high",
            ],
        ),
        (
            104,
            &[
                "application + User action: register security information",
                "application + User action: register or join devices",
                "application + Authentication context: c1",
                "users + All guests and external users",
                "users + Guests and external users: local guests, B2B collaboration guests; of \
                 the tenants 00000000-0000-4000-8000-000000000081",
                "users - Guests and external users: service provider users",
                "clientType + Any client app",
            ],
        ),
        (
            105,
            &[
                "application + All cloud apps",
                "users + All users",
                "devicePlatform + Platform: Android",
                "devicePlatform + Platform: Windows",
                "devicePlatform + Platform: macOS",
                "devicePlatform + Platform: Linux",
                "clientType + Browser",
                "clientType + Mobile apps and desktop clients",
                "deviceState - Device filter: device.isCompliant -eq True -and device.trustType \
                 -eq \"ServerAD\"",
                "authenticationFlows + Authentication flow: device code flow",
                "authenticationFlows + Authentication flow: authentication transfer",
                "insiderRisk + Insider risk: moderate",
                "insiderRisk + Insider risk: elevated",
            ],
        ),
        (
            106,
            &[
                "application + All cloud apps",
                "users + No users",
                "location + Location: Branch office (198.51.100.10 to 198.51.100.20)",
                "location + Location: By phone (Germany)",
                "location + Location: All Compliant Network locations (compliant network)",
                "location + Location: 00000000-0000-4000-8000-000000000026",
                "clientType + Any client app",
                "servicePrincipals + All service principals of this tenant",
                "servicePrincipals + Service principal: Nightly backup",
                "servicePrincipals - Service principal: Deployment",
                "servicePrincipals - Service principal filter: \
                 CustomSecurityAttribute.Team_Name -eq \"ops\"",
                "servicePrincipalRisk + Service principal risk: high",
            ],
        ),
        // What nobody knows is shown as it is.
        (
            107,
            &[
                "application + All cloud apps",
                "application - excludeNetworks: [\"n1\"]",
                "users + All users",
                "users + includeAgents: {\"mode\":\"all\"}",
                "agentIdRiskLevels + high",
                "moonPhase + {\"levels\":[\"full\"]}",
            ],
        ),
        (
            109,
            &[
                "application + All cloud apps",
                "users + All users",
                "clientType + Any client app",
                "deviceState + All devices",
                "deviceState + All devices",
                "deviceState - Compliant devices",
                "deviceState - Hybrid joined devices",
                "deviceState - Compliant devices",
            ],
        ),
    ];
    for (number, conditions) in expected {
        let policy = snapshot.policy(&id(number)).unwrap();
        assert_eq!(listed(policy), conditions, "{number}");
    }
}

#[test]
fn controls_read_as_an_administrator_reads_them() {
    let snapshot = snapshot();
    let texts = |controls: &[Control]| -> Vec<String> {
        controls
            .iter()
            .map(|control| control.text.clone())
            .collect()
    };
    for (number, grant) in [
        (101, "Block access"),
        (
            102,
            "all of: Require multifactor authentication, Require device to be marked as compliant",
        ),
        (
            103,
            "Authentication strength: Phishing-resistant MFA (windowsHelloForBusiness, fido2, \
             password + hardwareOath)",
        ),
        (
            104,
            "one of: Custom control: RequireDuo, Terms of use: \
             00000000-0000-4000-8000-000000000061",
        ),
        (
            107,
            "XOR of: Require multifactor authentication, Control: levitate, Require approved \
             client app, Require app protection policy, Require Microsoft Entra hybrid joined \
             device, Require password change, Require risk remediation, oath: [\"x\"]",
        ),
        (
            109,
            "Authentication strength: Multifactor authentication (fido2)",
        ),
    ] {
        let policy = snapshot.policy(&id(number)).unwrap();
        assert_eq!(policy.grant_controls.as_ref().unwrap().to_string(), grant);
    }
    let policy = snapshot.policy(&id(103)).unwrap();
    assert_eq!(
        texts(&policy.session_controls),
        [
            "Sign-in frequency: every 4 hours",
            "Persistent browser session: never",
            "Conditional Access App Control: monitor only",
            "Continuous access evaluation: location strictly enforced",
            "Token protection for sign-in sessions",
            "Global Secure Access profile: 00000000-0000-4000-8000-000000000071",
            "Resilience defaults: disabled",
            "tokenBindingOfTheFuture: {\"isEnabled\":true,\"mode\":\"strict\"}",
        ]
    );
    let named = |log: &str| {
        let found = policy
            .session_controls
            .iter()
            .find(|control| control.is_named(log));
        found.map(|control| control.name.as_str())
    };
    assert_eq!(named("SignInFrequency"), Some("signInFrequency"));
    assert_eq!(named("Binding"), Some("secureSignInSession"));
    assert_eq!(
        named("PersistentBrowserSessionMode"),
        Some("persistentBrowser")
    );
    assert_eq!(named("AppEnforcedRestrictions"), None);
    let policy = snapshot.policy(&id(105)).unwrap();
    assert_eq!(
        texts(&policy.session_controls),
        [
            "Sign-in frequency: every time, for multifactor authentication only",
            "App enforced restrictions",
            "Conditional Access App Control: custom policy",
        ]
    );
}

#[test]
fn a_policy_is_found_by_its_id_in_any_case_and_kept_whatever_it_is() {
    let snapshot = snapshot();
    assert_eq!(snapshot.policies().len(), 9);
    let upper = id(102).to_uppercase();
    let policy = snapshot.policy(&upper).unwrap();
    assert_eq!(
        policy.name.as_deref(),
        Some("Finance from trusted places only")
    );
    assert_eq!(policy.state, State::Enabled);
    let state = |number| &snapshot.policy(&id(number)).unwrap().state;
    assert_eq!(*state(103), State::ReportOnly);
    assert_eq!(*state(105), State::Disabled);
    assert_eq!(*state(107), State::Other("retired".to_owned()));
    assert_eq!(snapshot.policy(&id(107)).unwrap().name, None);
    let classic = snapshot.policy("CLASSIC-1").unwrap();
    assert_eq!(
        classic.name.as_deref(),
        Some("[Exchange Online] Classic  policy")
    );
    assert_eq!(classic.conditions().count(), 0);
    let other: Vec<&str> = classic
        .other
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(other, ["detail", "isClassic"]);
    for id in [
        "",
        "SecurityDefaults",
        "00000000-0000-4000-8000-000000000999",
    ] {
        assert!(snapshot.policy(id).is_none(), "{id}");
    }
    let by_address = signin::Condition::IpAddressSeenByAzureAd;
    assert!(
        snapshot
            .policy(&upper)
            .unwrap()
            .condition(by_address)
            .is_some()
    );
}

/// Looks a value up by its text, in whatever policy it is.
fn value<'s>(snapshot: &'s PolicySnapshot, text: &str) -> &'s Value {
    let conditions = snapshot.policies().iter().flat_map(Policy::conditions);
    conditions
        .flat_map(|condition| condition.include.iter().chain(&condition.exclude))
        .find(|value| value.text().starts_with(text))
        .unwrap_or_else(|| panic!("no value {text}"))
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn a_value_answers_for_the_facts_of_a_sign_in() {
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
        network_names: vec!["headquarters".into()],
    }];
    let by_network = Facts {
        network_locations: &trusted,
        ..nothing
    };

    for (text, facts, answer, remark) in [
        ("All cloud apps", nothing, Matches, None),
        ("All users", user(9), Matches, None),
        ("All users", nothing, NotKnown, None),
        ("All users", service(41), DoesNotMatch, None),
        ("No users", user(9), DoesNotMatch, None),
        ("User: ", user(1), Matches, Some("this user")),
        ("User: ", user(2), DoesNotMatch, None),
        ("User: ", nothing, NotKnown, None),
        (
            "Group: Finance",
            user(2),
            Matches,
            Some("the user is a member"),
        ),
        (
            "Group: Finance",
            user(3),
            Matches,
            Some("the user is a member"),
        ),
        (
            "Group: Finance",
            user(4),
            Matches,
            Some("the user is a member"),
        ),
        (
            "Group: Finance",
            user(5),
            DoesNotMatch,
            Some("the user is not a member"),
        ),
        (
            "Group: Finance",
            nothing,
            NotKnown,
            Some("membership not known"),
        ),
        (
            "Group: Emergency",
            user(2),
            NotKnown,
            Some("membership not known"),
        ),
        (
            "Group: Contractors",
            user(5),
            Matches,
            Some("the user is a member"),
        ),
        // A group in the group: its members are not in the export.
        (
            "Group: Contractors",
            user(2),
            NotKnown,
            Some("membership not known"),
        ),
        (
            "Role: Global",
            user(7),
            Matches,
            Some("the user holds the role"),
        ),
        (
            "Role: Global",
            user(6),
            Matches,
            Some("the user holds the role"),
        ),
        (
            "Role: Global",
            user(8),
            NotKnown,
            Some("not held by the user when the snapshot was made"),
        ),
        (
            "Role: 0000",
            user(7),
            NotKnown,
            Some("assignment not known"),
        ),
        ("All guests", guest("none", 0), Matches, None),
        ("All guests", member(TENANT), DoesNotMatch, None),
        ("All guests", member("another"), NotKnown, None),
        (
            "Guests and external users: local",
            guest("none", 0),
            Matches,
            None,
        ),
        (
            "Guests and external users: local",
            guest("b2bCollaboration", 81),
            Matches,
            None,
        ),
        (
            "Guests and external users: local",
            guest("b2bCollaboration", 82),
            DoesNotMatch,
            None,
        ),
        (
            "Guests and external users: local",
            guest("b2bDirectConnect", 81),
            DoesNotMatch,
            None,
        ),
        (
            "Guests and external users: local",
            guest("passthrough", 81),
            NotKnown,
            None,
        ),
        (
            "Guests and external users: service",
            guest("serviceProvider", 3),
            Matches,
            None,
        ),
        ("Application: Payroll", app(31, 1), Matches, None),
        ("Application: Payroll", app(1, 31), Matches, None),
        ("Application: Payroll", app(1, 2), DoesNotMatch, None),
        ("Application: Payroll", nothing, NotKnown, None),
        ("Application: Office 365", app(1, 2), NotKnown, None),
        ("User action: register s", app(1, 2), NotKnown, None),
        ("Authentication context", nothing, NotKnown, None),
        (
            "Exchange ActiveSync",
            client("Exchange ActiveSync"),
            Matches,
            None,
        ),
        ("Exchange ActiveSync", client("Browser"), DoesNotMatch, None),
        ("Other clients", client("imap4"), Matches, None),
        (
            "Other clients",
            client("Mobile Apps and Desktop clients"),
            DoesNotMatch,
            None,
        ),
        ("Other clients", client("Unknown"), NotKnown, None),
        ("Browser", client("Browser"), Matches, None),
        (
            "Mobile apps",
            client("Mobile Apps and Desktop clients"),
            Matches,
            None,
        ),
        ("Any platform", nothing, Matches, None),
        ("Platform: iOS", system("Ios 17.1"), Matches, None),
        ("Platform: iOS", system("MacOs"), DoesNotMatch, None),
        (
            "Platform: Windows",
            system("Windows Phone 8.1"),
            Matches,
            None,
        ),
        (
            "Platform: Windows Phone",
            system("Windows 10"),
            DoesNotMatch,
            None,
        ),
        ("Platform: macOS", system("MacOs 14"), Matches, None),
        ("Platform: Android", system("Ünix"), NotKnown, None),
        ("Platform: Android", nothing, NotKnown, None),
        (
            "Location: Headquarters",
            from("203.0.113.200"),
            Matches,
            Some("the sign-in came from there"),
        ),
        (
            "Location: Headquarters",
            from("2001:db8:1:ffff::1"),
            Matches,
            Some("the sign-in came from there"),
        ),
        (
            "Location: Headquarters",
            from("203.0.114.1"),
            DoesNotMatch,
            None,
        ),
        (
            "Location: Headquarters",
            by_network,
            Matches,
            Some("the sign-in came from there"),
        ),
        ("Location: Headquarters", nothing, NotKnown, None),
        (
            "All trusted",
            from("203.0.113.200"),
            Matches,
            Some("the sign-in came from there"),
        ),
        (
            "All trusted",
            by_network,
            Matches,
            Some("the sign-in came from there"),
        ),
        // The branch office is no trusted location; MFA trusted IPs may be.
        ("All trusted", from("198.51.100.12"), NotKnown, None),
        (
            "Location: Branch",
            from("198.51.100.12"),
            Matches,
            Some("the sign-in came from there"),
        ),
        (
            "Location: Branch",
            from("198.51.100.21"),
            DoesNotMatch,
            None,
        ),
        (
            "Location: Nordics",
            country("no"),
            Matches,
            Some("the sign-in came from there"),
        ),
        ("Location: Nordics", country("DE"), DoesNotMatch, None),
        ("Location: Nordics", nothing, NotKnown, None),
        ("Location: By phone", country("DE"), NotKnown, None),
        (
            "Location: All Compliant",
            from("203.0.113.1"),
            NotKnown,
            None,
        ),
        ("Location: MFA trusted", from("203.0.113.1"), NotKnown, None),
        ("Location: 0000", from("203.0.113.1"), NotKnown, None),
        ("Sign-in risk: high", risk("High"), Matches, None),
        ("Sign-in risk: high", risk("low"), DoesNotMatch, None),
        ("Sign-in risk: high", risk("hidden"), NotKnown, None),
        ("User risk: high", risk("high"), NotKnown, None),
        (
            "User risk: high",
            Facts {
                user_risk: Some("high"),
                ..nothing
            },
            Matches,
            None,
        ),
        ("Device filter", nothing, NotKnown, None),
        (
            "Compliant devices",
            Facts {
                is_compliant: Some(true),
                ..nothing
            },
            Matches,
            None,
        ),
        ("Compliant devices", nothing, NotKnown, None),
        (
            "Hybrid joined",
            trust("Hybrid Azure AD joined"),
            Matches,
            None,
        ),
        (
            "Hybrid joined",
            trust("Azure AD registered"),
            DoesNotMatch,
            None,
        ),
        (
            "Authentication flow: device",
            flow(None, Some("deviceCode")),
            Matches,
            None,
        ),
        (
            "Authentication flow: device",
            flow(Some("deviceCodeFlow"), None),
            Matches,
            None,
        ),
        (
            "Authentication flow: device",
            flow(Some("none"), Some("none")),
            DoesNotMatch,
            None,
        ),
        (
            "Authentication flow: device",
            flow(None, Some("oAuth2")),
            NotKnown,
            None,
        ),
        ("Service principal: Nightly", service(41), Matches, None),
        (
            "Service principal: Nightly",
            service(42),
            DoesNotMatch,
            None,
        ),
        ("Insider risk", nothing, NotKnown, None),
        ("includeAgents", user(1), NotKnown, None),
    ] {
        let value = value(&snapshot, text);
        let found = value.answer(&facts);
        assert_eq!((found, value.remark(found)), (answer, remark), "{text}");
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

#[test]
fn the_version_follows_the_content_and_the_time_the_export() {
    let snapshot = snapshot();
    assert_eq!(snapshot.version().len(), 12);
    assert_eq!(
        snapshot.exported_at().to_rfc3339(),
        "2026-11-20T02:00:00+00:00"
    );
    assert_eq!(snapshot.tenant_id(), Some(TENANT));
    let copy = Copy::new();
    copy.replace("tenant.json", "2026-11-20T02", "2026-11-21T02");
    let again = load(&copy.path()).unwrap();
    assert_eq!(again.version(), snapshot.version());
    assert!(again.exported_at() > snapshot.exported_at());
    copy.replace("groups.json", "Finance", "Accounting");
    assert_ne!(load(&copy.path()).unwrap().version(), snapshot.version());
}

#[test]
fn only_the_policies_are_required() {
    let copy = Copy::new();
    for file in load::FILES {
        if file != "policies.json" {
            copy.remove(file);
        }
    }
    let snapshot = load(&copy.path()).unwrap();
    assert_eq!(snapshot.tenant_id(), None);
    assert!(snapshot.applies_to(Some("anybody")));
    let changed = fs::metadata(copy.path().join("policies.json")).unwrap();
    assert_eq!(
        snapshot.exported_at(),
        DateTime::<Utc>::from(changed.modified().unwrap())
    );
    let text = listed(snapshot.policy(&id(102)).unwrap()).join("\n");
    assert!(
        text.contains("Group: 00000000-0000-4000-8000-000000000011"),
        "{text}"
    );
    let one = r#"[{"id":"00000000-0000-4000-8000-000000000001"}]"#;
    for export in [one, one.trim_matches(['[', ']']), &format!("\u{feff}{one}")] {
        copy.write("policies.json", export);
        let snapshot = load(&copy.path()).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(snapshot.policies().len(), 1);
    }
    copy.write("policies.json", "[]");
    assert_eq!(load(&copy.path()).unwrap().policies().len(), 0);
}

#[test]
fn a_snapshot_is_used_for_sign_ins_of_its_own_tenant() {
    let snapshot = snapshot();
    assert!(snapshot.applies_to(Some(&TENANT.to_uppercase())));
    assert!(snapshot.applies_to(None));
    assert!(!snapshot.applies_to(Some("another")));
    let source = |tenant: Option<&str>| Source {
        folder: FIXTURE.into(),
        tenant_id: tenant.map(ToOwned::to_owned),
        limits: Limits::default(),
    };
    assert!(source(None).load().is_ok());
    assert!(source(Some(&TENANT.to_uppercase())).load().is_ok());
    let faults = source(Some("another")).load().unwrap_err().to_string();
    assert!(
        faults.contains(&format!("it is of tenant {TENANT}, not of another")),
        "{faults}"
    );
}

#[test]
fn every_fault_of_a_broken_snapshot_is_said_with_its_place() {
    let copy = Copy::new();
    copy.replace(
        "policies.json",
        "\"excludeUsers\": [",
        "\"excludeUsers\": [7,",
    );
    copy.replace("policies.json", "\"operator\": \"OR\"", "\"operator\": 5");
    copy.replace("policies.json", "\"id\": \"classic-1\",", "");
    copy.replace("policies.json", &id(106), &id(105));
    copy.replace("namedLocations.json", "203.0.113.0/24", "203.0.113.0/40");
    copy.replace("groups.json", "\"members\": [", "\"members\": [\"nobody\",");
    copy.replace("groups.json", &id(12), "");
    copy.replace("roles.json", "\"principalId\"", "\"principal_id\"");
    copy.write(
        "applications.json",
        "{\"error\":{\"code\":\"Authorization_RequestDenied\"}}",
    );
    copy.write("authenticationStrengths.json", "[{\"id\": \"a\"},\n}");
    copy.replace("tenant.json", "2026-11-20T02:00:00Z", "yesterday");
    let faults = load(&copy.path()).unwrap_err();
    let folder = format!("{}/", copy.path().display());
    let text = faults.to_string().replace(&folder, "");
    for expected in [
        "policies.json: /value/0/conditions/users/excludeUsers/0: it is no text; ",
        "policies.json: /value/0/grantControls/operator: it is no text; ",
        "policies.json: page 2 /value/4: it has no id; ",
        "policies.json: page 2 /value/2: its id is that of page 2 /value/1; keep one",
        "namedLocations.json: /value/0/ipRanges/0: it is no range of addresses; ",
        "groups.json: /0: a member has no id that is a GUID; ",
        "groups.json: /1: it has no id; ",
        "roles.json: page 2 /value/0: it has no principalId; ",
        "applications.json: it holds an error of Microsoft Graph; give the account the rights",
        "authenticationStrengths.json: line 2, column 1: it is no JSON, or ends too early; ",
        "tenant.json: /exportedAt: it is no time; write it as ",
    ] {
        let found = text.lines().any(|line| line.starts_with(expected));
        assert!(found, "{expected}\n\n{text}");
    }
    assert_eq!(faults.listed.len(), 11, "{text}");
}

#[test]
fn what_is_no_whole_export_is_refused() {
    let refused = |file: &str, content: &str, expected: &str| {
        let copy = Copy::new();
        copy.write(file, content);
        let text = load(&copy.path()).unwrap_err().to_string();
        assert!(text.contains(expected), "{content}: {text}");
    };
    refused("policies.json", "", "it is empty");
    refused("policies.json", "5", "neither an answer of Microsoft Graph");
    refused("policies.json", "[5]", "/0: it is no object");
    refused("policies.json", "[[]]", "/0: it is no object");
    refused(
        "policies.json",
        "{\"value\":[",
        "it is no JSON, or ends too early",
    );
    refused("policies.json", "{}", "it has no id");
    refused("policies.json", "[{\"id\":7}]", "/0/id: it is no text");
    refused(
        "policies.json",
        "[{\"id\":\"a\",\"conditions\":7}]",
        "/0/conditions: it is no object",
    );
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    refused("policies.json", &deep, "");
    refused(
        "policies.json",
        "{\"value\":[],\"@odata.nextLink\":\"https://example.com\"}",
        "its last page says that further pages follow",
    );
    refused("tenant.json", "{}", "it has no tenantId");
    let copy = Copy::new();
    fs::write(copy.path().join("policies.json"), b"[\"\xff\"]").unwrap();
    assert!(
        load(&copy.path())
            .unwrap_err()
            .to_string()
            .contains("it is not UTF-8")
    );
    copy.remove("policies.json");
    let text = load(&copy.path()).unwrap_err().to_string();
    assert!(text.contains("policies.json: it cannot be read"), "{text}");
    fs::create_dir(copy.path().join("policies.json")).unwrap();
    let text = load(&copy.path()).unwrap_err().to_string();
    assert!(text.contains("policies.json: it is no file"), "{text}");
    let text = load(&copy.path().join("nowhere")).unwrap_err().to_string();
    assert!(text.contains("it is no folder that can be read"), "{text}");
}

#[test]
fn a_snapshot_beyond_the_limits_is_refused() {
    let refused = |limits: Limits, expected: &str| {
        let faults = PolicySnapshot::load(Path::new(FIXTURE), &limits).unwrap_err();
        assert!(faults.to_string().contains(expected), "{faults}");
    };
    let limits = Limits::default();
    refused(
        Limits {
            file_bytes: 1_000,
            ..limits
        },
        "policies.json: it is larger than 1000 bytes",
    );
    refused(
        Limits {
            policies: 8,
            ..limits
        },
        "it has 9 policies, more than 8",
    );
    refused(
        Limits {
            members: 5,
            ..limits
        },
        "its groups have 6 members, more than 5",
    );
    let copy = Copy::new();
    copy.write("policies.json", &format!("[{}]", vec!["{}"; 150].join(",")));
    let faults = load(&copy.path()).unwrap_err();
    assert_eq!((faults.listed.len(), faults.more), (100, 50));
    assert!(faults.to_string().ends_with("and 50 more faults"));
}

proptest::proptest! {
    #[test]
    fn no_change_of_a_byte_panics(place in 0.0..1.0_f64, byte in proptest::num::u8::ANY, which in 0..7_usize) {
        let copy = Copy::new();
        let path = copy.path().join(load::FILES[which]);
        let mut bytes = fs::read(&path).unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let place = (bytes.len() as f64 * place) as usize;
        bytes[place] = byte;
        fs::write(&path, bytes).unwrap();
        let _ = load(&copy.path());
    }
}
