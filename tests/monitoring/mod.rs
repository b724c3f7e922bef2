//! The tools of Prometheus and Alertmanager, and which metrics there are.
#![allow(dead_code)] // not every test file uses all of it

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A path of the repository.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whether the tool succeeded, and all it said.
pub fn run(tool: &str, arguments: &[&str]) -> (bool, String) {
    let package = match tool {
        "amtool" => "prometheus-alertmanager",
        _ => "prometheus",
    };
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap_or_else(|error| {
            panic!("{tool}: {error}; install it with: apt-get install --no-install-recommends {package}")
        });
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

pub fn succeeds(tool: &str, arguments: &[&str]) {
    let (is_success, output) = run(tool, arguments);
    assert!(is_success, "{tool} {}:\n{output}", arguments.join(" "));
}

/// The metrics of the golden exposition; those of the process on Linux, which it leaves out; and
/// those that come with policy snapshots and with tokens of Entra ID.
pub fn exposed_metrics() -> BTreeSet<String> {
    let golden = read("tests/golden/metrics.txt");
    let names = golden
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(ToOwned::to_owned);
    let beside = [
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ];
    names.chain(beside.map(ToOwned::to_owned)).collect()
}

/// What in a text of expressions is the name of a metric of the service or of its process;
/// recorded series, which have colons, are none.
pub fn metric_names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| !word.contains(':'))
        .filter(|word| word.starts_with("signin_") || word.starts_with("process_"))
        .filter(|word| !["signin_parameters", "signin_recording"].contains(word))
        .filter(|word| !["signin_alerts", "signin_pipeline_alerts"].contains(word))
        .map(ToOwned::to_owned)
        .collect()
}
