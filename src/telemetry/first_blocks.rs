//! Which blocks were counted within the hour: what keeps one client that tries a blocked
//! sign-in again and again from looking like an attack on many.
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

const HOUR_MILLISECONDS: i64 = 3_600_000;

/// Blocks of one set; with its cursor it fills a cache line.
const SET: usize = 7;

/// 16,384 sets: 114,688 blocks in 1 MiB. A tenant of 100,000 users has a few thousand different
/// ones an hour, and a backlog of hours is read with the partitions apart by as much.
const SETS: usize = 1 << 14;

/// A block within its hour: the same for every try of the same sign-in in that hour.
///
/// The hour is one of event time, so neither the machine's clock, nor the pace of reading, nor
/// the order of the records has a say. Each sign-in has hours of its own, which begin at a
/// minute that its key decides: otherwise all clients that keep trying would count together
/// when the clock strikes, as a spike that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPrint(u64);

impl BlockPrint {
    /// `key` stands for whoever is blocked where and why; `time` is in milliseconds since 1970.
    pub fn new(key: u64, time: i64) -> BlockPrint {
        #[allow(clippy::cast_possible_wrap)] // below an hour
        let offset = (key % HOUR_MILLISECONDS as u64) as i64;
        let hour = time.saturating_add(offset).div_euclid(HOUR_MILLISECONDS);
        // 0 marks an empty entry.
        BlockPrint(xxh3_64_with_seed(&hour.to_le_bytes(), key).max(1))
    }
}

/// The blocks counted last, for all workers together. Takes no lock and never grows: in each set
/// a new block takes the place of the oldest.
pub(super) struct FirstBlocks(Box<[Set]>);

#[derive(Default)]
struct Set {
    entries: [AtomicU64; SET],
    /// Counts the blocks entered; the next one goes to this entry, modulo the size.
    next: AtomicU64,
}

impl FirstBlocks {
    pub fn new() -> FirstBlocks {
        FirstBlocks((0..SETS).map(|_| Set::default()).collect())
    }

    /// Whether the block was not counted yet; from now on it is.
    pub fn is_first(&self, block: BlockPrint) -> bool {
        #[allow(clippy::cast_possible_truncation)] // the remainder is below the number of sets
        let set = &self.0[(block.0 % SETS as u64) as usize];
        loop {
            let next = set.next.load(Ordering::Acquire);
            #[allow(clippy::cast_possible_truncation)] // the remainder is below the size of a set
            let oldest = &set.entries[(next % SET as u64) as usize];
            let replaced = oldest.load(Ordering::Acquire);
            let mut entries = set.entries.iter();
            if entries.any(|entry| entry.load(Ordering::Acquire) == block.0) {
                return false;
            }
            // Fails where another worker was faster, perhaps with the same block: look again.
            let entered =
                oldest.compare_exchange(replaced, block.0, Ordering::AcqRel, Ordering::Acquire);
            if entered.is_ok() {
                set.next.fetch_add(1, Ordering::Release);
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const NOON: i64 = 1_772_452_800_000;
    const MINUTE: i64 = 60_000;

    #[test]
    fn a_client_that_tries_for_hours_counts_once_an_hour() {
        for key in [0, 1, 0x9E37_79B9_7F4A_7C15, u64::MAX] {
            let blocks = FirstBlocks::new();
            let tries = (0..2_000).map(|n| NOON + n * 6 * MINUTE / 100);
            let counted = tries
                .filter(|time| blocks.is_first(BlockPrint::new(key, *time)))
                .count();
            // 120 minutes meet two hours, or three where they do not begin together.
            assert!((2..=3).contains(&counted), "{counted}");
        }
    }

    #[test]
    fn neither_order_nor_repetition_changes_the_count() {
        let times: Vec<i64> = (0..500).map(|n| NOON + n * 97 % 241 * MINUTE).collect();
        let count = |times: &mut dyn Iterator<Item = i64>| {
            let blocks = FirstBlocks::new();
            times
                .filter(|time| blocks.is_first(BlockPrint::new(42, *time)))
                .count()
        };
        let forward = count(&mut times.iter().copied());
        let backward = count(&mut times.iter().copied().rev());
        let twice = count(&mut times.iter().chain(&times).copied());
        assert!((4..=6).contains(&forward), "{forward}");
        assert_eq!((forward, forward), (backward, twice));
    }

    #[test]
    fn clients_that_keep_trying_do_not_count_together() {
        let blocks = FirstBlocks::new();
        let keys: Vec<u64> = (0..600_u64)
            .map(|n| xxh3_64_with_seed(&n.to_le_bytes(), 7))
            .collect();
        let mut most = 0;
        for minute in 0..180 {
            let time = NOON + minute * MINUTE;
            let counted = keys
                .iter()
                .filter(|key| blocks.is_first(BlockPrint::new(**key, time)))
                .count();
            if minute > 0 {
                most = most.max(counted);
            }
        }
        // 10 a minute on average; together they would be 600.
        assert!(most < 40, "{most}");
    }

    #[test]
    fn any_time_has_its_hour() {
        for time in [i64::MIN, -1, 0, i64::MAX] {
            for key in [0, u64::MAX] {
                assert_eq!(BlockPrint::new(key, time), BlockPrint::new(key, time));
            }
        }
        assert_ne!(BlockPrint::new(1, 0), BlockPrint::new(2, 0));
    }

    #[test]
    fn a_flood_of_blocks_forgets_the_oldest_and_only_those() {
        let blocks = FirstBlocks::new();
        let print = |n: u64| BlockPrint(xxh3_64_with_seed(&n.to_le_bytes(), 0).max(1));
        for n in 0..1_000_000 {
            assert!(blocks.is_first(print(n)));
        }
        for n in 999_000..1_000_000 {
            assert!(!blocks.is_first(print(n)), "{n}");
        }
        assert!(blocks.is_first(print(0)));
    }

    #[test]
    fn workers_that_meet_the_same_blocks_count_each_once() {
        let blocks = FirstBlocks::new();
        let counted = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 1..=2_000 {
                        if blocks.is_first(BlockPrint(n)) {
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(counted.into_inner(), 2_000);
    }
}
