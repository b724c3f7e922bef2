//! The model of one process: its machine, its clients, and what they have under way.
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::log::{Log, Output, Random};
use super::tally::Tally;
use crate::delivery::*;

pub(super) const QUEUE: usize = 12;
pub(super) const MAX_PENDING: usize = 20;

pub(super) type Offsets = Vec<(TopicPartition, i64)>;

/// What the broker's transactions are asked for.
pub(super) enum Request {
    Begin,
    Commit {
        offsets: Offsets,
        /// The member that asks, as it was when the commit was decided.
        generation: u64,
        /// The broker has the offsets: nobody is told others until it has decided.
        sent: bool,
    },
    Abort,
}

pub(super) struct Worker {
    pub machine: Delivery<(usize, i64)>,
    /// The client's position in each assigned partition.
    pub assigned: BTreeMap<usize, i64>,
    /// As librdkafka, the client keeps a pause when the partition goes and comes back.
    paused: HashSet<usize>,
    pub revoking: Vec<usize>,
    pub revoked_at: Instant,
    /// Partitions that the client has given up: their next offset was not there.
    pub halted: BTreeSet<usize>,
    /// After the last message taken of each partition, unless something failed since: a drain
    /// gets there.
    reached: BTreeMap<usize, i64>,
    /// Of the group, as the client knows it.
    pub generation: u64,
    /// Outputs on their way, in the producer's queue or beyond.
    pub queue: Vec<(Token, Output)>,
    /// Outputs that the broker has, in a transaction that is not decided.
    pub written: Vec<Output>,
    pub commits: VecDeque<Offsets>,
    pub request: Option<Request>,
    hand: Vec<Output>,
    /// Outputs enqueued since the last rewind or assignment of their partition.
    enqueued: HashSet<(usize, i64, u32)>,
    pub stopped: Option<Instant>,
    pub exit: Option<Exit>,
}

pub(super) fn settings(transactions: bool) -> Settings {
    Settings {
        commit_interval: Duration::from_secs(1),
        transaction_interval: transactions.then_some(Duration::from_millis(500)),
        drain_timeout: Duration::from_secs(10),
        remembered_sign_ins: 30,
        max_pending_messages: MAX_PENDING,
        full_before_pause: Duration::from_secs(5),
        retry_min: Duration::from_millis(100),
        retry_max: Duration::from_secs(2),
    }
}

pub(super) fn index(id: &TopicPartition) -> usize {
    usize::try_from(id.partition).unwrap()
}

/// What the workers act on.
pub(super) struct Surroundings<'w> {
    pub random: &'w mut Random,
    pub now: Instant,
    pub logs: &'w mut Vec<Log>,
    pub faults: bool,
    pub transactions: bool,
    pub tally: &'w mut Tally,
}

impl Worker {
    pub fn new(transactions: bool, now: Instant) -> Worker {
        Worker {
            machine: Delivery::new(settings(transactions), now),
            assigned: BTreeMap::new(),
            paused: HashSet::new(),
            revoking: Vec::new(),
            revoked_at: now,
            halted: BTreeSet::new(),
            reached: BTreeMap::new(),
            generation: 0,
            queue: Vec::new(),
            written: Vec::new(),
            commits: VecDeque::new(),
            request: transactions.then_some(Request::Begin),
            hand: Vec::new(),
            enqueued: HashSet::new(),
            stopped: None,
            exit: None,
        }
    }

    /// In a phase that passes quickly.
    pub fn is_rare(&self) -> bool {
        let transaction = self.machine.transaction_phase();
        self.machine.phase() != Phase::Running
            || self.machine.room() != Room::Open && transaction != Some(TransactionPhase::Open)
    }

    pub fn event(&mut self, around: &mut Surroundings<'_>, event: Event<(usize, i64)>) {
        match &event {
            Event::CommitRefused(offsets) => {
                self.reached
                    .retain(|of, _| offsets.iter().all(|(id, _)| index(id) != *of));
            }
            // Nobody asks what is left of them.
            Event::Lost(ids) => self
                .reached
                .retain(|of, _| ids.iter().all(|id| index(id) != *of)),
            _ => {}
        }
        around.tally.count(&self.machine, &event);
        self.machine.handle(around.now, event);
        self.carry_out(around);
    }

    fn answer(&mut self, around: &mut Surroundings<'_>, event: Event<(usize, i64)>) {
        around.tally.count(&self.machine, &event);
        self.machine.handle(around.now, event);
    }

    fn carry_out(&mut self, around: &mut Surroundings<'_>) {
        while let Some(action) = self.machine.next_action() {
            let answers_group = matches!(
                action,
                Action::Assign(_) | Action::Pause(_) | Action::Unassign(_)
            );
            assert!(
                self.exit.is_none() || answers_group,
                "{action:?} after the exit"
            );
            match action {
                Action::Assign(starts) => {
                    self.generation += 1;
                    for (id, offset) in &starts {
                        self.starts_at(index(id), *offset);
                    }
                }
                Action::Unassign(ids) => {
                    self.generation += 1;
                    self.assert_drained(around);
                    for id in &ids {
                        let owned = self.assigned.remove(&index(id)).is_some();
                        assert!(owned, "{id:?} is given back and not owned");
                        self.halted.remove(&index(id));
                    }
                    self.revoking.clear();
                }
                Action::Restart { partition, offset } => {
                    self.starts_at(index(&partition), offset);
                }
                Action::Pause(ids) => self.paused.extend(ids.iter().map(index)),
                Action::Resume(ids) => {
                    for id in &ids {
                        self.paused.remove(&index(id));
                    }
                }
                Action::Produce { token, index } => self.produce(around, token, index),
                Action::Rewind { partition, offset } => self.rewind(around, partition, offset),
                Action::Commit(offsets) => {
                    assert!(!around.transactions);
                    for (id, offset) in &offsets {
                        let owned = self.assigned.contains_key(&index(id));
                        assert!(owned, "{id:?} is committed and not owned");
                        around.logs[index(id)].assert_out(*offset, &[]);
                    }
                    self.commits.push_back(offsets);
                }
                Action::CommitTransaction(offsets) => self.commit_transaction(around, offsets),
                Action::AbortTransaction => {
                    assert!(self.request.is_none(), "aborted while it is decided");
                    self.request = Some(Request::Abort);
                    self.reached.clear();
                }
                Action::Settled((partition, offset)) => {
                    if around.transactions {
                        around.logs[partition].count_once(offset);
                    }
                }
                Action::Exit(exit) => self.exit = Some(exit),
            }
        }
        let pending = self.machine.pending_messages();
        assert!(pending <= MAX_PENDING, "memory is not bounded");
    }

    /// What is handed over in time is committed to its end.
    fn assert_drained(&self, around: &Surroundings<'_>) {
        let grace = settings(false).drain_timeout / 5;
        let deadline = self.revoked_at + settings(false).drain_timeout;
        if self.machine.phase() != Phase::Running || around.now + grace >= deadline {
            return;
        }
        for of in &self.revoking {
            let committed = around.logs[*of].committed;
            let reached = self.reached.get(of).copied().unwrap_or(committed);
            assert!(
                reached <= committed,
                "{of} is handed over at {committed}, and was read to {reached}"
            );
        }
    }

    fn starts_at(&mut self, partition: usize, offset: i64) {
        self.enqueued.retain(|(of, ..)| *of != partition);
        self.halted.remove(&partition);
        self.reached.remove(&partition);
        self.assigned.insert(partition, offset);
    }

    fn produce(&mut self, around: &mut Surroundings<'_>, token: Token, at: u32) {
        if self.queue.len() >= QUEUE {
            return self.answer(around, Event::QueueFull);
        }
        let fails = if self.is_rare() { 40 } else { 1 };
        let ending = self.machine.phase() != Phase::Running;
        if around.faults && around.random.chance(if ending { 40 } else { fails }) {
            self.fails(self.hand[at as usize].partition);
            return self.answer(around, Event::Refused);
        }
        let output = self.hand[at as usize];
        let is_new = self.enqueued.insert((output.partition, output.offset, at));
        assert!(is_new, "{output:?} is produced twice without a rewind");
        self.queue.push((token, output));
        self.answer(around, Event::Enqueued);
    }

    /// It is read again, or left to the next owner.
    pub fn fails(&mut self, partition: usize) {
        self.reached.remove(&partition);
    }

    fn rewind(&mut self, around: &mut Surroundings<'_>, id: TopicPartition, offset: i64) {
        if !self.assigned.contains_key(&index(&id)) {
            return;
        }
        let revoked = self.revoking.contains(&index(&id));
        assert!(!revoked, "a revoked partition is rewound");
        let fails = if self.is_rare() { 50 } else { 20 };
        let halted = self.halted.contains(&index(&id));
        if halted || around.faults && around.random.chance(fails) {
            return self.answer(around, Event::RewindFailed(id));
        }
        self.assigned.insert(index(&id), offset);
        self.enqueued.retain(|(of, ..)| *of != index(&id));
        self.answer(around, Event::Rewound(id, offset));
    }

    fn commit_transaction(&mut self, around: &mut Surroundings<'_>, offsets: Offsets) {
        assert!(self.request.is_none(), "two requests at a time");
        assert!(self.queue.is_empty(), "committed before it is acknowledged");
        for (id, offset) in &offsets {
            let owned = self.assigned.contains_key(&index(id));
            assert!(owned, "{id:?} is committed and not owned");
            around.logs[index(id)].assert_out(*offset, &self.written);
        }
        self.request = Some(Request::Commit {
            offsets,
            generation: self.generation,
            sent: false,
        });
    }

    pub fn poll(&mut self, around: &mut Surroundings<'_>) {
        let unasked = around.faults && around.random.chance(2);
        if !self.machine.wants_message() && !self.machine.serves_group() && !unasked {
            return;
        }
        let ready: Vec<usize> = self
            .assigned
            .iter()
            .filter(|(index, position)| {
                (!self.paused.contains(index) || unasked)
                    && !self.halted.contains(index)
                    && **position < around.logs[**index].end()
            })
            .map(|(index, _)| *index)
            .collect();
        if ready.is_empty() {
            return;
        }
        let partition = ready[around.random.below(ready.len())];
        let log = &around.logs[partition];
        let mut at = log.at(self.assigned[&partition]);
        if around.faults && around.random.chance(1) {
            // The client hands out again what it handed out before.
            let again = at.saturating_sub(1 + around.random.below(4));
            let offset = log.messages[again].0;
            if self.machine.wants_message() && self.may_see_again(partition, offset) {
                at = again;
                if !around.transactions {
                    self.enqueued
                        .retain(|(of, known, _)| *of != partition || *known < offset);
                }
            }
        }
        let (offset, records) = log.messages[at].clone();
        let id = log.id.clone();
        self.assigned.insert(partition, offset + 1);
        let taken = self
            .machine
            .take(around.now, &id.topic, id.partition, offset);
        let Some(Taken { slot, seen, .. }) = taken else {
            return self.carry_out(around);
        };
        self.reached.insert(partition, offset + 1);
        self.hand.clear();
        for (position, record) in (0..).zip(records) {
            let print = Fingerprint {
                content: record.1,
                moment: 0,
                policies: &[],
            };
            if seen.observe(offset, record.0, print) != Occurrence::Repeat {
                self.hand.push(Output {
                    partition,
                    offset,
                    position,
                    record,
                });
            }
        }
        assert!(seen.len() <= settings(false).remembered_sign_ins);
        let diagnosed = Event::Diagnosed {
            slot,
            offset,
            outputs: u32::try_from(self.hand.len()).unwrap(),
            receipt: (partition, offset),
        };
        self.event(around, diagnosed);
    }

    /// A client hands out again only what it has handed out since the assignment, in a
    /// partition that is being consumed.
    fn may_see_again(&self, partition: usize, offset: i64) -> bool {
        let mut owned = self.machine.owned();
        owned.any(|owned| {
            index(owned.id) == partition
                && owned.resume_offset.is_some_and(|resume| resume <= offset)
        })
    }
}
