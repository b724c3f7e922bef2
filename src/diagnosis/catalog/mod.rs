//! The catalog: scenarios, error codes and their texts, as data.
//!
//! It is embedded in the binary and can be replaced by a folder of the same files, since
//! Microsoft adds and changes codes at any time; `config/catalog/README.md` describes the files.
//! A catalog is taken whole or refused with every fault named. Look-ups allocate nothing.
mod code;
#[cfg(test)]
mod documentation;
mod fault;
mod load;
mod placeholder;
mod scenarios;
mod table;
mod template;
mod text;

use std::fmt;
use std::path::Path;

pub use code::{Code, CodeScenario, CodeText, Source};
pub use fault::{CatalogFaults, Fault, Place};
pub use placeholder::Placeholder;
pub use template::{Flaw, Template, TemplateFault};
pub use text::{Actor, Reference, ScenarioText, Step};

use super::scenario::{Outcome, RequirementSource, Scenario};

/// Everything that is known before an event arrives.
#[derive(Clone)]
pub struct Catalog {
    version: String,
    /// Ascending.
    codes: Vec<Code>,
    /// Theirs: few bytes, for a search finds little of it in the processor's caches.
    numbers: Vec<i64>,
    /// In the order of [`Scenario::ALL`].
    scenarios: Box<[ScenarioText; Scenario::ALL.len()]>,
    legacy_clients: Vec<String>,
    support_ticket: Template,
    requirement_providers: Vec<(String, RequirementSource)>,
}

impl Catalog {
    /// The catalog in the binary.
    pub fn embedded() -> Result<Catalog, CatalogFaults> {
        load::embedded()
    }

    /// The catalog of a folder, in place of the one in the binary.
    pub fn load(dir: &Path) -> Result<Catalog, CatalogFaults> {
        load::folder(dir)
    }

    /// As the catalog states it itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn code(&self, code: i64) -> Option<&Code> {
        // Most sign-ins succeed, and 0 is the first.
        if self.numbers.first() == Some(&code) {
            return self.codes.first();
        }
        self.codes.get(self.numbers.binary_search(&code).ok()?)
    }

    /// Ascending.
    pub fn codes(&self) -> impl Iterator<Item = &Code> {
        self.codes.iter()
    }

    pub fn scenario(&self, scenario: Scenario) -> &ScenarioText {
        &self.scenarios[scenario as usize]
    }

    /// The facts that Microsoft support asks for.
    pub fn support_ticket(&self) -> &Template {
        &self.support_ticket
    }

    /// Whether `clientAppUsed` names a client with legacy authentication.
    pub fn is_legacy_client(&self, name: &str) -> bool {
        // `Other clients; IMAP` and `Exchange ActiveSync (unsupported)` are seen, too.
        let end = name.bytes().position(|byte| matches!(byte, b';' | b'('));
        let plain = name[..end.unwrap_or(name.len())].trim();
        let name = name.trim();
        let is_known = |name: &str| {
            let mut known = self.legacy_clients.iter();
            known.any(|known| known.eq_ignore_ascii_case(name))
        };
        is_known(plain) || name.len() > plain.len() && is_known(name)
    }

    /// What a `requirementProvider` stands for.
    pub fn requirement_source(&self, provider: &str) -> RequirementSource {
        let provider = provider.trim();
        self.requirement_providers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(provider))
            .map_or(RequirementSource::Unknown, |(_, source)| *source)
    }

    /// Every pair of scenario and outcome that a diagnosis can have, in order, each once.
    pub fn scenario_outcomes(&self) -> Vec<(Scenario, Outcome)> {
        let mut pairs: Vec<_> = self
            .codes
            .iter()
            .flat_map(|code| {
                let scenarios = code.scenario.scenarios();
                scenarios.iter().map(|scenario| (*scenario, code.outcome))
            })
            .chain([
                (Scenario::UnknownErrorCode, Outcome::Unknown),
                (Scenario::Undetermined, Outcome::Unknown),
            ])
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("version", &self.version)
            .field("codes", &self.codes.len())
            .finish_non_exhaustive()
    }
}
