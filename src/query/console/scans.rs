//! Searches of the console: few at a time, each for a bounded time, and none that nobody waits for.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::sync::Semaphore;
use tracing::warn;

use super::form::sentence;
use super::pages::{Frame, message};
use crate::query::groups;
use crate::query::review::Progress;
use crate::query::store::{ScanError, Stopped};

/// At the same time. A list holds at most 40 MiB of records, a count the sign-ins and names of
/// `groups`; each has 12 MiB fetched ahead.
const SEARCHES: usize = 2;

/// How long one waits for its turn: the page that says so is better than none.
const PATIENCE: Duration = Duration::from_secs(3);

/// At 50,000 records a second, six million of them.
const DEADLINE: Duration = Duration::from_mins(2);

/// From the first byte of a request to the last of its answer: a search, and what is told of the
/// topic where it finds nothing.
pub const ANSWER: Duration = Duration::from_mins(3);

pub struct Scans {
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("{SEARCHES} other searches are running")]
    Busy,
    #[error(transparent)]
    Scan(#[from] ScanError),
}

impl Default for Scans {
    fn default() -> Scans {
        Scans {
            turns: Arc::new(Semaphore::new(SEARCHES)),
            patience: PATIENCE,
        }
    }
}

impl Scans {
    /// Runs `search` on a thread of its own, and makes the page of what it finds there, so that what
    /// it holds is gone when the next one begins. It is stopped when its time is over, or the caller
    /// drops this future, as happens when the browser goes away.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce(&mut dyn Progress) -> Result<T, ScanError> + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(self.patience, turn).await else {
            return Err(NoAnswer::Busy);
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let mut watch = Watch {
            is_over: Arc::clone(&is_over),
            deadline: Instant::now() + DEADLINE,
        };
        let _ends = Ends(is_over);
        let running = tokio::task::spawn_blocking(move || {
            let found = search(&mut watch);
            // Only now: a search that nobody waits for takes memory until it has noticed.
            drop(turn);
            found
        });
        // It ends without an answer only together with the process, as a panic ends both.
        let found = running.await;
        Ok(found.unwrap_or_else(|_| Err(Stopped::Abandoned.into()))?)
    }
}

/// Dropped with the future that waits.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Watch {
    is_over: Arc<AtomicBool>,
    deadline: Instant,
}

impl Progress for Watch {
    fn progress(&mut self, _: u64, _: u64) -> Result<(), Stopped> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err(Stopped::Abandoned);
        }
        if Instant::now() >= self.deadline {
            return Err(Stopped::Deadline(DEADLINE.as_secs()));
        }
        Ok(())
    }
}

/// Why there is no answer, with the status that says whose fault it is.
pub fn no_answer(frame: Frame, why: &NoAnswer) -> Response {
    let (status, title, remedy) = match why {
        NoAnswer::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too much at once",
            "Try again in a moment.",
        ),
        NoAnswer::Scan(ScanError::Stopped(stopped)) => match stopped {
            Stopped::Matches(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Too many sign-ins",
                "Narrow the time range or the filters, ask for fewer rows, or count them.",
            ),
            Stopped::Groups(groups::TooMany::SignIns) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "Too many sign-ins", "")
            }
            Stopped::Groups(groups::TooMany::Names) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Too many groups",
                "Counting by something else may take less.",
            ),
            Stopped::Deadline(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                "It takes too long",
                "`signin-diagnostics search` has no such limit.",
            ),
            Stopped::Abandoned | Stopped::Write(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The search was stopped",
                "",
            ),
        },
        NoAnswer::Scan(error) => {
            // It names topic, brokers or file, and nothing of a person.
            warn!(%error, "The console cannot read the diagnoses");
            let remedy = match error {
                ScanError::File { .. } => "",
                _ => "`signin-diagnostics check --online` finds what is wrong.",
            };
            let title = "The diagnoses cannot be read";
            (StatusCode::BAD_GATEWAY, title, remedy)
        }
    };
    let said = match why {
        NoAnswer::Scan(ScanError::Stopped(Stopped::Matches(_))) => {
            "More match than are held in memory.".to_owned()
        }
        why => sentence(&why.to_string()),
    };
    let texts = [said, remedy.to_owned()];
    let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    let mut response = message(frame, status, title, &texts);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("5");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn more_searches_than_there_is_room_for_are_told_so_and_room_is_made_again() {
        let scans = Arc::new(Scans {
            patience: Duration::ZERO,
            ..Scans::default()
        });
        let mut ends = Vec::new();
        let mut running = tokio::task::JoinSet::new();
        for (end, ended) in (0..SEARCHES).map(|_| mpsc::channel::<()>()) {
            ends.push(end);
            let scans = Arc::clone(&scans);
            let search = move |_: &mut dyn Progress| {
                let _ = ended.recv();
                Ok(())
            };
            running.spawn(async move { scans.run(search).await });
        }
        tokio::task::yield_now().await;
        let busy = scans.run(|_| Ok(())).await;
        assert!(matches!(busy, Err(NoAnswer::Busy)), "{busy:?}");
        drop(ends);
        while let Some(ended) = running.join_next().await {
            assert!(ended.unwrap().is_ok());
        }
        assert!(scans.run(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_search_that_nobody_waits_for_ends() {
        let scans = Scans::default();
        let (tell, told) = mpsc::channel();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let search = scans.run(move |progress| {
            let _ = started.send(());
            loop {
                if let Err(stopped) = progress.progress(0, 0) {
                    let _ = tell.send(matches!(stopped, Stopped::Abandoned));
                    return Err::<(), _>(stopped.into());
                }
                std::thread::yield_now();
            }
        });
        tokio::select! {
            _ = search => unreachable!("it has no end of its own"),
            _ = has_started => {}
        }
        // The future is dropped: the browser went away.
        assert!(told.recv_timeout(Duration::from_secs(20)).unwrap());
    }
}
