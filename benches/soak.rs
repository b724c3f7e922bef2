//! Both delivery modes on one real Kafka, under faults at random for as long as asked: is every
//! record there at the end, and does memory stay flat?
//!
//! `make soak [MINUTES=n] [SEED=n]`; see `benches/README.md`. The seed fixes the faults, their
//! order and their times, and the records; not how the processes interleave.
#![allow(clippy::expect_used)] // the ground of a measurement: where it gives way, it ends
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // figures for people
#![allow(clippy::cast_sign_loss)]
#[path = "soak/memory.rs"]
mod memory;
#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports)] // the broker tests use more of it
mod support;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use memory::{ALLOWANCE, Memory, anonymous_bytes};
use signin_diagnostics::cli::demo::generator::Profile;
use support::load::diagnosis;
use support::proxy::{Proxied, Side, Way};
use support::random::Random;
use support::tail::Tail;
use support::{Load, Message, Service, Setup, Signal, wait};

const PARTITIONS: i32 = 6;
const INSTANCES: usize = 3;
/// Once a second; low enough to leave the machine idle for the most part.
const RECORDS_A_SECOND: u64 = 200;
const BAD_A_SECOND: usize = 2;
const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);
/// From the last fault until everything is out.
const REST_DEADLINE: Duration = Duration::from_mins(5);

fn main() {
    // `cargo bench` passes `--bench`.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok());
    let minutes: u64 = numbers.next().unwrap_or(10);
    let seed: u64 = numbers
        .next()
        .unwrap_or_else(|| chrono::Utc::now().timestamp().unsigned_abs());
    println!("soak of {minutes} minutes, seed {seed}");
    let mut soak = Soak::start(seed);
    soak.run(Duration::from_secs(minutes * 60));
    let passed = soak.report();
    println!("seed {seed}: {}", if passed { "passed" } else { "FAILED" });
    std::process::exit(i32::from(!passed));
}

/// What was sent, shared with the thread that sends.
#[derive(Default)]
struct Sent {
    ids: BTreeSet<String>,
    bad: BTreeSet<String>,
}

struct Pipeline {
    name: &'static str,
    setup: Setup,
    once: bool,
    proxy: usize,
    instances: [Option<Service>; INSTANCES],
    diagnoses: Tail,
    dead_letters: Tail,
    kills: u32,
    ends: u32,
    rebalances: f64,
    panics: u32,
}

struct Soak {
    random: Random,
    proxied: Proxied,
    pipelines: Vec<Pipeline>,
    sent: Arc<Mutex<Sent>>,
    started: Instant,
    sampled: Instant,
    /// Of the one process that nobody kills.
    memory: Memory,
    peak: f64,
    broker_restarts: u32,
    deaf: u32,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Kill,
    Terminate,
    Scale,
    BrokerKilled,
    BrokerFrozen,
    Network(Side, Way),
}

const SLOW: Way = Way::Slow {
    bytes_a_second: 20_000,
};

const FAULTS: [Fault; 16] = [
    Fault::Kill,
    Fault::Kill,
    Fault::Kill,
    Fault::Terminate,
    Fault::Terminate,
    Fault::Scale,
    Fault::BrokerKilled,
    Fault::BrokerFrozen,
    Fault::Network(Side::Input, Way::Cut),
    Fault::Network(Side::Input, Way::Stalled),
    Fault::Network(Side::Input, SLOW),
    Fault::Network(Side::Input, Way::HalfOpen),
    Fault::Network(Side::Output, Way::Cut),
    Fault::Network(Side::Output, Way::Stalled),
    Fault::Network(Side::Output, SLOW),
    Fault::Network(Side::Output, Way::HalfOpen),
];

impl Pipeline {
    fn new(proxied: &Proxied, mode: &'static str, proxy: usize, input: &str) -> Pipeline {
        let mut setup = Setup::on(&proxied.broker, mode, PARTITIONS)
            .env(
                "SIGNIN_DIAGNOSTICS__KAFKA__BOOTSTRAP_SERVERS",
                &proxied.proxies[proxy].address,
            )
            .set("delivery.mode", &format!("{mode:?}"))
            .set("delivery.drain_timeout", "\"5s\"")
            // Full within minutes: what comes after is growth.
            .set("delivery.remembered_sign_ins", "512")
            .set("output.queue_messages", "1000")
            .set("workers", "1")
            .set("dead_letter.max_ratio", "0")
            .set("dead_letter.max_consecutive", "0")
            .set("kafka.properties.\"session.timeout.ms\"", "6000")
            .set("kafka.properties.\"heartbeat.interval.ms\"", "1000")
            .set("kafka.properties.\"socket.timeout.ms\"", "10000");
        input.clone_into(&mut setup.input);
        let bootstrap = &proxied.broker.bootstrap;
        Pipeline {
            name: mode,
            diagnoses: Tail::follow(bootstrap, &setup.output, |m| diagnosis(m).sign_in_id),
            dead_letters: Tail::follow(bootstrap, &setup.dead_letters, text),
            once: mode == "exactly_once",
            setup,
            proxy,
            instances: [None, None, None],
            kills: 0,
            ends: 0,
            rebalances: 0.0,
            panics: 0,
        }
    }

    /// Static members with transactions, dynamic ones without.
    fn start(&mut self, instance: usize) {
        let setup = self.setup.clone();
        let setup = if self.once {
            let id = format!("soak-{instance}");
            setup.env("SIGNIN_DIAGNOSTICS__KAFKA__INSTANCE_ID", &id)
        } else {
            setup
        };
        self.instances[instance] = Some(setup.start());
    }

    fn end(&mut self, instance: usize, signal: Signal) {
        let Some(mut service) = self.instances[instance].take() else {
            return;
        };
        self.count(&service);
        service.signal(signal);
        // The drain has 5 s, closing another 5.
        service.wait(Duration::from_secs(30));
        self.look_at(&service);
    }

    fn count(&mut self, service: &Service) {
        let metrics = service.try_metrics();
        self.rebalances += metrics.map_or(0.0, |m| m.sum("signin_rebalances_total"));
    }

    fn look_at(&mut self, service: &Service) {
        let log = service.log();
        if log.contains("panicked") {
            self.panics += 1;
            println!("{}: panicked:\n{log}", self.name);
        }
    }

    /// Starts again what has ended by itself, as an orchestrator does.
    fn supervise(&mut self, at: f64) {
        for instance in 0..INSTANCES {
            let Some(service) = &mut self.instances[instance] else {
                continue;
            };
            if let Some(status) = service.ended() {
                let Some(service) = self.instances[instance].take() else {
                    continue;
                };
                self.ends += 1;
                let log = service.log();
                let last = log.lines().rfind(|line| line.contains("ERROR"));
                println!(
                    "{at:6.0} s {} {instance} ended by itself, {status}: {}",
                    self.name,
                    last.unwrap_or("no error in its log")
                );
                self.look_at(&service);
                self.start(instance);
            }
        }
    }
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.payload).into_owned()
}

impl Soak {
    fn start(seed: u64) -> Soak {
        let proxied = Proxied::start(2);
        let input = support::topics::topic_on(&proxied.broker.bootstrap, "soak", PARTITIONS);
        let mut pipelines = vec![
            Pipeline::new(&proxied, "at_least_once", 0, &input),
            Pipeline::new(&proxied, "exactly_once", 1, &input),
        ];
        for pipeline in &mut pipelines {
            pipeline.start(0);
            pipeline.start(1);
        }
        Soak {
            random: Random::new(seed),
            proxied,
            pipelines,
            sent: Arc::default(),
            started: Instant::now(),
            sampled: Instant::now(),
            memory: Memory::default(),
            peak: 0.0,
            broker_restarts: 0,
            deaf: 0,
        }
    }

    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn run(&mut self, time: Duration) {
        let stop = Arc::new(AtomicBool::new(false));
        let feed = {
            let (setup, sent) = (self.pipelines[0].setup.clone(), Arc::clone(&self.sent));
            let (stop, seed) = (Arc::clone(&stop), self.random.below(u64::MAX));
            thread::spawn(move || feed(seed, &setup, &sent, &stop))
        };
        println!(
            "{:>8} {:>8} {:>9} {:>7} {:>9} {:>7} {:>6} {:>7}",
            "time s", "sent", "out (1+)", "twice", "out (1)", "twice", "dead", "mem. MB"
        );
        while self.started.elapsed() < time {
            self.fault();
            let pause = self
                .random
                .time(Duration::from_secs(1), Duration::from_secs(8));
            self.pass(pause);
        }
        stop.store(true, Ordering::Relaxed);
        feed.join().expect("everything is sent");
        let rest = Instant::now();
        let mut lag = 1;
        while lag > 0 && rest.elapsed() < REST_DEADLINE {
            self.pass(Duration::from_secs(2));
            lag = self.pipelines.iter().map(|p| p.setup.lag()).sum();
        }
        println!(
            "{lag} messages to go {:.0?} after the last fault",
            rest.elapsed()
        );
        let sent = self.sent().ids.len();
        // A reader that cannot get on is a fault like any other.
        wait::holds_within(Duration::from_mins(1), || {
            self.pipelines
                .iter()
                .all(|p| p.diagnoses.different() >= sent)
        });
    }

    /// One fault, from its begin to its end.
    fn fault(&mut self) {
        let fault = *self.random.pick(&FAULTS);
        let whose = self.random.below(2) as usize;
        // The first instance of the first pipeline is the one whose memory is watched.
        let least = u64::from(whose == 0);
        let instance = (least + self.random.below(INSTANCES as u64 - least)) as usize;
        let held = self
            .random
            .time(Duration::from_millis(500), Duration::from_secs(12));
        let kills_too = self.random.below(3) == 0;
        let at = self.seconds();
        println!("{at:8.0} {fault:?}, pipeline {whose}, instance {instance}, {held:.1?}");
        match fault {
            Fault::Kill => {
                self.pipelines[whose].kills += 1;
                self.pipelines[whose].end(instance, Signal::Kill);
                self.pass(held / 4);
                self.pipelines[whose].start(instance);
            }
            Fault::Terminate => {
                self.pipelines[whose].end(instance, Signal::Term);
                self.pass(held / 4);
                self.pipelines[whose].start(instance);
            }
            Fault::Scale => match &self.pipelines[whose].instances[2] {
                Some(_) => self.pipelines[whose].end(2, Signal::Term),
                None => self.pipelines[whose].start(2),
            },
            Fault::BrokerKilled => {
                self.broker_restarts += 1;
                self.proxied.broker.kill();
                self.pass(held);
                self.proxied.broker.restart();
            }
            Fault::BrokerFrozen => {
                self.proxied.broker.freeze();
                self.pass(held);
                self.proxied.broker.thaw();
            }
            Fault::Network(side, way) => {
                let proxy = self.pipelines[whose].proxy;
                self.proxied.proxies[proxy].set(side, way);
                self.pass(held / 2);
                if kills_too {
                    self.pipelines[whose].kills += 1;
                    self.pipelines[whose].end(instance, Signal::Kill);
                    self.pipelines[whose].start(instance);
                }
                self.pass(held / 2);
                self.proxied.proxies[proxy].set(side, Way::Open);
            }
        }
    }

    /// Lets time pass, and looks after the processes meanwhile.
    fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let at = self.seconds();
            for pipeline in &mut self.pipelines {
                pipeline.supervise(at);
            }
            if self.sampled.elapsed() >= SAMPLE_INTERVAL {
                self.sampled = Instant::now();
                self.sample(at);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(Duration::from_millis(200)));
        }
    }

    fn sample(&mut self, at: f64) {
        let survivor = self.pipelines[0].instances[0].as_ref();
        let bytes = survivor.map_or(0.0, |survivor| anonymous_bytes(survivor.pid()));
        self.memory.add(bytes);
        for service in self.pipelines.iter().flat_map(|p| &p.instances).flatten() {
            self.peak = self.peak.max(anonymous_bytes(service.pid()));
        }
        let deaf = survivor.is_some_and(|s| s.get("/livez").is_none_or(|(code, _)| code != 200));
        self.deaf += u32::from(deaf);
        if self.memory.samples() % 6 == 1 {
            let sent = self.sent().ids.len();
            let [least, once] = [&self.pipelines[0], &self.pipelines[1]];
            println!(
                "{at:8.0} {sent:8} {:9} {:7} {:9} {:7} {:6} {:7.1}",
                least.diagnoses.different(),
                least.diagnoses.duplicates(),
                once.diagnoses.different(),
                once.diagnoses.duplicates(),
                once.dead_letters.messages(),
                bytes / 1e6
            );
        }
    }

    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints what was seen; whether it is what is promised.
    fn report(mut self) -> bool {
        let mut passed = true;
        for mut pipeline in std::mem::take(&mut self.pipelines) {
            for instance in 0..INSTANCES {
                if let Some(service) = &pipeline.instances[instance] {
                    let service_log = service.log();
                    if pipeline.diagnoses.different() < self.sent().ids.len() {
                        println!("{} {instance}:\n{service_log}", pipeline.name);
                    }
                }
                pipeline.end(instance, Signal::Term);
            }
            let outcome = Outcome::of(&pipeline, &self.sent());
            println!("{outcome}");
            passed &= outcome.holds(pipeline.once) && pipeline.panics == 0;
        }
        let [first, second, third, last] = self.memory.quarters().map(|bytes| bytes / 1e6);
        println!(
            "broker restarts: {}; unanswered /livez: {}; anonymous memory of the process that \
             nobody killed, medians of the quarters: {first:.1}, {second:.1}, {third:.1}, \
             {last:.1} MB, of which the last may be {:.1} MB above the second; peak of all: \
             {:.1} MB",
            self.broker_restarts,
            self.deaf,
            ALLOWANCE / 1e6,
            self.peak / 1e6,
        );
        passed && self.memory.is_flat()
    }
}

struct Outcome {
    name: &'static str,
    sent: usize,
    bad: usize,
    missing: usize,
    missing_letters: usize,
    strange: u64,
    duplicates: u64,
    duplicate_letters: u64,
    kills: u32,
    ends: u32,
    rebalances: f64,
}

impl Outcome {
    fn of(pipeline: &Pipeline, sent: &Sent) -> Outcome {
        let missing =
            |of: &BTreeSet<String>, tail: &Tail| of.iter().filter(|name| !tail.has(name)).count();
        let (ids, letters) = (&pipeline.diagnoses, &pipeline.dead_letters);
        let lost = missing(&sent.ids, ids);
        let lost_letters = missing(&sent.bad, letters);
        let known = sent.ids.len() + sent.bad.len() - lost - lost_letters;
        Outcome {
            name: pipeline.name,
            sent: sent.ids.len(),
            bad: sent.bad.len(),
            missing: lost,
            missing_letters: lost_letters,
            strange: (ids.different() + letters.different() - known) as u64,
            duplicates: ids.duplicates(),
            duplicate_letters: letters.duplicates(),
            kills: pipeline.kills,
            ends: pipeline.ends,
            rebalances: pipeline.rebalances,
        }
    }

    fn holds(&self, once: bool) -> bool {
        let nothing_lost = self.missing == 0 && self.missing_letters == 0 && self.strange == 0;
        nothing_lost && !(once && self.duplicates + self.duplicate_letters > 0)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} sign-ins in, {} missing, {} never sent; {} twice ({:.2} %); {} bad records, \
             {} dead letters missing, {} twice; {} kills, {} ends by itself, {} rebalances of the \
             processes that could be asked at their end",
            self.name,
            self.sent,
            self.missing,
            self.strange,
            self.duplicates,
            100.0 * self.duplicates as f64 / self.sent.max(1) as f64,
            self.bad,
            self.missing_letters,
            self.duplicate_letters,
            self.kills,
            self.ends,
            self.rebalances,
        )
    }
}

/// Sends once a second, whatever happens: it reaches the broker by a way of its own.
fn feed(seed: u64, setup: &Setup, sent: &Mutex<Sent>, stop: &AtomicBool) {
    let mut load = Load::generate(seed, Profile::tests(), 0);
    let mut bad = 0;
    while !stop.load(Ordering::Relaxed) {
        let second = Instant::now();
        let bodies: Vec<Vec<u8>> = load.grow(RECORDS_A_SECOND).map(<[u8]>::to_vec).collect();
        let broken: Vec<String> = (0..BAD_A_SECOND)
            .map(|n| format!("no JSON {}", bad + n))
            .collect();
        bad += BAD_A_SECOND;
        {
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            let ids = load.messages.drain(..).flat_map(|message| message.ids);
            sent.ids.extend(ids);
            sent.bad.extend(broken.iter().cloned());
        }
        let broken = broken.into_iter().map(String::into_bytes);
        setup.send(bodies.into_iter().chain(broken));
        thread::sleep(Duration::from_secs(1).saturating_sub(second.elapsed()));
    }
}
