//! Where reading starts is decided by the service, told, and kept; what is gone is told, too.
use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::support::load::duplicates;
use crate::support::topics::{create_topic, delete_before, delete_topic};
use crate::support::{Load, Setup, Signal, wait_until};

const DEADLINE: Duration = Duration::from_secs(40);

/// The broker tells no offset of a partition while a transaction may change it.
#[test]
fn a_partition_whose_start_is_not_known_holds_up_no_other() {
    let load = Load::generate(25, Profile::tests(), 400);
    let setup = Setup::new("undecided", 2)
        .set("workers", "1")
        .set("delivery.mode", "\"exactly_once\"");
    setup.send(load.bodies());
    let undecided = leave_open(&setup, 1);
    let mut service = setup.start();
    service.wait_for_records(1);
    service.wait_not_ready(DEADLINE, "failed joined worker 0: not yet");
    undecided.abort_transaction(DEADLINE).expect("aborted");
    setup.wait_committed(DEADLINE);
    service.wait_ready();
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
}

/// A producer that has sent an offset of the partition to its transaction, and does not end it.
fn leave_open(setup: &Setup, partition: i32) -> BaseProducer {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &setup.bootstrap);
    let producer: BaseProducer = client
        .clone()
        .set("transactional.id", &setup.group)
        .create()
        .expect("a producer");
    let member: BaseConsumer = client
        .set("group.id", &setup.group)
        .create()
        .expect("a consumer");
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(&setup.input, partition, Offset::Offset(1))
        .expect("an offset");
    let group = member.group_metadata().expect("a group");
    producer.init_transactions(DEADLINE).expect("initialised");
    producer.begin_transaction().expect("begun");
    producer
        .send_offsets_to_transaction(&offsets, &group, DEADLINE)
        .expect("sent");
    producer
}

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
    retains("retention", at_least_once);
}

#[test]
fn what_retention_deleted_with_transactions_is_counted_and_the_rest_is_read() {
    retains("once-retention", exactly_once);
}

fn retains(name: &str, mode: Mode) {
    let load = Load::generate(23, Profile::tests(), 3_000);
    let third = load.messages.len() / 3;
    let setup = mode(Setup::new(name, 1));
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
    is_created_anew("recreated", at_least_once);
}

#[test]
fn a_topic_that_was_created_anew_with_transactions_is_read_from_its_begin() {
    is_created_anew("once-recreated", exactly_once);
}

fn is_created_anew(name: &str, mode: Mode) {
    let load = Load::generate(24, Profile::tests(), 3_000);
    let (before, after) = load.messages.split_at(load.messages.len() * 2 / 3);
    let setup = mode(Setup::new(name, 1));
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
