//! A seeded simulation of the clients, the broker and the other members of the group around
//! the machine. After every step the invariants of the module are checked; a failing seed is
//! in the panic's text and fails again.
mod world;

use std::collections::HashMap;

use super::{Phase, Room};
use world::World;

/// Any schedule of deliveries, failures, rebalances, crashes and stops keeps the invariants.
#[test]
fn no_schedule_loses_a_record_or_commits_too_early() {
    let steps = 5_000;
    let mut reached: HashMap<(Phase, Room), u64> = HashMap::new();
    for seed in 0..400 {
        let mut world = World::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..steps {
                world.step();
                *reached
                    .entry((world.machine.phase(), world.machine.room()))
                    .or_default() += 1;
            }
            world.come_to_rest();
        }));
        if let Err(panic) = result {
            eprintln!("the failing seed is {seed}");
            std::panic::resume_unwind(panic);
        }
    }
    for phase in [Phase::Running, Phase::Stopping, Phase::Committing] {
        for room in [Room::Open, Room::Full, Room::Paused] {
            let steps = reached.get(&(phase, room)).copied().unwrap_or_default();
            assert!(steps > 0, "{phase:?} with {room:?} was never reached");
        }
    }
}
