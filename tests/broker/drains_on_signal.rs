//! A signal ends the service in order: nothing is lost, nothing comes twice.
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::broker::Broker;
use crate::support::load::duplicates;
use crate::support::{Load, Service, Setup, Signal, wait_until};

#[test]
fn signals_in_the_middle_leave_every_record_exactly_once() {
    let mut load = Load::generate(3, Profile::tests(), 0);
    let setup = Setup::new("drain", 4).set("workers", "2");

    for signal in [Signal::Term, Signal::Int] {
        setup.send(load.grow(30_000));
        let mut service = setup.start();
        service.wait_for_records(1_000);
        service.signal(signal);
        let status = service.wait(Duration::from_secs(20));
        assert_eq!(status.code(), Some(0), "{signal:?}:\n{}", service.log());
        assert!(setup.lag() > 0, "{signal:?} came too late");
    }
    let mut last = setup.start();
    setup.wait_committed(Duration::from_mins(1));
    last.stop();

    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
}

/// A frozen broker holds the acknowledgements back, so that a drain can be looked at.
#[test]
fn a_drain_is_not_ready_and_ends_with_the_acknowledgements_or_the_deadline_or_a_second_signal() {
    const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
    let mut broker = Broker::of_my_own();
    let mut load = Load::generate(4, Profile::tests(), 0);
    let setup = Setup::on(&broker, "slow-drain", 4)
        .set("workers", "2")
        .set("delivery.drain_timeout", "\"5s\"")
        // The members that end without a word are waited for so long.
        .set("kafka.properties.\"session.timeout.ms\"", "6000");
    let mut draining = |broker: &mut Broker| -> (Service, Instant) {
        setup.send(load.grow(30_000));
        let mut service = setup.start();
        service.wait_for_records(1_000);
        broker.freeze();
        service.signal(Signal::Term);
        let since = Instant::now();
        service.wait_not_ready(Duration::from_secs(1), "failed accepting: draining");
        assert!(service.is_live());
        (service, since)
    };

    let (mut service, _) = draining(&mut broker);
    broker.thaw();
    let status = service.wait(DRAIN_TIMEOUT);
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(setup.lag() > 0, "the signal came too late");
    let diagnoses = setup.diagnoses();
    assert!(diagnoses.values().all(|copies| copies.len() == 1));

    let (mut service, _) = draining(&mut broker);
    service.signal(Signal::Term);
    let status = service.wait(Duration::from_secs(1));
    assert_eq!(status.code(), Some(1), "{}", service.log());
    broker.thaw();

    let (mut service, since) = draining(&mut broker);
    // The clients get five seconds to close.
    let status = service.wait(DRAIN_TIMEOUT + Duration::from_secs(7));
    assert!(since.elapsed() >= DRAIN_TIMEOUT / 2, "it did not wait");
    assert_eq!(status.code(), Some(1), "{}", service.log());
    assert!(service.log().contains("not confirmed"), "{}", service.log());
    broker.thaw();

    let mut last = setup.start();
    setup.wait_committed(Duration::from_mins(1));
    last.stop();
    let duplicates = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("drains cut short: {duplicates} of {} twice", load.records());
}

#[test]
fn an_idle_service_ends_at_once() {
    let setup = Setup::new("idle", 1).set("workers", "2");
    let mut with_the_partition = setup.start();
    with_the_partition.wait_ready();
    let mut with_nothing = setup.start();
    with_nothing.wait_ready();
    assert_eq!(
        with_nothing.metrics().sum("signin_assigned_partitions"),
        0.0
    );

    for service in [&mut with_nothing, &mut with_the_partition] {
        service.signal(Signal::Int);
        let status = service.wait(Duration::from_secs(5));
        assert_eq!(status.code(), Some(0), "{}", service.log());
    }
}

#[test]
fn a_worker_without_partitions_leaves_the_group_too() {
    let setup = Setup::new("leaves", 1).set("workers", "2");
    let mut service = setup.start();
    service.wait_ready();
    service.wait_for_metrics(Duration::from_secs(20), "both have joined", |_| {
        setup.members() == 2
    });
    service.stop();
    // Far below the session time-out of 45 s, after which the broker drops a member by itself.
    wait_until(Duration::from_secs(10), "the group is empty", || {
        setup.members() == 0
    });
}
