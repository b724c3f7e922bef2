//! One assigned partition: which of its messages are settled, and up to where.
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::seen::Seen;

/// A topic and the number of one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

/// Where a partition stands between assignment and release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartitionPhase {
    /// Not ours.
    Released,
    Consuming,
    /// To be read again from `offset`, not before `at`; what arrives until then is ignored.
    Rewinding {
        offset: i64,
        at: Instant,
    },
    /// Revoked: what is in flight may still be acknowledged until `deadline`.
    Draining {
        deadline: Instant,
    },
    /// Revoked and drained: its last commit is under way until `deadline`.
    Committing {
        deadline: Instant,
    },
}

/// A message whose outputs are not all acknowledged, or that waits behind such a one.
#[derive(Debug)]
struct Pending<R> {
    /// Never used twice, so that a late acknowledgement of a message that is read again finds
    /// nothing.
    number: u64,
    offset: i64,
    outstanding: u32,
    receipt: R,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitAnswer {
    Confirmed,
    /// Not now.
    Failed,
    /// Not from this member any more.
    Refused,
}

/// A commit that is under way.
#[derive(Debug, Clone, Copy)]
struct Committing {
    offset: i64,
    since: Instant,
}

/// The messages of one partition, in order.
#[derive(Debug)]
pub(super) struct Partition<R> {
    pub id: TopicPartition,
    pub phase: PartitionPhase,
    pub seen: Seen,
    remembered: usize,
    /// By ascending number and offset.
    pending: VecDeque<Pending<R>>,
    next_number: u64,
    /// The highest offset that was taken.
    reached: Option<i64>,
    /// The message whose output failed last, until it is settled after all.
    failed: Option<i64>,
    /// How often in a row: sets the wait before the next try.
    failures: u32,
    /// The offset after the last settled message: what may be committed.
    settled: Option<i64>,
    committed: Option<i64>,
    /// Where reading began.
    start: Option<i64>,
    committing: Option<Committing>,
    /// The last commit was refused for good.
    refused: bool,
}

impl<R> Partition<R> {
    pub fn new(id: TopicPartition, remembered: usize) -> Self {
        Partition {
            id,
            phase: PartitionPhase::Released,
            seen: Seen::new(remembered),
            remembered,
            pending: VecDeque::new(),
            next_number: 0,
            reached: None,
            failed: None,
            failures: 0,
            settled: None,
            committed: None,
            start: None,
            committing: None,
            refused: false,
        }
    }

    pub fn is_owned(&self) -> bool {
        self.phase != PartitionPhase::Released
    }

    pub fn is_revoked(&self) -> bool {
        matches!(
            self.phase,
            PartitionPhase::Draining { .. } | PartitionPhase::Committing { .. }
        )
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Outputs that are neither acknowledged nor failed.
    pub fn outstanding(&self) -> u64 {
        self.pending
            .iter()
            .map(|message| u64::from(message.outstanding))
            .sum()
    }

    /// The offset of the last message taken.
    pub fn last_offset(&self) -> Option<i64> {
        self.pending
            .back()
            .map(|message| message.offset)
            .or(self.settled.map(|settled| settled - 1))
    }

    /// Takes note of a message; whether it is the first time since the assignment.
    pub fn reaches(&mut self, offset: i64) -> bool {
        let is_new = self.reached < Some(offset);
        self.reached = self.reached.max(Some(offset));
        is_new
    }

    /// Where reading must start again so that nothing is missed.
    pub fn resume_offset(&self) -> Option<i64> {
        self.pending
            .front()
            .map(|message| message.offset)
            .or(self.settled)
    }

    /// Takes a message; the number is its part of the token.
    pub fn push(&mut self, offset: i64, outputs: u32, receipt: R) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.pending.push_back(Pending {
            number,
            offset,
            outstanding: outputs,
            receipt,
        });
        number
    }

    /// Counts one output of message `number` as done; false where that message is not pending.
    pub fn acknowledge(&mut self, number: u64) -> bool {
        let Some(message) = self.message(number) else {
            return false;
        };
        message.outstanding = message.outstanding.saturating_sub(1);
        true
    }

    pub fn is_pending(&mut self, number: u64) -> bool {
        self.message(number).is_some()
    }

    fn message(&mut self, number: u64) -> Option<&mut Pending<R>> {
        let index = self
            .pending
            .binary_search_by_key(&number, |message| message.number)
            .ok()?;
        self.pending.get_mut(index)
    }

    /// The receipt of the next message that is settled: all its outputs, and those of all
    /// messages before it, are acknowledged.
    pub fn pop_settled(&mut self) -> Option<R> {
        let message = self
            .pending
            .pop_front_if(|message| message.outstanding == 0)?;
        self.settled = Some(message.offset + 1);
        if self.failed.is_some_and(|failed| failed <= message.offset) {
            self.failed = None;
            self.failures = 0;
        }
        Some(message.receipt)
    }

    /// Forgets what is pending: it will be read again.
    pub fn drop_pending(&mut self) {
        self.pending.clear();
    }

    /// Forgets everything from `offset` on, because it is read again: after a failure, or
    /// because the client hands it out again of its own accord.
    pub fn read_again_from(&mut self, offset: i64) {
        while self
            .pending
            .pop_back_if(|message| message.offset >= offset)
            .is_some()
        {}
        self.settled = self.settled.map(|settled| settled.min(offset));
        self.seen.forget_from(offset);
    }

    /// Takes note that an output of message `number` failed.
    pub fn fail(&mut self, number: u64) {
        let offset = self.message(number).map(|message| message.offset);
        self.failed = self.failed.max(offset);
        self.failures = self.failures.saturating_add(1);
    }

    /// The wait before the next try: doubled with each failure in a row.
    pub fn wait(&self, min: Duration, max: Duration) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        min.saturating_mul(1 << doublings).min(max)
    }

    /// Whether a message whose output failed is still not settled.
    pub fn is_retrying(&self) -> bool {
        self.is_owned() && self.failed.is_some()
    }

    pub fn oldest_receipt(&self) -> Option<&R> {
        self.pending.front().map(|message| &message.receipt)
    }

    /// Begins a commit if there is news for the broker and no commit is under way since
    /// `unanswered_since`; gives the offset to commit.
    pub fn begin_commit(&mut self, now: Instant, patience: Duration) -> Option<i64> {
        let offset = self.settled?;
        let under_way = self
            .committing
            .is_some_and(|commit| now < commit.since + patience);
        if under_way || self.committed == Some(offset) {
            return None;
        }
        self.committing = Some(Committing { offset, since: now });
        self.refused = false;
        Some(offset)
    }

    /// The broker has answered the commit of `offset`.
    pub fn end_commit(&mut self, offset: i64, answer: CommitAnswer) {
        match answer {
            CommitAnswer::Confirmed => self.committed = Some(offset),
            CommitAnswer::Failed => {}
            CommitAnswer::Refused => self.refused |= self.commits(offset),
        }
        // The answer to an earlier commit says nothing of the one under way.
        self.committing = self.committing.filter(|commit| commit.offset != offset);
    }

    fn commits(&self, offset: i64) -> bool {
        self.committing
            .is_some_and(|commit| commit.offset == offset)
    }

    /// No longer waits for the commit under way: a later one replaces it. That an earlier one was
    /// refused says nothing of the later: the member may be of a new generation.
    pub fn abandon_commit(&mut self) {
        self.committing = None;
        self.refused = false;
    }

    /// Whether a commit is under way, or may still succeed.
    pub fn awaits_commit(&self) -> bool {
        !self.is_committed() && (self.committing.is_some() || !self.refused)
    }

    /// Whether the broker knows all that is settled.
    pub fn is_committed(&self) -> bool {
        self.settled.is_none() || self.committed == self.settled
    }

    /// Starts over at `offset`: what is before it counts as settled.
    pub fn start(&mut self, offset: i64, is_committed: bool) {
        self.reset(PartitionPhase::Consuming);
        self.settled = Some(offset);
        self.start = Some(offset);
        self.committed = is_committed.then_some(offset);
    }

    /// The offset after the last settled message.
    pub fn settled_offset(&self) -> Option<i64> {
        self.settled
    }

    /// Where a transaction that is aborted has begun.
    fn base(&self) -> Option<i64> {
        self.committed.or(self.start)
    }

    /// Whether the transaction holds messages of this partition.
    pub fn is_touched(&self) -> bool {
        self.is_owned() && (!self.pending.is_empty() || self.settled != self.base())
    }

    /// Whether all that was taken, and where reading began, is in a committed transaction.
    pub fn is_kept(&self) -> bool {
        !self.is_owned() || self.pending.is_empty() && self.is_committed()
    }

    /// Forgets what the transaction holds of this partition; gives the offset to read from.
    pub fn roll_back(&mut self) -> Option<i64> {
        let base = self.base()?;
        self.drop_pending();
        self.settled = Some(base);
        self.seen.forget_from(base);
        Some(base)
    }

    /// The broker has committed the transaction with this offset.
    pub fn transaction_committed(&mut self, offset: i64) {
        if self.settled == Some(offset) {
            self.committed = Some(offset);
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self, phase: PartitionPhase) {
        self.drop_pending();
        self.seen = Seen::new(self.remembered);
        self.reached = None;
        self.failed = None;
        self.failures = 0;
        self.settled = None;
        self.committed = None;
        self.start = None;
        self.committing = None;
        self.refused = false;
        self.phase = phase;
    }
}
