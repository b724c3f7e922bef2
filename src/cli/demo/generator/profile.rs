//! What kind of traffic is generated.
use std::ops::RangeInclusive;

/// The mix of a stream. Shares are in ten thousand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Records a message.
    pub batch: RangeInclusive<u32>,
    /// Conditional Access policies a user's record lists.
    pub policies: RangeInclusive<u32>,
    /// Records with the long policy list of a large tenant.
    pub long_lists: u32,
    pub detail: Detail,
    /// Stories that begin with a failure, of those that are no interrupted sign-in.
    pub failures: u32,
    /// Interactive stories with one or two interrupts before the success.
    pub interrupts: u32,
    /// Records of categories that are no sign-in.
    pub others: u32,
    /// Records that cannot be read.
    pub bad: u32,
    /// Records delivered a second time.
    pub repeats: u32,
    /// Records sent again with later content under the same id.
    pub updates: u32,
    /// Messages that begin a run of large batches, and those that begin a password spray.
    pub bursts: u32,
    /// The number of records after which a new policy starts to block; `None`: never.
    pub spike_after: Option<u64>,
    /// Users' sign-ins that the new policy blocks.
    pub spike_share: u32,
}

/// How much of a sign-in is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every field that Azure Monitor sends.
    Full,
    /// Identity, time, user, application and code.
    Minimal,
}

impl Profile {
    /// A company's morning: everything occurs, and after a while a policy goes wrong.
    pub const fn demo() -> Profile {
        Profile {
            batch: 1..=20,
            policies: 3..=25,
            long_lists: 0,
            detail: Detail::Full,
            failures: 1_400,
            interrupts: 2_500,
            others: 500,
            bad: 15,
            repeats: 80,
            updates: 60,
            bursts: 200,
            spike_after: Some(6_000),
            spike_share: 2_500,
        }
    }

    /// The corpus of the benchmarks: about 6 KB a record and 22 policies a user's record;
    /// three quarters successes, 3 % of other categories, nothing unreadable.
    pub const fn corpus() -> Profile {
        Profile {
            batch: 1..=40,
            policies: 18..=26,
            long_lists: 120,
            detail: Detail::Full,
            failures: 2_000,
            interrupts: 3_000,
            others: 300,
            bad: 0,
            repeats: 0,
            updates: 0,
            bursts: 0,
            spike_after: None,
            spike_share: 0,
        }
    }

    /// For tests of delivery: small records, each id once, nothing else.
    pub const fn tests() -> Profile {
        Profile {
            policies: 0..=0,
            long_lists: 0,
            detail: Detail::Minimal,
            others: 0,
            ..Profile::corpus()
        }
    }
}
