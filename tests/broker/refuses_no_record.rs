//! Refused credentials and rights are the operator's matter: no record is taken for bad, nothing
//! is committed past what is delivered, and what is mended goes on by itself.
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::signs_in::{quoted, setup};
use crate::support::broker::{Broker, Extra, free_port};
use crate::support::load::duplicates;
use crate::support::secured::Operation::{Describe, Read, Write};
use crate::support::secured::Resource::{Group, Topic, TransactionalId};
use crate::support::secured::{PASSWORD, secured};
use crate::support::{Load, Setup};

const NOTICED: Duration = Duration::from_mins(1);

/// The service as a user that has the rights it needs, and no others.
pub fn limited(name: &str) -> Setup {
    let setup = setup(name, &secured().sasl)
        .set("kafka.security.protocol", "\"sasl_ssl\"")
        .set("kafka.security.username", "\"limited\"")
        .env("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD", PASSWORD);
    let broker = secured();
    broker.allow("limited", Read, Topic, &setup.input);
    broker.allow("limited", Read, Group, &setup.group);
    broker.allow("limited", Write, Topic, &setup.output);
    broker.allow("limited", Write, Topic, &setup.dead_letters);
    setup
}

#[test]
fn a_wrong_password_is_not_ready_and_ends_after_its_time() {
    let setup = setup("wrong-password", &secured().sasl)
        .set("kafka.refusal_timeout", "\"8s\"")
        .set("kafka.security.protocol", "\"sasl_ssl\"")
        .set("kafka.security.username", &quoted("service"))
        .env(
            "SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD",
            "wrong-password-of-the-tests",
        );
    setup.send(["no JSON"]);
    let mut service = setup.start();
    let line = "worker 0: the broker refuses the credentials";
    service.wait_not_ready(NOTICED, line);
    assert!(service.is_live());
    assert_eq!(service.wait(NOTICED).code(), Some(1));
    let log = service.log();
    assert!(log.contains("kafka.refusal_timeout"), "{log}");
    assert!(!log.contains("wrong-password-of-the-tests"), "{log}");
    assert_eq!(setup.lag(), 1);
}

#[test]
fn a_revoked_right_is_waited_for_and_named() {
    let broker = secured();
    let setup = limited("revoked")
        // Topics that come back are looked for so often.
        .set(
            "kafka.properties.\"topic.metadata.refresh.interval.ms\"",
            "2000",
        );
    let load = Load::generate(23, Profile::tests(), 400);
    let mut parts = load.messages.chunks(load.messages.len().div_ceil(4));
    let mut send = || {
        let part = parts.next().expect("four parts");
        setup.send(part.iter().map(|message| &message.body));
    };
    send();
    let mut service = setup.start();
    service.wait_ready();
    setup.wait_committed(NOTICED);

    let missing = "a right on the topic or the group is missing";
    for (operation, resource, name, check, right) in [
        (
            Write,
            Topic,
            &setup.output,
            "output",
            "WRITE on output.topic",
        ),
        (Read, Topic, &setup.input, "joined", "READ on the topics"),
        (
            Read,
            Group,
            &setup.group,
            "joined",
            "READ on the consumer group",
        ),
    ] {
        if right.starts_with("WRITE") {
            // Else the topic could not be seen, and nothing would be written at all.
            broker.allow("limited", Describe, resource, name);
        }
        broker.forbid("limited", operation, resource, name);
        send();
        service.wait_not_ready(NOTICED, &format!("failed {check} worker 0: {missing}"));
        assert!(service.is_live());
        let log = service.log();
        assert!(log.contains(right), "{right}: {log}");
        assert!(setup.lag() > 0, "committed without {right}");
        broker.allow("limited", operation, resource, name);
        setup.wait_committed(NOTICED);
        service.wait_ready();
    }
    assert!(setup.read_dead_letters().is_empty());
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("revoked rights: {repeated} of {} twice", load.records());
    service.stop();
}

/// Each refusal aborts the transaction: what was in it is read again when the right is back.
#[test]
fn a_right_that_is_revoked_with_transactions_shows_every_record_once() {
    let broker = secured();
    let setup = exactly_once(limited("once-revoked")).set("kafka.instance_id", "\"one\"");
    let id = format!("{}-one-0", setup.group);
    broker.allow("limited", Describe, TransactionalId, &id);
    broker.allow("limited", Write, TransactionalId, &id);
    broker.allow("limited", Describe, Topic, &setup.output);
    let load = Load::generate(27, Profile::tests(), 400);
    let (before, after) = load.messages.split_at(load.messages.len() / 2);
    setup.send(before.iter().map(|message| &message.body));
    let mut service = setup.start();
    setup.wait_committed(NOTICED);

    broker.forbid("limited", Write, Topic, &setup.output);
    setup.send(after.iter().map(|message| &message.body));
    let missing = "failed output worker 0: a right on the topic or the group is missing";
    service.wait_not_ready(NOTICED, missing);
    assert!(service.is_live());
    assert!(setup.lag() > 0);
    broker.allow("limited", Write, Topic, &setup.output);
    setup.wait_committed(NOTICED);
    service.wait_ready();
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    assert!(setup.read_dead_letters().is_empty());
    service.stop();
}

#[test]
fn a_right_that_stays_away_ends_the_service() {
    let broker = secured();
    let setup = limited("stays-away").set("kafka.refusal_timeout", "\"5s\"");
    broker.forbid("limited", Write, Topic, &setup.output);
    broker.allow("limited", Describe, Topic, &setup.output);
    let load = Load::generate(24, Profile::tests(), 40);
    setup.send(load.bodies());
    let mut service = setup.start();
    assert_eq!(service.wait(NOTICED).code(), Some(1));
    let log = service.log();
    assert!(log.contains("WRITE on output.topic"), "{log}");
    assert!(log.contains("kafka.refusal_timeout"), "{log}");
    assert!(setup.lag() > 0);
    assert!(setup.read_dead_letters().is_empty());
}

#[test]
fn a_transactional_id_that_is_granted_late_is_waited_for() {
    let broker = secured();
    let setup = limited("late-transactional-id")
        .set("delivery.mode", "\"exactly_once\"")
        .set("kafka.instance_id", "\"one\"");
    let load = Load::generate(25, Profile::tests(), 40);
    setup.send(load.bodies());
    let mut service = setup.start();
    let missing = "failed output worker 0: a right on the topic or the group is missing";
    service.wait_not_ready(NOTICED, missing);
    let log = service.log();
    assert!(log.contains("on the transactional id"), "{log}");
    let id = format!("{}-one-0", setup.group);
    broker.allow("limited", Describe, TransactionalId, &id);
    broker.allow("limited", Write, TransactionalId, &id);
    setup.wait_committed(NOTICED);
    service.wait_ready();
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
}

/// The broker's user gets another password, and the old one again.
fn password_changes(name: &str, seed: u64, mode: Mode) -> usize {
    let address = format!("127.0.0.1:{}", free_port().expect("a free port"));
    let user = |password: &str| {
        format!(
            "listener.name.sasl.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required \
             user_service=\"{password}\";"
        )
    };
    let listeners = format!(",SASL://{address}");
    let mut broker = Broker::start_with(&Extra {
        advertised: listeners.clone(),
        listeners,
        protocols: ",SASL:SASL_PLAINTEXT".to_owned(),
        properties: format!("sasl.enabled.mechanisms=PLAIN\n{}\n", user(PASSWORD)),
        ..Extra::default()
    })
    .unwrap_or_else(|reason| panic!("{reason}"));
    let setup = mode(Setup::on(&broker, name, 2))
        .set("workers", "1")
        .set("kafka.security.protocol", "\"sasl_plaintext\"")
        .set("kafka.security.username", "\"service\"")
        .env("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD", PASSWORD)
        .env("SIGNIN_DIAGNOSTICS__KAFKA__BOOTSTRAP_SERVERS", &address);
    let mut load = Load::generate(seed, Profile::tests(), 2_000);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records());
    // Of several lines of one name the last counts.
    broker.set(&user("another-password-of-the-tests"));
    setup.send(load.grow(2_000));
    service.wait_not_ready(NOTICED, "worker 0: the broker refuses the credentials");
    assert!(service.is_live());
    assert!(setup.lag() > 0);
    broker.set(&user(PASSWORD));
    let started = Instant::now();
    setup.wait_committed(NOTICED);
    service.wait_ready();
    assert!(setup.read_dead_letters().is_empty());
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!(
        "{name}: {repeated} of {} twice, all out {:.1?} after the password fits",
        load.records(),
        started.elapsed()
    );
    service.stop();
    repeated
}

#[test]
fn a_password_that_is_changed_is_waited_for() {
    password_changes("password", 25, at_least_once);
}

#[test]
fn a_password_that_is_changed_with_transactions_shows_every_record_once() {
    assert_eq!(password_changes("once-password", 26, exactly_once), 0);
}
