//! `deploy/compose`: the stack on one machine. It is held against the schema of the compose
//! specification; no engine is here that could start it.
use std::fs;
use std::process::Command;

use crate::tools::{file, path, read, refuses, replaced, succeeds};

const COMPOSE: &str = "deploy/compose/compose.yml";

#[test]
fn the_stack_follows_the_compose_specification_and_a_broken_one_does_not() {
    succeeds("python3", &["tests/deploy/validate.py", "compose", COMPOSE]);

    for (old, new, why) in [
        ("read_only: true", "readonly: true", "readonly"),
        ("cap_drop: [ALL]", "cap_drop: ALL", "cap_drop"),
        (
            "condition: service_healthy",
            "condition: healthy",
            "condition",
        ),
    ] {
        let (_folder, broken) = file("compose.yml", &replaced(&read(COMPOSE), old, new));
        refuses(
            "python3",
            &["tests/deploy/validate.py", "compose", &broken],
            why,
        );
    }
}

#[test]
fn every_file_that_the_stack_mounts_is_in_the_repository() {
    let text = read(COMPOSE);
    let mounts: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("- ")
                .or(line.trim().strip_prefix("volumes: [\""))
        })
        .filter(|mount| mount.starts_with('.') && mount.contains(":/"))
        .map(|mount| mount.split(':').next().expect("a first part"))
        .collect();
    assert!(mounts.len() >= 9, "{mounts:?}");
    for mount in mounts {
        assert!(path("deploy/compose").join(mount).exists(), "{mount}");
    }
}

#[test]
fn the_service_takes_its_configuration() {
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["check", "--config", "deploy/compose/service.toml"])
        .current_dir(path(""))
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The commands of the services are commands of the program, with arguments that it takes.
#[test]
fn the_generator_has_arguments_that_the_program_takes() {
    let text = read(COMPOSE);
    let (_, rest) = text
        .split_once("command: [\"generate\", ")
        .expect("it is there");
    let (words, _) = rest.split_once(']').expect("it ends");
    let words: Vec<&str> = words
        .split(", ")
        .map(|word| word.trim_matches('"'))
        .collect();
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .arg("generate")
        .args(&words)
        .args(["--rate", "0"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    // The one fault is the one that was added.
    assert!(
        said.contains("--rate <N>") && !said.contains("unexpected"),
        "{said}"
    );
}

/// One set of rules, routes and dashboards: what differs are the addresses.
#[test]
fn prometheus_is_set_up_as_everywhere_else() {
    let body = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        lines.map(ToOwned::to_owned).collect()
    };
    let example = read("deploy/prometheus/prometheus.yml")
        .replace("127.0.0.1:9093", "alertmanager:9093")
        .replace("127.0.0.1:9464", "service:9464");
    assert_eq!(body(&example), body(&read("deploy/compose/prometheus.yml")));

    // promtool reads the rules beside the file, where the stack mounts them.
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["parameters", "recording", "alerts"] {
        let rules = read(&format!("deploy/prometheus/{name}.yml"));
        fs::write(folder.path().join(format!("{name}.yml")), rules).expect("it is written");
    }
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, read("deploy/compose/prometheus.yml")).expect("it is written");
    succeeds(
        "promtool",
        &["check", "config", config.to_str().expect("a plain name")],
    );
}
