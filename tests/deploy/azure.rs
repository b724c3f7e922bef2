//! `deploy/azure`. The Bicep compiler is in no package registry: the public continuous integration
//! compiles the templates. Here their *structure* is looked at, and what they share with the
//! settings of the service.
use std::collections::BTreeSet;
use std::process::Command;

use signin_diagnostics::signin::Category;

use crate::tools::{path, read, replaced, succeeds};

const MAIN: &str = "deploy/azure/main.bicep";
const SETTING: &str = "deploy/azure/diagnostic-setting.bicep";

/// The texts in single quotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('\'').skip(1).step_by(2).collect()
}

fn part<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let (_, rest) = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("no {end} after {begin}"))
        .0
}

/// The template without its comments.
fn code(file: &str) -> String {
    let text = read(file);
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.to_owned() + "\n").collect()
}

/// What is wrong with the structure of a template, as far as no compiler is needed to see it:
/// statements that begin otherwise than Bicep's, brackets and quotes that do not close, names that
/// are not used, resources without a version.
pub fn structural_faults(text: &str) -> Vec<String> {
    let text: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.to_owned() + "\n")
        .collect();
    let mut faults = Vec::new();
    if !text.matches('\'').count().is_multiple_of(2) {
        faults.push("a quote does not close".to_owned());
    }
    let mut open = Vec::new();
    for line in text.lines() {
        let is_statement = open.is_empty() && line.starts_with(char::is_alphanumeric);
        let mut words = line.split(' ');
        let (keyword, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let keywords = [
            "param",
            "var",
            "resource",
            "output",
            "targetScope",
            "module",
            "type",
        ];
        if is_statement && !keywords.contains(&keyword) {
            faults.push(format!("what statement is {line:?}?"));
        }
        if matches!(keyword, "param" | "var") && text.matches(name).count() < 2 {
            faults.push(format!("{name} is not used"));
        }
        if keyword == "resource" {
            let version = line.split(['@', '\'']).nth(2).unwrap_or("");
            if !(version.starts_with("20") && version.len() == 10) {
                faults.push(format!("{name} has no version"));
            }
        }
        for character in line.chars() {
            match character {
                '(' => open.push(')'),
                '[' => open.push(']'),
                '{' => open.push('}'),
                ')' | ']' | '}' if open.pop() != Some(character) => {
                    faults.push(format!("{character} closes nothing: {line:?}"));
                }
                _ => {}
            }
        }
    }
    if !open.is_empty() {
        faults.push(format!("{open:?} is missing"));
    }
    faults
}

#[test]
fn structure_only_the_templates_hold_together_and_broken_ones_do_not() {
    for file in [MAIN, SETTING] {
        assert_eq!(structural_faults(&read(file)), [""; 0], "{file}");
    }
    let text = read(MAIN);
    for (old, new, why) in [
        ("param users int", "param people int", "people is not used"),
        ("resource ", "ressource ", "ressource"),
        ("@20", "@v20", "has no version"),
        ("]\n", "\n", "is missing"),
    ] {
        let faults = structural_faults(&replaced(&text, old, new)).join("\n");
        assert!(faults.contains(why), "{old:?} -> {new:?}: {faults}");
    }
}

#[test]
fn the_hubs_are_those_of_the_settings_and_of_the_categories() {
    let text = code(MAIN);
    let hubs = quoted(part(&text, "var inputHubs = [", "]"));
    let overlay: toml::Table = read("config/event-hubs.toml").parse().expect("it is TOML");
    let topics = overlay["input"]["topics"].as_array().expect("a list");
    let topics: BTreeSet<&str> = topics.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(hubs, topics);
    for (variable, section) in [("outputHub", "output"), ("deadLetterHub", "dead_letter")] {
        let name = part(&text, &format!("var {variable} = '"), "'");
        assert_eq!(Some(name), overlay[section]["topic"].as_str());
    }

    let setting = code(SETTING);
    let categories = quoted(part(&setting, "param categories array = [", "]"));
    let of_categories: BTreeSet<String> = categories
        .iter()
        .map(|category| format!("insights-logs-{}", category.to_lowercase()))
        .collect();
    assert_eq!(hubs, of_categories.iter().map(String::as_str).collect());
    for category in categories {
        assert!(
            Category::ALL.iter().any(|known| known.as_str() == category),
            "{category}"
        );
    }
}

/// By their ids, which are the same in every tenant.
#[test]
fn the_identity_has_the_two_roles_on_the_hubs_and_no_other() {
    let text = code(MAIN);
    let (receiver, sender) = (
        "a638d3c7-ab3a-418d-83e6-5f17a39d4fde",
        "2b629674-e913-4c01-ae53-ef4638d8f975",
    );
    assert_eq!(
        text.matches("'Microsoft.Authorization/roleDefinitions', '")
            .count(),
        2
    );
    assert!(text.contains(&format!("'{receiver}'")) && text.contains(&format!("'{sender}'")));
    for (assignment, scope, role) in [
        ("mayRead", "inputs[index]", "receiver"),
        ("mayWriteDiagnoses", "output", "sender"),
        ("mayWriteDeadLetters", "deadLetters", "sender"),
    ] {
        let body = part(&text, &format!("resource {assignment} "), "\n}\n");
        let body = body.split("\nresource ").next().expect("it begins");
        assert!(body.contains(&format!("scope: {scope}\n")), "{assignment}");
        assert!(
            body.contains(&format!("roleDefinitionId: {role}\n")),
            "{assignment}"
        );
    }
    assert_eq!(
        text.matches("Microsoft.Authorization/roleAssignments@")
            .count(),
        3
    );
}

/// The service reads the environment that the container app gives it.
#[test]
fn the_service_takes_the_environment_of_the_container_app() {
    let text = code(MAIN);
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"));
    command.args(["check", "--config", "config/event-hubs.toml"]);
    command.current_dir(path("")).env_clear();
    let mut count = 0;
    for line in part(&text, "env: [", "\n          ]").lines() {
        let Some(name) = line.trim().strip_prefix("{ name: '") else {
            continue;
        };
        let (name, value) = name.split_once("', value: ").expect("a value");
        let value = match value.trim_end_matches(" }") {
            "join(inputHubs, ',')" => "insights-logs-signinlogs".to_owned(),
            "outputHub" => "signin-diagnoses".to_owned(),
            "deadLetterHub" => "signin-dead-letters".to_owned(),
            "identity.properties.clientId" => "7c0e1a52-6f3b-4d8e-9a41-2b5d8c6e0f13".to_owned(),
            text => text.trim_matches('\'').replace("${name}", "contoso"),
        };
        command.env(name, value);
        count += 1;
    }
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && count >= 6, "{count}: {said}");
}

/// The table of sizes, by the rules of the template.
#[test]
fn the_table_of_sizes_follows_the_template() {
    let text = code(MAIN);
    for rule in [
        "var peakKilobytes = users * eventsPerUserPerDay * 3 * 16 / 86400\n",
        "var throughputUnits = min(40, max(1, (peakKilobytes + 999) / 1000))\n",
        "param partitions int = 8\n",
        "param eventsPerUserPerDay int = 15\n",
    ] {
        assert!(text.contains(rule), "{rule}");
    }
    let readme = read("deploy/azure/README.md");
    let table = part(&readme, "<!-- sizes: begin -->", "<!-- sizes: end -->");
    let rows: Vec<Vec<u64>> = table
        .lines()
        .filter_map(|line| {
            let cells = line.split('|').skip(1).take(5);
            cells
                .map(|cell| cell.trim().replace(',', "").parse().ok())
                .collect()
        })
        .filter(|row: &Vec<u64>| row.len() == 5)
        .collect();
    assert!(rows.len() >= 6, "{rows:?}");
    for row in rows {
        let users = row[0];
        let peak = users * 15 * 3 * 16 / 86_400;
        let units = peak.div_ceil(1_000).clamp(1, 40);
        let partitions = (units * 2).clamp(8, 32);
        assert_eq!(row, [users, users * 15, peak, units, partitions]);
    }
}

#[test]
fn the_scripts_are_bash() {
    succeeds("bash", &["-n", "deploy/azure/export-policies.sh"]);
    succeeds("bash", &["-n", "tests/deploy/install-tools"]);
}
