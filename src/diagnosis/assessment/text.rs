//! Values as they may stand within a sentence.
use std::borrow::Cow;

use crate::diagnosis::bounds::cut;

/// Bytes of one value within a sentence. The record holds the whole text elsewhere.
const VALUE_BYTES: usize = 256;
/// Names of one list within a sentence; the rest is counted.
pub(super) const LISTED: usize = 3;

/// What senders write where they know nothing.
const NOTHING: [&str; 9] = [
    "null",
    "<null>",
    "(null)",
    "N/A",
    "undefined",
    "None",
    "-",
    "unknown",
    "unknownFutureValue",
];

/// A text on one line and of bounded length; `None` where it says nothing.
pub(super) fn said(text: &str) -> Option<Cow<'_, str>> {
    let text = trimmed(text);
    if text.is_empty() || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return None;
    }
    if text.len() <= VALUE_BYTES && is_tidy(text.as_bytes()) {
        return Some(text.into());
    }
    let kept = cut(text, VALUE_BYTES);
    let dirty = kept.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
        || kept.contains("  ");
    if !dirty && kept.len() == text.len() {
        return Some(text.into());
    }
    let mut line = String::with_capacity(kept.len());
    for word in kept.split(|c: char| c.is_control() || c.is_whitespace()) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    if kept.len() < text.len() {
        line.push('…');
    }
    (!line.is_empty()).then(|| line.into())
}

/// [`str::trim`], which few texts need.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

/// Appends what `text` says; false where it says nothing.
pub(super) fn say(text: Option<&str>, out: &mut String) -> bool {
    push(text.and_then(said).as_deref(), out)
}

/// Appends a text; false where there is none.
pub(super) fn push(text: Option<&str>, out: &mut String) -> bool {
    out.push_str(text.unwrap_or_default());
    text.is_some()
}

/// One value of a list, with what stands around it.
#[derive(PartialEq, Eq)]
pub(super) struct Word<'d> {
    before: &'static str,
    text: Cow<'d, str>,
    is_quoted: bool,
}

impl<'d> Word<'d> {
    pub(super) fn plain(text: impl Into<Cow<'d, str>>) -> Word<'d> {
        Word {
            before: "",
            text: text.into(),
            is_quoted: false,
        }
    }

    /// A name in quotes, if it says something.
    pub(super) fn quoted(name: &'d str) -> Option<Word<'d>> {
        Word::called("", name)
    }

    /// The same after other words.
    pub(super) fn called(before: &'static str, name: &'d str) -> Option<Word<'d>> {
        Some(Word {
            before,
            text: said(name)?,
            is_quoted: true,
        })
    }

    pub(super) fn push(&self, out: &mut String) {
        out.push_str(self.before);
        if self.is_quoted {
            out.push('"');
        }
        out.push_str(&self.text);
        if self.is_quoted {
            out.push('"');
        }
    }
}

/// Appends values with a separator between; false where there are none.
pub(super) fn joined<'d>(
    values: impl Iterator<Item = Word<'d>>,
    separator: &str,
    out: &mut String,
) -> bool {
    let mut is_first = true;
    for value in values {
        if !std::mem::take(&mut is_first) {
            out.push_str(separator);
        }
        value.push(out);
    }
    !is_first
}

/// Whether a text is ASCII without control characters, and no two blanks stand together: most are.
/// Eight bytes at a time; the last eight overlap those before.
fn is_tidy(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let Some(end) = text.last_chunk::<8>() else {
        let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
        let mut doubled = pairs.filter(|(one, next)| [**one, **next] == *b"  ");
        return text.iter().all(|byte| matches!(byte, b' '..=b'~')) && doubled.next().is_none();
    };
    // The top bit of each byte is set where the byte is no printable ASCII, or of blanks.
    let unprintable = |word: u64| word | word.wrapping_sub(ONES * 0x20) | word.wrapping_add(ONES);
    let blanks = |word: u64| !((word ^ (ONES * 0x20)).wrapping_add(ONES * 0x7f)) & TOPS;
    let (mut found, mut before) = (0, 0);
    for word in text.as_chunks().0 {
        let word = u64::from_le_bytes(*word);
        let blanks = blanks(word);
        found |= unprintable(word) | (blanks & (blanks << 8 | before));
        before = blanks >> 56;
    }
    let end = u64::from_le_bytes(*end);
    found |= unprintable(end) | (blanks(end) & (blanks(end) << 8));
    found & TOPS == 0
}

/// Appends "a", "a and b", "a, b and c", "a, b, c and 2 more", each value once; false where there
/// are none.
pub(super) fn listed<'d>(values: impl Iterator<Item = Word<'d>>, out: &mut String) -> bool {
    listed_with(values, "and", out)
}

/// The same with another word before the last.
pub(super) fn listed_with<'d>(
    values: impl Iterator<Item = Word<'d>>,
    conjunction: &str,
    out: &mut String,
) -> bool {
    let mut words = [const { None }; LISTED];
    let (mut known, mut more) = (0, 0);
    for value in values {
        if words.iter().flatten().any(|word| *word == value) {
            continue;
        }
        match words.get_mut(known) {
            Some(free) => {
                *free = Some(value);
                known += 1;
            }
            None => more += 1,
        }
    }
    let last = |place| place + 1 == known && more == 0;
    for (place, word) in words.iter().flatten().enumerate() {
        match place {
            0 => {}
            _ if last(place) => conjoin(conjunction, out),
            _ => out.push_str(", "),
        }
        word.push(out);
    }
    and_more(more, conjunction, out);
    known > 0
}

fn conjoin(conjunction: &str, out: &mut String) {
    for part in [" ", conjunction, " "] {
        out.push_str(part);
    }
}

/// Appends how many more there are, if any.
pub(super) fn and_more(more: usize, conjunction: &str, out: &mut String) {
    if more > 0 {
        conjoin(conjunction, out);
        out.push_str(&more.to_string());
        out.push_str(" more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_and_placeholders_of_senders_are_none() {
        for (text, expected) in [
            ("Payroll", Some("Payroll")),
            (" Payroll\r\n", Some("Payroll")),
            ("Pay\nroll\t\u{7}x\u{2028}y", Some("Pay roll x y")),
            ("Pay  roll", Some("Pay roll")),
            ("Nullsoft", Some("Nullsoft")),
            ("", None),
            (" \u{a0}", None),
            ("\u{1}", None),
            ("null", None),
            ("NULL", None),
            ("<null>", None),
            ("N/A", None),
            ("n/a", None),
            ("undefined", None),
            ("None", None),
            ("-", None),
            ("Unknown", None),
            ("unknownFutureValue", None),
        ] {
            assert_eq!(said(text).as_deref(), expected, "{text:?}");
        }
        assert!(matches!(said(" plain "), Some(Cow::Borrowed("plain"))));
        let long = "é".repeat(400);
        assert_eq!(
            said(&long).as_deref(),
            Some(format!("{}…", "é".repeat(128)).as_str())
        );
    }

    #[test]
    fn a_tidy_text_is_printable_ascii_without_two_blanks_together() {
        for length in 0..40 {
            let mut text = vec![b'x'; length];
            assert!(is_tidy(&text));
            for at in 0..length {
                for byte in 0..=255 {
                    text[at] = byte;
                    assert_eq!(is_tidy(&text), matches!(byte, b' '..=b'~'), "{text:?}");
                }
                text[at] = b' ';
                for other in 0..length {
                    let kept = std::mem::replace(&mut text[other], b' ');
                    assert_eq!(is_tidy(&text), other.abs_diff(at) != 1, "{text:?}");
                    text[other] = kept;
                }
                text[at] = b'x';
            }
        }
    }

    #[test]
    fn a_list_names_three_and_counts_the_rest() {
        for (values, expected) in [
            (&[][..], None),
            (&["a"], Some("a")),
            (&["a", "a"], Some("a")),
            (&["a", "b"], Some("a and b")),
            (&["a", "b", "c"], Some("a, b and c")),
            (&["a", "b", "c", "d", "e", "a"], Some("a, b, c and 2 more")),
        ] {
            let mut text = String::new();
            let values = values.iter().copied().map(Word::plain);
            let is_any = listed(values, &mut text);
            assert_eq!(is_any.then_some(text.as_str()), expected);
        }
    }
}
