//! A full output queue holds reading back, and loses nothing.
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::{Load, Setup};

#[test]
fn a_queue_of_a_hundred_records_delivers_thousands() {
    let load = Load::generate(5, Profile::tests(), 10_000);
    let setup = Setup::new("full-queue", 2)
        .set("workers", "1")
        .env("SIGNIN_DIAGNOSTICS__OUTPUT__QUEUE_MESSAGES", "100");
    setup.send(load.bodies());

    let mut service = setup.start();
    service.wait_ready();
    let started = Instant::now();
    service.wait_for_records(load.records());
    eprintln!(
        "full queue: {} records in {:?}",
        load.records(),
        started.elapsed()
    );
    setup.wait_committed(Duration::from_secs(10));
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
}
