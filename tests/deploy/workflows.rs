//! The workflows of the public forge: linted, and with no more rights than they need.
use std::collections::BTreeMap;
use std::fs;

use crate::tools::{file, path, read, refuses, replaced, succeeds};

const FOLDER: &str = ".github/workflows";

fn workflows() -> Vec<String> {
    let folder = fs::read_dir(path(FOLDER)).expect("they are there");
    folder
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| format!("{FOLDER}/{}", name.to_string_lossy()))
        .collect()
}

#[test]
fn actionlint_finds_nothing_and_refuses_broken_ones() {
    let workflows = workflows();
    assert!(workflows.len() >= 2);
    for workflow in &workflows {
        succeeds("actionlint", &["-shellcheck=", "-pyflakes=", workflow]);
    }
    let release = read(&format!("{FOLDER}/release.yml"));
    for (old, new, why) in [
        ("needs: version", "needs: versions", "versions"),
        (
            "steps.build.outputs.digest",
            "steps.bild.outputs.digest",
            "bild",
        ),
        (
            "timeout-minutes: 15",
            "timeout-minute: 15",
            "timeout-minute",
        ),
    ] {
        let (_folder, broken) = file("release.yml", &replaced(&release, old, new));
        refuses("actionlint", &["-shellcheck=", "-pyflakes=", &broken], why);
    }
}

#[test]
fn a_workflow_may_read_and_a_job_says_what_more_it_needs() {
    for workflow in workflows() {
        let text = read(&workflow);
        assert!(
            text.contains("\npermissions:\n  contents: read\n\n"),
            "{workflow}"
        );
        assert!(!text.contains("write-all") && !text.contains("pull_request_target"));
        let checkouts = text.matches("actions/checkout@").count();
        assert_eq!(
            text.matches("persist-credentials: false").count(),
            checkouts
        );
        let jobs = text.matches("\n    runs-on: ").count();
        assert_eq!(
            text.matches("\n    timeout-minutes: ").count(),
            jobs,
            "{workflow}"
        );
    }
}

/// A tag of an action can be moved to other code; a commit cannot.
#[test]
fn every_action_is_pinned_to_a_commit_and_names_its_version() {
    let mut commits = BTreeMap::new();
    for workflow in workflows() {
        let text = read(&workflow);
        for line in text.lines().filter_map(|line| line.split_once("uses: ")) {
            let pinned = line.1.split_once('@').and_then(|(action, rest)| {
                let (commit, version) = rest.split_once(" # v")?;
                let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
                is_commit.then_some((action.to_owned(), (commit.to_owned(), version.to_owned())))
            });
            let (action, pin) = pinned.unwrap_or_else(|| panic!("{workflow}: {}", line.1));
            let first = commits.entry(action).or_insert_with(|| pin.clone());
            assert_eq!(*first, pin, "{workflow}: one version of an action");
        }
    }
    assert!(commits.len() >= 10, "{commits:?}");
}

/// One version of each tool, here and there.
#[test]
fn what_the_workflows_install_is_what_the_image_installs() {
    let (release, image) = (read(&format!("{FOLDER}/release.yml")), read("Dockerfile"));
    let tools = "cargo install --locked cargo-auditable@";
    for text in [&release, &image] {
        assert_eq!(text.matches(tools).count(), 1);
    }
    let after = |text: &str| -> String {
        let (_, rest) = text.split_once(tools).expect("it is there");
        rest.lines().next().expect("a line").to_owned()
    };
    assert_eq!(after(&release), after(&image));
    let (_, rest) = image.split_once("ARG RUST_VERSION=").expect("it is there");
    let version = rest.lines().next().expect("a line");
    assert!(release.contains(&format!("container: rust:{version}-bookworm\n")));
}
