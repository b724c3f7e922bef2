//! A stream that cannot be read is not turned into dead letters: the service stops.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::duplicates;
use crate::support::{Load, Setup};

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
    assert_eq!(status.code(), Some(1), "{}", service.log());
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
