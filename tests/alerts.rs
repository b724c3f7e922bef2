//! The rules, alerts and routes of `deploy/`: they load, each alert fires when it should and not
//! otherwise, and leads to its page.
#![allow(clippy::expect_used)]

mod monitoring;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use monitoring::{exposed_metrics, metric_names, path, read, run, succeeds};

const PROMETHEUS: &str = "deploy/prometheus";
const ALERTMANAGER: &str = "deploy/alertmanager/alertmanager.yml";

fn rules(name: &str) -> String {
    read(&format!("{PROMETHEUS}/{name}.yml"))
}

/// What follows `key` on the lines of a text that have it.
fn values<'t>(text: &'t str, key: &str) -> BTreeSet<&'t str> {
    let lines = text.lines().map(str::trim);
    lines.filter_map(|line| line.strip_prefix(key)).collect()
}

/// Every stretch of a text between `before` and the next `after`.
fn between<'t>(text: &'t str, before: &str, after: &str) -> BTreeSet<&'t str> {
    let rest = text.split(before).skip(1);
    rest.filter_map(|rest| Some(rest.split_once(after)?.0))
        .collect()
}

fn unit_tests() -> Vec<String> {
    let folder = fs::read_dir(path(&format!("{PROMETHEUS}/tests"))).expect("the tests are there");
    folder
        .map(|entry| entry.expect("it can be listed").path())
        .map(|file| fs::read_to_string(file).expect("it is a text"))
        .collect()
}

fn promtool_tests(file: &str) {
    succeeds(
        "promtool",
        &["test", "rules", &format!("{PROMETHEUS}/tests/{file}")],
    );
}

#[test]
fn prometheus_loads_configuration_rules_and_alerts() {
    succeeds(
        "promtool",
        &["check", "config", &format!("{PROMETHEUS}/prometheus.yml")],
    );
}

#[test]
fn a_spike_or_a_dip_is_told_and_what_is_none_is_not() {
    promtool_tests("sign_ins.yml");
}

#[test]
fn the_first_hours_have_a_fallback_and_the_alerts_say_what_and_why() {
    promtool_tests("first_day.yml");
}

#[test]
fn what_comes_every_day_is_no_spike_and_a_dip_takes_a_week_to_be_known() {
    promtool_tests("first_days.yml");
}

#[test]
fn restarts_gaps_and_nobody_who_gets_in_hide_no_spike_and_are_none() {
    promtool_tests("faults.yml");
}

#[test]
fn weeks_of_history_are_compared_by_their_median() {
    promtool_tests("weeks.yml");
}

#[test]
fn each_fault_of_the_pipeline_and_each_watched_account_is_told() {
    promtool_tests("pipeline.yml");
}

#[test]
fn every_alert_has_a_test_and_a_page_and_every_page_its_alert() {
    let text = rules("alerts");
    let alerts = values(&text, "- alert: ");
    assert!(alerts.len() >= 12, "{alerts:?}");
    assert_eq!(between(&text, "{{ end }}/", ".md'"), alerts);

    let pages = fs::read_dir(path("docs/runbooks")).expect("the runbooks are there");
    let pages: BTreeSet<String> = pages
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| name.to_string_lossy().replace(".md", ""))
        .collect();
    assert_eq!(pages, alerts.iter().map(ToString::to_string).collect());

    let tests = unit_tests().join("\n");
    let tested: BTreeSet<&str> = between(&tests, "alertname=\"", "\"")
        .union(&values(&tests, "- alertname: "))
        .copied()
        .filter(|name| *name != "Signin.*")
        .collect();
    assert_eq!(tested, alerts);
}

#[test]
fn every_runbook_leads_from_the_first_look_to_silence() {
    let alerts = rules("alerts");
    for alert in values(&alerts, "- alert: ") {
        let page = read(&format!("docs/runbooks/{alert}.md"));
        assert!(page.starts_with(&format!("# {alert}\n")), "{alert}");
        for part in [
            "What it means",
            "First look",
            "What it can be",
            "What to do",
            "Silence",
        ] {
            assert!(page.contains(&format!("\n## {part}\n")), "{alert}: {part}");
        }
    }
}

/// Of a sign-in alert: the exact filter of the audit log, and what it can be.
#[test]
fn a_runbook_tells_a_mistake_from_an_attack_and_from_a_service_issue() {
    let alerts = rules("alerts");
    for block in alerts.split("- alert: ").skip(1) {
        let alert = block.lines().next().expect("a name");
        if !block.contains("concern: sign_ins") {
            continue;
        }
        let page = read(&format!("docs/runbooks/{alert}.md"));
        for part in [
            "Service = `Conditional Access`,\n   Category = `Policy`",
            "loggedByService eq 'Conditional Access'",
            "\n| a mistake |",
            "\n| an attack |",
            "\n| a service issue |",
        ] {
            assert!(page.contains(part), "{alert}: {part}");
        }
    }
}

/// As they are printed, but for the store, which is an empty file, and Alertmanager, which is not there.
#[test]
fn the_commands_of_the_runbooks_are_taken() {
    let (mut searches, mut silences) = (0, 0);
    for alert in values(&rules("alerts"), "- alert: ") {
        let page = read(&format!("docs/runbooks/{alert}.md"));
        for line in page.lines().map(str::trim) {
            if let Some(rest) =
                line.strip_prefix("signin-diagnostics search --config service.toml ")
            {
                let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
                    .args(["search", "--file", "/dev/null"])
                    .args(rest.split(' '))
                    .output()
                    .expect("it starts");
                assert!(output.status.success(), "{alert}: {line}: {output:?}");
                searches += 1;
            }
            if line.starts_with("amtool silence add ") {
                assert!(
                    line.contains(&format!("alertname={alert} ")),
                    "{alert}: {line}"
                );
                let line = line.replace("http://ALERTMANAGER:9093", "http://127.0.0.1:1");
                let (is_success, said) = run("bash", &["-c", &line]);
                assert!(
                    !is_success && said.contains("connection refused"),
                    "{line}: {said}"
                );
                silences += 1;
            }
        }
    }
    assert!(searches >= 8 && silences == values(&rules("alerts"), "- alert: ").len());
}

/// Each change makes an alert fire that should not, or the other way round, or hides a cause.
#[test]
fn the_unit_tests_see_wrong_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        fs::write(file, text).expect("it is written");
    };
    for (tests, file, old, new, fault) in [
        // Spikes are no longer told.
        (
            "first_day",
            "parameters",
            "vector(2.5)",
            "vector(2500)",
            "SigninBlockSpike",
        ),
        // A high share from the first minute on is a spike.
        (
            "first_day",
            "recording",
            "min_over_time(signin:signal:share_so_far[2h])",
            "min_over_time(signin:signal:share_so_far[2h]) * 0",
            "high",
        ),
        // Every try counts.
        (
            "first_day",
            "recording",
            "increase(signin_failures_first_total[1h])",
            "increase(signin_diagnoses_total{outcome=\"failed\"}[1h])",
            "SigninFailedConditionalAccessSpike",
        ),
        // A policy without a name is not shown.
        (
            "first_day",
            "recording",
            "label_replace(signin:signal:by_policy_id30m,",
            "label_replace(signin:signal:by_policy_id30m > 1e9,",
            "p3",
        ),
        // Yesterday is forgotten.
        (
            "first_days",
            "recording",
            "signin:signal:share1h[30m] offset 23h30m",
            "signin:signal:share1h[30m] offset 19h",
            "daily",
        ),
        // A day is enough for a dip.
        (
            "first_days",
            "recording",
            "and on (job, category, signal) signin:signal:history{from=\"weeks\"})",
            "and on (job, category, signal) signin:signal:history{from=\"day\"})",
            "SigninBlockDip",
        ),
        // A young process counts as any other.
        (
            "faults",
            "recording",
            "process_start_time_seconds < 15 * 60",
            "process_start_time_seconds < 0",
            "recount",
        ),
        // A spike in a log of few sign-ins is its own evidence.
        (
            "faults",
            "recording",
            "avg_over_time(signin:decided:increase1h[1d] offset 2h)",
            "avg_over_time(signin:decided:increase1h[1d] offset 30m)",
            "sparse",
        ),
        // A restart hides that somebody signed in.
        (
            "pipeline",
            "alerts",
            "max_over_time(signin:watched:last_sign_in_timestamp_seconds[1h]) > time()",
            "signin:watched:last_sign_in_timestamp_seconds > time()",
            "SigninWatchedAccount",
        ),
        // A spare instance is a fault.
        (
            "pipeline",
            "alerts",
            "sum by (job) (signin_assigned_partitions)",
            "min by (job) (signin_assigned_partitions)",
            "SigninNotReading",
        ),
    ] {
        for name in ["parameters", "recording", "alerts"] {
            let text = rules(name);
            assert!(name != file || text.contains(old), "{old}");
            let text = if name == file {
                text.replacen(old, new, 1)
            } else {
                text
            };
            written(&format!("{name}.yml"), &text);
        }
        let name = format!("tests/{tests}.yml");
        written(&name, &read(&format!("{PROMETHEUS}/{name}")));
        let tests = folder.path().join(name);
        let tests = tests.to_str().expect("a plain name");
        let (is_success, said) = run("promtool", &["test", "rules", tests]);
        assert!(!is_success && said.contains(fault), "{new}: {said}");
    }
}

#[test]
fn every_threshold_is_a_documented_parameter_and_every_parameter_is_used() {
    let parameters = rules("parameters");
    let defined: BTreeSet<&str> = between(&parameters, "{ name: ", " }")
        .into_iter()
        .filter_map(|labels| labels.split(',').next())
        .collect();
    let users = rules("recording") + &rules("alerts").replace("\\\"", "\"");
    assert_eq!(defined, between(&users, "signin:parameter{name=\"", "\""));

    let readme = read(&format!("{PROMETHEUS}/README.md"));
    let (_, table) = readme
        .split_once("\n## Parameters\n")
        .expect("the parameters are documented");
    let documented: BTreeSet<&str> = values(table, "| `")
        .into_iter()
        .filter_map(|row| row.split('`').next())
        .collect();
    assert_eq!(documented, defined);
}

#[test]
fn the_rules_use_only_metrics_that_the_service_exposes() {
    let exposed = exposed_metrics();
    for name in metric_names(&(rules("recording") + &rules("alerts"))) {
        assert!(exposed.contains(&name), "{name} is on no /metrics");
    }
}

#[test]
fn alertmanager_loads_its_configuration_and_refuses_a_broken_one() {
    succeeds("amtool", &["check-config", ALERTMANAGER]);

    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("alertmanager.yml");
    let text = read(ALERTMANAGER).replace("receiver: security", "receiver: nobody");
    fs::write(&broken, text).expect("it can be written");
    let broken = broken.to_str().expect("a plain name");
    let (is_success, output) = run("amtool", &["check-config", broken]);
    assert!(!is_success, "{output}");
    assert!(output.contains("nobody"), "{output}");
}

#[test]
fn alerts_reach_the_people_who_can_act() {
    for (labels, receiver) in [
        (["concern=sign_ins", "severity=critical"], "identity"),
        (["concern=sign_ins", "severity=warning"], "tickets"),
        (["concern=watched", "severity=critical"], "security"),
        (["concern=pipeline", "severity=critical"], "platform"),
        (["concern=pipeline", "severity=warning"], "tickets"),
    ] {
        let file = format!("--config.file={ALERTMANAGER}");
        let verify = format!("--verify.receivers={receiver}");
        let mut arguments = vec!["config", "routes", "test", &file, &verify];
        arguments.extend(labels);
        succeeds("amtool", &arguments);
    }
    let alerts = rules("alerts");
    let inhibit = read(ALERTMANAGER);
    let named = inhibit
        .split("inhibit_rules:")
        .nth(1)
        .expect("there are some");
    for name in named.split(|c: char| !c.is_ascii_alphanumeric()) {
        if name.starts_with("Signin") {
            assert!(alerts.contains(&format!("- alert: {name}\n")), "{name}");
        }
    }
}
