//! How partitions come and go, and how the worker ends.
use std::time::{Duration, Instant};

use super::machine::{COMMIT_SHARE, Delivery, RoomState, Stage};
use super::partition::{Partition, PartitionPhase};
use super::{Action, Exit, Position, TopicPartition};

impl<R> Delivery<R> {
    pub(super) fn assigned(&mut self, now: Instant, positions: Vec<Position>) {
        let mut starts = Vec::with_capacity(positions.len());
        for Position {
            id,
            offset,
            is_committed,
        } in positions
        {
            let index = self.partitions.iter().position(|known| known.id == id);
            let index = index.unwrap_or_else(|| {
                let remembered = self.settings.remembered_sign_ins;
                self.partitions.push(Partition::new(id.clone(), remembered));
                self.partitions.len() - 1
            });
            self.start(now, index, offset, is_committed);
            starts.push((id, offset));
        }
        let ids: Vec<_> = starts.iter().map(|(id, _)| id.clone()).collect();
        self.actions.push_back(Action::Assign(starts));
        self.pause_or_resume(ids);
    }

    /// A partition starts over only when all that was taken of it is settled, and committed
    /// where there are transactions: what is under way may still fail, and is then to be read
    /// again from before `wanted`.
    pub(super) fn restart_offset(&self, partition: &Partition<R>) -> Option<i64> {
        let undecided = matches!(self.stage, Stage::Ended)
            || partition.pending() > 0
            || partition.is_revoked()
            || self.transaction.is_some() && partition.is_touched();
        partition.resume_offset().filter(|_| !undecided)
    }

    pub(super) fn offset_lost(&mut self, now: Instant, wanted: i64, position: Position) {
        let stands = |p: &Partition<R>| {
            p.id == position.id && p.is_owned() && self.restart_offset(p) == Some(wanted)
        };
        let Some(index) = self.partitions.iter().position(stands) else {
            return;
        };
        self.start(now, index, position.offset, position.is_committed);
        self.actions.push_back(Action::Restart {
            partition: position.id.clone(),
            offset: position.offset,
        });
        self.pause_or_resume(vec![position.id]);
    }

    fn start(&mut self, now: Instant, index: usize, offset: i64, is_committed: bool) {
        self.leave_transaction(now, &[index]);
        self.drop_hand_of(index);
        self.partitions[index].start(offset, is_committed);
        if !is_committed {
            self.next_commit = now;
        }
    }

    /// The client keeps the pause of a partition that was here before.
    fn pause_or_resume(&mut self, ids: Vec<TopicPartition>) {
        let paused =
            !matches!(self.stage, Stage::Running) || matches!(self.room, RoomState::Paused { .. });
        if !ids.is_empty() {
            let then = if paused {
                Action::Pause
            } else {
                Action::Resume
            };
            self.actions.push_back(then(ids));
        }
    }

    /// What is in flight may still be acknowledged; nothing more is taken.
    pub(super) fn revoked(&mut self, now: Instant, ids: &[TopicPartition]) {
        let deadline = now + self.settings.drain_timeout;
        let mut draining = Vec::with_capacity(ids.len());
        for partition in &mut self.partitions {
            if partition.is_owned() && ids.contains(&partition.id) {
                partition.phase = PartitionPhase::Draining { deadline };
                draining.push(partition.id.clone());
            }
        }
        if matches!(self.stage, Stage::Ended) || draining.is_empty() {
            // Nothing of them can be drained, and the group waits for the answer.
            return self.release(&draining);
        }
        self.actions.push_back(Action::Pause(draining));
        self.release_revoked(now);
    }

    fn release(&mut self, ids: &[TopicPartition]) {
        for partition in &mut self.partitions {
            if ids.contains(&partition.id) {
                partition.reset(PartitionPhase::Released);
            }
        }
        self.actions.push_back(Action::Unassign(ids.to_vec()));
    }

    pub(super) fn lost(&mut self, now: Instant, ids: &[TopicPartition]) {
        let lost = |p: &Partition<R>| p.is_owned() && ids.contains(&p.id);
        let indices: Vec<usize> = (0..self.partitions.len())
            .filter(|&index| lost(&self.partitions[index]))
            .collect();
        self.leave_transaction(now, &indices);
        let mut released = Vec::with_capacity(indices.len());
        for index in indices {
            self.drop_hand_of(index);
            released.push(self.partitions[index].id.clone());
        }
        self.release(&released);
    }

    fn drop_hand_of(&mut self, index: usize) {
        if self
            .hand
            .is_some_and(|hand| usize::from(hand.token.slot().0) == index)
        {
            self.hand = None;
        }
    }

    /// Revoked partitions go: drain, commit, then all are handed back together.
    pub(super) fn release_revoked(&mut self, now: Instant) {
        if !self.partitions.iter().any(Partition::is_revoked) {
            return;
        }
        let grace = self.settings.drain_timeout / COMMIT_SHARE;
        let mut drained = false;
        for index in 0..self.partitions.len() {
            // With transactions a partition that is drained waits for the others of its worker.
            if let PartitionPhase::Draining { deadline } | PartitionPhase::Committing { deadline } =
                self.partitions[index].phase
                && now + grace >= deadline
            {
                self.leave_transaction(now, &[index]);
            }
            let PartitionPhase::Draining { deadline } = self.partitions[index].phase else {
                continue;
            };
            if now + grace >= deadline {
                self.drop_hand_of(index);
                self.partitions[index].drop_pending();
            }
            let partition = &mut self.partitions[index];
            if partition.pending() == 0 {
                partition.phase = PartitionPhase::Committing { deadline };
                // The commit under way may carry an older offset; the last one goes out now.
                partition.abandon_commit();
                drained = true;
            }
        }
        let by_itself = self.transaction.is_none();
        if by_itself && (drained || now >= self.retry_commit) {
            self.commit(now, |p| {
                matches!(p.phase, PartitionPhase::Committing { .. }) && p.awaits_commit()
            });
        }
        let released = self
            .partitions
            .iter()
            .all(|partition| match partition.phase {
                PartitionPhase::Draining { .. } => false,
                PartitionPhase::Committing { deadline } => {
                    let awaits = if by_itself {
                        partition.awaits_commit()
                    } else {
                        partition.is_touched() || !partition.is_kept() && now + grace < deadline
                    };
                    !awaits || now >= deadline
                }
                _ => true,
            });
        if released {
            let revoked = self.partitions.iter().filter(|p| p.is_revoked());
            let ids: Vec<_> = revoked.map(|p| p.id.clone()).collect();
            self.release(&ids);
        }
    }

    pub(super) fn stop(&mut self, now: Instant, within: Duration, exit: Exit) {
        match &mut self.stage {
            Stage::Running => {
                let deadline = now + within;
                self.stage = Stage::Stopping {
                    acknowledged_by: now + within / COMMIT_SHARE * (COMMIT_SHARE - 1),
                    deadline,
                    exit,
                };
                self.pause();
                self.end(now);
            }
            // A fatal error while stopping makes the exit a failed one, and is waited with no longer
            // than one before: a client that cannot go on confirms nothing any more.
            Stage::Stopping {
                acknowledged_by,
                deadline,
                exit: already,
            } if exit == Exit::Fatal => {
                *already = exit;
                let acknowledged = now + within / COMMIT_SHARE * (COMMIT_SHARE - 1);
                *acknowledged_by = acknowledged.min(*acknowledged_by);
                *deadline = (now + within).min(*deadline);
            }
            Stage::Committing {
                deadline,
                exit: already,
            } if exit == Exit::Fatal => {
                *already = exit;
                *deadline = (now + within).min(*deadline);
            }
            Stage::Stopping { .. } | Stage::Committing { .. } | Stage::Ended => {}
        }
    }

    /// A stopping worker commits once all is acknowledged, and exits once that is confirmed.
    pub(super) fn end(&mut self, now: Instant) {
        if let Stage::Stopping {
            acknowledged_by,
            deadline,
            exit,
        } = self.stage
        {
            if self.transaction.is_some() {
                if self.has_ended_transaction(now, acknowledged_by) || now >= deadline {
                    let kept = self.partitions.iter().all(Partition::is_kept);
                    self.exit(exit, !kept);
                }
                return;
            }
            let outputs: u64 = self.partitions.iter().map(Partition::outstanding).sum();
            if outputs > 0 && now < acknowledged_by {
                return;
            }
            self.abandoned += outputs;
            self.hand = None;
            for partition in &mut self.partitions {
                partition.drop_pending();
                partition.abandon_commit();
            }
            self.stage = Stage::Committing { deadline, exit };
            self.commit(now, |_| true);
        }
        if let Stage::Committing { deadline, exit } = self.stage {
            let mut owned = self.partitions.iter().filter(|p| p.is_owned());
            if now < deadline && owned.any(Partition::awaits_commit) {
                if now >= self.retry_commit {
                    self.commit(now, Partition::awaits_commit);
                }
                return;
            }
            let uncommitted = self
                .partitions
                .iter()
                .any(|p| p.is_owned() && !p.is_committed());
            self.exit(exit, uncommitted);
        }
    }

    fn exit(&mut self, exit: Exit, uncommitted: bool) {
        let revoked = self.partitions.iter().filter(|p| p.is_revoked());
        let revoked: Vec<_> = revoked.map(|p| p.id.clone()).collect();
        if !revoked.is_empty() {
            // Without it the client cannot leave the group.
            self.release(&revoked);
        }
        let outputs = self.abandoned;
        let exit = match exit {
            Exit::Clean if uncommitted || outputs > 0 => Exit::Unfinished { outputs },
            exit => exit,
        };
        self.stage = Stage::Ended;
        self.actions.push_back(Action::Exit(exit));
    }
}
