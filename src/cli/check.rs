//! `check`: what the service would run with, without running it.
//!
//! Reads settings, their secret files, the catalog and the policy snapshot. Ends with exit code
//! 64 and every fault if one is found. Reaches the network with `--online` only, and then ends with 1 if a step fails.
mod clients;
mod network;
mod online;
mod outputs;
mod report;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use chrono::Utc;

use super::{EXIT_CONFIGURATION, snapshot_source};
use crate::config::{
    Access, Application, Authorities, Console, IdentitySource, LogFormat, MetricOptions,
    PrivacySettings, Profile, Sasl, Security, Settings, SettingsArgs, Sources,
};
use crate::diagnosis::{Detail, Scenario};
use crate::kafka;
use crate::policies::PolicySnapshot;
use crate::policies::watch::is_too_old;
use report::{Format, Report};

/// Check the configuration, the catalog and the policy snapshot, and show what results
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Then walk the way to the brokers, topics and rights, and say what to change
    #[arg(long)]
    pub online: bool,
    /// How to write the steps of --online [default: text on a terminal, else ndjson]
    #[arg(long, value_enum, requires = "online", hide_default_value = true)]
    pub format: Option<Format>,
}

/// How long a step of `--online` may take.
const STEP: Duration = Duration::from_secs(15);

/// Writes the settings that result to `out`, or every fault to `err`.
///
/// `load_catalog` gives the version of the catalog in the folder, or of the built-in one, or its
/// faults, one a line.
///
/// # Errors
///
/// `out` or `err` cannot be written.
pub fn run<F: Display>(
    args: &CheckArgs,
    load_catalog: impl FnOnce(Option<&Path>) -> Result<String, F>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let sources = args.settings.sources();
    let format = args.online.then(|| match args.format {
        Some(format) => format,
        None if io::stdout().is_terminal() => Format::Text,
        None => Format::Ndjson,
    });
    check(&sources, format, load_catalog, out, err).context("cannot write the answer")
}

fn check<F: Display>(
    sources: &Sources,
    online: Option<Format>,
    load_catalog: impl FnOnce(Option<&Path>) -> Result<String, F>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<ExitCode> {
    let settings = match Settings::load_all(sources) {
        Ok(settings) => Some(settings),
        Err(faults) => {
            writeln!(err, "{faults}")?;
            let count = faults.0.len();
            let plural = if count == 1 { "" } else { "s" };
            writeln!(err, "The configuration has {count} fault{plural}.")?;
            None
        }
    };
    let catalog = load_catalog(Settings::catalog_path(sources).as_deref());
    if let Err(faults) = &catalog {
        writeln!(err, "{faults}\nThe catalog is refused.")?;
    }
    let Some((settings, console)) = settings else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let properties = kafka::properties_fault(&settings);
    if let Some(fault) = &properties {
        writeln!(err, "{fault}")?;
    }
    let snapshot = snapshot_source(&settings)
        .map(|source| source.load())
        .transpose();
    if let Err(faults) = &snapshot {
        writeln!(err, "{faults}\nThe policy snapshot is refused.")?;
    }
    let (Ok(catalog), Ok(snapshot), None) = (catalog, snapshot, properties) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    if online != Some(Format::Ndjson) {
        summary(&settings, &console, &catalog, snapshot.as_ref(), out)?;
    }
    let Some(format) = online else {
        let valid = "The configuration is valid. Nothing was connected to.";
        return writeln!(out, "{valid}").map(|()| ExitCode::SUCCESS);
    };
    Ok(match online::walk(&settings, Report::new(out, format))? {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn summary(
    settings: &Settings,
    console: &Console,
    catalog: &str,
    snapshot: Option<&PolicySnapshot>,
    out: &mut impl Write,
) -> io::Result<()> {
    let Settings {
        workers,
        kafka,
        input,
        output,
        dead_letter,
        delivery,
        telemetry,
        metrics,
        limits,
        catalog: catalog_settings,
        policy_snapshot,
        watch,
        privacy,
    } = settings;
    let mut line = |name: &str, value: &dyn Display| writeln!(out, "{name:<20}{value}");

    line("brokers", &kafka.bootstrap_servers)?;
    let profile = match kafka.profile {
        Profile::Kafka => "kafka",
        Profile::EventHubs => "event_hubs",
    };
    line("profile", &profile)?;
    line("security", &security(&kafka.security))?;
    line("authorities", &Authorities::of(&kafka.security))?;
    if let Some(instance_id) = &kafka.instance_id {
        line("static member", &format_args!("{instance_id}-0 and on"))?;
    }
    for (name, property) in &kafka.properties {
        line("client setting", &format_args!("{name} = {property}"))?;
    }

    line("input topics", &input.topics.join(", "))?;
    line("consumer group", &input.group_id)?;
    line("start", &input.start.as_str())?;
    line("output topic", &output.topic)?;
    line("message key", &output.key.as_str())?;
    line("detail", &detail(settings))?;
    line("dead-letter topic", &dead_letter.topic)?;

    line("workers", workers)?;
    let seconds = |duration: std::time::Duration| format!("{} s", duration.as_secs_f64());
    line("commit interval", &seconds(delivery.commit_interval))?;
    line("drain time-out", &seconds(delivery.drain_timeout))?;
    line(
        "remembered",
        &format_args!("{} sign-ins a partition", delivery.remembered_sign_ins),
    )?;
    line(
        "memory bound",
        &format_args!(
            "{} MiB of prefetch and output queues ({} MiB a worker)",
            mebibytes(workers.saturating_mul(queued(settings))),
            mebibytes(queued(settings)),
        ),
    )?;
    line(
        "decompressed body",
        &format_args!("at most {} MiB", mebibytes(limits.decompressed_bytes)),
    )?;
    line(
        "records a message",
        &format_args!("at most {}", limits.records_per_message),
    )?;

    let from = catalog_settings
        .path
        .as_ref()
        .map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
    line("catalog", &format_args!("{catalog} ({from})"))?;
    line(
        "policy snapshot",
        &described(snapshot, policy_snapshot.max_age),
    )?;
    line("telemetry", &format_args!("http://{}", telemetry.listen))?;
    let access = match console.access {
        Access::Machine => "this machine",
        Access::Token(_) => "a token",
        Access::Proxy(_) => "a proxy in front",
    };
    line(
        "console",
        &format_args!(
            "http://{} for {access}, where it is started",
            console.listen
        ),
    )?;
    let format = match telemetry.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let level = telemetry.log_level.as_str().to_ascii_lowercase();
    line("log", &format_args!("{format}, {level}"))?;
    line("metrics by", &metrics_by(metrics))?;
    line("privacy", &described_privacy(privacy))?;
    for list in watch {
        let accounts = list.accounts().len();
        line(
            "watch list",
            &format_args!("{}, accounts: {accounts}", list.name),
        )?;
    }
    Ok(())
}

/// What is done with each class, and the id of the key.
fn described_privacy(settings: &PrivacySettings) -> String {
    let of = settings.treatments;
    let classes = [
        ("user", of.user),
        ("address", of.address),
        ("location", of.location),
        ("device", of.device),
    ];
    let mut parts: Vec<String> = classes
        .into_iter()
        .map(|(class, treatment)| format!("{class} {}", treatment.as_str()))
        .collect();
    parts.push(format!("dead letters {}", settings.dead_letters.as_str()));
    parts.extend(settings.key().map(|key| format!("key {}", key.id())));
    parts.join(", ")
}

/// The labels beyond the closed ones.
fn metrics_by(options: &MetricOptions) -> String {
    let parts = [
        options
            .policies
            .map(|max| format!("policy (at most {max})")),
        options
            .applications
            .map(|max| format!("application (at most {max})")),
        options.countries.then(|| "country".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return "scenario, outcome and category only".to_owned();
    }
    parts.join(", ")
}

fn security(security: &Security) -> String {
    let mut parts = vec![security.protocol.as_str().to_owned()];
    if let Some(sasl) = &security.sasl {
        parts.extend(credentials(sasl));
    }
    if let Some(certificate) = &security.client_certificate {
        let file = certificate.certificate_file.display();
        parts.push(format!("certificate {file}"));
    }
    parts.join(", ")
}

/// Secrets print as asterisks.
fn credentials(sasl: &Sasl) -> Vec<String> {
    let identity = match sasl {
        Sasl::Password {
            mechanism,
            username,
            password,
        } => {
            return vec![
                mechanism.as_str().to_owned(),
                format!("user {username}"),
                format!("password {password}"),
            ];
        }
        Sasl::Token(identity) => identity,
    };
    let of = |application: &Application, what: &str| {
        let Application {
            tenant_id,
            client_id,
        } = application;
        vec![
            format!("{what} of application {client_id}"),
            format!("tenant {tenant_id}"),
            format!("authority {}", identity.authority_host),
        ]
    };
    let mut parts = vec!["OAUTHBEARER".to_owned()];
    parts.extend(match &identity.source {
        IdentitySource::Managed { client_id: None } => {
            vec!["managed identity of the machine".to_owned()]
        }
        IdentitySource::Managed {
            client_id: Some(id),
        } => vec![format!("managed identity {id}")],
        IdentitySource::Workload { application, .. } => of(application, "workload identity"),
        IdentitySource::ClientSecret { application, .. } => of(application, "client secret ***"),
        IdentitySource::ClientCertificate { application, .. } => {
            of(application, "client certificate")
        }
    });
    parts.push(format!("scope {}", identity.scope));
    parts
}

/// The detail of most scenarios, then those that differ.
fn detail(settings: &Settings) -> String {
    let details = &settings.output.detail;
    let count = |detail| {
        let same = |scenario: &Scenario| details.of(*scenario) == detail;
        Scenario::ALL
            .iter()
            .filter(|scenario| same(scenario))
            .count()
    };
    let most = [Detail::None, Detail::Summary, Detail::Full]
        .into_iter()
        .max_by_key(|detail| count(*detail))
        .unwrap_or(Detail::Full);
    let others = Scenario::ALL
        .into_iter()
        .filter(|scenario| details.of(*scenario) != most)
        .map(|scenario| format!("{scenario} {}", details.of(scenario).as_str()));
    let parts: Vec<String> = std::iter::once(most.as_str().to_owned())
        .chain(others)
        .collect();
    parts.join(", ")
}

/// What the snapshot holds, on one line.
fn described(snapshot: Option<&PolicySnapshot>, max_age: Duration) -> String {
    let Some(snapshot) = snapshot else {
        return "none".to_owned();
    };
    let contents = snapshot.contents();
    let too_old = if is_too_old(snapshot, max_age, Utc::now()) {
        ", which is older than policy_snapshot.max_age"
    } else {
        ""
    };
    format!(
        "{} of {}{too_old}, tenant {}: {} policies, {} locations, {} groups ({} with members), {} \
         roles, {} names of applications",
        snapshot.version(),
        snapshot.exported_at().format("%FT%TZ"),
        snapshot.tenant_id().unwrap_or("not named"),
        contents.policies,
        contents.locations,
        contents.groups,
        contents.groups_with_members,
        contents.roles,
        contents.applications,
    )
}

/// What one worker may hold outside its own work.
fn queued(settings: &Settings) -> usize {
    settings
        .input
        .prefetch_bytes
        .saturating_add(settings.output.queue_bytes)
}

const fn mebibytes(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn answer(set: &[&str], catalog: Result<&str, &str>) -> (ExitCode, String, String) {
        let sources = Sources {
            set: set.iter().map(ToString::to_string).collect(),
            environment: vec![(
                OsString::from("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD"),
                OsString::from("hunter2"),
            )],
            ..Sources::default()
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let load = |_: Option<&Path>| catalog.map(ToOwned::to_owned);
        let code = check(&sources, None, load, &mut out, &mut err).unwrap();
        let texts = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
        let [out, err] = texts;
        assert!(
            !out.contains("hunter2") && !err.contains("hunter2"),
            "{out}{err}"
        );
        (code, out, err)
    }

    const VALID: [&str; 12] = [
        "kafka.bootstrap_servers=broker:9093",
        "kafka.security.protocol=sasl_plaintext",
        "kafka.security.username=service",
        "input.topics=a,b",
        "input.group_id=g",
        "output.topic=o",
        "dead_letter.topic=d",
        "workers=3",
        "kafka.properties.ssl.key.password=hunter2",
        "metrics.policies=true",
        "metrics.countries=true",
        "watch.emergency.users=a@contoso.example,b@contoso.example",
    ];

    #[test]
    fn a_valid_configuration_is_shown_without_its_secrets() {
        let (code, out, err) = answer(&VALID, Ok("2026-01-01"));
        assert_eq!(code, ExitCode::SUCCESS);
        assert_eq!(err, "");
        for line in [
            "security            sasl_plaintext, PLAIN, user service, password ***",
            "authorities         none: the protocol has no TLS",
            "client setting      ssl.key.password = ***",
            "input topics        a, b",
            "detail              full, successful_sign_in summary",
            "drain time-out      20 s",
            "memory bound        54 MiB of prefetch and output queues (18 MiB a worker)",
            "catalog             2026-01-01 (built in)",
            "metrics by          policy (at most 250), country",
            "privacy             user keep, address keep, location keep, device keep, dead letters \
             keep",
            "watch list          emergency, accounts: 2",
        ] {
            assert!(out.lines().any(|found| found == line), "{line}\n{out}");
        }
    }

    #[test]
    fn a_refused_configuration_ends_with_64_and_all_its_faults() {
        let (code, out, err) = answer(&["workers=x"], Ok("2026-01-01"));
        assert_eq!(code, ExitCode::from(64));
        assert_eq!(out, "");
        assert!(
            err.contains("workers = \"x\"") && err.contains("output.topic"),
            "{err}"
        );
        assert!(err.ends_with("The configuration has 7 faults.\n"), "{err}");
    }

    #[test]
    fn a_refused_catalog_ends_with_64() {
        let (code, out, err) = answer(&VALID, Err("scenarios.toml: no title"));
        assert_eq!(code, ExitCode::from(64));
        assert_eq!(out, "");
        assert_eq!(err, "scenarios.toml: no title\nThe catalog is refused.\n");
    }

    #[test]
    fn faults_of_configuration_and_catalog_are_told_together() {
        for set in [&["workers=x"][..], &["catalog.path=/none", "workers=x"]] {
            let (code, out, err) = answer(set, Err("scenarios.toml: no title"));
            assert_eq!(code, ExitCode::from(64));
            assert_eq!(out, "");
            let ends = "faults.\nscenarios.toml: no title\nThe catalog is refused.\n";
            assert!(
                err.contains("workers = \"x\"") && err.ends_with(ends),
                "{err}"
            );
        }
    }
}
