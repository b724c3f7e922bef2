//! How much of an event's free text and lists a record may carry.
use super::record::{NameList, TextList};
use crate::signin::{Location, Personal, Text};

/// Bounds of a record's size. What exceeds one is cut, and the record says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Policies shown; the rest is counted.
    pub policies: usize,
    /// Policies with tables, which only those that decided have.
    pub tables: usize,
    /// Entries of any other list.
    pub list: usize,
    /// Bytes of any one text of the event; it is cut at a character boundary.
    pub text_bytes: usize,
}

impl Bounds {
    /// Beyond what Entra reports: the longest real policy list seen had 55 entries, the longest
    /// texts are user agents of a few hundred bytes.
    pub const DEFAULT: Bounds = Bounds {
        policies: 200,
        tables: 100,
        list: 100,
        text_bytes: 4096,
    };

    /// For a record that came out too large for its topic. Any record stays below 600 KiB, even
    /// where every byte of the event's text has to be escaped as six.
    pub const TIGHT: Bounds = Bounds {
        policies: 10,
        tables: 1,
        list: 5,
        text_bytes: 96,
    };
}

/// Takes values out of an event within the bounds, and remembers whether anything was cut.
#[derive(Debug)]
pub struct Cutter {
    bounds: Bounds,
    pub trimmed: bool,
}

impl Cutter {
    pub const fn new(bounds: Bounds) -> Cutter {
        Cutter {
            bounds,
            trimmed: false,
        }
    }

    pub fn text<'a>(&mut self, text: Option<&'a Text<'_>>) -> Option<&'a str> {
        self.str(text?)
    }

    /// `None` for an empty text.
    pub fn str<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let kept = cut(text, self.bounds.text_bytes);
        self.trimmed |= kept.len() < text.len();
        (!text.is_empty()).then_some(kept)
    }

    /// What may be shown of the value.
    pub fn personal<'a, C>(&mut self, value: Option<&'a Personal<'_, C>>) -> Option<&'a str> {
        self.str(value?.shown()?)
    }

    /// The first entries of a list; the texts are cut when they are written.
    pub fn texts<'a>(&mut self, texts: &'a [Text<'_>]) -> TextList<'a> {
        let kept = self.first(texts);
        self.trimmed |= kept.iter().any(|text| text.len() > self.bounds.text_bytes);
        TextList::new(kept, self.bounds.text_bytes)
    }

    /// The same of what may be shown of names.
    pub fn names<'a>(&mut self, names: &'a [Personal<'a, Location>]) -> NameList<'a> {
        let kept = self.first(names);
        let mut shown = kept.iter().filter_map(Personal::shown);
        self.trimmed |= shown.any(|name| name.len() > self.bounds.text_bytes);
        NameList::new(kept, self.bounds.text_bytes)
    }

    pub fn first<'a, T>(&mut self, list: &'a [T]) -> &'a [T] {
        self.up_to(list, self.bounds.list)
    }

    pub fn up_to<'a, T>(&mut self, list: &'a [T], most: usize) -> &'a [T] {
        self.trimmed |= list.len() > most;
        &list[..list.len().min(most)]
    }

    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }
}

/// At most `bytes` bytes of `text`, cut at a character boundary.
pub fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character_boundary() {
        for (text, bytes, expected) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aé", 2, "a"),
            ("é", 1, ""),
            ("😀😀", 7, "😀"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, bytes), expected, "{text} {bytes}");
        }
    }

    #[test]
    fn what_is_cut_is_remembered() {
        let bounds = Bounds {
            policies: 1,
            tables: 1,
            list: 1,
            text_bytes: 3,
        };
        let whole = |run: &dyn Fn(&mut Cutter)| {
            let mut cutter = Cutter::new(bounds);
            run(&mut cutter);
            !cutter.trimmed
        };
        let texts = ["abc".into(), "d".into()];
        assert!(whole(&|cutter| assert_eq!(cutter.str("abc"), Some("abc"))));
        assert!(whole(&|cutter| assert_eq!(cutter.str(""), None)));
        assert!(!whole(&|cutter| assert_eq!(
            cutter.str("abcd"),
            Some("abc")
        )));
        assert!(whole(&|cutter| assert!(
            !cutter.texts(&texts[..1]).is_empty()
        )));
        assert!(!whole(&|cutter| assert!(!cutter.texts(&texts).is_empty())));
        assert!(!whole(&|cutter| assert!(
            !cutter.texts(&["abcd".into()]).is_empty()
        )));
    }
}
