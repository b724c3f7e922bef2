//! The command line's share of the settings.
use std::path::PathBuf;

use super::layers::Sources;

/// `--config` and `--set`, for every subcommand that needs settings.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SettingsArgs {
    /// Settings file (TOML); may be given several times, later ones win
    #[arg(long = "config", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// One setting, such as input.start=latest; wins over files and environment
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl SettingsArgs {
    /// These arguments and the environment of the process.
    pub fn sources(&self) -> Sources {
        Sources {
            files: self.files.clone(),
            environment: std::env::vars_os().collect(),
            set: self.set.clone(),
        }
    }
}
