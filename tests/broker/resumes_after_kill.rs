//! A killed service loses nothing: its successor goes on where the last commit stands.
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once, instance};
use crate::support::load::{diagnosis, duplicates};
use crate::support::random::Random;
use crate::support::tail::Tail;
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

/// A kill -9 at random moments: while the service starts, and while it delivers.
fn is_killed_at_random(name: &str, seed: u64, mode: Mode) -> usize {
    const KILLS: usize = 20;
    const DEADLINE: Duration = Duration::from_mins(1);
    let mut random = Random::new(seed);
    let mut load = Load::generate(seed, Profile::tests(), 0);
    let setup = instance(&mode(Setup::new(name, 4)), name).set("workers", "2");
    let tail = Tail::follow(&setup.bootstrap, &setup.output, |message| {
        diagnosis(message).sign_in_id
    });
    let mut delays = Vec::new();
    let mut killed: Option<(Instant, u64)> = None;
    for kill in 0..KILLS {
        setup.send(load.grow(2_000));
        setup.send([format!("no JSON {kill}")]);
        let mut service = setup.start();
        if random.below(4) > 0 {
            let (since, before) = killed.unwrap_or((Instant::now(), tail.messages()));
            let came = tail.wait_beyond(before, DEADLINE);
            if killed.is_some() {
                delays.push(came.saturating_duration_since(since));
            }
        }
        // The moment, and no waiting for something.
        thread::sleep(random.time(Duration::ZERO, Duration::from_millis(1_200)));
        service.signal(Signal::Kill);
        service.wait(Duration::from_secs(5));
        let at = Instant::now();
        // What was written before the kill is not its successor's.
        let mut written = tail.messages();
        let mut quiet = Instant::now();
        wait_until(DEADLINE, "what was written is read", || {
            if tail.messages() != written {
                written = tail.messages();
                quiet = Instant::now();
            }
            quiet.elapsed() > Duration::from_millis(100)
        });
        killed = Some((at, written));
    }
    let mut last = setup.start();
    setup.wait_committed(DEADLINE);
    last.stop();
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    let letters: Vec<Vec<u8>> = setup
        .read_dead_letters()
        .into_iter()
        .map(|letter| letter.payload)
        .collect();
    let different: BTreeSet<&Vec<u8>> = letters.iter().collect();
    assert_eq!(different.len(), KILLS);
    delays.sort();
    #[allow(clippy::cast_precision_loss)] // a few thousand
    let ratio = repeated as f64 / load.records() as f64;
    eprintln!(
        "{name}: {KILLS} kills at the moments of seed {seed}: {repeated} of {} twice ({:.2} %); \
         {:.1?} to the next visible output at the median, {:.1?} at most",
        load.records(),
        100.0 * ratio,
        delays[delays.len() / 2],
        delays[delays.len() - 1],
    );
    repeated + letters.len() - different.len()
}

#[test]
fn twenty_kills_at_random_moments_lose_nothing() {
    is_killed_at_random("kills", 61, at_least_once);
}

#[test]
fn twenty_kills_with_transactions_show_every_record_once() {
    assert_eq!(is_killed_at_random("once-kills", 62, exactly_once), 0);
}
