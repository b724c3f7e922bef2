//! Composes the record of one sign-in from the event and the catalog.
use super::bounds::Cutter;
use super::catalog::Catalog;
use super::classify::Classification;
use super::deciding::{Deciding, Group};
use super::mfa_source::{MAX_PROVIDERS, for_each_source};
use super::record::{
    Authentication, AuthenticationStep, Client, ConditionList, ConditionalAccess, Device, Error,
    GrantControlList, Location, Named, NetworkLocation, Policy, PolicyCounts, Reason,
    RequirementSourceEntry, Risk, Rule, SessionLifetime, SignInValues, Tables, Tenants, TextList,
    Time, User, result_name, status_name,
};
use super::second_factor::SecondFactor;
use super::tables::{Configuration, Evidence, Values, configured_conditions, tables};
use super::{Detail, RequirementSource};
use crate::policies::PolicySnapshot;
use crate::signin::{AppliedPolicy, Conditions, PolicyResult, RuleSatisfied, SignIn, Text};

/// Which requirement sources an event names, in the order of [`RequirementSource::ALL`].
pub type Sources = [bool; RequirementSource::ALL.len()];

/// Policies of a summary.
const SUMMARY_POLICIES: usize = 10;

/// Takes the parts of one record out of its event.
pub struct Composer<'a, 'e> {
    pub sign_in: &'a SignIn<'e>,
    pub found: Classification<'a>,
    pub detail: Detail,
    pub cutter: Cutter,
    pub snapshot: Option<&'a PolicySnapshot>,
}

impl<'a> Composer<'a, '_> {
    pub fn text(&mut self, text: Option<&'a Text<'_>>) -> Option<&'a str> {
        self.cutter.text(text)
    }

    fn is_full(&self) -> bool {
        self.detail == Detail::Full
    }

    /// The meaning is left out where the assessment or Microsoft's own reason tells it.
    pub fn error(&mut self, assessment_tells_meaning: bool) -> Option<Error<'a>> {
        let code = self.sign_in.error_code?;
        let known = self.found.code;
        // On a success, Entra fills the reason with a text that means nothing.
        let reason = (code != 0).then_some(self.sign_in.failure_reason.as_ref());
        let reason = self.cutter.text(reason.flatten());
        let needs_meaning = self.is_full() && !assessment_tells_meaning && reason.is_none();
        Some(Error {
            code,
            name: known.and_then(|known| known.name.as_deref()),
            class: self.found.class(),
            meaning: known
                .filter(|_| needs_meaning && code != 0)
                .map(|known| known.meaning.as_str()),
            reason,
            additional_details: self.text(self.additional_details()),
            verified: known.filter(|known| !known.verified).map(|_| false),
        })
    }

    /// Left out of a full record where a step of the authentication says the same.
    fn additional_details(&self) -> Option<&'a Text<'a>> {
        let details = self.sign_in.additional_details.as_ref();
        let mut steps = self.sign_in.authentication_steps.iter();
        details.filter(|_| {
            !self.is_full() || !steps.any(|step| step.result_detail.as_ref() == details)
        })
    }

    pub fn user(&mut self) -> Option<User<'a>> {
        let sign_in = self.sign_in;
        some(User {
            id: self.cutter.personal(sign_in.user_id.as_ref()),
            principal_name: self.cutter.personal(sign_in.user_principal_name.as_ref()),
            display_name: self.cutter.personal(sign_in.user_display_name.as_ref()),
            user_type: self.text(sign_in.user_type.as_ref()),
        })
    }

    pub fn named(
        &mut self,
        id: Option<&'a Text<'_>>,
        name: Option<&'a Text<'_>>,
    ) -> Option<Named<'a>> {
        some(Named {
            id: self.text(id),
            name: self.text(name),
        })
    }

    pub fn client(&mut self) -> Option<Client<'a>> {
        let sign_in = self.sign_in;
        // What Entra read out of it stands in `device`.
        let device = &sign_in.device;
        let is_said = |text: &Option<Text<'_>>| text.as_deref().is_some_and(|it| !it.is_empty());
        let is_read = is_said(&device.operating_system) && is_said(&device.browser);
        let user_agent = sign_in.user_agent.as_ref().filter(|_| !is_read);
        some(Client {
            app: self.text(sign_in.client_app_used.as_ref()),
            user_agent: self.cutter.personal(user_agent),
            ip_address: self.cutter.personal(sign_in.ip_address.as_ref()),
            protocol: self.text(something(sign_in.authentication_protocol.as_ref())),
            interactive: sign_in.is_interactive,
            incoming_token_type: self.text(something(sign_in.incoming_token_type.as_ref())),
            credential_type: self.text(something(sign_in.client_credential_type.as_ref())),
            transfer_method: self.text(something(sign_in.original_transfer_method.as_ref())),
        })
    }

    pub fn device(&mut self) -> Option<Device<'a>> {
        let device = &self.sign_in.device;
        some(Device {
            id: self.cutter.personal(device.id.as_ref()),
            name: self.cutter.personal(device.display_name.as_ref()),
            operating_system: self.text(device.operating_system.as_ref()),
            browser: self.text(device.browser.as_ref()),
            compliant: device.is_compliant,
            managed: device.is_managed,
            trust_type: self.text(device.trust_type.as_ref()),
        })
    }

    pub fn location(&mut self) -> Option<Location<'a>> {
        let place = &self.sign_in.location;
        let mut location = Location {
            city: self.cutter.personal(place.city.as_ref()),
            state: self.cutter.personal(place.state.as_ref()),
            country: self.cutter.personal(place.country_or_region.as_ref()),
            network_locations: Vec::new(),
        };
        for network in self.cutter.first(&self.sign_in.network_locations) {
            location.network_locations.extend(some(NetworkLocation {
                network_type: self.text(network.network_type.as_ref()),
                names: self.cutter.names(&network.network_names),
            }));
        }
        some(location)
    }

    /// The request id of the flow's first sign-in, where that is another one.
    pub fn original_request_id(&mut self) -> Option<&'a str> {
        let sign_in = self.sign_in;
        self.text(other_than(
            sign_in.original_request_id.as_ref(),
            sign_in.id.as_ref(),
        ))
    }

    pub fn tenants(&mut self) -> Option<Tenants<'a>> {
        let sign_in = self.sign_in;
        let tenant = sign_in.tenant_id.as_ref();
        some(Tenants {
            home: self.text(other_than(sign_in.home_tenant_id.as_ref(), tenant)),
            resource: self.text(other_than(sign_in.resource_tenant_id.as_ref(), tenant)),
            cross_tenant_access: self.text(something(sign_in.cross_tenant_access_type.as_ref())),
        })
    }

    pub fn risk(&mut self) -> Option<Risk<'a>> {
        let sign_in = self.sign_in;
        some(Risk {
            level: self.text(sign_in.risk_level.as_ref()),
            level_aggregated: self.text(other_than(
                sign_in.risk_level_aggregated.as_ref(),
                sign_in.risk_level.as_ref(),
            )),
            state: self.text(something(sign_in.risk_state.as_ref())),
            detail: self.text(something(sign_in.risk_detail.as_ref())),
            event_types: self.cutter.texts(&sign_in.risk_event_types),
            flagged_for_review: sign_in.flagged_for_review,
        })
    }

    pub fn conditional_access(&mut self, deciding: Deciding) -> Option<ConditionalAccess<'a>> {
        let all = self.sign_in.policies.as_deref().unwrap_or_default();
        let bound = self.cutter.bounds().policies;
        let most = if self.is_full() {
            bound
        } else {
            bound.min(SUMMARY_POLICIES)
        };
        let mut policies = Vec::with_capacity(all.len().min(most));
        let mut unmet = 0;
        let mut present = [false; Group::ALL.len()];
        let mut groups = Vec::with_capacity(all.len());
        for policy in all {
            let group = Group::of(policy, deciding);
            present[group as usize] = true;
            groups.push(group);
        }
        let any_decided = present[Group::Deciding as usize];
        // By group, and as they come.
        let filled = Group::ALL.into_iter().filter(|it| present[*it as usize]);
        for group in filled {
            let grouped = all.iter().zip(&groups).filter(|(_, of)| **of == group);
            let decided = group == Group::Deciding;
            for (policy, _) in grouped.take(most - policies.len()) {
                let has_tables = decided && policies.len() < self.cutter.bounds().tables;
                self.cutter.trimmed |= decided && !has_tables;
                // Beside those that decided, why the others did not apply is all that is of
                // interest.
                let is_beside = any_decided
                    && matches!(group, Group::NotApplied | Group::NotEnabled)
                    && policy.grant_controls.other.is_empty();
                if !is_beside {
                    unmet |= policy.conditions_not_satisfied.bits;
                }
                policies.push(if is_beside && self.is_full() {
                    self.brief(policy)
                } else {
                    self.policy(policy, decided, has_tables)
                });
            }
        }
        // What a summary leaves out is its form; only a bound makes the record a trimmed one.
        self.cutter.trimmed |= all.len() > bound;
        some(ConditionalAccess {
            status: self.sign_in.conditional_access_status.map(status_name),
            sign_in_values: Some(SignInValues::new(unmet, self.values()))
                .filter(|values| !values.is_empty()),
            not_shown: all.len() - policies.len(),
            counts: (all.len() > policies.len()).then(|| PolicyCounts::of(all)),
            policies,
        })
    }

    fn policy(
        &mut self,
        policy: &'a AppliedPolicy<'_>,
        deciding: bool,
        has_tables: bool,
    ) -> Policy<'a> {
        let satisfied = self.conditions(&policy.conditions_satisfied);
        let not_satisfied = self.conditions(&policy.conditions_not_satisfied);
        let shown = Policy {
            id: self.text(policy.id.as_ref()),
            name: self.text(policy.display_name.as_ref()),
            deciding,
            ..self.result(policy, not_satisfied)
        };
        if !self.is_full() {
            return shown;
        }
        let configuration = self
            .snapshot
            .and_then(|snapshot| snapshot.policy(policy.id.as_deref()?))
            .map(|configured| Configuration::new(configured, self.sign_in));
        let tables = has_tables.then(|| {
            let values = self.values();
            let evidence = Evidence::new(values, &self.found);
            Box::new(tables(policy, satisfied, values, &evidence, configuration))
        });
        let mut include_rules = self.rules(&policy.include_rules);
        if has_tables {
            // The table of conditions says the same.
            include_rules = Vec::new();
        }
        // A policy that applied has all of its conditions satisfied: what is left to say are those
        // without a name.
        let satisfied = if has_tables || satisfied.is_known() {
            ConditionList::default()
        } else {
            satisfied
        };
        // A control is named once: by its table, else here.
        let told = |list: fn(&Tables<'_>) -> bool| tables.as_deref().is_some_and(list);
        let grant_told = told(|tables| !tables.access_controls.is_empty());
        let session_told = told(|tables| !tables.session_controls.is_empty());
        let mut shown = Policy {
            conditions_satisfied: satisfied,
            conditions_not_satisfied: not_satisfied,
            configured: configuration
                .map(|it| configured_conditions(not_satisfied, it))
                .unwrap_or_default(),
            include_rules,
            exclude_rules: self.rules(&policy.exclude_rules),
            tables: tables.filter(|tables| **tables != Tables::default()),
            ..shown
        };
        let grant_controls = GrantControlList {
            known: Some(&policy.grant_controls),
            other: self.cutter.texts(&policy.grant_controls.other),
        };
        let strength = self.text(policy.authentication_strength.as_ref());
        if !grant_told {
            shown.grant_controls = grant_controls;
            shown.authentication_strength = strength;
        }
        let session_controls = self.cutter.texts(&policy.session_controls);
        let not_satisfied = self.cutter.texts(&policy.session_controls_not_satisfied);
        if !session_told {
            shown.session_controls = session_controls;
            shown.session_controls_not_satisfied = not_satisfied;
        }
        shown
    }

    /// Of a policy that had no part where others decided: what it is called, and why it did not
    /// apply.
    fn brief(&mut self, policy: &'a AppliedPolicy<'_>) -> Policy<'a> {
        let not_satisfied = self.conditions(&policy.conditions_not_satisfied);
        let name = self.text(policy.display_name.as_ref());
        Policy {
            id: self.text(policy.id.as_ref().filter(|_| name.is_none())),
            name,
            conditions_not_satisfied: not_satisfied,
            exclude_rules: self.rules(&policy.exclude_rules),
            ..self.result(policy, not_satisfied)
        }
    }

    /// The policy's result and nothing else.
    fn result(
        &mut self,
        policy: &'a AppliedPolicy<'_>,
        not_satisfied: ConditionList<'a>,
    ) -> Policy<'a> {
        let result = match &policy.result {
            PolicyResult::Other(name) => self.cutter.str(name).unwrap_or("unknown"),
            known => result_name(known).unwrap_or("unknown"),
        };
        Policy {
            id: None,
            name: None,
            result,
            deciding: false,
            reason: Reason::new(policy, not_satisfied, self.detail),
            tables: None,
            grant_controls: GrantControlList::default(),
            authentication_strength: None,
            session_controls: TextList::default(),
            session_controls_not_satisfied: TextList::default(),
            conditions_satisfied: ConditionList::default(),
            conditions_not_satisfied: ConditionList::default(),
            configured: Vec::new(),
            include_rules: Vec::new(),
            exclude_rules: Vec::new(),
        }
    }

    fn values(&self) -> Values<'a> {
        Values {
            sign_in: self.sign_in,
            bounds: self.cutter.bounds(),
        }
    }

    fn conditions(&mut self, conditions: &'a Conditions<'_>) -> ConditionList<'a> {
        ConditionList {
            bits: conditions.bits,
            other: self.cutter.texts(&conditions.other),
        }
    }

    fn rules(&mut self, rules: &'a [RuleSatisfied<'_>]) -> Vec<Rule<'a>> {
        let rules = self.cutter.first(rules).iter();
        rules
            .filter_map(|rule| {
                some(Rule {
                    condition: self.text(rule.condition.as_ref()),
                    rule: self.text(rule.rule.as_ref()),
                })
            })
            .collect()
    }

    /// The authentication, and all sources that the event names, those beyond the bounds too.
    pub fn authentication(
        &mut self,
        factor: SecondFactor,
        catalog: &Catalog,
    ) -> (Option<Authentication<'a>>, Sources) {
        let sign_in = self.sign_in;
        let mut sources = Vec::new();
        let mut named = Sources::default();
        for_each_source(sign_in, catalog, |source| {
            named[source.source as usize] = true;
            if sources.len() == self.cutter.bounds().list {
                self.cutter.trimmed = true;
                return;
            }
            let detail = source
                .detail
                .filter(|detail| !spells(detail, source.source));
            sources.push(RequirementSourceEntry {
                source: source.source,
                provider: source.provider.and_then(|text| self.cutter.str(text)),
                detail: detail.and_then(|text| self.cutter.str(text)),
            });
        });
        self.cutter.trimmed |= sign_in.requirement_policies.len() > MAX_PROVIDERS;
        let authentication = some(Authentication {
            requirement: self.text(sign_in.authentication_requirement.as_ref()),
            decided_by: self.found.mfa_source.map(|source| source.decided_by),
            sources,
            second_factor: factor.result,
            steps: self.steps(),
            mfa_method: self.text(sign_in.mfa_method.as_ref()),
            mfa_detail: self.cutter.personal(sign_in.mfa_detail.as_ref()),
            session_lifetime: self.session_lifetime(),
        });
        (authentication, named)
    }

    fn steps(&mut self) -> Vec<AuthenticationStep<'a>> {
        let steps = self.cutter.first(&self.sign_in.authentication_steps);
        let mut shown = Vec::with_capacity(steps.len());
        for step in steps {
            let method = AuthenticationStep {
                method: self.text(step.method.as_ref()),
                succeeded: step.succeeded,
                ..AuthenticationStep::default()
            };
            shown.extend(some(if self.is_full() {
                AuthenticationStep {
                    time: step.time.and_then(Time::new),
                    method_detail: self.cutter.personal(step.method_detail.as_ref()),
                    result: self.text(step.result_detail.as_ref()),
                    requirement: self.text(step.requirement.as_ref()),
                    ..method
                }
            } else {
                method
            }));
        }
        shown
    }

    fn session_lifetime(&mut self) -> Vec<SessionLifetime<'a>> {
        if !self.is_full() {
            return Vec::new();
        }
        let policies = self.cutter.first(&self.sign_in.session_lifetime_policies);
        policies
            .iter()
            .filter_map(|policy| {
                some(SessionLifetime {
                    requirement: self.text(policy.expiration_requirement.as_ref()),
                    detail: self.text(policy.detail.as_ref()),
                })
            })
            .collect()
    }
}

/// `text` where it is more than the word for nothing.
fn something<'a, 't>(text: Option<&'a Text<'t>>) -> Option<&'a Text<'t>> {
    text.filter(|text| !text.eq_ignore_ascii_case("none"))
}

/// Whether `detail` is the source's own name and nothing more, as "Conditional Access" is.
fn spells(detail: &str, source: RequirementSource) -> bool {
    let name = source.as_str().chars();
    let words = name.map(|letter| if letter == '_' { ' ' } else { letter });
    words.eq(detail.chars().map(|letter| letter.to_ascii_lowercase()))
}

/// `text` where it is not the same as `known`.
fn other_than<'a, 't>(
    text: Option<&'a Text<'t>>,
    known: Option<&Text<'_>>,
) -> Option<&'a Text<'t>> {
    text.filter(|text| !known.is_some_and(|known| known.eq_ignore_ascii_case(text)))
}

/// `None` where nothing is said: the part is left out of the record.
fn some<T: Default + PartialEq>(part: T) -> Option<T> {
    (part != T::default()).then_some(part)
}

#[cfg(test)]
mod tests;
