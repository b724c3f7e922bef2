//! A killed service loses nothing: its successor goes on where the last commit stands.
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::{Load, Setup, Signal, wait_until};

#[test]
fn after_a_kill_in_the_middle_every_record_comes_out_and_reading_resumes_at_the_commit() {
    let load = Load::generate(2, Profile::tests(), 50_000);
    let setup = Setup::new("kill", 4)
        .set("workers", "2")
        // The dead member's partitions wait for it so long.
        .set("kafka.properties.\"session.timeout.ms\"", "6000");
    let bodies: Vec<&[u8]> = load.bodies().collect();
    let (before, after) = bodies.split_at(bodies.len() / 2);

    setup.send(before);
    let mut killed = setup.start();
    wait_until(Duration::from_mins(1), "a commit", || {
        setup
            .progress()
            .values()
            .all(|partition| partition.committed > 0)
    });
    thread::scope(|scope| {
        let sent = scope.spawn(|| setup.send(after));
        killed.wait_for_records(load.records() / 2);
        killed.signal(Signal::Kill);
        assert!(!killed.wait(Duration::from_secs(5)).success());
        sent.join().expect("everything is sent");
    });
    let committed: BTreeMap<i32, i64> = setup
        .progress()
        .into_iter()
        .map(|(partition, progress)| (partition, progress.committed))
        .collect();
    let left = setup.lag();
    assert!(left > 0, "the kill came too late");

    let mut successor = setup.start();
    successor.wait_ready();
    setup.wait_committed(Duration::from_mins(1));

    let diagnoses = setup.diagnoses();
    let duplicates = duplicates(&load.ids(), &diagnoses);
    eprintln!("kill -9: {duplicates} of {} twice", diagnoses.len());
    for copies in diagnoses.values().filter(|copies| copies.len() > 1) {
        for copy in copies {
            assert!(copies.len() == 2 && copy.id == copies[0].id);
            assert_eq!(copy.source, copies[0].source);
            assert!(
                copy.source.offset >= committed[&copy.source.partition],
                "committed at {committed:?}, and read again: {copy:?}"
            );
        }
    }
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let left = left as f64;
    assert_eq!(
        successor.metrics().sum("signin_messages_received_total"),
        left
    );
    successor.stop();
}
