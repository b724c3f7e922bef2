//! Values of the wrong type become absent instead of an error.
//!
//! A [`Lenient`] says which JSON types it accepts; whatever else stands in its place is read
//! over and reported as [`Found::Wrong`]. Only text that is not JSON is an error.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::Text;

/// What stood in the place of a value.
pub(super) enum Found<T> {
    Value(T),
    /// `null` or empty text.
    Absent,
    Wrong,
}

/// A string while it is being read.
pub(super) enum Str<'s, 'm> {
    /// Stands in the message as it is.
    Message(&'m str),
    /// Held escapes; lives as long as the call.
    Passing(&'s str),
}

impl<'m> Str<'_, 'm> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Str::Message(text) | Str::Passing(text) => text,
        }
    }

    pub(super) fn into_text(self) -> Text<'m> {
        match self {
            Str::Message(text) => Text::Borrowed(text),
            Str::Passing(text) => Text::Owned(text.to_owned()),
        }
    }

    /// A part of the text, borrowed as the whole is.
    pub(super) fn part(&self, part: impl FnOnce(&str) -> &str) -> Text<'m> {
        match self {
            Str::Message(text) => Text::Borrowed(part(text)),
            Str::Passing(text) => Text::Owned(part(text).to_owned()),
        }
    }
}

/// The types of value that a field accepts; all others are wrong.
pub(super) trait Lenient<'m>: Sized {
    type Value;

    /// Text that is not empty.
    fn text(self, _text: Str<'_, 'm>) -> Found<Self::Value> {
        Found::Wrong
    }

    fn integer(self, _number: i64) -> Found<Self::Value> {
        Found::Wrong
    }

    fn float(self, _number: f64) -> Found<Self::Value> {
        Found::Wrong
    }

    fn boolean(self, _value: bool) -> Found<Self::Value> {
        Found::Wrong
    }

    fn list<A: SeqAccess<'m>>(self, mut list: A) -> Result<Found<Self::Value>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Wrong)
    }

    fn object<A: MapAccess<'m>>(self, mut object: A) -> Result<Found<Self::Value>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Wrong)
    }
}

/// Reads the next value as a [`Lenient`] does.
pub(super) struct Read<L>(pub(super) L);

impl<'m, L: Lenient<'m>> DeserializeSeed<'m> for Read<L> {
    type Value = Found<L::Value>;

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'m, L: Lenient<'m>> Visitor<'m> for Read<L> {
    type Value = Found<L::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Found::Absent)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.0.boolean(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.0.integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Found::Wrong, |number| self.0.integer(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(self.0.float(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'m str) -> Result<Self::Value, E> {
        Ok(if text.is_empty() {
            Found::Absent
        } else {
            self.0.text(Str::Message(text))
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if text.is_empty() {
            Found::Absent
        } else {
            self.0.text(Str::Passing(text))
        })
    }

    fn visit_seq<A: SeqAccess<'m>>(self, list: A) -> Result<Self::Value, A::Error> {
        self.0.list(list)
    }

    fn visit_map<A: MapAccess<'m>>(self, object: A) -> Result<Self::Value, A::Error> {
        self.0.object(object)
    }
}

/// Reads text that holds JSON, as the nested columns of Log Analytics do.
///
/// The deserializer reads from a reader, so that nothing borrows from the passing text.
pub(super) fn json_text<'m, L: Lenient<'m>>(lenient: L, text: &str) -> Found<L::Value> {
    let mut deserializer = serde_json::Deserializer::from_reader(text.as_bytes());
    match Read(lenient).deserialize(&mut deserializer) {
        Ok(found) if deserializer.end().is_ok() => found,
        _ => Found::Wrong,
    }
}

/// Whether text holds a JSON object or list (`opening` is `{` or `[`).
pub(super) fn holds_json(text: &str, opening: char) -> bool {
    text.trim_start().starts_with(opening)
}

/// Looks a key up without copying it.
pub(super) struct Name<F>(pub(super) F);

impl<'m, K, F: FnOnce(&str) -> K> DeserializeSeed<'m> for Name<F> {
    type Value = K;

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<K, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<K, F: FnOnce(&str) -> K> Visitor<'_> for Name<F> {
    type Value = K;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<K, E> {
        Ok((self.0)(key))
    }
}
