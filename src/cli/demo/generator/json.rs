//! Writes JSON text straight into a buffer.
//!
//! Keys and values come from the generator's own tables, which hold nothing that JSON escapes.
use std::fmt::{Display, Write as _};

/// Writes the members of one object; the caller closes it with [`Object::close`].
pub struct Object<'a> {
    pub out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub fn open(out: &'a mut String) -> Object<'a> {
        out.push('{');
        Object { out, empty: true }
    }

    /// Writes the key, and gives the buffer for its value.
    pub fn key(&mut self, key: &str) -> &mut String {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        let out = self.key(key);
        out.push('"');
        out.push_str(value);
        out.push('"');
        self
    }

    /// A string of what the value displays.
    pub fn shown(&mut self, key: &str, value: impl Display) -> &mut Self {
        let out = self.key(key);
        // Writing to a String does not fail.
        let _ = write!(out, "\"{value}\"");
        self
    }

    /// A number, a boolean, or JSON as it is.
    pub fn raw(&mut self, key: &str, value: impl Display) -> &mut Self {
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// JSON of the generator's own, without a trip through the formatter.
    pub fn json(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key).push_str(value);
        self
    }

    pub fn object(&mut self, key: &str) -> Object<'_> {
        Object::open(self.key(key))
    }

    pub fn close(self) {
        self.out.push('}');
    }
}
