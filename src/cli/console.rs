//! `console`: the four steps in a browser. A process of its own, which only reads.
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tracing::info;

use super::review::title_of;
use super::run::Signals;
use super::search::usage;
use super::store::{self, Opened, StoreArgs};
use super::{load_catalog, refuse};
use crate::config::{self, Access, PrivacySettings, Settings};
use crate::query::console::Console;
use crate::telemetry::logging;

#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// The settings of what is read.
enum Reads {
    Topic(Box<Settings>),
    Files(PrivacySettings),
}

pub fn run(args: &ConsoleArgs) -> anyhow::Result<ExitCode> {
    if args.store.files.iter().any(|file| file.as_os_str() == "-") {
        return Ok(usage(
            &"each search reads the files anew: standard input cannot be one",
        ));
    }
    let sources = args.store.settings.sources();
    let reads_topic = args.store.files.is_empty();
    let settings = if reads_topic {
        let all = Settings::load_all(&sources);
        all.map(|(all, console)| (console, all.telemetry.clone(), Reads::Topic(Box::new(all))))
    } else {
        // Files of records need no broker.
        let own = Settings::console(&sources);
        own.map(|(console, telemetry, privacy)| (console, telemetry, Reads::Files(privacy)))
    };
    let catalog = load_catalog(Settings::catalog_path(&sources).as_deref());
    let ((settings, telemetry, reads), catalog) = match (settings, catalog) {
        (Ok(settings), Ok(catalog)) => (settings, catalog),
        (settings, catalog) => {
            let settings = settings.err().map(|faults| faults.to_string());
            let remedy = settings.as_ref().filter(|_| reads_topic);
            let remedy = remedy.map(|_| store::TOPIC_REMEDY.to_owned());
            let catalog = catalog.err().map(|faults| faults.to_string());
            let faults = settings.into_iter().chain(catalog).chain(remedy);
            return Ok(refuse(&faults.collect::<Vec<_>>().join("\n")));
        }
    };
    let opened = match reads {
        Reads::Topic(all) => match store::open_topic(&all)? {
            Ok(opened) => opened,
            Err(code) => return Ok(code),
        },
        Reads::Files(privacy) => store::open_files(&args.store, privacy.key()),
    };
    logging::start(telemetry.log_format, telemetry.log_level)?;
    let Opened {
        store,
        keyed_by_user,
        key,
        renewal,
    } = opened;
    let titles = Box::new(move |scenario: &str| title_of(&catalog, scenario));
    let console = Console::new(store, keyed_by_user, key, renewal, titles, &settings)
        .context("the system gives no random numbers for sessions")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for HTTP")?;
    let served = runtime.block_on(serve(console, &settings));
    // A search that is under way is left: nobody waits for it.
    runtime.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(console: Console, settings: &config::Console) -> anyhow::Result<()> {
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; set console.listen to a free address")
    })?;
    let mut signals = Signals::listen()?;
    let access = match &settings.access {
        Access::Machine => "whoever is on this machine",
        Access::Token(_) => "who knows the token",
        Access::Proxy(_) => "whom the proxy names",
    };
    info!(url = %format_args!("http://{}/", listener.local_addr()?), access, "The console is open");
    console.serve(listener, signals.next()).await;
    info!("Stopped");
    Ok(())
}
