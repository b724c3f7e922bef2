//! From a sign-in to its diagnosis. Pure: no I/O, no clock, no metrics, no Kafka type.
//!
//! [`classify()`] names scenario and outcome, [`mfa_source`] tells the two MFA scenarios apart,
//! [`aspects`] adds what the context shows, `cases` finds the texts for it; `compose`, `tables` and
//! `assessment` make the [`record`], whose id comes from [`identity`]. [`Diagnoser::diagnose`] is all of it.
pub mod aspects;
mod assessment;
pub mod bounds;
mod cases;
pub mod catalog;
pub mod classify;
mod compose;
mod deciding;
pub mod detail;
mod failed_control;
pub mod identity;
pub mod mfa_source;
pub mod record;
mod refusals;
pub mod scenario;
mod second_factor;
pub mod source;
mod tables;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

pub use aspects::Aspects;
pub use bounds::Bounds;
pub use classify::{Classification, classify};
pub use detail::{Detail, DetailRules};
pub use failed_control::FailedControl;
pub use identity::DiagnosisId;
pub use record::{
    Diagnosis, MessageKey, Provenance, Record, Time, Versions, json_schema, write_diagnosis,
    write_provenance,
};
pub use scenario::{
    Aspect, Case, CodeClass, Outcome, RequirementSource, Scenario, SecondFactorResult,
};
pub use source::Source;
pub use tables::NOT_KNOWN;

use assessment::{Facts, Who};
use bounds::Cutter;
use catalog::{Actor, Catalog, Reference, Step};
use compose::Composer;
use deciding::Deciding;
use record::{Prepared, SCHEMA_VERSION};
use second_factor::SecondFactor;

use crate::policies::PolicySnapshot;
use crate::signin::SignIn;

/// Diagnoses sign-ins by one catalog. Shared by the workers: it changes nothing of its own.
#[derive(Debug)]
pub struct Diagnoser {
    catalog: Catalog,
    detail: DetailRules,
    /// In the order of [`Scenario::ALL`].
    scenarios: Vec<Advice>,
    /// The JSON of the remediation of each code and case that has its own, ascending.
    codes: Vec<(CodeCase, Option<Box<RawValue>>)>,
}

/// A code, and a case of it that has texts of its own.
type CodeCase = (i64, Option<Case>);

/// The JSON of what a scenario advises.
#[derive(Debug)]
struct Advice {
    remediation: Option<Box<RawValue>>,
    references: Option<Box<RawValue>>,
}

impl Diagnoser {
    pub fn new(catalog: Catalog, detail: DetailRules) -> Diagnoser {
        let scenarios = Scenario::ALL
            .into_iter()
            .map(|scenario| {
                let text = catalog.scenario(scenario);
                Advice {
                    remediation: json(&text.remediation),
                    references: json(&text.references),
                }
            })
            .collect();
        let mut codes: Vec<_> = catalog
            .codes()
            .flat_map(|code| code.texts.iter().map(move |text| (code.code, text)))
            .filter(|(_, text)| !text.remediation.is_empty())
            .map(|(code, text)| ((code, text.case), json(&text.remediation)))
            .collect();
        codes.sort_unstable_by_key(|(key, _)| *key);
        Diagnoser {
            catalog,
            detail,
            scenarios,
            codes,
        }
    }

    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn detail(&self) -> &DetailRules {
        &self.detail
    }

    /// Diagnoses one sign-in. `source` gives an event without an id its identity; `snapshot` is
    /// one of the event's own tenant, and fills in what its policies are set to. The caller
    /// writes no record of a diagnosis whose detail is [`Detail::None`].
    pub fn diagnose<'a>(
        &'a self,
        sign_in: &'a SignIn<'_>,
        source: &Source<'_>,
        bounds: Bounds,
        snapshot: Option<&'a PolicySnapshot>,
    ) -> Diagnosis<'a> {
        let found = classify(sign_in, &self.catalog);
        let detail = self.detail.of(found.scenario);
        let deciding = Deciding::of(sign_in, &found);
        let mut from = Composer {
            sign_in,
            found,
            detail,
            cutter: Cutter::new(bounds),
            snapshot,
        };
        let factor = SecondFactor::of(sign_in);
        let (authentication, named) = from.authentication(factor, &self.catalog);
        let names_source = |source| named[source as usize];
        let catalog = &self.catalog;
        let aspects = aspects::aspects(sign_in, &found, deciding, factor, catalog, names_source);
        let holds = cases::holds(sign_in, &found, deciding, aspects, factor, names_source);
        let (remediation, references) = self.advice(&found, &holds, detail);
        let own = found
            .code
            .and_then(|code| code.own(&holds, |text| text.assessment.as_ref()));
        let template = own.unwrap_or_else(|| &self.catalog.scenario(found.scenario).assessment);
        let mut diagnosis = Diagnosis {
            schema_version: SCHEMA_VERSION,
            diagnosis_id: DiagnosisId::of(sign_in, source),
            sign_in_id: from.text(sign_in.id.as_ref()),
            original_request_id: from.original_request_id(),
            correlation_id: from.text(sign_in.correlation_id.as_ref()),
            tenant_id: from.text(sign_in.tenant_id.as_ref()),
            category: sign_in.category.as_str(),
            event_time: sign_in.event_time.and_then(Time::new),
            scenario: found.scenario,
            outcome: found.outcome,
            aspects,
            watch_lists: Vec::new(),
            assessment: Cow::Borrowed(""),
            // A text of the code's own is written for its meaning.
            error: from.error(own.is_some() || template.tells_meaning()),
            user: from.user(),
            service_principal: from.named(
                sign_in.service_principal_id.as_ref(),
                sign_in.service_principal_name.as_ref(),
            ),
            application: from.named(sign_in.app_id.as_ref(), sign_in.app_display_name.as_ref()),
            resource: from.named(
                sign_in.resource_id.as_ref(),
                sign_in.resource_display_name.as_ref(),
            ),
            client: from.client(),
            device: from.device(),
            location: from.location(),
            tenants: from.tenants(),
            risk: from.risk(),
            conditional_access: from.conditional_access(deciding),
            authentication,
            remediation,
            support_ticket: None,
            references,
            detail,
            trimmed: from.cutter.trimmed,
        };
        let by_user = aspects::is_by_user(sign_in);
        let facts = Facts {
            diagnosis: &diagnosis,
            sign_in,
            deciding,
            factor,
            snapshot,
            meaning: found.code.map(|code| code.meaning.as_str()),
            who: Who::of(&diagnosis, by_user),
            by_user,
        };
        let assessment = facts.render(template);
        let last = diagnosis.remediation.items().last();
        let support_ticket = last
            .filter(|step| step.actor == Actor::MicrosoftSupport)
            .map(|_| facts.render(self.catalog.support_ticket()).into());
        diagnosis.assessment = assessment.into();
        diagnosis.support_ticket = support_ticket;
        diagnosis
    }

    /// The steps of the code where it has its own, else of the scenario; none in a summary.
    fn advice<'a>(
        &'a self,
        found: &Classification<'a>,
        holds: impl Fn(Case) -> bool,
        detail: Detail,
    ) -> (Prepared<'a, Step>, Prepared<'a, Reference>) {
        if detail != Detail::Full {
            return (Prepared::empty(), Prepared::empty());
        }
        let text = self.catalog.scenario(found.scenario);
        let prepared = self.scenarios.get(found.scenario as usize);
        let references = prepared.and_then(|advice| advice.references.as_deref());
        let references = Prepared::new(&text.references, references);
        let own = found.code.and_then(|code| {
            let own = code.own(&holds, |text| {
                (!text.remediation.is_empty()).then_some(text)
            });
            own.map(|text| (code.code, text))
        });
        let remediation = if let Some((code, text)) = own {
            let place = self
                .codes
                .binary_search_by_key(&(code, text.case), |entry| entry.0);
            let json = place.ok().and_then(|place| self.codes[place].1.as_deref());
            Prepared::new(&text.remediation, json)
        } else {
            let json = prepared.and_then(|advice| advice.remediation.as_deref());
            Prepared::new(&text.remediation, json)
        };
        (remediation, references)
    }
}

/// The JSON of a list of the catalog; where there is none, the list is written item by item.
fn json<T: Serialize>(items: &[T]) -> Option<Box<RawValue>> {
    to_raw_value(items).ok()
}

#[cfg(test)]
mod tests;
