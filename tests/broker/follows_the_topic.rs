//! A topic that gets more partitions is read on all of them, from their begin; one that a pattern
//! matches is read when it is there.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::support::load::duplicates;
use crate::support::topics::{create_topic, grow_topic, produce_on, topic_name};
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

#[test]
fn topics_that_a_pattern_matches_are_read_also_one_that_is_created_later() {
    const DEADLINE: Duration = Duration::from_secs(40);
    let load = Load::generate(42, Profile::tests(), 2_000);
    let (before, after) = load.messages.split_at(load.messages.len() / 2);
    let stem = topic_name("pattern");
    let named = |name: &str| {
        let mut setup = Setup::new("by-pattern", 2);
        setup.input = name.to_owned();
        setup
    };
    let first = named(&format!("{stem}-first"))
        .env("SIGNIN_DIAGNOSTICS__INPUT__TOPICS", &format!("^{stem}-"))
        .set("workers", "1")
        .set(
            "kafka.properties.\"topic.metadata.refresh.interval.ms\"",
            "1000",
        );
    let mut second = named(&format!("{stem}-second"));
    second.group.clone_from(&first.group);
    // Its name holds the pattern's, and does not begin with it.
    let other = named(&format!("other-{stem}-"));
    for setup in [&first, &other] {
        create_topic(&setup.bootstrap, &setup.input, 2);
    }
    let stranger = Load::generate(43, Profile::tests(), 10);
    other.send(stranger.bodies());
    first.send(before.iter().map(|message| &message.body));
    let mut service = first.start();
    first.wait_committed(DEADLINE);

    create_topic(&second.bootstrap, &second.input, 2);
    second.send(after.iter().map(|message| &message.body));
    second.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &first.diagnoses()), 0);
    service.wait_ready();
    service.stop();
}
