//! Which sign-ins were counted within the hour: what keeps one client that tries again and again
//! what is refused from looking like many that are.
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

const HOUR_MILLISECONDS: i64 = 3_600_000;

/// Tries of one set; with its cursor it is 64 bytes.
const SET: usize = 7;

/// 16,384 sets: 114,688 tries in 1 MiB. A tenant of 100,000 users has a few thousand different
/// ones an hour, and a backlog of hours is read with the partitions apart by as much.
const SETS: usize = 1 << 14;

/// The low byte of an entry says in which round through its set it was written.
const ROUND: u64 = 0xff;

/// A refused sign-in within its hour: the same for every try of it in that hour.
///
/// The hour is one of event time, so neither the machine's clock, nor the pace of reading, nor
/// the order of the records has a say. Each sign-in has hours of its own, which begin at a
/// minute that its key decides: otherwise all clients that keep trying would count together
/// when the clock strikes, as a spike that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TryPrint(u64);

impl TryPrint {
    /// `key` stands for whoever is refused where and why; `time` is in milliseconds since 1970.
    pub fn new(key: u64, time: i64) -> TryPrint {
        #[allow(clippy::cast_possible_wrap)] // below an hour
        let offset = (key % HOUR_MILLISECONDS as u64) as i64;
        let hour = time.saturating_add(offset).div_euclid(HOUR_MILLISECONDS);
        TryPrint(xxh3_64_with_seed(&hour.to_le_bytes(), key))
    }
}

/// The tries counted last, for all workers together. Takes no lock and never grows: in each set
/// a new one takes the place of the oldest.
pub(super) struct FirstTries(Box<[Set]>);

struct Set {
    /// The print without its low byte, which is the round.
    entries: [AtomicU64; SET],
    /// The tries entered and `SET`, so that round 0 is that of the empty entries. The next one goes
    /// to this entry, modulo the size.
    next: AtomicU64,
}

impl Set {
    fn new() -> Set {
        Set {
            entries: Default::default(),
            next: AtomicU64::new(SET as u64),
        }
    }
}

impl FirstTries {
    pub fn new() -> FirstTries {
        FirstTries((0..SETS).map(|_| Set::new()).collect())
    }

    /// Whether the try was not counted yet; from now on it is.
    pub fn is_first(&self, tried: TryPrint) -> bool {
        #[allow(clippy::cast_possible_truncation)] // the remainder is below the number of sets
        let set = &self.0[(tried.0 % SETS as u64) as usize];
        // The sets differ by the low bits. An entry of 0 is empty.
        let print = (tried.0 & !ROUND).max(ROUND + 1);
        loop {
            let next = set.next.load(Ordering::Acquire);
            #[allow(clippy::cast_possible_truncation)] // the remainder is below the size of a set
            let oldest = &set.entries[(next % SET as u64) as usize];
            let round = (next / SET as u64) & ROUND;
            let replaced = oldest.load(Ordering::Acquire);
            if set.next.load(Ordering::Acquire) != next {
                continue;
            }
            if replaced & ROUND == round {
                // Another worker has entered a try here, and is about to say so: it is not the
                // oldest any more. Said for it, whoever comes first.
                let _ =
                    set.next
                        .compare_exchange(next, next + 1, Ordering::AcqRel, Ordering::Acquire);
                continue;
            }
            let mut entries = set.entries.iter();
            if entries.any(|entry| entry.load(Ordering::Acquire) & !ROUND == print) {
                return false;
            }
            // Fails where another worker was faster, perhaps with the same try: look again.
            let entered = oldest.compare_exchange(
                replaced,
                print | round,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if entered.is_ok() {
                let _ =
                    set.next
                        .compare_exchange(next, next + 1, Ordering::AcqRel, Ordering::Acquire);
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
            let tries = FirstTries::new();
            let times = (0..2_000).map(|n| NOON + n * 6 * MINUTE / 100);
            let counted = times
                .filter(|time| tries.is_first(TryPrint::new(key, *time)))
                .count();
            // 120 minutes meet two hours, or three where they do not begin together.
            assert!((2..=3).contains(&counted), "{counted}");
        }
    }

    #[test]
    fn neither_order_nor_repetition_changes_the_count() {
        let times: Vec<i64> = (0..500).map(|n| NOON + n * 97 % 241 * MINUTE).collect();
        let count = |times: &mut dyn Iterator<Item = i64>| {
            let tries = FirstTries::new();
            times
                .filter(|time| tries.is_first(TryPrint::new(42, *time)))
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
        let tries = FirstTries::new();
        let keys: Vec<u64> = (0..600_u64)
            .map(|n| xxh3_64_with_seed(&n.to_le_bytes(), 7))
            .collect();
        let mut most = 0;
        for minute in 0..180 {
            let time = NOON + minute * MINUTE;
            let counted = keys
                .iter()
                .filter(|key| tries.is_first(TryPrint::new(**key, time)))
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
                assert_eq!(TryPrint::new(key, time), TryPrint::new(key, time));
            }
        }
        assert_ne!(TryPrint::new(1, 0), TryPrint::new(2, 0));
    }

    #[test]
    fn a_flood_forgets_the_oldest_and_only_those() {
        let tries = FirstTries::new();
        let print = |n: u64| TryPrint(xxh3_64_with_seed(&n.to_le_bytes(), 0));
        for n in 0..1_000_000 {
            assert!(tries.is_first(print(n)));
        }
        for n in 999_000..1_000_000 {
            assert!(!tries.is_first(print(n)), "{n}");
        }
        assert!(tries.is_first(print(0)));
    }

    #[test]
    fn workers_that_meet_the_same_tries_count_each_once() {
        let tries = FirstTries::new();
        let counted = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 1..=2_000 {
                        if tries.is_first(TryPrint(n)) {
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(counted.into_inner(), 2_000);
    }

    /// Between the two steps of a worker, another one enters a try into the same set.
    #[test]
    fn a_try_that_is_just_being_entered_is_not_taken_for_the_oldest() {
        // The low byte that tells rounds apart begins anew after 1,792 tries.
        for round in [0, 1, 6, 7, 1_784, 1_785, 1_791, 1_792, 4_000] {
            let tries = FirstTries::new();
            let in_one_set = |n: u64| TryPrint(n << 32);
            for n in 1..=round {
                assert!(tries.is_first(in_one_set(n)));
            }
            // The last one entered has not moved the cursor yet.
            assert!(tries.is_first(in_one_set(10_000)));
            tries.0[0].next.fetch_sub(1, Ordering::AcqRel);
            assert!(tries.is_first(in_one_set(20_000)));
            assert!(!tries.is_first(in_one_set(10_000)), "{round}");
            assert!(!tries.is_first(in_one_set(20_000)), "{round}");
        }
    }
}
