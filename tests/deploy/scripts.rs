//! The shell scripts, and the shell of the pages: shellcheck finds nothing in them.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::pages::{PAGES, commands};
use crate::tools::{file, path, read, refuses, succeeds};

/// Where scripts stand; what is generated or fetched is elsewhere.
const FOLDERS: [&str; 4] = [".ci", "benches", "deploy", "tests"];

/// Files of the repository that name a shell in their first line.
fn scripts(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let entry = entry.expect("it can be listed").path();
        if entry.is_dir() {
            scripts(&entry, found);
            continue;
        }
        let bytes = fs::read(&entry).expect("it can be read");
        let first = bytes.split(|byte| *byte == b'\n').next();
        let first = String::from_utf8_lossy(first.unwrap_or_default()).into_owned();
        if first.starts_with("#!") && first.ends_with("sh") {
            let inside = entry.strip_prefix(path("")).expect("it is inside");
            found.insert(inside.to_string_lossy().into_owned());
        }
    }
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts_and_refuses_a_broken_one() {
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        scripts(&path(folder), &mut found);
    }
    assert!(
        found.contains(".ci/run") && found.contains("deploy/azure/export-policies.sh"),
        "{found:?}"
    );
    for script in &found {
        succeeds("shellcheck", &[script]);
    }
    let broken = read(".ci/run").replace("cd \"$(dirname \"$0\")/..\"", "cd $(dirname $0)/..");
    let (_folder, broken) = file("run", &broken);
    refuses("shellcheck", &[&broken], "SC2046");
}

#[test]
fn shellcheck_finds_nothing_in_the_commands_of_the_pages() {
    // Together: one block sets what another takes.
    for page in PAGES {
        let (_folder, script) = file("commands", &commands(page).join("\n"));
        succeeds("shellcheck", &["--shell=bash", &script]);
    }
    let (_folder, broken) = file("commands", "az acr create --name $ACR\n");
    refuses("shellcheck", &["--shell=bash", &broken], "SC2086");
}
