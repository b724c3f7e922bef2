//! The search for leaks (`tests/find-leaks`) finds each kind that is planted, and does not take
//! nothing for good news.
#![allow(clippy::unwrap_used)]
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Whether it passes, and what it says.
fn look_in(folder: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/find-leaks");
    let output = Command::new(script).arg(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn a_planted_leak_of_any_kind_is_found() {
    let folder = TempDir::new().unwrap();
    let clean = "2026-03-02T08:13:41Z  INFO Committed partition=3 offset=192 version=1.192.0.2\n";
    let log = folder.path().join("service.log");
    fs::write(&log, clean).unwrap();
    assert!(look_in(folder.path()).0);
    for leak in [
        "password: hunter2-of-the-tests",
        "SharedAccessKey=aHVudGVyMi1vZi10aGUtdGVzdHM=",
        "no such user: Alex.O'Neil@Contoso.example",
        "signin_x{client=\"203.0.113.7\"} 1",
        "from 192.0.2.7:443",
        "[2001:DB8::1]:9092",
        "panicked at src/x.rs: city = Some(\"canary-city\")",
    ] {
        // Also beside bytes that are no text.
        let bytes = [clean.as_bytes(), b"\xff\0", leak.as_bytes(), b"\n"].concat();
        fs::write(&log, bytes).unwrap();
        let (passes, said) = look_in(folder.path());
        assert!(!passes && said.contains("service.log"), "{leak}: {said}");
    }
}

#[test]
fn a_run_that_kept_nothing_does_not_pass() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    assert!(!look_in(folder.path()).0);
    assert!(!look_in(&folder.path().join("missing")).0);
}
