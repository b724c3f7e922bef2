//! Where reading starts is decided by the service, told, and kept; what is gone is told, too.
use std::collections::BTreeSet;
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::topics::{create_topic, delete_before, delete_topic};
use crate::support::{Load, Setup, Signal, wait_until};

const DEADLINE: Duration = Duration::from_secs(40);

/// A member that ended without a word is waited for so long.
const SESSION: (&str, &str) = ("kafka.properties.\"session.timeout.ms\"", "6000");

fn ids(messages: &[signin_diagnostics::cli::demo::generator::Message]) -> BTreeSet<&str> {
    let ids = messages.iter().flat_map(|message| &message.ids);
    ids.map(String::as_str).collect()
}

#[test]
fn latest_is_kept_from_the_assignment_on_even_if_nothing_was_read_before_a_kill() {
    let load = Load::generate(21, Profile::tests(), 1_000);
    let (before, after) = load.messages.split_at(load.messages.len() / 2);
    let setup = Setup::new("latest", 2)
        .set("input.start", "\"latest\"")
        .set(SESSION.0, SESSION.1);
    setup.send(before.iter().map(|message| &message.body));

    let mut killed = setup.start();
    setup.wait_committed(DEADLINE);
    assert!(
        killed.log().contains("input.start = latest"),
        "{}",
        killed.log()
    );
    killed.signal(Signal::Kill);
    killed.wait(Duration::from_secs(5));
    setup.send(after.iter().map(|message| &message.body));

    let mut successor = setup.start();
    setup.wait_committed(DEADLINE);
    let diagnoses = setup.diagnoses();
    let wanted: BTreeSet<&str> = ids(after);
    assert_eq!(duplicates(&wanted, &diagnoses), 0);
    assert!(successor.log().contains("committed offset"));
    successor.stop();
}

#[test]
fn a_time_starts_at_the_first_message_that_the_broker_received_then() {
    let load = Load::generate(22, Profile::tests(), 1_000);
    let (before, after) = load.messages.split_at(load.messages.len() / 2);
    let mut setup = Setup::new("start-time", 2);
    setup.send(before.iter().map(|message| &message.body));
    let between = chrono::Utc::now() + chrono::TimeDelta::milliseconds(1);
    wait_until(DEADLINE, "a later moment", || chrono::Utc::now() > between);
    setup.send(after.iter().map(|message| &message.body));
    setup = setup.env(
        "SIGNIN_DIAGNOSTICS__INPUT__START",
        &between.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    );
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&ids(after), &setup.diagnoses()), 0);
    service.stop();

    setup.group.push_str("-later");
    let mut service = setup
        .env("SIGNIN_DIAGNOSTICS__INPUT__START", "2126-01-01T00:00:00Z")
        .start();
    service.wait_ready();
    wait_until(DEADLINE, "it starts at the end", || {
        service.log().contains("no message is as late")
    });
    service.stop();
}

#[test]
fn what_retention_deleted_is_counted_and_the_rest_is_read() {
    let load = Load::generate(23, Profile::tests(), 3_000);
    let third = load.messages.len() / 3;
    let setup = Setup::new("retention", 1).set(SESSION.0, SESSION.1);
    setup.send(load.messages[..third].iter().map(|message| &message.body));
    let mut first = setup.start();
    setup.wait_committed(DEADLINE);
    first.stop();

    setup.send(load.messages[third..].iter().map(|message| &message.body));
    let deleted = i64::try_from(2 * third).expect("few");
    delete_before(&setup.bootstrap, &setup.input, 0, deleted);
    let mut second = setup.start();
    setup.wait_committed(DEADLINE);
    let metrics = second.metrics();
    let resets = "signin_offset_resets_total{reason=\"deleted\"}";
    assert_eq!(metrics.value(resets), Some(1.0));
    #[allow(clippy::cast_precision_loss)] // a few hundred
    let lost = third as f64;
    assert_eq!(metrics.sum("signin_messages_lost_total"), lost);
    let read: BTreeSet<&str> = ids(&load.messages[..third])
        .union(&ids(&load.messages[2 * third..]))
        .copied()
        .collect();
    assert_eq!(duplicates(&read, &setup.diagnoses()), 0);
    second.stop();
}

#[test]
fn a_topic_that_was_created_anew_is_read_from_its_begin() {
    let load = Load::generate(24, Profile::tests(), 3_000);
    let (before, after) = load.messages.split_at(load.messages.len() * 2 / 3);
    let setup = Setup::new("recreated", 1).set(SESSION.0, SESSION.1);
    setup.send(before.iter().map(|message| &message.body));
    let mut first = setup.start();
    setup.wait_committed(DEADLINE);
    first.stop();

    delete_topic(&setup.bootstrap, &setup.input);
    wait_until(DEADLINE, "the name is free", || {
        !crate::support::topics::exists(&setup.bootstrap, &setup.input)
    });
    create_topic(&setup.bootstrap, &setup.input, 1);
    setup.send(after.iter().map(|message| &message.body));
    let mut second = setup.start();
    wait_until(DEADLINE, "all of it is read", || {
        setup.diagnoses().len() == load.ids().len()
    });
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    second.stop();
}
