//! `review`: one diagnosis whole, with the sign-ins of its flow before and after.
//!
//! Exit code 1 where the id leads to none or to several.
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context as _;
use askama::Template as _;
use chrono::Utc;
use clap::{Args, ValueEnum};

use super::card::{WIDTH, time_words, write_card};
use super::search::args::RangeArgs;
use super::search::progress::Bar;
use super::search::{self, HINTS, say, table, terminal_width, usage};
use super::store::{self, Opened, StoreArgs};
use super::{load_catalog, refuse};
use crate::config::Settings;
use crate::diagnosis::Scenario;
use crate::diagnosis::catalog::Catalog;
use crate::query::columns::Column;
use crate::query::filter::SHORT_ID;
use crate::query::inert::{self, Inert};
use crate::query::review::{Lookup, Review, look_up};
use crate::query::scope::{self, DEFAULT_RANGE};
use crate::query::store::Store;
use crate::query::view::{self, ReviewPage, View};

#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// Diagnosis id (its first 8 characters are enough), request id or correlation id
    #[arg(value_name = "ID")]
    id: String,
    /// How to write it [default: text]
    #[arg(long, value_enum, default_value_t = Format::Text, hide_default_value = true)]
    format: Format,
    /// Write it to a file that does not exist yet [default: standard output]
    #[arg(long, short, value_name = "FILE", hide_default_value = true)]
    output: Option<PathBuf>,
    /// Open the file in the browser (with --output and --format html)
    #[arg(long, requires = "output")]
    open: bool,
    /// Only the text for a support ticket
    #[arg(long, conflicts_with_all = ["format", "open"])]
    ticket: bool,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    /// The record as it lies in the topic
    Json,
    Markdown,
    Html,
}

pub fn run(args: &ReviewArgs) -> anyhow::Result<ExitCode> {
    if args.id.trim().len() < SHORT_ID {
        return Ok(usage(&format!(
            "an id has at least {SHORT_ID} characters: {:?}",
            args.id
        )));
    }
    if args.open && args.format != Format::Html {
        return Ok(usage(&"--open shows a page: add --format html"));
    }
    let default = args.store.files.is_empty().then_some(DEFAULT_RANGE);
    let range = match args.range.range(Utc::now(), default) {
        Ok(range) => range,
        Err(error) => return Ok(usage(&error)),
    };
    let catalog = Settings::catalog_path(&args.store.settings.sources());
    let catalog = match load_catalog(catalog.as_deref()) {
        Ok(catalog) => catalog,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let Opened { store, .. } = match store::open(&args.store)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let mut bar = Bar::new(matches!(store, Store::Files(_)));
    let found = look_up(&store, &args.id, range, args.range.max_delay, &mut bar);
    bar.clear();
    match found? {
        Lookup::None(passed) => {
            search::passed(&passed);
            say(&scope::nothing_found(
                &store,
                range,
                args.range.max_delay,
                HINTS,
            ));
            Ok(ExitCode::FAILURE)
        }
        Lookup::Several(matches, total) => {
            const COLUMNS: [Column; 6] = [
                Column::DiagnosisId,
                Column::Time,
                Column::User,
                Column::Application,
                Column::Scenario,
                Column::Outcome,
            ];
            let (list, _) = table::table(&COLUMNS, &matches, None, true, false);
            say(&format!(
                "{:?} matches {total} sign-ins; review one of them by its diagnosis id:\n\n{list}",
                args.id
            ));
            Ok(ExitCode::FAILURE)
        }
        Lookup::One(review) => {
            let written = write(args, &review, &catalog)?;
            let code = search::passed(&review.passed);
            Ok(if written == ExitCode::SUCCESS {
                code
            } else {
                written
            })
        }
    }
}

/// The title of a scenario; of one that this release does not know, its name.
pub fn title_of(catalog: &Catalog, scenario: &str) -> String {
    match Scenario::from_name(scenario) {
        Some(known) => catalog.scenario(known).title.clone(),
        None => scenario.replace('_', " "),
    }
}

fn write(args: &ReviewArgs, review: &Review, catalog: &Catalog) -> anyhow::Result<ExitCode> {
    let title_of = |scenario: &str| title_of(catalog, scenario);
    let mut text = String::new();
    if args.ticket {
        let Some(ticket) = &review.one.diagnosis.support_ticket else {
            say(
                "The steps of this diagnosis do not end at Microsoft support: there is no ticket text.",
            );
            return Ok(ExitCode::FAILURE);
        };
        for line in ticket.lines() {
            writeln!(text, "{}", Inert(line))?;
        }
    } else {
        match args.format {
            Format::Text => {
                let on_terminal = args.output.is_none() && io::stdout().is_terminal();
                let colour = on_terminal && std::env::var_os("NO_COLOR").is_none();
                let width = if on_terminal {
                    terminal_width().min(WIDTH)
                } else {
                    80
                };
                let own = &review.one.diagnosis;
                write_card(own, &title_of(&own.scenario), colour, width, &mut text)?;
                flow(review, &title_of, &mut text)?;
            }
            Format::Json => {
                for record in &review.one.records {
                    text.push_str(&inert::json(&String::from_utf8_lossy(record)));
                    text.push('\n');
                }
            }
            Format::Markdown => view::markdown(&View::of(review, &title_of), &mut text)?,
            Format::Html => {
                let view = View::of(review, &title_of);
                text = ReviewPage { view: &view }.render()?;
            }
        }
    }
    let Some(output) = &args.output else {
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    save(output, &text)?;
    say(&format!(
        "Written to {}; it holds personal data.",
        output.display()
    ));
    if args.open {
        open(output)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Never over a file that is there.
fn save(output: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(output);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", output.display()))
}

/// Shows the file with what the desktop opens pages with.
fn open(file: &Path) -> anyhow::Result<()> {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let file = file.canonicalize()?;
    let mut opener = Command::new(OsStr::new(program));
    opener
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = opener
        .status()
        .with_context(|| format!("cannot run {program}; open {} yourself", file.display()))?;
    anyhow::ensure!(status.success(), "{program} cannot open {}", file.display());
    Ok(())
}

fn flow(review: &Review, title_of: &dyn Fn(&str) -> String, out: &mut String) -> std::fmt::Result {
    let own = &review.one.diagnosis;
    if review.flow.len() < 2 {
        return Ok(());
    }
    writeln!(out, "  The flow, before and after")?;
    for one in &review.flow {
        let mark = if one.diagnosis_id == own.diagnosis_id {
            ">"
        } else {
            " "
        };
        let time = one
            .event_time
            .as_deref()
            .map_or_else(|| "time not known".to_owned(), time_words);
        let application = one
            .application
            .as_ref()
            .and_then(|app| app.shown())
            .unwrap_or_default();
        writeln!(
            out,
            "   {mark} {}  {}  {}, {}",
            Inert(&time),
            Inert(application),
            Inert(&title_of(&one.scenario)),
            Inert(&one.outcome)
        )?;
    }
    match view::flow_words(review, title_of) {
        Some(words) => writeln!(out, "  {}", Inert(&words)),
        None => Ok(()),
    }
}
