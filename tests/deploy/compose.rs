//! `deploy/compose`: the stack on one machine. It is held against the schema of the compose
//! specification; no engine is here that could start it.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::tools::{path, read, succeeds};

const COMPOSE: &str = "deploy/compose/compose.yml";
const DATA_SOURCES: &str = "deploy/compose/grafana/datasources.yml";
const PROVIDERS: &str = "deploy/compose/grafana/dashboards.yml";

/// A file that its schema takes, as JSON.
fn valid(kind: &str, name: &str) -> Value {
    let text = succeeds("python3", &["tests/deploy/validate.py", kind, name]);
    serde_json::from_str(&text).expect("it is JSON")
}

/// Where in the container of a service a file or folder of the repository stands.
fn mounted(service: &str) -> Vec<(String, String)> {
    let stack = valid("compose", COMPOSE);
    let mounts = stack["services"][service]["volumes"].as_array();
    let mounts = mounts.expect("it mounts something").iter();
    mounts
        .filter_map(|mount| mount.as_str()?.split_once(":/"))
        .filter(|(source, _)| source.starts_with('.'))
        .map(|(source, target)| {
            let source = path("deploy/compose").join(source);
            let source = source
                .canonicalize()
                .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
            let root = path("").canonicalize().expect("it is there");
            let inside = source.strip_prefix(root).expect("it is in the repository");
            let target = target.trim_end_matches(":ro");
            (inside.to_string_lossy().into_owned(), format!("/{target}"))
        })
        .collect()
}

#[test]
fn every_file_that_the_stack_mounts_is_in_the_repository() {
    for (service, least) in [
        ("service", 1),
        ("prometheus", 4),
        ("alertmanager", 1),
        ("grafana", 3),
    ] {
        assert!(mounted(service).len() >= least, "{service}");
    }
}

/// Grafana finds the data source that the dashboards ask for, and the folder that they are in.
#[test]
fn grafana_is_provisioned_with_the_data_source_and_the_dashboards() {
    let mounts: BTreeMap<_, _> = mounted("grafana").into_iter().collect();
    for (file, folder) in [(DATA_SOURCES, "datasources"), (PROVIDERS, "dashboards")] {
        let target = &mounts[file];
        assert!(target.starts_with(&format!("/etc/grafana/provisioning/{folder}/")));
        let kind = Path::new(target).extension();
        assert!(
            kind.is_some_and(|kind| kind == "yml"),
            "Grafana reads no other: {target}"
        );
    }
    let providers = valid("providers", PROVIDERS);
    let place = &providers["providers"][0]["options"]["path"];
    assert_eq!(place.as_str(), Some(mounts["deploy/grafana"].as_str()));

    let sources = valid("datasources", DATA_SOURCES);
    let source = &sources["datasources"][0];
    assert_eq!(source["isDefault"], true, "what the variable begins with");
    let stack = valid("compose", COMPOSE);
    let url = source["url"].as_str().expect("a text");
    let host = url.trim_start_matches("http://").split(':').next();
    assert!(
        stack["services"].get(host.expect("a host")).is_some(),
        "{url}"
    );
    for name in ["sign-ins", "pipeline"] {
        let text = read(&format!("deploy/grafana/{name}.json"));
        let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
        let variable = &dashboard["templating"]["list"][0];
        assert_eq!(variable["type"], "datasource", "{name}");
        assert_eq!(variable["query"], source["type"], "{name}");
        assert_eq!(dashboard["editable"], false, "{name}");
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
