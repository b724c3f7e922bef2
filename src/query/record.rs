//! A diagnosis record as any reader of the output topic meets it.
//!
//! Lenient: fields and values that are not known are passed over or shown as they are, since a
//! later release may add them within one schema version. Another schema version is refused.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::view::condition_name;
use crate::diagnosis::record::{SCHEMA_VERSION, reason_words};

/// One diagnosis; what the record does not say is `None`, or an empty list or text.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Diagnosis {
    pub schema_version: u32,
    pub diagnosis_id: String,
    pub sign_in_id: Option<String>,
    pub original_request_id: Option<String>,
    pub correlation_id: Option<String>,
    pub tenant_id: Option<String>,
    pub category: String,
    /// RFC 3339 in UTC.
    pub event_time: Option<String>,
    pub scenario: String,
    pub outcome: String,
    pub aspects: Vec<String>,
    pub watch_lists: Vec<String>,
    pub assessment: String,
    pub error: Option<Error>,
    pub user: Option<User>,
    pub service_principal: Option<Named>,
    pub application: Option<Named>,
    pub resource: Option<Named>,
    pub client: Option<Client>,
    pub device: Option<Device>,
    pub location: Option<Location>,
    pub tenants: Option<Tenants>,
    pub risk: Option<Risk>,
    pub conditional_access: Option<ConditionalAccess>,
    pub authentication: Option<Authentication>,
    pub remediation: Vec<Step>,
    pub support_ticket: Option<String>,
    pub references: Vec<Reference>,
    pub detail: String,
    pub trimmed: bool,
    pub policy_page: bool,
    pub source: Source,
    pub diagnosed_at: Option<String>,
    pub versions: Versions,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Error {
    pub code: i64,
    pub name: Option<String>,
    pub class: Option<String>,
    pub meaning: Option<String>,
    pub reason: Option<String>,
    pub additional_details: Option<String>,
    pub verified: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: Option<String>,
    pub principal_name: Option<String>,
    pub display_name: Option<String>,
    #[serde(rename = "type")]
    pub user_type: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Named {
    pub id: Option<String>,
    pub name: Option<String>,
}

impl Named {
    /// The name, else the id.
    pub fn shown(&self) -> Option<&str> {
        self.name.as_deref().or(self.id.as_deref())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Client {
    pub app: Option<String>,
    pub user_agent: Option<String>,
    pub ip_address: Option<String>,
    pub protocol: Option<String>,
    pub interactive: Option<bool>,
    pub incoming_token_type: Option<String>,
    pub credential_type: Option<String>,
    pub transfer_method: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Device {
    pub id: Option<String>,
    pub name: Option<String>,
    pub operating_system: Option<String>,
    pub browser: Option<String>,
    pub compliant: Option<bool>,
    pub managed: Option<bool>,
    pub trust_type: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Location {
    pub city: Option<String>,
    pub state: Option<String>,
    pub country: Option<String>,
    pub network_locations: Vec<NetworkLocation>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkLocation {
    #[serde(rename = "type")]
    pub network_type: Option<String>,
    pub names: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Tenants {
    pub home: Option<String>,
    pub resource: Option<String>,
    pub cross_tenant_access: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Risk {
    pub level: Option<String>,
    pub level_aggregated: Option<String>,
    pub state: Option<String>,
    pub detail: Option<String>,
    pub event_types: Vec<String>,
    pub flagged_for_review: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConditionalAccess {
    pub status: Option<String>,
    pub policies: Vec<Policy>,
    /// By the names of conditions.
    pub sign_in_values: BTreeMap<String, String>,
    pub not_shown: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub id: Option<String>,
    pub name: Option<String>,
    pub result: String,
    pub deciding: bool,
    /// In a summary only; [`Policy::reason_words`] has it always.
    pub reason: Option<String>,
    pub tables: Option<Tables>,
    pub grant_controls: Vec<String>,
    pub authentication_strength: Option<String>,
    pub session_controls: Vec<String>,
    pub session_controls_not_satisfied: Vec<String>,
    pub conditions_not_satisfied: Vec<String>,
    pub configured: Vec<ConfiguredCondition>,
    pub include_rules: Vec<Rule>,
    pub exclude_rules: Vec<Rule>,
}

impl Policy {
    /// Why the policy did what it did.
    pub fn reason_words(&self) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        let blocks = self.controls().any(|control| control == "Block");
        let unmet = self.conditions_not_satisfied.iter();
        let unmet = unmet.map(|name| condition_name(name));
        let mut words = String::new();
        // A String takes every write.
        let _ = reason_words(&self.result, blocks, unmet, &mut words);
        words
    }

    /// Its grant controls, wherever they stand.
    pub fn controls(&self) -> impl Iterator<Item = &str> {
        let tables = self
            .tables
            .iter()
            .flat_map(|tables| &tables.access_controls);
        let tables = tables.map(|row| &*row.control);
        let listed = self.grant_controls.iter().map(String::as_str);
        listed
            .chain(self.authentication_strength.as_deref())
            .chain(tables)
    }

    /// The name, else the id.
    pub fn shown(&self) -> &str {
        let name = self.name.as_deref().or(self.id.as_deref());
        name.unwrap_or("without a name")
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConfiguredCondition {
    pub condition: String,
    pub configured: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub condition: Option<String>,
    pub rule: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Tables {
    pub conditions: Vec<ConditionRow>,
    pub one_access_control_is_enough: Option<bool>,
    pub access_controls: Vec<ControlRow>,
    pub session_controls: Vec<ControlRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConditionRow {
    pub condition: String,
    pub configured: Option<String>,
    pub value: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ControlRow {
    pub control: String,
    pub configured: Option<String>,
    pub state: String,
    pub evidence: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Authentication {
    pub requirement: Option<String>,
    pub decided_by: Option<String>,
    pub sources: Vec<RequirementSource>,
    pub second_factor: Option<String>,
    pub steps: Vec<AuthenticationStep>,
    pub mfa_method: Option<String>,
    pub mfa_detail: Option<String>,
    pub session_lifetime: Vec<SessionLifetime>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RequirementSource {
    pub source: String,
    pub provider: Option<String>,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AuthenticationStep {
    pub time: Option<String>,
    pub method: Option<String>,
    pub method_detail: Option<String>,
    pub succeeded: Option<bool>,
    pub result: Option<String>,
    pub requirement: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SessionLifetime {
    pub requirement: Option<String>,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Step {
    pub actor: String,
    pub action: String,
    pub link: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Reference {
    pub title: String,
    pub url: String,
}

/// Where the event was read: a topic's place, or a file's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Source {
    pub topic: Option<String>,
    pub partition: i32,
    pub offset: i64,
    pub file: Option<String>,
    pub line: u64,
    pub position: u32,
}

impl Source {
    /// Where the event stands, in words.
    pub fn words(&self) -> Option<String> {
        let position = self.position;
        if let Some(topic) = &self.topic {
            let (partition, offset) = (self.partition, self.offset);
            return Some(format!("{topic}/{partition}@{offset}, record {position}"));
        }
        let file = self.file.as_ref()?;
        Some(match position {
            0 => format!("{file}:{}", self.line),
            _ => format!("{file}:{}, record {} of the line", self.line, position + 1),
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Versions {
    pub service: String,
    pub catalog: String,
    pub snapshot: Option<String>,
}

/// Why a record is not shown.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(
        "is of schema version {0}, and this release reads version {SCHEMA_VERSION}; upgrade it"
    )]
    Version(u32),
    #[error("is not a diagnosis record: it has no diagnosis_id")]
    NoDiagnosis,
    #[error("is not a diagnosis record: {0}")]
    Json(#[source] serde_json::Error),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version {
    schema_version: u32,
}

impl Diagnosis {
    /// Reads one record.
    ///
    /// # Errors
    ///
    /// Not JSON, no diagnosis, or of a later schema version.
    pub fn parse(record: &[u8]) -> Result<Diagnosis, Unreadable> {
        let parsed: Diagnosis = match serde_json::from_slice(record) {
            Ok(parsed) => parsed,
            // A later layout may be of other types: then that is what there is to tell.
            Err(error) => {
                return Err(match serde_json::from_slice(record) {
                    Ok(Version { schema_version }) if schema_version > SCHEMA_VERSION => {
                        Unreadable::Version(schema_version)
                    }
                    _ => Unreadable::Json(error),
                });
            }
        };
        if parsed.schema_version > SCHEMA_VERSION {
            return Err(Unreadable::Version(parsed.schema_version));
        }
        if parsed.diagnosis_id.is_empty() {
            return Err(Unreadable::NoDiagnosis);
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Every golden record is read whole: no text of it is lost on the way.
    #[test]
    fn every_text_of_a_record_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut read = 0;
        for folder in [folder.clone(), folder.join("with_snapshot")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let is_record = path.extension().is_some_and(|kind| kind == "json")
                    && path.file_stem().is_some_and(|name| name != "cases");
                if !is_record {
                    continue;
                }
                let text = std::fs::read(&path).unwrap();
                let diagnosis = Diagnosis::parse(&text).unwrap();
                let shown = format!("{diagnosis:?}");
                let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
                assert_texts(&value, "", &shown, &path);
                read += 1;
            }
        }
        assert!(read > 40, "{read}");
    }

    fn assert_texts(value: &serde_json::Value, key: &str, shown: &str, path: &Path) {
        match value {
            serde_json::Value::Object(fields) => fields
                .iter()
                // Bits without a name, told in the conditions as a whole; a tally of the list.
                .filter(|(key, _)| !matches!(&***key, "conditions_satisfied" | "counts"))
                .for_each(|(key, value)| assert_texts(value, key, shown, path)),
            serde_json::Value::Array(items) => {
                for item in items {
                    assert_texts(item, key, shown, path);
                }
            }
            serde_json::Value::String(text) => {
                let text = format!("{text:?}");
                assert!(shown.contains(&text), "{}: {key}: {text}", path.display());
            }
            _ => {}
        }
    }

    #[test]
    fn a_later_schema_version_is_told_even_where_its_types_differ() {
        for record in [
            r#"{"schema_version":2,"diagnosis_id":"a"}"#,
            r#"{"schema_version":2,"diagnosis_id":7,"user":"x"}"#,
        ] {
            let error = Diagnosis::parse(record.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("schema version 2"), "{error}");
            assert!(error.contains("upgrade"), "{error}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused_and_what_is_not_known_is_passed_over() {
        for text in ["", "[]", "null", "{}", r#"{"schema_version":1}"#, "{"] {
            assert!(Diagnosis::parse(text.as_bytes()).is_err(), "{text}");
        }
        let later = r#"{"schema_version":1,"diagnosis_id":"a","scenario":"of_2031","new":[{}]}"#;
        assert_eq!(
            Diagnosis::parse(later.as_bytes()).unwrap().scenario,
            "of_2031"
        );
    }
}
