//! An output that is slow or gone, for longer than every time-out of the clients: memory is
//! bounded, the group stays as it is, and all goes on by itself.
use std::thread;
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once, keep_until_committed};
use crate::support::load::duplicates;
use crate::support::proxy::{Side, Way};
use crate::support::{Load, Service, Setup};
use crate::survives_the_network::{Network, behind};

const DEADLINE: Duration = Duration::from_mins(1);
/// The bounds of prefetch and output queue, and room for the rest of the process.
const RESIDENT_BYTES: f64 = 200e6;

/// Every time-out of the clients at 6 s or less.
fn impatient(setup: Setup) -> Setup {
    setup
        .set("kafka.properties.\"max.poll.interval.ms\"", "6000")
        .set("kafka.properties.\"socket.timeout.ms\"", "3000")
        .set("output.queue_messages", "500")
}

fn changes_of_the_group(service: &Service) -> f64 {
    let metrics = service.metrics();
    ["revoke", "lost"]
        .iter()
        .map(|kind| metrics.sum_with("signin_rebalances_total", &format!("kind=\"{kind}\"")))
        .sum()
}

#[test]
fn a_slow_and_then_absent_output_keeps_group_and_memory_and_is_caught_up_with() {
    let (setup, proxy) = behind(Network::Gone, "gone", at_least_once);
    let setup = impatient(setup);
    let mut load = Load::generate(53, Profile::tests(), 500);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records());
    setup.send(load.grow(40_000));
    for (way, held) in [
        (
            Way::Slow {
                bytes_a_second: 20_000,
            },
            Duration::from_secs(9),
        ),
        (Way::Cut, Duration::from_secs(30)),
    ] {
        proxy.set(Side::Output, way);
        let settled = service.records();
        thread::sleep(held);
        assert!(service.records() < load.records(), "{way:?} was not felt");
        assert!(service.is_live());
        assert_eq!(changes_of_the_group(&service), 0.0, "{}", service.log());
        assert_eq!(setup.members(), 1);
        eprintln!("{way:?}: {} records meanwhile", service.records() - settled);
    }
    service.wait_not_ready(DEADLINE, "worker 0");
    let resident = service.metrics().sum("process_resident_memory_bytes");
    assert!(resident < RESIDENT_BYTES, "{resident} bytes");
    proxy.set(Side::Output, Way::Open);
    setup.wait_committed(DEADLINE);
    service.wait_ready();
    assert_eq!(changes_of_the_group(&service), 0.0, "{}", service.log());
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    report(&load, proxy.input_bytes(), resident, repeated);
    service.stop();
}

/// What the input was fetched beyond once is paid for twice at Event Hubs.
#[allow(clippy::cast_precision_loss)] // figures for people
fn report(load: &Load, fetched: u64, resident: f64, repeated: usize) {
    let needed: usize = load.bodies().map(<[u8]>::len).sum();
    eprintln!(
        "output gone: {repeated} of {} twice, {:.0} MB resident, {:.1} MB fetched of {:.1} MB",
        load.records(),
        resident / 1e6,
        fetched as f64 / 1e6,
        needed as f64 / 1e6,
    );
}

/// The broker ends the transaction after 15 s.
#[test]
fn an_output_that_outlasts_a_transaction_shows_every_record_once() {
    let (setup, proxy) = behind(
        Network::GoneWithTransactions,
        "once-gone",
        exactly_once as Mode,
    );
    let setup = impatient(setup);
    let mut load = Load::generate(54, Profile::tests(), 500);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records());
    proxy.set(Side::Output, Way::Cut);
    setup.send(load.grow(10_000));
    thread::sleep(Duration::from_secs(20));
    assert!(setup.lag() > 0, "it was not felt");
    proxy.set(Side::Output, Way::Open);
    let restarts = keep_until_committed(&setup, &mut service, DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    eprintln!("once, output gone: {restarts} restarts");
    service.stop();
}
