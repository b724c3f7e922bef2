//! `[privacy]`: what may leave the process of values about a person.
use super::reader::Reader;
use super::secret::Secret;
use super::settings::{DeadLetterBytes, PrivacySettings};
use crate::privacy_key::MIN_SECRET_CHARS;
use crate::signin::{Treatment, Treatments};

const TREATMENTS: [(&str, Treatment); 3] = [
    ("keep", Treatment::Keep),
    ("pseudonymise", Treatment::Pseudonymise),
    ("drop", Treatment::Drop),
];

const DEAD_LETTERS: [(&str, DeadLetterBytes); 3] = [
    ("keep", DeadLetterBytes::Keep),
    ("encrypt", DeadLetterBytes::Encrypt),
    ("drop", DeadLetterBytes::Drop),
];

const KEYS: [&str; 2] = ["privacy.key", "privacy.key_file"];
const BYTES: &str = "privacy.dead_letters";

pub(super) fn read(reader: &mut Reader) -> PrivacySettings {
    let treatments = Treatments {
        user: reader.choice("privacy.user", &TREATMENTS),
        address: reader.choice("privacy.address", &TREATMENTS),
        location: reader.choice("privacy.location", &TREATMENTS),
        device: reader.choice("privacy.device", &TREATMENTS),
    };
    let dead_letters = reader.choice(BYTES, &DEAD_LETTERS);
    let key = key(reader);
    let classes = [
        ("privacy.user", treatments.user),
        ("privacy.address", treatments.address),
        ("privacy.location", treatments.location),
        ("privacy.device", treatments.device),
    ];
    if key.is_none() && !KEYS.iter().any(|key| reader.has_fault(key)) {
        let remedy = "name a file with a secret of your own as privacy.key_file; \
                      `openssl rand -hex 32` makes one";
        for (name, treatment) in classes {
            if treatment == Treatment::Pseudonymise {
                reader.fault(name, "a pseudonym needs a key, and none is set", remedy);
            }
        }
        if dead_letters == DeadLetterBytes::Encrypt {
            reader.fault(BYTES, "encryption needs a key, and none is set", remedy);
        }
    }
    let hides = treatments != Treatments::default();
    if hides && dead_letters == DeadLetterBytes::Keep && !reader.has_fault(BYTES) {
        reader.fault(
            BYTES,
            "the bytes of a dead letter hold what the other keys of this section take away",
            "use \"encrypt\", or \"drop\" where nobody will need them",
        );
    }
    if treatments.location != Treatment::Keep && reader.is_on("metrics.countries") {
        reader.fault(
            "metrics.countries",
            "counts by country, which privacy.location does not keep",
            "set it to false, or privacy.location to \"keep\"",
        );
    }
    PrivacySettings {
        treatments,
        key,
        dead_letters,
    }
}

fn key(reader: &mut Reader) -> Option<Secret> {
    let [key, file] = KEYS;
    let secret = reader.secret(key, file)?;
    let chars = secret.expose().chars().count();
    if chars < MIN_SECRET_CHARS {
        let key = KEYS.into_iter().find(|key| reader.is_set(key));
        reader.fault(
            key.unwrap_or(file),
            format!("the secret has {chars} characters, which can be guessed"),
            format!("use at least {MIN_SECRET_CHARS}; `openssl rand -hex 32` makes a good one"),
        );
        return None;
    }
    Some(secret)
}
