//! The values that a text of the catalog is rendered with: words for what the event says.
//!
//! What is personal comes from the diagnosis, or from a policy snapshot as privacy left it. What the
//! event does not say has no value, and the template drops its clause.
mod policies;
mod text;
mod words;

use std::borrow::Cow;

use super::aspects::is_at_risk;
use super::catalog::{Placeholder, Template};
use super::deciding::Deciding;
use super::record::{self, Diagnosis, Named};
use super::second_factor::SecondFactor;
use super::{Aspect, RequirementSource, Scenario};
use crate::policies::PolicySnapshot;
use crate::privacy_key::is_pseudonym;
use crate::signin::personal::Class as _;
use crate::signin::{Category, Personal, SignIn, User};
use text::{Word, joined, listed, push, said, say};

/// In place of names that may not be shown.
const WITHHELD_NETWORK: &str = "a named location that is left out for privacy";

/// What the values come from.
pub struct Facts<'d> {
    pub diagnosis: &'d Diagnosis<'d>,
    pub sign_in: &'d SignIn<'d>,
    pub deciding: Deciding,
    pub factor: SecondFactor,
    pub snapshot: Option<&'d PolicySnapshot>,
    pub meaning: Option<&'d str>,
    pub who: Who<'d>,
    pub by_user: bool,
}

/// Who signed in.
pub struct Who<'d> {
    words: Cow<'d, str>,
    /// Not a name of the event, which keeps its case at the start of a sentence.
    is_ours: bool,
}

impl<'d> Who<'d> {
    /// A name of the event, or words that name an application's identity or nobody.
    pub fn of(diagnosis: &Diagnosis<'d>, by_user: bool) -> Who<'d> {
        if let Some(words) = user_name(diagnosis.user.as_ref()) {
            return Who {
                words,
                is_ours: false,
            };
        }
        let is_managed = diagnosis.category == Category::ManagedIdentity.as_str();
        let principal = name_or_id(diagnosis.service_principal.as_ref());
        let called = |kind, name: &str| [kind, " \"", name, "\""].concat().into();
        let words = match principal.filter(|_| !by_user) {
            Some(name) if is_managed => called("the managed identity", &name),
            Some(name) => called("the service principal", &name),
            None if by_user => "a user".into(),
            None if is_managed => "a managed identity".into(),
            None => "a service principal".into(),
        };
        Who {
            words,
            is_ours: true,
        }
    }
}

impl<'d> Facts<'d> {
    pub fn render(&self, template: &Template) -> String {
        // Few are longer, and glibc has blocks of up to 1,032 bytes at hand.
        let mut text = String::with_capacity(1000);
        template.render(
            &|placeholder, text| self.value(placeholder, text),
            &mut text,
        );
        if self.who.is_ours && text.starts_with(&*self.who.words) {
            text[..1].make_ascii_uppercase();
        }
        text
    }

    /// Appends the value; false where there is none.
    fn value(&self, placeholder: Placeholder, out: &mut String) -> bool {
        let diagnosis = self.diagnosis;
        let error = diagnosis.error.as_ref();
        match placeholder {
            Placeholder::Who => push(Some(&self.who.words), out),
            Placeholder::Application if self.by_user => {
                push(name_or_id(diagnosis.application.as_ref()).as_deref(), out)
            }
            Placeholder::Application | Placeholder::Resource => {
                push(name_or_id(diagnosis.resource.as_ref()).as_deref(), out)
            }
            Placeholder::Client => say(self.client(), out),
            Placeholder::LegacyClient => {
                diagnosis.aspects.contains(Aspect::LegacyAuthentication) && say(self.client(), out)
            }
            Placeholder::Origin => self.origin(out),
            Placeholder::Place => self.place(out),
            Placeholder::IpAddress => say(self.ip_address(), out),
            Placeholder::NetworkLocations => self.network_locations(out),
            Placeholder::Risk => self.risk(out),
            Placeholder::Device => self.device(out),
            Placeholder::UnidentifiedDevice => !self.is_identified() && self.system(out),
            Placeholder::DeviceState => self.device_state(out),
            Placeholder::Methods => self.methods(out),
            Placeholder::SecondFactor => {
                let is_single = diagnosis.aspects.contains(Aspect::SingleFactor);
                push(words::of_second_factor(self.factor).as_deref(), out)
                    || is_single && push(Some(words::of_single_factor(self.sign_in)), out)
            }
            Placeholder::Sources => self.sources(out),
            Placeholder::Policies => self.policies(out),
            Placeholder::Blocking => self.blocking(out),
            Placeholder::Controls => self.controls(out),
            Placeholder::Conditions => self.conditions(out),
            Placeholder::FailedPolicies => self.failed_policies(out),
            Placeholder::Evaluated => self.evaluated(out),
            Placeholder::NotApplied => self.not_applied(out),
            Placeholder::ReportOnly => self.report_only(out),
            Placeholder::Code => push(error.map(|error| error.code.to_string()).as_deref(), out),
            Placeholder::CodeName => push(error.and_then(|error| error.name), out),
            Placeholder::Meaning => push(self.meaning, out),
            Placeholder::Reason => say(error.and_then(|error| error.reason), out),
            Placeholder::RequestId => say(diagnosis.sign_in_id, out),
            Placeholder::CorrelationId => say(diagnosis.correlation_id, out),
            Placeholder::Time => push(
                diagnosis.event_time.map(|time| time.to_string()).as_deref(),
                out,
            ),
            Placeholder::Tenant => say(diagnosis.tenant_id, out),
            Placeholder::ApplicationId => diagnosis
                .application
                .as_ref()
                .is_some_and(|named| say(named.id, out) || say(named.name, out)),
        }
    }

    fn client(&self) -> Option<&'d str> {
        self.diagnosis.client.as_ref()?.app
    }

    fn ip_address(&self) -> Option<&'d str> {
        self.diagnosis.client.as_ref()?.ip_address
    }

    fn origin(&self, out: &mut String) -> bool {
        let has_place = self.place(out);
        let Some(address) = self.ip_address().and_then(said) else {
            return has_place;
        };
        let (before, after) = if has_place { (" (", ")") } else { ("", "") };
        for part in [before, &*address, after] {
            out.push_str(part);
        }
        true
    }

    fn place(&self, out: &mut String) -> bool {
        let location = self.diagnosis.location.as_ref();
        let parts = location.map(|place| [place.city, place.state, place.country]);
        joined(words(parts.into_iter().flatten().flatten()), ", ", out)
    }

    /// As the event names them, else as the policy snapshot knows them by address and country.
    fn network_locations(&self, out: &mut String) -> bool {
        let networks = self.diagnosis.location.iter();
        let networks = networks.flat_map(|location| &location.network_locations);
        let named = networks.flat_map(|network| {
            let kind = words::of_network(network.network_type.unwrap_or_default());
            let names = network.names.iter();
            names.filter_map(move |name| Word::called(kind, name))
        });
        let snapshot = self.snapshot.into_iter();
        let known = snapshot.flat_map(|snapshot| snapshot.locations_of(self.sign_in));
        let known = known.filter_map(|(name, is_trusted)| {
            let kind = words::of_network(if is_trusted { words::TRUSTED } else { "" });
            Word::called(kind, name?)
        });
        listed(named, out)
            || listed(known, out)
            || self.withholds_a_network() && push(Some(WITHHELD_NETWORK), out)
    }

    /// Whether event or snapshot names a network that may not be shown.
    fn withholds_a_network(&self) -> bool {
        let networks = self.sign_in.network_locations.iter();
        let mut names = networks.flat_map(|network| &network.network_names);
        let known = self.snapshot.map(|it| it.locations_of(self.sign_in));
        names.any(|name| name.shown().is_none() && said(name.compared()).is_some())
            || known.is_some_and(|mut known| known.any(|(name, _)| name.is_none()))
    }

    fn risk(&self, out: &mut String) -> bool {
        let levels = [
            &self.sign_in.risk_level,
            &self.sign_in.risk_level_aggregated,
        ];
        let mut levels = levels.into_iter().flatten();
        let level = levels.find(|level| is_at_risk(Some(level), self.sign_in));
        let (Some(level), Some(risk)) = (level, &self.diagnosis.risk) else {
            return false;
        };
        out.push_str(level);
        let end = out.len();
        out.push_str(" (");
        if listed(words(risk.event_types.iter()), out) {
            out.push(')');
        } else {
            out.truncate(end);
        }
        true
    }

    fn device(&self, out: &mut String) -> bool {
        let device = self.diagnosis.device.as_ref();
        say(device.and_then(|device| device.name), out) || self.system(out)
    }

    /// Whether there is an id or a name is asked of the event, not of what privacy leaves of it.
    fn is_identified(&self) -> bool {
        let device = &self.sign_in.device;
        let id = device.id.as_ref().map(Personal::compared);
        let name = device.display_name.as_ref().map(Personal::compared);
        [id, name]
            .into_iter()
            .flatten()
            .any(|it| said(it).is_some())
    }

    fn system(&self, out: &mut String) -> bool {
        let device = self.diagnosis.device.as_ref();
        let parts = device.map(|device| [device.operating_system, device.browser]);
        joined(words(parts.into_iter().flatten().flatten()), ", ", out)
    }

    fn device_state(&self, out: &mut String) -> bool {
        let Some(device) = &self.diagnosis.device else {
            return false;
        };
        let word = |state: Option<bool>, yes, no| state.map(|is| if is { yes } else { no });
        let parts = [
            word(device.compliant, "compliant", "not compliant"),
            word(device.managed, "managed", "not managed"),
            device.trust_type,
        ];
        joined(words(parts.into_iter().flatten()), ", ", out)
    }

    /// What was supplied: the methods of the steps that succeeded, else the token that stood
    /// for an earlier sign-in; for an application its credential.
    fn methods(&self, out: &mut String) -> bool {
        let client = self.diagnosis.client.as_ref();
        if !self.by_user {
            let credential = client.and_then(|client| client.credential_type);
            return push(credential.and_then(words::of_credential), out);
        }
        let steps = self.sign_in.authentication_steps.iter();
        let succeeded = steps.filter(|step| step.succeeded == Some(true));
        let methods = succeeded.filter_map(|step| said(step.method.as_deref()?));
        let methods = methods.filter(|method| !method.eq_ignore_ascii_case("Previously satisfied"));
        let token = || client.and_then(|client| client.incoming_token_type);
        listed(methods.map(Word::plain), out) || push(token().and_then(words::of_token), out)
    }

    fn sources(&self, out: &mut String) -> bool {
        // The event may name Conditional Access where another rule found that it was not the
        // source: the assessment does not.
        let other_only = self.diagnosis.scenario == Scenario::MfaFromOtherRequirements;
        let authentication = self.diagnosis.authentication.iter();
        let named = authentication
            .flat_map(|authentication| &authentication.sources)
            .filter(|entry| !(other_only && entry.source == RequirementSource::ConditionalAccess))
            .filter_map(|entry| {
                let words = words::of_source(entry.source).map(Cow::Borrowed);
                words.or_else(|| entry.detail.or(entry.provider).and_then(said))
            });
        listed(named.map(Word::plain), out)
    }
}

/// The texts that say something.
fn words<'d>(texts: impl Iterator<Item = &'d str>) -> impl Iterator<Item = Word<'d>> {
    texts.filter_map(said).map(Word::plain)
}

/// What a person is called in a sentence.
fn user_name<'d>(user: Option<&record::User<'d>>) -> Option<Cow<'d, str>> {
    let user = user?;
    let display_name = user.display_name.and_then(said);
    let principal_name = user.principal_name.and_then(said);
    // Non-interactive sign-ins may carry an id in place of the principal name; a pseudonym is
    // the one that a search finds.
    principal_name
        .filter(|name| {
            name.contains('@') || is_pseudonym(User::NAME, name) || display_name.is_none()
        })
        .or(display_name)
        .or_else(|| user.id.and_then(said))
}

fn name_or_id<'d>(named: Option<&Named<'d>>) -> Option<Cow<'d, str>> {
    let named = named?;
    let name = named.name.and_then(said);
    name.or_else(|| named.id.and_then(said))
}

#[cfg(test)]
mod tests;
