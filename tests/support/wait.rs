//! Waiting for a condition instead of for a time.
use std::time::{Duration, Instant};

/// How often a condition is looked at: short beside anything a broker does.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls until the condition holds.
///
/// # Panics
///
/// When it does not within `deadline`; `what` names the condition.
pub fn wait_until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    assert!(
        holds_within(deadline, &mut condition),
        "not within {deadline:?}: {what}"
    );
}

/// Polls until the condition holds; false when it does not within `deadline`.
pub fn holds_within(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() >= deadline {
            return false;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    true
}
