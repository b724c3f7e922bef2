//! A seeded simulation of several workers, their clients, the broker and the group around the
//! machine, with and without transactions. After every step the invariants of the module are
//! checked; a failing seed is printed, and fails again.
//!
//! `SIGNIN_DIAGNOSTICS_SIMULATION_SEED=n` plays that one seed.
mod log;
mod tally;
mod worker;
mod world;

use std::thread;
use std::time::Instant;

use tally::Tally;
use world::World;

const SEEDS: u64 = 10_000;
/// With faults; the steps to come to rest are on top.
const STEPS: u64 = 8_000;
/// How often each pair of event and phase that is possible must have met.
const ENOUGH: u64 = 1_000;

fn play(seed: u64) -> Tally {
    // Every other schedule is one with transactions.
    let mut world = World::new(seed, seed % 2 == 1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..STEPS {
            world.step();
        }
        world.come_to_rest();
    }));
    if let Err(panic) = result {
        eprintln!("the failing seed is {seed}");
        std::panic::resume_unwind(panic);
    }
    world.tally
}

/// Any schedule of deliveries, failures, rebalances, crashes and stops keeps the invariants.
#[test]
fn no_schedule_loses_a_record_or_commits_too_early() {
    if let Ok(seed) = std::env::var("SIGNIN_DIAGNOSTICS_SIMULATION_SEED") {
        play(seed.parse().unwrap());
        return;
    }
    let started = Instant::now();
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for seed in (first..SEEDS).step_by(usize::try_from(threads).unwrap()) {
                        tally.add(&play(seed));
                    }
                    tally
                })
            })
            .collect();
        for part in parts {
            match part.join() {
                Ok(part) => tally.add(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let (table, missing) = tally.report(ENOUGH);
    println!(
        "{SEEDS} seeds, {} steps and more, in {:.1?}; events by phase:\n{table}",
        SEEDS * STEPS,
        started.elapsed()
    );
    assert!(missing.is_empty(), "reached too seldom: {missing:#?}");
}
