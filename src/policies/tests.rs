//! A snapshot with everything that policies hold: its texts, its answers, and broken variants.
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::signin;

mod answers;
mod broken;
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
#[allow(clippy::too_many_lines)] // a table
fn conditions_read_as_an_administrator_reads_them() {
    let snapshot = snapshot();
    let expected: [(u64, &[&str]); 8] = [
        (
            101,
            &[
                "application + All resources (formerly 'All cloud apps')",
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
                "application + All resources (formerly 'All cloud apps')",
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
                "application + All resources (formerly 'All cloud apps')",
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
                "application + All resources (formerly 'All cloud apps')",
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
                "application + All resources (formerly 'All cloud apps')",
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
    for (number, log) in [
        (103, "Phishing-resistant MFA"),
        (109, "Multifactor authentication"),
    ] {
        let policy = snapshot.policy(&id(number)).unwrap();
        let grants = policy.grant_controls.as_ref().unwrap();
        let mut controls = grants.controls.iter();
        assert!(controls.any(|control| control.is_named(log)), "{log}");
    }
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
        privacy: Privacy::default(),
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
fn the_places_of_a_sign_in_tell_no_address_that_is_left_out() {
    use signin::Treatment::{Drop, Keep};
    let sign_in = SignIn {
        ip_address: Some(signin::Personal::new("203.0.113.7".into())),
        ..SignIn::default()
    };
    for (address, location, expected) in [
        (Keep, Keep, Some("Headquarters")),
        (Drop, Keep, None),
        (Keep, Drop, None),
    ] {
        let treatments = signin::Treatments {
            address,
            location,
            ..signin::Treatments::default()
        };
        let source = Source {
            folder: FIXTURE.into(),
            tenant_id: None,
            limits: Limits::default(),
            privacy: Privacy::new(treatments, None),
        };
        let snapshot = source.load().unwrap();
        let places = snapshot.locations_of(&sign_in);
        let names: Vec<_> = places.map(|(name, _)| name).collect();
        assert_eq!(names, [expected], "{address:?} {location:?}");
        // What is configured would tell what is left out.
        let conditions = snapshot.policies().iter().flat_map(Policy::conditions);
        let values = conditions.flat_map(|it| it.include.iter().chain(&it.exclude));
        let configured: HashSet<_> = values
            .map(Value::text)
            .filter(|text| text.starts_with("Location: "))
            .collect();
        if expected.is_none() {
            let kept = HashSet::from(["Location: MFA trusted IPs"]);
            assert_eq!(configured, kept, "{address:?} {location:?}");
        } else {
            assert_eq!(configured.len(), 7, "{configured:?}");
        }
    }
}
