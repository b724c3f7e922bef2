//! `[privacy]` and its key.
use super::*;

/// Long enough, and nowhere to be seen.
const PRIVACY_SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

#[test]
fn every_fault_of_privacy_is_told_at_once() {
    let faults = refused(&with(&[
        "privacy.user=pseudonymise",
        "privacy.location=drop",
        "metrics.countries=true",
    ]));
    let keys: Vec<_> = faults
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        keys,
        ["metrics.countries", "privacy.dead_letters", "privacy.user"],
        "{faults}"
    );
}

#[test]
fn a_key_of_privacy_comes_from_its_file_or_the_environment_and_is_not_printed() {
    let files = Files::new();
    let path = files.write("key", format!("{PRIVACY_SECRET}\n"));
    let set = ["privacy.user=pseudonymise", "privacy.dead_letters=encrypt"];
    let variable = ("SIGNIN_DIAGNOSTICS__PRIVACY__KEY", PRIVACY_SECRET);
    let file = format!("privacy.key_file={}", path.display());
    for sources in [
        with(&[set[0], set[1], &file]),
        in_environment(with(&set), &[variable]),
    ] {
        let settings = Settings::load(&sources).unwrap();
        let privacy = &settings.privacy;
        assert_eq!(privacy.treatments.user, Treatment::Pseudonymise);
        assert_eq!(privacy.treatments.device, Treatment::Keep);
        assert_eq!(privacy.dead_letters, DeadLetterBytes::Encrypt);
        assert!(privacy.key().is_some());
        let printed = format!("{settings:?} {:?}", privacy.in_force());
        assert!(!printed.contains(PRIVACY_SECRET), "{printed}");
    }
}
