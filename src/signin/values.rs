//! The scalar values and lists of a record, each with the types it occurs in.
use chrono::{DateTime, Datelike, Utc};
use serde::de::SeqAccess;

use super::ConditionalAccessStatus;
use super::category::Category;
use super::lenient::{Found, Lenient, Read, Str, holds_json, json_text};
use super::personal::{Address, Class, Personal};
use super::text::Text;
use super::time::parse_time;

pub(super) struct AnyText;

impl<'m> Lenient<'m> for AnyText {
    type Value = Text<'m>;

    fn text(self, text: Str<'_, 'm>) -> Found<Text<'m>> {
        Found::Value(text.into_text())
    }
}

pub(super) struct AnyPersonal<C>(pub(super) std::marker::PhantomData<C>);

impl<'m, C: Class> Lenient<'m> for AnyPersonal<C> {
    type Value = Personal<'m, C>;

    fn text(self, text: Str<'_, 'm>) -> Found<Self::Value> {
        Found::Value(Personal::new(text.into_text()))
    }
}

/// An address, without a port; forwarders write the text `<null>` where there is none.
pub(super) struct IpAddress;

impl<'m> Lenient<'m> for IpAddress {
    type Value = Personal<'m, Address>;

    fn text(self, text: Str<'_, 'm>) -> Found<Self::Value> {
        if text.as_str().eq_ignore_ascii_case("<null>") {
            return Found::Absent;
        }
        Found::Value(Personal::new(text.part(without_port)))
    }
}

/// `1.2.3.4:5` and `[::1]:5` without the port; an IPv6 address has more than one colon.
fn without_port(address: &str) -> &str {
    if let Some((inside, _)) = address.strip_prefix('[').and_then(|a| a.split_once(']')) {
        return inside;
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') && !host.is_empty() => host,
        _ => address,
    }
}

/// A boolean, or its name in Log Analytics columns that hold text.
pub(super) struct Bool;

impl<'m> Lenient<'m> for Bool {
    type Value = bool;

    fn boolean(self, value: bool) -> Found<bool> {
        Found::Value(value)
    }

    fn text(self, text: Str<'_, 'm>) -> Found<bool> {
        let text = text.as_str();
        if text.eq_ignore_ascii_case("true") {
            Found::Value(true)
        } else if text.eq_ignore_ascii_case("false") {
            Found::Value(false)
        } else {
            Found::Wrong
        }
    }
}

/// An error code: a whole number, or a numeric string.
pub(super) struct Code {
    /// Whether other text stands there by right, as `Success` does in `resultType`.
    pub(super) text_allowed: bool,
}

impl<'m> Lenient<'m> for Code {
    type Value = i64;

    fn integer(self, number: i64) -> Found<i64> {
        Found::Value(number)
    }

    fn float(self, number: f64) -> Found<i64> {
        whole(number).map_or(Found::Wrong, Found::Value)
    }

    fn text(self, text: Str<'_, 'm>) -> Found<i64> {
        let text = text.as_str().trim();
        let number = text.parse().ok().or_else(|| {
            // "0.0", but neither "inf" nor "1e5".
            let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            numeric.then(|| text.parse().ok().and_then(whole)).flatten()
        });
        match number {
            Some(number) => Found::Value(number),
            None if self.text_allowed || text.is_empty() => Found::Absent,
            None => Found::Wrong,
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    // Every whole number of this size is exact in an f64; no error code is near it.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "whole and in range")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// A time in any of the formats of [`parse_time`].
pub(super) struct Time;

impl<'m> Lenient<'m> for Time {
    type Value = DateTime<Utc>;

    fn text(self, text: Str<'_, 'm>) -> Found<Self::Value> {
        match parse_time(text.as_str()) {
            // The smallest time of .NET, which writers leave where they have none.
            Some(time) if time.year() == 1 => Found::Absent,
            Some(time) => Found::Value(time),
            None => Found::Wrong,
        }
    }
}

/// What to do with each text of a list.
pub(super) trait Texts<'m> {
    fn push(&mut self, text: Str<'_, 'm>);
}

impl<'m> Texts<'m> for Vec<Text<'m>> {
    fn push(&mut self, text: Str<'_, 'm>) {
        Vec::push(self, text.into_text());
    }
}

/// Names, as a person wrote them.
impl<'m, C: Class> Texts<'m> for Vec<Personal<'m, C>> {
    fn push(&mut self, text: Str<'_, 'm>) {
        Vec::push(self, Personal::new(text.into_text()).unescaped());
    }
}

/// A list of texts: also as JSON text, or a single text without a list. Its value says
/// whether every element was text.
pub(super) struct TextList<'t, T>(pub(super) &'t mut T);

impl<'m, T: Texts<'m>> Lenient<'m> for TextList<'_, T> {
    type Value = ();

    fn text(self, text: Str<'_, 'm>) -> Found<()> {
        if holds_json(text.as_str(), '[') {
            return json_text(self, text.as_str());
        }
        self.0.push(text);
        Found::Value(())
    }

    fn list<A: SeqAccess<'m>>(self, mut list: A) -> Result<Found<()>, A::Error> {
        let mut wrong = false;
        while let Some(found) = list.next_element_seed(Read(OneText(&mut *self.0)))? {
            wrong |= matches!(found, Found::Wrong);
        }
        Ok(if wrong {
            Found::Wrong
        } else {
            Found::Value(())
        })
    }
}

struct OneText<'t, T>(&'t mut T);

impl<'m, T: Texts<'m>> Lenient<'m> for OneText<'_, T> {
    type Value = ();

    fn text(self, text: Str<'_, 'm>) -> Found<()> {
        self.0.push(text);
        Found::Value(())
    }
}

/// `conditionalAccessStatus`: a name, or (2018) a number. Names that are not known read as
/// [`ConditionalAccessStatus::Unknown`], as Graph's `unknownFutureValue` does.
pub(super) struct Status;

impl<'m> Lenient<'m> for Status {
    type Value = ConditionalAccessStatus;

    fn integer(self, number: i64) -> Found<Self::Value> {
        Found::Value(match number {
            0 => ConditionalAccessStatus::Success,
            1 => ConditionalAccessStatus::Failure,
            2 => ConditionalAccessStatus::NotApplied,
            _ => ConditionalAccessStatus::Unknown,
        })
    }

    fn text(self, text: Str<'_, 'm>) -> Found<Self::Value> {
        let name = text.as_str();
        if let Ok(number) = name.parse() {
            return self.integer(number);
        }
        Found::Value(if name.eq_ignore_ascii_case("success") {
            ConditionalAccessStatus::Success
        } else if name.eq_ignore_ascii_case("failure") {
            ConditionalAccessStatus::Failure
        } else if name.eq_ignore_ascii_case("notApplied") {
            ConditionalAccessStatus::NotApplied
        } else {
            ConditionalAccessStatus::Unknown
        })
    }
}

/// The category that `signInEventTypes` names: the first that is known.
#[derive(Default)]
pub(super) struct EventTypes(pub(super) Option<Category>);

impl<'m> Texts<'m> for EventTypes {
    fn push(&mut self, text: Str<'_, 'm>) {
        self.0 = self.0.or_else(|| {
            [
                ("interactiveUser", Category::Interactive),
                ("nonInteractiveUser", Category::NonInteractive),
                ("servicePrincipal", Category::ServicePrincipal),
                ("managedIdentity", Category::ManagedIdentity),
            ]
            .into_iter()
            .find(|(name, _)| text.as_str().eq_ignore_ascii_case(name))
            .map(|(_, category)| category)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn an_address_loses_its_port_and_nothing_else() {
        for (text, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:443", "192.0.2.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::1", "::1"),
            ("::", "::"),
            (":", ":"),
            ("[", "["),
        ] {
            assert_eq!(without_port(text), address, "{text}");
        }
    }
}
