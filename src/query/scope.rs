//! The scope of a search as a person gives it, and what is told of it afterwards. `search`,
//! `review` and the console say the same, each with the remedies that it has.
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use uuid::Uuid;

use super::inert::Inert;
use super::matches::Passed;
use super::store::Store;
use super::time::{self, TimeFault};
use crate::diagnosis::record::SCHEMA_VERSION;

/// The scope where no time is given: a topic may hold weeks.
pub const DEFAULT_RANGE: TimeDelta = TimeDelta::hours(24);

/// How long after an event its record may have been written, unless told otherwise.
pub const DEFAULT_DELAY: &str = "24h";

/// From when, and to when, of what is looked for.
pub type Range = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The two ends as they were given, and what they are called where they were.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub names: [&'static str; 2],
}

/// Which end is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct RangeFault {
    /// Of the latest time, not of the earliest.
    pub is_to: bool,
    text: String,
}

impl Ends<'_> {
    /// # Errors
    ///
    /// A time that is none, or a range without a moment in it.
    pub fn range<Z: TimeZone>(
        &self,
        now: DateTime<Utc>,
        zone: &Z,
        default: Option<TimeDelta>,
    ) -> Result<Range, RangeFault> {
        let [from_name, to_name] = self.names;
        let read = |name: &str, text: &str, is_to| {
            time::moment(text, now, zone).map_err(|fault: TimeFault| RangeFault {
                is_to,
                text: format!("{name} {text:?} {fault}"),
            })
        };
        let from = match self.from {
            Some(text) if text.trim().eq_ignore_ascii_case("all") => None,
            Some(text) => Some(read(from_name, text, false)?),
            None => default.and_then(|default| now.checked_sub_signed(default)),
        };
        let to = self.to.map(|text| read(to_name, text, true)).transpose()?;
        let Some(begins) = from else {
            return Ok((from, to));
        };
        let words = time::words;
        if let Some(to) = to.filter(|to| *to <= begins) {
            let hint = if self.from.is_none() {
                format!("; {from_name} is 24 hours ago unless it is given")
            } else {
                String::new()
            };
            let (to, begins) = (words(to), words(begins));
            return Err(RangeFault {
                is_to: true,
                text: format!("{to_name} ({to}) is not after {from_name} ({begins}){hint}"),
            });
        }
        if begins > now {
            let (begins, now) = (words(begins), words(now));
            return Err(RangeFault {
                is_to: false,
                text: format!("{from_name} ({begins}) is in the future: it is {now} now"),
            });
        }
        Ok((from, to))
    }
}

/// The message key of the user's records, where the user is given by an id of Entra, which writes
/// them in lower case.
pub fn message_key(user: Option<&str>) -> Option<String> {
    let user = user?.trim();
    Uuid::try_parse(user)
        .is_ok()
        .then(|| user.to_ascii_lowercase())
}

/// Why there may be nothing. `earlier` says how to look further back, `later` how to read on.
pub fn nothing_found(
    store: &Store,
    range: Range,
    max_delay: TimeDelta,
    (earlier, later): (&str, &str),
) -> String {
    let mut text = match range {
        (None, None) => format!("Nothing in {} matches.", Inert(&store.name())),
        (None, Some(to)) => format!("Nothing before {}.", time::words(to)),
        (Some(from), None) => format!("Nothing between {} and now.", time::words(from)),
        (Some(from), Some(to)) => format!(
            "Nothing between {} and {}.",
            time::words(from),
            time::words(to)
        ),
    };
    // Where it cannot be told, the answer stands without it.
    if let Ok(begins) = store.begins() {
        match (begins, store) {
            (Some(begins), _) => {
                let _ = write!(text, " The topic starts at {}.", time::words(begins));
            }
            (None, Store::Topic(topic)) => {
                let _ = write!(text, " The topic {} is empty.", topic.name());
            }
            (None, Store::Files(_)) => {}
        }
        if range
            .0
            .is_some_and(|from| begins.is_some_and(|begins| begins < from))
        {
            let _ = write!(text, " {earlier}");
        }
    }
    text + &read_until(store, range, max_delay, later)
}

/// Where the reading stopped short of the topic's end; empty where it did not.
pub fn read_until(store: &Store, (_, to): Range, max_delay: TimeDelta, later: &str) -> String {
    let until = to.and_then(|to| to.checked_add_signed(max_delay));
    match (store, until) {
        (Store::Topic(_), Some(until)) if until < Utc::now() => format!(
            " Records written until {} were read: {later}",
            time::words(until)
        ),
        _ => String::new(),
    }
}

/// `2026-03-01 10:00:00Z to now`
pub fn range_words((from, to): Range) -> String {
    let from = from.map_or_else(|| "everything".to_owned(), time::words);
    let to = to.map_or_else(|| "now".to_owned(), time::words);
    format!("{from} to {to}")
}

/// What could not be read, a sentence each.
pub fn passed_words(passed: &Passed) -> Vec<String> {
    let mut words = Vec::new();
    if passed.newer > 0 {
        words.push(format!(
            "{} of schema version {} left out: this release reads version {SCHEMA_VERSION}; upgrade it.",
            records(passed.newer),
            passed.newest
        ));
    }
    if passed.unreadable > 0 {
        words.push(format!(
            "{} left out: no diagnosis records.",
            records(passed.unreadable)
        ));
    }
    words
}

fn records(count: u64) -> String {
    if count == 1 {
        "1 record is".to_owned()
    } else {
        format!("{count} records are")
    }
}

pub fn sign_ins(count: u64) -> String {
    if count == 1 {
        "1 sign-in".to_owned()
    } else {
        format!("{count} sign-ins")
    }
}

pub fn groups_words(count: usize) -> String {
    if count == 1 {
        "1 group".to_owned()
    } else {
        format!("{count} groups")
    }
}
