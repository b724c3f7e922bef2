//! Exactly once: outputs and offsets in one transaction.
//!
//! A transaction takes messages for an interval. Then it is sealed: no message is taken until
//! all its outputs are acknowledged, and it is committed with the offsets. Whatever goes wrong
//! before that aborts it, and its partitions are read again from where they were committed.
use std::time::{Duration, Instant};

use super::machine::{Delivery, RoomState, Stage};
use super::partition::{Partition, PartitionPhase};
use super::{Action, TopicPartition};

/// Where a worker's transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransactionPhase {
    /// The producer is not ready for transactions yet.
    Starting,
    /// Messages are taken.
    Open,
    /// No message is taken; acknowledgements are waited for.
    Sealed,
    /// The broker is asked to commit.
    Committing,
    /// The broker is asked to abort.
    Aborting,
}

#[derive(Debug)]
pub(super) struct Transaction<R> {
    interval: Duration,
    pub phase: TransactionPhase,
    /// Since when there is something to commit.
    since: Option<Instant>,
    /// Of the messages that are settled, should it be committed.
    receipts: Vec<R>,
    offsets: Vec<(TopicPartition, i64)>,
    /// In a row.
    aborts: u32,
}

impl<R> Transaction<R> {
    pub fn new(interval: Duration) -> Self {
        Transaction {
            interval,
            phase: TransactionPhase::Starting,
            since: None,
            receipts: Vec::new(),
            offsets: Vec::new(),
            aborts: 0,
        }
    }

    pub fn keep(&mut self, receipt: R) {
        self.receipts.push(receipt);
    }

    pub fn messages(&self) -> usize {
        self.receipts.len()
    }

    pub fn is_retried(&self) -> bool {
        self.aborts > 0
    }

    /// Messages of one transaction: halved with each abort in a row, so that one that takes
    /// the broker longer than it allows gets through in the end.
    pub fn limit(&self, max: usize) -> usize {
        (max >> self.aborts.min(31)).max(1)
    }
}

impl<R> Delivery<R> {
    /// The phase of the transaction; `None` without transactions.
    pub fn transaction_phase(&self) -> Option<TransactionPhase> {
        self.transaction
            .as_ref()
            .map(|transaction| transaction.phase)
    }

    /// Whether messages may be taken, as far as transactions go.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.transaction_phase(),
            None | Some(TransactionPhase::Open)
        )
    }

    /// The producer is ready, for the first time or again after an abort.
    pub(super) fn transaction_ready(&mut self, from: TransactionPhase) {
        if let Some(transaction) = &mut self.transaction
            && transaction.phase == from
        {
            transaction.phase = TransactionPhase::Open;
            transaction.since = None;
        }
    }

    /// Another producer takes the place of the one that had nothing in hand.
    pub(super) fn producer_changed(&mut self, now: Instant) {
        if let Some(transaction) = &mut self.transaction {
            transaction.phase = TransactionPhase::Starting;
            self.fill(now);
        }
    }

    /// Seals the transaction when its time has come, and commits it when all is acknowledged.
    pub(super) fn transact(&mut self, now: Instant) {
        let work = !self.partitions.iter().all(Partition::is_kept);
        let leaving = !matches!(self.stage, Stage::Running)
            || self.partitions.iter().any(Partition::is_revoked);
        let full = self.load() >= self.limit();
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        if transaction.phase == TransactionPhase::Open && work {
            let since = *transaction.since.get_or_insert(now);
            if leaving || full || now >= since + transaction.interval {
                transaction.phase = TransactionPhase::Sealed;
                self.fill(now);
            }
        }
        if self.transaction_phase() == Some(TransactionPhase::Sealed)
            && self.hand.is_none()
            && self.pending_messages() == 0
        {
            self.commit_transaction();
        }
    }

    fn commit_transaction(&mut self) {
        let offsets: Vec<_> = self
            .partitions
            .iter()
            .filter(|p| p.is_owned() && !p.is_committed())
            .filter_map(|p| Some((p.id.clone(), p.settled_offset()?)))
            .collect();
        if let Some(transaction) = &mut self.transaction {
            transaction.phase = TransactionPhase::Committing;
            transaction.offsets.clone_from(&offsets);
            self.actions.push_back(Action::CommitTransaction(offsets));
        }
    }

    pub(super) fn transaction_committed(&mut self) {
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        if transaction.phase != TransactionPhase::Committing {
            return;
        }
        transaction.phase = TransactionPhase::Open;
        transaction.since = None;
        transaction.aborts = 0;
        for receipt in transaction.receipts.drain(..) {
            self.actions.push_back(Action::Settled(receipt));
        }
        for (id, offset) in std::mem::take(&mut transaction.offsets) {
            let mut partitions = self.partitions.iter_mut();
            if let Some(partition) = partitions.find(|p| p.id == id && p.is_owned()) {
                partition.transaction_committed(offset);
            }
        }
    }

    /// Nothing of the transaction is to be seen: its partitions are read again, after a wait
    /// that doubles with each abort in a row.
    pub(super) fn abort(&mut self, now: Instant) {
        let running = matches!(self.stage, Stage::Running);
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let nothing_to_abort = matches!(
            transaction.phase,
            TransactionPhase::Starting | TransactionPhase::Aborting
        );
        // After the end the producer is closed: the broker aborts what it left.
        if nothing_to_abort || matches!(self.stage, Stage::Ended) {
            return;
        }
        transaction.phase = TransactionPhase::Aborting;
        transaction.receipts.clear();
        transaction.offsets.clear();
        transaction.aborts = transaction.aborts.saturating_add(1);
        let doublings = (transaction.aborts - 1).min(16);
        let wait = self.settings.retry_min.saturating_mul(1 << doublings);
        let at = now + wait.min(self.settings.retry_max);
        self.hand = None;
        let mut paused = Vec::new();
        for partition in self.partitions.iter_mut().filter(|p| p.is_touched()) {
            if !running {
                // At least one message is not out, even if all its outputs were acknowledged.
                self.abandoned += partition.outstanding().max(1);
            }
            let Some(offset) = partition.roll_back() else {
                continue;
            };
            if running && !partition.is_revoked() {
                partition.phase = PartitionPhase::Rewinding { offset, at };
                paused.push(partition.id.clone());
            }
        }
        self.actions.push_back(Action::AbortTransaction);
        if !paused.is_empty() {
            self.actions.push_back(Action::Pause(paused));
        }
        self.fill(now);
    }

    /// The client handed out a message from before the one that comes next: what it was part
    /// of, if it is not committed, is undone with its transaction.
    pub(super) fn handed_out_again(&mut self, now: Instant, index: usize) {
        if self.partitions[index].is_touched() {
            self.abort(now);
        } else if let Some(offset) = self.partitions[index].roll_back() {
            self.partitions[index].phase = PartitionPhase::Rewinding { offset, at: now };
        }
    }

    /// A partition is gone, or its offsets are; with it goes the transaction that it is in, but
    /// for one that the broker decides already: it knows whether the partition was still ours.
    pub(super) fn leave_transaction(&mut self, now: Instant, indices: &[usize]) {
        let open = self.transaction_phase() != Some(TransactionPhase::Committing);
        let touched = |index: &usize| self.partitions[*index].is_touched();
        if open && indices.iter().any(touched) {
            self.abort(now);
        }
    }

    /// Whether a stopping worker has nothing to wait for: all is committed, or given up.
    pub(super) fn has_ended_transaction(&mut self, now: Instant, by: Instant) -> bool {
        match self.transaction_phase() {
            None | Some(TransactionPhase::Starting) => true,
            Some(TransactionPhase::Committing | TransactionPhase::Aborting) => false,
            Some(TransactionPhase::Open | TransactionPhase::Sealed) => {
                let touched = self.partitions.iter().any(Partition::is_touched);
                if now < by {
                    // A start that nobody has committed is committed, too.
                    return self.partitions.iter().all(Partition::is_kept);
                }
                if touched {
                    self.abort(now);
                }
                !touched
            }
        }
    }

    /// Messages that are not settled for good.
    pub(super) fn load(&self) -> usize {
        let kept = self.transaction.as_ref().map_or(0, Transaction::messages);
        self.pending_messages() + kept
    }

    /// At so many no more are taken.
    pub(super) fn limit(&self) -> usize {
        let max = self.settings.max_pending_messages;
        let transaction = self.transaction.as_ref();
        transaction.map_or(max, |transaction| transaction.limit(max))
    }

    pub(super) fn fill(&mut self, now: Instant) {
        if let RoomState::Open = self.room {
            self.room = RoomState::Full { since: now };
        }
    }
}
