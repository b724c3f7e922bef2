//! The dashboards of `deploy/grafana/`: what they ask for exists, and they behave alike.
#![allow(clippy::expect_used)]

mod monitoring;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use monitoring::{exposed_metrics, metric_names, read, succeeds};
use serde_json::Value;

/// File and uid. The uid is in links and bookmarks: it never changes.
const DASHBOARDS: [(&str, &str); 2] = [
    ("sign-ins", "signin-conditional-access"),
    ("pipeline", "signin-pipeline"),
];

fn dashboard(file: &str) -> Value {
    let text = read(&format!("deploy/grafana/{file}.json"));
    serde_json::from_str(&text).expect("it is JSON")
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The panels that show something: no rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = list(dashboard, "panels").iter();
    all.filter(|panel| text(panel, "type") != "row").collect()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let of_panels = panels(dashboard).into_iter();
    of_panels
        .flat_map(|panel| list(panel, "targets"))
        .chain(list(&dashboard["annotations"], "list"))
        .map(|target| text(target, "expr"))
        .collect()
}

#[test]
fn every_metric_exists() {
    let exposed = exposed_metrics();
    let recording =
        read("deploy/prometheus/recording.yml") + &read("deploy/prometheus/parameters.yml");
    for (file, _) in DASHBOARDS {
        let dashboard = dashboard(file);
        for expression in expressions(&dashboard) {
            for name in metric_names(expression) {
                assert!(exposed.contains(&name), "{file}: {name} is on no /metrics");
            }
            let words =
                expression.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
            for name in words.filter(|word| word.starts_with("signin:")) {
                let record = format!("record: {name}\n");
                assert!(
                    recording.contains(&record),
                    "{file}: {name} is not recorded"
                );
            }
        }
    }
}

#[test]
fn every_query_parses() {
    let mut rules = String::from("groups:\n- name: queries\n  rules:\n");
    for (file, _) in DASHBOARDS {
        for (number, expression) in expressions(&dashboard(file)).into_iter().enumerate() {
            assert!(!expression.is_empty(), "{file}");
            let expression = expression
                .replace("$__rate_interval", "5m")
                .replace("$__range", "1d");
            let name = file.replace('-', "_");
            let expression = Value::from(expression);
            writeln!(rules, "  - record: {name}:{number}\n    expr: {expression}")
                .expect("a string takes it");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("queries.yml");
    fs::write(&path, rules).expect("it can be written");
    succeeds(
        "promtool",
        &["check", "rules", path.to_str().expect("a plain name")],
    );
}

#[test]
fn every_query_follows_the_variables() {
    for (file, _) in DASHBOARDS {
        let dashboard = dashboard(file);
        let variables = list(&dashboard["templating"], "list");
        let names: Vec<&str> = variables.iter().map(|one| text(one, "name")).collect();
        assert_eq!(names, ["datasource", "job", "instance"], "{file}");
        assert_eq!(text(&variables[0], "type"), "datasource", "{file}");
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                assert_eq!(
                    text(&target["datasource"], "uid"),
                    "${datasource}",
                    "{file}"
                );
                let expression = text(target, "expr");
                for selector in expression.split('{').skip(1) {
                    let is_parameter = selector.starts_with("name=");
                    assert!(
                        is_parameter || selector.starts_with("job=~\"$job\""),
                        "{expression}"
                    );
                }
                // What is recorded is summed over the instances, and builds are counted.
                let is_recorded =
                    expression.contains("signin:") || expression.contains("build_info");
                assert!(
                    is_recorded || expression.contains("instance=~\"$instance\""),
                    "{expression}"
                );
            }
        }
    }
}

#[test]
fn every_rate_is_over_the_rate_interval() {
    for (file, _) in DASHBOARDS {
        for expression in expressions(&dashboard(file)) {
            for call in expression.split("rate(").skip(1) {
                let range = call
                    .split_once('[')
                    .and_then(|(_, rest)| rest.split_once(']'));
                assert_eq!(
                    range.map(|(range, _)| range),
                    Some("$__rate_interval"),
                    "{expression}"
                );
            }
        }
    }
}

#[test]
fn every_panel_has_title_description_and_unit() {
    for (file, uid) in DASHBOARDS {
        let dashboard = dashboard(file);
        assert_eq!(text(&dashboard, "uid"), uid);
        assert_eq!(dashboard["editable"], false, "{file}");
        assert!(
            dashboard["id"].is_null(),
            "{file}: the id belongs to one Grafana"
        );
        let mut titles = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard, "panels") {
            assert!(
                titles.insert(text(panel, "title")),
                "{file}: {}",
                panel["title"]
            );
            assert!(ids.insert(panel["id"].as_u64()), "{file}: {}", panel["id"]);
        }
        assert!(!titles.contains(""), "{file}");
        for panel in panels(&dashboard) {
            let title = text(panel, "title");
            assert!(text(panel, "description").len() > 10, "{file}: {title}");
            let unit = text(&panel["fieldConfig"]["defaults"], "unit");
            assert!(!unit.is_empty(), "{file}: {title}");
        }
    }
}
