//! Opens what `search`, `review` and `console` read: files, or the output topic of the settings.
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;

use super::refuse;
use crate::config::{Sasl, Settings, SettingsArgs};
use crate::diagnosis::MessageKey;
use crate::kafka::{self, Credential, Renewal};
use crate::privacy_key::PrivacyKey;
use crate::query::store::Store;
use crate::query::{Topic, partition};
use crate::signin::Treatment;

/// Where the diagnoses are.
#[derive(Debug, clap::Args)]
pub struct StoreArgs {
    /// Read these diagnoses instead of the output topic: NDJSON as `diagnose` and `search` write
    /// it, also gzip; "-": standard input, but for the console
    #[arg(id = "stored", long = "file", value_name = "FILE", num_args = 1..)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// An open store.
pub struct Opened {
    pub store: Store,
    /// Whether a user's id tells the partition of the user's records.
    pub keyed_by_user: bool,
    /// Finds the pseudonyms of a name.
    pub key: Option<PrivacyKey>,
    /// Where the brokers ask for tokens.
    pub renewal: Option<Renewal>,
}

/// What helps where the settings of the topic are refused.
pub const TOPIC_REMEDY: &str = "The output topic is read with the configuration of the service: name it with --config \
                                FILE, or read exported diagnoses with --file FILE.";

/// Opens the store; the exit code where the configuration is refused.
pub fn open(args: &StoreArgs) -> anyhow::Result<Result<Opened, ExitCode>> {
    if !args.files.is_empty() {
        let privacy = Settings::privacy(&args.settings.sources());
        let opened = privacy.map(|privacy| open_files(args, privacy.key()));
        return Ok(opened.map_err(|faults| refuse(&faults)));
    }
    match Settings::load(&args.settings.sources()) {
        Ok(settings) => open_topic(&settings),
        Err(faults) => {
            let code = refuse(&faults);
            let _ = refuse(&TOPIC_REMEDY);
            Ok(Err(code))
        }
    }
}

/// The files of the arguments.
pub fn open_files(args: &StoreArgs, key: Option<PrivacyKey>) -> Opened {
    Opened {
        store: Store::Files(args.files.clone()),
        keyed_by_user: false,
        key,
        renewal: None,
    }
}

/// The output topic of the settings.
pub fn open_topic(settings: &Settings) -> anyhow::Result<Result<Opened, ExitCode>> {
    if let Some(fault) = kafka::properties_fault(settings) {
        return Ok(Err(refuse(&fault)));
    }
    let opened = topic(settings, renewal(settings)?);
    if let Some(renewal) = &opened.renewal {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime
            .block_on(renewal.renew())
            .context("no token of Entra ID")?;
    }
    Ok(Ok(opened))
}

fn topic(settings: &Settings, renewal: Option<Renewal>) -> Opened {
    let tokens = renewal.as_ref().map(|renewal| Arc::clone(&renewal.tokens));
    let consumer = kafka::consumer(settings, 0);
    let producer = kafka::producer(settings);
    Opened {
        store: Store::Topic(Topic::new(consumer, &settings.output.topic, tokens)),
        keyed_by_user: settings.output.key == MessageKey::User
            && settings.privacy.treatments.user == Treatment::Keep
            && partition::is_known(producer.get("partitioner")),
        key: settings.privacy.key(),
        renewal,
    }
}

fn renewal(settings: &Settings) -> anyhow::Result<Option<Renewal>> {
    let security = &settings.kafka.security;
    let Some(Sasl::Token(identity)) = &security.sasl else {
        return Ok(None);
    };
    Ok(Some(Renewal {
        credential: Credential::new(identity.clone(), security)?,
        tokens: Arc::default(),
    }))
}
