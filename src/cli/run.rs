//! `run`: the service, from start to exit.
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{load_catalog, refuse, snapshot_source};
use crate::config::{Sasl, Settings, SettingsArgs};
use crate::delivery::Exit;
use crate::diagnosis::Diagnoser;
use crate::kafka::{self, Credential, Refresher};
use crate::pipeline::{End, Pipeline, SERVICE_VERSION, Shared, StartError, StopSignal};
use crate::policies::watch::{News, Watcher};
use crate::policies::{self, Current, Watch};
use crate::signin::Field;
use crate::telemetry::{BuildInfo, Health, Metrics, Series, admin, logging};
use crate::watch::{self, Reloaded, Reloader, WatchLists};

/// The commit that the binary was built from, where the build says so.
const REVISION: &str = match option_env!("SIGNIN_DIAGNOSTICS_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The exit code where too much could not be read (`EX_DATAERR` of sysexits.h): of its own, so that
/// who starts the service can leave it stopped.
const EXIT_DEAD_LETTER_LIMIT: u8 = 65;

/// How often the files of the watch lists are read.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);
/// How soon a stop is noticed while the first token is waited for.
const TOKEN_POLL: Duration = Duration::from_millis(100);

/// The names of the fields that can be faulty, by [`Field`].
static FIELDS: [&str; Field::ALL.len()] = {
    let mut names = [""; Field::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Field::ALL[index].as_str();
        index += 1;
    }
    names
};

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    settings: SettingsArgs,
}

pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let sources = args.settings.sources();
    let catalog = load_catalog(Settings::catalog_path(&sources).as_deref());
    let mut faults: Vec<String> = catalog
        .as_ref()
        .err()
        .map(ToString::to_string)
        .into_iter()
        .collect();
    let settings = match Settings::load(&sources) {
        Ok(settings) => settings,
        Err(of_settings) => {
            faults.insert(0, of_settings.to_string());
            return Ok(refuse(&faults.join("\n")));
        }
    };
    faults.extend(kafka::properties_fault(&settings).map(|fault| fault.to_string()));
    let watcher = snapshot_source(&settings)
        .map(|source| Watcher::start(source, settings.policy_snapshot.max_age))
        .transpose();
    faults.extend(watcher.as_ref().err().map(ToString::to_string));
    let (Ok(catalog), Ok(watcher), true) = (catalog, watcher, faults.is_empty()) else {
        return Ok(refuse(&faults.join("\n")));
    };
    logging::start(settings.telemetry.log_format, settings.telemetry.log_level)?;
    let stop = StopSignal::default();
    let policies = watcher.as_ref().map_or_else(Arc::default, Watcher::current);
    let shared = share(settings, catalog, policies, stop)?;
    // Watches until the end of this function.
    let _watch = watcher.map(|watcher| watch(watcher, &shared)).transpose()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for signals and HTTP")?
        .block_on(serve(shared))
}

/// Watches the folder of the policy snapshot, and counts what comes of it.
fn watch(watcher: Watcher, shared: &Shared) -> anyhow::Result<Watch> {
    let metrics = Arc::clone(&shared.metrics);
    if let Some(snapshot) = shared.policies.get() {
        policies::watch::log(&snapshot, "Policy snapshot loaded");
        metrics
            .policy_snapshot
            .set(snapshot.exported_at().timestamp());
    }
    let tell = move |news: News<'_>| match news {
        News::Loaded(snapshot) => {
            metrics.policy_snapshot_loaded.inc();
            metrics
                .policy_snapshot
                .set(snapshot.exported_at().timestamp());
        }
        News::Refused => metrics.policy_snapshot_refused.inc(),
    };
    Watch::start(watcher, tell).context("cannot watch the policy snapshot")
}

/// Everything that the workers and the HTTP endpoint read.
pub fn share(
    settings: Settings,
    catalog: crate::diagnosis::catalog::Catalog,
    policies: Arc<Current>,
    stop: StopSignal,
) -> anyhow::Result<Shared> {
    let build = BuildInfo {
        version: SERVICE_VERSION.to_owned(),
        revision: REVISION.to_owned(),
        catalog: catalog.version().to_owned(),
    };
    let lists: Vec<&str> = settings.watch.iter().map(|list| &*list.name).collect();
    let series = Series {
        scenario_outcomes: &catalog.scenario_outcomes(),
        fields: &FIELDS,
        dead_letter_reasons: &[],
        watch_lists: &lists,
        options: settings.metrics,
    };
    let metrics = Metrics::new(&series, &build)?;
    let watch = watch::Shared::new(WatchLists::new(&settings.watch));
    let health = Health::new(settings.workers, Instant::now());
    let signs_in_with_tokens = matches!(settings.kafka.security.sasl, Some(Sasl::Token(_)));
    if signs_in_with_tokens {
        health.expect_token();
    }
    let diagnoser = Diagnoser::new(catalog, settings.output.detail.clone());
    Ok(Shared {
        settings: Arc::new(settings),
        diagnoser: Arc::new(diagnoser),
        metrics: Arc::new(metrics),
        watch: Arc::new(watch),
        health: Arc::new(health),
        policies,
        tokens: signs_in_with_tokens.then(Arc::default),
        stop,
    })
}

/// Binds, starts the workers, answers HTTP and signals until the workers have ended.
async fn serve(shared: Shared) -> anyhow::Result<ExitCode> {
    let listen = shared.settings.telemetry.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; set telemetry.listen to a free address")
    })?;
    let signals = Signals::listen()?;
    follow_watch_lists(&shared).context("cannot start the thread that reads watch lists")?;
    let refresher = refresher(&shared)?.map(|refresher| tokio::spawn(refresher.run()));
    info!(
        version = SERVICE_VERSION,
        revision = REVISION,
        catalog = shared.diagnoser.catalog().version(),
        workers = shared.settings.workers,
        listen = %listener.local_addr()?,
        "Started"
    );
    let stop = || {
        info!(
            deadline_seconds = shared.settings.delivery.drain_timeout.as_secs(),
            "Stopping: waiting for acknowledgements, then committing"
        );
        shared.health.set_draining();
        shared.stop.request();
        true
    };
    let parts = shared.clone();
    let work = move || work(&parts);
    let attended = attend(signals, listener, &shared, work, stop).await?;
    if let Some(refresher) = refresher {
        refresher.abort();
    }
    let Some(exit) = attended else {
        warn!("Second signal: exiting at once; what was not committed is read again");
        return Ok(ExitCode::FAILURE);
    };
    let exit = exit
        .transpose()
        .context("cannot create the Kafka clients")?;
    info!("Stopped");
    Ok(match exit {
        Some(End::By(Exit::Clean)) => ExitCode::SUCCESS,
        Some(End::DeadLetterLimit) => ExitCode::from(EXIT_DEAD_LETTER_LIMIT),
        Some(End::By(Exit::Unfinished { .. } | Exit::Fatal)) | None => ExitCode::FAILURE,
    })
}

/// Starts the thread that takes over changes in the files of the watch lists.
fn follow_watch_lists(shared: &Shared) -> std::io::Result<()> {
    let lists = &shared.settings.watch;
    let Some(mut reloader) = Reloader::new(lists, Arc::clone(&shared.watch)) else {
        return Ok(());
    };
    let (metrics, stop) = (Arc::clone(&shared.metrics), shared.stop.clone());
    let follow = move || {
        while !stop.is_requested() {
            thread::sleep(WATCH_INTERVAL);
            for Reloaded {
                list,
                name,
                path,
                result,
            } in reloader.reload()
            {
                metrics.watch_list_reloaded(list, result.is_ok());
                let file = path.display();
                match result {
                    Ok(accounts) => info!(watch = name, accounts, "Watch list read again"),
                    Err(reason) => error!(
                        watch = name,
                        %file,
                        "The changed watch list is refused, and the one before stays: its file {reason}"
                    ),
                }
            }
        }
    };
    let watching = thread::Builder::new().name("watch-lists".to_owned());
    watching.spawn(follow).map(drop)
}

/// The task that fetches tokens, where the clients sign in with them.
pub fn refresher(shared: &Shared) -> anyhow::Result<Option<Refresher>> {
    let security = &shared.settings.kafka.security;
    let (Some(Sasl::Token(identity)), Some(tokens)) = (&security.sasl, &shared.tokens) else {
        return Ok(None);
    };
    Ok(Some(Refresher {
        credential: Credential::new(identity.clone(), security)?,
        tokens: Arc::clone(tokens),
        metrics: Arc::clone(&shared.metrics),
        health: Arc::clone(&shared.health),
    }))
}

/// From the first token, where one is needed, to the end of the last worker.
fn work(shared: &Shared) -> Result<End, StartError> {
    if let Some(tokens) = &shared.tokens {
        let refused_after = Instant::now() + shared.settings.kafka.refusal_timeout;
        while !tokens.wait(TOKEN_POLL) {
            if shared.stop.is_requested() {
                return Ok(End::By(Exit::Clean));
            }
            if Instant::now() >= refused_after {
                error!(
                    "No token from Entra ID for as long as kafka.refusal_timeout allows; exiting"
                );
                return Ok(End::By(Exit::Fatal));
            }
        }
    }
    let pipeline = Pipeline::start(shared)?;
    shared.health.set_configured();
    Ok(pipeline.wait())
}

/// SIGTERM and SIGINT, from now on.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Within a runtime only.
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Answers HTTP while `work` runs on a thread of its own; the first signal calls `stop`, which
/// gives false where a stop is under way already.
///
/// Gives what the work gave, inner `None` where it panicked; `None` at the second signal, whose
/// sender wants the process to end at once.
pub async fn attend<T: Send + 'static>(
    mut signals: Signals,
    listener: TcpListener,
    shared: &Shared,
    work: impl FnOnce() -> T + Send + 'static,
    stop: impl Fn() -> bool,
) -> std::io::Result<Option<Option<T>>> {
    let (ended, mut end) = oneshot::channel();
    thread::Builder::new()
        .name("pipeline".to_owned())
        .spawn(move || ended.send(work()))?;
    let admin = tokio::spawn(admin::serve(
        listener,
        Arc::clone(&shared.metrics),
        Arc::clone(&shared.health),
        std::future::pending(),
    ));
    let mut stopping = false;
    let result = loop {
        tokio::select! {
            result = &mut end => break Some(result.ok()),
            () = signals.next() => {}
        }
        if stopping || !stop() {
            break None;
        }
        stopping = true;
    };
    admin.abort();
    Ok(result)
}
