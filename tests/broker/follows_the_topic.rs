//! A topic that gets more partitions is read on all of them, from their begin.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::support::load::duplicates;
use crate::support::topics::{grow_topic, produce_on};
use crate::support::{Load, Setup};

#[test]
fn partitions_that_are_added_are_read_from_their_begin() {
    grows("more-partitions", at_least_once);
}

#[test]
fn partitions_that_are_added_with_transactions_are_read_from_their_begin() {
    grows("once-more-partitions", exactly_once);
}

fn grows(name: &str, mode: Mode) {
    let load = Load::generate(41, Profile::tests(), 3_000);
    let (before, after) = load.messages.split_at(load.messages.len() / 2);
    let setup = mode(Setup::new(name, 1)).set("workers", "1").set(
        "kafka.properties.\"topic.metadata.refresh.interval.ms\"",
        "1000",
    );
    setup.send(before.iter().map(|message| &message.body));
    let mut service = setup.start();
    setup.wait_committed(Duration::from_secs(40));

    grow_topic(&setup.bootstrap, &setup.input, 4);
    let bodies = after.iter().map(|message| &message.body);
    produce_on(&setup.bootstrap, &setup.input, bodies, |n| {
        i32::try_from(n % 4).expect("few")
    });
    setup.wait_committed(Duration::from_secs(40));
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
}
