//! Text as it stands in an event: borrowed from the message where it can be.
use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A string of the event. Borrowed unless the JSON held an escape.
pub type Text<'a> = Cow<'a, str>;

/// Names are escaped once or twice on their way into the stream.
const MAX_ESCAPES: usize = 2;
/// `&#x10ffff;`, the longest reference that is read.
const LONGEST_REFERENCE: usize = 10;

/// Control characters, line separators, and the marks that change the direction of text: what a
/// terminal or a page acts on instead of showing it.
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A name as a person wrote it: character references of HTML (`&amp;amp;`, `&#39;`) and JSON
/// escapes that were escaped again (`\u0026`) undone. Nothing is copied where there are none.
/// For names only: ids and reasons stay as they are.
pub(super) fn unescaped(mut name: Text<'_>) -> Text<'_> {
    for _ in 0..MAX_ESCAPES {
        let Some(plainer) = unescaped_once(&name) else {
            break;
        };
        name = Cow::Owned(plainer);
    }
    name
}

/// `None` where there is nothing to undo.
fn unescaped_once(name: &str) -> Option<String> {
    let mut plain = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'&', b'\\', &name.as_bytes()[from..]) {
        let at = from + at;
        from = at + 1;
        if let Some((character, length)) = reference(&name[at..]) {
            plain.push_str(&name[copied..at]);
            plain.push(character);
            copied = at + length;
            from = copied;
        }
    }
    (copied > 0).then(|| plain + &name[copied..])
}

/// The character at the start of `escape`, and how many bytes stand for it.
fn reference(escape: &str) -> Option<(char, usize)> {
    if let Some(digits) = escape.strip_prefix("\\u") {
        return Some((number(digits.get(..4)?, 16)?, 6));
    }
    let end = escape
        .bytes()
        .take(LONGEST_REFERENCE)
        .position(|byte| byte == b';')?;
    let name = escape.get(1..end).filter(|_| escape.starts_with('&'))?;
    let character = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(digits) => number(digits, 16)?,
            None => number(digits, 10)?,
        },
        None => match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        },
    };
    Some((character, end + 1))
}

fn number(digits: &str, radix: u32) -> Option<char> {
    // `from_str_radix` takes a sign.
    let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let number = u32::from_str_radix(digits, radix).ok().filter(|_| plain)?;
    char::from_u32(number).filter(|character| *character != '\0')
}

/// A number that stands for a text, whatever the case of its ASCII letters: ids and user
/// principal names hold no others. Two texts share one by chance only (64 bits).
pub fn fingerprint(text: &str) -> u64 {
    let mut folded = [0; 64];
    text.as_bytes()
        .chunks(folded.len())
        .fold(text.len() as u64, |print, chunk| {
            let folded = &mut folded[..chunk.len()];
            folded.copy_from_slice(chunk);
            folded.make_ascii_lowercase();
            xxh3_64_with_seed(folded, print)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_people_wrote_them() {
        for (escaped, written) in [
            ("R&amp;D", "R&D"),
            ("R&amp;amp;D", "R&D"),
            ("O&#39;Brien &#x2013; &quot;HQ&quot;", "O'Brien – \"HQ\""),
            ("O&amp;#39;Brien", "O'Brien"),
            ("a &lt; b &gt; c &apos;d&apos;", "a < b > c 'd'"),
            ("R\\u0026D", "R&D"),
            ("R&D & more \\ &amp; less", "R&D & more \\ & less"),
        ] {
            assert_eq!(unescaped(escaped.into()), written, "{escaped}");
        }
    }

    #[test]
    fn what_is_no_escape_stays_and_is_not_copied() {
        for name in [
            "",
            "plain",
            "R&D",
            "R&D; A&B",
            "C:\\users\\u",
            "&",
            "\\",
            "&;",
            "&#;",
            "&#x;",
            "&#+39;",
            "&#0;",
            "&#xd800;",
            "&#99999999;",
            "&eacute;",
            "&amp",
            "\\u00",
            "\\u00é6",
            "&é;",
        ] {
            let read = unescaped(Cow::Borrowed(name));
            assert_eq!(read, name);
            assert!(matches!(read, Cow::Borrowed(_)), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_panics(name in r"([&;#x\\u0-9a-f]|amp|\PC){0,40}") {
            let _ = unescaped(name.as_str().into());
        }
    }

    #[test]
    fn a_fingerprint_knows_no_case_and_misses_no_character() {
        let long = "x".repeat(200);
        let print = fingerprint(&format!("Alex@Contoso.example{long}"));
        assert_eq!(print, fingerprint(&format!("alex@CONTOSO.example{long}")));
        for other in [
            format!("alex@contoso.example{long}x"),
            format!("alex@contoso.exampl3{long}"),
            format!("alex@contoso.example{}y", &long[1..]),
            String::new(),
        ] {
            assert_ne!(print, fingerprint(&other), "{other}");
        }
    }
}
