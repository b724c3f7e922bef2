//! The workflows of the public forge: linted, and with no more rights than they need.
use std::collections::BTreeMap;
use std::fs;

use crate::tools::{file, installed, path, read, refuses, replaced, succeeds};

const FOLDER: &str = ".github/workflows";

fn workflows() -> Vec<String> {
    let folder = fs::read_dir(path(FOLDER)).expect("they are there");
    folder
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| format!("{FOLDER}/{}", name.to_string_lossy()))
        .collect()
}

/// With what it asks shellcheck about the scripts of the steps.
fn arguments(workflow: &str) -> [String; 3] {
    let shellcheck = installed().join("bin/shellcheck");
    let shellcheck = format!("-shellcheck={}", shellcheck.display());
    [shellcheck, "-pyflakes=".to_owned(), workflow.to_owned()]
}

#[test]
fn actionlint_finds_nothing_and_refuses_broken_ones() {
    let workflows = workflows();
    assert!(workflows.len() >= 2);
    for workflow in &workflows {
        succeeds(
            "actionlint",
            &arguments(workflow).each_ref().map(String::as_str),
        );
    }
    let release = read(&format!("{FOLDER}/release.yml"));
    for (old, new, why) in [
        ("needs: version", "needs: versions", "versions"),
        (
            "steps.build.outputs.digest",
            "steps.bild.outputs.digest",
            "bild",
        ),
        ("version=${TAG#v}", "version=$(echo $TAG)", "SC2086"),
        (
            "timeout-minutes: 15",
            "timeout-minute: 15",
            "timeout-minute",
        ),
    ] {
        let (_folder, broken) = file("release.yml", &replaced(&release, old, new));
        let arguments = arguments(&broken);
        refuses("actionlint", &arguments.each_ref().map(String::as_str), why);
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
    assert!(commits.len() >= 9, "{commits:?}");
}

/// The job of a workflow, as far as the next one.
fn job<'t>(text: &'t str, name: &str) -> &'t str {
    let (_, rest) = text
        .split_once(&format!("\n  {name}:\n"))
        .unwrap_or_else(|| panic!("no job {name}"));
    let next = rest
        .match_indices("\n  ")
        .find(|(at, _)| rest[at + 3..].starts_with(|c: char| c.is_alphabetic()));
    next.map_or(rest, |(at, _)| &rest[..at])
}

/// Compilers that are emulated take longer than the time of a job.
#[test]
fn each_platform_of_the_image_is_built_on_its_own_kind_of_machine() {
    let release = read(&format!("{FOLDER}/release.yml"));
    let platform = job(&release, "platform");
    for pair in [
        "{ runner: ubuntu-24.04, platform: amd64 }",
        "{ runner: ubuntu-24.04-arm, platform: arm64 }",
    ] {
        assert!(platform.contains(pair), "{pair}");
    }
    assert!(platform.contains("runs-on: ${{ matrix.runner }}\n"));
    assert!(platform.contains("platforms: linux/${{ matrix.platform }}\n"));
    assert!(!release.contains("qemu"));
    for label in [
        "labels: ${{ steps.metadata.outputs.labels }}\n",
        "VERSION=",
        "REVISION=",
    ] {
        assert!(platform.contains(label), "{label}");
    }
}

/// Whatever somebody can download has a provenance.
#[test]
fn everything_that_is_released_is_attested() {
    let release = read(&format!("{FOLDER}/release.yml"));
    for (name, subject) in [
        ("binaries", "subject-path: dist/*\n"),
        (
            "image",
            "subject-digest: ${{ steps.index.outputs.digest }}\n",
        ),
        ("release", "dist/signin-diagnostics-*.tgz\n"),
        ("release", "dist/SHA256SUMS\n"),
        (
            "release",
            "subject-digest: ${{ steps.chart.outputs.digest }}\n",
        ),
    ] {
        let job = job(&release, name);
        let attested = job.split("actions/attest-build-provenance@").skip(1);
        assert!(
            attested.into_iter().any(|step| step.contains(subject)),
            "{name}: {subject}"
        );
        assert!(job.contains("attestations: write\n") && job.contains("id-token: write\n"));
    }
    let published = job(&release, "release");
    let (before, _) = published
        .split_once("gh release create")
        .expect("it publishes");
    assert!(before.contains("attest-build-provenance"), "attested first");
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
