use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::golden;

const FIELDS: [&str; 2] = ["createdDateTime", "status"];

fn metrics() -> Metrics {
    let series = Series {
        scenario_outcomes: &[
            (Scenario::BlockedByConditionalAccess, Outcome::Blocked),
            (Scenario::SuccessfulSignIn, Outcome::Succeeded),
        ],
        fields: &FIELDS,
        dead_letter_reasons: &["diagnosis"],
    };
    let build = BuildInfo {
        version: "1.2.3".to_owned(),
        revision: "abcdef0".to_owned(),
        catalog: "2026-01-01".to_owned(),
    };
    Metrics::new(&series, &build).unwrap()
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

#[test]
fn the_exposition_at_the_start_is_as_documented() {
    golden::assert_file(
        "tests/golden/metrics.txt",
        &stable(&metrics().encode().unwrap()),
    );
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
    let metrics = metrics();
    metrics.set_lag("sign-ins", 0, 1, Some(1.0));
    metrics.set_throttle(0, 0.0);
    let text = metrics.encode().unwrap();
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
    assert!(text.contains("\nprocess_resident_memory_bytes "));
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
