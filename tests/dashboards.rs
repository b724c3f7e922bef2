//! The dashboards of `deploy/grafana/`: what they ask for exists, and they behave alike.
#![allow(clippy::expect_used)]

mod monitoring;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use monitoring::{exposed_metrics, metric_names, read, run};
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

/// What a dashboard asks for that is on no `/metrics` and is not recorded.
fn unknown_metrics(dashboard: &Value) -> Vec<String> {
    let exposed = exposed_metrics();
    let recording =
        read("deploy/prometheus/recording.yml") + &read("deploy/prometheus/parameters.yml");
    let mut unknown = Vec::new();
    for expression in expressions(dashboard) {
        let names = metric_names(expression);
        unknown.extend(names.into_iter().filter(|name| !exposed.contains(name)));
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
        for name in words.filter(|word| word.starts_with("signin:")) {
            if !recording.contains(&format!("record: {name}\n")) {
                unknown.push(name.to_owned());
            }
        }
    }
    unknown
}

/// Whether `promtool` reads every query, and what it says.
fn parsed(name: &str, dashboard: &Value) -> (bool, String) {
    let mut rules = String::from("groups:\n- name: queries\n  rules:\n");
    for (number, expression) in expressions(dashboard).into_iter().enumerate() {
        let expression = expression
            .replace("$__rate_interval", "5m")
            .replace("$__range", "1d");
        let name = name.replace('-', "_");
        let expression = Value::from(expression);
        writeln!(rules, "  - record: {name}:{number}\n    expr: {expression}")
            .expect("a string takes it");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("queries.yml");
    fs::write(&path, rules).expect("it can be written");
    run(
        "promtool",
        &["check", "rules", path.to_str().expect("a plain name")],
    )
}

/// Queries that do not follow the variables, or rates over an interval of their own.
fn unruly_queries(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let variables = list(&dashboard["templating"], "list");
    let names: Vec<&str> = variables.iter().map(|one| text(one, "name")).collect();
    if names != ["datasource", "job", "instance"] || text(&variables[0], "type") != "datasource" {
        faults.push(format!("variables {names:?}"));
    }
    for target in panels(dashboard)
        .iter()
        .flat_map(|panel| list(panel, "targets"))
    {
        let expression = text(target, "expr");
        if text(&target["datasource"], "uid") != "${datasource}" {
            faults.push(format!("a data source of its own: {expression}"));
        }
        for selector in expression.split('{').skip(1) {
            let is_parameter = selector.starts_with("name=");
            if !is_parameter && !selector.starts_with("job=~\"$job\"") {
                faults.push(format!("not of the job: {expression}"));
            }
        }
        // What is recorded is summed over the instances, and builds are counted.
        let is_summed = expression.contains("signin:") || expression.contains("build_info");
        if !is_summed && !expression.contains("instance=~\"$instance\"") {
            faults.push(format!("not of the instance: {expression}"));
        }
    }
    for expression in expressions(dashboard) {
        for call in expression.split("rate(").skip(1) {
            let range = call
                .split_once('[')
                .and_then(|(_, rest)| rest.split_once(']'));
            if range.map(|(range, _)| range) != Some("$__rate_interval") {
                faults.push(format!("an interval of its own: {expression}"));
            }
        }
    }
    faults
}

/// What a reader of the panels would miss, and what would break links.
fn unlabelled(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if dashboard["editable"] != false || !dashboard["id"].is_null() {
        faults.push("it can be edited, or has the id of one Grafana".to_owned());
    }
    let (mut titles, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(dashboard, "panels") {
        let title = text(panel, "title");
        if title.is_empty() || !titles.insert(title) || !ids.insert(panel["id"].as_u64()) {
            faults.push(format!("no title and id of its own: {title:?}"));
        }
    }
    for panel in panels(dashboard) {
        let title = text(panel, "title");
        if text(panel, "description").len() <= 10 {
            faults.push(format!("no description: {title}"));
        }
        if text(&panel["fieldConfig"]["defaults"], "unit").is_empty() {
            faults.push(format!("no unit: {title}"));
        }
    }
    faults
}

#[test]
fn every_metric_exists() {
    for (file, _) in DASHBOARDS {
        assert_eq!(unknown_metrics(&dashboard(file)), [""; 0], "{file}");
    }
}

#[test]
fn every_query_parses() {
    for (file, _) in DASHBOARDS {
        let (is_fine, said) = parsed(file, &dashboard(file));
        assert!(is_fine, "{file}: {said}");
    }
}

#[test]
fn every_query_follows_the_variables_and_every_rate_the_interval() {
    for (file, _) in DASHBOARDS {
        assert_eq!(unruly_queries(&dashboard(file)), [""; 0], "{file}");
    }
}

#[test]
fn every_panel_has_title_description_and_unit() {
    for (file, uid) in DASHBOARDS {
        let dashboard = dashboard(file);
        assert_eq!(text(&dashboard, "uid"), uid);
        assert_eq!(unlabelled(&dashboard), [""; 0], "{file}");
    }
}

/// Two policies and two applications, of which one each has a name.
const NAMES: &str = r#"
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - { series: 'signin_policy_info{job="j", instance="a", policy_id="1", policy="one"}', values: 1x30 }
      - { series: 'signin_application_info{job="j", instance="a", application_id="1", application="one"}', values: 1x30 }
"#;

#[test]
fn what_has_no_name_is_shown_by_its_id() {
    let mut tests = NAMES.to_owned();
    for id in ["1", "2"] {
        for (family, labels) in [
            ("policy_results", "policy_id, result=\"failure\""),
            (
                "policy_results",
                "policy_id, result=\"report_only_failure\"",
            ),
            (
                "policy_results",
                "policy_id, result=\"report_only_success\"",
            ),
            ("blocks_by_policy", "policy_id"),
            ("blocks_by_application", "application_id"),
        ] {
            let labels = labels.replacen("_id", &format!("_id=\"{id}\""), 1);
            writeln!(
                tests,
                "      - {{ series: 'signin_{family}_total{{job=\"j\", instance=\"a\", {labels}}}', values: 0+1x30 }}"
            )
            .expect("a string takes it");
        }
    }
    tests += "    promql_expr_test:\n";
    let dashboard = dashboard("sign-ins");
    let named = expressions(&dashboard).into_iter();
    let named: Vec<&str> = named.filter(|query| query.contains("_info{")).collect();
    assert!(named.len() >= 6, "{named:?}");
    for query in named {
        let label = if query.contains("signin_policy_info") {
            "policy"
        } else {
            "application"
        };
        let query = query
            .replace("$__rate_interval", "5m")
            .replace("$__range", "30m")
            .replace("$job", ".*")
            .replace("$instance", ".*");
        let query = Value::from(format!("count by ({label}) ({query})"));
        write!(
            tests,
            "      - expr: {query}\n        eval_time: 25m\n        exp_samples: [\
             {{ labels: '{{{label}=\"one\"}}', value: 1 }}, {{ labels: '{{{label}=\"2\"}}', value: 1 }}]\n"
        )
        .expect("a string takes it");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tests.yml");
    fs::write(&path, &tests).expect("it can be written");
    let path = path.to_str().expect("a plain name");
    let (is_fine, said) = run("promtool", &["test", "rules", path]);
    assert!(is_fine, "{said}\n{tests}");
}

/// Each of the checks sees its fault, in either dashboard.
#[test]
fn broken_dashboards_are_refused() {
    for (file, _) in DASHBOARDS {
        let source = read(&format!("deploy/grafana/{file}.json"));
        let broken = |old: &str, new: &str| -> Value {
            assert!(source.contains(old), "{file} has no {old:?}");
            serde_json::from_str(&source.replacen(old, new, 1)).expect("it is JSON")
        };
        let unknown = unknown_metrics(&broken("sum(rate(signin_", "sum(rate(signin_no_"));
        assert_eq!(unknown.len(), 1, "{file}: {unknown:?}");
        let (is_fine, said) = parsed(file, &broken("sum(rate(", "sum(rate(("));
        assert!(!is_fine && said.contains("parse error"), "{file}: {said}");
        for (old, new, why) in [
            ("\"name\": \"instance\"", "\"name\": \"pod\"", "variables"),
            ("[$__rate_interval]", "[5m]", "interval of its own"),
            ("{job=~\\\"$job\\\", ", "{", "not of the job"),
            (", instance=~\\\"$instance\\\"", "", "not of the instance"),
        ] {
            let faults = unruly_queries(&broken(old, new)).join("\n");
            assert!(faults.contains(why), "{file}: {why}: {faults}");
        }
        for (old, new, why) in [
            ("\"unit\": ", "\"units\": ", "no unit"),
            (
                "\n      \"description\": \"",
                "\n      \"about\": \"",
                "no description",
            ),
            ("\"title\": \"Now\"", "\"title\": \"\"", "no title"),
            ("\"editable\": false", "\"editable\": true", "edited"),
        ] {
            let faults = unlabelled(&broken(old, new)).join("\n");
            assert!(faults.contains(why), "{file}: {why}: {faults}");
        }
    }
}
