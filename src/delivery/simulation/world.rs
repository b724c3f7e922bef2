//! The model of everything around the workers: the broker, the group, and what befalls them.
use std::time::{Duration, Instant};

use super::log::{Log, Random};
use super::tally::Tally;
use super::worker::{Request, Surroundings, Worker, index, settings};
use crate::delivery::*;

const PARTITIONS: usize = 4;
const WORKERS: usize = 2;
const MESSAGES: usize = 300;

pub(super) struct World {
    random: Random,
    now: Instant,
    transactions: bool,
    logs: Vec<Log>,
    workers: Vec<Worker>,
    pub tally: Tally,
    faults: bool,
    /// The output answers nothing until then.
    output_gone_until: Instant,
}

/// Calls `$method` of worker `$at` with what it acts on.
macro_rules! worker {
    ($world:ident, $at:expr, $method:ident $(, $argument:expr)*) => {
        $world.workers[$at].$method(
            &mut Surroundings {
                random: &mut $world.random,
                now: $world.now,
                logs: &mut $world.logs,
                faults: $world.faults,
                transactions: $world.transactions,
                tally: &mut $world.tally,
            }
            $(, $argument)*
        )
    };
}

impl World {
    pub fn new(seed: u64, transactions: bool) -> World {
        let mut random = Random(seed);
        let now = Instant::now();
        World {
            logs: (0..PARTITIONS)
                .map(|partition| Log::new(&mut random, partition, MESSAGES))
                .collect(),
            random,
            now,
            transactions,
            workers: (0..WORKERS)
                .map(|_| Worker::new(transactions, now))
                .collect(),
            tally: Tally::default(),
            faults: true,
            output_gone_until: now,
        }
    }

    fn event(&mut self, at: usize, event: Event<(usize, i64)>) {
        worker!(self, at, event, event);
    }

    pub fn step(&mut self) {
        self.now += Duration::from_millis(self.random.next() % 20);
        let at = self.random.below(WORKERS);
        if self.workers[at].exit.is_some() {
            // The process is there until its other workers have ended.
            match self.random.below(4) {
                0 => return self.assign(at),
                1 => return self.take_away(at),
                _ => return self.restart(at),
            }
        }
        let machine = &self.workers[at].machine;
        let disturbed = match (machine.phase(), machine.room(), machine.transaction_phase()) {
            (Phase::Running, _, Some(TransactionPhase::Committing)) => 20,
            (Phase::Running, ..) => 5,
            _ => 10,
        };
        if self.faults && self.workers[at].is_rare() && self.random.chance(disturbed) {
            return self.disturb(at);
        }
        match self.random.below(200) {
            0..70 => worker!(self, at, poll),
            70..140 => self.report(at),
            140..150 => self.answer_commit(at),
            150..160 => self.answer_request(at),
            160..190 => self.event(at, Event::Tick),
            190..193 => self.assign(at),
            193 => self.find_again(at),
            194 => self.now += Duration::from_millis(self.random.next() % 4_000),
            195 if self.faults && self.random.chance(45) => {
                self.output_gone_until = self.now + Duration::from_secs(12);
            }
            195 if self.faults => self.lose_offset(at),
            196 if self.faults => self.take_away(at),
            197 if self.faults && self.random.chance(10) => self.crash(at),
            198 if self.faults && self.random.chance(20) => self.end(at),
            199 if self.faults && self.random.chance(10) => self.befall(at),
            _ => {}
        }
        let worker = &self.workers[at];
        if let (Some(since), None) = (worker.stopped, worker.exit) {
            let deadline = since + settings(false).drain_timeout + Duration::from_secs(6);
            if self.now > deadline {
                self.event(at, Event::Tick);
                assert!(self.workers[at].exit.is_some(), "the stop does not end");
            }
        }
        let worker = &self.workers[at];
        let deadline = worker.revoked_at + settings(false).drain_timeout + Duration::from_secs(6);
        if !worker.revoking.is_empty() && self.now > deadline {
            self.event(at, Event::Tick);
            let answered = self.workers[at].revoking.is_empty();
            assert!(answered, "the group waits for its partitions");
        }
    }

    /// An output arrives at the broker, or fails.
    fn report(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        if worker.queue.is_empty() || self.now < self.output_gone_until {
            return;
        }
        let (token, output) = worker
            .queue
            .swap_remove(self.random.below(worker.queue.len()));
        let fails = if self.workers[at].is_rare() { 20 } else { 2 };
        if self.faults && self.random.chance(fails) {
            self.workers[at].fails(output.partition);
            return self.event(at, Event::Failed(token));
        }
        if self.transactions {
            self.workers[at].written.push(output);
        } else {
            self.logs[output.partition].write(output.record);
        }
        self.event(at, Event::Acknowledged(token));
    }

    fn answer_commit(&mut self, at: usize) {
        let Some(offsets) = self.workers[at].commits.pop_front() else {
            return;
        };
        let fails = if self.workers[at].is_rare() { 80 } else { 15 };
        if self.faults && self.random.chance(fails) {
            let refused = self.random.chance(40);
            return self.event(
                at,
                if refused {
                    Event::CommitRefused(offsets)
                } else {
                    Event::CommitFailed(offsets)
                },
            );
        }
        for (id, offset) in &offsets {
            // The broker refuses what a former member commits.
            if self.workers[at].assigned.contains_key(&index(id)) {
                self.logs[index(id)].commit(*offset);
            }
        }
        self.event(at, Event::Committed(offsets));
    }

    fn answer_request(&mut self, at: usize) {
        if self.now < self.output_gone_until {
            return;
        }
        match self.workers[at].request.take() {
            None => {}
            Some(Request::Begin) => self.event(at, Event::TransactionReady),
            Some(Request::Commit {
                offsets,
                generation,
                sent,
            }) => {
                let stopping = self.workers[at].machine.phase() != Phase::Running;
                let fails = self.faults && self.random.chance(if stopping { 40 } else { 5 });
                if fails || !sent && generation != self.workers[at].generation {
                    self.event(at, Event::TransactionFailed);
                } else if sent {
                    self.decide(at, &offsets);
                    self.event(at, Event::TransactionCommitted);
                } else {
                    self.workers[at].request = Some(Request::Commit {
                        offsets,
                        generation,
                        sent: true,
                    });
                }
            }
            Some(Request::Abort) => {
                self.workers[at].written.clear();
                for (token, _) in std::mem::take(&mut self.workers[at].queue) {
                    self.event(at, Event::Failed(token));
                }
                self.event(at, Event::TransactionAborted);
            }
        }
    }

    /// The broker commits a transaction as a whole. It does not know who owns what: only the
    /// generation tells it.
    fn decide(&mut self, at: usize, offsets: &[(TopicPartition, i64)]) {
        let worker = &mut self.workers[at];
        for output in std::mem::take(&mut worker.written) {
            self.logs[output.partition].write_once(output);
        }
        for (id, offset) in offsets {
            self.logs[index(id)].commit(*offset);
        }
    }

    fn is_free(&self, partition: usize) -> bool {
        self.workers.iter().all(|worker| {
            // Committed offsets are told when no transaction can change them any more.
            let undecided = matches!(&worker.request, Some(Request::Commit { offsets, sent: true, .. })
                if offsets.iter().any(|(id, _)| index(id) == partition));
            !undecided && !worker.assigned.contains_key(&partition)
        })
    }

    fn assign(&mut self, at: usize) {
        if !self.workers[at].revoking.is_empty() {
            return;
        }
        let free: Vec<usize> = (0..PARTITIONS)
            .filter(|partition| self.is_free(*partition))
            .collect();
        let some = free
            .into_iter()
            .filter(|_| self.random.chance(60))
            .collect::<Vec<_>>();
        let positions = some.iter().map(|&free| self.logs[free].position());
        let positions: Vec<Position> = positions.collect();
        if !positions.is_empty() {
            self.event(at, Event::Assigned(positions));
        }
    }

    fn take_away(&mut self, at: usize) {
        if !self.workers[at].revoking.is_empty() {
            return;
        }
        let owned: Vec<usize> = self.workers[at].assigned.keys().copied().collect();
        let some: Vec<usize> = owned
            .into_iter()
            .filter(|_| self.random.chance(50))
            .collect();
        if some.is_empty() {
            return;
        }
        let ids = some.iter().map(|&index| self.logs[index].id.clone());
        let ids = ids.collect();
        if self.random.chance(30) {
            self.event(at, Event::Lost(ids));
        } else {
            self.workers[at].revoking = some;
            self.workers[at].revoked_at = self.now;
            self.event(at, Event::Revoked(ids));
            let worker = &self.workers[at];
            let answered = worker.exit.is_none() || worker.revoking.is_empty();
            assert!(answered, "an ended worker keeps its partitions");
        }
    }

    /// Something that seldom happens, by the mode.
    fn befall(&mut self, at: usize) {
        match self.random.below(2) {
            // The broker restarts: what it was asked for is done or not, and not answered.
            0 => {
                for offsets in std::mem::take(&mut self.workers[at].commits) {
                    let owns = |(id, _): &(TopicPartition, i64)| {
                        self.workers[at].assigned.contains_key(&index(id))
                    };
                    if self.random.chance(50) && offsets.iter().all(owns) {
                        for (id, offset) in &offsets {
                            self.logs[index(id)].commit(*offset);
                        }
                    }
                    self.event(at, Event::CommitFailed(offsets));
                }
            }
            _ => self.crash(at),
        }
    }

    /// Phases that pass quickly would meet few events by chance.
    fn disturb(&mut self, at: usize) {
        match self.random.below(5) {
            0 => self.assign(at),
            1 | 2 => self.take_away(at),
            3 => self.lose_offset(at),
            _ => self.end(at),
        }
    }

    fn lose_offset(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        let mut kept = worker.assigned.iter();
        let kept = kept.find(|(index, _)| !worker.revoking.contains(index));
        if let Some((&index, &wanted)) = kept {
            worker.halted.insert(index);
            if self.random.chance(30) {
                self.logs[index].delete_unread(wanted, self.random.below(3));
            }
            self.offset_lost(at, index, wanted);
        }
    }

    /// Asks the machine from where the client can go on in a partition that it has given up.
    fn find_again(&mut self, at: usize) {
        let worker = &self.workers[at];
        let found = worker.machine.owned().find_map(|owned| {
            let halted = worker.halted.contains(&index(owned.id));
            Some((index(owned.id), owned.restart_offset.filter(|_| halted)?))
        });
        if let Some((index, wanted)) = found {
            self.offset_lost(at, index, wanted);
        }
    }

    fn offset_lost(&mut self, at: usize, index: usize, wanted: i64) {
        let log = &self.logs[index];
        let next = log.messages.get(log.at(wanted));
        let position = Position {
            id: log.id.clone(),
            offset: next.map_or(wanted, |(offset, _)| *offset),
            is_committed: false,
        };
        self.event(at, Event::OffsetLost { wanted, position });
    }

    fn end(&mut self, at: usize) {
        self.workers[at].stopped.get_or_insert(self.now);
        let fatal = self.random.chance(30);
        self.event(at, if fatal { Event::Fatal } else { Event::Stop });
    }

    /// The process is killed, or its producer fenced; the next one starts where the broker's
    /// offsets say. What the old one had asked for is done or not.
    fn crash(&mut self, at: usize) {
        // What was only about to be asked is not.
        let asked = self.workers[at].request.take();
        if let Some(Request::Commit {
            offsets,
            sent: true,
            ..
        }) = asked
            && self.random.chance(50)
        {
            self.decide(at, &offsets);
        }
        let fresh = Worker::new(self.transactions, self.now);
        let old = std::mem::replace(&mut self.workers[at], fresh);
        for (_, output) in old.queue {
            if !self.transactions && self.random.chance(50) {
                self.logs[output.partition].write(output.record);
            }
        }
    }

    fn restart(&mut self, at: usize) {
        let worker = &self.workers[at];
        if worker.exit == Some(Exit::Clean) {
            for owned in worker.machine.owned() {
                let committed = self.logs[index(owned.id)].committed;
                let resume = owned.resume_offset;
                assert!(
                    resume.is_none_or(|offset| offset <= committed),
                    "clean, and {resume:?} is not committed, but {committed}"
                );
            }
        }
        self.crash(at);
    }

    /// Without faults everything arrives and everything is committed.
    pub fn come_to_rest(&mut self) {
        self.faults = false;
        for _ in 0..100_000 {
            self.step();
            if self.logs.iter().all(|log| log.committed == log.end()) {
                return;
            }
        }
        let phase = |worker: &Worker| {
            let machine = &worker.machine;
            (machine.phase(), machine.room(), machine.transaction_phase())
        };
        let phases: Vec<_> = self.workers.iter().map(phase).collect();
        panic!("work is left: {phases:?}");
    }
}
