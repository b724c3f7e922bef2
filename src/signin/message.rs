//! The fast path: one pass over valid JSON, each record handed out as it is completed.
//!
//! It stops at the first thing that is not as it should be; [`super::recover`] then goes on
//! from the value it stopped in.
use std::fmt;
use std::mem;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fault::{BadDetail, BadReason};
use super::field::Field;
use super::lenient::{Found, Lenient, Name, Read};
use super::members::{Member, Members};
use super::privacy::Privacy;
use super::reader::Item;
use super::record::{Record, Verdict};
use crate::json;

/// The items of one message on their way to the visitor.
pub(super) struct Session<'m, 'v> {
    privacy: &'v Privacy,
    record: Record<'m>,
    position: u32,
    /// Whether anything was read. Until then bad stretches are held back: a message in which
    /// nothing can be read is bad as a whole.
    readable: bool,
    held: Vec<Held<'m>>,
    visit: &'v mut dyn FnMut(Item<'_>),
}

struct Held<'m> {
    bytes: &'m [u8],
    /// Where `bytes` begin in the message.
    start: usize,
    reason: BadReason,
    detail: BadDetail,
}

impl<'m, 'v> Session<'m, 'v> {
    pub(super) fn new(privacy: &'v Privacy, visit: &'v mut dyn FnMut(Item<'_>)) -> Self {
        Session {
            privacy,
            record: Record::default(),
            position: 0,
            readable: false,
            held: Vec::new(),
            visit,
        }
    }

    /// How many items were handed out or are held back.
    pub(super) const fn position(&self) -> u32 {
        self.position
    }

    /// Reads the objects of the next value. Where it stops, `false`: every item up to there is out.
    pub(super) fn read_value(&mut self, text: &mut json::Text<'m>) -> bool {
        let element = Element {
            session: self,
            takes: Takes::Lists,
        };
        element.deserialize(text).is_ok()
    }

    /// Reads one object. On failure: the byte at which it stopped.
    pub(super) fn read_object(&mut self, text: &'m str, takes: Takes) -> Result<(), usize> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let element = Element {
            session: self,
            takes,
        };
        element
            .deserialize(&mut deserializer)
            .map_err(|_| deserializer.into_iter::<IgnoredAny>().byte_offset())
    }

    /// The same from a text that lives as long as the call.
    pub(super) fn read_copy(&mut self, text: &str, takes: Takes) -> Result<(), usize> {
        let privacy = self.privacy;
        let mut hand_out = |item: Item<'_>| {
            self.flush();
            let position = self.next_position();
            (self.visit)(item.at(position));
        };
        Session::new(privacy, &mut hand_out).read_object(text, takes)
    }

    /// Hands out a stretch that could not be read.
    pub(super) fn bad(
        &mut self,
        message: &'m [u8],
        range: std::ops::Range<usize>,
        reason: BadReason,
        detail: BadDetail,
    ) {
        let start = range.start;
        let bytes = &message[range];
        if reason == BadReason::NotAnObject {
            self.flush();
        }
        if self.readable {
            let position = self.next_position();
            (self.visit)(Item::Bad {
                position,
                bytes,
                reason,
                detail,
            });
        } else {
            self.held.push(Held {
                bytes,
                start,
                reason,
                detail,
            });
        }
    }

    /// Ends the message: where nothing was read, it is bad as a whole.
    pub(super) fn finish(mut self, message: &[u8]) {
        let Some(first) = self.held.drain(..).next() else {
            return;
        };
        (self.visit)(Item::Bad {
            position: 0,
            bytes: message,
            reason: first.reason,
            detail: BadDetail {
                offset: first.detail.offset.map(|offset| first.start + offset),
            },
        });
    }

    fn emit(&mut self) {
        self.flush();
        let position = self.next_position();
        let item = match self.record.finish() {
            Verdict::SignIn => {
                let faults = self.record.faults;
                let sign_in = self.record.sign_in_mut();
                self.privacy.apply(sign_in);
                Item::SignIn {
                    position,
                    sign_in,
                    faults,
                }
            }
            Verdict::Skipped(category) => Item::Skipped { position, category },
        };
        (self.visit)(item);
    }

    /// Something is readable: what was held back goes out first.
    fn flush(&mut self) {
        self.readable = true;
        for held in mem::take(&mut self.held) {
            let position = self.next_position();
            (self.visit)(Item::Bad {
                position,
                bytes: held.bytes,
                reason: held.reason,
                detail: held.detail,
            });
        }
    }

    fn next_position(&mut self) -> u32 {
        let position = self.position;
        self.position = position.saturating_add(1);
        position
    }
}

/// Whether a key may hold the list of an envelope.
pub(super) fn names_a_list(key: &str) -> bool {
    key.eq_ignore_ascii_case("records") || key.eq_ignore_ascii_case("value")
}

/// Whether a key makes an object a record, whatever lists follow.
pub(super) const fn names_a_record(field: Field) -> bool {
    matches!(field, Field::Category | Field::Properties)
}

/// Whether an object that holds a list of records is a record as well: a key says so that no
/// envelope has, before or after the list.
pub(super) const fn speaks_of_itself(field: Field) -> bool {
    names_a_record(field) || matches!(field, Field::CreatedDateTime | Field::TimeGenerated)
}

enum Key {
    List,
    Field(Field),
    Unknown,
}

/// What may stand in the place of an element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// An envelope, a record, or a list of them.
    Lists,
    /// An envelope or a record.
    Objects,
    /// A record, even where it looks like an envelope.
    Records,
}

struct Element<'s, 'm, 'v> {
    session: &'s mut Session<'m, 'v>,
    takes: Takes,
}

impl<'m> DeserializeSeed<'m> for Element<'_, 'm, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'m> Visitor<'m> for Element<'_, 'm, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_seq<A: SeqAccess<'m>>(self, mut list: A) -> Result<(), A::Error> {
        if self.takes != Takes::Lists {
            return Err(A::Error::custom("a list in the place of a record"));
        }
        self.session.elements(&mut list)
    }

    fn visit_map<A: MapAccess<'m>>(self, mut object: A) -> Result<(), A::Error> {
        let session = self.session;
        session.record.clear();
        let mut is_envelope = false;
        let mut is_record = self.takes == Takes::Records;
        let mut speaks_of_itself = false;
        loop {
            let record = &mut session.record;
            let look_up = |name: &str| match Field::from_key(name) {
                Some(field) => {
                    record.note_key(name, field);
                    Key::Field(field)
                }
                None if names_a_list(name) => Key::List,
                None => Key::Unknown,
            };
            let Some(key) = object.next_key_seed(Name(look_up))? else {
                break;
            };
            match key {
                Key::List if !is_record => {
                    let list = Read(List { session });
                    let found = object.next_value_seed(list)?;
                    is_envelope |= matches!(found, Found::Value(()));
                }
                Key::Field(field) => {
                    speaks_of_itself |= self::speaks_of_itself(field);
                    if is_envelope {
                        object.next_value::<IgnoredAny>()?;
                    } else {
                        is_record |= names_a_record(field);
                        session.record.member(field, &mut object)?;
                    }
                }
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        if !is_envelope {
            session.emit();
        } else if speaks_of_itself {
            // The records of the list are out, and took the place of this one.
            return Err(A::Error::custom("a record that holds a list of records"));
        }
        Ok(())
    }
}

impl<'m> Record<'m> {
    fn member<A: MapAccess<'m>>(&mut self, field: Field, object: &mut A) -> Result<(), A::Error> {
        let mut value = Member {
            object,
            field,
            faults: &mut self.faults,
        };
        if field == Field::Properties {
            self.properties_used = true;
            // One memory for both levels: only one of them has policies.
            mem::swap(
                &mut self.root.known_policies,
                &mut self.properties.known_policies,
            );
            let found = value.object(&mut self.properties);
            mem::swap(
                &mut self.root.known_policies,
                &mut self.properties.known_policies,
            );
            self.has_properties = found?;
            Ok(())
        } else {
            self.root.member(field, &mut value)
        }
    }
}

impl<'m> Session<'m, '_> {
    fn elements<A: SeqAccess<'m>>(&mut self, list: &mut A) -> Result<(), A::Error> {
        loop {
            let element = Element {
                session: self,
                takes: Takes::Objects,
            };
            if list.next_element_seed(element)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// The list of an envelope.
struct List<'s, 'm, 'v> {
    session: &'s mut Session<'m, 'v>,
}

impl<'m> Lenient<'m> for List<'_, 'm, '_> {
    type Value = ();

    fn list<A: SeqAccess<'m>>(self, mut list: A) -> Result<Found<()>, A::Error> {
        self.session.elements(&mut list)?;
        Ok(Found::Value(()))
    }
}
