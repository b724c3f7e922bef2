//! Whether a sign-in met the controls of a policy, and what shows it.
use std::borrow::Cow;

use super::{Configuration, Values};
use crate::diagnosis::bounds::cut;
use crate::diagnosis::classify::Classification;
use crate::diagnosis::mfa_source::is_enforced;
use crate::diagnosis::record::{ControlRow, ControlState};
use crate::diagnosis::second_factor::SecondFactor;
use crate::diagnosis::{Outcome, Scenario};
use crate::signin::{AppliedPolicy, GrantControl, PolicyResult, Text};

use ControlState::{Enforced, Met, NotKnown, NotMet};
use GrantControl::{
    ApprovedApp, Block, CompliantApp, CompliantDevice, DomainJoinedDevice, Mfa, PasswordChange,
};

/// Codes that say of a control that it was not met, by Microsoft's descriptions of the codes
/// (`config/catalog/error-codes.csv`).
const REFUSALS: [(i64, &[GrantControl], &str); 26] = [
    (50072, &[Mfa], "no method is registered"),
    (50074, &[Mfa], "asked for"),
    (50076, &[Mfa], "asked for"),
    (50078, &[Mfa], "the last one is too old"),
    (50079, &[Mfa], "no method is registered"),
    (500_121, &[Mfa], "not completed"),
    (53004, &[Mfa], "no method is registered"),
    (53010, &[Mfa], "no method is registered"),
    (50129, DEVICE, "the device is not registered"),
    (50142, &[PasswordChange], "asked for"),
    (53000, &[CompliantDevice], "the device is not compliant"),
    (
        53001,
        &[DomainJoinedDevice],
        "the device is not hybrid joined",
    ),
    (53002, &[ApprovedApp], "the app is not an approved one"),
    (
        53005,
        &[CompliantApp],
        "the app does not enforce app protection",
    ),
    (53008, DEVICE, "the browser cannot identify the device"),
    (
        53009,
        &[CompliantApp],
        "no app protection policy is in force",
    ),
    (501_291, DEVICE, "the device is not registered"),
    (501_311, DEVICE, "the browser cannot identify the device"),
    (
        530_001,
        &[CompliantDevice],
        "the browser cannot identify the device",
    ),
    (
        530_002,
        &[CompliantDevice],
        "the device is not reported as compliant yet",
    ),
    (530_003, DEVICE, "the device is not managed"),
    (530_004, DEVICE, "the device's tenant is not trusted"),
    (
        530_011,
        &[DomainJoinedDevice],
        "the browser cannot identify the device",
    ),
    (530_021, &[ApprovedApp], "the app is not an approved one"),
    (
        530_022,
        &[ApprovedApp],
        "the browser is not an approved app",
    ),
    (700_003, DEVICE, "the device is not in the directory"),
];

/// The controls that a code says were not met, one of them at least; empty where it says nothing.
pub fn refused_controls(code: i64) -> &'static [GrantControl] {
    let refusal = REFUSALS.iter().find(|(refused, ..)| *refused == code);
    refusal.map_or(&[], |(_, controls, _)| controls)
}

const DEVICE: &[GrantControl] = &[CompliantDevice, DomainJoinedDevice];

/// Trust types of a device that meets "hybrid joined"; the second is Graph's.
const HYBRID_JOINED: [&str; 3] = [
    "Hybrid Azure AD joined",
    "ServerAD",
    "Microsoft Entra hybrid joined",
];

/// The session control of sign-in frequency, the only one that a sign-in can fail.
const SIGN_IN_FREQUENCY: &str = "SignInFrequency";

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

    /// Absent where the session expired: then a session control decided.
    pub fn access_controls(
        &self,
        policy: &'a AppliedPolicy<'a>,
        configuration: Option<Configuration<'a>>,
    ) -> Vec<ControlRow<'a>> {
        if self.expired && policy.result != PolicyResult::Failure {
            return Vec::new();
        }
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
                    (NotKnown, PolicyResult::Failure) if asked == 1 => (
                        NotMet,
                        evidence.or(Some("the policy failed and asks for nothing else".into())),
                    ),
                    (NotKnown, PolicyResult::Failure) if alternatives => (
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
        if let Some(refusal) = self.refusal(control).filter(|_| refused) {
            return (NotMet, Some(refusal));
        }
        let device = &self.values.sign_in.device;
        match control {
            Block => (Enforced, None),
            CompliantDevice => match device.is_compliant {
                Some(true) => (
                    Met,
                    Some("the event reports the device as compliant".into()),
                ),
                Some(false) => (
                    NotMet,
                    Some("the event reports the device as not compliant".into()),
                ),
                None => (NotKnown, self.device_asked()),
            },
            DomainJoinedDevice => match device.trust_type.as_deref() {
                Some(trust)
                    if HYBRID_JOINED
                        .iter()
                        .any(|joined| joined.eq_ignore_ascii_case(trust)) =>
                {
                    (Met, Some(format!("the device is \"{trust}\"").into()))
                }
                Some(trust) => (NotMet, Some(format!("the device is \"{trust}\"").into())),
                None => (NotKnown, self.device_asked()),
            },
            Mfa => self.mfa(),
            ApprovedApp | CompliantApp | PasswordChange => (NotKnown, None),
        }
    }

    fn mfa(&self) -> (ControlState, Option<Cow<'a, str>>) {
        let found = self.second_factor;
        if found.denied_by_user {
            (NotMet, Some("the user declined".into()))
        } else if found.performed {
            (Met, Some("performed in this sign-in".into()))
        } else if found.satisfied_by_claim {
            (Met, Some("satisfied by a claim in the token".into()))
        } else {
            (NotKnown, None)
        }
    }

    /// What the code says against the control, beside what the event says for it.
    fn refusal(&self, control: GrantControl) -> Option<Cow<'a, str>> {
        let code = self.code?;
        let (_, _, why) = REFUSALS
            .iter()
            .find(|(refused, controls, _)| *refused == code && controls.contains(&control))?;
        let device = &self.values.sign_in.device;
        let against = match control {
            Mfa if self.second_factor.denied_by_user => "; the user declined",
            CompliantDevice if device.is_compliant == Some(true) => {
                "; the event reports it as compliant"
            }
            _ => "",
        };
        Some(format!("code {code}: {why}{against}").into())
    }

    /// 50097 asks the device to identify itself, which alone is no failure.
    fn device_asked(&self) -> Option<Cow<'a, str>> {
        (self.code == Some(50097))
            .then_some("code 50097: the device was asked to identify itself".into())
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
