//! A stream that cannot be read is not turned into dead letters: the service stops. Where an
//! operator lets it pass, the service lives through it in bounded memory.
use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::{Load, Setup, wait_until};

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_flood_of_bad_records_stops_the_service_before_the_message_that_passes_the_limit() {
    const ALLOWED: i64 = 20;
    let load = Load::generate(13, Profile::tests(), 500);
    let setup = Setup::new("flood", 1)
        .set("workers", "1")
        .env("SIGNIN_DIAGNOSTICS__DEAD_LETTER__MAX_CONSECUTIVE", "20");
    setup.send(load.bodies());
    setup.send(vec!["no JSON"; 200]);
    let good = i64::try_from(load.messages.len()).expect("few");

    let mut service = setup.start();
    let status = service.wait(DEADLINE);
    assert_eq!(status.code(), Some(65), "{}", service.log());
    let log = service.log();
    assert!(log.contains("dead_letter.max_consecutive"), "{log}");
    assert_eq!(setup.read_dead_letters().len(), 20);
    assert_eq!(setup.progress()[&0].committed, good + ALLOWED);

    // The operator looks, and lets them pass.
    let setup = setup
        .env("SIGNIN_DIAGNOSTICS__DEAD_LETTER__MAX_CONSECUTIVE", "0")
        .env("SIGNIN_DIAGNOSTICS__DEAD_LETTER__MAX_RATIO", "0");
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    service.stop();
    assert_eq!(setup.read_dead_letters().len(), 200);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
}

/// Bad in every way, small and large.
fn bad_bodies() -> Vec<Vec<u8>> {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 24 << 20]).expect("memory");
    let record = "{\"category\":\"SignInLogs\",\"properties\":{\"id\":x}},";
    vec![
        b"no JSON".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        bomb.finish().expect("memory"),
        "[".repeat(200_000).into_bytes(),
        "{\"a\":".repeat(50_000).into_bytes(),
        format!("{{\"records\":[{}", record.repeat(500)).into_bytes(),
        "{\"category\":\"SignInLogs\",\"properties\":{\"id\":\""
            .repeat(2_000)
            .into_bytes(),
        "\"@".repeat(100_000).into_bytes(),
    ]
}

#[test]
fn a_flood_of_bad_records_that_may_pass_leaves_the_service_live_and_small() {
    const ROUNDS: usize = 40;
    /// Prefetch and output queue (4 MiB each), a decompressed body (1 MiB), the dead letters of one
    /// message, and what librdkafka and the allocator keep: `docs/ARCHITECTURE.md`, memory.
    const RESIDENT_BYTES: f64 = 160e6;
    let setup = Setup::new("bad-flood", 1)
        .set("workers", "1")
        .set("input.prefetch_bytes", "\"4MiB\"")
        .set("output.queue_bytes", "\"4MiB\"")
        .set("limits.decompressed_bytes", "\"1MiB\"")
        .set("dead_letter.max_ratio", "0")
        .set("dead_letter.max_consecutive", "0");
    let bodies = bad_bodies();
    for _ in 0..ROUNDS {
        setup.send(&bodies);
    }
    let mut service = setup.start();
    service.wait_ready();
    let mut most: f64 = 0.0;
    let count = |messages: usize| f64::from(u32::try_from(messages).expect("few"));
    wait_until(Duration::from_mins(2), "the flood is read", || {
        assert!(service.is_live(), "{}", service.log());
        let metrics = service.metrics();
        most = most.max(metrics.sum("process_resident_memory_bytes"));
        setup.lag() == 0
    });
    assert!(most < RESIDENT_BYTES, "{most} bytes resident");
    let metrics = service.metrics();
    let letters = metrics.sum("signin_dead_letters_total");
    assert!(letters >= count(ROUNDS * bodies.len()), "{letters}");
    assert_eq!(metrics.sum("signin_diagnoses_total"), 0.0);
    service.stop();
    assert_eq!(count(setup.read_dead_letters().len()), letters);
}
