//! Whatever arrives: the service lives, the neighbours come out, the rest is a dead letter as
//! it came, and reading goes on.
mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use chrono::DateTime;
use flate2::read::GzDecoder;

use crate::support::load::duplicates;
use crate::support::topics::produce_in_order;
use crate::support::{Message, Setup};
use cases::{Case, Dead, cases};

#[test]
fn neighbours_survive_and_the_rest_becomes_dead_letters_as_it_came() {
    let setup = Setup::new("bad-input", 1)
        .set("workers", "1")
        .set("limits.decompressed_bytes", "\"1MiB\"");
    let cases = cases();
    let bodies: Vec<_> = cases.iter().map(|case| case.body.clone()).collect();
    produce_in_order(&setup.bootstrap, &setup.input, &bodies);

    let mut service = setup.start();
    service.wait_ready();
    setup.wait_committed(Duration::from_secs(30));
    assert!(service.is_live());
    service.wait_ready();

    let expected: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| case.ids.iter().map(String::as_str))
        .collect();
    let mut letters = setup.read_dead_letters().into_iter();
    for (offset, case) in cases.iter().enumerate() {
        for dead in &case.dead {
            let letter = letters.next();
            let letter = letter.unwrap_or_else(|| panic!("{}: no dead letter", case.name));
            is_as_it_came(&letter, case, dead, offset, &setup.input);
        }
    }
    assert_eq!(letters.next(), None);
    assert_eq!(duplicates(&expected, &setup.diagnoses()), 0);

    let mut reasons: BTreeMap<&str, f64> = BTreeMap::new();
    for dead in cases.iter().flat_map(|case| &case.dead) {
        *reasons.entry(dead.reason).or_default() += 1.0;
    }
    let skipped: f64 = cases.iter().map(|case| case.skipped).sum();
    let metrics = service.metrics();
    assert_eq!(metrics.sum("signin_records_skipped_total"), skipped);
    for (reason, count) in reasons {
        let series = format!("signin_dead_letters_total{{reason=\"{reason}\"}}");
        assert_eq!(metrics.value(&series), Some(count), "{reason}");
    }
    service.stop();
}

fn is_as_it_came(letter: &Message, case: &Case, dead: &Dead, offset: usize, input: &str) {
    let header = |name: &str| {
        let value = letter.header(name).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let name = case.name;
    assert_eq!(header("source_offset"), offset.to_string(), "{name}");
    assert_eq!(header("reason"), dead.reason, "{name}");
    assert_eq!(
        header("source_position"),
        dead.position.to_string(),
        "{name}"
    );
    assert!(letter.payload == dead.bytes, "{name}: other bytes");
    assert_eq!(header("source_topic"), input);
    assert_eq!(header("source_partition"), "0");
    assert_eq!(header("service_version"), env!("CARGO_PKG_VERSION"));
    let failed_at = header("failed_at");
    assert!(
        DateTime::parse_from_rfc3339(&failed_at).is_ok(),
        "{failed_at}"
    );
}

/// Above what a record may take, and nothing that can be read.
#[test]
fn a_dead_letter_that_is_too_long_is_compressed() {
    let setup = Setup::new("long-dead", 1).set("workers", "1");
    let body = "x".repeat(980_000);
    setup.send([&body]);
    let mut service = setup.start();
    service.wait_ready();
    setup.wait_committed(Duration::from_secs(20));

    let letters = setup.read_dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].header("content-encoding"),
        Some(b"gzip".as_slice())
    );
    let mut text = String::new();
    GzDecoder::new(letters[0].payload.as_slice())
        .read_to_string(&mut text)
        .expect("it decompresses");
    assert!(text == body);
    service.stop();
}
