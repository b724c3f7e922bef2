//! The unit for machines without containers: what systemd itself says of it. That the service runs
//! so confined is shown in `tests/broker/runs_confined.rs`.
use std::fs;

use crate::tools::{path, read, replaced, run};

const UNIT: &str = "deploy/systemd/signin-diagnostics.service";

/// The unit with the built program in the place of the installed one, which verify looks for.
pub fn verified(text: &str) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("signin-diagnostics.service");
    let text = replaced(
        text,
        "/usr/local/bin/signin-diagnostics ",
        &format!("{} ", env!("CARGO_BIN_EXE_signin-diagnostics")),
    );
    fs::write(&unit, text).expect("it is written");
    let (is_success, said) = run(
        "systemd-analyze",
        &["verify", "--man=no", unit.to_str().expect("plain")],
    );
    (is_success && said.is_empty(), said)
}

#[test]
fn the_unit_is_confined_by_systemds_own_measure() {
    let unit = path(UNIT);
    let unit = unit.to_str().expect("a plain name");
    let security = ["security", "--offline=true", "--no-pager", "--threshold=15"];
    let (is_success, said) = run("systemd-analyze", &[&security[..], &[unit]].concat());
    assert!(is_success, "{said}");

    let folder = tempfile::tempdir().expect("a folder");
    let open = folder.path().join("signin-diagnostics.service");
    let text = replaced(&read(UNIT), "CapabilityBoundingSet=\n", "");
    fs::write(&open, replaced(&text, "DynamicUser=yes\n", "")).expect("it is written");
    let open = open.to_str().expect("a plain name");
    let (is_success, _) = run("systemd-analyze", &[&security[..], &[open]].concat());
    assert!(!is_success, "the measure tells nothing");
}

/// Where a restart does not help, or does harm: as README says of the exit codes.
#[test]
fn the_unit_stays_stopped_where_a_restart_does_not_help() {
    assert!(read(UNIT).contains("\nRestartPreventExitStatus=64 65\n"));
    let readme = read("README.md");
    for (code, text) in [
        ("64", "| 64 | the configuration"),
        ("65", "| 65 | `run` only: more could not be read"),
    ] {
        assert!(readme.contains(text), "{code}");
        for page in ["SigninRestarts", "SigninDown"] {
            let page = read(&format!("docs/runbooks/{page}.md"));
            assert!(page.contains(code), "{code}");
        }
    }
}

#[test]
fn the_unit_waits_longer_than_the_drain() {
    let text = read(UNIT);
    let (_, rest) = text.split_once("TimeoutStopSec=").expect("it is set");
    let seconds: u64 = rest
        .split('s')
        .next()
        .expect("a number")
        .parse()
        .expect("seconds");
    let defaults: toml::Table = read("config/signin-diagnostics.toml")
        .parse()
        .expect("TOML");
    let drain = defaults["delivery"]["drain_timeout"]
        .as_str()
        .expect("a text");
    let drain: u64 = drain.trim_end_matches('s').parse().expect("seconds");
    assert!(seconds >= drain + 10, "{seconds} s");
}
