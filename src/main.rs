//! Parses the arguments, runs the subcommand, gives its exit code.
use std::process::ExitCode;

fn main() -> ExitCode {
    signin_diagnostics::cli::main()
}
