//! Reading the JSON of an export: pages as Graph answers, and the members of their objects.
//!
//! A member of a wrong type is a fault. One that is not known is no fault: [`Object::unknown`]
//! gives it, to be shown as it is.
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fault::Findings;

const EXPORT: &str = "export it again from Microsoft Graph";

/// The longest text that is kept: longer than every name that Entra takes.
const TEXT_CHARS: usize = 1_000;

/// An item of an export's list, not yet read.
pub(super) struct Item<'t> {
    pub path: String,
    pub raw: &'t RawValue,
}

/// What Graph answers to the request of a list.
#[derive(Deserialize)]
struct Page<'t> {
    #[serde(borrow)]
    value: Option<Vec<&'t RawValue>>,
    #[serde(borrow)]
    error: Option<&'t RawValue>,
    #[serde(rename = "@odata.nextLink", borrow)]
    next_link: Option<&'t RawValue>,
}

/// The items of all pages of `text`: answers of Graph, lists, or objects, one after another.
pub(super) fn items<'t>(text: &'t str, findings: &mut Findings) -> Vec<Item<'t>> {
    let mut items = Vec::new();
    let mut pages = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut number = 0;
    let mut open = false;
    loop {
        let raw = match pages.next() {
            Some(Ok(raw)) => raw,
            Some(Err(error)) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                findings.add(&place, "it is no JSON, or ends too early", EXPORT);
                return items;
            }
            None => break,
        };
        number += 1;
        let page = match number {
            1 => String::new(),
            number => format!("page {number} "),
        };
        open = false;
        let list = if raw.get().starts_with('[') {
            serde_json::from_str(raw.get()).map(|list| (list, page))
        } else {
            serde_json::from_str::<Page<'_>>(raw.get()).map(|answer| {
                open = answer.next_link.is_some();
                if answer.error.is_some() {
                    let remedy = "give the account the rights that docs/policy-snapshot.md names, \
                                  and export again";
                    findings.add(&page, "it holds an error of Microsoft Graph", remedy);
                    return (Vec::new(), page);
                }
                match answer.value {
                    Some(list) => (list, format!("{page}/value")),
                    None => (vec![raw], page),
                }
            })
        };
        match list {
            Ok((list, path)) => items.extend(list.into_iter().enumerate().map(|(at, raw)| Item {
                path: format!("{path}/{at}"),
                raw,
            })),
            Err(_) => findings.add(
                &format!("page {number}"),
                "it is neither an answer of Microsoft Graph, nor a list, nor an object",
                EXPORT,
            ),
        }
    }
    if open {
        let remedy = "export it again, and follow every @odata.nextLink";
        findings.add("", "its last page says that further pages follow", remedy);
    } else if number == 0 {
        findings.add("", "it is empty", EXPORT);
    }
    items
}

impl Item<'_> {
    /// The item as a JSON value, an object.
    pub fn read(&self, findings: &mut Findings) -> Option<Map<String, Value>> {
        match serde_json::from_str(self.raw.get()) {
            Ok(Value::Object(map)) => Some(map),
            Ok(_) => {
                findings.add(&self.path, "it is no object", EXPORT);
                None
            }
            Err(error) => {
                findings.add(&self.path, error.to_string(), EXPORT);
                None
            }
        }
    }
}

/// An object of an export, and where it stands.
pub(super) struct Object<'v> {
    map: &'v Map<String, Value>,
    pub path: String,
}

impl<'v> Object<'v> {
    pub fn new(map: &'v Map<String, Value>, path: &str) -> Object<'v> {
        Object {
            map,
            path: path.to_owned(),
        }
    }

    fn place(&self, key: &str) -> String {
        format!("{}/{key}", self.path)
    }

    fn wrong(&self, key: &str, wanted: &str, findings: &mut Findings) {
        findings.add(&self.place(key), format!("it is no {wanted}"), EXPORT);
    }

    fn value(&self, key: &str) -> Option<&'v Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// `None` for null and missing; for what `read` does not take, with a fault.
    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        findings: &mut Findings,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(self.value(key)?);
        if read.is_none() {
            self.wrong(key, wanted, findings);
        }
        read
    }

    /// Null, missing and empty are `None`.
    pub fn text(&self, key: &str, findings: &mut Findings) -> Option<&'v str> {
        self.typed(key, "text", findings, Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    pub fn required(&self, key: &str, findings: &mut Findings) -> Option<&'v str> {
        if self.value(key).is_none() {
            findings.add(&self.path, format!("it has no {key}"), EXPORT);
            return None;
        }
        self.text(key, findings)
    }

    pub fn boolean(&self, key: &str, findings: &mut Findings) -> Option<bool> {
        self.typed(key, "truth value", findings, Value::as_bool)
    }

    pub fn number(&self, key: &str, findings: &mut Findings) -> Option<i64> {
        self.typed(key, "whole number", findings, Value::as_i64)
    }

    /// A list of texts, or one text with commas, as Graph writes enumerations of several values.
    pub fn texts(&self, key: &str, findings: &mut Findings) -> Vec<&'v str> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::String(text)) => text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .collect(),
            Some(Value::Array(list)) => {
                let mut texts = Vec::with_capacity(list.len());
                for (at, value) in list.iter().enumerate() {
                    match value.as_str() {
                        Some(text) => texts.push(text),
                        None => self.wrong(&format!("{key}/{at}"), "text", findings),
                    }
                }
                texts
            }
            Some(_) => {
                self.wrong(key, "list of texts", findings);
                Vec::new()
            }
        }
    }

    pub fn object(&self, key: &str, findings: &mut Findings) -> Option<Object<'v>> {
        let map = self.typed(key, "object", findings, Value::as_object)?;
        Some(Object {
            map,
            path: self.place(key),
        })
    }

    pub fn objects(&self, key: &str, findings: &mut Findings) -> Vec<Object<'v>> {
        let list = self.typed(key, "list", findings, Value::as_array);
        let list = list.map_or(&[][..], Vec::as_slice);
        let mut objects = Vec::with_capacity(list.len());
        for (at, value) in list.iter().enumerate() {
            match value {
                Value::Object(map) => objects.push(Object {
                    map,
                    path: format!("{}/{key}/{at}", self.path),
                }),
                _ => self.wrong(&format!("{key}/{at}"), "object", findings),
            }
        }
        objects
    }

    /// The members that say something and are not among `known`, as `name: value`.
    pub fn unknown(&self, known: &[&str]) -> impl Iterator<Item = (&'v str, String)> {
        self.map
            .iter()
            .filter(|(key, value)| !known.contains(&key.as_str()) && says_something(key, value))
            .map(|(key, value)| (key.as_str(), as_it_is(value)))
    }
}

/// Members of `OData` describe the answer, not the policy.
fn says_something(key: &str, value: &Value) -> bool {
    !key.contains("@odata.")
        && match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => map.iter().any(|(key, value)| says_something(key, value)),
            _ => true,
        }
}

/// A value that no rule here is known for: a text as it stands, everything else as JSON.
pub(super) fn as_it_is(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        value => clean(&value.to_string()),
    }
}

/// A text of the export as it may be shown: on one line, bounded.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(TEXT_CHARS));
    for (at, character) in text.trim().chars().enumerate() {
        if at == TEXT_CHARS {
            clean.push('…');
            break;
        }
        clean.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    clean
}

/// The first few texts, and how many more there are.
pub(super) fn few(texts: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut few = String::new();
    for (at, text) in texts.iter().take(SHOWN).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let _ = write!(few, "{separator}{text}");
    }
    if texts.len() > SHOWN {
        let _ = write!(few, " and {} more", texts.len() - SHOWN);
    }
    few
}
