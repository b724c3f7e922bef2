//! The model's topics: what is in the input, and what of it has come out.
use std::collections::HashSet;
use std::sync::Arc;

use crate::delivery::*;

pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        // splitmix64 (Steele, Lea, Flood 2014)
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Id and content.
pub(super) type Record = (u128, u64);

/// An output: of which message (partition and offset), which of its records, and what it says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub partition: usize,
    pub offset: i64,
    pub position: u32,
    pub record: Record,
}

pub(super) struct Log {
    pub id: TopicPartition,
    /// By ascending offset.
    pub messages: Vec<(i64, Vec<Record>)>,
    /// The group's committed offset, as the broker has it.
    pub committed: i64,
    /// What readers of the output topic see.
    visible: HashSet<Record>,
    /// The same by message and position, with transactions.
    once: HashSet<(i64, u32)>,
    /// Offsets of messages whose receipt came, with transactions.
    counted: HashSet<i64>,
    /// Up to here every record was seen to be out.
    checked: i64,
}

impl Log {
    pub fn new(random: &mut Random, partition: usize, messages: usize) -> Log {
        let (mut offset, mut ids) = (0, 0_usize);
        let mut message = || {
            offset += 1 + i64::try_from(random.below(3)).unwrap();
            let records = (0..random.below(5)).map(|_| {
                // Some records repeat or update one of the ids before them.
                let is_new = !random.chance(25);
                let back = if is_new { 0 } else { random.below(20) };
                ids += usize::from(back == 0);
                let id = ids.saturating_sub(back) as u128;
                (id << 8 | partition as u128, u64::from(random.chance(20)))
            });
            (offset, records.collect())
        };
        Log {
            messages: (0..messages).map(|_| message()).collect(),
            id: TopicPartition {
                topic: Arc::from("sign-ins"),
                partition: i32::try_from(partition).unwrap(),
            },
            committed: 0,
            visible: HashSet::new(),
            once: HashSet::new(),
            counted: HashSet::new(),
            checked: 0,
        }
    }

    pub fn at(&self, offset: i64) -> usize {
        self.messages.partition_point(|(known, _)| *known < offset)
    }

    /// Retention takes up to `count` messages that nobody has read, from `offset` on.
    pub fn delete_unread(&mut self, offset: i64, count: usize) {
        let from = self.at(offset);
        let last = self.messages.len().saturating_sub(1);
        self.messages
            .drain(from..(from + count).min(last).max(from));
    }

    pub fn end(&self) -> i64 {
        self.messages.last().map_or(0, |(offset, _)| offset + 1)
    }

    pub fn position(&self) -> Position {
        Position {
            id: self.id.clone(),
            offset: self.committed,
            is_committed: self.committed > 0,
        }
    }

    /// At least once: what is acknowledged can be read.
    pub fn write(&mut self, record: Record) {
        self.visible.insert(record);
    }

    /// Exactly once: what is committed can be read, and was not there before.
    pub fn write_once(&mut self, output: Output) {
        self.visible.insert(output.record);
        let is_new = self.once.insert((output.offset, output.position));
        assert!(is_new, "{output:?} is out twice");
    }

    /// Counters follow what is committed, and count it once.
    pub fn count_once(&mut self, offset: i64) {
        assert!(offset < self.committed, "{offset} is counted, uncommitted");
        assert!(self.counted.insert(offset), "{offset} is counted twice");
    }

    /// The heart of it: nothing is committed that is not out.
    pub fn commit(&mut self, offset: i64) {
        self.assert_out(offset, &[]);
        self.committed = offset;
    }

    pub fn assert_out(&mut self, offset: i64, with: &[Output]) {
        let from = self.at(self.checked);
        for (at, records) in self.messages[from..].iter().take_while(|m| m.0 < offset) {
            for record in records {
                let is_out = self.visible.contains(record)
                    || with.iter().any(|output| output.record == *record);
                assert!(
                    is_out,
                    "{offset} is committed, and {record:?} of {at} is not out"
                );
            }
        }
        if with.is_empty() {
            self.checked = self.checked.max(offset);
        }
    }
}
