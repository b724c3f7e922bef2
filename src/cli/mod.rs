//! The command line: one file a subcommand.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 64 the configuration, the catalog or the policy snapshot
//! is wrong, 65 the service met too much that cannot be read.
pub mod card;
pub mod check;
mod console;
pub mod demo;
mod diagnose;
pub mod explain;
mod generate;
mod healthcheck;
mod replay;
mod review;
mod run;
mod search;
mod store;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config;
use crate::diagnosis::catalog::{Catalog, CatalogFaults};
use crate::policies;

/// The exit code for a configuration, a catalog or a policy snapshot that is refused (`EX_USAGE` of sysexits.h).
const EXIT_CONFIGURATION: u8 = 64;

/// Names the sign-in diagnostic scenario of every Microsoft Entra ID sign-in as it streams by.
#[derive(Debug, Parser)]
#[command(name = "signin-diagnostics", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: sign-ins in, diagnoses out, counted
    Run(run::RunArgs),
    /// Watch the whole pipeline on this machine: embedded broker, generated or given sign-ins
    Demo(demo::DemoArgs),
    /// Send generated sign-ins to a broker, to try the service on
    Generate(generate::GenerateArgs),
    /// Ask a running service on this machine whether it lives: for containers without a shell
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Check the configuration, the catalog and the policy snapshot, and show what results
    Check(check::CheckArgs),
    /// Put dead letters, or a time range of the input, through the pipeline again
    Replay(replay::ReplayArgs),
    /// Diagnose the sign-ins of files or of standard input, without a broker
    Diagnose(diagnose::DiagnoseArgs),
    /// Search the diagnoses: whose sign-ins, when, to what, and how they ended
    Search(Box<search::args::SearchArgs>),
    /// Review one sign-in: what happened, which policies decided, what to do, and its flow
    Review(review::ReviewArgs),
    /// Open the web console: search and review in a browser, on this machine unless configured
    Console(console::ConsoleArgs),
    /// Say what an error code or a scenario means, and what to do about it
    Explain {
        /// Folder of a catalog that replaces the built-in one
        #[arg(long, value_name = "DIR")]
        catalog: Option<PathBuf>,
        #[command(flatten)]
        explain: explain::ExplainArgs,
    },
}

/// Runs what the arguments ask for.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args, &mut io::stdout().lock()),
        Command::Check(args) => check::run(
            &args,
            |folder| load_catalog(folder).map(|catalog| catalog.version().to_owned()),
            &mut io::stdout().lock(),
            &mut io::stderr().lock(),
        ),
        Command::Replay(args) => replay::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Review(args) => review::run(&args),
        Command::Console(args) => console::run(&args),
        Command::Explain { catalog, explain } => match load_catalog(catalog.as_deref()) {
            Ok(catalog) => explain::run(&explain, &catalog, &mut io::stdout().lock()),
            Err(faults) => return refuse(&faults),
        },
    };
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell where standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The built-in catalog, or the one in `folder`.
fn load_catalog(folder: Option<&Path>) -> Result<Catalog, CatalogFaults> {
    folder.map_or_else(Catalog::embedded, Catalog::load)
}

/// Where the policy snapshot is, if the settings name one.
fn snapshot_source(settings: &config::Settings) -> Option<policies::Source> {
    let privacy = settings.privacy.in_force();
    let settings = &settings.policy_snapshot;
    Some(policies::Source {
        folder: settings.path.clone()?,
        tenant_id: settings.tenant_id.clone(),
        limits: policies::Limits::default(),
        privacy,
    })
}

/// Prints every fault, and gives the exit code that says so.
fn refuse(faults: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "{faults}");
    ExitCode::from(EXIT_CONFIGURATION)
}

/// The reader of the output went away, as `head` does: there is nobody to tell.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
