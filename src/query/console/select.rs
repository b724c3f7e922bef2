//! The second step: the sign-ins of a search as a list, or counted.
use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use form_urlencoded::Serializer;

use super::form::{Asked, Form, MOST_ROWS};
use super::pages::{Bar, Cell, Frame, Grouped, Heading, List, Row, inert, page};
use super::scans::NoAnswer;
use super::{Console, HINTS, LATER};
use crate::query::columns::{Column, Order};
use crate::query::groups::{self, GroupBy, Groups};
use crate::query::matches::{Found, Match};
use crate::query::record::Diagnosis;
use crate::query::scope::{self, Range};
use crate::query::store::Store;
use crate::query::view::tone;

/// Groups that are shown.
const BARS: usize = 200;

/// What is told of a search: where and when, and what could not be read.
fn about(store: &Store, range: Range, max_delay: TimeDelta) -> String {
    format!(
        "{}, {}.{}",
        store.name(),
        scope::range_words(range),
        scope::read_until(store, range, max_delay, LATER)
    )
}

fn given(form: &Form) -> Vec<(&'static str, String)> {
    let given = form.given().into_iter();
    given.map(|(label, value)| (label, inert(value))).collect()
}

pub async fn listed(
    console: &Arc<Console>,
    frame: Frame,
    form: &Form,
    asked: Asked,
) -> Result<Response, NoAnswer> {
    console.renew().await?;
    let Asked {
        search,
        range,
        columns,
        ..
    } = asked;
    let (limit, order, max_delay) = (search.limit, search.order, search.max_delay);
    let (store, form) = (console.store.clone(), form.clone());
    let answer = console.scans.run(move |progress| {
        let found = search.run(&store, progress)?;
        let about = if found.total == 0 {
            scope::nothing_found(&store, range, max_delay, HINTS)
        } else {
            about(&store, range, max_delay)
        };
        Ok(list(frame, &form, &found, &about, &columns, (limit, order)))
    });
    answer.await
}

fn list(
    frame: Frame,
    form: &Form,
    found: &Found,
    about: &str,
    columns: &[Column],
    (limit, order): (Option<usize>, Order),
) -> Response {
    let shown = found.matches.len() as u64;
    let more = (found.total > shown).then(|| {
        let words = format!("{shown} shown, {} more.", found.total - shown);
        let href = if limit.is_some_and(|limit| limit < MOST_ROWS) {
            format!(
                "/search?{}",
                form.with("rows", &MOST_ROWS.to_string()).query()
            )
        } else {
            String::new()
        };
        (words, href)
    });
    let back = form.query();
    let list = List {
        frame,
        title: scope::sign_ins(found.total),
        about: inert(about),
        given: given(form),
        notes: scope::passed_words(&found.passed),
        headings: columns
            .iter()
            .map(|column| heading(*column, order, form))
            .collect(),
        rows: found
            .matches
            .iter()
            .map(|one| row(one, columns, form.get("delay"), &back))
            .collect(),
        more,
    };
    page(StatusCode::OK, &list)
}

fn heading(column: Column, order: Order, form: &Form) -> Heading {
    let (order, next) = match (order.column == column, order.descending) {
        (true, true) => ("descending", column.name().to_owned()),
        (true, false) => ("ascending", format!("-{}", column.name())),
        // What is newest comes first; names begin with A.
        (false, _) if column == Column::Time => ("", "-time".to_owned()),
        (false, _) => ("", column.name().to_owned()),
    };
    Heading {
        title: column.title(),
        href: format!("/search?{}", form.with("sort", &next).query()),
        order,
    }
}

pub fn row(one: &Match, columns: &[Column], delay: Option<&str>, back: &str) -> Row {
    let cell = |column: &Column| Cell {
        title: column.title(),
        text: inert(&column.of(&one.diagnosis)),
        tone: if *column == Column::Outcome {
            tone(&one.diagnosis.outcome)
        } else {
            ""
        },
    };
    Row {
        href: review_of(&one.diagnosis, delay, back),
        cells: columns.iter().map(cell).collect(),
    }
}

/// The page of a sign-in, looked for at its own time and for as long after it as the list was;
/// `back` leads to the list again.
pub fn review_of(one: &Diagnosis, delay: Option<&str>, back: &str) -> String {
    let mut href = String::from("/review/");
    for part in form_urlencoded::byte_serialize(one.diagnosis_id.as_bytes()) {
        // In a path a blank is no plus.
        href.push_str(if part == "+" { "%20" } else { part });
    }
    let from = one.event_time.as_deref();
    let time = from.and_then(|from| DateTime::parse_from_rfc3339(from).ok());
    let after = time.and_then(|time| time.to_utc().checked_add_signed(TimeDelta::milliseconds(1)));
    let mut query = Serializer::new(String::new());
    if let (Some(from), Some(to)) = (from, after) {
        query.append_pair("from", from);
        query.append_pair("to", &to.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    } else {
        query.append_pair("from", "all");
    }
    if let Some(delay) = delay {
        query.append_pair("delay", delay);
    }
    if !back.is_empty() {
        query.append_pair("back", back);
    }
    // A `String` takes every write.
    let _ = write!(href, "?{}", query.finish());
    href
}

pub async fn grouped(
    console: &Arc<Console>,
    frame: Frame,
    form: &Form,
    asked: Asked,
    by: GroupBy,
) -> Result<Response, NoAnswer> {
    console.renew().await?;
    let Asked { search, range, .. } = asked;
    let max_delay = search.max_delay;
    let (store, form) = (console.store.clone(), form.clone());
    let answer = console.scans.run(move |progress| {
        let counted = search.count(&store, by, progress)?;
        let about = if counted.total() == 0 {
            scope::nothing_found(&store, range, max_delay, HINTS)
        } else {
            about(&store, range, max_delay)
        };
        Ok(counts(frame, &form, counted, &about, by))
    });
    answer.await
}

fn counts(frame: Frame, form: &Form, counted: Groups, about: &str, by: GroupBy) -> Response {
    let passed = counted.passed;
    let (groups, total) = counted.finish();
    let more = groups.len().saturating_sub(BARS);
    let bars = groups.iter().take(BARS).map(|(name, count)| Bar {
        name: inert(name),
        count: *count,
        href: narrowed(form, by, name),
    });
    let grouped = Grouped {
        frame,
        title: format!(
            "{} in {}",
            scope::sign_ins(total),
            scope::groups_words(groups.len())
        ),
        about: inert(about),
        given: given(form),
        notes: scope::passed_words(&passed),
        by: by.name(),
        most: groups.iter().map(|group| group.1).max().unwrap_or(1),
        bars: bars.collect(),
        more,
    };
    page(StatusCode::OK, &grouped)
}

/// The search for one group alone; empty where the form cannot say it.
fn narrowed(form: &Form, by: GroupBy, name: &str) -> String {
    let field = match by {
        _ if name == groups::NOT_KNOWN || name == groups::NO_POLICY => return String::new(),
        GroupBy::Hour => return String::new(),
        // The counts are of sign-ins that have that policy, too: the form takes one.
        GroupBy::Policy if form.get("policy").is_some() => return String::new(),
        // It takes a list, which a comma would divide.
        GroupBy::Country if name.contains(',') => return String::new(),
        GroupBy::User => "user",
        GroupBy::Application => "app",
        GroupBy::Scenario => "scenario",
        GroupBy::Policy => "policy",
        GroupBy::Country => "country",
        GroupBy::Code => "code",
    };
    let form = form.with(field, name).with("group", "");
    format!("/search?{}", form.query())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(time: &str) -> Diagnosis {
        let record = serde_json::json!({
            "schema_version": 1, "diagnosis_id": "a/../../log out", "event_time": time,
        });
        Diagnosis::parse(record.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_link_to_a_review_says_from_when_to_when_it_is_looked_for() {
        let at = diagnosis("2026-03-02T08:14:55.123Z");
        assert_eq!(
            review_of(&at, Some("3d"), "user=x"),
            "/review/a%2F..%2F..%2Flog%20out?from=2026-03-02T08%3A14%3A55.123Z\
             &to=2026-03-02T08%3A14%3A55.124Z&delay=3d&back=user%3Dx"
        );
        assert!(review_of(&diagnosis("soon"), None, "").ends_with("out?from=all"));
    }

    #[test]
    fn a_count_leads_nowhere_where_the_form_cannot_say_it() {
        let (form, _) = Form::from_query("policy=p&group=policy");
        assert_eq!(narrowed(&form, GroupBy::Policy, "q"), "");
        assert_eq!(
            narrowed(&form, GroupBy::Code, "0"),
            "/search?code=0&policy=p"
        );
        let (form, _) = Form::from_query("group=policy");
        assert_eq!(narrowed(&form, GroupBy::Policy, "q"), "/search?policy=q");
    }
}
