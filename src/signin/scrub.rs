//! Finds personal values inside other texts of an event.
//!
//! Found are the event's own values that may not be shown, whatever their case, where they stand
//! as words of their own; and, whoever's they are, user principal names and mail addresses by
//! their `@`, and network addresses by their form.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use memchr::memchr_iter;
use memchr::memmem::Finder;

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
    /// Finds the value in lower case.
    finder: Finder<'static>,
    instead: String,
    is_place: bool,
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
        let is_place = C::NAME == Location::NAME;
        let least = if is_place { MIN_PLACE_BYTES } else { MIN_BYTES };
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
                finder: Finder::new(&value.to_ascii_lowercase()).into_owned(),
                instead: instead.unwrap_or(REMOVED).to_owned(),
                is_place,
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
        self.scrubbed_of(text, |_| true)
    }

    /// The same, with the names of places left in it.
    pub(super) fn scrubbed_but_places(&mut self, text: &str) -> Option<String> {
        self.scrubbed_of(text, |known| !known.is_place)
    }

    fn scrubbed_of(&mut self, text: &str, is_meant: fn(&Known) -> bool) -> Option<String> {
        if self.too_many {
            // What decides is left, here too.
            return (!is_of_terms(text)).then(|| REMOVED.to_owned());
        }
        self.found.clear();
        let lower = text.to_ascii_lowercase();
        for known in self.known.iter().filter(|known| is_meant(known)) {
            let Some(places) = places(text, lower.as_bytes(), known) else {
                return Some(REMOVED.to_owned());
            };
            self.found.extend(places.into_iter().map(|start| Found {
                start,
                end: start + known.value.len(),
                instead: known.instead.clone(),
            }));
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
            self.find::<Address>(text, addresses(text).into_iter());
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
/// decided by those texts: a user agent "malicious IP" must not take the word out of them. A person of
/// such a name ("An To") keeps it in texts.
pub(crate) fn is_of_terms(value: &str) -> bool {
    value
        .split(|c: char| !c.is_alphanumeric())
        .all(|word| word.is_empty() || TERMS.iter().any(|term| term.eq_ignore_ascii_case(word)))
}

/// Where the value stands in the text as a word, in any ASCII case. `None` where it stands in it, as
/// a word or not, more often than is looked at: each time takes as long as the value.
fn places(text: &str, lower: &[u8], known: &Known) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    let mut from = 0;
    for _ in 0..=MAX_FOUND {
        let Some(at) = known.finder.find(&lower[from..]) else {
            return Some(places);
        };
        let start = from + at;
        let end = start + known.value.len();
        // Both are character boundaries: what is found is the value.
        if text[..start].ends_with(char::is_alphanumeric)
            || text[end..].starts_with(char::is_alphanumeric)
        {
            from = start + 1;
        } else {
            places.push(start);
            from = end;
        }
    }
    None
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

/// IPv4 and IPv6 addresses, with or without a port; also within brackets, before the name of a zone,
/// and after a word that ends as an address could begin ("source:").
fn addresses(text: &str) -> Vec<(usize, usize)> {
    let belongs = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '[' | ']' | '%');
    let mut found = Vec::new();
    let mut note = |word: &str| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        found.push((start, start + word.len()));
    };
    for run in text.split(|c| !belongs(c)) {
        if !run.contains(['.', ':']) {
            continue;
        }
        if let Some(whole) = address(run) {
            note(whole);
            continue;
        }
        for piece in run.split(['[', ']', '%']) {
            if let Some(address) = address(piece) {
                note(address);
                continue;
            }
            for word in piece.split(':').map(|word| word.trim_matches('.')) {
                if word.parse::<Ipv4Addr>().is_ok() {
                    note(word);
                }
            }
        }
    }
    found
}

/// The address that a word is, but for what the sentence adds.
fn address(word: &str) -> Option<&str> {
    // "::1" begins with what a sentence ends with.
    let ended = word.trim_end_matches(['.', ':']);
    let bare = word.trim_matches(['.', ':', '[', ']']);
    let is_address =
        |word: &&str| word.parse::<IpAddr>().is_ok() || word.parse::<SocketAddr>().is_ok();
    [word, ended, bare].into_iter().find(is_address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::Treatments;

    fn found(text: &str, ranges: impl IntoIterator<Item = (usize, usize)>) -> Vec<&str> {
        ranges
            .into_iter()
            .map(|(start, end)| &text[start..end])
            .collect()
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
        assert_eq!(
            over.scrubbed("MFA denied; user declined the authentication"),
            None
        );

        let mut scrubber = scrubber(&DROP, ["ada".to_owned()]);
        for (unit, most) in [("ada ", MAX_FOUND - 1), ("a@b ", MAX_FOUND - 1)] {
            let whole = scrubber.scrubbed(&unit.repeat(most)).unwrap();
            assert_eq!(whole.matches(REMOVED).count(), most);
            let over = scrubber.scrubbed(&unit.repeat(most + 1));
            assert_eq!(over.as_deref(), Some(REMOVED));
        }
    }

    #[test]
    fn places_are_left_where_they_are_meant_to_be() {
        let mut scrubber = Scrubber::new(&DROP);
        scrubber.know::<User>("Ada", None);
        scrubber.know::<Location>("Depots", None);
        let mut scrubber = scrubber.ready();
        let name = "Ada outside the depots";
        assert_eq!(
            scrubber.scrubbed(name).as_deref(),
            Some("(removed) outside the (removed)")
        );
        assert_eq!(
            scrubber.scrubbed_but_places(name).as_deref(),
            Some("(removed) outside the depots")
        );
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
            (
                "source:203.0.113.7, IPv4:203.0.113.8 and [203.0.113.9]:443",
                &["203.0.113.7", "203.0.113.8", "203.0.113.9"],
            ),
            (
                "203.0.113.7:99999 fe80::1%eth0",
                &["203.0.113.7", "fe80::1"],
            ),
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
            let known = Known {
                value: value.to_owned(),
                finder: Finder::new(&value.to_ascii_lowercase()).into_owned(),
                instead: String::new(),
                is_place: false,
            };
            let lower = text.to_ascii_lowercase();
            let places = places(text, lower.as_bytes(), &known);
            assert_eq!(places.as_deref(), Some(expected), "{text}");
        }
    }

    /// Each value is met at every place of the text, and is no word at any: looking on would take
    /// the product of their lengths.
    #[test]
    fn a_value_that_is_met_everywhere_is_not_looked_for_for_ever() {
        let text = "a".repeat(600_000);
        for value in ["a".repeat(300_000), "a".repeat(299_999) + "b"] {
            let mut scrubber = scrubber(&DROP, [value.clone()]);
            let met = !value.ends_with('b');
            assert_eq!(scrubber.scrubbed(&text).as_deref(), met.then_some(REMOVED));
        }
    }
}
