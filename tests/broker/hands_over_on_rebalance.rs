//! Partitions change hands under load, and nothing is lost or comes twice.
use std::thread;
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once, instance};
use crate::support::load::duplicates;
use crate::support::{Load, Service, Setup, Signal};

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn an_instance_that_joins_and_one_that_leaves_hand_over_in_order() {
    // What is handed over without its own commit is read again by the next owner.
    let setup = Setup::new("rebalance", 4)
        .set("workers", "1")
        .set("delivery.commit_interval", "\"5s\"")
        .set("kafka.properties.\"heartbeat.interval.ms\"", "500");
    let mut load = Load::generate(6, Profile::tests(), 20_000);
    setup.send(load.bodies());

    let mut first = setup.start();
    first.wait_for_records(1_000);
    let mut second = setup.start();
    feed_until(&setup, &mut load, "both work", || {
        assigned(&first) == 2.0 && assigned(&second) == 2.0 && second.records() > 1_000
    });
    let revoked = "signin_rebalances_total{kind=\"revoke\"}";
    assert_eq!(first.metrics().value(revoked), Some(1.0));

    // What the first gave away comes back to it, and is read again there: the client would
    // keep the pause of the hand-over.
    second.signal(Signal::Term);
    feed_until(&setup, &mut load, "the first has all again", || {
        assigned(&first) == 4.0
    });
    let status = second.wait(DEADLINE);
    assert_eq!(status.code(), Some(0), "{}", second.log());
    setup.wait_committed(DEADLINE);

    let mut third = setup.start();
    third.wait_ready();
    feed_until(&setup, &mut load, "a third works", || {
        assigned(&third) == 2.0 && third.records() > 1_000
    });
    first.signal(Signal::Term);
    feed_until(&setup, &mut load, "the third has all", || {
        assigned(&third) == 4.0
    });
    let status = first.wait(DEADLINE);
    assert_eq!(status.code(), Some(0), "{}", first.log());
    setup.wait_committed(DEADLINE);

    let duplicates = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("rebalance: {duplicates} of {} twice", load.records());
    assert_eq!(duplicates, 0);
    third.stop();
}

fn assigned(service: &Service) -> f64 {
    service.metrics().sum("signin_assigned_partitions")
}

/// Sends on and on until the condition holds.
fn feed_until(setup: &Setup, load: &mut Load, what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}"
        );
        setup.send(load.grow(2_000));
    }
}

/// From one instance to three and back, under load.
fn scales(name: &str, seed: u64, mode: Mode, is_static: bool) {
    let setup = mode(Setup::new(name, 6))
        .set("workers", "1")
        .set("kafka.properties.\"heartbeat.interval.ms\"", "500");
    let start = |number: usize| {
        if is_static {
            instance(&setup, &format!("{name}-{number}")).start()
        } else {
            setup.start()
        }
    };
    let mut load = Load::generate(seed, Profile::tests(), 5_000);
    setup.send(load.bodies());
    let mut first = start(1);
    first.wait_for_records(1_000);
    let mut others = [start(2), start(3)];
    feed_slowly_until(&setup, &mut load, "all three work", || {
        assigned(&first) == 2.0
            && others
                .iter()
                .all(|other| other.records() > 500 && assigned(other) == 2.0)
    });
    for other in &mut others {
        other.signal(Signal::Term);
    }
    feed_slowly_until(&setup, &mut load, "the first has all again", || {
        assigned(&first) == 6.0
    });
    for other in &mut others {
        let status = other.wait(DEADLINE);
        assert_eq!(status.code(), Some(0), "{}", other.log());
    }
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    first.stop();
}

fn feed_slowly_until(setup: &Setup, load: &mut Load, what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}"
        );
        setup.send(load.grow(300));
        // As fast as sign-ins come, not as fast as they can be made.
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn three_instances_and_one_again_write_every_record_once() {
    scales("scale", 63, at_least_once, false);
}

#[test]
fn three_static_instances_and_one_again_write_every_record_once() {
    scales("scale-static", 64, at_least_once, true);
}

#[test]
fn three_instances_with_transactions_and_one_again_show_every_record_once() {
    scales("once-scale", 65, exactly_once, true);
}
