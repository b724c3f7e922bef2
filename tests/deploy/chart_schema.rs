//! `values.schema.json`: what may stand in the values of the chart. The part under `config` is made
//! from `config/signin-diagnostics.toml`, so that it has every setting of the service and no other.
use std::env;
use std::fs;

use serde_json::{Value, json};

use crate::tools::{path, read};

const SCHEMA: &str = "deploy/kubernetes/signin-diagnostics/values.schema.json";

/// Sections whose keys are the user's own, and what each holds.
fn open_section(name: &str) -> Option<Value> {
    match name {
        "kafka.properties" => Some(json!({ "type": ["string", "number", "boolean"] })),
        "output.detail" => Some(json!({ "enum": ["full", "summary", "none"] })),
        "watch" => {
            let text = json!({ "type": ["string", "array"], "items": { "type": "string" } });
            Some(json!({
                "type": "object",
                "additionalProperties": false,
                "properties": { "users": text, "users_file": { "type": "string" } },
            }))
        }
        _ => None,
    }
}

pub struct Setting {
    /// With its section, in dots.
    pub key: String,
    pub default: toml::Value,
    pub text: String,
}

impl Setting {
    /// A secret itself, and not the file that holds it: it has no place in a `ConfigMap`.
    pub fn is_secret(&self) -> bool {
        self.text.ends_with("Secret.")
    }

    pub fn is_file(&self) -> bool {
        self.key.ends_with("_file")
    }

    fn schema(&self) -> Value {
        let mut schema = match &self.default {
            toml::Value::String(text) if is_amount(text, &["ms", "s", "m", "h"]) => {
                json!({ "type": "string", "pattern": "^ *[0-9]+(\\.[0-9]+)? *([mM]?[sS]|[mM]|[hH]) *$" })
            }
            toml::Value::String(text)
                if is_amount(text, &["KiB", "MiB", "GiB", "kB", "MB", "GB"]) =>
            {
                json!({ "type": ["string", "integer"], "minimum": 0 })
            }
            toml::Value::String(_) => json!({ "type": "string" }),
            toml::Value::Integer(_) => json!({ "type": "integer" }),
            toml::Value::Float(_) => json!({ "type": "number" }),
            toml::Value::Boolean(_) => json!({ "type": "boolean" }),
            toml::Value::Array(_) => json!({ "type": "array", "items": { "type": "string" } }),
            other => panic!(
                "{}: what type is {other:?}? Teach it to chart_schema.rs",
                self.key
            ),
        };
        schema["description"] = json!(self.text);
        schema
    }
}

fn is_amount(text: &str, units: &[&str]) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    digits.len() < text.len() && units.contains(&digits)
}

/// Every setting with its comment, and every section.
pub fn settings() -> (Vec<Setting>, Vec<String>) {
    let (mut settings, mut sections) = (Vec::new(), Vec::new());
    let (mut prefix, mut comment) = (String::new(), Vec::new());
    for line in read("config/signin-diagnostics.toml").lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim().to_owned());
        } else if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            sections.push(section.to_owned());
            prefix = format!("{section}.");
            comment.clear();
        } else if let Some((name, default)) = line.split_once(" = ") {
            let table: toml::Table = format!("value = {default}").parse().expect("it is TOML");
            settings.push(Setting {
                key: format!("{prefix}{name}"),
                default: table["value"].clone(),
                text: std::mem::take(&mut comment).join(" "),
            });
        } else {
            comment.clear();
        }
    }
    (settings, sections)
}

/// The object at a dotted path, made where it is missing.
fn object<'s>(schema: &'s mut Value, section: &str) -> &'s mut Value {
    let parts = section.split('.').filter(|part| !part.is_empty());
    parts.fold(schema, |schema, part| {
        let properties = schema["properties"].as_object_mut().expect("an object");
        properties.entry(part).or_insert_with(closed)
    })
}

/// An object without any property.
fn closed() -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": {} })
}

fn config() -> Value {
    let (settings, sections) = settings();
    let mut config = closed();
    for section in sections {
        let holds = open_section(&section);
        let object = object(&mut config, &section);
        if let Some(holds) = holds {
            object["additionalProperties"] = holds;
        }
    }
    for setting in settings.iter().filter(|setting| !setting.is_secret()) {
        let (section, name) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
        object(&mut config, section)["properties"][name] = setting.schema();
    }
    config["required"] = json!([
        "workers",
        "kafka",
        "input",
        "output",
        "dead_letter",
        "telemetry"
    ]);
    // A pod sees the cores of its node: 0 would start a worker for each.
    config["properties"]["workers"]["minimum"] = json!(1);
    config
}

/// Each file of a secret, by the setting that names it.
fn secrets() -> Value {
    let (settings, _) = settings();
    let mut secrets = closed();
    for setting in settings.iter().filter(|setting| setting.is_file()) {
        secrets["properties"][&setting.key] = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["name", "key"],
            "properties": { "name": { "type": "string" }, "key": { "type": "string" } },
            "description": setting.text,
        });
    }
    secrets
}

/// The shape of a value that has no setting behind it.
enum Node {
    Object(&'static [(&'static str, Node)]),
    Text,
    Choice(&'static [&'static str]),
    Flag,
    Count,
    Map,
    /// Of a selector: without any it would choose everything.
    Labels,
    List,
    Ports,
    Any,
}

impl Node {
    fn schema(&self) -> Value {
        match self {
            Node::Object(fields) => {
                let properties: serde_json::Map<String, Value> = fields
                    .iter()
                    .map(|(name, node)| ((*name).to_owned(), node.schema()))
                    .collect();
                json!({ "type": "object", "additionalProperties": false, "properties": properties })
            }
            Node::Text => json!({ "type": "string" }),
            Node::Choice(choices) => json!({ "enum": choices }),
            Node::Flag => json!({ "type": "boolean" }),
            Node::Count => json!({ "type": "integer", "minimum": 1 }),
            Node::Map => json!({ "type": "object" }),
            Node::Labels => json!({ "type": "object", "minProperties": 1 }),
            Node::List => json!({ "type": "array" }),
            Node::Ports => {
                json!({ "type": "array", "minItems": 1, "items": { "type": "integer", "minimum": 1, "maximum": 65535 } })
            }
            Node::Any => json!({}),
        }
    }
}

fn values() -> Value {
    use Node::{Any, Choice, Count, Flag, Labels, List, Map, Object, Ports, Text};
    const SHAPE: Node = Object(&[
        (
            "image",
            Object(&[
                ("repository", Text),
                ("tag", Text),
                ("digest", Text),
                ("pullPolicy", Choice(&["Always", "IfNotPresent", "Never"])),
                ("pullSecrets", List),
            ]),
        ),
        ("replicas", Count),
        (
            "serviceAccount",
            Object(&[
                ("create", Flag),
                ("name", Text),
                ("clientId", Text),
                ("annotations", Map),
            ]),
        ),
        ("resources", Map),
        ("podDisruptionBudget", Object(&[("enabled", Flag)])),
        (
            "networkPolicy",
            Object(&[("enabled", Flag), ("scrapers", Labels), ("ports", Ports)]),
        ),
        (
            "podMonitor",
            Object(&[("enabled", Flag), ("interval", Text), ("labels", Map)]),
        ),
        (
            "prometheusRule",
            Object(&[
                ("enabled", Flag),
                ("labels", Map),
                ("job", Text),
                ("runbookBase", Text),
                ("parameters", Map),
            ]),
        ),
        ("dashboards", Object(&[("enabled", Flag), ("labels", Map)])),
        (
            "keda",
            Object(&[
                ("enabled", Flag),
                ("partitions", Count),
                ("lagMessages", Count),
                ("scaler", Choice(&["prometheus", "kafka"])),
                (
                    "prometheus",
                    Object(&[("serverAddress", Text), ("query", Text)]),
                ),
                (
                    "kafka",
                    Object(&[
                        ("secretName", Text),
                        ("usernameKey", Text),
                        ("passwordKey", Text),
                    ]),
                ),
            ]),
        ),
        ("extraVolumes", List),
        ("extraVolumeMounts", List),
        ("podAnnotations", Map),
        ("podLabels", Map),
        ("nodeSelector", Map),
        ("tolerations", List),
        ("affinity", Map),
        ("priorityClassName", Text),
        // What Helm hands to a chart that another one includes.
        ("global", Any),
    ]);
    let mut schema = SHAPE.schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["properties"]["config"] = config();
    schema["properties"]["secrets"] = secrets();
    schema
}

#[test]
fn the_schema_of_the_values_has_every_setting() {
    let expected = serde_json::to_string_pretty(&values()).expect("it is JSON") + "\n";
    if env::var_os("BLESS").is_some() {
        fs::write(path(SCHEMA), &expected).expect("it can be written");
    }
    let actual = fs::read_to_string(path(SCHEMA)).unwrap_or_default();
    assert!(
        actual == expected,
        "{SCHEMA} does not follow config/signin-diagnostics.toml; write it anew with: \
         BLESS=1 cargo test --test deploy chart_schema"
    );
}
