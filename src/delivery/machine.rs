//! The machine itself: how each event changes it, and the actions that follow.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::partition::{CommitAnswer, Partition, PartitionPhase};
use super::transaction::{Transaction, TransactionPhase};
use super::{
    Action, Event, Exit, Owned, Phase, Room, Settings, Slot, Taken, Token, TopicPartition,
};

/// A commit that was not answered for so long is tried again. Above the client's own request
/// timeout (60 s), so that an answer is not overtaken by its successor.
const COMMIT_PATIENCE: Duration = Duration::from_secs(75);

/// Of the time a drain has, the part that is kept for its commit.
pub(super) const COMMIT_SHARE: u32 = 5;

/// How long a worker drains after a fatal error: acknowledgements may never come.
const FATAL_DRAIN: Duration = Duration::from_secs(5);

/// The message whose outputs are being put into the producer's queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand {
    pub(super) token: Token,
    next: u32,
    outputs: u32,
    /// The queue was full; the same output is tried again at the next tick.
    waiting: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum RoomState {
    Open,
    Full {
        since: Instant,
    },
    /// Until the queue is half as full as it was.
    Paused {
        in_flight: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    Running,
    Stopping {
        acknowledged_by: Instant,
        deadline: Instant,
        exit: Exit,
    },
    Committing {
        deadline: Instant,
        exit: Exit,
    },
    Ended,
}

/// One worker's delivery. See the module for what it guarantees.
#[derive(Debug)]
pub struct Delivery<R> {
    pub(super) settings: Settings,
    pub(super) partitions: Vec<Partition<R>>,
    pub(super) stage: Stage,
    pub(super) room: RoomState,
    pub(super) hand: Option<Hand>,
    /// Outputs in the producer's queue or on their way.
    in_flight: u64,
    pub(super) next_commit: Instant,
    /// When a commit that somebody waits for is tried again.
    pub(super) retry_commit: Instant,
    /// Outputs that a stopping worker no longer waits for.
    pub(super) abandoned: u64,
    /// Without it, at least once.
    pub(super) transaction: Option<Transaction<R>>,
    pub(super) actions: VecDeque<Action<R>>,
}

impl<R> Delivery<R> {
    pub fn new(settings: Settings, now: Instant) -> Self {
        Delivery {
            next_commit: now + settings.commit_interval,
            retry_commit: now,
            transaction: settings.transaction_interval.map(Transaction::new),
            room: match settings.transaction_interval {
                None => RoomState::Open,
                // Until the producer is ready.
                Some(_) => RoomState::Full { since: now },
            },
            settings,
            partitions: Vec::new(),
            stage: Stage::Running,
            hand: None,
            in_flight: 0,
            abandoned: 0,
            actions: VecDeque::new(),
        }
    }

    pub fn next_action(&mut self) -> Option<Action<R>> {
        self.actions.pop_front()
    }

    /// Whether the next message would be taken.
    pub fn wants_message(&self) -> bool {
        matches!(self.stage, Stage::Running)
            && matches!(self.room, RoomState::Open)
            && self.is_open()
            && self.hand.is_none()
    }

    /// Whether the consumer must be polled although no message is wanted: the group is served
    /// by the same call. While the queue is full for a moment it is not, or it would hand out
    /// a message.
    pub fn serves_group(&self) -> bool {
        !matches!(self.stage, Stage::Running) || matches!(self.room, RoomState::Paused { .. })
    }

    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Running => Phase::Running,
            Stage::Stopping { .. } => Phase::Stopping,
            Stage::Committing { .. } => Phase::Committing,
            Stage::Ended => Phase::Ended,
        }
    }

    pub fn room(&self) -> Room {
        match self.room {
            RoomState::Open => Room::Open,
            RoomState::Full { .. } => Room::Full,
            RoomState::Paused { .. } => Room::Paused,
        }
    }

    /// Outputs in the producer's queue or on their way.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Messages taken and not settled.
    pub fn pending_messages(&self) -> usize {
        self.partitions.iter().map(Partition::pending).sum()
    }

    /// Whether a message whose output failed is still not settled.
    pub fn is_retrying(&self) -> bool {
        let transaction = self.transaction.as_ref();
        transaction.is_some_and(Transaction::is_retried)
            || self.partitions.iter().any(Partition::is_retrying)
    }

    pub fn owned(&self) -> impl Iterator<Item = Owned<'_, R>> {
        let owned = self.partitions.iter().filter(|p| p.is_owned());
        owned.map(|partition| Owned {
            id: &partition.id,
            resume_offset: partition.resume_offset(),
            restart_offset: self.restart_offset(partition),
            oldest: partition.oldest_receipt(),
        })
    }

    /// Agrees to a message that the consumer handed out, or not: then it is to be dropped, and
    /// is read again by whoever owns the partition next, or after a rewind.
    pub fn take(
        &mut self,
        now: Instant,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Option<Taken<'_>> {
        let wanted = self.wants_message();
        let running = matches!(self.stage, Stage::Running);
        let slot = self.slot(topic, partition)?;
        let index = usize::from(slot.0);
        let partition = &mut self.partitions[index];
        if partition.phase != PartitionPhase::Consuming || !running {
            return None;
        }
        let is_old = partition.last_offset().is_some_and(|last| offset <= last);
        if is_old && self.transaction.is_some() {
            self.handed_out_again(now, index);
            return None;
        }
        let partition = &mut self.partitions[index];
        if !wanted {
            // The client handed out a message of a paused partition: it must not be lost.
            partition.phase = PartitionPhase::Rewinding { offset, at: now };
            return None;
        }
        if is_old {
            // The client hands out again what it handed out before, as it may around a
            // rebalance, or the topic was created anew.
            partition.read_again_from(offset);
        }
        Some(Taken {
            slot,
            is_new: partition.reaches(offset),
            seen: &mut partition.seen,
        })
    }

    pub fn handle(&mut self, now: Instant, event: Event<R>) {
        match event {
            Event::Diagnosed {
                slot,
                offset,
                outputs,
                receipt,
            } => {
                self.diagnosed(now, slot, offset, outputs, receipt);
            }
            Event::Enqueued => self.enqueued(),
            Event::QueueFull => {
                if let Some(hand) = &mut self.hand {
                    hand.waiting = true;
                }
                self.fill(now);
            }
            Event::Refused => {
                if let Some(hand) = self.hand {
                    self.fail(now, hand.token);
                }
            }
            Event::Acknowledged(token) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                let partition = &mut self.partitions[usize::from(token.slot().0)];
                if partition.acknowledge(token.number()) {
                    self.settle(token.slot());
                }
            }
            Event::Failed(token) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                if self.partitions[usize::from(token.slot().0)].is_pending(token.number()) {
                    self.fail(now, token);
                }
            }
            Event::Assigned(positions) => self.assigned(now, positions),
            Event::OffsetLost { wanted, position } => self.offset_lost(now, wanted, position),
            Event::Revoked(partitions) => self.revoked(now, &partitions),
            Event::Lost(partitions) => self.lost(now, &partitions),
            Event::Rewound(id, offset) => self.rewound(id, offset),
            Event::RewindFailed(id) => {
                let (min, max) = (self.settings.retry_min, self.settings.retry_max);
                if let Some(partition) = self.partition(&id)
                    && let PartitionPhase::Rewinding { at, .. } = &mut partition.phase
                {
                    *at = now + max.min(min * 10);
                }
            }
            Event::Committed(offsets) => self.answered(&offsets, CommitAnswer::Confirmed),
            Event::CommitFailed(offsets) => {
                self.answered(&offsets, CommitAnswer::Failed);
                self.retry_commit = now + self.settings.retry_min;
            }
            Event::CommitRefused(offsets) => self.answered(&offsets, CommitAnswer::Refused),
            Event::TransactionReady => self.transaction_ready(TransactionPhase::Starting),
            Event::TransactionAborted => self.transaction_ready(TransactionPhase::Aborting),
            Event::TransactionCommitted => self.transaction_committed(),
            Event::TransactionFailed => self.abort(now),
            Event::ProducerChanged => self.producer_changed(now),
            Event::Tick => self.tick(now),
            Event::Stop => self.stop(now, self.settings.drain_timeout, Exit::Clean),
            Event::Fatal => {
                self.stop(
                    now,
                    self.settings.drain_timeout.min(FATAL_DRAIN),
                    Exit::Fatal,
                );
            }
        }
    }

    fn slot(&self, topic: &str, partition: i32) -> Option<Slot> {
        let index = self
            .partitions
            .iter()
            .position(|known| known.id.partition == partition && &*known.id.topic == topic)?;
        u16::try_from(index).ok().map(Slot)
    }

    fn partition(&mut self, id: &TopicPartition) -> Option<&mut Partition<R>> {
        self.partitions.iter_mut().find(|known| known.id == *id)
    }

    fn answered(&mut self, offsets: &[(TopicPartition, i64)], answer: CommitAnswer) {
        for (id, offset) in offsets {
            if let Some(partition) = self.partition(id).filter(|p| p.is_owned()) {
                partition.end_commit(*offset, answer);
            }
        }
    }

    fn diagnosed(&mut self, now: Instant, slot: Slot, offset: i64, outputs: u32, receipt: R) {
        let number = self.partitions[usize::from(slot.0)].push(offset, outputs, receipt);
        let token = Token::new(slot, number);
        if outputs == 0 {
            self.settle(slot);
        } else {
            self.hand = Some(Hand {
                token,
                next: 0,
                outputs,
                waiting: false,
            });
            self.actions.push_back(Action::Produce { token, index: 0 });
        }
        if self.load() >= self.limit() {
            self.fill(now);
        }
    }

    fn enqueued(&mut self) {
        self.in_flight += 1;
        let Some(hand) = &mut self.hand else { return };
        hand.waiting = false;
        hand.next += 1;
        if hand.next < hand.outputs {
            let (token, index) = (hand.token, hand.next);
            self.actions.push_back(Action::Produce { token, index });
        } else {
            self.hand = None;
        }
    }

    fn settle(&mut self, slot: Slot) {
        while let Some(receipt) = self.partitions[usize::from(slot.0)].pop_settled() {
            match &mut self.transaction {
                None => self.actions.push_back(Action::Settled(receipt)),
                Some(transaction) => transaction.keep(receipt),
            }
        }
    }

    /// An output failed: its partition pauses, and is read again, after a wait, from its first
    /// message that is not settled. The others go on.
    fn fail(&mut self, now: Instant, token: Token) {
        if self.transaction.is_some() {
            return self.abort(now);
        }
        let slot = token.slot();
        if self.hand.is_some_and(|hand| hand.token.slot() == slot) {
            self.hand = None;
        }
        let running = matches!(self.stage, Stage::Running);
        let partition = &mut self.partitions[usize::from(slot.0)];
        partition.fail(token.number());
        let Some(offset) = partition.resume_offset() else {
            return;
        };
        if !running {
            self.abandoned += partition.outstanding();
        }
        partition.read_again_from(offset);
        if partition.is_revoked() || !running {
            return;
        }
        let wait = partition.wait(self.settings.retry_min, self.settings.retry_max);
        let at = now + wait;
        partition.phase = PartitionPhase::Rewinding { offset, at };
        let id = partition.id.clone();
        self.actions.push_back(Action::Pause(vec![id]));
    }

    fn rewound(&mut self, id: TopicPartition, offset: i64) {
        let resumes =
            !matches!(self.room, RoomState::Paused { .. }) && matches!(self.stage, Stage::Running);
        // A rewind to an earlier offset may have been asked for meanwhile.
        if let Some(partition) = self.partition(&id)
            && let PartitionPhase::Rewinding { offset: wanted, .. } = partition.phase
            && wanted == offset
        {
            partition.phase = PartitionPhase::Consuming;
            if resumes {
                self.actions.push_back(Action::Resume(vec![id]));
            }
        }
    }

    /// Asks for the rewinds whose wait is over.
    fn read_again(&mut self, now: Instant) {
        if !matches!(self.stage, Stage::Running) {
            return;
        }
        let patience = self.settings.retry_max;
        for partition in &mut self.partitions {
            if let PartitionPhase::Rewinding { offset, at } = &mut partition.phase
                && now >= *at
            {
                *at = now + patience;
                self.actions.push_back(Action::Rewind {
                    partition: partition.id.clone(),
                    offset: *offset,
                });
            }
        }
    }

    pub(super) fn pause(&mut self) {
        let kept = self
            .partitions
            .iter()
            .filter(|p| p.is_owned() && !p.is_revoked());
        let partitions: Vec<_> = kept.map(|p| p.id.clone()).collect();
        if !partitions.is_empty() {
            self.actions.push_back(Action::Pause(partitions));
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Some(hand) = self.hand.filter(|hand| hand.waiting) {
            self.actions.push_back(Action::Produce {
                token: hand.token,
                index: hand.next,
            });
        }
        self.make_room(now);
        self.read_again(now);
        if self.transaction.is_some() {
            self.transact(now);
        } else if now >= self.next_commit && !matches!(self.stage, Stage::Ended) {
            self.next_commit = now + self.settings.commit_interval;
            self.commit(now, |_| true);
        }
        self.release_revoked(now);
        self.end(now);
    }

    fn make_room(&mut self, now: Instant) {
        let waiting = self.hand.is_some_and(|hand| hand.waiting);
        let (load, max) = (self.load(), self.limit());
        let open = self.is_open();
        match self.room {
            RoomState::Full { .. } if open && !waiting && load < max => self.room = RoomState::Open,
            RoomState::Full { since } if now >= since + self.settings.full_before_pause => {
                self.pause();
                self.room = RoomState::Paused {
                    in_flight: self.in_flight,
                };
            }
            RoomState::Paused { in_flight } => {
                if open && !waiting && self.in_flight <= in_flight / 2 && load <= max / 2 {
                    self.resume(now);
                }
            }
            RoomState::Open | RoomState::Full { .. } => {}
        }
    }

    fn resume(&mut self, now: Instant) {
        self.room = if self.load() < self.limit() {
            RoomState::Open
        } else {
            RoomState::Full { since: now }
        };
        // One that is to be read again is resumed when it is.
        let consuming = |p: &&Partition<R>| p.phase == PartitionPhase::Consuming;
        let partitions = self.partitions.iter().filter(consuming);
        let partitions: Vec<_> = partitions.map(|p| p.id.clone()).collect();
        if matches!(self.stage, Stage::Running) && !partitions.is_empty() {
            self.actions.push_back(Action::Resume(partitions));
        }
    }

    pub(super) fn commit(&mut self, now: Instant, of: impl Fn(&Partition<R>) -> bool) {
        let mut offsets = Vec::new();
        for partition in self.partitions.iter_mut().filter(|p| p.is_owned() && of(p)) {
            if let Some(offset) = partition.begin_commit(now, COMMIT_PATIENCE) {
                offsets.push((partition.id.clone(), offset));
            }
        }
        if !offsets.is_empty() {
            self.actions.push_back(Action::Commit(offsets));
        }
    }
}
