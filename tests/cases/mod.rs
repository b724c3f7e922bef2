//! Sign-ins of every scenario, as Azure Monitor streams them: `tests/golden/cases.json` holds one
//! event, and for each case what differs from it (a JSON Merge Patch, RFC 7396).
use chrono::{DateTime, Utc};
use serde_json::Value;
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, Provenance, Record, Source, Time, Versions,
    write_diagnosis, write_provenance,
};
use signin_diagnostics::policies::PolicySnapshot;
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader};

/// One case: its name begins with the scenario that it is about.
pub struct Case {
    pub name: String,
    pub event: Value,
}

pub fn cases() -> Vec<Case> {
    let file: Value = serde_json::from_str(include_str!("../golden/cases.json")).unwrap();
    let patches = file["cases"].as_object().unwrap().iter();
    patches
        .map(|(name, patch)| {
            let mut event = file["base"].clone();
            merge(&mut event, patch);
            Case {
                name: name.clone(),
                event,
            }
        })
        .collect()
}

fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(target), Value::Object(patch)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The record of an event at a fixed place and time; what is written, in a readable form.
pub fn record_of(event: &Value, detail: Detail, snapshot: Option<&PolicySnapshot>) -> String {
    shown_record_of(event, detail, snapshot, Privacy::default())
}

/// The same, with what `privacy` leaves of personal values.
pub fn shown_record_of(
    event: &Value,
    detail: Detail,
    snapshot: Option<&PolicySnapshot>,
    privacy: Privacy,
) -> String {
    const SOURCE: Source<'static> = Source::Kafka {
        topic: "entra-sign-ins",
        partition: 2,
        offset: 90_817,
        position: 4,
    };
    let diagnosed_at: DateTime<Utc> = "2026-03-02T08:16:40.250Z".parse().unwrap();
    let catalog = Catalog::embedded().unwrap();
    let diagnoser = Diagnoser::new(catalog, DetailRules::all(detail));
    let mut records = Vec::new();
    let limits = Limits::decompressed(1 << 20);
    let mut reader = Reader::new(limits, privacy);
    reader.read(event.to_string().as_bytes(), &mut |item| {
        let Item::SignIn { sign_in, .. } = item else {
            panic!("{item:?}");
        };
        let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, snapshot);
        let provenance = Provenance {
            policy_page: false,
            source: SOURCE,
            diagnosed_at: Time::new(diagnosed_at),
            versions: Versions {
                service: "1.2.3",
                catalog: "2026-01-01",
                snapshot: snapshot.map(PolicySnapshot::version),
            },
        };
        let mut wire = Vec::new();
        write_diagnosis(&diagnosis, &mut wire);
        write_provenance(&provenance, &mut wire);
        let record = Record {
            diagnosis,
            provenance,
        };
        // The bytes on the wire are those of the type behind the schema.
        assert_eq!(
            String::from_utf8(wire).unwrap(),
            serde_json::to_string(&record).unwrap()
        );
        records.push(serde_json::to_string_pretty(&record).unwrap() + "\n");
    });
    assert_eq!(records.len(), 1);
    records.remove(0)
}
