//! Text of an event as a person may see it.
use std::fmt::{self, Write as _};

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

/// Control characters, line separators, and the marks that change the direction of text.
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
