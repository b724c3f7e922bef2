//! What a sentence says of the Conditional Access policies.
use std::borrow::Cow;
use std::fmt::Write as _;

use super::Facts;
use super::text::{LISTED, Word, and_more, joined, listed, listed_with, said};
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

    pub(super) fn policies(&self, out: &mut String) -> bool {
        names(self.meant(), out)
    }

    /// Those that hold Block, where they decided.
    pub(super) fn blocking(&self, out: &mut String) -> bool {
        self.deciding == Deciding::Block && self.policies(out)
    }

    /// The code says success, and policies failed: legacy Exchange `ActiveSync`, or a list that
    /// contradicts the code.
    pub(super) fn failed_policies(&self, out: &mut String) -> bool {
        let failed = self.all().filter(|policy| Deciding::Failure.holds(policy));
        self.succeeded() && names(failed, out)
    }

    /// Grant controls; session controls where the policies have no others.
    pub(super) fn controls(&self, out: &mut String) -> bool {
        let mut asked: Vec<String> = Vec::new();
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
            return self.session_controls(out);
        }
        let more = asked.len().saturating_sub(LISTED);
        if !is_joined || asked.len() == 1 {
            return listed(asked.into_iter().map(Word::plain), out);
        }
        asked.truncate(LISTED);
        if more > 0 {
            asked.push(format!("{more} more"));
        }
        joined(asked.into_iter().map(Word::plain), ", and for ", out)
    }

    /// What one policy asks for, and whether that is more than one control. The policy snapshot
    /// tells whether one of them is enough, and a password change needs what stands beside it.
    fn grant_controls(&self, policy: &'d AppliedPolicy<'d>) -> Option<(String, bool)> {
        let controls = &policy.grant_controls;
        let known = controls.known();
        let known = known.filter_map(|(control, _)| words::of_grant_control(control));
        let other = controls
            .other
            .iter()
            .chain(policy.authentication_strength.iter());
        let words = known
            .map(Word::plain)
            .chain(other.filter_map(|name| Word::quoted(name)));
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
        let mut text = String::new();
        listed_with(words.into_iter(), conjunction, &mut text).then_some((text, is_joined))
    }

    fn session_controls(&self, out: &mut String) -> bool {
        let controls = self.meant().flat_map(|policy| {
            let controls = policy.session_controls_not_satisfied.iter();
            let controls = controls.chain(&policy.session_controls);
            controls.filter_map(|name| {
                let known = words::of_session_control(name).map(Cow::Borrowed);
                known.or_else(|| said(name)).map(Word::plain)
            })
        });
        listed(controls, out)
    }

    /// The conditions that matched, of all policies that are meant.
    pub(super) fn conditions(&self, out: &mut String) -> bool {
        let bits = self
            .meant()
            .fold(0, |bits, policy| bits | policy.conditions_satisfied.bits);
        all_of(Condition::in_bits(bits), out)
    }

    pub(super) fn evaluated(&self, out: &mut String) -> bool {
        let aspects = self.diagnosis.aspects;
        if !aspects.contains(Aspect::NoConditionalAccessPolicyApplied) {
            return false;
        }
        let all = self.all().filter(|policy| !is_security_defaults(policy));
        let count = all.count();
        count > 1 && write!(out, "{count} Conditional Access policies").is_ok()
    }

    /// The policies that one might have expected, each with why it did not apply: first those
    /// that are for this user and application, then the others, then those turned off.
    pub(super) fn not_applied(&self, out: &mut String) -> bool {
        let mut ranks = [const { Listing::new() }; 3];
        for policy in self.all().filter(|policy| !is_security_defaults(policy)) {
            let not = &policy.conditions_not_satisfied;
            let rank = match policy.result {
                PolicyResult::NotApplied
                    if not.contains(Condition::Users) || not.contains(Condition::Application) =>
                {
                    1
                }
                PolicyResult::NotApplied => 0,
                PolicyResult::NotEnabled => 2,
                _ => continue,
            };
            ranks[rank].add(policy);
        }
        let count: usize = ranks.iter().map(|rank| rank.count).sum();
        let ranked = ranks.iter().flat_map(Listing::first);
        for (place, policy) in ranked.take(LISTED).enumerate() {
            semicolon(place, out);
            name(policy).push(out);
            if policy.result == PolicyResult::NotEnabled {
                out.push_str(" is turned off");
            } else {
                out.push_str(" did not apply");
                not_matched(&policy.conditions_not_satisfied, out);
            }
        }
        rest(count, "did not apply", out);
        count > 0
    }

    /// What each report-only policy would have done, where it would have intervened.
    pub(super) fn report_only(&self, out: &mut String) -> bool {
        let mut intervening = Listing::new();
        for policy in self.all() {
            let effect = match policy.result {
                PolicyResult::ReportOnlyFailure
                    if policy.grant_controls.contains(GrantControl::Block) =>
                {
                    " would have blocked it"
                }
                PolicyResult::ReportOnlyFailure => " would have refused it",
                PolicyResult::ReportOnlyInterrupted => " would have asked the user to act",
                _ => continue,
            };
            intervening.add((policy, effect));
        }
        for (place, (policy, effect)) in intervening.first().enumerate() {
            semicolon(place, out);
            name(policy).push(out);
            out.push_str(effect);
        }
        rest(intervening.count, "would have intervened", out);
        intervening.count > 0
    }
}

/// The first few of some, and how many there are.
struct Listing<T> {
    first: [Option<T>; LISTED],
    count: usize,
}

impl<T: Copy> Listing<T> {
    const fn new() -> Listing<T> {
        Listing {
            first: [None; LISTED],
            count: 0,
        }
    }

    fn add(&mut self, one: T) {
        if let Some(free) = self.first.get_mut(self.count) {
            *free = Some(one);
        }
        self.count += 1;
    }

    fn first(&self) -> impl Iterator<Item = T> {
        self.first.iter().flatten().copied()
    }
}

/// Before each but the first.
fn semicolon(place: usize, out: &mut String) {
    if place > 0 {
        out.push_str("; ");
    }
}

fn rest(count: usize, did: &str, out: &mut String) {
    if let Some(more @ 1..) = count.checked_sub(LISTED) {
        for part in ["; ", &more.to_string(), " more ", did] {
            out.push_str(part);
        }
    }
}

fn not_matched(conditions: &Conditions<'_>, out: &mut String) {
    let end = out.len();
    out.push_str(": ");
    if all_of(conditions.iter(), out) {
        out.push_str(" did not match");
    } else {
        out.truncate(end);
    }
}

/// "a", "a and b", "a, b and c": however many; false where there are none.
fn all_of(conditions: impl Iterator<Item = Condition>, out: &mut String) -> bool {
    let mut conditions = conditions.map(condition_words).peekable();
    let mut is_first = true;
    while let Some(words) = conditions.next() {
        if !std::mem::take(&mut is_first) {
            out.push_str(if conditions.peek().is_some() {
                ", "
            } else {
                " and "
            });
        }
        out.push_str(words);
    }
    !is_first
}

/// The names of the first few, and how many more.
fn names<'d>(
    policies: impl Iterator<Item = &'d AppliedPolicy<'d>> + Clone,
    out: &mut String,
) -> bool {
    let more = policies.clone().skip(LISTED).count();
    let named = policies.take(LISTED).map(name);
    if more == 0 {
        return listed(named, out);
    }
    joined(named, ", ", out);
    and_more(more, "and", out);
    true
}

fn name<'d>(policy: &'d AppliedPolicy<'d>) -> Word<'d> {
    let named = policy.display_name.as_deref().and_then(Word::quoted);
    let id = || policy.id.as_deref().and_then(said);
    named.unwrap_or_else(|| Word::plain(id().unwrap_or("a policy without a name".into())))
}
