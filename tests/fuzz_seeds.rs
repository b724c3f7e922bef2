//! No input panics: the fuzz targets over their seeds, which hold what fuzzing has found, and over
//! changes of them that a seeded generator makes. Guided by coverage, for longer: `make fuzz`.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Changes of seeds that each target is given.
const CHANGES: u32 = 500;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seeds", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A stretch of a seed is replaced by another stretch, of any seed or random.
fn changed(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seed = prop::sample::select(seeds.to_vec());
    let donor = prop::sample::select(seeds.to_vec());
    let random = prop::collection::vec(any::<u8>(), 0..16);
    let cuts = any::<[prop::sample::Index; 4]>();
    (seed, donor, random, cuts, any::<bool>()).prop_map(|(seed, donor, random, cuts, splice)| {
        let [from, to, start, length] = cuts;
        let from = from.index(seed.len() + 1);
        let to = from + to.index(seed.len() - from + 1).min(24);
        let start = start.index(donor.len() + 1);
        let end = start + length.index(donor.len() - start + 1).min(200);
        let middle = if splice {
            &donor[start..end]
        } else {
            &random[..]
        };
        [&seed[..from], middle, &seed[to..]].concat()
    })
}

#[test]
fn no_target_fails_on_its_seeds_or_on_changes_of_them() {
    for (name, run) in targets::ALL {
        let start = std::time::Instant::now();
        let seeds = seeds(name);
        for seed in &seeds {
            run(seed);
        }
        let config = Config {
            cases: CHANGES,
            failure_persistence: None,
            ..Config::default()
        };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        TestRunner::new_with_rng(config, rng)
            .run(&changed(&seeds), |bytes| {
                run(&bytes);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        println!(
            "{name}: {} seeds, {CHANGES} changes, {:?}",
            seeds.len(),
            start.elapsed()
        );
    }
}
