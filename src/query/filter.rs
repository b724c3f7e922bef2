//! What a search is for: the scope that a person defines, and filters on top.
use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::glance::{Glance, Named, Policy, Str};
use crate::policies::IpRange;
use crate::privacy_key::{PrivacyKey, is_pseudonym};
use crate::signin::personal::Class as _;
use crate::signin::{self, Location, User};

/// Everything that is given must hold; of several values of one kind, one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Included.
    pub from: Option<DateTime<Utc>>,
    /// Excluded.
    pub to: Option<DateTime<Utc>>,
    /// User principal name, display name or id; of an application's own sign-ins the name or id
    /// of its service principal.
    pub user: Option<Term>,
    /// What the records have in the place of that user.
    pub pseudonym: Option<Term>,
    /// Request id, correlation id or diagnosis id, or the first 8 characters of that, or more.
    pub id: Option<Term>,
    /// The sign-ins of one flow, by any of the ids that tie them together.
    pub flow: Option<Flow>,
    /// Diagnosis ids of which no other is wanted.
    pub only: Option<HashSet<String>>,
    pub applications: Vec<Term>,
    pub categories: Vec<Term>,
    pub scenarios: Vec<Term>,
    pub outcomes: Vec<Term>,
    pub codes: Vec<i64>,
    /// Name or id of a policy that was enforced.
    pub policies: Vec<Term>,
    pub addresses: Vec<Address>,
    pub countries: Vec<Term>,
    pub aspects: Vec<Term>,
}

/// A text that is looked for, whatever its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    lower: String,
}

impl Term {
    pub fn new(text: &str) -> Term {
        Term {
            lower: text.trim().to_lowercase(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.lower
    }

    fn is(&self, text: &str) -> bool {
        if text.is_ascii() {
            return text.eq_ignore_ascii_case(&self.lower);
        }
        text.trim().to_lowercase() == self.lower
    }

    fn is_some(&self, text: Option<&Str<'_>>) -> bool {
        text.is_some_and(|text| self.is(text))
    }

    fn names(&self, named: Option<&Named<'_>>) -> bool {
        named.is_some_and(|named| {
            self.is_some(named.name.as_ref()) || self.is_some(named.id.as_ref())
        })
    }
}

/// A client's address that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// One, or a range of them.
    Range(IpRange),
    /// What records have in the place of one.
    Pseudonym(Term),
}

impl Address {
    /// `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`, or a pseudonym.
    pub fn parse(text: &str) -> Option<Address> {
        if is_pseudonym(signin::Address::NAME, text.trim()) {
            return Some(Address::Pseudonym(Term::new(text)));
        }
        IpRange::from_cidr(text).map(Address::Range)
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Address::Range(range) => text.trim().parse().is_ok_and(|ip| range.contains(ip)),
            Address::Pseudonym(pseudonym) => pseudonym.is(text),
        }
    }
}

/// Characters of a diagnosis id that stand for it: as many as a list shows.
pub const SHORT_ID: usize = 8;

/// The ids that tie the sign-ins of one flow together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    pub correlation_id: Option<String>,
    /// The id of the first sign-in of the flow.
    pub first_id: Option<String>,
}

impl Flow {
    fn includes(&self, glance: &Glance<'_>) -> bool {
        let same = |own: &Option<String>, text: Option<&Str<'_>>| {
            own.as_ref()
                .zip(text)
                .is_some_and(|(own, text)| own.eq_ignore_ascii_case(text))
        };
        same(&self.correlation_id, glance.correlation_id.as_ref())
            || same(&self.first_id, glance.original_request_id.as_ref())
            || same(&self.first_id, glance.sign_in_id.as_ref())
    }
}

impl Filter {
    /// Looks for users, addresses and countries by their pseudonyms too, under the key of
    /// `[privacy]`. What lies in a range of addresses cannot be told from a pseudonym.
    #[must_use]
    pub fn with_pseudonyms(mut self, key: Option<&PrivacyKey>) -> Filter {
        let Some(key) = key else {
            return self;
        };
        let pseudonym = |class: &str, value: &str| Term::new(&key.pseudonym(class, value));
        let user = self.user.as_ref().map(Term::as_str);
        self.pseudonym = user.map(|user| pseudonym(User::NAME, user));
        let addresses = self.addresses.iter().filter_map(|address| match address {
            Address::Range(range) => range.only(),
            Address::Pseudonym(_) => None,
        });
        let addresses: Vec<_> = addresses
            .map(|ip| pseudonym(signin::Address::NAME, &ip.to_string()))
            .collect();
        let addresses = addresses.into_iter().map(Address::Pseudonym);
        self.addresses.extend(addresses);
        let countries = self.countries.iter();
        let countries: Vec<_> = countries
            .map(|country| pseudonym(Location::NAME, country.as_str()))
            .collect();
        self.countries.extend(countries);
        self
    }

    /// Whether the record is one that is looked for.
    pub fn includes(&self, glance: &Glance<'_>) -> bool {
        self.includes_page(glance) && self.has_policy(glance)
    }

    /// Whether it may be a page of one that is looked for: the policy may stand on another.
    pub fn includes_page(&self, glance: &Glance<'_>) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.contains(&*glance.diagnosis_id))
            && self.is_of_user(glance)
            && self.id.as_ref().is_none_or(|id| is_id(id, glance))
            && self.flow.as_ref().is_none_or(|flow| flow.includes(glance))
            && any(&self.codes, |code| {
                glance
                    .error
                    .as_ref()
                    .is_some_and(|error| error.code == *code)
            })
            && any(&self.categories, |category| category.is(&glance.category))
            && any(&self.outcomes, |outcome| outcome.is(&glance.outcome))
            && any(&self.scenarios, |scenario| scenario.is(&glance.scenario))
            && any(&self.aspects, |aspect| {
                glance.aspects.iter().any(|own| aspect.is(own))
            })
            && any(&self.applications, |app| {
                app.names(glance.application.as_ref())
            })
            && self.is_from_place(glance)
            && self.is_in_time(glance)
    }

    fn is_of_user(&self, glance: &Glance<'_>) -> bool {
        let mut names = self.user.iter().chain(&self.pseudonym).peekable();
        names.peek().is_none() || names.any(|name| is_user(name, glance))
    }

    fn is_from_place(&self, glance: &Glance<'_>) -> bool {
        let country = glance
            .location
            .as_ref()
            .and_then(|location| location.country.as_ref());
        let address = glance
            .client
            .as_ref()
            .and_then(|client| client.ip_address.as_ref());
        any(&self.countries, |own| own.is_some(country))
            && any(&self.addresses, |own| {
                address.is_some_and(|address| own.is(address))
            })
    }

    fn is_in_time(&self, glance: &Glance<'_>) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        glance.time().is_some_and(|time| {
            self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
        })
    }

    fn has_policy(&self, glance: &Glance<'_>) -> bool {
        if self.policies.is_empty() {
            return true;
        }
        let named = |policy: &Policy<'_>| {
            let is = |term: &Term| {
                term.is_some(policy.name.as_ref()) || term.is_some(policy.id.as_ref())
            };
            policy.was_enforced() && self.policies.iter().any(is)
        };
        glance.policies().iter().any(named)
    }
}

fn any<T>(wanted: &[T], holds: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(holds)
}

fn is_user(user: &Term, glance: &Glance<'_>) -> bool {
    let person = glance.user.as_ref().is_some_and(|own| {
        [&own.principal_name, &own.id, &own.display_name]
            .into_iter()
            .any(|text| user.is_some(text.as_ref()))
    });
    person || user.names(glance.service_principal.as_ref())
}

fn is_id(id: &Term, glance: &Glance<'_>) -> bool {
    let wanted = id.as_str();
    let own = &glance.diagnosis_id;
    let begins = wanted.len() >= SHORT_ID
        && own
            .get(..wanted.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(wanted));
    begins || id.is_some(glance.sign_in_id.as_ref()) || id.is_some(glance.correlation_id.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"schema_version":1,"diagnosis_id":"3987a7dc-b84b-58b8-90b5-dd2a08c5ec60",
        "sign_in_id":"6F1D2A9C-0000-4000-8000-00000000A100","correlation_id":"C0FFEE",
        "event_time":"2026-03-02T08:14:55.123Z","scenario":"blocked_by_conditional_access",
        "outcome":"blocked","category":"SignInLogs","aspects":["legacy_authentication"],"error":{"code":53003},
        "user":{"id":"u-1","principal_name":"J\u00f8rgen.O+x@fabrikam.example","display_name":"Jørgen Ø"},
        "application":{"id":"a-1","name":"Freight \"Portal\""},
        "client":{"ip_address":"203.0.113.44"},"location":{"country":"NO"},
        "conditional_access":{"policies":[{"id":"p-1","name":"Block","result":"failure"},
        {"id":"p-2","name":"Other","result":"not_applied"}]}}"#;

    fn holds(change: impl FnOnce(&mut Filter)) -> bool {
        let mut filter = Filter::default();
        change(&mut filter);
        let glance: Glance<'_> = serde_json::from_str(RECORD).unwrap();
        filter.includes(&glance)
    }

    fn term(text: &str) -> Term {
        Term::new(text)
    }

    #[test]
    fn a_user_is_found_by_each_name_whatever_its_case_and_escapes() {
        for user in ["jørgen.o+X@fabrikam.example", "U-1", "JØRGEN ø", " u-1 "] {
            assert!(holds(|filter| filter.user = Some(term(user))), "{user}");
        }
        for user in ["jørgen", "", "C0FFEE"] {
            assert!(!holds(|filter| filter.user = Some(term(user))), "{user}");
        }
    }

    #[test]
    fn a_user_is_found_by_name_or_by_pseudonym() {
        for (user, pseudonym, found) in [
            ("someone", "U-1", true),
            ("u-1", "user-aaaaaa-000000000000000000000000", true),
            ("someone", "user-aaaaaa-000000000000000000000000", false),
        ] {
            let is = holds(|filter| {
                filter.user = Some(term(user));
                filter.pseudonym = Some(term(pseudonym));
            });
            assert_eq!(is, found, "{user} {pseudonym}");
        }
    }

    #[test]
    fn with_the_key_an_address_and_a_country_are_found_by_their_pseudonyms() {
        let key = PrivacyKey::new("0123456789abcdef0123456789abcdef").unwrap();
        let address = key.pseudonym("address", "203.0.113.44");
        let country = key.pseudonym("location", "NO");
        let record = RECORD
            .replace("203.0.113.44", &address)
            .replace(r#""country":"NO""#, &format!(r#""country":"{country}""#));
        let glance: Glance<'_> = serde_json::from_str(&record).unwrap();
        for (ip, place, with_key, without) in [
            ("203.0.113.44", "no", true, false),
            ("203.0.113.45", "no", false, false),
            ("203.0.113.44", "SE", false, false),
            // What lies in a range cannot be told.
            ("203.0.113.0/24", "NO", false, false),
            (&*address, &*country, true, true),
        ] {
            let filter = Filter {
                addresses: vec![Address::parse(ip).unwrap()],
                countries: vec![term(place)],
                ..Filter::default()
            };
            assert_eq!(filter.includes(&glance), without, "{ip} {place}");
            let filter = filter.with_pseudonyms(Some(&key));
            assert_eq!(filter.includes(&glance), with_key, "{ip} {place}");
        }
    }

    #[test]
    fn an_id_is_any_of_three_and_the_diagnosis_id_may_be_short() {
        for id in [
            "6f1d2a9c-0000-4000-8000-00000000a100",
            "c0ffee",
            "3987A7DC",
            "3987a7dc-b84b-58b8-90b5-dd2a08c5ec60",
        ] {
            assert!(holds(|filter| filter.id = Some(term(id))), "{id}");
        }
        for id in [
            "3987a7d",
            "6f1d2a9c",
            "",
            "3987a7dc-b84b-58b8-90b5-dd2a08c5ec600",
        ] {
            assert!(!holds(|filter| filter.id = Some(term(id))), "{id}");
        }
    }

    type Change = Box<dyn FnOnce(&mut Filter)>;

    #[test]
    fn each_filter_narrows() {
        let time = |text: &str| Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
        let range = |text| Address::parse(text).unwrap();
        let event = "2026-03-02T08:14:55.123Z";
        let after = "2026-03-02T08:14:55.124Z";
        let cases: Vec<(Change, bool)> = vec![
            (Box::new(move |f| f.from = time(event)), true),
            (Box::new(move |f| f.from = time(after)), false),
            (Box::new(move |f| f.to = time(after)), true),
            (Box::new(move |f| f.to = time(event)), false),
            (
                Box::new(|f| f.applications = vec![term("x"), term("freight \"PORTAL\"")]),
                true,
            ),
            (Box::new(|f| f.applications = vec![term("A-1")]), true),
            (Box::new(|f| f.applications = vec![term("freight")]), false),
            (
                Box::new(|f| f.scenarios = vec![term("blocked_by_conditional_access")]),
                true,
            ),
            (
                Box::new(|f| f.scenarios = vec![term("successful_sign_in")]),
                false,
            ),
            (Box::new(|f| f.outcomes = vec![term("BLOCKED")]), true),
            (Box::new(|f| f.outcomes = vec![term("failed")]), false),
            (Box::new(|f| f.categories = vec![term("signinlogs")]), true),
            (
                Box::new(|f| f.categories = vec![term("ADFSSignInLogs")]),
                false,
            ),
            (Box::new(|f| f.codes = vec![0, 53003]), true),
            (Box::new(|f| f.codes = vec![0]), false),
            (Box::new(|f| f.policies = vec![term("block")]), true),
            (Box::new(|f| f.policies = vec![term("P-1")]), true),
            (Box::new(|f| f.policies = vec![term("other")]), false),
            (
                Box::new(move |f| f.addresses = vec![range("203.0.113.0/24")]),
                true,
            ),
            (
                Box::new(move |f| f.addresses = vec![range("203.0.113.45")]),
                false,
            ),
            (Box::new(|f| f.countries = vec![term("no")]), true),
            (Box::new(|f| f.countries = vec![term("SE")]), false),
            (
                Box::new(|f| f.aspects = vec![term("legacy_authentication")]),
                true,
            ),
            (Box::new(|f| f.aspects = vec![term("single_factor")]), false),
        ];
        for (index, (change, expected)) in cases.into_iter().enumerate() {
            assert_eq!(holds(change), expected, "case {index}");
        }
    }

    #[test]
    fn a_flow_is_tied_by_correlation_or_by_the_first_request() {
        let flow = |correlation: &str, first: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Some(Flow {
                correlation_id: text(correlation),
                first_id: text(first),
            })
        };
        assert!(holds(|f| f.flow = flow("c0ffee", "")));
        assert!(holds(
            |f| f.flow = flow("", "6f1d2a9c-0000-4000-8000-00000000a100")
        ));
        assert!(!holds(|f| f.flow = flow("other", "other")));
        assert!(!holds(|f| f.flow = flow("", "")));
    }
}
