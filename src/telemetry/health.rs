//! Whether the process lives and whether it does its work, as the workers report it.
//!
//! Liveness asks only whether the worker loops turn: a restart helps against nothing else.
//! Readiness asks whether each worker is configured, joined, able to write, and moving. Reasons
//! are closed sets: no text of a broker reaches an answer. Time is passed in.
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A worker that did not turn for so long hangs. Every wait in its loop is far shorter.
pub const TURN_DEADLINE: Duration = Duration::from_mins(1);

macro_rules! codes {
    ($(#[$doc:meta])* $set:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $set {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $set {
            pub const ALL: [$set; [$($name),*].len()] = [$($set::$variant),*];

            /// The value of a metric label or log field.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($set::$variant => $name,)*
                }
            }

            /// What it means, in a few words.
            pub const fn text(self) -> &'static str {
                match self {
                    $($set::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// What a broker, or the way to it, has against a request.
    BrokerFault {
        Unreachable = "unreachable", "no broker can be reached";
        Authentication = "authentication", "the broker refuses the credentials";
        Authorization = "authorization", "a right on the topic or the group is missing";
        TopicMissing = "topic_missing", "the topic does not exist";
        TooLarge = "too_large", "the broker refuses the size of a message";
        TimedOut = "timed_out", "the broker does not answer in time";
        Throttled = "throttled", "the broker throttles this client";
        Fatal = "fatal", "the client cannot go on";
        Other = "other", "the broker reports another error";
    }
}

codes! {
    /// Why a worker that turns makes no progress.
    Stall {
        QueueFull = "queue_full", "the output queue is full";
        NotAcknowledged = "not_acknowledged", "no output is acknowledged";
        NotCommitted = "not_committed", "offsets cannot be committed";
        NotStarted = "not_started", "the offsets where partitions start are not found";
    }
}

/// How a worker stands to its group, or to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Not known yet.
    Pending,
    Up,
    Down(BrokerFault),
}

impl Link {
    const PENDING: u8 = 0;
    const UP: u8 = 1;
    const FIRST_FAULT: u8 = 2;

    fn code(self) -> u8 {
        match self {
            Link::Pending => Link::PENDING,
            Link::Up => Link::UP,
            Link::Down(fault) => Link::FIRST_FAULT + fault as u8,
        }
    }

    fn from_code(code: u8) -> Link {
        match code {
            Link::PENDING => Link::Pending,
            Link::UP => Link::Up,
            code => Link::Down(member(&BrokerFault::ALL, code - Link::FIRST_FAULT)),
        }
    }
}

/// Codes come from `as u8` of a member; the last one, the broadest, stands for any other.
fn member<T: Copy, const N: usize>(all: &[T; N], code: u8) -> T {
    all[usize::from(code).min(N - 1)]
}

/// Stored in place of a time that is not there.
const NEVER: u64 = u64::MAX;

/// The health of the process. Shared between the workers and the HTTP endpoint.
pub struct Health {
    started: Instant,
    configured: AtomicBool,
    draining: Arc<AtomicBool>,
    token: TokenHealth,
    workers: Vec<Arc<Slot>>,
}

/// The token that the clients sign in with, where they do.
struct TokenHealth {
    used: AtomicBool,
    /// Milliseconds since the start, [`NEVER`] before the first.
    expires: AtomicU64,
    /// The last one that was asked for did not come.
    failing: AtomicBool,
}

impl TokenHealth {
    fn check(&self, started: Instant, now: Instant) -> Option<Check> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let failing = self.failing.load(Ordering::Relaxed);
        let expires = self.expires.load(Ordering::Relaxed);
        let left = expires.saturating_sub(millis(started, now)) / 1000;
        let (failure, note) = match (expires, left) {
            (NEVER, _) if failing => (Some("Entra ID gives none".to_owned()), None),
            (NEVER, _) => (Some("not yet".to_owned()), None),
            (_, 0) => (
                Some("expired, and Entra ID gives no other".to_owned()),
                None,
            ),
            _ if failing => {
                let note = format!("Entra ID gives no other; this one ends in {left} s");
                (None, Some(note))
            }
            _ => (None, None),
        };
        Some(Check {
            note,
            ..Check::new("token", None, failure)
        })
    }
}

struct Slot {
    /// Milliseconds since the start, [`NEVER`] while the worker does not run.
    last_turn: AtomicU64,
    group: AtomicU8,
    output: AtomicU8,
    stalled_since: AtomicU64,
    stall: AtomicU8,
}

/// The end of [`Health`] that one worker holds. Cheap to write at every turn.
pub struct WorkerHealth {
    started: Instant,
    draining: Arc<AtomicBool>,
    slot: Arc<Slot>,
}

impl Health {
    pub fn new(workers: usize, started: Instant) -> Health {
        let slot = || {
            Arc::new(Slot {
                last_turn: AtomicU64::new(NEVER),
                group: AtomicU8::new(Link::PENDING),
                output: AtomicU8::new(Link::PENDING),
                stalled_since: AtomicU64::new(NEVER),
                stall: AtomicU8::new(0),
            })
        };
        Health {
            started,
            configured: AtomicBool::new(false),
            draining: Arc::new(AtomicBool::new(false)),
            token: TokenHealth {
                used: AtomicBool::new(false),
                expires: AtomicU64::new(NEVER),
                failing: AtomicBool::new(false),
            },
            workers: (0..workers).map(|_| slot()).collect(),
        }
    }

    /// The handle of each worker.
    pub fn workers(&self) -> impl Iterator<Item = WorkerHealth> {
        self.workers.iter().map(|slot| WorkerHealth {
            started: self.started,
            draining: Arc::clone(&self.draining),
            slot: Arc::clone(slot),
        })
    }

    /// The clients sign in with tokens: without one the process is not ready.
    pub fn expect_token(&self) {
        self.token.used.store(true, Ordering::Release);
    }

    /// A token was fetched that lives so long. True for the first one, and for the first after a
    /// failure.
    pub fn set_token(&self, life: Duration) -> bool {
        let life = u64::try_from(life.as_millis()).unwrap_or(NEVER);
        let expires = millis(self.started, Instant::now())
            .saturating_add(life)
            .min(NEVER - 1);
        let before = self.token.expires.swap(expires, Ordering::Relaxed);
        self.token.failing.swap(false, Ordering::Relaxed) || before == NEVER
    }

    /// A token was asked for and did not come.
    pub fn token_failed(&self) {
        self.token.failing.store(true, Ordering::Relaxed);
    }

    /// Settings and catalog are loaded, the clients are made.
    pub fn set_configured(&self) {
        self.configured.store(true, Ordering::Release);
    }

    /// The process is ending: never ready again.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether every worker that runs turned within [`TURN_DEADLINE`].
    pub fn is_live(&self, now: Instant) -> bool {
        self.workers.iter().all(|slot| {
            let idle = since(self.started, now, &slot.last_turn);
            idle.is_none_or(|idle| idle < TURN_DEADLINE)
        })
    }

    /// How many workers turn but make no progress.
    pub fn stalled_workers(&self) -> usize {
        let stalled = |slot: &&Arc<Slot>| slot.stalled_since.load(Ordering::Relaxed) != NEVER;
        self.workers.iter().filter(stalled).count()
    }

    /// Whether every check of readiness passes.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.checks(now).iter().all(Check::passes)
    }

    /// Every check of readiness, in a fixed order.
    pub fn checks(&self, now: Instant) -> Vec<Check> {
        let configured = self.configured.load(Ordering::Acquire);
        let mut checks = vec![
            Check::new(
                "configured",
                None,
                (!configured).then(|| "starting".to_owned()),
            ),
            Check::new(
                "accepting",
                None,
                self.is_draining().then(|| "draining".to_owned()),
            ),
        ];
        checks.extend(self.token.check(self.started, now));
        for (index, slot) in self.workers.iter().enumerate() {
            let idle = since(self.started, now, &slot.last_turn);
            let turning = match idle {
                None => Some("not running".to_owned()),
                Some(idle) if idle >= TURN_DEADLINE => {
                    Some(format!("no turn for {} s", idle.as_secs()))
                }
                Some(_) => None,
            };
            let stall = since(self.started, now, &slot.stalled_since).map(|stalled| {
                let stall = member(&Stall::ALL, slot.stall.load(Ordering::Relaxed));
                format!("{}, for {} s", stall.text(), stalled.as_secs())
            });
            checks.push(Check::new("turning", Some(index), turning));
            checks.push(Check::link("joined", index, &slot.group));
            checks.push(Check::link("output", index, &slot.output));
            checks.push(Check::new("progress", Some(index), stall));
        }
        checks
    }
}

impl WorkerHealth {
    /// The loop turned. Called at every turn, idle ones too.
    pub fn turned(&self, now: Instant) {
        self.slot
            .last_turn
            .store(millis(self.started, now), Ordering::Relaxed);
    }

    /// The loop has ended and will not turn again: liveness asks for it no longer.
    pub fn ended(&self) {
        self.slot.last_turn.store(NEVER, Ordering::Relaxed);
    }

    /// The worker is ending, and the process with it.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// How the consumer stands to its group.
    pub fn set_group(&self, link: Link) {
        self.slot.group.store(link.code(), Ordering::Relaxed);
    }

    /// How the producer stands to the output topics.
    pub fn set_output(&self, link: Link) {
        self.slot.output.store(link.code(), Ordering::Relaxed);
    }

    /// Reports a stall, or with `None` its end. A stall that goes on keeps its begin.
    pub fn set_stall(&self, stall: Option<Stall>, now: Instant) {
        let since = &self.slot.stalled_since;
        let Some(stall) = stall else {
            since.store(NEVER, Ordering::Relaxed);
            return;
        };
        self.slot.stall.store(stall as u8, Ordering::Relaxed);
        if since.load(Ordering::Relaxed) == NEVER {
            since.store(millis(self.started, now), Ordering::Relaxed);
        }
    }
}

fn millis(started: Instant, now: Instant) -> u64 {
    let elapsed = now.saturating_duration_since(started).as_millis();
    u64::try_from(elapsed).unwrap_or(NEVER - 1)
}

/// The time between a stored moment and now; `None` where none is stored.
fn since(started: Instant, now: Instant, moment: &AtomicU64) -> Option<Duration> {
    let moment = moment.load(Ordering::Relaxed);
    (moment != NEVER).then(|| Duration::from_millis(millis(started, now).saturating_sub(moment)))
}

/// One condition of readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    name: &'static str,
    worker: Option<usize>,
    /// Why it fails; `None` where it passes.
    failure: Option<String>,
    /// What an operator should know although it passes.
    note: Option<String>,
}

impl Check {
    fn new(name: &'static str, worker: Option<usize>, failure: Option<String>) -> Check {
        Check {
            name,
            worker,
            failure,
            note: None,
        }
    }

    fn link(name: &'static str, worker: usize, code: &AtomicU8) -> Check {
        let failure = match Link::from_code(code.load(Ordering::Relaxed)) {
            Link::Up => None,
            Link::Pending => Some("not yet".to_owned()),
            Link::Down(fault) => Some(fault.text().to_owned()),
        };
        Check::new(name, Some(worker), failure)
    }

    pub const fn passes(&self) -> bool {
        self.failure.is_none()
    }

    /// `ok joined worker 0`, or `failed output worker 1: the topic does not exist`.
    pub fn line(&self) -> String {
        let word = if self.passes() { "ok" } else { "failed" };
        let mut line = format!("{word} {}", self.name);
        if let Some(worker) = self.worker {
            // Writing to a String cannot fail.
            let _ = write!(line, " worker {worker}");
        }
        if let Some(failure) = self.failure.as_ref().or(self.note.as_ref()) {
            line.push_str(": ");
            line.push_str(failure);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(health: &Health, now: Instant) -> Vec<String> {
        let checks = health.checks(now).into_iter();
        checks
            .filter(|check| !check.passes())
            .map(|check| check.line())
            .collect()
    }

    fn ready(now: Instant) -> (Health, WorkerHealth) {
        let health = Health::new(1, now);
        let worker = health.workers().next().unwrap();
        health.set_configured();
        worker.turned(now);
        worker.set_group(Link::Up);
        worker.set_output(Link::Up);
        (health, worker)
    }

    #[test]
    fn nothing_is_ready_before_it_was_reported() {
        let start = Instant::now();
        assert_eq!(
            failures(&Health::new(1, start), start),
            [
                "failed configured: starting",
                "failed turning worker 0: not running",
                "failed joined worker 0: not yet",
                "failed output worker 0: not yet",
            ]
        );
        let (health, _worker) = ready(start);
        assert_eq!(failures(&health, start), [""; 0]);
    }

    #[test]
    fn a_worker_that_does_not_turn_is_dead_and_one_that_ended_is_not() {
        let start = Instant::now();
        let (health, worker) = ready(start);
        let second = Duration::from_secs(1);
        assert!(health.is_live(start + second * 59));
        assert!(!health.is_live(start + TURN_DEADLINE));
        assert_eq!(
            failures(&health, start + TURN_DEADLINE + second),
            ["failed turning worker 0: no turn for 61 s"]
        );
        worker.turned(start + TURN_DEADLINE);
        assert!(health.is_live(start + TURN_DEADLINE + second));
        worker.ended();
        assert!(health.is_live(start + TURN_DEADLINE * 10));
    }

    #[test]
    fn what_the_broker_refuses_is_not_ready_but_live() {
        let start = Instant::now();
        let (health, worker) = ready(start);
        for fault in BrokerFault::ALL {
            worker.set_output(Link::Down(fault));
            let line = format!("failed output worker 0: {}", fault.text());
            assert_eq!(failures(&health, start), [line]);
            assert!(health.is_live(start));
        }
        worker.set_output(Link::Up);
        worker.set_group(Link::Down(BrokerFault::Authorization));
        assert_eq!(
            failures(&health, start),
            ["failed joined worker 0: a right on the topic or the group is missing"]
        );
    }

    #[test]
    fn a_stall_is_counted_from_its_begin_until_it_ends() {
        let start = Instant::now();
        let (health, worker) = ready(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        worker.set_stall(Some(Stall::QueueFull), at(5));
        worker.set_stall(Some(Stall::NotAcknowledged), at(20));
        worker.turned(at(40));
        assert_eq!(health.stalled_workers(), 1);
        assert_eq!(
            failures(&health, at(40)),
            ["failed progress worker 0: no output is acknowledged, for 35 s"]
        );
        assert!(health.is_live(at(40)));
        worker.set_stall(None, at(41));
        assert_eq!(health.stalled_workers(), 0);
        assert_eq!(failures(&health, at(41)), [""; 0]);
    }

    #[test]
    fn a_process_whose_worker_is_ending_is_not_ready() {
        let start = Instant::now();
        let (health, worker) = ready(start);
        worker.set_draining();
        assert_eq!(failures(&health, start), ["failed accepting: draining"]);
        assert!(health.is_live(start));
    }
}
