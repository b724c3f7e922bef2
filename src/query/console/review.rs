//! The third step, and the fourth on the same page: one sign-in whole.
use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{TimeDelta, Utc};
use form_urlencoded::Serializer;

use super::form::{Form, sentence};
use super::guard::Visitor;
use super::pages::{Frame, Heading, List, Reviewed, message, page};
use super::scans::{NoAnswer, no_answer};
use super::select::{review_of, row};
use super::{Console, HINTS, Shared};
use crate::query::columns::DEFAULT;
use crate::query::filter::SHORT_ID;
use crate::query::matches::Match;
use crate::query::review::{Lookup, Review, look_up};
use crate::query::scope::{self, Range};
use crate::query::view::View;

pub async fn review(
    State(console): Shared,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (times, back) = times_and_back(query.as_deref().unwrap_or_default());
    let frame = console.frame(&visitor).at(3, &back);
    let (form, faults) = Form::from_query(&times);
    let range = match (
        form.range(Utc::now(), console.default_range()),
        faults.first(),
    ) {
        (Ok(range), None) => Ok(range),
        (Err(fault), _) => Err(fault.text),
        (_, Some(fault)) => Err(fault.text.clone()),
    };
    let times = match range {
        Ok(times) => times,
        Err(text) => {
            let texts = [sentence(&text)];
            return message(frame, StatusCode::BAD_REQUEST, "Not understood", &texts);
        }
    };
    if id.trim().len() < SHORT_ID {
        let texts = [format!("An id has at least {SHORT_ID} characters.")];
        return message(frame, StatusCode::BAD_REQUEST, "Not understood", &texts);
    }
    let delay = form.get("delay").map(ToOwned::to_owned);
    let answer = reviewed(&console, frame.clone(), id, times, delay, back).await;
    answer.unwrap_or_else(|why| no_answer(frame, &why))
}

/// Of the query of a review: what says when, and the list to go back to, as the form itself would
/// write it.
fn times_and_back(query: &str) -> (String, String) {
    let (mut times, mut back) = (Serializer::new(String::new()), String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "back" {
            back = Form::from_query(&value).0.query();
        } else {
            times.append_pair(&name, &value);
        }
    }
    (times.finish(), back)
}

async fn reviewed(
    console: &Arc<Console>,
    frame: Frame,
    id: String,
    (range, max_delay): (Range, TimeDelta),
    delay: Option<String>,
    back: String,
) -> Result<Response, NoAnswer> {
    console.renew().await?;
    let own = Arc::clone(console);
    let answer = console.scans.run(move |progress| {
        let found = look_up(&own.store, &id, range, max_delay, progress)?;
        let delay = delay.as_deref();
        Ok(match found {
            Lookup::None(passed) => {
                let nothing = scope::nothing_found(&own.store, range, max_delay, HINTS);
                let mut texts = vec![nothing];
                texts.extend(scope::passed_words(&passed));
                message(frame, StatusCode::NOT_FOUND, "No such sign-in", &texts)
            }
            Lookup::Several(matches, total) => several(frame, &matches, total, delay, &back),
            Lookup::One(review) => one(frame, &review, &own, delay, &back),
        })
    });
    answer.await
}

fn several(
    frame: Frame,
    matches: &[Match],
    total: u64,
    delay: Option<&str>,
    back: &str,
) -> Response {
    let list = List {
        frame,
        title: format!("{} have this id", scope::sign_ins(total)),
        about: "Choose one of them.".to_owned(),
        given: Vec::new(),
        notes: Vec::new(),
        headings: DEFAULT
            .iter()
            .map(|column| Heading {
                title: column.title(),
                href: String::new(),
                order: "",
            })
            .collect(),
        more: (total > matches.len() as u64).then(|| {
            let more = total - matches.len() as u64;
            (
                format!("{} shown, {more} more.", matches.len()),
                String::new(),
            )
        }),
        rows: matches
            .iter()
            .map(|one| row(one, &DEFAULT, delay, back))
            .collect(),
    };
    page(StatusCode::MULTIPLE_CHOICES, &list)
}

fn one(
    frame: Frame,
    review: &Review,
    console: &Console,
    delay: Option<&str>,
    back: &str,
) -> Response {
    let mut view = View::of(review, &console.titles);
    for (shown, step) in view.flow.iter_mut().zip(&review.flow) {
        shown.href = review_of(step, delay, back);
    }
    let notes = scope::passed_words(&review.passed);
    let frame = if view.remediation.is_empty() {
        frame
    } else {
        frame.with_action()
    };
    page(StatusCode::OK, &Reviewed { frame, notes, view })
}
