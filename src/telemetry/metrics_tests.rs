use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::config::MetricOptions;
use crate::golden;
use crate::signin::AppliedPolicy;
use crate::telemetry::Client;

const FIELDS: [&str; 2] = ["createdDateTime", "status"];

fn metrics() -> Metrics {
    let series = Series {
        scenario_outcomes: &[
            (Scenario::BlockedByConditionalAccess, Outcome::Blocked),
            (Scenario::SuccessfulSignIn, Outcome::Succeeded),
        ],
        fields: &FIELDS,
        dead_letter_reasons: &["diagnosis"],
        watch_lists: &["emergency"],
        options: MetricOptions {
            policies: Some(250),
            applications: Some(200),
            countries: true,
        },
    };
    Metrics::new(&series, &build()).unwrap()
}

fn build() -> BuildInfo {
    BuildInfo {
        version: "1.2.3".to_owned(),
        revision: "abcdef0".to_owned(),
        catalog: "2026-01-01".to_owned(),
    }
}

/// The exposition without the values of the process, which differ on every run.
fn stable(text: &str) -> String {
    let of_process = ["process_", "# HELP process_", "# TYPE process_"];
    let stable = text
        .lines()
        .filter(|line| !of_process.iter().any(|start| line.starts_with(start)));
    stable.fold(String::new(), |text, line| text + line + "\n")
}

fn line<'t>(text: &'t str, series: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

const GOLDEN: &str = "tests/golden/metrics.txt";

const GUID: &str = "0a1b2c3d-0000-4000-8000-00000000000f";

const CONSUMER: Reporter = Reporter {
    worker: 0,
    client: Client::Consumer,
};

/// One partition, one broker, and one value of each capped label: every metric has a series.
fn exposition() -> String {
    let metrics = metrics();
    metrics.set_lag("sign-ins", 0, 0, Some(0.0));
    metrics.set_throttle(CONSUMER, 1, 0.0);
    let policy = AppliedPolicy {
        id: Some(GUID.into()),
        display_name: Some("Block legacy clients".into()),
        ..AppliedPolicy::default()
    };
    metrics.policies.as_ref().unwrap().cell(&policy);
    let applications = metrics.applications.as_ref().unwrap();
    applications.place(Some(GUID), Some("Payroll"));
    metrics.countries.as_ref().unwrap().place(Some("DE"));
    metrics.unknown_codes(999_999);
    stable(&metrics.encode().unwrap())
}

#[test]
fn the_exposition_at_the_start_is_as_documented() {
    golden::assert_file(GOLDEN, &exposition());
}

#[test]
fn promtool_finds_no_fault_with_the_exposition() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing; install it with: apt-get install --no-install-recommends prometheus");
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(exposition().as_bytes()).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn without_the_options_no_label_is_filled_by_the_tenant() {
    let series = Series {
        scenario_outcomes: &[],
        fields: &FIELDS,
        dead_letter_reasons: &[],
        watch_lists: &[],
        options: MetricOptions::default(),
    };
    let metrics = Metrics::new(&series, &build()).unwrap();
    let text = metrics.encode().unwrap();
    for label in ["policy_id=", "application_id=", "country=", "watch="] {
        assert!(!text.contains(label), "{label}");
    }
}

#[test]
fn a_block_counts_once_an_hour_and_only_scenarios_that_block_are_there_at_the_start() {
    let metrics = metrics();
    let tried = TryPrint::new(1, 0);
    let scenario = Scenario::BlockedByConditionalAccess;
    let counted: Vec<bool> = [Category::Interactive, Category::NonInteractive]
        .map(|category| metrics.count_first(Signal::Block, scenario, category, tried))
        .to_vec();
    assert_eq!(counted, [true, false]);
    let text = metrics.encode().unwrap();
    let series: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("signin_blocks_first_total{"))
        .collect();
    assert_eq!(series.len(), Category::ALL.len(), "{series:?}");
    let interactive = "signin_blocks_first_total{category=\"SignInLogs\",scenario=\"blocked_by_conditional_access\"}";
    assert_eq!(line(&text, interactive), Some("1"));
    let other = interactive.replace("SignInLogs", "NonInteractiveUserSignInLogs");
    assert_eq!(line(&text, &other), Some("0"));
}

/// By first tries, policy and application: the arrays of counters stand in the order of the signals.
#[test]
fn each_signal_counts_on_series_of_its_own() {
    for (signal, word) in [
        (Signal::Block, "blocks"),
        (Signal::Failure, "failures"),
        (Signal::ProofUp, "proof_ups"),
    ] {
        let metrics = metrics();
        let scenario = Scenario::BlockedByConditionalAccess;
        let tried = TryPrint::new(1, 0);
        assert!(metrics.count_first(signal, scenario, Category::Interactive, tried));
        let policies = metrics.policies.as_ref().unwrap();
        let place = policies.place(Some(GUID), None);
        policies.first(place, signal).inc();
        let applications = metrics.applications.as_ref().unwrap();
        let place = applications.place(Some(GUID), None);
        applications.first(place, signal).inc();

        let scenario = match signal {
            Signal::Block => ",scenario=\"blocked_by_conditional_access\"",
            Signal::Failure | Signal::ProofUp => "",
        };
        let text = metrics.encode().unwrap();
        let counted: Vec<&str> = text.lines().filter(|line| line.ends_with(" 1")).collect();
        let others = |line: &&&str| {
            let gauges = [
                "signin_build_info{",
                "signin_policy_info{",
                "signin_application_info{",
            ];
            !line.starts_with("process_") && !gauges.iter().any(|gauge| line.starts_with(gauge))
        };
        let counted: Vec<&str> = counted.iter().filter(others).copied().collect();
        assert_eq!(
            counted,
            [
                format!("signin_{word}_by_application_total{{application_id=\"{GUID}\"}} 1"),
                format!("signin_{word}_by_policy_total{{policy_id=\"{GUID}\"}} 1"),
                format!("signin_{word}_first_total{{category=\"SignInLogs\"{scenario}}} 1"),
            ],
            "{signal:?}"
        );
    }
}

#[test]
fn a_watched_account_shows_its_outcomes_and_its_latest_sign_in() {
    let metrics = metrics();
    for seconds in [1_700_000_100, 1_700_000_300, 1_700_000_200] {
        metrics.watched(0, Outcome::Failed, seconds);
    }
    metrics.watched(1, Outcome::Failed, 0);
    metrics.watch_list_reloaded(0, false);
    let text = metrics.encode().unwrap();
    for (series, value) in [
        (
            "signin_watched_sign_ins_total{outcome=\"failed\",watch=\"emergency\"}",
            "3",
        ),
        (
            "signin_watched_sign_ins_total{outcome=\"blocked\",watch=\"emergency\"}",
            "0",
        ),
        (
            "signin_watched_last_sign_in_timestamp_seconds{watch=\"emergency\"}",
            "1700000300",
        ),
        (
            "signin_watch_list_reloads_total{result=\"ok\",watch=\"emergency\"}",
            "0",
        ),
        (
            "signin_watch_list_reloads_total{result=\"error\",watch=\"emergency\"}",
            "1",
        ),
        ("signin_watch_list_refused{watch=\"emergency\"}", "1"),
    ] {
        assert_eq!(line(&text, series), Some(value), "{series}");
    }
}

#[test]
fn the_longest_throttling_that_any_client_reports_shows() {
    let metrics = metrics();
    let producer = Reporter {
        client: Client::Producer,
        ..CONSUMER
    };
    for (reporter, seconds, shown) in [
        (CONSUMER, 0.25, "0.25"),
        (producer, 0.0, "0.25"),
        (producer, 0.5, "0.5"),
        (producer, 0.0, "0.25"),
        (CONSUMER, 0.0, "0"),
    ] {
        metrics.set_throttle(reporter, 3, seconds);
        let text = metrics.encode().unwrap();
        assert_eq!(
            line(&text, "signin_throttle_seconds{broker=\"3\"}"),
            Some(shown)
        );
    }
}

#[test]
fn the_documentation_lists_every_metric() {
    let mut table = String::from("\n| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for metric in define::ALL {
        let kind = metric.kind.as_str();
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let labels = labels.join(", ");
        writeln!(
            table,
            "| `{}` | {kind} | {labels} | {} |",
            metric.name, metric.help
        )
        .unwrap();
    }
    table.push('\n');
    golden::assert_section("docs/metrics.md", "metrics", &table);
}

#[test]
fn every_definition_is_registered_under_its_kind_and_no_other() {
    let text = exposition();
    let registered: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE signin_"))
        .collect();
    let defined: Vec<String> = define::ALL
        .iter()
        .map(|metric| {
            format!(
                "{} {}",
                &metric.name["signin_".len()..],
                metric.kind.as_str()
            )
        })
        .collect();
    let defined: BTreeSet<&str> = defined.iter().map(String::as_str).collect();
    assert_eq!(registered, defined);
    for metric in define::ALL {
        assert!(metric.help.ends_with('.'), "{}", metric.name);
    }
    #[cfg(target_os = "linux")]
    assert!(
        metrics()
            .encode()
            .unwrap()
            .contains("\nprocess_resident_memory_bytes ")
    );
}

#[test]
fn each_member_of_a_closed_set_counts_under_its_own_name() {
    let metrics = metrics();
    for source in RequirementSource::ALL {
        metrics.requirement_sources(source).inc();
        let text = metrics.encode().unwrap();
        let series = format!("signin_requirement_sources_total{{source=\"{source}\"}}");
        assert_eq!(line(&text, &series), Some("1"), "{series}");
    }
    for control in FailedControl::ALL {
        metrics.failed_controls(control).inc();
        let text = metrics.encode().unwrap();
        let name = control.as_str();
        let series = format!("signin_failed_controls_total{{control=\"{name}\"}}");
        assert_eq!(line(&text, &series), Some("1"), "{series}");
    }
    for category in SkippedCategory::ALL {
        metrics.records_skipped(category).inc();
        let text = metrics.encode().unwrap();
        let name = category.as_str();
        let series = format!("signin_records_skipped_total{{category=\"{name}\"}}");
        assert_eq!(line(&text, &series), Some("1"), "{series}");
    }
    for fault in BrokerFault::ALL {
        metrics.produce_errors(fault).inc();
        let text = metrics.encode().unwrap();
        let series = format!("signin_produce_errors_total{{kind=\"{}\"}}", fault.as_str());
        assert_eq!(line(&text, &series), Some("1"), "{series}");
    }
    for (kind, name) in [
        (Rebalance::Assign, "assign"),
        (Rebalance::Revoke, "revoke"),
        (Rebalance::Lost, "lost"),
    ] {
        metrics.rebalances(kind).inc();
        let text = metrics.encode().unwrap();
        let series = format!("signin_rebalances_total{{kind=\"{name}\"}}");
        assert_eq!(line(&text, &series), Some("1"), "{series}");
    }
    for (reason, label) in [
        ("truncated", "truncated"),
        ("diagnosis", "diagnosis"),
        ("not listed", "other"),
    ] {
        metrics.dead_letters(reason).inc();
        let text = metrics.encode().unwrap();
        let series = format!("signin_dead_letters_total{{reason=\"{label}\"}}");
        assert_eq!(line(&text, &series), Some("1"), "{series}");
    }
    metrics.field_faults(1).inc();
    let text = metrics.encode().unwrap();
    assert_eq!(
        line(&text, "signin_field_faults_total{field=\"status\"}"),
        Some("1")
    );
}

#[test]
fn lag_is_shown_only_for_partitions_that_are_assigned() {
    let metrics = metrics();
    let messages = "signin_consumer_lag_messages{partition=\"3\",topic=\"sign-ins\"}";
    let seconds = "signin_consumer_lag_seconds{partition=\"3\",topic=\"sign-ins\"}";
    metrics.set_lag("sign-ins", 3, 12, None);
    let text = metrics.encode().unwrap();
    assert_eq!(
        (line(&text, messages), line(&text, seconds)),
        (Some("12"), None)
    );
    metrics.set_lag("sign-ins", 3, 0, Some(1.5));
    let text = metrics.encode().unwrap();
    assert_eq!(
        (line(&text, messages), line(&text, seconds)),
        (Some("0"), Some("1.5"))
    );
    metrics.forget_lag("sign-ins", 3);
    metrics.forget_lag("sign-ins", 4);
    let text = metrics.encode().unwrap();
    assert_eq!((line(&text, messages), line(&text, seconds)), (None, None));
}

#[test]
fn the_last_event_is_the_latest_one_in_whatever_order_they_come() {
    let metrics = metrics();
    for seconds in [1_700_000_100, 1_700_000_300, 1_700_000_200] {
        metrics.saw_event(DateTime::from_timestamp(seconds, 0).unwrap());
    }
    let text = metrics.encode().unwrap();
    assert_eq!(
        line(&text, "signin_last_event_timestamp_seconds"),
        Some("1700000300")
    );
}
