//! A topic that takes less than the client's batches gets smaller ones.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::support::load::duplicates;
use crate::support::topics::{create_topic_with, topic_name};
use crate::support::{Load, Setup};

#[test]
fn batches_and_records_shrink_until_the_topic_takes_them() {
    shrinks("small-batches", at_least_once);
}

#[test]
fn batches_and_records_with_transactions_shrink_until_the_topic_takes_them() {
    assert_eq!(shrinks("once-small-batches", exactly_once), 0);
}

fn shrinks(name: &str, mode: Mode) -> usize {
    let load = Load::generate(14, Profile::tests(), 5_000);
    let mut setup = mode(Setup::new(name, 2)).set("workers", "2");
    setup.output = topic_name(&format!("{name}-out"));
    setup.dead_letters = topic_name(&format!("{name}-dead"));
    for topic in [&setup.output, &setup.dead_letters] {
        let limit = [("max.message.bytes", "40000")];
        create_topic_with(&setup.bootstrap, topic, 1, &limit);
    }
    setup.send(load.bodies());
    let large = "x".repeat(200_000);
    setup.send([&large]);

    let mut service = setup.start();
    setup.wait_committed(Duration::from_mins(1));
    assert!(service.log().contains("making smaller ones"));
    let duplicates = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("{name}: {duplicates} of {} twice", load.records());
    let letters = setup.read_dead_letters();
    assert!(!letters.is_empty() && letters.iter().all(|letter| letter.payload.len() < 40_000));
    service.stop();
    duplicates
}
