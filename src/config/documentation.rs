//! The key table of `docs/configuration.md`, made from the comments of the defaults.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layers::DEFAULTS;
use crate::golden;

struct Key {
    name: String,
    default: String,
    text: String,
}

struct Part {
    section: String,
    text: String,
    keys: Vec<Key>,
}

/// Reads the defaults as a person does: a comment block belongs to the line below it.
fn parts() -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut comment = String::new();
    for line in DEFAULTS.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix('#') {
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(text.trim());
        } else if let Some(section) = line.strip_prefix('[') {
            parts.push(Part {
                section: section.trim_end_matches(']').to_owned(),
                text: std::mem::take(&mut comment),
                keys: Vec::new(),
            });
        } else if let Some((name, default)) = line.split_once(" = ") {
            if parts.is_empty() {
                parts.push(Part {
                    section: String::new(),
                    text: String::new(),
                    keys: Vec::new(),
                });
            }
            parts.last_mut().unwrap().keys.push(Key {
                name: name.to_owned(),
                default: default.to_owned(),
                text: std::mem::take(&mut comment),
            });
        } else {
            assert!(line.is_empty(), "not understood: {line}");
            comment.clear();
        }
    }
    parts
}

fn table() -> String {
    let mut text = String::new();
    for part in parts() {
        if part.section.is_empty() {
            text.push_str("\n### Top level\n");
        } else {
            write!(text, "\n### `[{}]`\n", part.section).unwrap();
        }
        if !part.text.is_empty() {
            write!(text, "\n{}\n", part.text).unwrap();
        }
        if !part.keys.is_empty() {
            text.push_str("\n| key | default | meaning |\n|---|---|---|\n");
        }
        for key in part.keys {
            let meaning = key.text.replace('|', "\\|").replace('<', "&lt;");
            writeln!(text, "| `{}` | `{}` | {meaning} |", key.name, key.default).unwrap();
        }
    }
    text.push('\n');
    text
}

#[test]
fn the_documentation_lists_the_keys_as_the_defaults_do() {
    golden::assert_section("docs/configuration.md", "keys", &table());
}

#[test]
fn every_key_of_the_defaults_is_explained() {
    let mut names = BTreeSet::new();
    for part in parts() {
        for key in part.keys {
            assert!(key.text.ends_with('.'), "{}.{}", part.section, key.name);
            assert!(names.insert(format!("{}.{}", part.section, key.name)));
        }
    }
    assert!(names.len() > 30, "{names:?}");
}
