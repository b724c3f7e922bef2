//! The model: clients, broker, and the other members of the group.
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::delivery::*;

const PARTITIONS: usize = 3;
const QUEUE: usize = 12;
const MAX_PENDING: usize = 20;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // splitmix64 (Steele, Lea, Flood 2014)
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A message of the log: its offset and the (id, content) of each record.
type Logged = (i64, Vec<(u128, u64)>);

struct Log {
    id: TopicPartition,
    messages: Vec<Logged>,
    /// The group's committed offset, as the broker has it.
    committed: i64,
    /// Contents of records that reached the output topic.
    delivered: HashSet<(u128, u64)>,
}

impl Log {
    fn at(&self, offset: i64) -> usize {
        self.messages.partition_point(|(known, _)| *known < offset)
    }

    fn end(&self) -> i64 {
        self.messages.last().map_or(0, |(offset, _)| offset + 1)
    }
}

struct Queued {
    token: Token,
    partition: usize,
    record: (u128, u64),
}

pub(super) struct World {
    random: Random,
    now: Instant,
    logs: Vec<Log>,
    /// The client's position in each assigned partition.
    assigned: BTreeMap<usize, i64>,
    /// As librdkafka, the client keeps a pause when the partition goes and comes back.
    paused: HashSet<usize>,
    queue: Vec<Queued>,
    commits: Vec<Vec<(TopicPartition, i64)>>,
    /// The outputs of the message in hand.
    hand: (usize, Vec<(u128, u64)>),
    pub(super) machine: Delivery<(usize, i64)>,
    /// Outputs enqueued since the last rewind or assignment of their partition.
    enqueued: HashSet<(usize, i64, u32)>,
    hand_offset: i64,
    revoking: Vec<usize>,
    faults: bool,
    /// The output answers nothing until then.
    output_gone_until: Instant,
    stopped: Option<Instant>,
    exit: Option<Exit>,
}

fn settings() -> Settings {
    Settings {
        commit_interval: Duration::from_secs(1),
        drain_timeout: Duration::from_secs(10),
        remembered_sign_ins: 30,
        max_pending_messages: MAX_PENDING,
        full_before_pause: Duration::from_secs(5),
        retry_min: Duration::from_millis(100),
        retry_max: Duration::from_secs(2),
    }
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let now = Instant::now();
        let logs = (0..PARTITIONS)
            .map(|partition| {
                let mut offset = 0;
                let mut ids = 0_usize;
                let messages = (0..500)
                    .map(|_| {
                        offset += 1 + i64::try_from(random.below(3)).unwrap();
                        let records = (0..random.below(5))
                            .map(|_| {
                                // Some records repeat or update one of the ids before them.
                                let back = if random.chance(25) {
                                    random.below(20)
                                } else {
                                    0
                                };
                                if back == 0 {
                                    ids += 1;
                                }
                                let id = ids.saturating_sub(back) as u128;
                                let content = u64::from(random.chance(20));
                                (id << 8 | partition as u128, content)
                            })
                            .collect();
                        (offset, records)
                    })
                    .collect();
                Log {
                    id: TopicPartition {
                        topic: Arc::from("sign-ins"),
                        partition: i32::try_from(partition).unwrap(),
                    },
                    messages,
                    committed: 0,
                    delivered: HashSet::new(),
                }
            })
            .collect();
        World {
            random,
            now,
            logs,
            assigned: BTreeMap::new(),
            paused: HashSet::new(),
            queue: Vec::new(),
            commits: Vec::new(),
            hand: (0, Vec::new()),
            machine: Delivery::new(settings(), now),
            enqueued: HashSet::new(),
            hand_offset: 0,
            revoking: Vec::new(),
            faults: true,
            output_gone_until: now,
            stopped: None,
            exit: None,
        }
    }

    fn index(id: &TopicPartition) -> usize {
        usize::try_from(id.partition).unwrap()
    }

    fn ids(&self, of: &[usize]) -> Vec<TopicPartition> {
        of.iter()
            .map(|&index| self.logs[index].id.clone())
            .collect()
    }

    fn positions(&self, of: &[usize]) -> Vec<Position> {
        let position = |&index: &usize| Position {
            id: self.logs[index].id.clone(),
            offset: self.logs[index].committed,
            is_committed: self.logs[index].committed > 0,
        };
        of.iter().map(position).collect()
    }

    fn event(&mut self, event: Event<(usize, i64)>) {
        self.machine.handle(self.now, event);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.machine.next_action() {
            assert!(self.exit.is_none(), "{action:?} after the exit");
            match action {
                Action::Assign(partitions) => {
                    for (id, offset) in &partitions {
                        let index = World::index(id);
                        self.forget_enqueued(index, i64::MIN);
                        self.assigned.insert(index, *offset);
                    }
                }
                Action::Unassign(partitions) => {
                    for id in &partitions {
                        self.assigned.remove(&World::index(id));
                    }
                    self.revoking.clear();
                }
                Action::Restart { partition, .. } => panic!("{partition:?} was not lost"),
                Action::Pause(partitions) => self.pause(&partitions, true),
                Action::Resume(partitions) => self.pause(&partitions, false),
                Action::Produce { token, index } => self.produce(token, index),
                Action::Rewind { partition, offset } => self.rewind(&partition, offset),
                Action::Commit(offsets) => self.commit(offsets),
                Action::Settled(_) => {}
                Action::Exit(exit) => self.exit = Some(exit),
            }
        }
        assert!(
            self.machine.pending_messages() <= MAX_PENDING,
            "memory is not bounded"
        );
    }

    fn forget_enqueued(&mut self, partition: usize, from: i64) {
        self.enqueued
            .retain(|(index, offset, _)| *index != partition || *offset < from);
    }

    fn pause(&mut self, partitions: &[TopicPartition], paused: bool) {
        for index in partitions.iter().map(World::index) {
            if paused {
                self.paused.insert(index);
            } else {
                self.paused.remove(&index);
            }
        }
    }

    fn produce(&mut self, token: Token, index: u32) {
        if self.queue.len() >= QUEUE {
            return self.machine.handle(self.now, Event::QueueFull);
        }
        if self.faults && self.random.chance(1) {
            return self.machine.handle(self.now, Event::Refused);
        }
        let (partition, records) = &self.hand;
        let output = (*partition, self.hand_offset, index);
        assert!(
            self.enqueued.insert(output),
            "{output:?} produced twice without a rewind"
        );
        self.queue.push(Queued {
            token,
            partition: *partition,
            record: records[index as usize],
        });
        self.machine.handle(self.now, Event::Enqueued);
    }

    fn rewind(&mut self, id: &TopicPartition, offset: i64) {
        let index = World::index(id);
        if !self.assigned.contains_key(&index) {
            return;
        }
        assert!(
            !self.revoking.contains(&index),
            "a revoked partition is rewound"
        );
        if self.faults && self.random.chance(20) {
            return self
                .machine
                .handle(self.now, Event::RewindFailed(id.clone()));
        }
        self.assigned.insert(index, offset);
        self.forget_enqueued(index, i64::MIN);
        self.machine
            .handle(self.now, Event::Rewound(id.clone(), offset));
    }

    /// The heart of it: nothing is committed that has not reached the output topic.
    fn commit(&mut self, offsets: Vec<(TopicPartition, i64)>) {
        for (id, offset) in &offsets {
            let index = World::index(id);
            assert!(
                self.assigned.contains_key(&index),
                "{id:?} is committed and not owned"
            );
            let log = &self.logs[index];
            for (at, records) in log.messages.iter().take_while(|(at, _)| at < offset) {
                for record in records {
                    assert!(
                        log.delivered.contains(record),
                        "{offset} is committed on {index}, and {record:?} of {at} is not out"
                    );
                }
            }
        }
        self.commits.push(offsets);
    }

    fn poll(&mut self) {
        let unasked = self.faults && self.random.chance(2);
        if !self.machine.wants_message() && !self.machine.serves_group() && !unasked {
            return;
        }
        let ready: Vec<usize> = self
            .assigned
            .iter()
            .filter(|(index, position)| {
                (!self.paused.contains(index) || unasked) && **position < self.logs[**index].end()
            })
            .map(|(index, _)| *index)
            .collect();
        if ready.is_empty() {
            return;
        }
        let index = ready[self.random.below(ready.len())];
        let mut at = self.logs[index].at(self.assigned[&index]);
        if self.faults && self.random.chance(1) {
            // The client hands out again what it handed out before.
            at = at.saturating_sub(1 + self.random.below(4));
            let again = self.logs[index].messages[at].0;
            if self.machine.wants_message() && self.may_see_again(index, again) {
                self.forget_enqueued(index, again);
            } else {
                at = self.logs[index].at(self.assigned[&index]);
            }
        }
        let (offset, records) = self.logs[index].messages[at].clone();
        self.assigned.insert(index, offset + 1);
        let id = self.logs[index].id.clone();
        let Some(Taken { slot, seen, .. }) =
            self.machine.take(self.now, &id.topic, id.partition, offset)
        else {
            return self.carry_out();
        };
        let mut outputs = Vec::new();
        for (record, content) in records {
            let print = Fingerprint {
                content,
                moment: 0,
                policies: &[],
            };
            if seen.observe(offset, record, print) != Occurrence::Repeat {
                outputs.push((record, content));
            }
        }
        assert!(seen.len() <= settings().remembered_sign_ins);
        let count = u32::try_from(outputs.len()).unwrap();
        self.hand = (index, outputs);
        self.hand_offset = offset;
        self.event(Event::Diagnosed {
            slot,
            offset,
            outputs: count,
            receipt: (index, offset),
        });
    }

    /// A client hands out again only what it has handed out since the assignment, in a
    /// partition that is being consumed.
    fn may_see_again(&self, index: usize, offset: i64) -> bool {
        let mut owned = self.machine.owned();
        owned.any(|owned| {
            World::index(owned.id) == index
                && owned.resume_offset.is_some_and(|resume| resume <= offset)
        })
    }

    fn report(&mut self) {
        if self.queue.is_empty() || self.now < self.output_gone_until {
            return;
        }
        let at = self.random.below(self.queue.len());
        let queued = self.queue.swap_remove(at);
        if self.faults && self.random.chance(3) {
            return self.event(Event::Failed(queued.token));
        }
        self.logs[queued.partition].delivered.insert(queued.record);
        self.event(Event::Acknowledged(queued.token));
    }

    fn answer_commit(&mut self) {
        if self.commits.is_empty() {
            return;
        }
        let offsets = self.commits.remove(0);
        if self.faults && self.random.chance(15) {
            let refused = self.random.chance(20);
            return self.event(if refused {
                Event::CommitRefused(offsets)
            } else {
                Event::CommitFailed(offsets)
            });
        }
        for (id, offset) in &offsets {
            let index = World::index(id);
            // The broker refuses what a former member commits.
            if self.assigned.contains_key(&index) {
                self.logs[index].committed = *offset;
            }
        }
        self.event(Event::Committed(offsets));
    }

    fn rebalance(&mut self) {
        if !self.revoking.is_empty() {
            return;
        }
        let mut owned: Vec<usize> = self.assigned.keys().copied().collect();
        if owned.len() < PARTITIONS && self.random.chance(60) {
            let free: Vec<usize> = (0..PARTITIONS).filter(|p| !owned.contains(p)).collect();
            for &index in &free {
                self.other_member(index);
            }
            return self.event(Event::Assigned(self.positions(&free)));
        }
        owned.retain(|_| self.random.chance(50));
        if owned.is_empty() {
            return;
        }
        let ids = self.ids(&owned);
        if self.random.chance(30) {
            self.event(Event::Lost(ids));
        } else {
            self.revoking = owned;
            self.event(Event::Revoked(ids));
        }
    }

    /// While a partition was away its other owner may have got on.
    fn other_member(&mut self, index: usize) {
        if self.faults && self.random.chance(30) {
            let log = &mut self.logs[index];
            let at = log.at(log.committed);
            let until = (at + self.random.below(10)).min(log.messages.len());
            for (offset, records) in &log.messages[at..until] {
                log.delivered.extend(records);
                log.committed = offset + 1;
            }
        }
    }

    fn crash(&mut self) {
        self.assigned.clear();
        self.paused.clear();
        self.revoking.clear();
        self.commits.clear();
        // What was on its way may arrive or not.
        for queued in std::mem::take(&mut self.queue) {
            if self.random.chance(50) {
                self.logs[queued.partition].delivered.insert(queued.record);
            }
        }
        self.enqueued.clear();
        self.machine = Delivery::new(settings(), self.now);
        self.stopped = None;
        self.exit = None;
    }

    pub(super) fn step(&mut self) {
        if self.exit.is_some() {
            return self.restart();
        }
        self.now += Duration::from_millis(self.random.next() % 40);
        match self.random.below(100) {
            0..35 => self.poll(),
            35..70 => self.report(),
            70..78 => self.answer_commit(),
            78..97 => self.event(Event::Tick),
            97 => self.now += Duration::from_millis(self.random.next() % 4_000),
            98 if self.faults && self.random.chance(20) => {
                self.output_gone_until = self.now + Duration::from_secs(12);
            }
            98 if self.faults => self.rebalance(),
            99 if self.faults && self.random.chance(10) => self.crash(),
            99 if self.faults && self.stopped.is_none() && self.random.chance(10) => {
                self.stopped = Some(self.now);
                let fatal = self.random.chance(30);
                self.event(if fatal { Event::Fatal } else { Event::Stop });
            }
            _ => {}
        }
        if let (Some(since), None) = (self.stopped, self.exit) {
            let late = self.now > since + settings().drain_timeout + Duration::from_secs(6);
            if late {
                self.event(Event::Tick);
                assert!(self.exit.is_some(), "the stop does not end");
            }
        }
    }

    /// The process ends; the next one starts where the broker's offsets say.
    fn restart(&mut self) {
        if self.exit == Some(Exit::Clean) {
            for owned in self.machine.owned() {
                let committed = self.logs[World::index(owned.id)].committed;
                assert!(
                    owned.resume_offset.is_none_or(|p| p == committed),
                    "clean, and not committed"
                );
            }
        }
        self.crash();
    }

    /// Without faults everything arrives and everything is committed.
    pub(super) fn come_to_rest(&mut self) {
        self.faults = false;
        for _ in 0..40_000 {
            self.step();
            let free: Vec<usize> = (0..PARTITIONS)
                .filter(|index| !self.assigned.contains_key(index))
                .collect();
            let joined = self.revoking.is_empty() && self.machine.phase() == Phase::Running;
            if joined && !free.is_empty() {
                self.event(Event::Assigned(self.positions(&free)));
            }
            if self.logs.iter().all(|log| log.committed == log.end()) {
                return;
            }
        }
        panic!(
            "work is left: {:?} {:?}",
            self.machine.phase(),
            self.machine.room()
        );
    }
}
