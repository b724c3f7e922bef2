//! With transactions, a reader of what is committed sees every record exactly once, whatever
//! happens to the service and to the broker.
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{exactly_once, instance};
use crate::support::broker::Broker;
use crate::support::load::duplicates;
use crate::support::wait::holds_within;
use crate::support::{Load, Service, Setup, Signal, read_all, wait_until};

const DEADLINE: Duration = Duration::from_mins(2);

/// Every dead letter once: as many places as letters.
fn assert_dead_letters(setup: &Setup, sent: usize) {
    let letters = setup.read_dead_letters();
    let places: BTreeSet<_> = letters
        .iter()
        .map(|letter| {
            let header = |name| letter.header(name).map(<[u8]>::to_vec);
            (header("source_partition"), header("source_offset"))
        })
        .collect();
    assert_eq!((places.len(), letters.len()), (sent, sent));
}

#[test]
fn kills_in_the_middle_show_every_record_and_every_dead_letter_once() {
    const KILLS: usize = 3;
    const BAD: usize = 8;
    let mut load = Load::generate(31, Profile::tests(), 0);
    let setup = exactly_once(Setup::new("once-kill", 4)).set("workers", "2");

    let mut service = setup.start();
    for kill in 1..=KILLS {
        setup.send(load.grow(10_000));
        setup.send(["no JSON"; BAD]);
        setup.send(load.grow(10_000));
        service.wait_for_records(1_000);
        service.signal(Signal::Kill);
        service.wait(Duration::from_secs(5));
        let killed = Instant::now();
        assert!(setup.lag() > 0, "kill {kill} came too late");
        let seen = read_all(&setup.output).len();
        service = setup.start();
        wait_until(DEADLINE, "the next output", || {
            read_all(&setup.output).len() > seen
        });
        eprintln!(
            "exactly once: {:.1?} from kill {kill} to the next visible output",
            killed.elapsed()
        );
    }
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    assert_dead_letters(&setup, KILLS * BAD);
    service.stop();
}

#[test]
fn partitions_that_change_hands_show_every_record_once() {
    let mut load = Load::generate(32, Profile::tests(), 20_000);
    let setup = exactly_once(Setup::new("once-rebalance", 4)).set("workers", "1");
    // Two processes of one host would take each other's transactional id.
    let setup = setup.env("SIGNIN_DIAGNOSTICS__KAFKA__INSTANCE_ID", "first");
    setup.send(load.bodies());
    let mut first = setup.start();
    first.wait_for_records(1_000);
    let setup = setup.env("SIGNIN_DIAGNOSTICS__KAFKA__INSTANCE_ID", "second");
    let mut second = setup.start();
    let works = |service: &Service| service.records() > 1_000;
    let started = Instant::now();
    while !works(&second) {
        assert!(started.elapsed() < DEADLINE, "{}", second.log());
        setup.send(load.grow(2_000));
    }
    second.signal(Signal::Term);
    setup.send(load.grow(2_000));
    let status = second.wait(Duration::from_secs(30));
    assert_eq!(status.code(), Some(0), "{}", second.log());
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    first.stop();
}

/// After an outage that outlasts a transaction the producer cannot go on: the process ends, and
/// the next one does.
#[test]
fn a_broker_that_is_killed_and_restarted_shows_every_record_once() {
    let mut broker = Broker::of_my_own();
    let load = Load::generate(33, Profile::tests(), 40_000);
    let setup = exactly_once(Setup::on(&broker, "once-outage", 4)).set("workers", "2");
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records() / 10);
    broker.kill();
    assert!(service.records() < load.records(), "it came too late");
    service.wait_not_ready(Duration::from_secs(20), "no broker can be reached");
    broker.restart();
    let started = Instant::now();
    while setup.lag() > 0 {
        assert!(started.elapsed() < DEADLINE, "{}", service.log());
        if !service.is_live() {
            service = setup.start();
            service.wait_ready();
        }
    }
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    eprintln!(
        "exactly once: {:.1?} to catch up after the broker's restart",
        started.elapsed()
    );
    // A worker that had nothing more to do may learn only now that its producer cannot go on.
    service.signal(Signal::Term);
    if !service.wait(DEADLINE).success() {
        service = setup.start();
        service.wait_ready();
        service.stop();
    }
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
}

/// The members lose their partitions while offsets are on their way to the broker, and rejoin:
/// what they sent as members of old must not be taken from them as members anew.
#[test]
fn a_broker_that_freezes_for_longer_than_a_session_shows_every_record_once() {
    const FREEZES: usize = 3;
    let mut broker = Broker::of_my_own();
    let mut load = Load::generate(34, Profile::tests(), 5_000);
    let setup = exactly_once(Setup::on(&broker, "once-frozen", 6))
        .set("workers", "1")
        .set("kafka.properties.\"heartbeat.interval.ms\"", "500");
    let setups = ["first", "second"].map(|id| instance(&setup, id));
    setup.send(load.bodies());
    let mut services = setups.each_ref().map(Setup::start);
    let mut ends = 0;
    for freeze in 1..=FREEZES {
        setup.send(load.grow(20_000));
        let settled = |services: &[Service; 2]| services.each_ref().map(Service::records);
        let before = settled(&services);
        // A process that ends, or does not answer, has not settled anything.
        let grown = || {
            let now = settled(&services).into_iter().zip(before);
            now.map(|(now, before)| now.saturating_sub(before))
                .sum::<u64>()
        };
        let works = holds_within(DEADLINE, || grown() >= 500);
        assert!(works, "{}\n{}", services[0].log(), services[1].log());
        broker.freeze();
        // The fault itself, and no waiting for something.
        thread::sleep(Duration::from_secs(8));
        broker.thaw();
        let started = Instant::now();
        while setup.lag() > 0 {
            for (service, setup) in services.iter_mut().zip(&setups) {
                assert!(started.elapsed() < DEADLINE, "{}", service.log());
                if service.ended().is_some() {
                    *service = setup.start();
                    ends += 1;
                }
            }
        }
        assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0, "{freeze}");
        // The broker fences a member of a former session, and its process ends.
        for (service, setup) in services.iter_mut().zip(&setups) {
            if service.ended().is_some() {
                *service = setup.start();
                ends += 1;
            }
        }
    }
    eprintln!("exactly once, broker frozen {FREEZES} times: {ends} ends");
}

#[test]
fn a_broker_that_allows_no_transactions_is_told_with_the_remedy() {
    let mut broker = Broker::of_my_own();
    broker.set("transaction.max.timeout.ms=1000");
    let setup = exactly_once(Setup::on(&broker, "once-refused", 1));
    let mut service = setup.start();
    let status = service.wait(Duration::from_secs(30));
    assert_eq!(status.code(), Some(1), "{}", service.log());
    let log = service.log();
    for part in [
        &*broker.bootstrap,
        "transaction.max.timeout.ms",
        "at_least_once",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}
