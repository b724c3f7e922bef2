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

    /// What was taken before the loss is given up with it: its outputs may arrive, uncounted.
    pub(super) fn offset_lost(&mut self, now: Instant, position: Position) {
        let consuming = |p: &Partition<R>| p.id == position.id && p.is_owned() && !p.is_revoked();
        let Some(index) = self.partitions.iter().position(consuming) else {
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
    pub(super) fn revoked(&mut self, now: Instant, ids: Vec<TopicPartition>) {
        let deadline = now + self.settings.drain_timeout;
        for partition in &mut self.partitions {
            if partition.is_owned() && ids.contains(&partition.id) {
                partition.phase = PartitionPhase::Draining { deadline };
            }
        }
        self.actions.push_back(Action::Pause(ids));
        self.release_revoked(now);
    }

    pub(super) fn lost(&mut self, now: Instant, ids: Vec<TopicPartition>) {
        let indices: Vec<usize> = (0..self.partitions.len())
            .filter(|&index| ids.contains(&self.partitions[index].id))
            .collect();
        self.leave_transaction(now, &indices);
        for index in indices {
            self.drop_hand_of(index);
            self.partitions[index].reset(PartitionPhase::Released);
        }
        self.actions.push_back(Action::Unassign(ids));
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
                        partition.is_touched()
                    };
                    !awaits || now >= deadline
                }
                _ => true,
            });
        if released {
            let mut ids = Vec::new();
            for partition in self.partitions.iter_mut().filter(|p| p.is_revoked()) {
                partition.reset(PartitionPhase::Released);
                ids.push(partition.id.clone());
            }
            self.actions.push_back(Action::Unassign(ids));
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
            // A fatal error while stopping makes the exit a failed one.
            Stage::Stopping { exit: already, .. } | Stage::Committing { exit: already, .. } => {
                if exit == Exit::Fatal {
                    *already = exit;
                }
            }
            Stage::Ended => {}
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
                    let touched = self.partitions.iter().any(Partition::is_touched);
                    self.exit(exit, touched);
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
            self.actions.push_back(Action::Unassign(revoked));
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
