//! What may be shown of personal values: decided once a record, before anybody sees it.
//!
//! The values themselves stay, for comparisons inside the process (watch lists, policies). Texts
//! of the event are changed where they name a value that may not be shown.
use std::sync::Arc;

use super::personal::{Class, Personal, Shown};
use super::scrub::Scrubber;
use super::text::Text;
use super::{
    AppliedPolicy, AuthenticationStep, Conditions, DeviceDetail, NetworkLocation, Place,
    PolicyResult, RequirementPolicy, RuleSatisfied, SessionLifetimePolicy, SignIn,
};
use crate::privacy_key::PrivacyKey;

/// What is done with the values of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Treatment {
    #[default]
    Keep,
    Pseudonymise,
    Drop,
}

impl Treatment {
    /// The value of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Treatment::Keep => "keep",
            Treatment::Pseudonymise => "pseudonymise",
            Treatment::Drop => "drop",
        }
    }
}

/// What is done with each class of personal values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Treatments {
    pub user: Treatment,
    pub address: Treatment,
    pub location: Treatment,
    pub device: Treatment,
}

/// The privacy settings in force. Cheap to clone; keeps everything by default.
#[derive(Debug, Clone, Default)]
pub struct Privacy(Option<Arc<Rules>>);

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) treatments: Treatments,
    pub(super) key: Option<PrivacyKey>,
}

impl Privacy {
    /// Without a key, what should be pseudonymised is dropped.
    pub fn new(treatments: Treatments, key: Option<PrivacyKey>) -> Privacy {
        let keeps_all = treatments == Treatments::default();
        Privacy((!keeps_all).then(|| Arc::new(Rules { treatments, key })))
    }

    /// What may be shown of a value that is of no event.
    pub fn shown<C: Class>(&self, value: &str) -> Option<String> {
        match &self.0 {
            None => Some(value.to_owned()),
            Some(rules) => match C::treatment(&rules.treatments) {
                Treatment::Keep => Some(value.to_owned()),
                _ => rules.instead::<C>(value),
            },
        }
    }

    /// Whether values of the class are shown as they are.
    pub fn keeps<C: Class>(&self) -> bool {
        let rules = self.0.as_ref();
        rules.is_none_or(|rules| C::treatment(&rules.treatments) == Treatment::Keep)
    }

    /// Decides what is shown of every value of the event.
    pub(super) fn apply(&self, sign_in: &mut SignIn<'_>) {
        if let Some(rules) = &self.0 {
            rules.apply(sign_in);
        }
    }
}

impl Rules {
    /// What stands in the place of a value that is not kept; `None`: nothing.
    pub(super) fn instead<C: Class>(&self, value: &str) -> Option<String> {
        match C::treatment(&self.treatments) {
            Treatment::Drop => None,
            _ => Some(self.key.as_ref()?.pseudonym(C::NAME, value)),
        }
    }

    #[allow(clippy::too_many_lines)] // one list of every field, each with what it is
    fn apply(&self, sign_in: &mut SignIn<'_>) {
        // No `..`: who adds a field has to say here what it is.
        let SignIn {
            user_id,
            user_principal_name,
            user_display_name,
            mfa_detail,
            user_agent,
            ip_address,
            device:
                DeviceDetail {
                    id: device_id,
                    display_name: device_name,
                    operating_system,
                    browser,
                    trust_type,
                    is_compliant: _,
                    is_managed: _,
                },
            location:
                Place {
                    city,
                    state,
                    country_or_region,
                },
            network_locations,
            authentication_steps,
            policies,
            requirement_policies,
            session_lifetime_policies,
            risk_event_types,
            failure_reason,
            additional_details,
            user_type,
            service_principal_name,
            app_display_name,
            resource_display_name,
            cross_tenant_access_type,
            client_app_used,
            authentication_protocol,
            incoming_token_type,
            client_credential_type,
            token_issuer_type,
            original_transfer_method,
            risk_level,
            risk_level_aggregated,
            risk_state,
            risk_detail,
            authentication_requirement,
            mfa_method,
            // By these the record is joined with other logs.
            id: _,
            original_request_id: _,
            correlation_id: _,
            tenant_id: _,
            home_tenant_id: _,
            resource_tenant_id: _,
            service_principal_id: _,
            app_id: _,
            resource_id: _,
            // No text.
            shape: _,
            category: _,
            event_time: _,
            error_code: _,
            is_interactive: _,
            flagged_for_review: _,
            conditional_access_status: _,
        } = sign_in;

        let mut users = [user_id, user_principal_name, user_display_name, mfa_detail];
        let mut devices = [user_agent, device_id, device_name];
        let mut places = [city, state, country_or_region];

        let mut scrubber = Scrubber::new(self);
        for value in &mut users {
            self.decide(value.as_mut(), &mut scrubber);
        }
        for value in &mut devices {
            self.decide(value.as_mut(), &mut scrubber);
        }
        for value in &mut places {
            self.decide(value.as_mut(), &mut scrubber);
        }
        self.decide(ip_address.as_mut(), &mut scrubber);
        for NetworkLocation { network_names, .. } in &mut *network_locations {
            for name in network_names {
                self.decide(Some(name), &mut scrubber);
            }
        }
        for AuthenticationStep { method_detail, .. } in &mut *authentication_steps {
            let detail = method_detail.as_mut();
            let detail = detail.filter(|detail| !is_password_source(detail.compared()));
            self.decide(detail, &mut scrubber);
        }
        let mut scrubber = scrubber.ready();

        // What is kept may name what is not: "Alex's laptop".
        for value in users {
            scrubber.personal(value.as_mut());
        }
        for value in devices {
            scrubber.personal(value.as_mut());
        }
        for value in places {
            scrubber.personal(value.as_mut());
        }
        scrubber.personal(ip_address.as_mut());
        for text in [failure_reason, additional_details] {
            scrubber.optional(text);
        }
        for name in [
            service_principal_name,
            app_display_name,
            resource_display_name,
        ] {
            scrubber.name(name.as_mut());
        }
        for term in [
            user_type,
            cross_tenant_access_type,
            client_app_used,
            authentication_protocol,
            incoming_token_type,
            client_credential_type,
            token_issuer_type,
            original_transfer_method,
            risk_level,
            risk_level_aggregated,
            risk_state,
            risk_detail,
            authentication_requirement,
            mfa_method,
            operating_system,
            browser,
            trust_type,
        ] {
            scrubber.terms(term);
        }
        scrubber.terms(risk_event_types);
        for NetworkLocation {
            network_type,
            network_names,
        } in network_locations
        {
            scrubber.terms(network_type);
            for name in network_names {
                scrubber.personal(Some(name));
            }
        }
        for RequirementPolicy {
            requirement_provider,
            detail,
        } in requirement_policies
        {
            scrubber.terms(requirement_provider);
            scrubber.optional(detail);
        }
        for SessionLifetimePolicy {
            expiration_requirement,
            detail,
        } in session_lifetime_policies
        {
            scrubber.terms(expiration_requirement);
            scrubber.optional(detail);
        }
        for AuthenticationStep {
            time: _,
            method,
            method_detail,
            succeeded: _,
            result_detail,
            requirement,
        } in authentication_steps
        {
            scrubber.terms(method);
            scrubber.personal(method_detail.as_mut());
            scrubber.optional(result_detail);
            scrubber.terms(requirement);
        }
        for policy in policies.iter_mut().flatten() {
            scrubber.policy(policy);
        }
    }

    fn decide<C: Class>(&self, value: Option<&mut Personal<'_, C>>, scrubber: &mut Scrubber<'_>) {
        let Some(value) = value else { return };
        if C::treatment(&self.treatments) == Treatment::Keep || says_nothing(value.compared()) {
            return;
        }
        value.shown = match self.instead::<C>(value.compared()) {
            Some(pseudonym) => Shown::Text(pseudonym.into()),
            None => Shown::Nothing,
        };
        scrubber.know::<C>(value.compared(), value.shown());
    }
}

/// Where a password was checked is about nobody; any other detail of a method may be a telephone
/// number or the name of a device (Graph, `authenticationMethodDetail`).
fn is_password_source(detail: &str) -> bool {
    const SOURCES: [&str; 6] = [
        "Password Hash Sync",
        "Password in the cloud",
        "Pass-through authentication",
        "Federated authentication",
        "AD FS",
        "ADFS",
    ];
    let detail = detail.trim();
    SOURCES
        .iter()
        .any(|source| source.eq_ignore_ascii_case(detail))
}

/// Words of senders for what they do not know: nobody's, and a pseudonym would make them a value.
fn says_nothing(value: &str) -> bool {
    const NOTHING: [&str; 8] = [
        "null",
        "<null>",
        "(null)",
        "n/a",
        "none",
        "-",
        "unknown",
        "undefined",
    ];
    let value = value.trim();
    value.is_empty() || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(value))
}

impl Scrubber<'_> {
    fn optional(&mut self, text: &mut Option<Text<'_>>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn terms<'t, 'm: 't>(&mut self, terms: impl IntoIterator<Item = &'t mut Text<'m>>) {
        for term in terms {
            if let Some(scrubbed) = self.scrubbed_term(term) {
                *term = Text::Owned(scrubbed);
            }
        }
    }

    /// What the tenant has named: a gap for a place would tell that the sign-in came from there,
    /// because other records have the name whole.
    fn name(&mut self, name: Option<&mut Text<'_>>) {
        if let Some(name) = name
            && let Some(scrubbed) = self.scrubbed_but_places(name)
        {
            *name = Text::Owned(scrubbed);
        }
    }

    fn text(&mut self, text: &mut Text<'_>) {
        if let Some(scrubbed) = self.scrubbed(text) {
            *text = Text::Owned(scrubbed);
        }
    }

    fn personal<C>(&mut self, value: Option<&mut Personal<'_, C>>) {
        if let Some(value) = value
            && value.shown == Shown::Itself
            && let Some(scrubbed) = self.scrubbed(value.compared())
        {
            value.shown = Shown::Text(scrubbed.into());
        }
    }

    fn policy(&mut self, policy: &mut AppliedPolicy<'_>) {
        let AppliedPolicy {
            id: _,
            display_name,
            result,
            grant_controls,
            session_controls,
            session_controls_not_satisfied,
            conditions_satisfied: Conditions { other: met, .. },
            conditions_not_satisfied: Conditions { other: unmet, .. },
            include_rules,
            exclude_rules,
            authentication_strength,
        } = policy;
        self.name(display_name.as_mut());
        self.name(authentication_strength.as_mut());
        if let PolicyResult::Other(name) = result {
            self.terms([name]);
        }
        // Custom controls and terms of use are named by the tenant; session controls decide.
        for control in &mut grant_controls.other {
            self.name(Some(control));
        }
        self.terms(session_controls);
        self.terms(session_controls_not_satisfied);
        self.terms(met);
        self.terms(unmet);
        for RuleSatisfied { condition, rule } in include_rules.iter_mut().chain(exclude_rules) {
            self.terms(condition);
            self.optional(rule);
        }
    }
}
