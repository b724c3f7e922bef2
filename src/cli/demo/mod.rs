//! The whole pipeline on one machine, over generated or given sign-ins.
//!
//! The pipeline is the one of `run`; around it stand an embedded broker, a sender, and a reader
//! of what comes out. At the end three accounts of the same records are compared: what was sent,
//! what the metrics counted, what lies in the output topics. Needs no server and no
//! configuration, and takes none: neither files nor the environment change a demo.
mod cluster;
mod display;
mod face;
pub mod feed;
mod figures;
mod files;
pub mod generator;
mod pace;
mod read_back;
mod screen;
pub mod sender;
mod show;
mod summary;
mod view;

use std::io::{self, IsTerminal as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use self::cluster::Cluster;
use self::feed::Feed;
use self::screen::FullScreen;
use self::show::{Bounds, Show};
use super::run::{Signals, attend, share};
use super::{load_catalog, refuse};
use crate::config::parse_duration;
use crate::pipeline::StopSignal;
use crate::telemetry::logging;

/// The port of `run`, so that a Prometheus that is set up for it finds the demo too.
const USUAL_PORT: u16 = 9464;

/// How many sign-ins a second a person can follow on the screen.
const WATCHED_RATE: u64 = 400;

/// How long a demo takes whose output nobody watches.
const UNWATCHED_TIME: Duration = Duration::from_secs(20);

/// Of generated sign-ins; given files have one, so that repeats meet their first copy.
const PARTITIONS: u16 = 4;

/// Sign-ins a partition remembers to tell repeats: the generator sends them soon after the first
/// copy, but exports may overlap by hours.
const REMEMBERED_GENERATED: usize = 8_192;
const REMEMBERED_GIVEN: usize = 200_000;

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Play these exported sign-in logs instead of generated ones: JSON, NDJSON, also .gz
    #[arg(long, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,

    /// Stop after so many records (the message that reaches the number is sent whole)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    events: Option<u64>,

    /// Records a second, 0: as fast as the pipeline takes them [default: 400; 0 with --input]
    #[arg(long, value_name = "N")]
    rate: Option<u64>,

    /// Stop after this time, such as 30s or 2m [default: until Ctrl-C or the end of the input;
    /// 20s when generated sign-ins are shown on no terminal and --events is not given]
    #[arg(long = "for", value_name = "DURATION", value_parser = positive_duration)]
    time: Option<Duration>,

    /// Seed of the generated sign-ins: the same seed, the same people and stories
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "input")]
    seed: u64,

    /// Workers of the pipeline [default: one a core, at most one a partition]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: Option<u16>,

    /// Plain lines on a terminal too, instead of the full screen
    #[arg(long)]
    plain: bool,

    /// What the log on standard error says
    #[arg(long, value_name = "LEVEL", default_value = "warn",
          value_parser = ["error", "warn", "info", "debug", "trace"])]
    log_level: String,
}

pub fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or("write a number and its unit, such as 30s, 2m or 1h")
}

impl DemoArgs {
    fn bounds(&self, is_watched: bool) -> Bounds {
        let is_generated = self.input.is_empty();
        let rate = match (self.rate, is_generated) {
            (Some(rate), _) => rate,
            (None, true) => WATCHED_RATE,
            (None, false) => 0,
        };
        let unwatched = is_generated && !is_watched && self.events.is_none();
        Bounds {
            rate: (rate > 0).then_some(rate),
            events: self.events,
            time: self.time.or(unwatched.then_some(UNWATCHED_TIME)),
        }
    }
}

pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let catalog = match load_catalog(None) {
        Ok(catalog) => catalog,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let bounds = args.bounds(io::stdout().is_terminal());
    let (feed, partitions, remembered) = if args.input.is_empty() {
        let feed = Feed::generated(args.seed, PARTITIONS, bounds.spike_after());
        (feed, PARTITIONS, REMEMBERED_GENERATED)
    } else {
        (Feed::files(&args.input)?, 1, REMEMBERED_GIVEN)
    };
    // Lives until the end of this function, beyond every client of it.
    let cluster = Cluster::start(partitions)?;
    let listener = listen()?;
    let workers = args.workers.unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        u16::try_from(cores).unwrap_or(partitions).min(partitions)
    });
    let listen = listener.local_addr()?;
    let settings = match cluster.settings(listen, workers, &args.log_level, remembered) {
        Ok(settings) => settings,
        Err(faults) => return Ok(refuse(&faults)),
    };
    let full = FullScreen::default();
    let telemetry = &settings.telemetry;
    logging::start_held(telemetry.log_format, telemetry.log_level, full.log.clone())?;
    let shared = share(
        settings,
        catalog,
        std::sync::Arc::default(),
        StopSignal::default(),
    )?;
    let ending = StopSignal::default();
    let wanted = face::wants_full_screen(args.plain).then(|| full.clone());
    let show = Show::new(shared.clone(), feed, bounds, ending.clone(), wanted);
    let adds_up = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for signals and HTTP")?
        .block_on(async {
            let signals = Signals::listen()?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let work = move || show.run();
            attend(signals, listener, &shared, work, || !ending.request()).await
        })?;
    full.leave();
    let Some(Some(result)) = adds_up else {
        // It panicked, or was interrupted twice: its clients are open, and would complain of a
        // broker that goes before they do.
        std::mem::forget(cluster);
        return Ok(ExitCode::FAILURE);
    };
    Ok(if result? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The usual port, or any free one.
fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .context("cannot listen on the loopback address")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
