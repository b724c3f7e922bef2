//! A broker that dies under load and comes back costs time, and no record.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::broker::Broker;
use crate::support::load::duplicates;
use crate::support::{Load, Setup};

/// The service's own bounds (prefetch and output queue, 16 MiB each, for two workers) and room
/// for the rest of the process.
const RESIDENT_BYTES: f64 = 256e6;

#[test]
fn a_broker_that_is_killed_and_restarted_loses_nothing() {
    let mut broker = Broker::of_my_own();
    let mut load = Load::generate(7, Profile::tests(), 60_000);
    let setup = Setup::on(&broker, "outage", 4).set("workers", "2");
    setup.send(load.bodies());

    let mut service = setup.start();
    service.wait_for_records(load.records() / 10);
    broker.kill();
    let settled = service.records();
    assert!(settled < load.records(), "the outage came too late");
    service.wait_not_ready(Duration::from_secs(20), "no broker can be reached");
    assert!(service.is_live());

    broker.restart();
    service.wait_for_records(load.records());
    service.wait_ready();
    setup.send(load.grow(1_000));
    service.wait_for_records(load.records());
    setup.wait_committed(Duration::from_secs(20));
    let resident = service.metrics().sum("process_resident_memory_bytes");
    let duplicates = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!(
        "broker killed: {duplicates} of {} twice, {:.0} MB resident",
        load.records(),
        resident / 1e6
    );
    assert!(resident < RESIDENT_BYTES, "{resident} bytes");

    // An outage while there is nothing to do is forgotten, too.
    broker.kill();
    service.wait_not_ready(Duration::from_secs(20), "no broker can be reached");
    broker.restart();
    service.wait_ready();
    service.stop();
}
