//! `generate`: the sign-ins of the demo, sent to a broker where the service runs.
//!
//! Synthetic people of a fictitious company, as Azure Monitor would stream them. The broker and
//! the topic are named on the command line and nowhere else, and there is no way to sign in: so
//! nothing generated reaches a tenant's own hubs by a forgotten setting.
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tracing::{Level, info};

use super::demo::feed::{Contents, Feed};
use super::demo::positive_duration;
use super::demo::sender::due;
use super::run::Signals;
use crate::config::LogFormat;
use crate::pipeline::StopSignal;
use crate::telemetry::logging;

/// Between two looks at what is due.
const STEP: Duration = Duration::from_millis(20);
/// A broker that has just been started may not have the topic yet.
const TOPIC_DEADLINE: Duration = Duration::from_mins(2);
const TOPIC_PAUSE: Duration = Duration::from_secs(1);
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug, clap::Args)]
pub struct GenerateArgs {
    /// The broker, which takes records without encryption and without a sign-in
    #[arg(long, value_name = "HOST:PORT")]
    to: String,

    /// The topic, which must exist or appear within two minutes
    #[arg(long, value_name = "NAME")]
    topic: String,

    /// Records a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,

    /// Stop after so many records (the message that reaches the number is sent whole) [default: go
    /// on until a signal]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    events: Option<u64>,

    /// When a new Conditional Access policy begins to block
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = positive_duration)]
    spike_after: Duration,

    /// Seed of the sign-ins: the same seed, the same people and stories
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Counts what the broker did not take.
#[derive(Debug, Default)]
struct Reports {
    refused: AtomicU64,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends until the number is reached or a signal comes; fails where the broker did not take all.
pub fn run(args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    logging::start(LogFormat::Text, Level::INFO)?;
    let stop = StopSignal::default();
    stop_at_signal(stop.clone())?;
    let producer: BaseProducer<Reports> = ClientConfig::new()
        .set("client.id", "signin-diagnostics-generate")
        .set("bootstrap.servers", &args.to)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set_log_level(RDKafkaLogLevel::Warning)
        .create_with_context(Reports::default())
        .with_context(|| format!("cannot create a client for {}", args.to))?;
    let Some(partitions) = partitions(&producer, args, &stop)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let spike_after = due(args.rate, args.spike_after);
    info!(
        topic = args.topic,
        partitions,
        rate = args.rate,
        spike_after,
        "Sending generated sign-ins"
    );
    let feed = Feed::generated(args.seed, partitions, spike_after);
    let sent = send(args, &producer, feed, &stop)?;
    producer
        .flush(FLUSH_TIMEOUT)
        .context("the broker did not acknowledge everything in time")?;
    let refused = producer.context().refused.load(Ordering::Relaxed);
    ensure!(refused == 0, "the broker did not take {refused} messages");
    report(&sent, "Sent");
    Ok(ExitCode::SUCCESS)
}

fn stop_at_signal(stop: StopSignal) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for signals")?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::listen()?
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(signals.next());
            stop.request();
        })?;
    Ok(())
}

/// Of the topic, as soon as it exists; `None` at a stop before that.
fn partitions(
    producer: &BaseProducer<Reports>,
    args: &GenerateArgs,
    stop: &StopSignal,
) -> anyhow::Result<Option<u16>> {
    let deadline = Instant::now() + TOPIC_DEADLINE;
    loop {
        let reason = match producer
            .client()
            .fetch_metadata(Some(&args.topic), METADATA_TIMEOUT)
        {
            Ok(metadata) => match metadata.topics() {
                [topic] if !topic.partitions().is_empty() => {
                    let partitions = u16::try_from(topic.partitions().len())
                        .context("the topic has too many partitions")?;
                    return Ok(Some(partitions));
                }
                _ => "the topic does not exist".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if stop.is_requested() {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            bail!("cannot send to {} at {}: {reason}", args.topic, args.to);
        }
        std::thread::sleep(TOPIC_PAUSE);
    }
}

fn send(
    args: &GenerateArgs,
    producer: &BaseProducer<Reports>,
    mut feed: Feed,
    stop: &StopSignal,
) -> anyhow::Result<Contents> {
    let events = args.events.unwrap_or(u64::MAX);
    let mut sent = Contents::default();
    let mut next = None;
    let started = Instant::now();
    let mut reported = started;
    while sent.records < events && !stop.is_requested() {
        while sent.records < due(args.rate, started.elapsed()).min(events) {
            let Some(parcel) = next.take().or_else(|| feed.next_parcel()) else {
                return Ok(sent);
            };
            let record = BaseRecord::<(), [u8]>::to(&args.topic)
                .partition(parcel.partition)
                .payload(&parcel.body);
            match producer.send(record) {
                Ok(()) => sent.add(&parcel.contents),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    next = Some(parcel);
                    break;
                }
                Err((error, _)) => return Err(error).context("cannot send"),
            }
        }
        producer.poll(STEP);
        if reported.elapsed() >= REPORT_INTERVAL {
            reported = Instant::now();
            report(&sent, "Sending");
        }
    }
    Ok(sent)
}

fn report(sent: &Contents, what: &str) {
    info!(
        records = sent.records,
        sign_ins = sent.sign_ins,
        skipped = sent.skipped,
        bad = sent.bad,
        "{what}"
    );
}
