//! The second path, for messages that are not whole: what is still a record is read, what is
//! not is handed out as bad, and neither costs the other.
//!
//! Works on bytes and without recursion. A record that parses ends where its JSON ends. One
//! that does not ends where its brackets balance, or just before the earliest object after it
//! that is whole and looks like a record. Everything looked at is counted, and at
//! [`WORK_PER_BYTE`] times the message the rest is given up as one bad stretch: no input takes
//! more than linear time.
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{DeserializeSeed, IgnoredAny};

use super::fault::{BadDetail, BadReason};
use super::field::Field;
use super::glance::{Glance, Look};
use super::lenient::Name;
use super::message::{self, Session, Takes, names_a_list, names_a_record};
use super::numbers::within_range;
use super::scan::{Before, Brackets, blanks, separators, trim_end};

/// A whole message is looked at about four times; the rest is for finding ways on.
const WORK_PER_BYTE: usize = 16;

/// Bytes in a message too short for the factor to mean anything.
const WORK_AT_LEAST: usize = 4096;

pub(super) struct Recovery<'m> {
    message: &'m [u8],
    at: usize,
    /// Records still to be passed over, because the fast path has handed them out.
    given: u32,
    open: Vec<Open>,
    /// Whether a broken stretch took brackets of its envelope with it: whether the envelope
    /// closes, and what closing brackets mean, can then no longer be told.
    lost: bool,
    work: usize,
}

/// What the reading stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// A list of records.
    List,
    Envelope(Envelope),
}

/// An envelope, once its list has begun.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Envelope {
    start: usize,
    /// Whether it is a record as well, by the keys up to here.
    speaks_of_itself: bool,
}

/// What an attempt at one value found.
enum Probe {
    /// Whole JSON up to this byte.
    Whole { end: usize, looks_like: Look },
    /// Not JSON from this byte on, or not yet: the message ends there.
    Broken { at: usize, by_the_end: bool },
}

/// What the members of an object lead to.
enum Members {
    /// A list of records, which begins at this byte, after its bracket.
    List {
        at: usize,
        speaks_of_itself: bool,
    },
    /// The object's end, before this byte.
    End {
        at: usize,
        speaks_of_itself: bool,
    },
    Broken {
        by_the_end: bool,
    },
}

impl<'m> Recovery<'m> {
    pub(super) const fn new(message: &'m [u8], at: usize, given: u32) -> Self {
        Recovery {
            message,
            at,
            given,
            open: Vec::new(),
            lost: false,
            work: 0,
        }
    }

    /// Reads the message to its end. Gives the number of bytes looked at.
    pub(super) fn run(mut self, session: &mut Session<'m, '_>) -> usize {
        while self.step(session) {
            if self.work > self.budget() && self.at < self.message.len() {
                self.open.clear();
                self.stretch(session, self.message.len(), self.at);
            }
        }
        self.work
    }

    /// Reads on by one value, bracket or stretch; `false` at the end.
    fn step(&mut self, session: &mut Session<'m, '_>) -> bool {
        let before = self.at;
        self.at = separators(self.message, before);
        let Some(&next) = self.message.get(self.at) else {
            if !self.open.is_empty() && !self.lost {
                // The message ends between records, or before its envelope does.
                self.truncated(session, before, self.at);
            }
            return false;
        };
        match (self.open.last(), next) {
            (Some(Open::Envelope(envelope)), _) => self.envelope_tail(session, *envelope),
            (Some(Open::List), b']') => {
                self.at += 1;
                self.open.pop();
            }
            (None, b'[') => {
                self.at += 1;
                self.open.push(Open::List);
            }
            (_, b'{') => self.object(session),
            (None, b']' | b'}') if self.lost => self.at += 1,
            _ => self.no_object(session),
        }
        true
    }

    /// An envelope or a record.
    fn object(&mut self, session: &mut Session<'m, '_>) {
        let start = self.at;
        if let Members::List {
            at,
            speaks_of_itself,
        } = self.members(start + 1, true)
        {
            let envelope = Envelope {
                start,
                speaks_of_itself,
            };
            self.open.extend([Open::Envelope(envelope), Open::List]);
            self.at = at;
            return;
        }
        let mut end = start;
        match self.parse(&mut end, PhantomData::<IgnoredAny>) {
            Ok(_) if self.given > 0 => {
                self.at = end;
                self.given -= 1;
            }
            Ok(_) => {
                self.at = end;
                self.read(session, start..end, Takes::Objects);
            }
            Err(by_the_end) => self.broken(session, end, by_the_end),
        }
    }

    /// Reads what is whole.
    fn read(&self, session: &mut Session<'m, '_>, range: Range<usize>, takes: Takes) {
        let fault = match std::str::from_utf8(&self.message[range.clone()]) {
            Ok(text) => match session.read_object(text, takes) {
                Ok(()) => return,
                Err(at) => {
                    let copy = within_range(text);
                    if copy.is_some_and(|copy| session.read_copy(&copy, takes).is_ok()) {
                        return;
                    }
                    (BadReason::Syntax, at)
                }
            },
            Err(error) => (BadReason::InvalidUtf8, error.valid_up_to()),
        };
        session.bad(self.message, range, fault.0, BadDetail::at(fault.1));
    }

    /// A broken record, from here to where the next can begin.
    fn broken(&mut self, session: &mut Session<'m, '_>, fault: usize, by_the_end: bool) {
        let start = self.at;
        let mut brackets = Brackets::default();
        let mut before = Before::nothing();
        for at in start..self.message.len() {
            let byte = self.message[at];
            if byte == b'{' && at > start && before.may_begin_a_record() {
                if self.work > self.budget() {
                    break;
                }
                if let Probe::Whole { looks_like, .. } = self.probe(at)
                    && looks_like != Look::Nothing
                {
                    if looks_like == Look::Envelope {
                        self.open.clear();
                    }
                    self.lost |= self.open.is_empty();
                    return self.stretch(session, at, fault);
                }
            }
            if brackets.closes_with(byte) {
                self.lost |= brackets.passed_over();
                return self.stretch(session, at + 1, fault);
            }
            before.pass(byte);
        }
        if by_the_end {
            self.truncated(session, start, fault);
        } else {
            self.open.clear();
            self.stretch(session, self.message.len(), fault);
        }
    }

    /// What follows the list of an envelope.
    fn envelope_tail(&mut self, session: &mut Session<'m, '_>, envelope: Envelope) {
        match self.members(self.at, false) {
            Members::List {
                at,
                speaks_of_itself,
            } => {
                self.open.pop();
                let envelope = Envelope {
                    speaks_of_itself: envelope.speaks_of_itself || speaks_of_itself,
                    ..envelope
                };
                self.open.extend([Open::Envelope(envelope), Open::List]);
                self.at = at;
            }
            Members::End {
                at,
                speaks_of_itself,
            } => {
                self.open.pop();
                self.at = at;
                if envelope.speaks_of_itself || speaks_of_itself {
                    // The fast path hands none of these out: it stops at the first.
                    self.work += at - envelope.start;
                    self.read(session, envelope.start..at, Takes::Records);
                }
            }
            Members::Broken { by_the_end: true } => {
                self.truncated(session, self.at, self.message.len());
            }
            Members::Broken { by_the_end: false } => {
                self.open.pop();
                self.lost = true;
                self.garbage(session);
            }
        }
    }

    /// Neither an object nor a bracket that belongs here.
    fn no_object(&mut self, session: &mut Session<'m, '_>) {
        let start = self.at;
        match self.probe(start) {
            Probe::Whole { end, .. } if self.is_boundary(end) => {
                self.at = end;
                session.bad(
                    self.message,
                    start..end,
                    BadReason::NotAnObject,
                    BadDetail::default(),
                );
            }
            Probe::Broken { at, by_the_end } if self.message[start] == b'[' => {
                self.broken(session, at, by_the_end);
            }
            Probe::Broken {
                by_the_end: true, ..
            } if memchr::memchr2(b'{', b'[', &self.message[start..]).is_none() => {
                self.truncated(session, start, self.message.len());
            }
            Probe::Whole { .. } | Probe::Broken { .. } => self.garbage(session),
        }
    }

    /// A run of what is not JSON, up to where a value or the end of the list can be.
    fn garbage(&mut self, session: &mut Session<'m, '_>) {
        let start = self.at;
        // A closing bracket that closes nothing may have been that of the envelope.
        self.lost |= matches!(self.message[start], b'}' | b']');
        let in_list = self.open.last() == Some(&Open::List);
        let end = (start + 1..self.message.len()).find(|&at| match self.message[at] {
            b'{' => true,
            b'[' => self.message.get(blanks(self.message, at + 1)) == Some(&b'{'),
            b',' | b']' => in_list,
            _ => false,
        });
        self.stretch(session, end.unwrap_or(self.message.len()), start);
    }

    fn truncated(&mut self, session: &mut Session<'m, '_>, start: usize, fault: usize) {
        let rest = start..self.message.len();
        self.at = rest.end;
        self.open.clear();
        let detail = BadDetail::at(fault - start);
        session.bad(self.message, rest, BadReason::Truncated, detail);
    }

    /// Hands out the bad stretch from here to `end`, where reading goes on.
    fn stretch(&mut self, session: &mut Session<'m, '_>, end: usize, fault: usize) {
        let start = self.at;
        self.at = end;
        let end = trim_end(self.message, start, end);
        let reason = match std::str::from_utf8(&self.message[start..end]) {
            Ok(_) => BadReason::Syntax,
            Err(_) => BadReason::InvalidUtf8,
        };
        let detail = BadDetail::at(fault.min(end) - start);
        session.bad(self.message, start..end, reason, detail);
    }

    fn is_boundary(&self, at: usize) -> bool {
        self.message.get(at).is_none_or(|byte| {
            byte.is_ascii_whitespace() || matches!(byte, b',' | b'{' | b'}' | b'[' | b']')
        })
    }

    const fn budget(&self) -> usize {
        let bytes = self.message.len().saturating_mul(WORK_PER_BYTE);
        if bytes < WORK_AT_LEAST {
            WORK_AT_LEAST
        } else {
            bytes
        }
    }

    /// Tries to parse the value that begins at `start`.
    fn probe(&mut self, start: usize) -> Probe {
        let mut at = start;
        match self.parse(&mut at, Glance) {
            Ok(looks_like) => Probe::Whole {
                end: at,
                looks_like,
            },
            Err(by_the_end) => Probe::Broken { at, by_the_end },
        }
    }

    /// Parses a value and moves `at` to where that stopped. On failure: whether it stopped
    /// for want of more bytes.
    fn parse<S: DeserializeSeed<'m>>(&mut self, at: &mut usize, seed: S) -> Result<S::Value, bool> {
        let mut deserializer = serde_json::Deserializer::from_slice(&self.message[*at..]);
        let found = seed.deserialize(&mut deserializer);
        let taken = deserializer.into_iter::<IgnoredAny>().byte_offset();
        self.work += taken + 1;
        *at += taken;
        found.map_err(|error| error.is_eof())
    }

    /// Goes through the members of an object from `at` on, to a list of records or the end.
    /// `from_the_start`: whether a member may still make it a record instead of an envelope.
    fn members(&mut self, mut at: usize, from_the_start: bool) -> Members {
        let mut is_record = false;
        let mut speaks_of_itself = false;
        loop {
            at = separators(self.message, at);
            match self.message.get(at) {
                Some(b'"') => {}
                Some(b'}') => {
                    return Members::End {
                        at: at + 1,
                        speaks_of_itself,
                    };
                }
                other => {
                    return Members::Broken {
                        by_the_end: other.is_none(),
                    };
                }
            }
            let key = self.parse(
                &mut at,
                Name(|key: &str| (names_a_list(key), Field::from_key(key))),
            );
            let (is_list, field) = match key {
                Ok(key) => key,
                Err(by_the_end) => return Members::Broken { by_the_end },
            };
            is_record |= from_the_start && field.is_some_and(names_a_record);
            speaks_of_itself |= field.is_some_and(message::speaks_of_itself);
            at = blanks(self.message, at);
            if self.message.get(at) != Some(&b':') {
                return Members::Broken {
                    by_the_end: at == self.message.len(),
                };
            }
            at = blanks(self.message, at + 1);
            if is_list && !is_record && self.message.get(at) == Some(&b'[') {
                return Members::List {
                    at: at + 1,
                    speaks_of_itself,
                };
            }
            if let Err(by_the_end) = self.parse(&mut at, PhantomData::<IgnoredAny>) {
                return Members::Broken { by_the_end };
            }
        }
    }
}
