//! The form of the console: what a person typed, shown again as it was, and read as a search.
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use form_urlencoded::Serializer;

use crate::diagnosis::{Aspect, Outcome, Scenario};
use crate::privacy_key::PrivacyKey;
use crate::query::columns::{self, Column, Order};
use crate::query::filter::{Address, Filter, Term};
use crate::query::groups::GroupBy;
use crate::query::review::Search;
use crate::query::scope::{self, Ends, Range};
use crate::query::time;
use crate::signin::Category;

/// Sign-ins that a list shows, unless told otherwise and at most.
pub const ROWS: usize = 100;
pub const MOST_ROWS: usize = 1_000;

const COLUMNS: &str = "columns";

/// A field of the form.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
}

const fn field(name: &'static str, label: &'static str, hint: &'static str) -> Field {
    Field { name, label, hint }
}

pub const SCOPE: [Field; 4] = [
    field("user", "User", "principal name, display name or id"),
    field("app", "Application", "name or id"),
    field("from", "From", "2h, 3d, 2026-03-02 08:00 (UTC), or all"),
    field("to", "To", "empty: now"),
];

pub const FILTERS: [Field; 10] = [
    field("id", "Id", "request, correlation or diagnosis id"),
    field("category", "Category", ""),
    field("scenario", "Scenario", ""),
    field("outcome", "Outcome", ""),
    field("code", "Error codes", "53003, 50076"),
    field("policy", "Policy", "name or id of one that was enforced"),
    field("ip", "IP addresses", "203.0.113.7, 203.0.113.0/24"),
    field("country", "Countries", "NO, SE"),
    field("aspect", "Aspect", ""),
    field(
        "delay",
        "Longest delay",
        "how long after To records may have been written",
    ),
];

pub const LIST: [Field; 3] = [
    field("sort", "Order", "a column; - in front turns it round"),
    field("group", "Count by", ""),
    field("rows", "Rows", "at most 1000"),
];

/// What was typed, by the name of the field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    values: BTreeMap<&'static str, String>,
    columns: Vec<String>,
}

/// A field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Empty where it is of no field.
    pub field: &'static str,
    pub text: String,
}

/// What the form asks for.
#[derive(Debug)]
pub struct Asked {
    pub search: Search,
    pub range: Range,
    pub columns: Vec<Column>,
    pub group: Option<GroupBy>,
}

fn fields() -> impl Iterator<Item = &'static Field> {
    SCOPE.iter().chain(&FILTERS).chain(&LIST)
}

impl Form {
    /// Reads a query string; names what is no field.
    pub fn from_query(query: &str) -> (Form, Vec<Fault>) {
        let mut form = Form::default();
        let mut faults = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == COLUMNS {
                let names = value.split(',').map(str::trim);
                for name in names.filter(|name| !name.is_empty()) {
                    form.add_column(name);
                }
            } else if let Some(field) = fields().find(|field| field.name == name) {
                form.values.insert(field.name, value.trim().to_owned());
            } else {
                faults.push(Fault {
                    field: "",
                    text: format!("There is no field {name:?} in this form."),
                });
            }
        }
        (form, faults)
    }

    /// Each column once, and the first that there is not, which is told.
    fn add_column(&mut self, name: &str) {
        let is_known = |name: &str| Column::from_name(name).is_ok();
        let (own, is_there) = match Column::from_name(name).map(Column::name) {
            Ok(own) => (own, self.columns.iter().any(|column| column == own)),
            Err(_) => (name, self.columns.iter().any(|column| !is_known(column))),
        };
        if !is_there {
            self.columns.push(own.to_owned());
        }
    }

    /// What was typed; `None` where that is nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The same form with another value.
    pub fn with(&self, name: &'static str, value: &str) -> Form {
        let mut form = self.clone();
        form.values.insert(name, value.to_owned());
        form
    }

    pub fn has_column(&self, column: Column) -> bool {
        if self.columns.is_empty() {
            return columns::DEFAULT.contains(&column);
        }
        let names = self.columns.iter();
        names
            .filter_map(|name| Column::from_name(name).ok())
            .any(|one| one == column)
    }

    /// What was typed, as a query string without what is empty.
    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for field in fields() {
            if let Some(value) = self.get(field.name) {
                query.append_pair(field.name, value);
            }
        }
        if !self.columns.is_empty()
            && !columns::DEFAULT
                .iter()
                .map(|column| column.name())
                .eq(self.columns.iter().map(String::as_str))
        {
            query.append_pair(COLUMNS, &self.columns.join(","));
        }
        query.finish()
    }

    /// What narrows the search, for a person.
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let narrowing = SCOPE.iter().chain(&FILTERS);
        narrowing
            .filter(|field| !matches!(field.name, "from" | "to" | "delay"))
            .filter_map(|field| Some((field.label, self.get(field.name)?)))
            .collect()
    }

    /// Whether one of these fields was filled in.
    pub fn uses(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| self.get(field.name).is_some())
    }

    /// The time range alone, with how long after it records may have been written.
    pub fn range(
        &self,
        now: DateTime<Utc>,
        default: Option<TimeDelta>,
    ) -> Result<(Range, TimeDelta), Fault> {
        let ends = Ends {
            from: self.get("from"),
            to: self.get("to"),
            names: ["From", "To"],
        };
        let range = ends.range(now, &Utc, default).map_err(|fault| Fault {
            field: if fault.is_to { "to" } else { "from" },
            text: fault.to_string(),
        })?;
        let delay = self.get("delay").unwrap_or(scope::DEFAULT_DELAY);
        let delay = time::span(delay).ok_or_else(|| Fault {
            field: "delay",
            text: format!(
                "Longest delay {delay:?} is no duration; write a number and its unit, such as 30m, \
                 24h or 7d"
            ),
        })?;
        Ok((range, delay))
    }

    /// # Errors
    ///
    /// Everything that is wrong, each with its field.
    pub fn read(
        &self,
        now: DateTime<Utc>,
        default: Option<TimeDelta>,
        key: Option<&PrivacyKey>,
        keyed_by_user: bool,
    ) -> Result<Asked, Vec<Fault>> {
        let mut faults = Vec::new();
        let (range, max_delay) = self.range(now, default).unwrap_or_else(|fault| {
            faults.push(fault);
            ((None, None), TimeDelta::zero())
        });
        let filter = self.filter(range, &mut faults).with_pseudonyms(key);
        let columns = self.columns(&mut faults);
        let mut keep = |field: &'static str, text: String| faults.push(Fault { field, text });
        let order = match self.get("sort").map(Order::from_name) {
            None => Order::default(),
            Some(Ok(order)) => order,
            Some(Err(error)) => {
                keep("sort", sentence(&error.to_string()));
                Order::default()
            }
        };
        let group = self.get("group").and_then(|name| {
            let group = GroupBy::from_name(name);
            if group.is_none() {
                keep("group", format!("{name:?} is nothing to count by."));
            }
            group
        });
        let rows = match self.get("rows").map(str::parse::<usize>) {
            None => ROWS,
            Some(Ok(rows)) if (1..=MOST_ROWS).contains(&rows) => rows,
            Some(_) => {
                keep("rows", format!("Rows is a number from 1 to {MOST_ROWS}."));
                ROWS
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let user = self.get("user");
        Ok(Asked {
            search: Search {
                filter,
                order,
                limit: Some(rows),
                max_delay,
                key: keyed_by_user.then(|| scope::message_key(user)).flatten(),
            },
            range,
            columns,
            group,
        })
    }

    fn filter(&self, (from, to): Range, faults: &mut Vec<Fault>) -> Filter {
        let mut keep = |field: &'static str, text: String| faults.push(Fault { field, text });
        for (name, known) in [
            ("category", &Category::ALL.map(Category::as_str)[..]),
            ("scenario", &Scenario::ALL.map(Scenario::as_str)),
            ("outcome", &Outcome::ALL.map(Outcome::as_str)),
            ("aspect", &Aspect::ALL.map(Aspect::as_str)),
        ] {
            if let Some(value) = self.get(name).filter(|value| !known.contains(value)) {
                keep(name, format!("There is no {name} {value:?}."));
            }
        }
        let mut codes = Vec::new();
        for code in self.list("code") {
            match code.parse() {
                Ok(code) => codes.push(code),
                Err(_) => keep("code", format!("{code:?} is no error code, such as 53003.")),
            }
        }
        let mut addresses = Vec::new();
        for address in self.list("ip") {
            match Address::parse(address) {
                Some(address) => addresses.push(address),
                None => keep(
                    "ip",
                    format!(
                        "{address:?} is neither an address nor a range, such as 203.0.113.7 or \
                         2001:db8::/32."
                    ),
                ),
            }
        }
        let terms = |name: &str| self.get(name).map(Term::new).into_iter().collect();
        Filter {
            from,
            to,
            user: self.get("user").map(Term::new),
            id: self.get("id").map(Term::new),
            applications: terms("app"),
            categories: terms("category"),
            scenarios: terms("scenario"),
            outcomes: terms("outcome"),
            codes,
            policies: terms("policy"),
            addresses,
            countries: self.list("country").map(Term::new).collect(),
            aspects: terms("aspect"),
            ..Filter::default()
        }
    }

    fn columns(&self, faults: &mut Vec<Fault>) -> Vec<Column> {
        if self.columns.is_empty() {
            return columns::DEFAULT.to_vec();
        }
        let names = self.columns.iter();
        let columns: Result<_, _> = names.map(|name| Column::from_name(name)).collect();
        columns.unwrap_or_else(|error| {
            faults.push(Fault {
                field: COLUMNS,
                text: sentence(&error.to_string()),
            });
            Vec::new()
        })
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.get(name).unwrap_or_default().split(',');
        values.map(str::trim).filter(|value| !value.is_empty())
    }
}

/// An error as a sentence of its own.
pub fn sentence(error: &str) -> String {
    let mut chars = error.chars();
    let first = chars.next().map(char::to_uppercase);
    let mut text: String = first.into_iter().flatten().chain(chars).collect();
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-03-02T12:00:00Z")
            .unwrap()
            .to_utc()
    }

    fn read(query: &str) -> Result<Asked, Vec<Fault>> {
        let (form, faults) = Form::from_query(query);
        assert_eq!(faults, []);
        form.read(now(), Some(scope::DEFAULT_RANGE), None, true)
    }

    #[test]
    fn what_is_typed_is_what_is_searched() {
        let asked = read(
            "user=+6F1D2A9C-0000-4000-8000-00000000a100&from=2h&to=08:00&code=53003,+0&ip=203.0.113.0/24&country=no,se\
             &columns=user&columns=time,code&sort=-code&group=&rows=20",
        );
        let faults = asked.unwrap_err();
        assert!(
            faults[0].field == "to"
                && faults[0]
                    .text
                    .starts_with("To (2026-03-02 08:00:00Z) is not after From"),
            "{faults:?}"
        );
        let asked = read(
            "user=+6F1D2A9C-0000-4000-8000-00000000a100&from=2h&code=53003,+0&ip=203.0.113.0/24&country=no,se\
             &columns=user&columns=time,code&sort=-code&group=&rows=20",
        )
        .unwrap();
        let filter = &asked.search.filter;
        assert_eq!(filter.codes, [53003, 0]);
        assert_eq!(filter.countries, [Term::new("no"), Term::new("se")]);
        assert_eq!(filter.from, Some(now() - TimeDelta::hours(2)));
        assert_eq!(asked.columns, [Column::User, Column::Time, Column::Code]);
        assert_eq!(asked.search.limit, Some(20));
        assert_eq!(
            asked.search.key.as_deref(),
            Some("6f1d2a9c-0000-4000-8000-00000000a100")
        );
        assert_eq!(asked.group, None);
    }

    #[test]
    fn every_fault_is_told_at_its_field() {
        let faults = read(
            "from=soon&delay=x&category=d&scenario=a&outcome=b&aspect=c&code=x&ip=x&columns=colour&sort=colour&group=x&rows=0",
        )
        .unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "from", "category", "scenario", "outcome", "aspect", "code", "ip", "columns",
                "sort", "group", "rows"
            ]
        );
        assert!(faults.iter().all(|fault| fault.text.len() > 10));
        let delay = read("delay=x").unwrap_err();
        assert_eq!(delay[0].field, "delay");
        let (_, faults) = Form::from_query("usr=x");
        assert_eq!(faults[0].text, "There is no field \"usr\" in this form.");
    }

    #[test]
    fn each_column_is_shown_once_however_often_it_is_asked_for() {
        let query = "columns=user,USER&columns=user-id,user_id,".to_owned()
            + &"columns=assessment,time&".repeat(1_000);
        let (form, faults) = Form::from_query(&query.replace(",columns", "&columns"));
        assert_eq!(faults, []);
        assert_eq!(form.query(), "columns=user%2Cuser-id%2Cassessment%2Ctime");
        let asked = form
            .read(now(), Some(scope::DEFAULT_RANGE), None, true)
            .unwrap();
        assert_eq!(
            asked.columns,
            [
                Column::User,
                Column::UserId,
                Column::Assessment,
                Column::Time
            ]
        );
        let (form, _) = Form::from_query(&"columns=x,y,time,&".repeat(1_000));
        assert_eq!(form.query(), "columns=x%2Ctime");
    }

    proptest::proptest! {
        #[test]
        fn every_query_is_read_and_comes_back(query in "(&?(user|from|to|ip|code|rows|delay|columns|sort|x)?=?[^&]{0,12}){0,6}") {
            let (form, _) = Form::from_query(&query);
            let _ = form.read(now(), Some(scope::DEFAULT_RANGE), None, true);
            let again = Form::from_query(&form.query()).0.query();
            assert_eq!(again, form.query());
        }
    }

    #[test]
    fn a_form_comes_back_from_its_own_query() {
        let (form, _) =
            Form::from_query("user=J%C3%B8rgen+%26%3Cb%3E&from=&columns=user,time&rows=5");
        assert_eq!(
            form.query(),
            "user=J%C3%B8rgen+%26%3Cb%3E&rows=5&columns=user%2Ctime"
        );
        assert_eq!(Form::from_query(&form.query()).0.query(), form.query());
        assert_eq!(form.given(), [("User", "Jørgen &<b>")]);
        assert_eq!(form.with("user", "").query(), "rows=5&columns=user%2Ctime");
    }
}
