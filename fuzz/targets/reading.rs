//! A message through reader, diagnosis and encoder, and what must hold of whatever comes out.
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, Diagnosis, Provenance, Source, Versions, json_schema,
    write_diagnosis, write_provenance,
};
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader};

pub const DECOMPRESSED_BYTES: usize = 1 << 16;

/// Any record stays below this with [`Bounds::TIGHT`], as they promise.
const TIGHT_BYTES: usize = 600 << 10;

static DIAGNOSERS: LazyLock<[Diagnoser; 2]> = LazyLock::new(|| {
    [Detail::Full, Detail::Summary].map(|detail| {
        let catalog = Catalog::embedded().unwrap();
        Diagnoser::new(catalog, DetailRules::all(detail))
    })
});

static SCHEMA: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler
        .add_resource("record.json", json_schema().to_value())
        .unwrap();
    let index = compiler.compile("record.json", &mut schemas).unwrap();
    (schemas, index)
});

/// What one item of a message came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The full record, but for where it was read.
    Diagnosis(String),
    Skipped(&'static str),
    Bad(&'static str),
}

/// The items of a message. An event without an id has its identity from `place`.
///
/// # Panics
///
/// Where positions do not count up, a bad stretch is none of the message, or a record is no valid
/// JSON of its schema, or too large.
pub fn outcomes(body: &[u8], place: i64) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let limits = Limits::decompressed(DECOMPRESSED_BYTES);
    Reader::new(limits, Privacy::default()).read(body, &mut |item| {
        let expected = u32::try_from(outcomes.len()).unwrap();
        outcomes.push(match item {
            Item::SignIn {
                position, sign_in, ..
            } => {
                assert_eq!(position, expected);
                let source = Source::Kafka {
                    topic: "t",
                    partition: 0,
                    offset: place,
                    position: 0,
                };
                let [full, summary] = DIAGNOSERS.each_ref().map(|diagnoser| {
                    let wide = record(
                        &diagnoser.diagnose(sign_in, &source, Bounds::DEFAULT, None),
                        source,
                    );
                    let tight = record(
                        &diagnoser.diagnose(sign_in, &source, Bounds::TIGHT, None),
                        source,
                    );
                    assert!(tight.len() < TIGHT_BYTES, "{} bytes", tight.len());
                    wide
                });
                assert!(
                    summary.len() <= full.len() || tells_in_brief(&full),
                    "{summary}\n{full}"
                );
                Outcome::Diagnosis(full)
            }
            Item::Skipped { position, category } => {
                assert_eq!(position, expected);
                Outcome::Skipped(category.as_str())
            }
            Item::Bad {
                position,
                bytes,
                reason,
                detail,
            } => {
                assert_eq!(position, expected);
                assert!(bytes.len() <= body.len().max(DECOMPRESSED_BYTES));
                assert!(detail.offset.is_none_or(|at| at <= bytes.len()));
                Outcome::Bad(reason.as_str())
            }
        });
    });
    outcomes
}

/// Whether a policy beside those that decided is told without its id, which a summary has.
fn tells_in_brief(full: &str) -> bool {
    let record: Value = serde_json::from_str(full).unwrap();
    let policies = record["conditional_access"]["policies"].as_array();
    policies.is_some_and(|policies| policies.iter().any(|policy| policy.get("id").is_none()))
}

/// The record on the wire, valid by its schema.
fn record(diagnosis: &Diagnosis<'_>, source: Source<'_>) -> String {
    let mut wire = Vec::new();
    write_diagnosis(diagnosis, &mut wire);
    let provenance = Provenance {
        policy_page: false,
        source,
        diagnosed_at: None,
        versions: Versions {
            service: "1",
            catalog: "1",
            snapshot: None,
        },
    };
    write_provenance(&provenance, &mut wire);
    let text = String::from_utf8(wire).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let (schemas, index) = &*SCHEMA;
    if let Err(error) = schemas.validate(&value, *index) {
        panic!("{error:#}\n{text}");
    }
    text
}
