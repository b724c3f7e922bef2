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
use text::{joined, listed, said};

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
    /// [`user_name`] of the diagnosis.
    pub user_name: Option<Cow<'d, str>>,
    pub by_user: bool,
}

impl<'d> Facts<'d> {
    pub fn render(&self, template: &Template) -> String {
        let mut text = String::with_capacity(1024);
        template.render(&|placeholder| self.value(placeholder), &mut text);
        // Only words of our own: a name at the start keeps its case.
        if self.user_name.is_none() && text.starts_with(&*self.who()) {
            text[..1].make_ascii_uppercase();
        }
        text
    }

    fn value(&self, placeholder: Placeholder) -> Option<Cow<'d, str>> {
        let diagnosis = self.diagnosis;
        let error = diagnosis.error.as_ref();
        match placeholder {
            Placeholder::Who => Some(self.who()),
            Placeholder::Application if self.by_user => name_or_id(diagnosis.application.as_ref()),
            Placeholder::Application | Placeholder::Resource => {
                name_or_id(diagnosis.resource.as_ref())
            }
            Placeholder::Client => self.client(),
            Placeholder::LegacyClient => {
                let legacy = diagnosis.aspects.contains(Aspect::LegacyAuthentication);
                self.client().filter(|_| legacy)
            }
            Placeholder::Origin => match (self.place(), self.ip_address()) {
                (Some(place), Some(address)) => {
                    Some([&*place, " (", &*address, ")"].concat().into())
                }
                (place, address) => place.or(address),
            },
            Placeholder::Place => self.place(),
            Placeholder::IpAddress => self.ip_address(),
            Placeholder::NetworkLocations => self.network_locations(),
            Placeholder::Risk => self.risk(),
            Placeholder::Device => self.device(),
            Placeholder::UnidentifiedDevice => self.unidentified_device(),
            Placeholder::DeviceState => self.device_state(),
            Placeholder::Methods => self.methods(),
            Placeholder::SecondFactor => words::of_second_factor(self.factor).or_else(|| {
                let is_single = diagnosis.aspects.contains(Aspect::SingleFactor);
                is_single.then(|| words::of_single_factor(self.sign_in).into())
            }),
            Placeholder::Sources => self.sources(),
            Placeholder::Policies => self.policies(),
            Placeholder::Blocking => self.blocking(),
            Placeholder::Controls => self.controls(),
            Placeholder::Conditions => self.conditions(),
            Placeholder::FailedPolicies => self.failed_policies(),
            Placeholder::Evaluated => self.evaluated(),
            Placeholder::NotApplied => self.not_applied(),
            Placeholder::ReportOnly => self.report_only(),
            Placeholder::Code => error.map(|error| error.code.to_string().into()),
            Placeholder::CodeName => error.and_then(|error| error.name).map(Cow::Borrowed),
            Placeholder::Meaning => self.meaning.map(Cow::Borrowed),
            Placeholder::Reason => error.and_then(|error| error.reason).and_then(said),
            Placeholder::RequestId => diagnosis.sign_in_id.and_then(said),
            Placeholder::CorrelationId => diagnosis.correlation_id.and_then(said),
            Placeholder::Time => diagnosis.event_time.map(|time| time.to_string().into()),
            Placeholder::Tenant => diagnosis.tenant_id.and_then(said),
            Placeholder::ApplicationId => {
                let application = diagnosis.application.as_ref()?;
                let id = application.id.and_then(said);
                id.or_else(|| application.name.and_then(said))
            }
        }
    }

    /// A name of the event, or words that name an application's identity or nobody.
    fn who(&self) -> Cow<'d, str> {
        if let Some(name) = &self.user_name {
            return name.clone();
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

    fn client(&self) -> Option<Cow<'d, str>> {
        said(self.diagnosis.client.as_ref()?.app?)
    }

    fn ip_address(&self) -> Option<Cow<'d, str>> {
        said(self.diagnosis.client.as_ref()?.ip_address?)
    }

    fn place(&self) -> Option<Cow<'d, str>> {
        let location = self.diagnosis.location.as_ref()?;
        let parts = [location.city, location.state, location.country];
        let known = parts.into_iter().filter_map(|part| part.and_then(said));
        joined(known, ", ")
    }

    /// As the event names them, else as the policy snapshot knows them by address and country.
    fn network_locations(&self) -> Option<Cow<'d, str>> {
        let networks = self.diagnosis.location.iter();
        let networks = networks.flat_map(|location| &location.network_locations);
        let named = listed(networks.flat_map(|network| {
            let words = words::of_network(network.network_type.unwrap_or_default());
            let names = network.names.iter().filter_map(said);
            names.map(move |name| format!("{words} \"{name}\"").into())
        }));
        let known = named.or_else(|| {
            let known = self.snapshot?.locations_of(self.sign_in);
            listed(known.filter_map(|(name, is_trusted)| {
                let words = words::of_network(if is_trusted { words::TRUSTED } else { "" });
                said(name?).map(|name| format!("{words} \"{name}\"").into())
            }))
        });
        known.or_else(|| self.withholds_a_network().then(|| WITHHELD_NETWORK.into()))
    }

    /// Whether event or snapshot names a network that may not be shown.
    fn withholds_a_network(&self) -> bool {
        let networks = self.sign_in.network_locations.iter();
        let mut names = networks.flat_map(|network| &network.network_names);
        let known = self.snapshot.map(|it| it.locations_of(self.sign_in));
        names.any(|name| name.shown().is_none() && said(name.compared()).is_some())
            || known.is_some_and(|mut known| known.any(|(name, _)| name.is_none()))
    }

    fn risk(&self) -> Option<Cow<'d, str>> {
        let levels = [
            &self.sign_in.risk_level,
            &self.sign_in.risk_level_aggregated,
        ];
        let level = levels
            .into_iter()
            .flatten()
            .find(|level| is_at_risk(Some(level), self.sign_in))?;
        let types = self.diagnosis.risk.as_ref()?.event_types;
        Some(match listed(types.iter().filter_map(said)) {
            Some(types) => format!("{level} ({types})").into(),
            None => Cow::Borrowed(level),
        })
    }

    fn device(&self) -> Option<Cow<'d, str>> {
        let device = self.diagnosis.device.as_ref()?;
        device.name.and_then(said).or_else(|| self.system())
    }

    /// Whether there is an id or a name is asked of the event, not of what privacy leaves of it.
    fn unidentified_device(&self) -> Option<Cow<'d, str>> {
        let device = &self.sign_in.device;
        let id = device.id.as_ref().map(Personal::compared);
        let name = device.display_name.as_ref().map(Personal::compared);
        let is_identified = [id, name]
            .into_iter()
            .flatten()
            .any(|it| said(it).is_some());
        self.system().filter(|_| !is_identified)
    }

    fn system(&self) -> Option<Cow<'d, str>> {
        let device = self.diagnosis.device.as_ref()?;
        let parts = [device.operating_system, device.browser];
        joined(parts.into_iter().flatten().filter_map(said), ", ")
    }

    fn device_state(&self) -> Option<Cow<'d, str>> {
        let device = self.diagnosis.device.as_ref()?;
        let word =
            |state: Option<bool>, yes, no| state.map(|is| Cow::from(if is { yes } else { no }));
        let parts = [
            word(device.compliant, "compliant", "not compliant"),
            word(device.managed, "managed", "not managed"),
            device.trust_type.and_then(said),
        ];
        joined(parts.into_iter().flatten(), ", ")
    }

    /// What was supplied: the methods of the steps that succeeded, else the token that stood
    /// for an earlier sign-in; for an application its credential.
    fn methods(&self) -> Option<Cow<'d, str>> {
        let client = self.diagnosis.client.as_ref();
        if !self.by_user {
            return words::of_credential(client?.credential_type?).map(Cow::Borrowed);
        }
        let steps = self.sign_in.authentication_steps.iter();
        let succeeded = steps.filter(|step| step.succeeded == Some(true));
        let methods = succeeded.filter_map(|step| said(step.method.as_deref()?));
        listed(methods.filter(|method| !method.eq_ignore_ascii_case("Previously satisfied")))
            .or_else(|| words::of_token(client?.incoming_token_type?).map(Cow::Borrowed))
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
                let words = words::of_source(entry.source).map(Cow::Borrowed);
                words.or_else(|| entry.detail.or(entry.provider).and_then(said))
            });
        listed(words)
    }
}

/// What a person is called in a sentence.
pub fn user_name<'d>(user: Option<&record::User<'d>>) -> Option<Cow<'d, str>> {
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
