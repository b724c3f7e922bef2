//! What a sentence says of the Conditional Access policies.
use std::borrow::Cow;

use super::Facts;
use super::text::{LISTED, SENTENCE, joined, listed, listed_with, said};
use super::words;
use crate::diagnosis::deciding::{Deciding, needs_all_controls};
use crate::diagnosis::mfa_source::is_security_defaults;
use crate::diagnosis::record::condition_words;
use crate::diagnosis::{Aspect, Scenario};
use crate::policies::Operator;
use crate::signin::{AppliedPolicy, Condition, Conditions, GrantControl, PolicyResult};

impl<'d> Facts<'d> {
    fn all(&self) -> impl Iterator<Item = &'d AppliedPolicy<'d>> + Clone + use<'d> {
        self.sign_in.policies.iter().flatten()
    }

    fn succeeded(&self) -> bool {
        self.diagnosis.scenario == Scenario::SuccessfulSignIn
    }

    /// The policies that the assessment is about: those that decided; on a success, those that
    /// were satisfied.
    fn meant(&self) -> impl Iterator<Item = &'d AppliedPolicy<'d>> + Clone + use<'d> {
        let succeeded = self.succeeded();
        let deciding = self.deciding;
        self.all().filter(move |policy| {
            if succeeded {
                policy.result == PolicyResult::Success && !is_security_defaults(policy)
            } else {
                deciding.holds(policy)
            }
        })
    }

    pub(super) fn policies(&self) -> Option<Cow<'d, str>> {
        names(self.meant())
    }

    /// Those that hold Block, where they decided.
    pub(super) fn blocking(&self) -> Option<Cow<'d, str>> {
        self.policies().filter(|_| self.deciding == Deciding::Block)
    }

    /// The code says success, and policies failed: legacy Exchange `ActiveSync`, or a list that
    /// contradicts the code.
    pub(super) fn failed_policies(&self) -> Option<Cow<'d, str>> {
        if !self.succeeded() {
            return None;
        }
        names(self.all().filter(|policy| Deciding::Failure.holds(policy)))
    }

    /// Grant controls; session controls where the policies have no others.
    pub(super) fn controls(&self) -> Option<Cow<'d, str>> {
        let mut asked: Vec<Cow<'d, str>> = Vec::new();
        let mut is_joined = false;
        for policy in self.meant() {
            let Some(controls) = self.grant_controls(policy) else {
                continue;
            };
            is_joined |= controls.1;
            if !asked.contains(&controls.0) {
                asked.push(controls.0);
            }
        }
        if asked.is_empty() {
            return self.session_controls();
        }
        let more = asked.len().saturating_sub(LISTED);
        if !is_joined || asked.len() == 1 {
            return listed(asked.into_iter());
        }
        asked.truncate(LISTED);
        if more > 0 {
            asked.push(format!("{more} more").into());
        }
        joined(asked.into_iter(), ", and for ")
    }

    /// What one policy asks for, and whether that is more than one control. The policy snapshot
    /// tells whether one of them is enough, and a password change needs what stands beside it.
    fn grant_controls(&self, policy: &'d AppliedPolicy<'d>) -> Option<(Cow<'d, str>, bool)> {
        let controls = &policy.grant_controls;
        let known = controls.known();
        let known = known.filter_map(|(control, _)| words::of_grant_control(control));
        let other = controls
            .other
            .iter()
            .chain(policy.authentication_strength.iter());
        let words = known
            .map(Cow::Borrowed)
            .chain(other.filter_map(|name| quoted(name)));
        let words: Vec<_> = words.collect();
        let is_joined = words.len() > 1;
        let configured = self
            .snapshot
            .filter(|_| is_joined)
            .and_then(|snapshot| snapshot.policy(policy.id.as_deref()?));
        let operator = configured.and_then(|policy| policy.grant_controls.as_ref());
        let conjunction = match operator.map(|controls| &controls.operator) {
            Some(Operator::And) => "and",
            Some(Operator::Or) => "or",
            _ if needs_all_controls(policy) => "and",
            Some(Operator::Other(_)) | None => "and/or",
        };
        listed_with(words.into_iter(), conjunction).map(|words| (words, is_joined))
    }

    fn session_controls(&self) -> Option<Cow<'d, str>> {
        listed(self.meant().flat_map(|policy| {
            let controls = policy.session_controls_not_satisfied.iter();
            let controls = controls.chain(&policy.session_controls);
            controls.filter_map(|name| match words::of_session_control(name) {
                Some(words) => Some(words.into()),
                None => said(name),
            })
        }))
    }

    /// The conditions that matched, of all policies that are meant.
    pub(super) fn conditions(&self) -> Option<Cow<'d, str>> {
        let bits = self
            .meant()
            .fold(0, |bits, policy| bits | policy.conditions_satisfied.bits);
        let matched = Condition::in_bits(bits).map(|condition| condition_words(condition).into());
        let mut matched: Vec<Cow<'_, str>> = matched.collect();
        let last = matched.pop()?;
        Some(match joined(matched.into_iter(), ", ") {
            None => last,
            Some(first) => format!("{first} and {last}").into(),
        })
    }

    pub(super) fn evaluated(&self) -> Option<Cow<'d, str>> {
        let aspects = self.diagnosis.aspects;
        let count = self
            .all()
            .filter(|policy| !is_security_defaults(policy))
            .count();
        (count > 1 && aspects.contains(Aspect::NoConditionalAccessPolicyApplied))
            .then(|| format!("{count} Conditional Access policies").into())
    }

    /// The policies that one might have expected, each with why it did not apply: first those
    /// that are for this user and application, then the others, then those turned off.
    pub(super) fn not_applied(&self) -> Option<Cow<'d, str>> {
        let rank = |policy: &AppliedPolicy<'_>| {
            let not = &policy.conditions_not_satisfied;
            match policy.result {
                PolicyResult::NotApplied
                    if not.contains(Condition::Users) || not.contains(Condition::Application) =>
                {
                    Some(1)
                }
                PolicyResult::NotApplied => Some(0),
                PolicyResult::NotEnabled => Some(2),
                _ => None,
            }
        };
        let all = || self.all().filter(|policy| !is_security_defaults(policy));
        let ranked =
            (0..3).flat_map(|wanted| all().filter(move |policy| rank(policy) == Some(wanted)));
        let count = all().filter(|policy| rank(policy).is_some()).count();
        let mut text = String::with_capacity(SENTENCE);
        for policy in ranked.take(LISTED) {
            semicolon(&mut text);
            push_name(policy, &mut text);
            if policy.result == PolicyResult::NotEnabled {
                text.push_str(" is turned off");
            } else {
                text.push_str(" did not apply");
                not_matched(&policy.conditions_not_satisfied, &mut text);
            }
        }
        rest(count, "did not apply", &mut text);
        (!text.is_empty()).then(|| text.into())
    }

    /// What each report-only policy would have done, where it would have intervened.
    pub(super) fn report_only(&self) -> Option<Cow<'d, str>> {
        let effect = |policy: &AppliedPolicy<'_>| match policy.result {
            PolicyResult::ReportOnlyFailure
                if policy.grant_controls.contains(GrantControl::Block) =>
            {
                Some("would have blocked it")
            }
            PolicyResult::ReportOnlyFailure => Some("would have refused it"),
            PolicyResult::ReportOnlyInterrupted => Some("would have asked the user to act"),
            _ => None,
        };
        let intervening = || {
            self.all()
                .filter_map(|policy| effect(policy).map(|effect| (policy, effect)))
        };
        let mut text = String::with_capacity(SENTENCE);
        for (policy, effect) in intervening().take(LISTED) {
            semicolon(&mut text);
            push_name(policy, &mut text);
            text.push(' ');
            text.push_str(effect);
        }
        rest(intervening().count(), "would have intervened", &mut text);
        (!text.is_empty()).then(|| text.into())
    }
}

fn semicolon(text: &mut String) {
    if !text.is_empty() {
        text.push_str("; ");
    }
}

fn rest(count: usize, did: &str, text: &mut String) {
    if let Some(more @ 1..) = count.checked_sub(LISTED) {
        for part in ["; ", &more.to_string(), " more ", did] {
            text.push_str(part);
        }
    }
}

fn not_matched(conditions: &Conditions<'_>, text: &mut String) {
    let mut matched = conditions.iter().map(condition_words).peekable();
    if matched.peek().is_none() {
        return;
    }
    text.push_str(": ");
    let mut first = true;
    while let Some(condition) = matched.next() {
        if !std::mem::take(&mut first) {
            text.push_str(if matched.peek().is_some() {
                ", "
            } else {
                " and "
            });
        }
        text.push_str(condition);
    }
    text.push_str(" did not match");
}

/// The names of the first few, and how many more.
fn names<'d>(
    policies: impl Iterator<Item = &'d AppliedPolicy<'d>> + Clone,
) -> Option<Cow<'d, str>> {
    let more = policies.clone().skip(LISTED).count();
    let named = policies.take(LISTED).map(name);
    if more == 0 {
        return listed(named);
    }
    Some(format!("{} and {more} more", joined(named, ", ")?).into())
}

fn name<'d>(policy: &'d AppliedPolicy<'d>) -> Cow<'d, str> {
    let named = policy.display_name.as_deref().and_then(quoted);
    named
        .or_else(|| policy.id.as_deref().and_then(said))
        .unwrap_or("a policy without a name".into())
}

/// Appends what [`name`] gives, without a copy of it.
fn push_name(policy: &AppliedPolicy<'_>, text: &mut String) {
    match policy.display_name.as_deref().and_then(said) {
        Some(name) => {
            text.push('"');
            text.push_str(&name);
            text.push('"');
        }
        None => text.push_str(&name(policy)),
    }
}

fn quoted(name: &str) -> Option<Cow<'static, str>> {
    said(name).map(|name| ["\"", &*name, "\""].concat().into())
}
