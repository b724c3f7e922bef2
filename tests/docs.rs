//! The documents say what the code does: scenarios, fields, headers, links.
#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{Aspect, Scenario, json_schema};
use signin_diagnostics::signin::BadReason;

const README: &str = include_str!("../README.md");
const RECORD: &str = include_str!("../docs/record.md");

/// What stands between `<!-- name: begin -->` and `<!-- name: end -->`.
fn section<'a>(document: &'a str, name: &str) -> &'a str {
    let (_, rest) = document
        .split_once(&format!("<!-- {name}: begin -->"))
        .unwrap();
    rest.split_once(&format!("<!-- {name}: end -->")).unwrap().0
}

/// The words of a text that stand in backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_readme_lists_every_scenario_with_every_outcome_that_the_catalog_gives() {
    let catalog = Catalog::embedded().unwrap_or_else(|faults| panic!("{faults}"));
    let mut expected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (scenario, outcome) in catalog.scenario_outcomes() {
        let outcomes = expected.entry(scenario.as_str()).or_default();
        outcomes.insert(outcome.as_str());
    }
    assert_eq!(expected.len(), Scenario::ALL.len());

    let table = section(README, "scenarios");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let listed: BTreeMap<&str, BTreeSet<&str>> = rows
        .iter()
        .map(|cells| (cells[1].trim_matches('`'), quoted(cells[2])))
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(
        rows.len(),
        Scenario::ALL.len(),
        "a scenario is listed twice"
    );
}

#[test]
fn the_record_page_names_every_field_of_the_schema() {
    let mut fields = BTreeSet::new();
    collect_fields(json_schema().as_value(), &mut fields);
    assert!(fields.contains("diagnosis_id") && fields.contains("not_shown"));
    assert_all_named(fields.iter().map(String::as_str));
}

/// The names under `properties`, at any depth.
fn collect_fields(schema: &Value, fields: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                if let ("properties", Value::Object(named)) = (key.as_str(), value) {
                    fields.extend(named.keys().cloned());
                }
                collect_fields(value, fields);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_fields(item, fields)),
        _ => {}
    }
}

#[test]
fn the_record_page_names_every_aspect_and_every_reason_of_a_dead_letter() {
    assert_all_named(Aspect::ALL.into_iter().map(Aspect::as_str));
    assert_all_named(BadReason::ALL.into_iter().map(BadReason::as_str));
}

fn assert_all_named<'a>(names: impl Iterator<Item = &'a str>) {
    // The example quotes nothing and would count as an explanation.
    let (before, rest) = RECORD.split_once("```json").unwrap();
    let (_, after) = rest.split_once("```").unwrap();
    let mut explained = quoted(before);
    explained.extend(quoted(after));
    let missing: Vec<&str> = names.filter(|name| !explained.contains(name)).collect();
    assert!(
        missing.is_empty(),
        "docs/record.md is silent on {missing:?}"
    );
}

/// `BLESS=1` writes it anew.
#[test]
fn the_example_of_the_record_page_is_the_golden_record() {
    let page = root().join("docs/record.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (_, rest) = text.split_once("<!-- example: ").unwrap();
    let (file, rest) = rest.split_once(" -->").unwrap();
    let (_, rest) = rest.split_once("```json\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let golden = std::fs::read_to_string(root().join(file)).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&page, text.replacen(example, &golden, 1)).unwrap();
    } else {
        assert!(
            example == golden,
            "BLESS=1 copies {file} into docs/record.md"
        );
    }
}

#[test]
fn the_links_between_the_documents_lead_somewhere() {
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/ARCHITECTURE.md",
        "deploy/azure/README.md",
        "deploy/compose/README.md",
        "deploy/kubernetes/README.md",
        "docs/configuration.md",
        "docs/data-protection.md",
        "docs/getting-started.md",
        "docs/metrics.md",
        "docs/policy-snapshot.md",
        "docs/record.md",
        "docs/scenarios-and-codes.md",
        "docs/upgrading.md",
        "config/catalog/README.md",
    ] {
        let file = root().join(document);
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            if path.starts_with("https://") || path.starts_with("http://") {
                continue;
            }
            let linked = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            assert!(linked.exists(), "{document}: {target}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&linked).unwrap();
                assert!(has_heading(&text, heading), "{document}: {target}");
            }
        }
    }
}

/// By the rule of the forge: punctuation is left out of an anchor.
fn has_heading(document: &str, anchor: &str) -> bool {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            heading.chars().filter(kept).collect::<String>()
        })
        .any(|heading| heading.replace(' ', "-") == anchor)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The guarantees name their tests: `module` or `module::test`, of `tests/broker/`.
#[test]
fn the_guarantees_name_tests_that_there_are() {
    let page = std::fs::read_to_string("docs/guarantees.md").unwrap();
    let main = std::fs::read_to_string("tests/broker/main.rs").unwrap();
    let (_, faults) = page.split_once("| shown by |").unwrap();
    let mut modules = 0;
    for line in faults.lines().filter(|line| line.starts_with("| ")) {
        let cell = line
            .trim_end_matches([' ', '|'])
            .rsplit('|')
            .next()
            .unwrap();
        for name in quoted(cell) {
            let (module, test) = name.split_once("::").unwrap_or((name, ""));
            assert!(main.contains(&format!("mod {module};")), "{name}");
            let source = std::fs::read_to_string(format!("tests/broker/{module}.rs")).unwrap();
            assert!(source.contains(&format!("fn {test}")), "{name}");
            modules += 1;
        }
    }
    assert!(modules > 20, "{modules}");
}
