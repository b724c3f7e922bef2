//! An error code as the catalog knows it.
use serde::Serialize;

use super::template::Template;
use super::text::Step;
use crate::diagnosis::scenario::{Case, CodeClass, Outcome, Scenario};

/// One row of the table of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub code: i64,
    /// The symbolic name, where a public reference gives one.
    pub name: Option<String>,
    pub class: CodeClass,
    pub outcome: Outcome,
    pub scenario: CodeScenario,
    /// One sentence for an administrator.
    pub meaning: String,
    /// Whether any public source knows the code.
    pub verified: bool,
    pub sources: Vec<Source>,
    /// Texts of the code's own, one a case at most; in the order of [`Case::ALL`], that for no
    /// case last.
    pub texts: Vec<CodeText>,
}

/// What is told of a code, or of a case of it, in place of its scenario's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeText {
    pub case: Option<Case>,
    pub assessment: Option<Template>,
    /// Where empty, those of the next text that holds, else of the scenario apply.
    pub remediation: Vec<Step>,
}

impl Code {
    /// What the first of its texts has whose case holds and that has it.
    pub fn own<'c, T>(
        &'c self,
        holds: impl Fn(Case) -> bool,
        part: impl Fn(&'c CodeText) -> Option<T>,
    ) -> Option<T> {
        let texts = self.texts.iter();
        texts
            .filter(|text| text.case.is_none_or(&holds))
            .find_map(part)
    }
}

/// Which scenario a code names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeScenario {
    Fixed(Scenario),
    /// `mfa_from_conditional_access` or `mfa_from_other_requirements`: the source of the
    /// requirement decides.
    MfaBySource,
}

impl CodeScenario {
    /// The word for [`CodeScenario::MfaBySource`] in the table.
    pub const BY_SOURCE: &'static str = "mfa_by_source";

    pub const fn as_str(self) -> &'static str {
        match self {
            CodeScenario::Fixed(scenario) => scenario.as_str(),
            CodeScenario::MfaBySource => CodeScenario::BY_SOURCE,
        }
    }

    pub fn from_name(name: &str) -> Option<CodeScenario> {
        if name == CodeScenario::BY_SOURCE {
            Some(CodeScenario::MfaBySource)
        } else {
            Scenario::from_name(name).map(CodeScenario::Fixed)
        }
    }

    /// The scenarios that a sign-in with the code can have.
    pub const fn scenarios(&self) -> &[Scenario] {
        match self {
            CodeScenario::Fixed(scenario) => std::slice::from_ref(scenario),
            CodeScenario::MfaBySource => &[
                Scenario::MfaFromConditionalAccess,
                Scenario::MfaFromOtherRequirements,
            ],
        }
    }
}

/// Where a code is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The description of the sign-in diagnostic's scenarios.
    Mission,
    /// Microsoft's reference of authentication error codes.
    Reference,
    /// Microsoft's error look-up page.
    Lookup,
    /// Another page of Microsoft's documentation.
    Documentation,
    /// Seen in a sign-in log.
    Observed,
}

impl Source {
    pub const ALL: [Source; 5] = [
        Source::Mission,
        Source::Reference,
        Source::Lookup,
        Source::Documentation,
        Source::Observed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Mission => "mission",
            Source::Reference => "reference",
            Source::Lookup => "lookup",
            Source::Documentation => "documentation",
            Source::Observed => "observed",
        }
    }

    pub fn from_name(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|known| known.as_str() == name)
    }
}
