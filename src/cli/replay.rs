//! `replay`: dead letters, or a time range of the input, through the pipeline again.
//!
//! A process of its own, beside the service: it joins no group, commits nothing, listens nowhere.
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat};
use tokio::sync::oneshot;

use super::run::{self, Signals};
use super::{load_catalog, refuse, snapshot_source};
use crate::config::{Settings, SettingsArgs};
use crate::kafka;
use crate::pipeline::replay::{End, Figures, Range, Replay};
use crate::pipeline::{Shared, StopSignal};
use crate::policies::Current;
use crate::query::inert::Inert;
use crate::telemetry::logging;

/// The exit code of a wrong command line, as clap's own.
const EXIT_USAGE: u8 = 2;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// How soon a stop is noticed while the first token is waited for.
const TOKEN_POLL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Read the dead-letter topic, and diagnose what can now be read
    #[arg(long, required_unless_present = "from")]
    dead_letters: bool,
    /// Begin at the first message that the broker received at this time (2026-03-01T00:00:00Z);
    /// without --dead-letters, of the input topics
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<i64>,
    /// End before the first message of this time; default: at the end as of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<i64>,
    /// Write to this topic in place of output.topic
    #[arg(long, value_name = "TOPIC")]
    output_topic: Option<String>,
    /// Count, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

fn time(text: &str) -> Result<i64, String> {
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|_| "write a time with its zone, such as 2026-03-01T00:00:00Z".to_owned())?;
    match time.timestamp_millis() {
        before if before < 0 => Err("Kafka has no times before 1970".to_owned()),
        time => Ok(time),
    }
}

pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let asks = !args.dry_run && !args.yes;
    if asks && !io::stdin().is_terminal() {
        eprintln!("error: it writes: say --yes, or --dry-run to count first");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    if args.from.zip(args.to).is_some_and(|(from, to)| from >= to) {
        eprintln!("error: --from is not before --to");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let mut sources = args.settings.sources();
    if let Some(topic) = &args.output_topic {
        sources.set.push(format!("output.topic={topic}"));
    }
    let catalog = match load_catalog(Settings::catalog_path(&sources).as_deref()) {
        Ok(catalog) => catalog,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let settings = match Settings::load(&sources) {
        Ok(settings) => settings,
        Err(faults) => return Ok(refuse(&faults)),
    };
    if let Some(fault) = kafka::properties_fault(&settings) {
        return Ok(refuse(&fault));
    }
    let policies = match snapshot_source(&settings).map(|source| source.load()) {
        None => Arc::default(),
        Some(Ok(snapshot)) => Current::new(Some(Arc::new(snapshot))),
        Some(Err(faults)) => return Ok(refuse(&faults)),
    };
    logging::start(settings.telemetry.log_format, settings.telemetry.log_level)?;
    let stop = StopSignal::default();
    let shared = run::share(settings, catalog, policies, stop)?;
    let range = Range {
        topics: if args.dead_letters {
            vec![shared.settings.dead_letter.topic.clone()]
        } else {
            shared.settings.input.topics.clone()
        },
        dead_letters: args.dead_letters,
        from: args.from,
        to: args.to,
    };
    let dry_run = args.dry_run;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for signals")?
        .block_on(attend(shared, move |shared| {
            replay(shared, range, dry_run, asks)
        }))
}

/// Works on a thread of its own; the first signal stops it, the second ends the process.
async fn attend(
    shared: Shared,
    work: impl FnOnce(&Shared) -> anyhow::Result<ExitCode> + Send + 'static,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let refresher = run::refresher(&shared)?.map(|refresher| tokio::spawn(refresher.run()));
    let (ended, mut end) = oneshot::channel();
    let stop = shared.stop.clone();
    thread::Builder::new()
        .name("replay".to_owned())
        .spawn(move || ended.send(work(&shared)))?;
    let result = loop {
        tokio::select! {
            result = &mut end => break result,
            () = signals.next() => {}
        }
        if stop.is_requested() {
            eprintln!("second signal: exiting at once");
            return Ok(ExitCode::FAILURE);
        }
        eprintln!("stopping: waiting for acknowledgements");
        stop.request();
    };
    if let Some(refresher) = refresher {
        refresher.abort();
    }
    result.context("the replay panicked")?
}

fn replay(shared: &Shared, range: Range, dry_run: bool, asks: bool) -> anyhow::Result<ExitCode> {
    let stop = &shared.stop;
    if let Some(tokens) = &shared.tokens {
        let until = Instant::now() + shared.settings.kafka.refusal_timeout;
        while !tokens.wait(TOKEN_POLL) {
            if stop.is_requested() || Instant::now() >= until {
                bail!("no token from Entra ID");
            }
        }
    }
    let topic = &shared.settings.output.topic;
    let replay = Replay::new(shared, range)?;
    let offsets = replay.messages();
    eprintln!("counting; offsets in the range: {offsets}");
    let (figures, end) = replay.pass(false, stop, &mut progress("counted", offsets))?;
    print!("{}", text(&figures, topic));
    io::stdout().flush()?;
    if let End::Stopped { .. } = end {
        eprintln!("stopped while counting; nothing was written");
        return Ok(ExitCode::FAILURE);
    }
    if dry_run || figures.records() == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    if asks {
        eprint!("Write {} records to {topic}? [y/N] ", figures.records());
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            eprintln!("nothing was written");
            return Ok(ExitCode::FAILURE);
        }
    }
    let (figures, end) = replay.pass(true, stop, &mut progress("read", offsets))?;
    println!(
        "written to {topic}, and acknowledged: {} of {} records",
        figures.acknowledged, figures.produced
    );
    match end {
        End::Done => Ok(ExitCode::SUCCESS),
        End::Stopped { go_on_from } => {
            let from = go_on_from.and_then(DateTime::from_timestamp_millis);
            match from {
                Some(from) => eprintln!(
                    "stopped; go on with --from {} (what was written comes again with the same ids)",
                    from.to_rfc3339_opts(SecondsFormat::Millis, true)
                ),
                None => eprintln!("stopped; begin again (what was written has the same ids)"),
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A line on standard error a second, in place on a terminal.
fn progress(what: &'static str, offsets: u64) -> impl FnMut(&Figures) {
    let mut last = Instant::now();
    move |figures: &Figures| {
        if last.elapsed() < PROGRESS_INTERVAL {
            return;
        }
        last = Instant::now();
        eprintln!(
            "{what} {} messages of at most {offsets}; {} of {} outputs acknowledged",
            figures.messages, figures.acknowledged, figures.produced
        );
    }
}

fn text(figures: &Figures, topic: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "messages {}", figures.messages);
    let _ = writeln!(text, "records for {topic} {}", figures.records());
    for ((scenario, outcome), count) in &figures.diagnoses {
        let _ = writeln!(text, "  {scenario} {outcome} {count}");
    }
    for (name, count) in [
        ("updates", figures.updates),
        ("pages", figures.pages),
        ("without a record, by output.detail", figures.without_record),
        ("repeats, not written", figures.repeats),
        ("of other logs, not written", figures.skipped),
        ("no dead letters of this service, not read", figures.foreign),
    ] {
        if count > 0 {
            let _ = writeln!(text, "  {name} {count}");
        }
    }
    let sealed: u64 = figures.sealed.values().sum();
    let dead = figures.dead_letters.values().sum::<u64>() + figures.dropped + sealed;
    let _ = writeln!(text, "cannot be read {dead}");
    for (reason, count) in &figures.dead_letters {
        let _ = writeln!(text, "  {reason} {count}");
    }
    if figures.dropped > 0 {
        let _ = writeln!(
            text,
            "  without their bytes, by privacy.dead_letters {}: the input topic has them, for as \
             long as it keeps them; read it again with --from",
            figures.dropped
        );
    }
    for (key_id, count) in &figures.sealed {
        let _ = writeln!(
            text,
            "  encrypted with key {} {count}: name its secret with --set privacy.key_file=FILE",
            Inert(key_id)
        );
    }
    text
}
