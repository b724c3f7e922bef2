//! The cost of a record as no machine's speed changes it: its allocations.
//!
//! The corpus of the benchmarks, so many times through each stage. A stage that takes more than
//! its budget has lost something that made it fast; one that takes less may lower its budget.
#![allow(clippy::unwrap_used)] // a test
use std::alloc::System;

use chrono::DateTime;
use signin_diagnostics::cli::demo::generator::{Generator, Profile};
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, Provenance, Source, Versions, write_diagnosis,
    write_provenance,
};
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RECORDS: u64 = 4_000;

/// Allocations of a record in the mean, in hundredths.
struct Budget {
    parse: usize,
    diagnose: usize,
    encode: usize,
}

/// The default: full records, and summaries of successes.
const DEFAULT: Budget = Budget {
    parse: 370,
    diagnose: 500,
    encode: 0,
};

/// Everything in full.
const FULL: Budget = Budget {
    parse: 370,
    diagnose: 500,
    encode: 0,
};

/// One test: the counts are those of the whole process.
#[test]
fn a_record_allocates_no_more_than_its_budget() {
    let rules = [
        ("default", DetailRules::default(), DEFAULT),
        ("full", DetailRules::all(Detail::Full), FULL),
    ];
    let messages = messages();
    let mut over = Vec::new();
    for (name, rules, budget) in rules {
        let diagnoser = Diagnoser::new(Catalog::embedded().unwrap(), rules);
        let spent = spend(&messages, &diagnoser);
        for (stage, spent, budget) in [
            ("parse", spent.parse, budget.parse),
            ("diagnose", spent.diagnose, budget.diagnose),
            ("encode", spent.encode, budget.encode),
        ] {
            println!("{name}, {stage}: {spent} of {budget} hundredths of an allocation a record");
            if spent > budget {
                over.push(format!("{name}, {stage}: {spent} > {budget}"));
            }
        }
    }
    assert!(
        over.is_empty(),
        "hundredths of an allocation a record: {over:#?}"
    );
}

fn messages() -> Vec<Vec<u8>> {
    let mut generator = Generator::new(2026, Profile::corpus());
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let mut records = 0;
    std::iter::from_fn(|| {
        (records < RECORDS).then(|| {
            let message = generator.next_message(now);
            records += message.records;
            message.body
        })
    })
    .collect()
}

fn spend(messages: &[Vec<u8>], diagnoser: &Diagnoser) -> Budget {
    let mut reader = Reader::new(Limits::decompressed(1 << 20), Privacy::default());
    let mut out = Vec::with_capacity(1 << 20);
    let (mut records, mut parse, mut diagnose, mut encode) = (0, 0, 0, 0);
    for body in messages {
        let region = Region::new(ALLOCATOR);
        let mut inside = 0;
        reader.read(body, &mut |item| {
            records += 1;
            let Item::SignIn {
                position, sign_in, ..
            } = item
            else {
                return;
            };
            let source = Source::Kafka {
                topic: "sign-ins",
                partition: 0,
                offset: 0,
                position,
            };
            out.clear();
            let before = count(&region);
            let diagnosis = diagnoser.diagnose(sign_in, &source, Bounds::DEFAULT, None);
            let between = count(&region);
            write_diagnosis(&diagnosis, &mut out);
            let provenance = Provenance {
                policy_page: false,
                source,
                diagnosed_at: None,
                versions: Versions {
                    service: "0",
                    catalog: "0",
                    snapshot: None,
                },
            };
            write_provenance(&provenance, &mut out);
            let after = count(&region);
            diagnose += between - before;
            encode += after - between;
            inside += after - before;
        });
        parse += count(&region) - inside;
    }
    let mean = |count: usize| (count * 100).div_ceil(records);
    Budget {
        parse: mean(parse),
        diagnose: mean(diagnose),
        encode: mean(encode),
    }
}

fn count(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.allocations + change.reallocations
}
