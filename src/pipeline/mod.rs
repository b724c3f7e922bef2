//! The pipeline: workers that poll, diagnose and produce, and what starts and ends them.
mod batch;
mod batching;
mod dead_letter;
mod dead_letter_limit;
mod observer;
mod outputs;
mod reader;
mod receipt;
mod record_writer;
pub mod replay;
mod stop;
mod tally;
mod worker;

#[cfg(test)]
mod privacy_tests;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

pub use dead_letter_limit::WINDOW as DEAD_LETTER_WINDOW;
pub use reader::SERVICE_VERSION;
pub use stop::StopSignal;

use crate::config::{Mode, Settings};
use crate::delivery::{self, Exit};
use crate::diagnosis::Diagnoser;
use crate::kafka::Tokens;
use crate::policies;
use crate::telemetry::{Health, Metrics};
use crate::watch::{self, Follower};
use worker::{Parts, Worker};

pub use worker::StartError;

/// How long the clients may take to leave the group and close, after everything is drained.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the workers share: read-only, or made of atomics.
#[derive(Clone)]
pub struct Shared {
    pub settings: Arc<Settings>,
    pub diagnoser: Arc<Diagnoser>,
    pub metrics: Arc<Metrics>,
    pub watch: Arc<watch::Shared>,
    pub health: Arc<Health>,
    /// The policy snapshot in force.
    pub policies: Arc<policies::Current>,
    /// Where the clients sign in with tokens: the first must be there before they are made.
    pub tokens: Option<Arc<Tokens>>,
    pub stop: StopSignal,
}

/// The workers, started.
pub struct Pipeline {
    stop: StopSignal,
    workers: usize,
    news: Receiver<News>,
    /// Dropped when the workers may leave the group.
    stay: Vec<Sender<()>>,
}

/// How the workers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    By(Exit),
    /// More could not be read than may become dead letters: a restart lets as many more through.
    DeadLetterLimit,
}

enum News {
    Ended(usize, End),
    Closed,
    /// The thread ended without saying how: it panicked.
    Died(usize),
}

impl Pipeline {
    /// Creates every worker's clients, then starts the threads.
    pub fn start(shared: &Shared) -> Result<Pipeline, StartError> {
        let workers: Vec<Worker> = shared
            .health
            .workers()
            .enumerate()
            .map(|(number, health)| {
                Worker::new(Parts {
                    number,
                    settings: Arc::clone(&shared.settings),
                    diagnoser: Arc::clone(&shared.diagnoser),
                    metrics: Arc::clone(&shared.metrics),
                    watch: Follower::new(Arc::clone(&shared.watch)),
                    health,
                    policies: Arc::clone(&shared.policies),
                    tokens: shared.tokens.clone(),
                    stop: shared.stop.clone(),
                })
            })
            .collect::<Result<_, _>>()?;
        let (sender, news) = mpsc::channel();
        let count = workers.len();
        let mut stay = Vec::with_capacity(count);
        for (number, worker) in workers.into_iter().enumerate() {
            let (staying, leave) = mpsc::channel();
            stay.push(staying);
            let report = Report {
                number,
                leave,
                sender: sender.clone(),
                said: false,
            };
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            thread.spawn(move || run(worker, report))?;
        }
        Ok(Pipeline {
            stop: shared.stop.clone(),
            workers: count,
            news,
            stay,
        })
    }

    /// Waits until every worker has ended, by a stop or by an error; one that ends by itself
    /// ends the others. Then gives the clients a short time to close: their own closing has no
    /// deadline, and everything that matters is committed.
    pub fn wait(mut self) -> End {
        let mut ends = Vec::with_capacity(self.workers);
        let mut closed = 0;
        while ends.len() < self.workers {
            match self.news.recv() {
                Ok(News::Ended(worker, end)) => {
                    report(worker, end);
                    ends.push(end);
                }
                Ok(News::Died(worker)) => {
                    error!(worker, "A worker panicked; stopping");
                    ends.push(End::By(Exit::Fatal));
                    closed += 1;
                }
                Ok(News::Closed) => closed += 1,
                Err(_) => ends.push(End::By(Exit::Fatal)),
            }
            self.stop.request();
        }
        // A member that leaves starts a rebalance, and in a rebalance commits are refused: so
        // nobody leaves before all have committed.
        self.stay.clear();
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while closed < self.workers {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.news.recv_timeout(left) {
                Ok(News::Closed | News::Died(_)) => closed += 1,
                Ok(News::Ended(..)) => {}
                Err(_) => {
                    warn!("The Kafka clients did not close in time; exiting without them");
                    break;
                }
            }
        }
        combine(&ends)
    }
}

fn run(mut worker: Worker, mut report: Report) {
    let end = worker.run();
    report.said = true;
    report.send(News::Ended(report.number, end));
    worker.linger(&report.leave);
    worker.close();
    report.send(News::Closed);
}

/// Says how a worker ended, even when it panics.
struct Report {
    number: usize,
    leave: Receiver<()>,
    sender: Sender<News>,
    said: bool,
}

impl Report {
    fn send(&self, news: News) {
        // Nobody listens once the time for closing is over.
        let _ = self.sender.send(news);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.said {
            self.send(News::Died(self.number));
        }
    }
}

fn report(worker: usize, end: End) {
    match end {
        End::By(Exit::Clean) => info!(
            worker,
            "Everything that was read is delivered and committed"
        ),
        End::By(Exit::Unfinished { outputs }) => warn!(
            worker,
            outputs, "Stopped at the deadline with outputs not confirmed; they are read again"
        ),
        End::By(Exit::Fatal) | End::DeadLetterLimit => error!(
            worker,
            "Ended by an error; what was not committed is read again"
        ),
    }
}

/// What a restart helps against least goes before the rest.
fn combine(ends: &[End]) -> End {
    for first in [End::DeadLetterLimit, End::By(Exit::Fatal)] {
        if ends.contains(&first) {
            return first;
        }
    }
    let unfinished = ends.iter().filter_map(|end| match end {
        End::By(Exit::Unfinished { outputs }) => Some(*outputs),
        _ => None,
    });
    let unfinished = unfinished.reduce(|sum, outputs| sum + outputs);
    End::By(unfinished.map_or(Exit::Clean, |outputs| Exit::Unfinished { outputs }))
}

fn delivery_settings(settings: &Settings) -> delivery::Settings {
    delivery::Settings {
        commit_interval: settings.delivery.commit_interval,
        transaction_interval: match settings.delivery.mode {
            Mode::AtLeastOnce => None,
            Mode::ExactlyOnce => Some(settings.delivery.transaction_interval),
        },
        drain_timeout: settings.delivery.drain_timeout,
        remembered_sign_ins: settings.delivery.remembered_sign_ins,
        ..delivery::Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_ends_the_one_that_a_restart_helps_least_is_told() {
        let clean = End::By(Exit::Clean);
        let fatal = End::By(Exit::Fatal);
        let unfinished = |outputs| End::By(Exit::Unfinished { outputs });
        for (ends, told) in [
            (vec![clean, clean], clean),
            (vec![unfinished(0), clean], unfinished(0)),
            (vec![unfinished(2), clean, unfinished(3)], unfinished(5)),
            (vec![unfinished(2), fatal], fatal),
            (
                vec![clean, fatal, End::DeadLetterLimit],
                End::DeadLetterLimit,
            ),
        ] {
            assert_eq!(combine(&ends), told, "{ends:?}");
        }
    }
}
