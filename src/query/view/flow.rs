//! How the flow of a sign-in went on.
use chrono::DateTime;

use super::{FlowView, inert, seconds, tone};
use crate::query::record::Diagnosis;
use crate::query::review::Review;

/// How the flow went on: "MFA asked at 10:02:11, succeeded at 10:02:40, 29 s later."
pub fn flow_words(review: &Review, title_of: &dyn Fn(&str) -> String) -> Option<String> {
    let (own, flow) = (&review.one.diagnosis, &review.flow);
    let at = |one: &Diagnosis| DateTime::parse_from_rfc3339(one.event_time.as_deref()?).ok();
    if review.more > 0 {
        return Some(format!(
            "Its flow has {} more sign-ins than are shown.",
            review.more
        ));
    }
    let last = flow.iter().rev().find(|one| at(one).is_some())?;
    let (begun, ended) = (at(own)?, at(last)?);
    if last.diagnosis_id == own.diagnosis_id {
        let earlier = flow
            .iter()
            .filter(|one| at(one).is_some_and(|time| time < begun))
            .count();
        return match (earlier, flow.len()) {
            (0, _) | (_, 0..=1) => None,
            (1, _) => Some("It ends a flow of which one sign-in came before.".to_owned()),
            (earlier, _) => Some(format!(
                "It ends a flow of which {earlier} sign-ins came before."
            )),
        };
    }
    let later = (ended - begun).num_seconds().max(0);
    Some(format!(
        "The flow went on: {} {}, {later} s later: {}.",
        last.outcome,
        ended.format("at %H:%M:%SZ"),
        title_of(&last.scenario)
    ))
}

pub(super) fn flow_step(
    one: &Diagnosis,
    own: &Diagnosis,
    title_of: &dyn Fn(&str) -> String,
) -> FlowView {
    FlowView {
        href: String::new(),
        time: seconds(one.event_time.as_ref()),
        application: one
            .application
            .as_ref()
            .and_then(|app| app.shown())
            .map(inert)
            .unwrap_or_default(),
        scenario: inert(&title_of(&one.scenario)),
        outcome: inert(&one.outcome),
        tone: tone(&one.outcome),
        is_this: one.diagnosis_id == own.diagnosis_id,
    }
}
