//! Labels that a tenant, or an attacker, fills: however many names come, memory and exposition are
//! as large as the caps, and no larger.
#![allow(clippy::unwrap_used)] // a test
use std::alloc::System;

use signin_diagnostics::config::MetricOptions;
use signin_diagnostics::diagnosis::{Outcome, Scenario};
use signin_diagnostics::signin::{AppliedPolicy, Category, PolicyResult};
use signin_diagnostics::telemetry::metrics::{BuildInfo, Metrics, Series};
use signin_diagnostics::telemetry::{Signal, TryPrint};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Sign-ins whose every label is one that was not seen before, counted in every open metric.
fn flood(metrics: &Metrics, numbers: std::ops::Range<u64>) {
    let policies = metrics.policies.as_ref().unwrap();
    let applications = metrics.applications.as_ref().unwrap();
    let countries = metrics.countries.as_ref().unwrap();
    let letter = |number: u64| char::from(b'A' + u8::try_from(number % 26).unwrap());
    for number in numbers {
        let id = format!("0a1b2c3d-0000-4000-8000-{number:012}");
        let name = format!("Policy {number}");
        let policy = AppliedPolicy {
            id: Some(id.as_str().into()),
            display_name: Some(name.as_str().into()),
            result: PolicyResult::Failure,
            ..AppliedPolicy::default()
        };
        policies.at(policies.cell(&policy)).inc();
        let place = applications.place(Some(&id), Some(&name));
        for signal in Signal::ALL {
            applications.first(place, signal).inc();
            let place = policies.place(Some(&id), Some(&name));
            policies.first(place, signal).inc();
        }
        let country = format!("{}{}", letter(number), letter(number / 26));
        countries.at(countries.place(Some(&country))).inc();
        metrics.unknown_codes(i64::try_from(number).unwrap()).inc();
        metrics.count_first(
            Signal::Block,
            Scenario::BlockedByConditionalAccess,
            Category::Interactive,
            TryPrint::new(number, 0),
        );
    }
}

/// One test: the bytes are those of the whole process.
#[test]
fn a_flood_of_distinct_names_takes_no_more_memory_than_the_caps() {
    let series = Series {
        scenario_outcomes: &[(Scenario::BlockedByConditionalAccess, Outcome::Blocked)],
        fields: &[],
        dead_letter_reasons: &[],
        watch_lists: &[],
        options: MetricOptions {
            policies: Some(250),
            applications: Some(200),
            countries: true,
        },
    };
    let build = BuildInfo {
        version: "1".to_owned(),
        revision: "1".to_owned(),
        catalog: "1".to_owned(),
    };
    let region = Region::new(ALLOCATOR);
    let live = || {
        let change = region.change();
        change.bytes_allocated - change.bytes_deallocated
    };
    let metrics = Metrics::new(&series, &build).unwrap();
    flood(&metrics, 0..2_000);
    let (full, lines) = (live(), metrics.encode().unwrap().lines().count());
    assert!(full < 4 << 20, "{full} bytes at the caps");

    flood(&metrics, 2_000..300_000);
    // A counter's text may have more digits; nothing else grows.
    assert_eq!(live(), full, "bytes after 300,000 names, and at the caps");
    assert_eq!(metrics.encode().unwrap().lines().count(), lines);
}
