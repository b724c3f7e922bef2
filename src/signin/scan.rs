//! Byte-level scanning: what lies between values, and where brackets balance in text that is
//! not quite JSON. For [`super::recover`], and for whoever cuts a file into values.

pub(super) fn blanks(message: &[u8], at: usize) -> usize {
    skip(message, at, |byte| byte.is_ascii_whitespace())
}

/// Skips blanks, commas and byte order marks: nothing that could be part of a record.
pub(super) fn separators(message: &[u8], mut at: usize) -> usize {
    loop {
        at = skip(message, at, |byte| {
            byte.is_ascii_whitespace() || byte == b','
        });
        if !message[at..].starts_with(b"\xEF\xBB\xBF") {
            return at;
        }
        at += 3;
    }
}

/// `end` without the blanks and commas before it, but not before `start`.
pub(super) fn trim_end(message: &[u8], start: usize, end: usize) -> usize {
    let kept = message[start..end]
        .iter()
        .rposition(|byte| !byte.is_ascii_whitespace() && *byte != b',');
    kept.map_or(start, |last| start + last + 1)
}

fn skip(message: &[u8], at: usize, skipped: impl Fn(u8) -> bool) -> usize {
    message[at..]
        .iter()
        .position(|byte| !skipped(*byte))
        .map_or(message.len(), |found| at + found)
}

/// Counts brackets outside strings, and forgives a closing bracket that is missing or too
/// many: one that closes nothing is passed over, one further out closes what is inside it.
#[derive(Debug, Default)]
pub(crate) struct Brackets {
    open: Vec<u8>,
    objects: usize,
    lists: usize,
    in_string: bool,
    escaped: bool,
    passed_over: bool,
}

impl Brackets {
    /// Takes the next byte; whether it closes the outermost bracket.
    pub(crate) fn closes_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => {
                self.open.push(byte);
                self.objects += 1;
            }
            b'[' => {
                self.open.push(byte);
                self.lists += 1;
            }
            b'}' if self.objects > 0 => return self.close(b'{'),
            b']' if self.lists > 0 => return self.close(b'['),
            b'}' | b']' => self.passed_over = true,
            _ => {}
        }
        false
    }

    /// Whether a closing bracket was passed over, which may have been that of a list around.
    pub(super) const fn passed_over(&self) -> bool {
        self.passed_over
    }

    /// Whether nothing before the next quote, backslash or line break makes a difference.
    pub(crate) const fn in_plain_string(&self) -> bool {
        self.in_string && !self.escaped
    }

    /// Ends the line: JSON allows no line break in a string, so one that is open was never
    /// closed. Whether one was.
    pub(crate) const fn break_string(&mut self) -> bool {
        self.escaped = false;
        std::mem::replace(&mut self.in_string, false)
    }

    fn close(&mut self, wanted: u8) -> bool {
        while let Some(open) = self.open.pop() {
            if open == b'{' {
                self.objects -= 1;
            } else {
                self.lists -= 1;
            }
            if open == wanted {
                break;
            }
        }
        self.open.is_empty()
    }
}

/// What stands before a byte, blanks passed over, to tell whether a record may begin there.
pub(super) struct Before {
    byte: u8,
    line_break: bool,
}

impl Before {
    pub(super) const fn nothing() -> Before {
        Before {
            byte: b':',
            line_break: false,
        }
    }

    pub(super) const fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line_break = true;
        } else if !byte.is_ascii_whitespace() {
            self.byte = byte;
            self.line_break = false;
        }
    }

    /// After a comma, a bracket or a line break; never as the value of a key.
    pub(super) const fn may_begin_a_record(&self) -> bool {
        matches!(self.byte, b',' | b'}' | b'[') || (self.line_break && self.byte != b':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_balance_where_a_reader_would_say_so() {
        for (text, end) in [
            (r#"{"a":1}}"#, Some(7)),
            (r#"{"a":"}"},"#, Some(9)),
            (r#"{"a":"\"}"},"#, Some(11)),
            (r#"{"a":[1},{}"#, Some(8)),
            (r#"{"a":1]},{}"#, Some(8)),
            (r#"{"a":{"b":1},{}"#, None),
            (r#"{"a":"b},{}"#, None),
            ("[[{]]", Some(5)),
            ("[", None),
        ] {
            let mut brackets = Brackets::default();
            let found = text.bytes().position(|byte| brackets.closes_with(byte));
            assert_eq!(found.map(|last| last + 1), end, "{text}");
        }
    }

    #[test]
    fn a_record_begins_after_a_separator_and_not_as_a_value() {
        for (before, begins) in [
            ("},", true),
            ("} ", true),
            ("[", true),
            ("x\n", true),
            ("x\r\n  ", true),
            ("\"properties\":", false),
            ("\"properties\":\n", false),
            ("x", false),
        ] {
            let mut passed = Before::nothing();
            before.bytes().for_each(|byte| passed.pass(byte));
            assert_eq!(passed.may_begin_a_record(), begins, "{before:?}");
        }
    }
}
