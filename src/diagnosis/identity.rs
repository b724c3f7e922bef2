//! The deterministic id of a diagnosis.
//!
//! A replay, a second delivery and every record shape of one sign-in give the same id. The id is
//! a `UUIDv5` (RFC 9562), so that other programs can compute it:
//!
//! - of a sign-in with an id, in [`SIGN_IN_NAMESPACE`]: tenant id, canonical category and
//!   sign-in id, in ASCII lower case, joined by line feeds; a missing tenant is empty;
//! - of an event without an id, in [`SOURCE_NAMESPACE`]: topic, partition, offset and position,
//!   or file, line and position, joined in the same way, the case kept.
use std::borrow::Cow;
use std::fmt::{self, Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid};

use super::source::Source;
use crate::signin::SignIn;

/// Constant of this project: never changes.
pub const SIGN_IN_NAMESPACE: Uuid = Uuid::from_u128(0xc400_09ca_19f4_4edb_a355_28f2_be50_c39f);
/// Constant of this project: never changes.
pub const SOURCE_NAMESPACE: Uuid = Uuid::from_u128(0x3539_e321_cd5f_4972_a5b8_f553_daca_b860);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DiagnosisId(Uuid);

impl DiagnosisId {
    /// The id of what was read from `source`.
    pub fn of(sign_in: &SignIn<'_>, source: &Source<'_>) -> DiagnosisId {
        let mut name = Name::default();
        let namespace = if let Some(id) = sign_in.id.as_deref() {
            name.text(sign_in.tenant_id.as_deref().unwrap_or_default());
            name.text(sign_in.category.as_str());
            name.text(id);
            name.make_ascii_lowercase();
            SIGN_IN_NAMESPACE
        } else {
            match source {
                Source::Kafka {
                    topic,
                    partition,
                    offset,
                    position,
                } => {
                    name.part(topic);
                    name.part(partition);
                    name.part(offset);
                    name.part(position);
                }
                Source::File {
                    file,
                    line,
                    position,
                } => {
                    name.part(file);
                    name.part(line);
                    name.part(position);
                }
            }
            SOURCE_NAMESPACE
        };
        let hash = Sha1::new_with_prefix(namespace.as_bytes()).chain_update(name.as_bytes());
        // Of the 20 bytes of the hash the first 16.
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        DiagnosisId(Builder::from_sha1_bytes(bytes).into_uuid())
    }

    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for DiagnosisId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl Serialize for DiagnosisId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(
            self.0
                .as_hyphenated()
                .encode_lower(&mut Uuid::encode_buffer()),
        )
    }
}

impl JsonSchema for DiagnosisId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DiagnosisId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

/// Parts joined by line feeds. On the stack, unless longer than any real identifier.
struct Name {
    stack: [u8; Name::ON_STACK],
    length: usize,
    heap: Vec<u8>,
    parts: usize,
}

impl Default for Name {
    fn default() -> Name {
        Name {
            stack: [0; Name::ON_STACK],
            length: 0,
            heap: Vec::new(),
            parts: 0,
        }
    }
}

impl Name {
    const ON_STACK: usize = 256;

    fn text(&mut self, part: &str) {
        if self.parts > 0 {
            self.push(b"\n");
        }
        self.parts += 1;
        self.push(part.as_bytes());
    }

    fn part(&mut self, part: impl fmt::Display) {
        self.text("");
        // `write_str` below takes everything.
        let _ = write!(self, "{part}");
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if self.heap.is_empty()
            && let Some(free) = self.stack.get_mut(self.length..end)
        {
            free.copy_from_slice(bytes);
            self.length = end;
            return;
        }
        if self.heap.is_empty() {
            self.heap.extend_from_slice(&self.stack[..self.length]);
        }
        self.heap.extend_from_slice(bytes);
    }

    fn make_ascii_lowercase(&mut self) {
        self.stack[..self.length].make_ascii_lowercase();
        self.heap.make_ascii_lowercase();
    }

    fn as_bytes(&self) -> &[u8] {
        if self.heap.is_empty() {
            &self.stack[..self.length]
        } else {
            &self.heap
        }
    }
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::{Category, Shape};

    const HERE: Source<'static> = Source::Kafka {
        topic: "sign-ins",
        partition: 3,
        offset: 41,
        position: 7,
    };

    fn sign_in(tenant: &'static str, category: Category, id: &'static str) -> SignIn<'static> {
        SignIn {
            tenant_id: Some(tenant.into()),
            category,
            id: Some(id.into()),
            ..SignIn::default()
        }
    }

    #[test]
    fn another_program_can_compute_the_id() {
        let id = DiagnosisId::of(
            &sign_in("Tenant-A", Category::NonInteractive, "ID-1"),
            &HERE,
        );
        let name = b"tenant-a\nnoninteractiveusersigninlogs\nid-1";
        assert_eq!(*id.as_uuid(), Uuid::new_v5(&SIGN_IN_NAMESPACE, name));

        let id = DiagnosisId::of(&SignIn::default(), &HERE);
        let name = b"sign-ins\n3\n41\n7";
        assert_eq!(*id.as_uuid(), Uuid::new_v5(&SOURCE_NAMESPACE, name));

        let file = Source::File {
            file: "Logs.json",
            line: 1,
            position: 0,
        };
        let id = DiagnosisId::of(&SignIn::default(), &file);
        let name = b"Logs.json\n1\n0";
        assert_eq!(*id.as_uuid(), Uuid::new_v5(&SOURCE_NAMESPACE, name));
    }

    #[test]
    fn shape_case_and_place_do_not_change_the_id_of_a_sign_in() {
        let upper = sign_in("AB-1", Category::Interactive, "CD-2");
        let lower = SignIn {
            shape: Shape::Graph,
            ..sign_in("ab-1", Category::Interactive, "cd-2")
        };
        let elsewhere = Source::Kafka {
            topic: "replay",
            partition: 0,
            offset: 0,
            position: 0,
        };
        assert_eq!(
            DiagnosisId::of(&upper, &HERE),
            DiagnosisId::of(&lower, &elsewhere)
        );
    }

    #[test]
    fn each_part_changes_the_id() {
        let base = DiagnosisId::of(&sign_in("t", Category::Interactive, "i"), &HERE);
        let others = [
            sign_in("u", Category::Interactive, "i"),
            sign_in("t", Category::Adfs, "i"),
            sign_in("t", Category::Interactive, "j"),
        ];
        for other in others {
            assert_ne!(DiagnosisId::of(&other, &HERE), base, "{other:?}");
        }
        let next = Source::Kafka {
            topic: "sign-ins",
            partition: 3,
            offset: 41,
            position: 8,
        };
        assert_ne!(
            DiagnosisId::of(&SignIn::default(), &HERE),
            DiagnosisId::of(&SignIn::default(), &next)
        );
    }

    #[test]
    fn an_id_of_any_length_is_hashed_whole() {
        for length in [200, 240, 255, 256, 257, 5_000] {
            let id = "X".repeat(length);
            let sign_in = SignIn {
                id: Some(id.as_str().into()),
                ..SignIn::default()
            };
            let name = format!("\nsigninlogs\n{}", id.to_ascii_lowercase());
            assert_eq!(
                *DiagnosisId::of(&sign_in, &HERE).as_uuid(),
                Uuid::new_v5(&SIGN_IN_NAMESPACE, name.as_bytes()),
                "{length}"
            );
        }
    }
}
