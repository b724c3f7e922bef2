//! The catalog's texts for people: what a scenario says, who does what, where to read on.
use serde::{Deserialize, Serialize};

use super::template::Template;

/// What is told about a scenario.
#[derive(Debug, Clone)]
pub struct ScenarioText {
    pub title: String,
    /// What the scenario means, whatever the event.
    pub summary: String,
    /// What happened, about one event.
    pub assessment: Template,
    /// In order; at least one.
    pub remediation: Vec<Step>,
    /// At least one.
    pub references: Vec<Reference>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub actor: Actor,
    pub action: String,
    /// An https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Who takes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    User,
    Administrator,
    MicrosoftSupport,
}

impl Actor {
    /// The actor in a sentence or list.
    pub const fn title(self) -> &'static str {
        match self {
            Actor::User => "User",
            Actor::Administrator => "Administrator",
            Actor::MicrosoftSupport => "Microsoft support",
        }
    }
}

/// Where to read on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub title: String,
    /// An https address.
    pub url: String,
}
