//! A topic that is not there is waited for: alive, not ready, nothing lost.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::topics::{create_topic, topic_name};
use crate::support::{Load, Service, Setup, Signal, wait_until};

/// The service asks for its topics every few seconds.
const NOTICED: Duration = Duration::from_secs(30);

#[test]
fn an_input_topic_that_is_created_later_is_read() {
    let mut setup = Setup::new("late-input", 2).set("workers", "1");
    setup.input = topic_name("late-input");
    let load = Load::generate(9, Profile::tests(), 500);

    let mut service = setup.start();
    service.wait_not_ready(NOTICED, "failed joined worker 0: the topic does not exist");
    assert!(service.is_live());
    create_topic(&setup.bootstrap, &setup.input, 2);
    setup.send(load.bodies());
    service.wait_for_records(load.records());
    service.wait_ready();
    setup.wait_committed(NOTICED);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
}

#[test]
fn an_output_topic_that_is_created_later_gets_everything() {
    let mut setup = Setup::new("late-output", 2).set("workers", "1");
    setup.output = topic_name("late-output");
    let load = Load::generate(10, Profile::tests(), 500);
    setup.send(load.bodies());

    let mut service = setup.start();
    wait_unacknowledged(&setup, &service, &load);
    assert!(service.is_live());
    create_topic(&setup.bootstrap, &setup.output, 4);
    service.wait_for_records(load.records());
    service.wait_ready();
    setup.wait_committed(NOTICED);
    let duplicates = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("late output: {duplicates} of {} twice", load.records());
    service.stop();
}

/// The sharpest form of the kill: everything is read, and nothing of it has come out.
#[test]
fn what_was_read_and_not_written_survives_a_kill() {
    let mut setup = Setup::new("kill-unwritten", 2)
        .set("workers", "1")
        // The dead member's partitions wait for it so long.
        .set("kafka.properties.\"session.timeout.ms\"", "6000");
    setup.output = topic_name("kill-unwritten");
    let load = Load::generate(12, Profile::tests(), 500);
    setup.send(load.bodies());

    let mut killed = setup.start();
    wait_unacknowledged(&setup, &killed, &load);
    killed.signal(Signal::Kill);
    assert!(!killed.wait(Duration::from_secs(5)).success());

    create_topic(&setup.bootstrap, &setup.output, 4);
    let mut successor = setup.start();
    setup.wait_committed(NOTICED);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    successor.stop();
}

/// Waits until the input is read, and several times of committing have passed: the lag is told
/// every five seconds, offsets are committed every second.
fn wait_unacknowledged(setup: &Setup, service: &Service, load: &Load) {
    #[allow(clippy::cast_precision_loss)] // a count far below 2^52
    let messages = load.messages.len() as f64;
    service.wait_not_ready(NOTICED, "failed output worker 0: the topic does not exist");
    service.wait_for_metrics(NOTICED, "all is read and counts as lag", |metrics| {
        metrics.sum("signin_messages_received_total") >= messages
            && metrics.sum("signin_consumer_lag_messages") == messages
    });
    let progress = setup.progress();
    assert!(progress.values().all(|partition| partition.committed == 0));
}

#[test]
fn nothing_is_committed_beyond_a_dead_letter_that_has_no_topic() {
    let mut setup = Setup::new("late-dead", 1).set("workers", "1");
    setup.dead_letters = topic_name("late-dead");
    let load = Load::generate(11, Profile::tests(), 400);
    let (before, after) = load.messages.split_at(load.messages.len() / 2);
    setup.send(before.iter().map(|message| &message.body));
    setup.send(["no JSON"]);
    setup.send(after.iter().map(|message| &message.body));
    let bad = i64::try_from(before.len()).expect("few");

    let mut service = setup.start();
    service.wait_not_ready(NOTICED, "failed output worker 0: the topic does not exist");
    wait_until(NOTICED, "all before it is committed", || {
        setup.progress()[&0].committed == bad
    });
    wait_until(NOTICED, "what follows is delivered", || {
        setup.diagnoses().len() == load.ids().len()
    });
    assert_eq!(setup.progress()[&0].committed, bad);
    assert!(service.is_live());
    create_topic(&setup.bootstrap, &setup.dead_letters, 1);
    setup.wait_committed(Duration::from_mins(1));
    service.wait_ready();
    let letters = setup.read_dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].payload, b"no JSON");
    let duplicates = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!(
        "late dead letters: {duplicates} of {} twice",
        load.records()
    );
    service.stop();
}
