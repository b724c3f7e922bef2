//! How long a diagnosis takes while records come at a modest rate.
//!
//! Two times of each: *acknowledged*, from `diagnosed_at` of the record, which is when its message
//! was read, until the broker has appended it (`LogAppendTime`), whose acknowledgement leaves
//! then; and *end to end*, from before the message is sent until a consumer of the output has the
//! record. The first is in whole milliseconds of one clock.
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Deserialize;
use signin_diagnostics::cli::demo::generator::{self, Generator};

use crate::corpus::{SEED, Shape};
use crate::process::Usage;
use crate::subject::with;
use crate::support::Setup;
use crate::support::load::Source;
use crate::support::topics::{create_topic_with, topic_name};

/// Records a second.
const RATE: u64 = 1_000;

/// What is sent first finds nothing warm, and does not count.
const WARM_UP: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_mins(5);

pub fn run(seconds: u64, set: &[String]) {
    let lingers = [0, 5, 100].map(|ms| vec![format!("kafka.properties.\"linger.ms\"={ms}")]);
    let mut cases = vec![Vec::new()];
    cases.extend(lingers);
    if !set.is_empty() {
        cases.push(set.to_vec());
    }
    println!(
        "{RATE} records a second for {seconds} s, in envelopes of 1 to 40; ms\n{:<40} {:>12} {:>12} {:>12} {:>12} {:>14}",
        "", "acknowledged", "", "end to end", "", "CPU of a core"
    );
    println!(
        "{:<40} {:>12} {:>12} {:>12} {:>12}",
        "", "p50", "p99", "p50", "p99"
    );
    for settings in cases {
        let name = if settings.is_empty() {
            "default".to_owned()
        } else {
            settings.join(" ")
        };
        let Latency {
            mut acknowledged,
            mut end_to_end,
            cpu,
        } = measure(seconds, &settings);
        println!(
            "{name:<40} {:>12.0} {:>12.0} {:>12.1} {:>12.1} {:>12.1} %",
            quantile(&mut acknowledged, 0.5),
            quantile(&mut acknowledged, 0.99),
            quantile(&mut end_to_end, 0.5),
            quantile(&mut end_to_end, 0.99),
            cpu * 1e2,
        );
    }
}

/// In milliseconds, one of each for a record.
#[derive(Default)]
struct Latency {
    acknowledged: Vec<f64>,
    end_to_end: Vec<f64>,
    /// Of one core, while records came.
    cpu: f64,
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in the list
    values[((values.len() - 1) as f64 * part) as usize]
}

fn measure(seconds: u64, settings: &[String]) -> Latency {
    let shape = Shape::typical();
    let mut setup = with(Setup::new("latency", shape.partitions), settings);
    setup.output = topic_name("latency-stamped");
    let stamped = [("message.timestamp.type", "LogAppendTime")];
    create_topic_with(&setup.bootstrap, &setup.output, shape.partitions, &stamped);
    let mut generator = Generator::new(SEED, shape.profile);
    let (mut messages, mut records) = (Vec::new(), 0);
    while records < RATE * seconds {
        let message = generator.next_message(Utc::now());
        records += message.records;
        messages.push(message);
    }

    let mut service = setup.start();
    service.wait_ready();
    let before = Usage::of(service.pid());
    let started = Instant::now();
    let sent = Mutex::new(Vec::with_capacity(messages.len()));
    let mut latency = thread::scope(|scope| {
        scope.spawn(|| send(&setup, shape.partitions, &messages, &sent));
        let outputs = messages.iter().map(|message| message.sign_ins).sum();
        receive(&setup, shape.partitions, outputs, &sent)
    });
    let cpu = Usage::of(service.pid()).cpu_seconds() - before.cpu_seconds();
    latency.cpu = cpu / started.elapsed().as_secs_f64();
    service.stop();
    latency
}

/// The n-th message (from 0) goes to offset n / partitions of partition n % partitions.
fn send(
    setup: &Setup,
    partitions: i32,
    messages: &[generator::Message],
    sent: &Mutex<Vec<Instant>>,
) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &setup.bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .create()
        .expect("a producer of fixed settings");
    let started = Instant::now();
    let mut records = 0;
    for (partition, message) in (0..partitions).cycle().zip(messages) {
        let due = Duration::from_secs(1).mul_f64(records as f64 / RATE as f64);
        thread::sleep(due.saturating_sub(started.elapsed()));
        records += message.records;
        sent.lock().expect("no panic").push(Instant::now());
        let record = BaseRecord::<(), [u8]>::to(&setup.input).partition(partition);
        let queued = producer.send(record.payload(&message.body));
        queued
            .map_err(|(error, _)| error)
            .expect("room in the queue");
    }
    producer.flush(DEADLINE).expect("all messages are sent");
}

#[derive(Deserialize)]
struct Diagnosis {
    diagnosed_at: String,
    source: Source,
}

/// Reads so many outputs as they come.
fn receive(setup: &Setup, partitions: i32, outputs: u64, sent: &Mutex<Vec<Instant>>) -> Latency {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &setup.bootstrap)
        // Never joined: the client wants a name to be assigned partitions.
        .set("group.id", "latency")
        .create()
        .expect("a consumer of fixed settings");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment
            .add_partition_offset(&setup.output, partition, Offset::Beginning)
            .expect("a valid offset");
    }
    consumer
        .assign(&assignment)
        .expect("partitions are assigned");
    let mut latency = Latency::default();
    let started = Instant::now();
    let mut left = outputs;
    while left > 0 {
        assert!(
            started.elapsed() < DEADLINE,
            "{left} of {outputs} diagnoses do not come"
        );
        let Some(message) = consumer.poll(Duration::from_secs(1)) else {
            continue;
        };
        let now = Instant::now();
        left -= 1;
        let message = message.expect("the output can be read");
        let payload = message.payload().unwrap_or_default();
        let diagnosis: Diagnosis = serde_json::from_slice(payload).expect("a diagnosis");
        let Source {
            partition, offset, ..
        } = diagnosis.source;
        let number = usize::try_from(offset * i64::from(partitions) + i64::from(partition));
        let (first, sent) = {
            let sent = sent.lock().expect("no panic");
            (sent[0], sent[number.expect("a number")])
        };
        if sent - first < WARM_UP {
            continue;
        }
        let read = DateTime::parse_from_rfc3339(&diagnosis.diagnosed_at).expect("a time");
        let appended = message.timestamp().to_millis().expect("a time");
        let acknowledged = appended - read.timestamp_millis();
        latency.acknowledged.push(acknowledged as f64);
        latency.end_to_end.push((now - sent).as_secs_f64() * 1e3);
    }
    latency
}
