//! Text of an event as a person may see it.
use std::fmt::{self, Write as _};

pub use crate::signin::text::is_active;

/// Text that a terminal only shows: control characters, and those that reorder what is read,
/// come out as escapes.
pub struct Inert<'a>(pub &'a str);

impl Inert<'_> {
    /// Columns that it takes.
    pub fn columns(&self) -> usize {
        let width = |c: char| {
            if is_active(c) {
                c.escape_unicode().count()
            } else {
                1
            }
        };
        self.0.chars().map(width).sum()
    }
}

impl fmt::Display for Inert<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_active(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// The same for JSON, which stays the same JSON: such characters stand in its strings only.
pub fn json(record: &str) -> String {
    let mut shown = String::with_capacity(record.len());
    for c in record.chars() {
        if is_active(c) {
            // A `String` takes every write.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}
