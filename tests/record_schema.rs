//! The JSON Schema of the record: checked in, held against the types, and every reviewed record
//! against it by a validator that knows nothing of the types.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

mod cases;

use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use cases::{cases, record_of};
use serde_json::{Value, json};
use signin_diagnostics::diagnosis::{Detail, json_schema};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/record.schema.json")
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// `BLESS=1` writes it anew, if readers of the one before can still read the records.
#[test]
fn the_schema_that_is_checked_in_is_that_of_the_types() {
    let schema = json_schema().to_value();
    if std::env::var_os("BLESS").is_some() {
        if file().exists() {
            let broken = incompatibilities(&read(&file()), &schema, "");
            assert!(
                broken.is_empty(),
                "within schema_version 1 fields are only added: {broken:?}"
            );
        }
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        std::fs::write(file(), text).unwrap();
    }
    assert!(
        read(&file()) == schema,
        "review the change, then run this with BLESS=1"
    );
}

/// What a reader of `old` may rely on and `new` no longer gives: fields that vanish, change their
/// type, or are no longer always there; values that vanish from a closed set.
fn incompatibilities(old: &Value, new: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Value::Object(old) = old {
        for (key, before) in old {
            let place = format!("{place}/{key}");
            let after = &new[key];
            match key.as_str() {
                "properties" | "$defs" => {
                    for (name, before) in before.as_object().unwrap() {
                        let place = format!("{place}/{name}");
                        match after.get(name) {
                            Some(after) => found.extend(incompatibilities(before, after, &place)),
                            None => found.push(place),
                        }
                    }
                }
                "required" | "enum" | "oneOf" | "anyOf" => {
                    let (Some(before), Some(after)) = (before.as_array(), after.as_array()) else {
                        found.push(place);
                        continue;
                    };
                    let value = |item: &Value| item.get("const").unwrap_or(item).clone();
                    let after: Vec<Value> = after.iter().map(value).collect();
                    let gone = before.iter().map(value).find(|item| !after.contains(item));
                    found.extend(gone.map(|item| format!("{place}: {item}")));
                }
                "type" | "$ref" | "const" => found.extend((before != after).then_some(place)),
                "items" => found.extend(incompatibilities(before, after, &place)),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn fields_may_be_added_and_nothing_else() {
    let old = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}},
        "c": {"enum": ["x", "y"]}}});
    let changed = |pointer: &str, value: Value| {
        let mut new = old.clone();
        *new.pointer_mut(pointer).unwrap() = value;
        incompatibilities(&old, &new, "")
    };
    let mut added = old.clone();
    added["properties"]["d"] = json!({"type": "string"});
    added["properties"]["c"]["enum"] = json!(["x", "y", "z"]);
    assert_eq!(incompatibilities(&old, &added, ""), [""; 0]);
    for (pointer, value, place) in [
        ("/properties/a/type", json!("integer"), "/properties/a/type"),
        (
            "/properties/b/items/type",
            json!("string"),
            "/properties/b/items/type",
        ),
        (
            "/properties/c/enum",
            json!(["x"]),
            "/properties/c/enum: \"y\"",
        ),
        ("/required", json!([]), "/required: \"a\""),
        (
            "/properties",
            json!({"a": {"type": "string"}}),
            "/properties/b",
        ),
    ] {
        assert_eq!(
            changed(pointer, value).first().map(String::as_str),
            Some(place),
            "{pointer}"
        );
    }
}

struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new() -> Validator {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler
            .add_resource("record.schema.json", read(&file()))
            .unwrap();
        let index = compiler
            .compile("record.schema.json", &mut schemas)
            .unwrap();
        Validator { schemas, index }
    }

    fn fault(&self, record: &Value) -> Option<String> {
        let result = self.schemas.validate(record, self.index);
        result.err().map(|error| error.to_string())
    }
}

#[test]
fn every_reviewed_record_is_valid() {
    let validator = Validator::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut count = 0;
    for folder in [golden.clone(), golden.join("with_snapshot")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if path.extension().is_some_and(|it| it == "json") && name != "cases.json" {
                let fault = validator.fault(&read(&path));
                assert_eq!(fault, None, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count}");
    for case in cases() {
        let summary = record_of(&case.event, Detail::Summary, None);
        let fault = validator.fault(&serde_json::from_str(&summary).unwrap());
        assert_eq!(fault, None, "{}", case.name);
    }
}

#[test]
fn a_record_of_another_form_is_not_valid() {
    let validator = Validator::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let record = read(&golden.join("blocked_by_conditional_access.json"));
    assert_eq!(validator.fault(&record), None);
    for (pointer, value) in [
        ("/scenario", json!("blocked")),
        ("/outcome", json!(3)),
        ("/error/code", json!("53003")),
        ("/aspects/0", json!("new_aspect")),
        (
            "/conditional_access/policies/0/tables/access_controls/0/state",
            json!("perhaps"),
        ),
        (
            "/conditional_access/policies/0/tables/conditions/0/value",
            json!(null),
        ),
        ("/source", json!({})),
    ] {
        let mut broken = record.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(validator.fault(&broken).is_some(), "{pointer}");
    }
    let mut broken = record;
    broken.as_object_mut().unwrap().remove("scenario");
    assert!(validator.fault(&broken).is_some());
}
