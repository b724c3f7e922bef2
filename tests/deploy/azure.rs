//! `deploy/azure`. The Bicep compiler is in no package registry: the public continuous integration
//! compiles the templates. Here their *structure* is looked at, and what they share with the
//! settings of the service.
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use signin_diagnostics::signin::Category;

use crate::tools::{path, read, replaced};

const MAIN: &str = "deploy/azure/main.bicep";
const SETTING: &str = "deploy/azure/diagnostic-setting.bicep";
const TO_LOGS: &str = "deploy/azure/diagnoses-to-logs.bicep";
const TO_EXPLORER: &str = "deploy/azure/diagnoses.kql";

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
    let mut is_text = false;
    for line in text.lines() {
        if line.contains("'''") {
            is_text = !is_text;
        } else if is_text {
            continue;
        }
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
        if is_statement && line != "'''" && !keywords.contains(&keyword) {
            faults.push(format!("what statement is {line:?}?"));
        }
        if matches!(keyword, "param" | "var") && text.matches(name).count() < 2 {
            faults.push(format!("{name} is not used"));
        }
        if keyword == "resource" {
            let version = line.split(['@', '\'']).nth(2).unwrap_or("");
            let version = version.strip_suffix("-preview").unwrap_or(version);
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
    for file in [MAIN, SETTING, TO_LOGS] {
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

/// A resource with its body.
fn resource<'t>(text: &'t str, name: &str) -> &'t str {
    let (_, rest) = text
        .split_once(&format!("\nresource {name} "))
        .unwrap_or_else(|| panic!("no {name}"));
    rest.split("\nresource ").next().expect("it begins")
}

/// By their ids, which are the same in every tenant.
#[test]
fn the_identity_has_two_roles_where_it_is_told_and_may_pull_and_no_other() {
    let text = code(MAIN);
    for (role, id) in [
        ("receiver", "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"),
        ("sender", "2b629674-e913-4c01-ae53-ef4638d8f975"),
        ("puller", "7f951dda-4ed3-4680-a7ca-43fe172d538d"),
        ("blobWriter", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ] {
        let definition = "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', ";
        assert!(
            text.contains(&format!("var {role} = {definition}'{id}')\n")),
            "{role}"
        );
    }
    let (namespace, hubs) = ("roleScope == 'namespace'", "roleScope == 'hubs'");
    let assignments = [
        ("mayReadAll", namespace, "namespace", "receiver", "identity"),
        ("mayWriteAll", namespace, "namespace", "sender", "identity"),
        ("mayRead", hubs, "inputs[index]", "receiver", "identity"),
        ("mayWriteDiagnoses", hubs, "output", "sender", "identity"),
        (
            "mayWriteDeadLetters",
            hubs,
            "deadLetters",
            "sender",
            "identity",
        ),
        (
            "mayPull",
            "!empty(registry)",
            "images",
            "puller",
            "identity",
        ),
        ("mayCapture", "capture", "lake", "blobWriter", "captor"),
    ];
    for (assignment, when, scope, role, whose) in assignments {
        let body = resource(&text, assignment);
        for part in [
            format!("if ({when}) {{\n"),
            format!("scope: {scope}\n"),
            format!("roleDefinitionId: {role}\n"),
            format!("principalId: {whose}.properties.principalId\n"),
        ] {
            assert!(body.contains(&part), "{assignment}: {part}");
        }
    }
    assert_eq!(
        text.matches("Microsoft.Authorization/roleAssignments@")
            .count(),
        assignments.len()
    );
    // The app starts with them, not before.
    let app = resource(&text, "service");
    for (assignment, .., whose) in assignments {
        assert_eq!(
            app.contains(assignment),
            whose == "identity",
            "{assignment}"
        );
    }
    assert!(
        text.contains("@allowed(['namespace', 'hubs'])\nparam roleScope string = 'namespace'\n")
    );
}

/// Without a key in the environment, and without a name and password for the registry.
#[test]
fn the_container_app_pulls_and_logs_by_identity() {
    let text = code(MAIN);
    assert!(resource(&text, "service").contains(
        "registries: empty(registry) ? [] : [{ server: images.properties.loginServer, identity: identity.id }]\n"
    ));
    assert!(
        resource(&text, "environment")
            .contains("appLogsConfiguration: { destination: 'azure-monitor' }")
    );
    let logging = resource(&text, "logging");
    assert!(logging.contains("scope: environment\n") && logging.contains("workspaceId: logs.id\n"));
    assert!(logging.contains("'ContainerAppConsoleLogs'"));
    for secret in [
        "listKeys",
        "sharedKey",
        "adminUserEnabled",
        "passwordSecretRef",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// Whether a record has the field, by its schema.
fn is_field(path: &str) -> bool {
    let schema: serde_json::Value =
        serde_json::from_str(&read("docs/record.schema.json")).expect("it is JSON");
    let mut place = &schema;
    path.split('.').all(|name| {
        let choices = place["anyOf"].as_array();
        let mut choices = choices.into_iter().flatten().chain([place]);
        let reference = choices.find_map(|choice| choice["$ref"].as_str());
        let target = reference.and_then(|name| schema.pointer(name.trim_start_matches('#')));
        let properties = &target.unwrap_or(place)["properties"];
        place = &properties[name];
        !place.is_null()
    })
}

/// The columns of the table of Azure Monitor logs, and by what each is filled.
fn columns_of_the_logs(text: &str) -> (Vec<String>, Vec<(String, String)>) {
    let declared = part(text, "var columns = [\n", "\n]");
    let declared = declared.lines().map(|line| {
        let words: Vec<&str> = line.split('\'').collect();
        format!("{}: {}", words[1], words[3])
    });
    let filled = part(text, "| project\n", "\n'''");
    let filled = filled.lines().map(|line| {
        let (name, value) = line.trim().split_once(" = ").expect("name = value");
        (name.to_owned(), value.trim_end_matches(',').to_owned())
    });
    (declared.collect(), filled.collect())
}

/// What the transformation of a data collection rule may call, by Microsoft's list.
const FUNCTIONS: [&str; 6] = [
    "iif",
    "isnull",
    "parse_json",
    "todatetime",
    "toint",
    "tostring",
];

#[test]
fn the_table_of_the_logs_is_filled_from_fields_of_the_record() {
    let text = code(TO_LOGS);
    let (declared, filled) = columns_of_the_logs(&text);
    assert!(declared.len() >= 12, "{declared:?}");
    let names = |columns: &[String]| -> Vec<String> {
        let name = |column: &String| column.split(':').next().unwrap_or_default().to_owned();
        columns.iter().map(name).collect()
    };
    let of_filled: Vec<String> = filled.iter().map(|column| column.0.clone()).collect();
    assert_eq!(names(&declared), of_filled);
    for (name, value) in &filled {
        for field in value.split("record.").skip(1) {
            let field: String = field
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || matches!(c, '_' | '.'))
                .collect();
            assert!(is_field(&field), "{name}: {field}");
        }
        let calls = value.split('(').rev().skip(1);
        for call in calls.map(|call| call.rsplit([' ', '(']).next().unwrap_or_default()) {
            assert!(FUNCTIONS.contains(&call), "{name}: {call}");
        }
    }
    assert!(is_field("error.code") && !is_field("error.number"));

    // What Azure Monitor keeps for itself, and what the hub of the service is called.
    for reserved in ["TenantId", "Type", "UniqueId", "Title", "id"] {
        assert!(!names(&declared).iter().any(|name| name == reserved));
    }
    let hub = part(&code(MAIN), "var outputHub = ", "\n").to_owned();
    assert!(text.contains(&format!("var outputHub = {hub}\n")));
}

/// One table, wherever it stands: what is learned of one holds for the other.
#[test]
fn the_table_of_data_explorer_has_the_columns_and_the_fields_of_that_of_the_logs() {
    let text = read(TO_EXPLORER);
    let table = part(&text, ".create-merge table SignInDiagnoses (", ")\n");
    let (declared, filled) = columns_of_the_logs(&code(TO_LOGS));
    let declared = declared
        .join(", ")
        .replacen("TimeGenerated", "EventTime", 1);
    assert_eq!(table, declared);

    let mapping = part(&text, "ingestion json mapping 'SignInDiagnoses' '", "'\n");
    let mapping: serde_json::Value = serde_json::from_str(mapping).expect("it is JSON");
    let mapped: BTreeMap<&str, &str> = mapping
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| Some((entry["column"].as_str()?, entry["path"].as_str()?)))
        .collect();
    assert_eq!(mapped.len(), filled.len());
    for (name, value) in &filled {
        let name = name.replace("TimeGenerated", "EventTime");
        let path = mapped[&*name].replacen('$', "record", 1);
        assert!(value.contains(&path), "{name}: {path}");
        if let Some(field) = path.strip_prefix("record.") {
            assert!(is_field(field), "{name}: {field}");
        }
    }
    let page = read("docs/getting-started.md");
    for option in [
        "--table-name SignInDiagnoses",
        "--mapping-rule-name SignInDiagnoses",
    ] {
        assert!(page.contains(option), "{option}");
    }
}

/// What is wrong with the commands of a file for Azure Data Explorer, as far as it can be seen without
/// one: each block is one command, with brackets and quotes that close, and JSON where JSON is due.
pub fn faults_of_commands(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("//"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let mut faults = Vec::new();
    for line in lines {
        let begins = [
            ".create-merge table ",
            ".create-or-alter table ",
            ".alter-merge table ",
            ".create ifnotexists materialized-view ",
        ];
        if !begins.iter().any(|begin| line.starts_with(begin)) {
            faults.push(format!("what command is {line:?}?"));
        }
        for pair in ["()", "{}", "[]"] {
            let count = |index: usize| line.matches(&pair[index..=index]).count();
            if count(0) != count(1) {
                faults.push(format!("{pair} does not close: {line:?}"));
            }
        }
        let quoted: Vec<&str> = line.split('\'').collect();
        if quoted.len().is_multiple_of(2) {
            faults.push(format!("a quote does not close: {line:?}"));
        }
        for json in quoted.iter().filter(|text| text.starts_with('[')) {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(json) {
                faults.push(format!("no JSON: {error}"));
            }
        }
    }
    faults
}

/// The service reads the environment that the container app gives it.
#[test]
fn the_service_takes_the_environment_of_the_container_app() {
    let text = code(MAIN);
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"));
    // As the container app does: the defaults of a container below, the overlay above.
    command.args(["check", "--config", "config/container.toml"]);
    command.args(["--config", "config/event-hubs.toml"]);
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
