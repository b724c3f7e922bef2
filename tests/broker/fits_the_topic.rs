//! A topic that takes less than the client's batches gets smaller ones.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::topics::{create_topic_with, topic_name};
use crate::support::{Load, Setup};

#[test]
fn batches_and_records_shrink_until_the_topic_takes_them() {
    let load = Load::generate(14, Profile::tests(), 5_000);
    let mut setup = Setup::new("small-batches", 2).set("workers", "2");
    setup.output = topic_name("small-batches-out");
    setup.dead_letters = topic_name("small-batches-dead");
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
    eprintln!("small batches: {duplicates} of {} twice", load.records());
    let letters = setup.read_dead_letters();
    assert!(!letters.is_empty() && letters.iter().all(|letter| letter.payload.len() < 40_000));
    service.stop();
}
