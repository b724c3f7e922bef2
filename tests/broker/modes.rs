//! The two ways to deliver, as the tests of faults set them, and a service that is kept running.
use std::time::{Duration, Instant};

use crate::support::{Service, Setup};

/// Applied to a setup.
pub type Mode = fn(Setup) -> Setup;

pub fn at_least_once(setup: Setup) -> Setup {
    patient(setup)
}

pub fn exactly_once(setup: Setup) -> Setup {
    patient(setup)
        .set("delivery.mode", "\"exactly_once\"")
        .set("delivery.transaction_interval", "\"200ms\"")
}

fn patient(setup: Setup) -> Setup {
    setup
        // A dead member's partitions wait for it so long.
        .set("kafka.properties.\"session.timeout.ms\"", "6000")
        .set("dead_letter.max_ratio", "0")
        .set("dead_letter.max_consecutive", "0")
}

/// A name of its own: two processes of one host would take each other's transactional id. The
/// broker keeps a static member's partitions for its successor.
pub fn instance(setup: &Setup, id: &str) -> Setup {
    let setup = setup.clone();
    setup.env("SIGNIN_DIAGNOSTICS__KAFKA__INSTANCE_ID", id)
}

/// Waits until everything is committed; a service that ends by itself is started again, as an
/// orchestrator does. Gives how often that was.
///
/// # Panics
///
/// When it is not committed within `deadline`; with the service's log.
pub fn keep_until_committed(setup: &Setup, service: &mut Service, deadline: Duration) -> u32 {
    let started = Instant::now();
    let mut restarts = 0;
    while setup.lag() > 0 {
        assert!(started.elapsed() < deadline, "{}", service.log());
        if let Some(status) = service.ended() {
            assert_eq!(status.code(), Some(1), "{}", service.log());
            *service = setup.start();
            restarts += 1;
        }
    }
    restarts
}
