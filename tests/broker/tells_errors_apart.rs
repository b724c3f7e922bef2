//! What the client reports is one of four things: it passes, a right is missing, a record is at
//! fault, or the client cannot go on. Here those that no other test brings about;
//! `docs/guarantees.md` says where the others are.
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer as _};
use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{at_least_once, exactly_once, instance};
use crate::support::load::duplicates;
use crate::support::topics::{create_topic_with, set_topic, topic_name};
use crate::support::{Load, Setup};

const DEADLINE: Duration = Duration::from_mins(1);

/// An error that passes: the broker takes no output while replicas are missing.
#[test]
fn an_output_that_lacks_replicas_is_waited_for() {
    const REPLICAS: &str = "min.insync.replicas";
    let mut setup = at_least_once(Setup::new("replicas", 2)).set("workers", "1");
    setup.output = topic_name("replicas-out");
    create_topic_with(&setup.bootstrap, &setup.output, 2, &[(REPLICAS, "2")]);
    let load = Load::generate(61, Profile::tests(), 400);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_ready();
    #[allow(clippy::cast_precision_loss)] // a count far below 2^52
    let messages = load.messages.len() as f64;
    service.wait_for_metrics(DEADLINE, "all is read and counts as lag", |metrics| {
        metrics.sum("signin_messages_received_total") >= messages
            && metrics.sum("signin_consumer_lag_messages") == messages
    });
    assert!(service.is_live());
    assert_eq!(setup.diagnoses().len(), 0);
    assert!(setup.progress().values().all(|p| p.committed == 0));
    set_topic(&setup.bootstrap, &setup.output, REPLICAS, "1");
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    assert!(setup.read_dead_letters().is_empty());
    service.stop();
}

/// A producer that cannot go on: another has taken its transactional id.
#[test]
fn a_fenced_producer_ends_the_service_and_its_successor_shows_every_record_once() {
    let setup = exactly_once(Setup::new("fenced-producer", 2)).set("workers", "1");
    let setup = instance(&setup, "one");
    let mut load = Load::generate(62, Profile::tests(), 400);
    setup.send(load.bodies());
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    let other: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &setup.bootstrap)
        .set("transactional.id", format!("{}-one-0", setup.group))
        .create()
        .expect("a producer");
    other.init_transactions(DEADLINE).expect("initialised");
    setup.send(load.grow(400));
    assert_eq!(service.wait(DEADLINE).code(), Some(1), "{}", service.log());
    assert!(setup.lag() > 0);
    let mut successor = setup.start();
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    assert!(setup.read_dead_letters().is_empty());
    successor.stop();
}

/// A consumer that cannot go on: another has taken its name in the group.
#[test]
fn a_fenced_member_ends_the_service_and_its_successor_loses_nothing() {
    let setup = at_least_once(Setup::new("fenced-member", 2)).set("workers", "1");
    let setup = instance(&setup, "one");
    let mut load = Load::generate(63, Profile::tests(), 400);
    setup.send(load.bodies());
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    let mut successor = setup.start();
    setup.send(load.grow(400));
    assert_eq!(service.wait(DEADLINE).code(), Some(1), "{}", service.log());
    let log = service.log();
    assert!(log.contains("The Kafka client cannot go on"), "{log}");
    setup.wait_committed(DEADLINE);
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("fenced member: {repeated} of {} twice", load.records());
    assert!(setup.read_dead_letters().is_empty());
    successor.stop();
}
