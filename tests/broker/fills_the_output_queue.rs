//! A full output queue holds reading back, and loses nothing.
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::support::load::duplicates;
use crate::support::{Load, Setup};

#[test]
fn a_queue_of_a_hundred_records_delivers_thousands() {
    is_filled("full-queue", at_least_once);
}

#[test]
fn a_queue_of_a_hundred_records_with_transactions_delivers_thousands_once() {
    is_filled("once-full-queue", exactly_once);
}

fn is_filled(name: &str, mode: Mode) {
    let load = Load::generate(5, Profile::tests(), 10_000);
    let setup = mode(Setup::new(name, 2))
        .set("workers", "1")
        .env("SIGNIN_DIAGNOSTICS__OUTPUT__QUEUE_MESSAGES", "100");
    setup.send(load.bodies());

    let mut service = setup.start();
    service.wait_ready();
    let started = Instant::now();
    service.wait_for_records(load.records());
    eprintln!(
        "{name}: {} records in {:?}",
        load.records(),
        started.elapsed()
    );
    setup.wait_committed(Duration::from_secs(10));
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
}
