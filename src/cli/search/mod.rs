//! `search`: the sign-ins of a scope, from the output topic or from files, as a list.
//!
//! The list goes to standard output, what is to be said about it to standard error. Finding
//! nothing is an answer: exit code 0. A record that cannot be read is told, and makes it 1.
pub mod args;
pub mod progress;
pub mod table;

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::process::ExitCode;

use chrono::{TimeDelta, Utc};
use console::Term;
use serde::Serialize;

use super::store::{self, Opened};
use crate::query::columns::Column;
use crate::query::filter::Filter;
use crate::query::format::{self, Csv};
use crate::query::groups::GroupBy;
use crate::query::inert::Inert;
use crate::query::matches::{Found, Match, Passed};
use crate::query::record::Diagnosis;
use crate::query::review::{Progress as _, Search};
use crate::query::scope::{self, DEFAULT_RANGE, Range};
use crate::query::store::{ScanError, Stopped, Store, Visitor};
use args::{Format, SearchArgs};
use progress::Bar;

const EXIT_USAGE: u8 = 2;

pub fn run(args: &SearchArgs) -> anyhow::Result<ExitCode> {
    if args.columns.iter().any(|name| name == "help") {
        return columns_help().map(|()| ExitCode::SUCCESS);
    }
    let (columns, chosen) = match args.columns() {
        Ok(columns) => columns,
        Err(error) => return Ok(usage(&error)),
    };
    let default = args.store.files.is_empty().then_some(DEFAULT_RANGE);
    let range = match args.range.range(Utc::now(), default) {
        Ok(range) => range,
        Err(error) => return Ok(usage(&error)),
    };
    let on_terminal = io::stdout().is_terminal();
    let format = args.format.unwrap_or(if on_terminal {
        Format::Table
    } else {
        Format::Ndjson
    });
    if args.stream && !matches!(format, Format::Ndjson | Format::Csv) {
        return Ok(usage(&"--stream writes ndjson or csv: add --format"));
    }
    let Opened {
        store,
        keyed_by_user,
        key,
        ..
    } = match store::open(&args.store)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let search = Search {
        filter: args.filter(range, key.as_ref()),
        order: args.sort,
        limit: args.limit(format),
        max_delay: args.range.max_delay,
        key: user_key(args, keyed_by_user),
    };
    let mut listing = Listing {
        store: &store,
        search: &search,
        range,
        max_delay: args.range.max_delay,
        format,
        on_terminal,
        bar: Bar::new(matches!(store, Store::Files(_))),
    };
    let result = if args.stream {
        listing.stream(&columns)
    } else if let Some(by) = args.group_by {
        listing.groups(by)
    } else {
        listing.list(&columns, chosen)
    };
    listing.bar.clear();
    result
}

/// Which partition the user's records are on, where that is known.
fn user_key(args: &SearchArgs, keyed_by_user: bool) -> Option<String> {
    (keyed_by_user && !args.all_partitions)
        .then(|| scope::message_key(args.user.as_deref()))
        .flatten()
}

/// One search, and where its answer goes.
struct Listing<'a> {
    store: &'a Store,
    search: &'a Search,
    range: Range,
    max_delay: TimeDelta,
    format: Format,
    on_terminal: bool,
    bar: Bar,
}

impl Listing<'_> {
    fn list(&mut self, columns: &[Column], chosen: bool) -> anyhow::Result<ExitCode> {
        let found = self.search.run(self.store, &mut self.bar)?;
        self.bar.clear();
        let out = &mut BufWriter::new(io::stdout().lock());
        let mut left = Vec::new();
        match self.format {
            Format::Table if found.matches.is_empty() => {}
            Format::Table => {
                let width = self.on_terminal.then(terminal_width);
                let colour = self.on_terminal && std::env::var_os("NO_COLOR").is_none();
                let (list, unfit) = table::table(columns, &found.matches, width, chosen, colour);
                out.write_all(list.as_bytes())?;
                left = unfit;
            }
            Format::Ndjson => {
                for record in found.matches.iter().flat_map(|one| &one.records) {
                    out.write_all(record)?;
                    out.write_all(b"\n")?;
                }
            }
            Format::Csv => {
                let mut csv = Csv::new(&mut *out, columns)?;
                found
                    .matches
                    .iter()
                    .try_for_each(|one| csv.line(&one.diagnosis))?;
                csv.flush()?;
            }
            Format::Markdown => format::markdown(columns, &found.matches, out)?,
        }
        out.flush()?;
        if found.matches.is_empty() {
            self.say_nothing_found();
        } else {
            self.say_found(&found, &left);
        }
        Ok(passed(&found.passed))
    }

    fn groups(&mut self, by: GroupBy) -> anyhow::Result<ExitCode> {
        let counted = self.search.count(self.store, by, &mut self.bar)?;
        let unreadable = counted.passed;
        let (groups, total) = counted.finish();
        self.bar.clear();
        let out = &mut BufWriter::new(io::stdout().lock());
        match self.format {
            Format::Table => {
                let width = if self.on_terminal {
                    terminal_width()
                } else {
                    100
                };
                out.write_all(table::bars(&groups, width).as_bytes())?;
            }
            Format::Ndjson => {
                for (group, count) in &groups {
                    serde_json::to_writer(
                        &mut *out,
                        &GroupLine {
                            group,
                            count: *count,
                        },
                    )?;
                    out.write_all(b"\n")?;
                }
            }
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(&mut *out);
                csv.write_record(["group", "count"])?;
                for (group, count) in &groups {
                    csv.write_record([format::plain(group), count.to_string()])?;
                }
                csv.flush()?;
            }
            Format::Markdown => {
                writeln!(out, "| Group | Sign-ins |\n| --- | ---: |")?;
                for (group, count) in &groups {
                    writeln!(out, "| {} | {count} |", format::literal(group))?;
                }
            }
        }
        out.flush()?;
        if total == 0 {
            self.say_nothing_found();
        } else {
            say(&format!(
                "\n{} in {}, {}.{}",
                scope::sign_ins(total),
                scope::groups_words(groups.len()),
                self.where_and_when(),
                scope::read_until(self.store, self.range, self.max_delay, LATER)
            ));
        }
        Ok(passed(&unreadable))
    }

    fn stream(&mut self, columns: &[Column]) -> anyhow::Result<ExitCode> {
        let out = BufWriter::with_capacity(256 << 10, io::stdout().lock());
        let out = match self.format {
            Format::Csv => StreamOut::Csv(Box::new(Csv::new(out, columns)?)),
            _ => StreamOut::Lines(out),
        };
        let mut stream = Stream {
            out,
            filter: &self.search.filter,
            passed: Passed::default(),
            written: 0,
            bar: &mut self.bar,
        };
        let mut scanned = self.store.scan(&self.search.extent(), &mut stream);
        if scanned.is_ok() {
            let flushed = match &mut stream.out {
                StreamOut::Lines(out) => out.flush(),
                StreamOut::Csv(csv) => csv.flush(),
            };
            scanned = flushed.map_err(|error| ScanError::Stopped(error.into()));
        }
        let (written, unreadable) = (stream.written, stream.passed);
        self.bar.clear();
        match scanned {
            // The reader went away, as `head` does.
            Err(ScanError::Stopped(Stopped::Write(error))) => return Err(error.into()),
            scanned => scanned?,
        }
        if written == 0 {
            self.say_nothing_found();
        }
        Ok(passed(&unreadable))
    }

    /// What the person in front of a terminal does next.
    fn say_found(&self, found: &Found, left: &[Column]) {
        if !io::stderr().is_terminal() {
            return;
        }
        let shown = found.matches.len();
        let count = if found.total > shown as u64 {
            format!(
                "{shown} of {} shown; --limit shows more, --group-by counts them",
                scope::sign_ins(found.total)
            )
        } else {
            scope::sign_ins(found.total)
        };
        say(&format!(
            "\n{count}. {}.{}",
            upper(&self.where_and_when()),
            scope::read_until(self.store, self.range, self.max_delay, LATER)
        ));
        if !left.is_empty() {
            let names: Vec<_> = left.iter().map(|column| column.name()).collect();
            say(&format!(
                "Not shown for want of room: {}. Choose with --columns.",
                names.join(", ")
            ));
        }
        if let Some(one) = found.matches.first() {
            say(&format!(
                "Next: signin-diagnostics review {}",
                self.review_of(one)
            ));
        }
    }

    /// The arguments that find the sign-in again, from shortly before it on.
    fn review_of(&self, one: &Match) -> String {
        let id = Column::Id.of(&one.diagnosis);
        let from = match (self.store, one.time()) {
            (Store::Files(files), _) => {
                let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
                format!(" --file {}", files.join(" "))
            }
            (Store::Topic(_), Some(time)) if time < Utc::now() - DEFAULT_RANGE => {
                format!(" --from {}", time.format("%Y-%m-%dT%H:%MZ"))
            }
            _ => String::new(),
        };
        format!("{}{}", Inert(&id), Inert(&from))
    }

    fn say_nothing_found(&self) {
        say(&scope::nothing_found(
            self.store,
            self.range,
            self.max_delay,
            HINTS,
        ));
    }

    /// `topic diagnoses, 2026-03-01 10:00:00Z to now`
    fn where_and_when(&self) -> String {
        format!(
            "{}, {}",
            Inert(&self.store.name()),
            scope::range_words(self.range)
        )
    }
}

/// What helps where there is nothing, or the reading stopped short.
const LATER: &str = "--max-delay reads on.";
pub const HINTS: (&str, &str) = ("--from 7d looks further back.", LATER);

/// Tells what could not be read; gives the exit code.
pub fn passed(passed: &Passed) -> ExitCode {
    for words in scope::passed_words(passed) {
        say(&words);
    }
    if passed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

pub fn terminal_width() -> usize {
    usize::from(Term::stdout().size().1).max(40)
}

/// Nothing is left to tell where standard error is closed.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what is wrong with the arguments.
pub fn usage(error: &dyn std::fmt::Display) -> ExitCode {
    say(&format!("error: {error}"));
    ExitCode::from(EXIT_USAGE)
}

fn columns_help() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for column in Column::ALL {
        writeln!(out, "{:<16}{}", column.name(), column.about())?;
    }
    Ok(())
}

#[derive(Serialize)]
struct GroupLine<'a> {
    group: &'a str,
    count: u64,
}

enum StreamOut<W: Write> {
    Lines(W),
    Csv(Box<Csv<W>>),
}

struct Stream<'a, W: Write> {
    out: StreamOut<W>,
    filter: &'a Filter,
    passed: Passed,
    written: u64,
    bar: &'a mut Bar,
}

impl<W: Write> Visitor for Stream<'_, W> {
    fn record(&mut self, record: &[u8]) -> Result<(), Stopped> {
        let glance = self.passed.glance(record);
        if !glance.is_some_and(|glance| self.filter.includes(&glance)) {
            return Ok(());
        }
        match &mut self.out {
            StreamOut::Lines(out) => {
                out.write_all(record)?;
                out.write_all(b"\n")?;
            }
            StreamOut::Csv(csv) => {
                let Ok(diagnosis) = Diagnosis::parse(record) else {
                    self.passed.unreadable += 1;
                    return Ok(());
                };
                csv.line(&diagnosis)?;
            }
        }
        self.written += 1;
        Ok(())
    }

    fn progress(&mut self, done: u64, total: u64) -> Result<(), Stopped> {
        self.bar.progress(done, total)
    }
}
