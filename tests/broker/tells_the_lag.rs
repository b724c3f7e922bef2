//! The lag is told by who owns a partition, and counts what is there.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::at_least_once;
use crate::support::topics::{delete_before, topic_name};
use crate::support::{Load, Service, Setup, wait_until};

/// The client gathers its statistics every five seconds.
const TOLD: Duration = Duration::from_secs(40);
const PARTITIONS: i32 = 4;

/// The partitions whose lag this process shows, once in messages as in seconds.
fn shown(setup: &Setup, service: &Service) -> Vec<i32> {
    let Some(metrics) = service.try_metrics() else {
        return Vec::new();
    };
    let has = |name: &str, partition: i32| {
        let topic = &setup.input;
        let series = format!("{name}{{partition=\"{partition}\",topic=\"{topic}\"}}");
        metrics.value(&series).is_some()
    };
    let shown = (0..PARTITIONS).filter(|&p| has("signin_consumer_lag_messages", p));
    let shown: Vec<i32> = shown.collect();
    let seconds = (0..PARTITIONS).filter(|&p| has("signin_consumer_lag_seconds", p));
    // One comes or goes a moment before the other: then there is nothing to compare yet.
    if seconds.eq(shown.iter().copied()) {
        shown
    } else {
        Vec::new()
    }
}

#[test]
fn each_process_tells_the_lag_of_its_own_partitions_and_drops_what_it_gives_up() {
    let setup = at_least_once(Setup::new("lag-owned", PARTITIONS)).set("workers", "1");
    let load = Load::generate(64, Profile::tests(), 400);
    setup.send(load.bodies());
    let mut first = setup.start();
    wait_until(TOLD, "the lag of all partitions is told", || {
        shown(&setup, &first).len() == 4
    });
    let mut second = setup.start();
    second.wait_ready();
    setup.wait_settled(2);
    wait_until(TOLD, "each tells of its own", || {
        let (one, other) = (shown(&setup, &first), shown(&setup, &second));
        one.len() == 2 && other.len() == 2 && one.iter().all(|p| !other.contains(p))
    });
    second.stop();
    wait_until(TOLD, "the first tells of all again", || {
        shown(&setup, &first).len() == 4
    });
    first.stop();
}

/// Nothing is written, so all that is there is behind; what retention has taken is not.
#[test]
fn messages_that_retention_has_taken_are_no_lag() {
    const DELETED: i64 = 60;
    let mut setup = at_least_once(Setup::new("lag-deleted", 1)).set("workers", "1");
    setup.output = topic_name("lag-deleted-out");
    setup.send((0..100).map(|n| {
        format!(
            "{{\"category\":\"SignInLogs\",\"properties\":{{\"id\":\"{n}\",\
             \"status\":{{\"errorCode\":0}}}}}}"
        )
    }));
    let mut service = setup.start();
    let lag = |service: &Service| {
        let metrics = service.try_metrics();
        metrics.map_or(0.0, |m| m.sum("signin_consumer_lag_messages"))
    };
    wait_until(TOLD, "all is lag", || lag(&service) == 100.0);
    delete_before(&setup.bootstrap, &setup.input, 0, DELETED);
    wait_until(TOLD, "what is left is lag", || lag(&service) == 40.0);
    assert!(service.is_live());
}
