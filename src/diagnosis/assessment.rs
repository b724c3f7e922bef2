//! The values that an assessment is rendered with: words for what the event says.
//!
//! Everything comes from the diagnosis, so privacy has already been applied. What the event does
//! not say has no value, and the template drops its clause.
use std::borrow::Cow;

use super::bounds::cut;
use super::catalog::{Placeholder, Template};
use super::deciding::Deciding;
use super::mfa_source::is_security_defaults;
use super::record::{Diagnosis, Named};
use super::{RequirementSource, Scenario};
use crate::signin::{AppliedPolicy, Category, GrantControl, PolicyResult, SignIn};

/// Bytes of one value within a sentence. The record holds the whole text elsewhere.
const VALUE_BYTES: usize = 256;
/// Names of one list within a sentence; the rest is counted.
const LISTED: usize = 3;

/// What the values come from.
pub struct Facts<'d> {
    pub diagnosis: &'d Diagnosis<'d>,
    pub sign_in: &'d SignIn<'d>,
    pub deciding: Deciding,
    pub meaning: Option<&'d str>,
    pub by_user: bool,
}

impl<'d> Facts<'d> {
    pub fn render(&self, template: &Template) -> String {
        let mut text = String::with_capacity(256);
        template.render(&|placeholder| self.value(placeholder), &mut text);
        // Only words of our own: a name at the start keeps its case.
        if self.user_name().is_none() && text.starts_with(&*self.who()) {
            text[..1].make_ascii_uppercase();
        }
        text
    }

    fn value(&self, placeholder: Placeholder) -> Option<Cow<'d, str>> {
        let diagnosis = self.diagnosis;
        let client = diagnosis.client.as_ref();
        let error = diagnosis.error.as_ref();
        match placeholder {
            Placeholder::Who => Some(self.who()),
            Placeholder::Application => name_or_id(diagnosis.application.as_ref()),
            Placeholder::Resource => name_or_id(diagnosis.resource.as_ref()),
            Placeholder::Client => client
                .and_then(|client| client.app)
                .filter(|app| !app.eq_ignore_ascii_case("unknown"))
                .map(short),
            Placeholder::Place => self.place(),
            Placeholder::IpAddress => client
                .and_then(|client| client.ip_address.as_deref())
                .map(short),
            Placeholder::Policies => names(|| self.meant()),
            Placeholder::FailedPolicies => self.failed_policies(),
            Placeholder::Controls => self.controls(),
            Placeholder::Code => error.map(|error| error.code.to_string().into()),
            Placeholder::CodeName => error.and_then(|error| error.name).map(Cow::Borrowed),
            Placeholder::Meaning => self.meaning.map(Cow::Borrowed),
            Placeholder::Reason => error
                .and_then(|error| error.reason)
                .map(|text| short(text.trim())),
            Placeholder::Sources => self.sources(),
            Placeholder::Device => self.device(),
        }
    }

    /// A name of the event, or words that name an application's identity or nobody.
    fn who(&self) -> Cow<'d, str> {
        if let Some(name) = self.user_name() {
            return name;
        }
        let managed = self.diagnosis.category == Category::ManagedIdentity.as_str();
        let principal = name_or_id(self.diagnosis.service_principal.as_ref());
        match principal.filter(|_| !self.by_user) {
            Some(name) if managed => format!("the managed identity \"{name}\"").into(),
            Some(name) => format!("the service principal \"{name}\"").into(),
            None if self.by_user => "a user".into(),
            None if managed => "a managed identity".into(),
            None => "a service principal".into(),
        }
    }

    fn user_name(&self) -> Option<Cow<'d, str>> {
        let user = self.diagnosis.user.as_ref()?;
        let display_name = user.display_name.as_deref();
        // Non-interactive sign-ins may carry an id in place of the principal name.
        let principal_name = user
            .principal_name
            .as_deref()
            .filter(|name| name.contains('@') || display_name.is_none());
        principal_name
            .or(display_name)
            .or(user.id.as_deref())
            .map(short)
    }

    fn place(&self) -> Option<Cow<'d, str>> {
        let location = self.diagnosis.location.as_ref()?;
        let parts = [&location.city, &location.state, &location.country];
        let known = parts
            .into_iter()
            .filter_map(|part| part.as_deref())
            .filter(|part| !part.eq_ignore_ascii_case("unknown"));
        joined(known.map(short), ", ")
    }

    fn device(&self) -> Option<Cow<'d, str>> {
        let device = self.diagnosis.device.as_ref()?;
        if let Some(name) = device.name.as_deref() {
            return Some(short(name));
        }
        let parts = [device.operating_system, device.browser];
        joined(parts.into_iter().flatten().map(short), ", ")
    }

    /// The policies that the assessment is about: those that decided; on a success, those that
    /// were satisfied.
    fn meant(&self) -> impl Iterator<Item = &'d AppliedPolicy<'d>> {
        let succeeded = self.diagnosis.scenario == Scenario::SuccessfulSignIn;
        let policies = self.sign_in.policies.iter().flatten();
        policies.filter(move |policy| {
            if succeeded {
                policy.result == PolicyResult::Success && !is_security_defaults(policy)
            } else {
                self.deciding.holds(policy)
            }
        })
    }

    /// Legacy Exchange `ActiveSync`: the code says success, and Conditional Access refused.
    fn failed_policies(&self) -> Option<Cow<'d, str>> {
        let succeeded = self.diagnosis.scenario == Scenario::SuccessfulSignIn;
        let policies = || self.sign_in.policies.iter().flatten();
        (succeeded && self.deciding != Deciding::None)
            .then(|| names(|| policies().filter(|policy| self.deciding.holds(policy))))?
    }

    /// Grant controls; session controls where the policies have no others.
    fn controls(&self) -> Option<Cow<'d, str>> {
        let grant = self.meant().flat_map(|policy| {
            let known = policy.grant_controls.known();
            let known = known.filter_map(|(control, _)| control_words(control).map(Cow::from));
            let other = policy.grant_controls.other.iter().map(|name| short(name));
            let strength = policy.authentication_strength.as_deref();
            known.chain(other).chain(strength.map(short))
        });
        let session = self.meant().flat_map(|policy| {
            let controls = policy.session_controls_not_satisfied.iter();
            let controls = controls.chain(&policy.session_controls);
            controls.map(|name| session_control_words(name))
        });
        listed(&distinct(grant)).or_else(|| listed(&distinct(session)))
    }

    fn sources(&self) -> Option<Cow<'d, str>> {
        let named = &self.diagnosis.authentication.as_ref()?.sources;
        // The event may name Conditional Access where another rule found that it was not the
        // source: the assessment does not.
        let other_only = self.diagnosis.scenario == Scenario::MfaFromOtherRequirements;
        let words = named
            .iter()
            .filter(|entry| !(other_only && entry.source == RequirementSource::ConditionalAccess))
            .filter_map(|entry| {
                let words = source_words(entry.source).map(Cow::Borrowed);
                words.or_else(|| entry.detail.or(entry.provider).map(short))
            });
        listed(&distinct(words))
    }
}

fn name_or_id<'d>(named: Option<&Named<'d>>) -> Option<Cow<'d, str>> {
    let named = named?;
    named.name.or(named.id).map(short)
}

/// Block has no words: that access was blocked is what the sentence says already.
const fn control_words(control: GrantControl) -> Option<&'static str> {
    match control {
        GrantControl::Block => None,
        GrantControl::Mfa => Some("multifactor authentication"),
        GrantControl::CompliantDevice => Some("a compliant device"),
        GrantControl::DomainJoinedDevice => Some("a hybrid joined device"),
        GrantControl::ApprovedApp => Some("an approved client app"),
        GrantControl::CompliantApp => Some("an app protection policy"),
        GrantControl::PasswordChange => Some("a password change"),
    }
}

fn session_control_words(name: &str) -> Cow<'_, str> {
    if name.eq_ignore_ascii_case("SignInFrequency") {
        "a more recent sign-in".into()
    } else {
        short(name)
    }
}

const fn source_words(source: RequirementSource) -> Option<&'static str> {
    match source {
        RequirementSource::ConditionalAccess => Some("Conditional Access"),
        RequirementSource::Risk => Some("a risk policy"),
        RequirementSource::PerUser => Some("per-user MFA"),
        RequirementSource::Request => Some("the application or resource"),
        RequirementSource::SecurityDefaults => Some("security defaults"),
        RequirementSource::CrossTenant => Some("a partner or cross-tenant rule"),
        RequirementSource::Unknown => None,
    }
}

fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= VALUE_BYTES {
        return text.into();
    }
    format!("{}…", cut(text, VALUE_BYTES)).into()
}

fn joined<'d>(
    mut parts: impl Iterator<Item = Cow<'d, str>>,
    separator: &str,
) -> Option<Cow<'d, str>> {
    let mut text = parts.next()?;
    for part in parts {
        let text = text.to_mut();
        text.push_str(separator);
        text.push_str(&part);
    }
    Some(text)
}

/// The first values of a list, each once.
fn distinct<'d>(values: impl Iterator<Item = Cow<'d, str>>) -> Vec<Cow<'d, str>> {
    let mut found: Vec<Cow<'_, str>> = Vec::new();
    for value in values {
        if found.len() == LISTED {
            break;
        }
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// "a", "a and b", "a, b and c".
fn listed<'d>(words: &[Cow<'d, str>]) -> Option<Cow<'d, str>> {
    let (last, others) = words.split_last()?;
    match joined(others.iter().cloned(), ", ") {
        None => Some(last.clone()),
        Some(first) => Some(format!("{first} and {last}").into()),
    }
}

/// The names of policies, the first few and how many more.
fn names<'d, P: Iterator<Item = &'d AppliedPolicy<'d>>>(
    policies: impl Fn() -> P,
) -> Option<Cow<'d, str>> {
    let mut names: Vec<Cow<'_, str>> = policies()
        .take(LISTED)
        .map(|policy| match (&policy.display_name, &policy.id) {
            (Some(name), _) => format!("\"{}\"", short(name)).into(),
            (None, Some(id)) => short(id),
            (None, None) => "a policy without a name".into(),
        })
        .collect();
    match policies().count() - names.len() {
        0 => {}
        more => names.push(format!("{more} more").into()),
    }
    listed(&names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::catalog::Catalog;
    use crate::diagnosis::{Bounds, DetailRules, Diagnoser, Source, aspects, classify};
    use crate::signin::{DeviceDetail, Personal, Place, Privacy, RequirementPolicy, Text};

    fn rendered(sign_in: &SignIn<'_>, template: &str) -> String {
        let catalog = Catalog::embedded().unwrap();
        let diagnoser = Diagnoser::new(catalog, Privacy, DetailRules::default());
        let source = Source::File {
            file: "a",
            line: 1,
            position: 0,
        };
        let found = classify(sign_in, diagnoser.catalog());
        let facts = Facts {
            diagnosis: &diagnoser.diagnose(sign_in, &source, Bounds::DEFAULT),
            sign_in,
            deciding: Deciding::of(sign_in, &found),
            meaning: found.code.map(|code| code.meaning.as_str()),
            by_user: aspects::is_by_user(sign_in),
        };
        facts.render(&Template::parse(template).unwrap())
    }

    #[test]
    fn who_is_a_name_of_the_event_or_words_for_nobody() {
        let user = |principal: Option<&'static str>, display: Option<&'static str>| SignIn {
            user_principal_name: principal.map(|name| Personal::new(name.into())),
            user_display_name: display.map(|name| Personal::new(name.into())),
            ..SignIn::default()
        };
        let of = |category, name: Option<&'static str>| SignIn {
            category,
            service_principal_name: name.map(Text::from),
            ..SignIn::default()
        };
        let table = [
            (
                user(Some("ines@fabrikam.example"), Some("Ines")),
                "ines@fabrikam.example came.",
            ),
            (user(Some("0b1c-guid"), Some("Ines")), "Ines came."),
            (user(Some("0b1c-guid"), None), "0b1c-guid came."),
            (user(None, Some("a user")), "a user came."),
            (user(None, None), "A user came."),
            (
                of(Category::ServicePrincipal, Some("job")),
                "The service principal \"job\" came.",
            ),
            (
                of(Category::ServicePrincipal, None),
                "A service principal came.",
            ),
            (
                of(Category::ManagedIdentity, Some("vm")),
                "The managed identity \"vm\" came.",
            ),
            (
                of(Category::ManagedIdentity, None),
                "A managed identity came.",
            ),
        ];
        for (sign_in, expected) in table {
            assert_eq!(rendered(&sign_in, "{who} came."), expected);
        }
        assert_eq!(
            rendered(&SignIn::default(), "Here came {who}."),
            "Here came a user."
        );
    }

    fn policies(count: usize, code: i64) -> SignIn<'static> {
        let policy = |n| {
            let mut policy = AppliedPolicy {
                display_name: Some(format!("P{n}").into()),
                result: PolicyResult::Failure,
                session_controls: vec!["SignInFrequency".into()],
                ..AppliedPolicy::default()
            };
            if n < 2 {
                policy.grant_controls.insert(GrantControl::CompliantDevice);
                policy.grant_controls.insert(GrantControl::Block);
            } else if n < 9 {
                policy.grant_controls.insert(GrantControl::ApprovedApp);
            }
            policy
        };
        SignIn {
            error_code: Some(code),
            policies: Some((0..count).map(policy).collect()),
            ..SignIn::default()
        }
    }

    #[test]
    fn policies_and_controls_are_listed_in_words() {
        let template = "Said[ by {policies}][ for {controls}].";
        let table = [
            (policies(0, 53000), "Said."),
            (policies(1, 53000), "Said by \"P0\" for a compliant device."),
            (
                policies(2, 53000),
                "Said by \"P0\" and \"P1\" for a compliant device.",
            ),
            (
                policies(5, 53000),
                "Said by \"P0\", \"P1\", \"P2\" and 2 more for a compliant device and an approved client app.",
            ),
            (policies(3, 50126), "Said."),
        ];
        for (sign_in, expected) in table {
            assert_eq!(rendered(&sign_in, template), expected);
        }
        let mut session = policies(1, 70044);
        for policy in session.policies.iter_mut().flatten() {
            policy.grant_controls = crate::signin::GrantControls::default();
        }
        assert_eq!(
            rendered(&session, template),
            "Said by \"P0\" for a more recent sign-in."
        );
    }

    #[test]
    fn a_success_names_the_policies_that_were_satisfied() {
        let mut sign_in = policies(3, 0);
        for policy in sign_in.policies.iter_mut().flatten().skip(1) {
            policy.result = PolicyResult::Success;
        }
        assert_eq!(
            rendered(&sign_in, "Done[ with {policies}]."),
            "Done with \"P1\" and \"P2\"."
        );
    }

    #[test]
    fn sources_are_named_each_once_and_not_the_one_that_was_ruled_out() {
        let provider = |name: &'static str, detail: Option<&'static str>| RequirementPolicy {
            requirement_provider: Some(name.into()),
            detail: detail.map(Text::from),
        };
        let mut policy = AppliedPolicy {
            result: PolicyResult::Success,
            ..AppliedPolicy::default()
        };
        policy.grant_controls.insert(GrantControl::Mfa);
        let sign_in = SignIn {
            error_code: Some(50074),
            requirement_policies: vec![provider("user", None), provider("request", None)],
            policies: Some(vec![policy]),
            ..SignIn::default()
        };
        let template = "Asked[ by {sources}].";
        assert_eq!(
            rendered(&sign_in, template),
            "Asked by per-user MFA and the application or resource."
        );
        let unknown = SignIn {
            requirement_policies: vec![provider("brandNew", Some("A new thing"))],
            policies: None,
            ..sign_in
        };
        assert_eq!(rendered(&unknown, template), "Asked by A new thing.");
    }

    #[test]
    fn what_the_event_calls_unknown_is_not_said() {
        let sign_in = SignIn {
            client_app_used: Some("Unknown".into()),
            location: Place {
                city: Some(Personal::new("unknown".into())),
                state: None,
                country_or_region: Some(Personal::new("NO".into())),
            },
            device: DeviceDetail {
                operating_system: Some("Ios 18".into()),
                ..DeviceDetail::default()
            },
            ..SignIn::default()
        };
        assert_eq!(
            rendered(
                &sign_in,
                "Seen[ with {client}][ from {place}][ on {device}]."
            ),
            "Seen from NO on Ios 18."
        );
    }

    #[test]
    fn a_long_value_is_shortened_within_a_sentence() {
        let name = "é".repeat(400);
        let sign_in = SignIn {
            app_display_name: Some(name.as_str().into()),
            ..SignIn::default()
        };
        let expected = format!("At {}….", "é".repeat(128));
        assert_eq!(rendered(&sign_in, "At[ {application}]."), expected);
    }
}
