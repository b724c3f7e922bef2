//! Writes a value as `serde_json` does, byte for byte.
use std::fmt::{self, Write};

use serde::Serialize;
use serde::ser::{
    Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};

use super::plain::{is_plain, plain_length};

/// Bytes of a text that is expected to have something to escape.
const LONG: usize = 256;

/// What `serde_json::value::RawValue` calls itself.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Appends the JSON of `value` to `out`.
///
/// # Errors
/// A key of a map that is no text, a tuple struct, or a variant of an enum that holds something:
/// no record has them. `out` holds a part of the value then.
pub(crate) fn append<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> fmt::Result {
    value.serialize(Writer(out))
}

struct Writer<'o>(&'o mut Vec<u8>);

impl Writer<'_> {
    #[inline]
    fn text(self, text: &str) -> fmt::Result {
        // A long text is an assessment, which quotes names.
        if text.len() > LONG || !is_plain(text.as_bytes()) {
            return self.escaped(text);
        }
        self.plain(text);
        Ok(())
    }

    /// A text in which nothing is escaped.
    #[inline]
    fn plain(self, text: &str) {
        debug_assert!(is_plain(text.as_bytes()), "{text}");
        // The quotes are what the room for it is filled with: the size is looked at once.
        let start = self.0.len() + 1;
        self.0.resize(start + text.len() + 1, b'"');
        self.0[start..start + text.len()].copy_from_slice(text.as_bytes());
    }

    fn escaped(self, text: &str) -> fmt::Result {
        self.0.reserve(text.len() + text.len() / 8);
        self.0.push(b'"');
        let mut rest = text;
        loop {
            let plain = plain_length(rest.as_bytes());
            self.0.extend_from_slice(&rest.as_bytes()[..plain]);
            match rest.as_bytes().get(plain) {
                None => break,
                Some(quote @ (b'"' | b'\\')) => self.0.extend_from_slice(&[b'\\', *quote]),
                Some(_) => {
                    let control = serde_json::to_string(&rest[plain..=plain]);
                    let control = control.map_err(|_| fmt::Error)?;
                    self.0
                        .extend_from_slice(control.trim_matches('"').as_bytes());
                }
            }
            rest = &rest[plain + 1..];
        }
        self.0.push(b'"');
        Ok(())
    }

    /// As `serde_json` does, by `serde_json`.
    fn plainly<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        serde_json::to_writer(self.0, value).map_err(|_| fmt::Error)
    }
}

macro_rules! plainly {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> fmt::Result {
            self.plainly(&value)
        }
    )*};
}

impl<'o> Serializer for Writer<'o> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Members<'o>;
    type SerializeTuple = Members<'o>;
    type SerializeTupleStruct = Impossible<(), fmt::Error>;
    type SerializeTupleVariant = Impossible<(), fmt::Error>;
    type SerializeMap = Members<'o>;
    type SerializeStruct = Members<'o>;
    type SerializeStructVariant = Impossible<(), fmt::Error>;

    plainly! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_bytes(&[u8])
    }

    fn serialize_bool(self, value: bool) -> fmt::Result {
        self.0
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> fmt::Result {
        self.text(text)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> fmt::Result {
        let start = self.0.len();
        self.0.push(b'"');
        write!(Displayed(self.0), "{value}")?;
        if is_plain(&self.0[start + 1..]) {
            self.0.push(b'"');
            return Ok(());
        }
        self.0.truncate(start);
        self.plainly(&format_args!("{value}"))
    }

    fn serialize_none(self) -> fmt::Result {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> fmt::Result {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> fmt::Result {
        self.serialize_unit()
    }

    /// `name` is that of a variant, in which nothing is escaped.
    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> fmt::Result {
        self.plain(name);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'o>, fmt::Error> {
        Ok(Members::new(self.0, Brackets::List))
    }

    fn serialize_tuple(self, length: usize) -> Result<Members<'o>, fmt::Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'o>, fmt::Error> {
        Ok(Members::new(self.0, Brackets::Object))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members<'o>, fmt::Error> {
        let brackets = if name == RAW_VALUE {
            Brackets::None
        } else {
            Brackets::Object
        };
        Ok(Members::new(self.0, brackets))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    List,
    Object,
    /// The text of a `RawValue` stands for itself.
    None,
}

/// The elements of a list, or the members of an object.
struct Members<'o> {
    out: &'o mut Vec<u8>,
    brackets: Brackets,
    first: bool,
}

impl<'o> Members<'o> {
    #[inline]
    fn new(out: &'o mut Vec<u8>, brackets: Brackets) -> Self {
        Members {
            out,
            brackets,
            first: true,
        }
    }

    /// What stands before the next of them.
    #[inline]
    fn separator(&mut self) -> u8 {
        match self.brackets {
            _ if !std::mem::take(&mut self.first) => b',',
            Brackets::List => b'[',
            Brackets::Object | Brackets::None => b'{',
        }
    }

    #[inline]
    fn close(self) {
        let (open, close) = match self.brackets {
            Brackets::List => (b'[', b']'),
            Brackets::Object => (b'{', b'}'),
            Brackets::None => return,
        };
        if self.first {
            self.out.push(open);
        }
        self.out.push(close);
    }
}

impl SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        let separator = self.separator();
        self.out.push(separator);
        append(value, self.out)
    }

    fn end(self) -> fmt::Result {
        self.close();
        Ok(())
    }
}

impl SerializeTuple for Members<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> fmt::Result {
        self.close();
        Ok(())
    }
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> fmt::Result {
        let separator = self.separator();
        self.out.push(separator);
        let start = self.out.len();
        append(key, self.out)?;
        if self.out.get(start) == Some(&b'"') {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.out.push(b':');
        append(value, self.out)
    }

    fn end(self) -> fmt::Result {
        self.close();
        Ok(())
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = fmt::Error;

    /// `key` is the name of a field, in which nothing is escaped. Inlined, so that its length is
    /// known where it is copied.
    #[allow(
        clippy::inline_always,
        reason = "the length of each key is a constant then"
    )]
    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> fmt::Result {
        if self.brackets == Brackets::None {
            let verbatim = fmt::from_fn(|formatter| value.serialize(formatter));
            return write!(Displayed(self.out), "{verbatim}");
        }
        // The quotes are what the room for it is filled with: the size is looked at once.
        let separator = self.separator();
        let start = self.out.len();
        self.out.resize(start + key.len() + 4, b'"');
        let written = &mut self.out[start..start + key.len() + 4];
        written[0] = separator;
        written[2..2 + key.len()].copy_from_slice(key.as_bytes());
        written[3 + key.len()] = b':';
        append(value, self.out)
    }

    #[inline]
    fn end(self) -> fmt::Result {
        self.close();
        Ok(())
    }
}

/// Takes what is displayed.
struct Displayed<'o>(&'o mut Vec<u8>);

impl Write for Displayed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        FirstOne,
    }

    #[derive(Serialize)]
    struct Everything<'a> {
        text: &'a str,
        #[serde(serialize_with = "displayed")]
        displayed: &'a str,
        none: Option<&'a str>,
        some: Option<bool>,
        numbers: (i8, i16, i32, i64, u8, u16, u32, u64, f32, f64),
        character: char,
        unit: (),
        word: Word,
        empty: [u8; 0],
        list: Vec<&'a str>,
        map: BTreeMap<&'a str, u8>,
        raw: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
        inner: Option<Box<Everything<'a>>>,
    }

    fn displayed<S: Serializer>(text: &&str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(text)
    }

    fn everything<'a>(texts: &'a [String], raw: &'a RawValue, depth: u8) -> Everything<'a> {
        let text = texts.first().map_or("", String::as_str);
        Everything {
            text,
            displayed: text,
            none: None,
            some: Some(depth == 1),
            numbers: (-1, -2, -3, i64::MIN, 1, 2, 3, u64::MAX, 1.5, f64::NAN),
            character: '"',
            unit: (),
            word: Word::FirstOne,
            empty: [],
            list: texts.iter().map(String::as_str).collect(),
            map: texts.iter().map(|text| (text.as_str(), depth)).collect(),
            raw,
            skipped: None,
            inner: (depth > 0).then(|| Box::new(everything(texts, raw, depth - 1))),
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_that_of_serde_json(
            texts in prop::collection::vec(
                prop_oneof![
                    r#"([a-zé😀]{0,30}["\\\x00-\x20\x7f/]?){0,3}"#,
                    r#"[a-z]{250,260}["\\\x00-\x20\x7f/é]?[a-z]{0,9}"#,
                ],
                0..4,
            ),
            raw in r#"[0-9]|"x"|\{"a" : \[ \] \}"#,
        ) {
            let raw = RawValue::from_string(raw).unwrap();
            let value = everything(&texts, &raw, 2);
            let mut written = b"before".to_vec();
            append(&value, &mut written).unwrap();
            let expected = format!("before{}", serde_json::to_string(&value).unwrap());
            prop_assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }

    #[test]
    fn what_no_record_has_is_refused() {
        #[derive(Serialize)]
        enum Holding {
            Number(u8),
        }
        let mut out = Vec::new();
        assert!(append(&Holding::Number(1), &mut out).is_err());
        assert!(append(&BTreeMap::from([(1, 2)]), &mut out).is_err());
    }
}
