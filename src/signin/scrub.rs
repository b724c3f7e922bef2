//! Finds personal values inside other texts of an event.
//!
//! Found are the event's own values that may not be shown, whatever their case, where they stand
//! as words of their own; and, whoever's they are, user principal names and mail addresses by
//! their `@`, and network addresses by their form.
use std::net::{IpAddr, SocketAddr};

use memchr::{memchr_iter, memchr2_iter};

use super::personal::{Address, Class, Location, User};
use super::privacy::{Rules, Treatment};

/// What stands in the place of a value of which nothing is shown.
pub(super) const REMOVED: &str = "(removed)";

/// A shorter value is no more than a word, and stands in texts by chance.
const MIN_BYTES: usize = 3;
/// Places have names that are words: "Nice", "Reading". Countries are two letters.
const MIN_PLACE_BYTES: usize = 4;
/// Values of one event that are searched for: real ones have about a dozen. Each is a pass over
/// every text of the event, so an event with more loses its texts instead of taking the time.
const MAX_KNOWN: usize = 64;
/// Finds in one text: with more of them it holds nothing else, and is removed as a whole.
const MAX_FOUND: usize = 1_000;

pub(super) struct Scrubber<'r> {
    rules: &'r Rules,
    known: Vec<Known>,
    found: Vec<Found>,
    too_many: bool,
}

struct Known {
    value: String,
    instead: String,
}

struct Found {
    start: usize,
    end: usize,
    instead: String,
}

impl<'r> Scrubber<'r> {
    pub(super) fn new(rules: &'r Rules) -> Scrubber<'r> {
        Scrubber {
            rules,
            known: Vec::new(),
            found: Vec::new(),
            too_many: false,
        }
    }

    /// Adds a value that is to be found.
    pub(super) fn know<C: Class>(&mut self, value: &str, instead: Option<&str>) {
        let value = value.trim();
        let least = if C::NAME == Location::NAME {
            MIN_PLACE_BYTES
        } else {
            MIN_BYTES
        };
        if value.len() < least || is_of_terms(value) {
            return;
        }
        if self.known.iter().any(|known| known.value == value) {
            return;
        }
        self.too_many = self.known.len() == MAX_KNOWN;
        if !self.too_many {
            self.known.push(Known {
                value: value.to_owned(),
                instead: instead.unwrap_or(REMOVED).to_owned(),
            });
        }
    }

    /// Once all are known: of two values that begin alike, the longer one counts.
    pub(super) fn ready(mut self) -> Scrubber<'r> {
        self.known
            .sort_by_key(|known| std::cmp::Reverse(known.value.len()));
        self
    }

    /// The text with everything replaced that was found; `None` where nothing was.
    pub(super) fn scrubbed(&mut self, text: &str) -> Option<String> {
        if self.too_many {
            return Some(REMOVED.to_owned());
        }
        self.found.clear();
        for known in &self.known {
            for start in places(text, &known.value).take(MAX_FOUND) {
                self.found.push(Found {
                    start,
                    end: start + known.value.len(),
                    instead: known.instead.clone(),
                });
            }
        }
        self.replaced(text)
    }

    /// The same for a term of Entra's own (a risk level, a method): of the values, only what
    /// looks like a name or an address. Otherwise who calls himself "High" hid his risk.
    pub(super) fn scrubbed_term(&mut self, text: &str) -> Option<String> {
        self.found.clear();
        self.replaced(text)
    }

    /// With what is found by its form.
    fn replaced(&mut self, text: &str) -> Option<String> {
        if self.rules.treatments.user != Treatment::Keep {
            self.find::<User>(text, names(text));
        }
        if self.rules.treatments.address != Treatment::Keep {
            self.find::<Address>(text, addresses(text));
        }
        if self.found.is_empty() {
            return None;
        }
        if self.found.len() >= MAX_FOUND {
            return Some(REMOVED.to_owned());
        }
        // Stable: of those that begin alike, a known value comes before one of any form.
        self.found.sort_by_key(|found| found.start);
        let mut scrubbed = String::with_capacity(text.len());
        let mut end = 0;
        for found in &self.found {
            if found.start >= end {
                scrubbed.push_str(&text[end..found.start]);
                scrubbed.push_str(&found.instead);
            }
            // What overlaps goes with the first.
            end = end.max(found.end);
        }
        scrubbed.push_str(&text[end..]);
        Some(scrubbed)
    }

    fn find<C: Class>(&mut self, text: &str, ranges: impl Iterator<Item = (usize, usize)>) {
        for (start, end) in ranges.take(MAX_FOUND) {
            let instead = self.rules.instead::<C>(&text[start..end]);
            self.found.push(Found {
                start,
                end,
                instead: instead.unwrap_or_else(|| REMOVED.to_owned()),
            });
        }
    }
}

/// The words of Entra's texts that decide about a diagnosis (`diagnosis::second_factor`, and
/// whether an address is a malicious one).
const TERMS: [&str; 107] = [
    "account",
    "activity",
    "ad",
    "address",
    "already",
    "an",
    "any",
    "app",
    "as",
    "attempt",
    "authentication",
    "azure",
    "because",
    "blocked",
    "broker",
    "by",
    "call",
    "claim",
    "cloud",
    "code",
    "completed",
    "declined",
    "denied",
    "device",
    "did",
    "didn",
    "does",
    "doesn",
    "due",
    "duplicate",
    "entered",
    "entra",
    "error",
    "exercised",
    "external",
    "factor",
    "flow",
    "format",
    "found",
    "fraud",
    "from",
    "has",
    "have",
    "hung",
    "id",
    "in",
    "incorrect",
    "invalid",
    "ip",
    "is",
    "location",
    "locked",
    "logon",
    "malicious",
    "many",
    "methods",
    "mfa",
    "microsoft",
    "misconfiguration",
    "mobile",
    "multi",
    "multifactor",
    "never",
    "not",
    "notification",
    "number",
    "once",
    "out",
    "password",
    "phone",
    "pin",
    "progress",
    "provided",
    "provider",
    "reach",
    "registered",
    "remembered",
    "reported",
    "requirement",
    "respond",
    "s",
    "satisfied",
    "send",
    "service",
    "sign",
    "skipped",
    "strong",
    "succeeding",
    "successfully",
    "t",
    "the",
    "timed",
    "times",
    "to",
    "token",
    "too",
    "unable",
    "up",
    "used",
    "user",
    "verification",
    "voicemail",
    "was",
    "went",
    "windows",
    "with",
    "without",
];

/// Whether a value is made of words alone that Entra's result texts are made of. A diagnosis is
/// decided by those texts: a user agent "malicious IP" must not take the word out of them. Such a
/// value names nobody.
pub(crate) fn is_of_terms(value: &str) -> bool {
    value
        .split(|c: char| !c.is_alphanumeric())
        .all(|word| word.is_empty() || TERMS.iter().any(|term| term.eq_ignore_ascii_case(word)))
}

/// Where `value` stands in `text` as a word, in any ASCII case. Both ends are character
/// boundaries: the bytes are those of `value`.
fn places<'t>(text: &'t str, value: &'t str) -> impl Iterator<Item = usize> + 't {
    let first = value.as_bytes().first().copied().unwrap_or_default();
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr2_iter(lower, upper, text.as_bytes()).filter(move |start| {
        let Some(found) = text.get(*start..start + value.len()) else {
            return false;
        };
        found.eq_ignore_ascii_case(value)
            && !text[..*start].ends_with(char::is_alphanumeric)
            && !text[start + value.len()..].starts_with(char::is_alphanumeric)
    })
}

/// User principal names and mail addresses: what stands on both sides of an `@`.
fn names(text: &str) -> impl Iterator<Item = (usize, usize)> {
    // Beside letters and digits, what Entra allows in a user principal name.
    let belongs = |c: char| c.is_alphanumeric() || ".-_!#^~'+%&$*=/?`{|}".contains(c);
    memchr_iter(b'@', text.as_bytes()).filter_map(move |at| {
        let before = text[..at].trim_end_matches(belongs).len();
        let after = &text[at + 1..];
        let length = after.len() - after.trim_start_matches(belongs).len();
        // Punctuation and quotes around the name are the sentence's.
        let start = before + text[before..at].len()
            - text[before..at].trim_start_matches(['\'', '.', '`']).len();
        let kept = after[..length]
            .trim_end_matches(['\'', '.', '?', '!', '`'])
            .len();
        (start < at && kept > 0).then_some((start, at + 1 + kept))
    })
}

/// IPv4 and IPv6 addresses, with or without a port.
fn addresses(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let belongs = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '[' | ']' | '%');
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find(belongs)?;
            let rest = &text[start..];
            let length = rest.len() - rest.trim_start_matches(belongs).len();
            from = start + length;
            let inside = &rest[..length];
            if !inside.contains(['.', ':']) {
                continue;
            }
            let word = inside.trim_matches(['.', ':', '[', ']']);
            // "::1" begins with what a sentence ends with.
            let candidates = [inside, inside.trim_end_matches(['.', ':']), word];
            let address = candidates
                .into_iter()
                .find(|word| word.parse::<IpAddr>().is_ok() || word.parse::<SocketAddr>().is_ok());
            if let Some(address) = address {
                let start = start + (address.as_ptr().addr() - inside.as_ptr().addr());
                return Some((start, start + address.len()));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::Treatments;

    fn found(text: &str, ranges: impl Iterator<Item = (usize, usize)>) -> Vec<&str> {
        ranges.map(|(start, end)| &text[start..end]).collect()
    }

    fn scrubber(rules: &Rules, values: impl IntoIterator<Item = String>) -> Scrubber<'_> {
        let mut scrubber = Scrubber::new(rules);
        for value in values {
            scrubber.know::<User>(&value, None);
        }
        scrubber.ready()
    }

    const DROP: Rules = Rules {
        treatments: Treatments {
            user: Treatment::Drop,
            address: Treatment::Drop,
            location: Treatment::Drop,
            device: Treatment::Drop,
        },
        key: None,
    };

    #[test]
    fn no_value_takes_a_word_out_of_the_texts_that_decide() {
        let values = ["Malicious IP", "declined", "User", "high", "Ada"];
        let mut scrubber = scrubber(&DROP, values.map(ToOwned::to_owned));
        let reason = "Blocked: an IP address with malicious activity. User declined.";
        assert_eq!(scrubber.scrubbed(reason), None);
        assert_eq!(scrubber.scrubbed("high").as_deref(), Some(REMOVED));
        assert_eq!(scrubber.scrubbed_term("high"), None);
        assert_eq!(
            scrubber.scrubbed_term("ada@contoso.example").as_deref(),
            Some(REMOVED)
        );
    }

    #[test]
    fn what_is_too_much_to_search_is_removed_as_a_whole() {
        let values = |count: usize| (0..count).map(|index| format!("person-{index:03}"));
        let text = "nobody";
        assert_eq!(scrubber(&DROP, values(MAX_KNOWN)).scrubbed(text), None);
        let mut over = scrubber(&DROP, values(MAX_KNOWN + 1));
        assert_eq!(over.scrubbed(text).as_deref(), Some(REMOVED));

        let mut scrubber = scrubber(&DROP, ["ada".to_owned()]);
        for (unit, most) in [("ada ", MAX_FOUND - 1), ("a@b ", MAX_FOUND - 1)] {
            let whole = scrubber.scrubbed(&unit.repeat(most)).unwrap();
            assert_eq!(whole.matches(REMOVED).count(), most);
            let over = scrubber.scrubbed(&unit.repeat(most + 1));
            assert_eq!(over.as_deref(), Some(REMOVED));
        }
    }

    #[test]
    fn names_are_found_by_their_sign() {
        for (text, expected) in [
            ("", &[][..]),
            (
                "User alex@contoso.example does not exist.",
                &["alex@contoso.example"],
            ),
            (
                "'{alex_fabrikam.example#EXT#@contoso.example}', not b@c.",
                &["{alex_fabrikam.example#EXT#@contoso.example}", "b@c"],
            ),
            (
                "from 'zoë.o'neil@contoso.example'?",
                &["zoë.o'neil@contoso.example"],
            ),
            ("at @ 5 @home now@ .@x", &[]),
        ] {
            assert_eq!(found(text, names(text)), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_found_by_their_form() {
        for (text, expected) in [
            ("", &[][..]),
            ("from 203.0.113.7.", &["203.0.113.7"]),
            (
                "(203.0.113.7:443) and [2001:db8::1]:443",
                &["203.0.113.7:443", "[2001:db8::1]:443"],
            ),
            ("::1, fe80::1: no", &["::1", "fe80::1"]),
            ("AADSTS50126: at 10:15:00 on 10.0.19045.1, 1.2.3", &[]),
            ("a.b.c d:e 4c1d-9a55", &[]),
        ] {
            assert_eq!(found(text, addresses(text)), expected, "{text}");
        }
    }

    #[test]
    fn values_are_found_as_words_only() {
        for (text, value, expected) in [
            ("Ada, ADA and Adam", "ada", &[0, 5][..]),
            ("Zürich", "zürich", &[0]),
            ("é", "é", &[0]),
            ("xé é", "é", &[4]),
        ] {
            assert_eq!(places(text, value).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
