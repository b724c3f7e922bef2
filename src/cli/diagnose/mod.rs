//! `diagnose`: files or standard input in, a diagnosis of every sign-in out; no broker.
//!
//! The records are those of `run`, in the order of the input; nothing is taken for a repeat.
//! What cannot be read is told on standard error with its place, loses none of its neighbours,
//! and makes the exit code 1.
mod output;
mod place;
mod progress;
mod tally;
mod values;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::card::WIDTH;
use super::search::{say, terminal_width};
use super::{load_catalog, refuse};
use crate::diagnosis::{Detail, DetailRules, Diagnoser, Source};
use crate::files::Input;
use crate::policies::{self, PolicySnapshot};
use crate::signin::{BadReason, Item, Limits, Privacy, Reader};
use output::{Form, Output};
use place::{Place, Places};
use progress::Progress;
use tally::Tally;
use values::{Piece, Values};

/// The largest value that is taken: an envelope, or a record. A list around the whole file may
/// be of any size.
const VALUE_LIMIT: usize = 256 << 20;

const EXIT_USAGE: u8 = 2;

#[derive(Debug, Args)]
pub struct DiagnoseArgs {
    /// Sign-in logs as JSON, in any shape that Entra or Azure Monitor writes, also gzip; "-" or
    /// none: standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to write: a card for each sign-in, or its record as a line of JSON
    /// [default: card on a terminal, else ndjson]
    #[arg(long, value_enum, hide_default_value = true)]
    format: Option<Format>,
    /// How much the records say
    #[arg(long, value_enum, default_value_t = DetailLevel::Full)]
    detail: DetailLevel,
    /// Folder of a catalog that replaces the built-in one
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
    /// Folder with an export of the tenant's Conditional Access policies
    #[arg(long, value_name = "DIR")]
    policy_snapshot: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Card,
    Ndjson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DetailLevel {
    Full,
    Summary,
}

pub fn run(args: &DiagnoseArgs) -> anyhow::Result<ExitCode> {
    let standard_input = [PathBuf::from("-")];
    let files = if args.files.is_empty() {
        if io::stdin().is_terminal() {
            let _ = writeln!(
                io::stderr(),
                "error: nothing to read: name a file, or pipe sign-in logs in\n\n  \
                 signin-diagnostics diagnose sign-ins.json\n  \
                 signin-diagnostics diagnose < sign-ins.json"
            );
            return Ok(ExitCode::from(EXIT_USAGE));
        }
        &standard_input[..]
    } else {
        &args.files
    };
    let catalog = match load_catalog(args.catalog.as_deref()) {
        Ok(catalog) => catalog,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let snapshot = args
        .policy_snapshot
        .as_deref()
        .map(|folder| PolicySnapshot::load(folder, &policies::Limits::default()))
        .transpose();
    let snapshot = match snapshot {
        Ok(snapshot) => snapshot,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let detail = match args.detail {
        DetailLevel::Full => Detail::Full,
        DetailLevel::Summary => Detail::Summary,
    };
    let on_terminal = io::stdout().is_terminal();
    let colour = on_terminal && std::env::var_os("NO_COLOR").is_none();
    let width = if on_terminal {
        terminal_width().min(WIDTH)
    } else {
        WIDTH
    };
    let form = match args.format {
        Some(Format::Ndjson) => Form::Lines,
        None if !on_terminal => Form::Lines,
        Some(Format::Card) | None => Form::Cards { colour, width },
    };
    let diagnoser = Diagnoser::new(catalog, DetailRules::all(detail));
    let mut reading = Reading {
        diagnoser: &diagnoser,
        reader: Reader::new(Limits::decompressed(VALUE_LIMIT), Privacy::default()),
        output: Output::new(io::stdout().lock(), form, snapshot),
        tally: Tally::default(),
        progress: Progress::new(!on_terminal && io::stderr().is_terminal()),
    };
    for file in files {
        reading.file(file)?;
    }
    reading.output.flush()?;
    let tally = reading.tally;
    reading.progress.clear();
    if let Some(remark) = reading.output.remark() {
        say(&remark);
    }
    if tally.bad > 0 || tally.diagnosed == 0 || io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "{tally}");
    }
    Ok(if tally.bad > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Reads file after file.
struct Reading<'d> {
    diagnoser: &'d Diagnoser,
    reader: Reader,
    output: Output<io::StdoutLock<'static>>,
    tally: Tally,
    progress: Progress,
}

impl Reading<'_> {
    /// Diagnoses what `file` holds. The only error is one of the output.
    fn file(&mut self, file: &Path) -> io::Result<()> {
        let (name, input) = if file == "-" {
            ("stdin".into(), Input::standard())
        } else {
            (file.to_string_lossy(), Input::open(file))
        };
        let input = match input {
            Ok(input) => input,
            Err(error) => {
                self.complain(&name, None, &error);
                return Ok(());
            }
        };
        let mut values = Values::new(input.text, VALUE_LIMIT);
        let mut line = LinePosition::default();
        loop {
            match values.next() {
                Ok(Some(Piece::Wait)) => {
                    self.output.flush()?;
                    self.progress
                        .show(&name, input.read.get(), input.size, self.tally.diagnosed);
                }
                Ok(Some(Piece::Text { text, place })) => {
                    self.value(&name, text, place, &mut line)?;
                }
                Ok(Some(Piece::TooLarge { place })) => self.complain(
                    &name,
                    Some(place),
                    &format_args!(
                        "larger than {} MiB, not read from here on; write one record a line",
                        VALUE_LIMIT >> 20
                    ),
                ),
                Ok(Some(Piece::Unclosed { place })) => {
                    let reason = "the file ends inside its list";
                    self.complain(&name, Some(place), &reason);
                }
                Ok(Some(Piece::Empty)) => self.complain(&name, None, &"is empty"),
                Ok(None) => return Ok(()),
                Err(error) => self.complain(&name, None, &error),
            }
        }
    }

    fn value(
        &mut self,
        name: &str,
        text: &[u8],
        place: Place,
        line: &mut LinePosition,
    ) -> io::Result<()> {
        let Reading {
            diagnoser,
            reader,
            output,
            tally,
            progress,
        } = self;
        let before = line.of(place.line);
        let mut places = Places::new(text, place);
        let mut written = Ok(());
        output.set_time();
        reader.read(text, &mut |item| {
            line.next = line.next.saturating_add(1);
            match item {
                Item::SignIn {
                    position,
                    sign_in,
                    faults,
                } => {
                    tally.diagnosed += 1;
                    tally.add_faults(faults);
                    let source = Source::File {
                        file: name,
                        line: place.line,
                        position: before.saturating_add(position),
                    };
                    if written.is_ok() {
                        written = output.diagnosis(diagnoser, sign_in, source);
                    }
                }
                Item::Skipped { category, .. } => tally.skip(category),
                Item::Bad {
                    bytes,
                    reason,
                    detail,
                    ..
                } => {
                    tally.bad += 1;
                    // Of a body that was decompressed the bytes lie elsewhere.
                    let start = bytes.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
                    let at = start.saturating_add(detail.offset.unwrap_or(0));
                    let begins = places.of(start);
                    let fault = places.of(at);
                    progress.clear();
                    let _ = complaint(name, begins, fault, reason);
                }
            }
        });
        written
    }

    fn complain(&mut self, name: &str, place: Option<Place>, reason: &dyn std::fmt::Display) {
        self.tally.bad += 1;
        self.progress.clear();
        // Nothing is left to tell where standard error is closed.
        let _ = match place {
            Some(Place { line, column }) => {
                writeln!(io::stderr(), "{name}:{line}:{column}: {reason}")
            }
            None => writeln!(io::stderr(), "{name}: {reason}"),
        };
    }
}

/// Tells where reading stopped and why, and where the record begins if that is another line.
fn complaint(name: &str, begins: Place, fault: Place, reason: BadReason) -> io::Result<()> {
    let Place { line, column } = fault;
    let reason = match reason {
        BadReason::Empty => "nothing to read",
        BadReason::NotAnObject => "JSON, but neither an object nor a list of objects",
        BadReason::Syntax => "not JSON",
        BadReason::Truncated => "ends inside a record or an envelope",
        BadReason::InvalidUtf8 => "not UTF-8",
        BadReason::Compression => "begins as gzip, but does not decompress",
        BadReason::TooLarge => "too large once decompressed",
        BadReason::TooManyRecords => "too many records",
    };
    let mut err = io::stderr().lock();
    write!(err, "{name}:{line}:{column}: {reason}")?;
    if begins.line != line {
        write!(err, " (begins on line {})", begins.line)?;
    }
    writeln!(err)
}

/// Counts what begins on a line, however many values it holds.
#[derive(Debug, Default)]
struct LinePosition {
    line: u64,
    next: u32,
}

impl LinePosition {
    /// The position of the next item, of a value that begins on `line`.
    fn of(&mut self, line: u64) -> u32 {
        if self.line != line {
            *self = LinePosition { line, next: 0 };
        }
        self.next
    }
}
