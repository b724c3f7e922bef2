//! Whether a sign-in met the controls of a policy, and what shows it.
use std::borrow::Cow;

use super::{Configuration, Values};
use crate::diagnosis::bounds::cut;
use crate::diagnosis::classify::Classification;
use crate::diagnosis::deciding::SIGN_IN_FREQUENCY;
use crate::diagnosis::mfa_source::is_enforced;
use crate::diagnosis::record::{ControlRow, ControlState};
use crate::diagnosis::refusals::{ASKED, CHALLENGES, DEVICE_ASKED, refusal};
use crate::diagnosis::second_factor::SecondFactor;
use crate::diagnosis::{Outcome, Scenario, SecondFactorResult};
use crate::signin::{AppliedPolicy, GrantControl, PolicyResult, Text, is_hybrid_joined};

use ControlState::{Enforced, Met, NotKnown, NotMet};
use GrantControl::{
    ApprovedApp, Block, CompliantApp, CompliantDevice, DomainJoinedDevice, Mfa, PasswordChange,
};

/// Before it has identified itself, what the event says of a device is no refusal.
const DEVICE_IS_ASKED: (ControlState, Option<Cow<'static, str>>) = (
    NotKnown,
    Some(Cow::Borrowed(
        "code 50097: the device was asked to identify itself",
    )),
);

/// What a sign-in shows of the controls.
pub struct Evidence<'a> {
    values: Values<'a>,
    code: Option<i64>,
    /// The session outlived what a policy allows.
    expired: bool,
    second_factor: SecondFactor,
}

impl<'a> Evidence<'a> {
    pub fn new(values: Values<'a>, found: &Classification<'_>) -> Evidence<'a> {
        Evidence {
            values,
            code: values.sign_in.error_code,
            expired: found.scenario == Scenario::FailedConditionalAccess
                && found.outcome == Outcome::Expired,
            second_factor: SecondFactor::of(values.sign_in),
        }
    }

    /// Absent where the session expired: then a session control decided, and no access control.
    pub fn access_controls(
        &self,
        policy: &'a AppliedPolicy<'a>,
        configuration: Option<Configuration<'a>>,
    ) -> Vec<ControlRow<'a>> {
        if self.expired {
            return Vec::new();
        }
        // Of a challenge to the user or the device, and of a policy that failed on its session
        // controls, the result tells nothing about the access controls.
        let tells = self.code != Some(DEVICE_ASKED)
            && !self.is_asked()
            && policy.session_controls_not_satisfied.is_empty();
        let controls = &policy.grant_controls;
        let strength = policy.authentication_strength.as_ref();
        let strength = strength.filter(|name| !name.is_empty());
        let alternatives = configuration.and_then(|it| it.one_is_enough()) == Some(true);
        let configured = |name: &str| configuration.and_then(|it| it.control(name));
        let asked =
            controls.known().count() + controls.other.len() + usize::from(strength.is_some());
        let known = controls.known().map(|(control, name)| {
            let (state, evidence) = self.grant_control(control, policy);
            (Cow::Borrowed(name), state, evidence)
        });
        let other = self.first(&controls.other).chain(strength);
        let other = other.map(|name| (self.shown(name), NotKnown, None));
        known
            .chain(other)
            .map(|(control, state, evidence)| {
                let (state, evidence) = match (state, &policy.result) {
                    (NotKnown, PolicyResult::Success) if asked == 1 => {
                        (Met, Some("the policy was satisfied".into()))
                    }
                    (NotKnown, PolicyResult::Failure) if tells && asked == 1 => (
                        NotMet,
                        evidence.or(Some("the policy failed and asks for nothing else".into())),
                    ),
                    (NotKnown, PolicyResult::Failure) if tells && alternatives => (
                        NotMet,
                        evidence.or(Some("the policy failed, and one control is enough".into())),
                    ),
                    _ => (state, evidence),
                };
                ControlRow {
                    configured: configured(&control),
                    control,
                    state,
                    evidence,
                }
            })
            .collect()
    }

    fn grant_control(
        &self,
        control: GrantControl,
        policy: &AppliedPolicy<'_>,
    ) -> (ControlState, Option<Cow<'a, str>>) {
        let refused = policy.result == PolicyResult::Failure;
        if control == Mfa {
            return self.mfa(refused);
        }
        if let Some(why) = self.refusal(control).filter(|_| refused) {
            return (NotMet, Some(why.into()));
        }
        let device = &self.values.sign_in.device;
        match control {
            Block => (Enforced, None),
            CompliantDevice => match device.is_compliant {
                Some(true) => (
                    Met,
                    Some("the event reports the device as compliant".into()),
                ),
                _ if self.code == Some(DEVICE_ASKED) => DEVICE_IS_ASKED,
                Some(false) => (
                    NotMet,
                    Some("the event reports the device as not compliant".into()),
                ),
                None => (NotKnown, None),
            },
            DomainJoinedDevice => match device.trust_type.as_deref() {
                Some(trust) if is_hybrid_joined(trust) => {
                    (Met, Some(format!("the device is \"{trust}\"").into()))
                }
                _ if self.code == Some(DEVICE_ASKED) => DEVICE_IS_ASKED,
                Some(trust) => (NotMet, Some(format!("the device is \"{trust}\"").into())),
                None => (NotKnown, None),
            },
            Mfa | ApprovedApp | CompliantApp | PasswordChange => (NotKnown, None),
        }
    }

    /// By how the second factor ended, and by the code where the policy failed.
    fn mfa(&self, refused: bool) -> (ControlState, Option<Cow<'a, str>>) {
        let factor = self.second_factor;
        let (state, why) = match factor.result {
            Some(SecondFactorResult::Performed) => (Met, "performed in this sign-in"),
            Some(SecondFactorResult::SatisfiedByClaim) => {
                (Met, "satisfied by a claim in the token")
            }
            Some(SecondFactorResult::DeniedByUser) => (NotMet, "the user declined"),
            Some(SecondFactorResult::TimedOut) => (NotMet, "the user did not respond"),
            Some(SecondFactorResult::Failed) => (NotMet, factor.phrase.unwrap_or("it failed")),
            Some(SecondFactorResult::InProgress) => (NotKnown, "still in progress"),
            Some(SecondFactorResult::Skipped) => (NotKnown, factor.phrase.unwrap_or("skipped")),
            None => (NotKnown, ""),
        };
        // The code of a challenge says only that it was asked for.
        let performed = factor.result == Some(SecondFactorResult::Performed);
        let answered = performed && self.code.is_some_and(|code| CHALLENGES.contains(&code));
        let is_open = self.is_asked() && state == NotKnown && !why.is_empty();
        let counts = refused && !answered && !is_open;
        match counts.then(|| self.refusal(Mfa)).flatten() {
            Some(refusal) if state == NotMet => (NotMet, Some(format!("{refusal}; {why}").into())),
            Some(refusal) if self.is_asked() => (NotKnown, Some(refusal.into())),
            Some(refusal) => (NotMet, Some(refusal.into())),
            None => (state, (!why.is_empty()).then_some(why.into())),
        }
    }

    fn is_asked(&self) -> bool {
        self.code.is_some_and(|code| ASKED.contains(&code))
    }

    /// What the code says against the control, beside what the event says for it.
    fn refusal(&self, control: GrantControl) -> Option<String> {
        let code = self.code?;
        let why = refusal(code, control)?;
        let device = &self.values.sign_in.device;
        let against = match control {
            CompliantDevice if device.is_compliant == Some(true) => {
                "; the event reports it as compliant"
            }
            DomainJoinedDevice if device.trust_type.as_deref().is_some_and(is_hybrid_joined) => {
                "; the event reports it as hybrid joined"
            }
            _ => "",
        };
        Some(format!("code {code}: {why}{against}"))
    }

    /// Only where a session control had a part in the outcome.
    pub fn session_controls(
        &self,
        policy: &'a AppliedPolicy<'a>,
        configuration: Option<Configuration<'a>>,
    ) -> Vec<ControlRow<'a>> {
        let configured = |name: &str| configuration.and_then(|it| it.control(name));
        let unmet = &policy.session_controls_not_satisfied;
        if !is_enforced(policy) || !self.expired && unmet.is_empty() {
            return Vec::new();
        }
        let is_unmet = |name: &Text<'_>| unmet.iter().any(|other| other.eq_ignore_ascii_case(name));
        let enforced = self
            .first(&policy.session_controls)
            .filter(|name| !is_unmet(name));
        let enforced = enforced.map(|name| self.session_control(name, configured(name)));
        let unmet = self.first(unmet).map(|name| ControlRow {
            control: self.shown(name),
            configured: configured(name),
            state: NotMet,
            evidence: self
                .expiry(name)
                .or(Some("the event lists it as not satisfied".into())),
        });
        unmet.chain(enforced).collect()
    }

    fn session_control(
        &self,
        name: &'a Text<'a>,
        configured: Option<Cow<'a, str>>,
    ) -> ControlRow<'a> {
        let expiry = self.expiry(name);
        let is_frequency = name.eq_ignore_ascii_case(SIGN_IN_FREQUENCY);
        ControlRow {
            control: self.shown(name),
            configured,
            state: match &expiry {
                Some(_) => NotMet,
                None if is_frequency => NotKnown,
                None => Enforced,
            },
            evidence: expiry,
        }
    }

    /// 70043 and 70044: the sign-in is older than the policy allows.
    fn expiry(&self, name: &str) -> Option<Cow<'a, str>> {
        let code = self.code.filter(|_| self.expired)?;
        name.eq_ignore_ascii_case(SIGN_IN_FREQUENCY)
            .then(|| format!("code {code}: the sign-in is older than the policy allows").into())
    }

    fn first(&self, names: &'a [Text<'a>]) -> impl Iterator<Item = &'a Text<'a>> + use<'a> {
        let names = names.iter().take(self.values.bounds.list);
        names.filter(|name| !name.is_empty())
    }

    fn shown(&self, name: &'a Text<'a>) -> Cow<'a, str> {
        cut(name, self.values.bounds.text_bytes).into()
    }
}
