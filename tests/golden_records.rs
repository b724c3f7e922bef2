//! Whole records of every scenario, compared with `tests/golden/`. Review a difference before it
//! is accepted: `BLESS_GOLDEN=1 cargo test --test golden_records` writes the files anew.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

mod cases;

use std::collections::BTreeMap;
use std::path::Path;

use cases::{Case, cases, record_of, shown_record_of};
use serde_json::Value;
use signin_diagnostics::diagnosis::{Detail, Scenario};
use signin_diagnostics::policies::{Limits, PolicySnapshot, Source};
use signin_diagnostics::privacy_key::PrivacyKey;
use signin_diagnostics::signin::{Privacy, Treatment, Treatments};

/// Cases whose policies are in `tests/golden/snapshot`.
const WITH_SNAPSHOT: [&str; 5] = [
    "blocked_by_conditional_access",
    "failed_conditional_access",
    "failed_conditional_access_expired",
    "mfa_proofup_not_from_secure_location",
    "successful_sign_in",
];

#[test]
fn every_case_has_the_record_that_was_reviewed() {
    let cases = cases();
    let without = cases
        .iter()
        .map(|case| (case, record_of(&case.event, Detail::Full, None)));
    compare("tests/golden", without);

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/snapshot");
    let snapshot = PolicySnapshot::load(&folder, &Limits::default()).unwrap();
    let with = cases
        .iter()
        .filter(|case| WITH_SNAPSHOT.contains(&case.name.as_str()))
        .map(|case| (case, record_of(&case.event, Detail::Full, Some(&snapshot))));
    compare("tests/golden/with_snapshot", with);
}

/// Cases that are also compared where nothing personal is kept.
const WITHOUT_PERSONAL_VALUES: [&str; 7] = [
    "account_locked",
    "b2b_access_denied",
    "blocked_by_conditional_access",
    "failed_conditional_access",
    "mfa_proofup_not_from_secure_location",
    "successful_sign_in",
    "successful_sign_in_mfa_done",
];

#[test]
fn where_nothing_personal_is_kept_the_records_are_those_that_were_reviewed() {
    let key = PrivacyKey::new("a secret of the tests, no more than that").unwrap();
    for (folder, treatment) in [
        ("tests/golden/pseudonymised", Treatment::Pseudonymise),
        ("tests/golden/dropped", Treatment::Drop),
    ] {
        let treatments = Treatments {
            user: treatment,
            address: treatment,
            location: treatment,
            device: treatment,
        };
        let privacy = Privacy::new(treatments, Some(key.clone()));
        let source = Source {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/snapshot"),
            tenant_id: None,
            limits: Limits::default(),
            privacy: privacy.clone(),
        };
        let snapshot = source.load().unwrap();
        let cases = cases();
        let shown = cases
            .iter()
            .filter(|case| WITHOUT_PERSONAL_VALUES.contains(&case.name.as_str()))
            .map(|case| {
                let snapshot = Some(&snapshot);
                let record = shown_record_of(&case.event, Detail::Full, snapshot, privacy.clone());
                (case, record)
            });
        compare(folder, shown);
    }
}

fn compare<'c>(folder: &str, records: impl Iterator<Item = (&'c Case, String)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let bless = std::env::var_os("BLESS_GOLDEN").is_some();
    let mut different = Vec::new();
    for (case, actual) in records {
        let path = folder.join(format!("{}.json", case.name));
        if bless {
            std::fs::write(&path, &actual).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != actual {
            different.push(format!("{}:\n{actual}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_scenario_has_two_cases_and_every_golden_record_a_case() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let cases = cases();
    for case in &cases {
        let record: Value =
            serde_json::from_str(&record_of(&case.event, Detail::Full, None)).unwrap();
        let scenario = record["scenario"].as_str().unwrap();
        assert!(
            case.name.starts_with(scenario),
            "{} is {scenario}",
            case.name
        );
        let scenario = Scenario::ALL
            .into_iter()
            .find(|known| known.as_str() == scenario)
            .unwrap();
        *counts.entry(scenario.as_str()).or_default() += 1;
    }
    for scenario in Scenario::ALL {
        assert!(counts[scenario.as_str()] >= 2, "{scenario}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".json").filter(|name| *name != "cases") else {
            continue;
        };
        assert!(
            cases.iter().any(|case| case.name == name),
            "{name} is of no case"
        );
    }
}
