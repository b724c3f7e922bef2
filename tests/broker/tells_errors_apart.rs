//! What the client reports is one of four things: it passes, a right is missing, a record is at
//! fault, or the client cannot go on. Here those that no other test brings about;
//! `docs/guarantees.md` says where the others are.
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer as _};
use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{at_least_once, exactly_once, instance};
use crate::support::load::duplicates;
use crate::support::{Load, Setup};

const DEADLINE: Duration = Duration::from_mins(1);

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
