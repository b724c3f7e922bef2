//! Any bytes as a message, with every class of personal data taken away: the fields of a record that
//! are one hold none, and each still has the id that it has where everything is kept.
use std::sync::LazyLock;

use serde_json::Value;
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, Source, write_diagnosis,
};
use signin_diagnostics::privacy_key::{PrivacyKey, is_pseudonym};
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader, Treatment, Treatments};

use super::reading::DECOMPRESSED_BYTES;

static DIAGNOSER: LazyLock<Diagnoser> = LazyLock::new(|| {
    let catalog = Catalog::embedded().unwrap();
    Diagnoser::new(catalog, DetailRules::all(Detail::Full))
});

/// Where a record has the values of each class.
const PLACES: [(&str, &str); 13] = [
    ("user", "/user/id"),
    ("user", "/user/principal_name"),
    ("user", "/user/display_name"),
    ("user", "/authentication/mfa_detail"),
    ("address", "/client/ip_address"),
    ("device", "/client/user_agent"),
    ("device", "/device/id"),
    ("device", "/device/name"),
    ("location", "/location/city"),
    ("location", "/location/state"),
    ("location", "/location/country"),
    ("user", "/authentication/steps/0/method_detail"),
    ("location", "/location/network_locations/0/names/0"),
];

/// Senders' words for what they do not know, which are nobody's.
const NOTHING: [&str; 9] = [
    "(removed)",
    "null",
    "<null>",
    "(null)",
    "n/a",
    "none",
    "-",
    "unknown",
    "undefined",
];

pub fn run(bytes: &[u8]) {
    let kept = records(bytes, &Privacy::default());
    for treatment in [Treatment::Drop, Treatment::Pseudonymise] {
        let treatments = Treatments {
            user: treatment,
            address: treatment,
            location: treatment,
            device: treatment,
        };
        let key = PrivacyKey::new("a secret of thirty-two characters");
        let hidden = records(bytes, &Privacy::new(treatments, key));
        assert_eq!(kept.len(), hidden.len());
        for (kept, hidden) in kept.iter().zip(&hidden) {
            for same in ["diagnosis_id", "scenario", "outcome"] {
                assert_eq!(kept[same], hidden[same]);
            }
            for (class, place) in PLACES {
                let Some(shown) = hidden.pointer(place).and_then(Value::as_str) else {
                    continue;
                };
                let is_nothing = NOTHING.contains(&&*shown.trim().to_lowercase());
                let is_hidden = treatment == Treatment::Pseudonymise && is_pseudonym(class, shown);
                assert!(
                    is_nothing || is_hidden || shown.trim().is_empty(),
                    "{treatment:?} {place}: {hidden}"
                );
            }
        }
    }
}

fn records(bytes: &[u8], privacy: &Privacy) -> Vec<Value> {
    let mut records = Vec::new();
    let limits = Limits::decompressed(DECOMPRESSED_BYTES);
    Reader::new(limits, privacy.clone()).read(bytes, &mut |item| {
        if let Item::SignIn { sign_in, .. } = item {
            let source = Source::Kafka {
                topic: "t",
                partition: 0,
                offset: 0,
                position: 0,
            };
            let diagnosis = DIAGNOSER.diagnose(sign_in, &source, Bounds::DEFAULT, None);
            let mut wire = Vec::new();
            write_diagnosis(&diagnosis, &mut wire);
            // The record is closed by its provenance, which is not of interest here.
            wire.push(b'}');
            records.push(serde_json::from_slice(&wire).unwrap());
        }
    });
    records
}
