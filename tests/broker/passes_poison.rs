//! Poison at the head of every partition, and clocks that jump: what follows comes out.
use std::collections::BTreeSet;
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::modes::{Mode, at_least_once, exactly_once};
use crate::support::load::duplicates;
use crate::support::{Load, Setup};

const DEADLINE: Duration = Duration::from_mins(1);
const PARTITIONS: i32 = 8;

fn poisoned(name: &str, seed: u64, mode: Mode) {
    let load = Load::generate(seed, Profile::tests(), 2_000);
    let setup = mode(Setup::new(name, PARTITIONS)).set("workers", "2");
    setup.send(["no JSON"; PARTITIONS as usize]);
    setup.send(load.bodies());
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    let places: Vec<_> = setup
        .read_dead_letters()
        .iter()
        .map(|letter| {
            let header = |name| String::from_utf8_lossy(letter.header(name).unwrap_or(b"")).into();
            (header("source_partition"), header("source_offset"))
        })
        .collect();
    let heads: BTreeSet<(String, String)> = (0..PARTITIONS)
        .map(|partition| (partition.to_string(), "0".to_owned()))
        .collect();
    assert_eq!(places.len(), heads.len());
    assert_eq!(places.into_iter().collect::<BTreeSet<_>>(), heads);
    service.stop();
}

#[test]
fn poison_at_the_head_of_every_partition_is_passed() {
    poisoned("poisoned", 55, at_least_once);
}

#[test]
fn poison_with_transactions_is_passed_once() {
    poisoned("once-poisoned", 56, exactly_once);
}

fn at(time: &str, id: &str) -> String {
    format!(
        r#"{{"time":"{time}","category":"SignInLogs","tenantId":"f1d4a5c8-0000-4000-8000-3f6f6f6f6f01","resultType":"53003",
        "properties":{{"id":"{id}","createdDateTime":"{time}","userId":"5c1d9a34-0000-4000-8000-2b2b2b2b2b02",
        "appId":"5c1d9a34-0000-4000-8000-2b2b2b2b2b03","status":{{"errorCode":53003}}}}}}"#
    )
}

fn clocks_jump(name: &str, mode: Mode) {
    let times = [
        "2026-03-02T09:14:10Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "2026-03-02T09:14:09Z",
        "0001-01-01T00:00:00Z",
        "2126-06-30T00:00:00Z",
        "2026-03-02T09:14:11Z",
        "1899-12-31T23:59:59Z",
    ];
    let ids: Vec<String> = (0..1_600).map(|n| format!("jump-{n}")).collect();
    let setup = mode(Setup::new(name, 2)).set("workers", "1");
    setup.send(
        ids.iter()
            .zip(times.iter().cycle())
            .map(|(id, t)| at(t, id)),
    );
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(duplicates(&ids, &setup.diagnoses()), 0);
    assert!(setup.read_dead_letters().is_empty());
    service.wait_ready();
    service.stop();
}

#[test]
fn clocks_that_jump_lose_nothing() {
    clocks_jump("jumps", at_least_once);
}

#[test]
fn clocks_that_jump_with_transactions_show_every_record_once() {
    clocks_jump("once-jumps", exactly_once);
}
