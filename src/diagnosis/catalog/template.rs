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
use std::borrow::Cow;
use std::fmt;

use super::placeholder::Placeholder;

/// A longer text is no assessment of a few sentences.
const MAX_BYTES: usize = 4096;
const MAX_DEPTH: usize = 4;
/// Values that may be missing in one text: every set of them is tried when it is loaded.
const MAX_OPTIONAL: usize = 10;
/// What a value is replaced with that the caller owes and does not give.
const OWED: &str = "unknown";

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    tells_meaning: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
    /// The alternatives of a clause, in order.
    Clause(Vec<Vec<Part>>),
}

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
            faults: Vec::new(),
            stopped: false,
        };
        let parts = parser.alternatives(0).into_iter().flatten().collect();
        let mut template = Template {
            parts,
            tells_meaning: false,
        };
        template.tells_meaning = template.placeholders().contains(&Placeholder::Meaning);
        if template.optional().count() > MAX_OPTIONAL {
            parser.faults.push(TemplateFault::TooManyOptional);
        }
        if parser.faults.is_empty() {
            Ok(template)
        } else {
            Err(parser.faults)
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

    /// Appends the text. `value` is asked for each placeholder that is reached; an empty or
    /// blank value counts as missing.
    pub fn render<'v>(
        &self,
        value: &dyn Fn(Placeholder) -> Option<Cow<'v, str>>,
        out: &mut String,
    ) {
        for part in &self.parts {
            if !render_part(part, value, out) && matches!(part, Part::Value(_)) {
                out.push_str(OWED);
            }
        }
    }

    /// The placeholders that the template names, each once, in their own order.
    pub fn placeholders(&self) -> Vec<Placeholder> {
        let mut found = Vec::new();
        collect(&self.parts, &mut found);
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
            self.render(
                &|placeholder| (!missing(placeholder)).then(|| placeholder.sample().into()),
                &mut text,
            );
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

/// Renders a part, or nothing of it. Says whether it had all it needs.
fn render_part<'v>(
    part: &Part,
    value: &dyn Fn(Placeholder) -> Option<Cow<'v, str>>,
    out: &mut String,
) -> bool {
    match part {
        Part::Text(text) => {
            let doubled = text.starts_with('.') && out.ends_with(['.', '!', '?']);
            out.push_str(if doubled { &text[1..] } else { text });
            true
        }
        Part::Value(placeholder) => {
            let Some(found) = value(*placeholder) else {
                return false;
            };
            let found = found.trim();
            out.push_str(found);
            !found.is_empty()
        }
        Part::Clause(alternatives) => {
            let start = out.len();
            for alternative in alternatives {
                if alternative
                    .iter()
                    .all(|inner| render_part(inner, value, out))
                {
                    break;
                }
                out.truncate(start);
            }
            // A clause without its values is left out, and that is no lack of what holds it.
            true
        }
    }
}

fn collect(parts: &[Part], found: &mut Vec<Placeholder>) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Value(placeholder) => found.push(*placeholder),
            Part::Clause(alternatives) => {
                for alternative in alternatives {
                    collect(alternative, found);
                }
            }
        }
    }
}

struct Parser<'t> {
    rest: std::str::Chars<'t>,
    faults: Vec<TemplateFault>,
    /// What follows could not be told apart any more.
    stopped: bool,
}

impl Parser<'_> {
    /// Reads to the end of the clause, or of the text at depth 0, where `|` is literal.
    fn alternatives(&mut self, depth: usize) -> Vec<Vec<Part>> {
        let mut alternatives = Vec::new();
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            let Some(next) = self.rest.next() else {
                if depth > 0 && !self.stopped {
                    self.faults.push(TemplateFault::UnclosedClause);
                }
                break;
            };
            match next {
                '\\' => match self.rest.next() {
                    Some(literal @ ('\\' | '{' | '}' | '[' | ']' | '|')) => text.push(literal),
                    _ => self.faults.push(TemplateFault::BadEscape),
                },
                '{' => {
                    flush(&mut text, &mut parts);
                    parts.extend(self.placeholder(depth));
                }
                '[' if depth == MAX_DEPTH => {
                    self.stop(TemplateFault::TooDeep);
                    break;
                }
                '[' => {
                    flush(&mut text, &mut parts);
                    parts.push(Part::Clause(self.alternatives(depth + 1)));
                }
                ']' if depth > 0 => break,
                '|' if depth > 0 => {
                    flush(&mut text, &mut parts);
                    alternatives.push(std::mem::take(&mut parts));
                }
                ']' | '}' => self.faults.push(TemplateFault::ClosesNothing(next)),
                _ => text.push(next),
            }
        }
        flush(&mut text, &mut parts);
        alternatives.push(parts);
        alternatives
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

fn flush(text: &mut String, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Renders with the values named, each replaced by its own name in capitals.
    fn rendered(template: &str, given: &[&str]) -> String {
        let mut out = String::new();
        Template::parse(template).unwrap().render(
            &|placeholder| {
                given
                    .contains(&placeholder.name())
                    .then(|| placeholder.name().to_uppercase().into())
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
    fn blank_values_are_missing_and_full_stops_are_not_doubled() {
        let template = Template::parse("{who}.[ {place}.][ {reason}.]").unwrap();
        let mut out = String::new();
        template.render(
            &|placeholder| match placeholder {
                Placeholder::Who => Some("A. ".into()),
                Placeholder::Place => Some("  ".into()),
                Placeholder::Reason => Some("Why?".into()),
                _ => None,
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
                template.render(&|placeholder| Some(placeholder.sample().into()), &mut out);
                template.render(&|_| None, &mut out);
                let _ = template.flaw();
            }
        }
    }
}
