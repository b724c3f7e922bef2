//! Values as they may stand within a sentence.
use std::borrow::Cow;

use crate::diagnosis::bounds::cut;

/// Bytes of one value within a sentence. The record holds the whole text elsewhere.
const VALUE_BYTES: usize = 256;
/// What a list of three names takes.
pub(super) const SENTENCE: usize = 256;
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
    let text = text.trim();
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

pub(super) fn joined<'d>(
    mut parts: impl Iterator<Item = Cow<'d, str>>,
    separator: &str,
) -> Option<Cow<'d, str>> {
    let first = parts.next()?;
    let Some(second) = parts.next() else {
        return Some(first);
    };
    let mut text = String::with_capacity(SENTENCE);
    text.push_str(&first);
    for part in std::iter::once(second).chain(parts) {
        text.push_str(separator);
        text.push_str(&part);
    }
    Some(text.into())
}

/// Whether a text is ASCII without control characters, and no two blanks stand together: most are.
fn is_tidy(text: &[u8]) -> bool {
    let printable = text
        .iter()
        .fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    let doubled = pairs.filter(|(one, next)| [**one, **next] == *b"  ");
    printable && doubled.count() == 0
}

/// "a", "a and b", "a, b and c", "a, b, c and 2 more"; each value once.
pub(super) fn listed<'d>(values: impl Iterator<Item = Cow<'d, str>>) -> Option<Cow<'d, str>> {
    listed_with(values, "and")
}

/// The same with another word before the last.
pub(super) fn listed_with<'d>(
    values: impl Iterator<Item = Cow<'d, str>>,
    conjunction: &str,
) -> Option<Cow<'d, str>> {
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    let mut more = 0_usize;
    for value in values {
        if words.contains(&value) {
            continue;
        }
        if words.len() < LISTED {
            words.push(value);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        words.push(format!("{more} more").into());
    }
    let last = words.pop()?;
    match joined(words.into_iter(), ", ") {
        None => Some(last),
        Some(first) => Some([&*first, " ", conjunction, " ", &*last].concat().into()),
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
    fn a_list_names_three_and_counts_the_rest() {
        for (values, expected) in [
            (&[][..], None),
            (&["a"], Some("a")),
            (&["a", "a"], Some("a")),
            (&["a", "b"], Some("a and b")),
            (&["a", "b", "c"], Some("a, b and c")),
            (&["a", "b", "c", "d", "e", "a"], Some("a, b, c and 2 more")),
        ] {
            let values = values.iter().copied().map(Cow::Borrowed);
            assert_eq!(listed(values).as_deref(), expected);
        }
    }
}
