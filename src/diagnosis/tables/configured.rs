//! What a policy is set to, by the policy snapshot.
use std::borrow::Cow;

use crate::policies::{Answer, Condition as Configured, Facts, Operator, Policy, Value};
use crate::signin::{Condition, SignIn};

/// Values of one condition that are named; the rest is counted.
const LISTED: usize = 3;

/// A policy of the snapshot, as one sign-in meets it.
#[derive(Debug, Clone, Copy)]
pub struct Configuration<'a> {
    policy: &'a Policy,
    sign_in: &'a SignIn<'a>,
}

impl<'a> Configuration<'a> {
    pub fn new(policy: &'a Policy, sign_in: &'a SignIn<'a>) -> Configuration<'a> {
        Configuration { policy, sign_in }
    }

    /// `Group: Finance (the user is a member); except User: …`. `None` for a condition that the
    /// policy does not have, or that has no name.
    pub fn condition(&self, condition: Option<Condition>) -> Option<Cow<'a, str>> {
        let Configured {
            include, exclude, ..
        } = self.policy.condition(condition?)?;
        let facts = Facts::of(self.sign_in);
        let mut text = values(include, &facts);
        if !exclude.is_empty() {
            let separator = if text.is_empty() {
                "all except "
            } else {
                "; except "
            };
            text = text + separator + &values(exclude, &facts);
        }
        Some(text.into())
    }

    /// Whether one of the access controls is enough; `None` where the snapshot does not say.
    pub fn one_is_enough(&self) -> Option<bool> {
        match self.policy.grant_controls.as_ref()?.operator {
            Operator::And => Some(false),
            Operator::Or => Some(true),
            Operator::Other(_) => None,
        }
    }

    /// What the control that the event names is set to, where that is more than the name.
    pub fn control(&self, name: &str) -> Option<Cow<'a, str>> {
        let policy = self.policy;
        let grants = policy.grant_controls.iter().flat_map(|it| &it.controls);
        let control = grants
            .filter(|control| control.known.is_none())
            .chain(&policy.session_controls)
            .find(|control| control.is_named(name))?;
        Some(control.text.as_str().into()).filter(|text: &Cow<'_, str>| text != name)
    }
}

/// The values that the sign-in matches first, then those of which it is not known.
fn values(values: &[Value], facts: &Facts<'_>) -> String {
    let mut answered: Vec<_> = values
        .iter()
        .map(|value| (value.shown_answer(facts), value))
        .collect();
    answered.sort_by_key(|(answer, _)| match answer {
        Answer::Matches => 0,
        Answer::NotKnown => 1,
        Answer::DoesNotMatch => 2,
    });
    let mut named = Vec::with_capacity(LISTED);
    let mut more = 0_usize;
    for (answer, value) in answered {
        let said = (value.text(), value.remark(answer));
        // Places that are left out for privacy are all called the same.
        if let Some((_, count)) = named.iter_mut().find(|(known, _)| *known == said) {
            *count += 1;
        } else if named.len() < LISTED {
            named.push((said, 1_usize));
        } else {
            more += 1;
        }
    }
    let named = named.into_iter().map(|((text, remark), count)| {
        let mut text = text.to_owned();
        if let Some(remark) = remark {
            text = format!("{text} ({remark})");
        }
        if count > 1 {
            text = format!("{text} ({count} of them)");
        }
        text
    });
    let named = named.collect::<Vec<_>>().join(", ");
    match more {
        0 => named,
        _ => format!("{named} and {more} more"),
    }
}
