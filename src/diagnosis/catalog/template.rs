//! The text of an assessment with the values of one event in it.
//!
//! `{name}` stands for a value ([`Placeholder`]). `[…]` is an optional clause: it vanishes, with
//! the blank or comma it holds, when one of its values is missing. `[…|…]` offers alternatives:
//! the first whose values are all there is taken. Clauses nest. A backslash makes the next of
//! `\ { } [ ] |` literal.
//!
//! Guarantees: what parses renders without a brace or bracket of the syntax, for every set of
//! missing values; rendering never fails and allocates nothing of its own. What values look like
//! is the caller's business; only a full stop at their end is not doubled.
use std::fmt;
use std::ops::Range;

use super::placeholder::Placeholder;

/// A longer text is no assessment of a few sentences.
const MAX_BYTES: usize = 4096;
const MAX_DEPTH: usize = 4;
/// Values that may be missing in one text: every set of them is tried when it is loaded.
const MAX_OPTIONAL: usize = 10;
/// What a value is replaced with that the caller owes and does not give.
const OWED: &str = "unknown";

/// A parsed template, in two pieces of memory: an event finds little of it in the processor's
/// caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The literal texts, one after the other.
    literals: String,
    parts: Vec<Part>,
    tells_meaning: bool,
}

/// Places are at most [`MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// From and to, in the literals.
    Text(u16, u16),
    Value(Placeholder),
    /// Begins an alternative of a clause: its parts follow.
    Alternative {
        /// Where its parts end: there is the next alternative of the clause, or what follows it.
        next: u16,
        /// What follows the clause.
        after: u16,
    },
}

/// Appends the value of a placeholder, without blanks at its ends; false where there is none, and
/// what it appended is taken back.
pub type Value<'v> = &'v dyn Fn(Placeholder, &mut String) -> bool;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    #[error("the text is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the text names more than {MAX_OPTIONAL} values that may be missing")]
    TooManyOptional,
    #[error("clauses nest deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("{{{0}}} is no known placeholder")]
    UnknownPlaceholder(String),
    #[error("{{{}}} may have no value and stands outside a clause", .0.name())]
    OptionalOutsideClause(Placeholder),
    #[error("a {{ is not closed")]
    UnclosedPlaceholder,
    #[error("a [ is not closed")]
    UnclosedClause,
    #[error("a {0} closes nothing")]
    ClosesNothing(char),
    #[error("a backslash stands before nothing that it could make literal")]
    BadEscape,
}

impl Template {
    /// Every fault of the text, as far as it can be read.
    pub fn parse(text: &str) -> Result<Template, Vec<TemplateFault>> {
        if text.len() > MAX_BYTES {
            return Err(vec![TemplateFault::TooLong]);
        }
        let mut parser = Parser {
            rest: text.chars(),
            literals: String::new(),
            flushed: 0,
            parts: Vec::new(),
            faults: Vec::new(),
            stopped: false,
        };
        parser.parts(0);
        let mut faults = parser.faults;
        let mut template = Template {
            literals: parser.literals,
            parts: parser.parts,
            tells_meaning: false,
        };
        template.tells_meaning = template.placeholders().contains(&Placeholder::Meaning);
        if template.optional().count() > MAX_OPTIONAL {
            faults.push(TemplateFault::TooManyOptional);
        }
        if faults.is_empty() {
            Ok(template)
        } else {
            Err(faults)
        }
    }

    /// Whether the text names [`Placeholder::Meaning`].
    pub const fn tells_meaning(&self) -> bool {
        self.tells_meaning
    }

    fn optional(&self) -> impl Iterator<Item = Placeholder> {
        let named = self.placeholders().into_iter();
        named.filter(|placeholder| !placeholder.always_has_a_value())
    }

    /// Appends the text. `value` is asked for each placeholder that is reached.
    pub fn render(&self, value: Value<'_>, out: &mut String) {
        let mut at = 0;
        while let Err(missing) = self.render_parts(at..self.parts.len(), value, out) {
            out.push_str(OWED);
            at = missing + 1;
        }
    }

    /// Renders parts up to one whose value is missing, which is the error.
    fn render_parts(
        &self,
        range: Range<usize>,
        value: Value<'_>,
        out: &mut String,
    ) -> Result<(), usize> {
        let mut at = range.start;
        while at < range.end {
            match self.parts[at] {
                Part::Text(from, to) => {
                    let text = &self.literals[from.into()..to.into()];
                    let doubled = text.starts_with('.') && out.ends_with(['.', '!', '?']);
                    out.push_str(if doubled { &text[1..] } else { text });
                }
                Part::Value(placeholder) => {
                    let start = out.len();
                    if !value(placeholder, out) || out.len() == start {
                        out.truncate(start);
                        return Err(at);
                    }
                    debug_assert_eq!(out[start..].trim(), &out[start..], "{placeholder:?}");
                }
                Part::Alternative { next, after } => {
                    let start = out.len();
                    let next = next.into();
                    at = if self.render_parts(at + 1..next, value, out).is_ok() {
                        after.into()
                    } else {
                        out.truncate(start);
                        next
                    };
                    continue;
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// The placeholders that the template names, each once, in their own order.
    pub fn placeholders(&self) -> Vec<Placeholder> {
        let values = self.parts.iter().filter_map(|part| match part {
            Part::Value(placeholder) => Some(*placeholder),
            Part::Text(..) | Part::Alternative { .. } => None,
        });
        let mut found: Vec<Placeholder> = values.collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A set of missing values with which the text does not come out as clean sentences.
    pub fn flaw(&self) -> Option<Flaw> {
        let optional: Vec<Placeholder> = self.optional().collect();
        let mut text = String::new();
        for set in 0_u32..1 << optional.len() {
            let missing = |placeholder| {
                optional
                    .iter()
                    .position(|known| *known == placeholder)
                    .is_some_and(|at| set >> at & 1 == 1)
            };
            text.clear();
            let sample = |placeholder: Placeholder, text: &mut String| {
                text.push_str(placeholder.sample());
                !missing(placeholder)
            };
            self.render(&sample, &mut text);
            if let Some(reason) = untidy(&text) {
                return Some(Flaw {
                    reason,
                    missing: optional.iter().copied().filter(|p| missing(*p)).collect(),
                    text,
                });
            }
        }
        None
    }
}

/// A text that a template gives and that is no clean sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    reason: &'static str,
    missing: Vec<Placeholder>,
    text: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text {}", self.reason)?;
        if !self.missing.is_empty() {
            f.write_str(" without")?;
            for placeholder in &self.missing {
                write!(f, " {{{}}}", placeholder.name())?;
            }
        }
        write!(f, ": {:?}", self.text)
    }
}

fn untidy(text: &str) -> Option<&'static str> {
    const NO_BLANK_BEFORE: [&str; 5] = [" .", " ,", " ;", " :", " )"];
    const NOT_TOGETHER: [&str; 6] = ["..", ",,", ",.", ";.", ":.", "()"];
    if !text.chars().next().is_some_and(char::is_uppercase) {
        Some("does not start with a capital letter")
    } else if !text.ends_with('.') {
        Some("does not end with a full stop")
    } else if text.contains("  ") {
        Some("has two blanks together")
    } else if text.contains(|c: char| c.is_whitespace() && c != ' ') {
        Some("has a line break or tab")
    } else if NO_BLANK_BEFORE.iter().any(|pair| text.contains(pair)) {
        Some("has a blank before a punctuation mark")
    } else if NOT_TOGETHER.iter().any(|pair| text.contains(pair)) {
        Some("has punctuation marks with nothing between")
    } else {
        None
    }
}

struct Parser<'t> {
    rest: std::str::Chars<'t>,
    literals: String,
    /// Where the literals begin that are no part yet.
    flushed: usize,
    parts: Vec<Part>,
    faults: Vec<TemplateFault>,
    /// What follows could not be told apart any more.
    stopped: bool,
}

impl Parser<'_> {
    /// Reads to the end of the clause, or of the text at depth 0, where `|` is literal.
    fn parts(&mut self, depth: usize) {
        let mut alternatives = Vec::new();
        if depth > 0 {
            self.alternative(&mut alternatives);
        }
        loop {
            let Some(next) = self.rest.next() else {
                if depth > 0 && !self.stopped {
                    self.faults.push(TemplateFault::UnclosedClause);
                }
                break;
            };
            match next {
                '\\' => match self.rest.next() {
                    Some(literal @ ('\\' | '{' | '}' | '[' | ']' | '|')) => {
                        self.literals.push(literal);
                    }
                    _ => self.faults.push(TemplateFault::BadEscape),
                },
                '{' => {
                    self.flush();
                    let placeholder = self.placeholder(depth);
                    self.parts.extend(placeholder);
                }
                '[' if depth == MAX_DEPTH => {
                    self.stop(TemplateFault::TooDeep);
                    break;
                }
                '[' => {
                    self.flush();
                    self.parts(depth + 1);
                }
                ']' if depth > 0 => break,
                '|' if depth > 0 => {
                    self.flush();
                    self.alternative(&mut alternatives);
                }
                ']' | '}' => self.faults.push(TemplateFault::ClosesNothing(next)),
                _ => self.literals.push(next),
            }
        }
        self.flush();
        let end = self.parts.len();
        let nexts = alternatives.iter().skip(1).chain([&end]);
        for (at, next) in alternatives.iter().zip(nexts) {
            self.parts[*at] = Part::Alternative {
                next: place(*next),
                after: place(end),
            };
        }
    }

    /// Where it begins; where it ends is known when the clause is read.
    fn alternative(&mut self, begun: &mut Vec<usize>) {
        begun.push(self.parts.len());
        self.parts.push(Part::Alternative { next: 0, after: 0 });
    }

    fn flush(&mut self) {
        let end = self.literals.len();
        if end > self.flushed {
            self.parts.push(Part::Text(place(self.flushed), place(end)));
            self.flushed = end;
        }
    }

    fn placeholder(&mut self, depth: usize) -> Option<Part> {
        let Some((name, rest)) = self.rest.as_str().split_once('}') else {
            self.stop(TemplateFault::UnclosedPlaceholder);
            return None;
        };
        self.rest = rest.chars();
        let Some(placeholder) = Placeholder::from_name(name) else {
            self.faults
                .push(TemplateFault::UnknownPlaceholder(name.to_owned()));
            return None;
        };
        if depth == 0 && !placeholder.always_has_a_value() {
            self.faults
                .push(TemplateFault::OptionalOutsideClause(placeholder));
        }
        Some(Part::Value(placeholder))
    }

    fn stop(&mut self, fault: TemplateFault) {
        self.faults.push(fault);
        self.stopped = true;
        self.rest = "".chars();
    }
}

/// Neither parts nor literals are more than the bytes of the text.
fn place(at: usize) -> u16 {
    const { assert!(MAX_BYTES < u16::MAX as usize) };
    u16::try_from(at).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Renders with the values named, each replaced by its own name in capitals.
    fn rendered(template: &str, given: &[&str]) -> String {
        let mut out = String::new();
        Template::parse(template).unwrap().render(
            &|placeholder, out| {
                out.push_str(&placeholder.name().to_uppercase());
                given.contains(&placeholder.name())
            },
            &mut out,
        );
        out
    }

    #[test]
    fn a_clause_vanishes_when_one_of_its_values_is_missing() {
        let text = "Hello {who}[ at {place}[ ({ip_address})]][, by {client} on {device}].";
        for (given, expected) in [
            (&["who"][..], "Hello WHO."),
            (&["who", "place"], "Hello WHO at PLACE."),
            (&["who", "ip_address"], "Hello WHO."),
            (
                &["who", "place", "ip_address"],
                "Hello WHO at PLACE (IP_ADDRESS).",
            ),
            (&["who", "client"], "Hello WHO."),
            (
                &["who", "client", "device"],
                "Hello WHO, by CLIENT on DEVICE.",
            ),
        ] {
            assert_eq!(rendered(text, given), expected, "{given:?}");
        }
    }

    #[test]
    fn the_first_alternative_with_its_values_is_taken() {
        let text = "{who}[ by {policies}| by {controls}| by something].";
        assert_eq!(
            rendered(text, &["who", "policies", "controls"]),
            "WHO by POLICIES."
        );
        assert_eq!(rendered(text, &["who", "controls"]), "WHO by CONTROLS.");
        assert_eq!(rendered(text, &["who"]), "WHO by something.");
    }

    #[test]
    fn escapes_make_the_syntax_literal() {
        assert_eq!(
            rendered(r"\{who\} \[a\] \\ a|b[c\|d].", &[]),
            r"{who} [a] \ a|bc|d."
        );
    }

    #[test]
    fn empty_values_are_missing_and_full_stops_are_not_doubled() {
        let template = Template::parse("{who}.[ {place}.][ {reason}.]").unwrap();
        let mut out = String::new();
        template.render(
            &|placeholder, out| {
                out.push_str(match placeholder {
                    Placeholder::Who => "A.",
                    Placeholder::Reason => "Why?",
                    _ => "",
                });
                true
            },
            &mut out,
        );
        assert_eq!(out, "A. Why?");
    }

    #[test]
    fn a_value_that_the_caller_owes_leaves_no_hole() {
        assert_eq!(rendered("Sign-in of {who}.", &[]), "Sign-in of unknown.");
    }

    #[test]
    fn every_fault_of_a_text_is_named() {
        use TemplateFault as F;
        let unknown = |name: &str| F::UnknownPlaceholder(name.to_owned());
        for (text, faults) in [
            ("{nobody} and {x}", vec![unknown("nobody"), unknown("x")]),
            (
                "{place} {who}",
                vec![F::OptionalOutsideClause(Placeholder::Place)],
            ),
            ("{who", vec![F::UnclosedPlaceholder]),
            ("a [b", vec![F::UnclosedClause]),
            ("a [{b", vec![F::UnclosedPlaceholder]),
            ("a ] }", vec![F::ClosesNothing(']'), F::ClosesNothing('}')]),
            (r"\n \", vec![F::BadEscape, F::BadEscape]),
            ("[[[[[a]]]]]", vec![F::TooDeep]),
        ] {
            assert_eq!(Template::parse(text).unwrap_err(), faults, "{text}");
        }
        assert_eq!(
            Template::parse(&"a".repeat(MAX_BYTES + 1)),
            Err(vec![F::TooLong])
        );
        let optional = Placeholder::ALL.map(|known| format!("[{{{}}}]", known.name()));
        assert_eq!(
            Template::parse(&optional.concat()),
            Err(vec![F::TooManyOptional])
        );
    }

    #[test]
    fn untidy_text_is_found_for_any_set_of_missing_values() {
        for (text, reason) in [
            (
                "The {who} [{place}].",
                "has a blank before a punctuation mark",
            ),
            ("The {who} [{place}] came.", "has two blanks together"),
            ("{who} came.", "does not start with a capital letter"),
            ("It was {who}", "does not end with a full stop"),
            (
                "It was {who} ([{place}]).",
                "has punctuation marks with nothing between",
            ),
            ("It was\n{who}.", "has a line break or tab"),
        ] {
            let flaw = Template::parse(text).unwrap().flaw();
            assert_eq!(flaw.map(|flaw| flaw.reason), Some(reason), "{text}");
        }
        let tidy = Template::parse("The {who}[ in {place}] came[ by {client}].").unwrap();
        assert_eq!(tidy.flaw(), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"([\[\]{}|\\ .a]|\{who\}|\{place\}|\PC){0,60}") {
            if let Ok(template) = Template::parse(&text) {
                let mut out = String::new();
                let sample = |placeholder: Placeholder, out: &mut String| {
                    out.push_str(placeholder.sample());
                    true
                };
                template.render(&sample, &mut out);
                template.render(&|_, _| false, &mut out);
                let _ = template.flaw();
            }
        }
    }
}
