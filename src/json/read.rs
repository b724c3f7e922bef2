//! Reads a text as `serde_json` does, or stops.
//!
//! What it accepts, `serde_json` accepts, with the same values in the same order. It stops where
//! `serde_json` does, and at a few things more (a nesting deeper than [`DEPTH`], half of a surrogate
//! pair in what is passed over): whoever reads with it asks `serde_json` about what it stopped at.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::plain::plain_length;

/// How deep lists and objects may be nested.
const DEPTH: u32 = 64;
/// So many digits fit into a `u64`, whatever they are.
const DIGITS: usize = 19;

/// Reading stopped. Says no more: `serde_json` is asked.
#[derive(Debug)]
pub(crate) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not read as JSON")
    }
}

impl std::error::Error for Stopped {}

impl Error for Stopped {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stopped
    }
}

/// The newtype whose values repeat. Where one is asked for, the visitor is told either
///
/// - `visit_u64`: the value is the same as the one of this number;
/// - `visit_some`: the value follows, and has the next number, counted from 0; or
/// - `visit_newtype_struct`: the value follows, without a number, as from every other reader.
pub(crate) const REPEATING: &str = "repeating";
/// So many values get a number. More than a tenant has policies, in their common variants.
const REMEMBERED: usize = 256;
/// So often all of them are looked through in vain: what repeats no more is not worth it.
const SEARCHES: usize = 2 * REMEMBERED;

/// A text, and how much of it is read. For visitors that take whatever there is.
pub(crate) struct Text<'m> {
    whole: &'m str,
    at: usize,
    depth: u32,
    remembered: Vec<Remembered<'m>>,
    /// The number of the value that was read last.
    last: usize,
    /// How often the values may still be looked through in vain.
    searches: usize,
}

/// A value that may repeat.
struct Remembered<'m> {
    text: &'m str,
    /// The number of the value that followed.
    next: usize,
}

impl<'m> Text<'m> {
    pub(crate) const fn new(text: &'m str) -> Self {
        Text {
            whole: text,
            at: 0,
            depth: 0,
            remembered: Vec::new(),
            last: 0,
            searches: SEARCHES,
        }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'m str {
        &self.whole[self.at..]
    }

    /// Passes over what does not count, so that `rest` is left.
    pub(crate) const fn pass_to(&mut self, rest: &str) {
        self.at = self.whole.len() - rest.len();
    }

    /// The bytes that are read.
    pub(crate) const fn taken(&self) -> usize {
        self.at
    }

    /// The next byte that is no blank; it is not taken.
    #[inline]
    fn peek(&mut self) -> Result<u8, Stopped> {
        loop {
            match self.whole.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Stopped),
            }
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Result<(), Stopped> {
        if self.peek()? != wanted {
            return Err(Stopped);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Stopped> {
        if !self.whole.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Stopped);
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn string<V: Visitor<'m>>(&mut self, visitor: V) -> Result<V::Value, Stopped> {
        let start = self.at + 1;
        let rest = &self.whole.as_bytes()[start..];
        let end = start + plain_length(rest);
        if self.whole.as_bytes().get(end) != Some(&b'"') {
            return self.escaped_string(end, visitor);
        }
        self.at = end + 1;
        visitor.visit_borrowed_str(&self.whole[start..end])
    }

    /// A string whose first special byte is at `at`.
    #[cold]
    fn escaped_string<V: Visitor<'m>>(
        &mut self,
        mut at: usize,
        visitor: V,
    ) -> Result<V::Value, Stopped> {
        let start = self.at;
        loop {
            match self.whole.as_bytes().get(at..) {
                Some([b'"', ..]) => break,
                Some([b'\\', _, rest @ ..]) => at += 2 + plain_length(rest),
                _ => return Err(Stopped),
            }
        }
        self.at = at + 1;
        let string = &self.whole[start..self.at];
        (&mut serde_json::Deserializer::from_str(string))
            .deserialize_str(visitor)
            .map_err(|_| Stopped)
    }

    fn number<V: Visitor<'m>>(&mut self, visitor: V) -> Result<V::Value, Stopped> {
        let rest = &self.whole[self.at..];
        let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        self.at += length;
        let number = &rest[..length];
        let is_natural = matches!(number.as_bytes(), [b'0'] | [b'1'..=b'9', ..])
            && length <= DIGITS
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_natural {
            let add = |sum: u64, digit: u8| 10 * sum + u64::from(digit - b'0');
            return visitor.visit_u64(number.bytes().fold(0, add));
        }
        let mut deserializer = serde_json::Deserializer::from_str(number);
        let value = (&mut deserializer)
            .deserialize_any(visitor)
            .map_err(|_| Stopped)?;
        deserializer.end().map_err(|_| Stopped)?;
        Ok(value)
    }

    /// The number of the object that begins here, if it is the same as an earlier one. A text that
    /// begins as the whole of another object does goes no further in that object.
    fn repeated(&mut self) -> Option<usize> {
        let rest = &self.whole.as_bytes()[self.at..];
        let is = |remembered: &Remembered<'_>| rest.starts_with(remembered.text.as_bytes());
        let expected = self.remembered.get(self.last).map(|last| last.next);
        let found = expected.filter(|next| self.remembered.get(*next).is_some_and(is));
        let number = if let Some(number) = found {
            number
        } else if self.searches == 0 {
            return None;
        } else if let Some(number) = self.remembered.iter().position(is) {
            number
        } else {
            self.searches -= 1;
            return None;
        };
        self.at += self.remembered[number].text.len();
        self.follow(number);
        Some(number)
    }

    /// Notes that the value of this number comes after the last.
    fn follow(&mut self, number: usize) {
        if let Some(last) = self.remembered.get_mut(self.last) {
            last.next = number;
        }
        self.last = number;
    }

    fn repeating<V: Visitor<'m>>(&mut self, visitor: V) -> Result<V::Value, Stopped> {
        if self.peek()? != b'{' {
            return visitor.visit_newtype_struct(self);
        }
        if let Some(number) = self.repeated() {
            return visitor.visit_u64(number as u64);
        }
        if self.remembered.len() == REMEMBERED {
            return visitor.visit_newtype_struct(self);
        }
        let start = self.at;
        let value = visitor.visit_some(&mut *self)?;
        let number = self.remembered.len();
        self.remembered.push(Remembered {
            text: &self.whole[start..self.at],
            next: number + 1,
        });
        self.follow(number);
        Ok(value)
    }

    /// What stands between brackets, of which the opening one is next.
    #[inline]
    fn nested<T>(
        &mut self,
        closing: u8,
        read: impl FnOnce(Inside<'_, 'm>) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        if self.depth == DEPTH {
            return Err(Stopped);
        }
        self.at += 1;
        self.depth += 1;
        let value = read(Inside {
            text: self,
            closing,
            first: true,
        })?;
        self.take(closing)?;
        self.depth -= 1;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for &mut Text<'de> {
    type Error = Stopped;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        match self.peek()? {
            b'"' => self.string(visitor),
            b'{' => self.nested(b'}', |object| visitor.visit_map(object)),
            b'[' => self.nested(b']', |list| visitor.visit_seq(list)),
            b'0'..=b'9' | b'-' => self.number(visitor),
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => Err(Stopped),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stopped> {
        if name == REPEATING {
            self.repeating(visitor)
        } else {
            self.deserialize_any(visitor)
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// The elements of a list, or the members of an object.
struct Inside<'t, 'm> {
    text: &'t mut Text<'m>,
    closing: u8,
    first: bool,
}

impl Inside<'_, '_> {
    /// Goes to the next; the byte that it begins with, or `None` at the closing bracket.
    #[inline]
    fn advance(&mut self) -> Result<Option<u8>, Stopped> {
        let next = self.text.peek()?;
        if next == self.closing {
            return Ok(None);
        }
        if std::mem::take(&mut self.first) {
            return Ok(Some(next));
        }
        self.text.take(b',')?;
        // A comma before the closing bracket is followed by what is no value, and no key.
        Ok(Some(self.text.peek()?))
    }
}

impl<'m> SeqAccess<'m> for Inside<'_, 'm> {
    type Error = Stopped;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'m>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stopped> {
        match self.advance()? {
            Some(_) => seed.deserialize(&mut *self.text).map(Some),
            None => Ok(None),
        }
    }
}

impl<'m> MapAccess<'m> for Inside<'_, 'm> {
    type Error = Stopped;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'m>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stopped> {
        match self.advance()? {
            Some(b'"') => seed.deserialize(Key(self.text)).map(Some),
            Some(_) => Err(Stopped),
            None => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'m>>(&mut self, seed: V) -> Result<V::Value, Stopped> {
        self.text.take(b':')?;
        seed.deserialize(&mut *self.text)
    }
}

/// A key, which is a string.
struct Key<'t, 'm>(&'t mut Text<'m>);

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Stopped;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        self.0.string(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        let mut reader = Text::new(text);
        let value = Value::deserialize(&mut reader).ok()?;
        let rest = reader.rest().trim_matches([' ', '\t', '\r', '\n']);
        rest.is_empty().then_some(value)
    }

    #[test]
    fn every_kind_of_value_is_read_as_serde_json_does() {
        for text in [
            r#" { "a" : [ 1 , -2 , 3.5e-7 , 0 , -0 , 18446744073709551615 , 1e3 ] } "#,
            r#"{"nested":[[{"x":{}},[]]],"true":true,"false":false,"null":null,"":""}"#,
            r#"["\"\\\/\b\f\n\r\té\ud83d\ude00","é😀 plain","\\\\"]"#,
            "9999999999999999999",
            "12345678901234567890123",
            "\t\r\n\"x\"",
        ] {
            assert_eq!(
                read(text),
                Some(serde_json::from_str(text).unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_serde_json_refuses_is_not_read() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "]",
            "}",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "{1:1}",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\\u{e9}\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\u{1}\"",
            "\"\n\"",
            "tru",
            "nul",
            "falsy",
            "01",
            "-",
            "1.",
            "1-2",
            "+1",
            "--1",
            "1e400",
            ".5",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "\u{feff}1",
        ] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(DEPTH as usize)).is_some());
        assert!(read(&nested(DEPTH as usize + 1)).is_none());
        // One after the other is not one in the other.
        assert!(read(&format!("[{}]", vec!["[]"; 1000].join(","))).is_some());
    }

    fn any_json() -> impl Strategy<Value = String> {
        let text = r#"[ -!#-\[\]-~éß😀]{0,20}(\\["\\/bfnrt]|\\u[0-9a-f]{4}|)[a-z]{0,9}"#;
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            any::<u64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| serde_json::to_string(&value).unwrap()),
            text.prop_map(|text| format!("\"{text}\"")),
        ];
        leaf.prop_recursive(5, 60, 6, move |inner| {
            let members = prop::collection::vec((text, inner.clone(), "[ \t\r\n]{0,2}"), 0..6);
            prop_oneof![
                (prop::collection::vec(inner, 0..6), "[ \n]{0,2}")
                    .prop_map(|(list, blank)| format!("[{blank}{}{blank}]", list.join(","))),
                members.prop_map(|members| {
                    let mut object = "{".to_owned();
                    for (place, (key, value, blank)) in members.iter().enumerate() {
                        let comma = if place > 0 { "," } else { "" };
                        write!(
                            object,
                            "{comma}{blank}\"{key}\"{blank}:{blank}{value}{blank}"
                        )
                        .unwrap();
                    }
                    object + "}"
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_read_as_serde_json_does(text in any_json()) {
            prop_assert_eq!(read(&text), serde_json::from_str(&text).ok());
        }

        #[test]
        fn what_is_read_of_damaged_json_is_what_serde_json_reads(
            text in any_json(),
            at in any::<prop::sample::Index>(),
            damage in r#"["\\{}\[\],:0-9a-z \x00-\x1f]{0,2}"#,
        ) {
            let mut characters: Vec<char> = text.chars().collect();
            let at = at.index(characters.len() + 1);
            characters.splice(at..(at + 1).min(characters.len()), damage.chars());
            let damaged: String = characters.into_iter().collect();
            if let Some(value) = read(&damaged) {
                prop_assert_eq!(Some(value), serde_json::from_str(&damaged).ok());
            }
        }
    }
}
