//! Single sequences of events, where the simulation only says that nothing was lost.
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

fn at(id: &TopicPartition, offset: i64) -> Position {
    Position {
        id: id.clone(),
        offset,
        is_committed: true,
    }
}

struct Machine {
    delivery: Delivery<i64>,
    now: Instant,
    id: TopicPartition,
}

impl Machine {
    /// With one partition, and one message of offset 7 taken, enqueued and acknowledged.
    fn settled() -> Machine {
        let now = Instant::now();
        let id = TopicPartition {
            topic: Arc::from("in"),
            partition: 0,
        };
        let mut machine = Machine {
            delivery: Delivery::new(Settings::default(), now),
            now,
            id: id.clone(),
        };
        machine.event(Event::Assigned(vec![at(&id, 7)]));
        let token = machine.take(7);
        machine.event(Event::Enqueued);
        assert_eq!(
            machine.event(Event::Acknowledged(token)),
            [Action::Settled(7)]
        );
        machine
    }

    fn event(&mut self, event: Event<i64>) -> Vec<Action<i64>> {
        self.delivery.handle(self.now, event);
        std::iter::from_fn(|| self.delivery.next_action()).collect()
    }

    fn take(&mut self, offset: i64) -> Token {
        let Taken { slot, .. } = self.delivery.take(self.now, "in", 0, offset).unwrap();
        let diagnosed = Event::Diagnosed {
            slot,
            offset,
            outputs: 1,
            receipt: offset,
        };
        match self.event(diagnosed)[..] {
            [Action::Produce { token, index: 0 }] => token,
            ref actions => panic!("{actions:?}"),
        }
    }

    fn tick_after(&mut self, time: Duration) -> Vec<Action<i64>> {
        self.now += time;
        self.event(Event::Tick)
    }

    fn offsets(&self, offset: i64) -> Vec<(TopicPartition, i64)> {
        vec![(self.id.clone(), offset)]
    }
}

const MOMENT: Duration = Duration::from_millis(150);

#[test]
fn a_stop_tries_its_last_commit_again_until_it_is_confirmed() {
    let mut machine = Machine::settled();
    let offsets = machine.offsets(8);
    let commit = Action::Commit(offsets.clone());
    assert_eq!(
        machine.event(Event::Stop),
        [Action::Pause(vec![machine.id.clone()]), commit.clone()]
    );
    assert_eq!(machine.event(Event::CommitFailed(offsets.clone())), []);
    assert_eq!(machine.tick_after(Duration::ZERO), [], "not at once");
    assert_eq!(machine.tick_after(MOMENT), [commit]);
    machine.event(Event::Committed(offsets));
    assert_eq!(machine.tick_after(MOMENT), [Action::Exit(Exit::Clean)]);
}

#[test]
fn a_stop_ends_at_once_where_the_group_no_longer_knows_the_member() {
    let mut machine = Machine::settled();
    machine.event(Event::Stop);
    machine.event(Event::CommitRefused(machine.offsets(8)));
    assert_eq!(
        machine.tick_after(MOMENT),
        [Action::Exit(Exit::Unfinished { outputs: 0 })]
    );
}

#[test]
fn a_fatal_error_while_stopping_is_not_waited_with_for_longer_than_one_before() {
    const ALMOST: Duration = Duration::from_millis(4_900);
    let mut machine = Machine::settled();
    machine.event(Event::Stop);
    machine.event(Event::CommitFailed(machine.offsets(8)));
    machine.event(Event::Fatal);
    let ended = machine.tick_after(ALMOST);
    assert!(!ended.contains(&Action::Exit(Exit::Fatal)), "{ended:?}");
    let ended = machine.tick_after(MOMENT);
    assert!(ended.contains(&Action::Exit(Exit::Fatal)), "{ended:?}");
}

#[test]
fn a_revoked_partition_is_handed_back_once_its_commit_is_confirmed() {
    let mut machine = Machine::settled();
    let offsets = machine.offsets(8);
    let commit = Action::Commit(offsets.clone());
    let ids = vec![machine.id.clone()];
    assert_eq!(
        machine.event(Event::Revoked(ids.clone())),
        [Action::Pause(ids.clone()), commit.clone()]
    );
    machine.event(Event::CommitFailed(offsets.clone()));
    assert_eq!(machine.tick_after(MOMENT), [commit]);
    machine.event(Event::Committed(offsets));
    assert_eq!(machine.tick_after(MOMENT), [Action::Unassign(ids)]);
}

#[test]
fn a_revoked_partition_is_handed_back_at_the_deadline_whatever_is_missing() {
    let mut machine = Machine::settled();
    machine.take(9);
    machine.event(Event::Enqueued);
    let ids = vec![machine.id.clone()];
    machine.event(Event::Revoked(ids.clone()));
    assert_eq!(
        machine.tick_after(Duration::from_secs(5)),
        [Action::Commit(machine.offsets(8))]
    );
    let actions = machine.tick_after(Duration::from_secs(16));
    assert_eq!(actions.last(), Some(&Action::Unassign(ids)));
}

#[test]
fn a_full_queue_pauses_only_after_a_while_and_resumes_below_half() {
    let mut machine = Machine::settled();
    let tokens: Vec<Token> = (10..14)
        .map(|offset| {
            let token = machine.take(offset);
            machine.event(Event::Enqueued);
            token
        })
        .collect();
    machine.take(14);
    machine.event(Event::QueueFull);
    assert!(!machine.delivery.wants_message() && !machine.delivery.serves_group());
    let actions = machine.tick_after(Duration::from_secs(6));
    let ids = vec![machine.id.clone()];
    assert!(actions.contains(&Action::Pause(ids.clone())), "{actions:?}");
    assert_eq!(machine.delivery.room(), Room::Paused);
    assert!(machine.delivery.serves_group());
    machine.event(Event::Enqueued);
    for token in &tokens[..2] {
        machine.event(Event::Acknowledged(*token));
    }
    machine.event(Event::Tick);
    assert_eq!(
        machine.delivery.room(),
        Room::Paused,
        "still more than half full"
    );
    machine.event(Event::Acknowledged(tokens[2]));
    let actions = machine.event(Event::Tick);
    assert!(actions.contains(&Action::Resume(ids)), "{actions:?}");
    assert!(machine.delivery.wants_message());
}

#[test]
fn a_failed_output_is_read_again_from_the_first_message_that_is_not_settled() {
    let mut machine = Machine::settled();
    let first = machine.take(9);
    machine.event(Event::Enqueued);
    let second = machine.take(12);
    machine.event(Event::Enqueued);
    machine.event(Event::Acknowledged(second));
    let id = machine.id.clone();
    let actions = machine.event(Event::Failed(first));
    assert_eq!(actions, [Action::Pause(vec![id.clone()])]);
    assert!(machine.delivery.is_retrying());
    assert_eq!(machine.event(Event::Tick), [], "not at once");
    assert!(
        machine.delivery.take(machine.now, "in", 0, 13).is_none(),
        "not before it is read again"
    );
    let rewind = Action::Rewind {
        partition: id.clone(),
        offset: 9,
    };
    assert_eq!(machine.tick_after(MOMENT), std::slice::from_ref(&rewind));
    machine.event(Event::RewindFailed(id.clone()));
    let actions = machine.tick_after(Duration::from_secs(2));
    assert!(actions.contains(&rewind), "{actions:?}");
    let actions = machine.event(Event::Rewound(id.clone(), 9));
    assert_eq!(actions, [Action::Resume(vec![id])]);
    let first = machine.take(9);
    machine.event(Event::Enqueued);
    machine.event(Event::Acknowledged(first));
    assert!(!machine.delivery.is_retrying());
}

#[test]
fn failures_in_a_row_wait_longer_whatever_other_partitions_do() {
    let mut machine = Machine::settled();
    let other = TopicPartition {
        topic: Arc::from("in"),
        partition: 1,
    };
    machine.event(Event::Assigned(vec![at(&other, 1)]));
    let id = machine.id.clone();
    let mut waits = Vec::new();
    for _ in 0..4 {
        let token = machine.take(9);
        machine.event(Event::Enqueued);
        machine.event(Event::Failed(token));
        let Taken { slot, .. } = machine.delivery.take(machine.now, "in", 1, 1).unwrap();
        let actions = machine.event(Event::Diagnosed {
            slot,
            offset: 1,
            outputs: 0,
            receipt: 1,
        });
        assert_eq!(actions, [Action::Settled(1)]);
        let mut wait = Duration::ZERO;
        loop {
            wait += Duration::from_millis(50);
            let rewinds = |action: &Action<i64>| matches!(action, Action::Rewind { .. });
            if machine
                .tick_after(Duration::from_millis(50))
                .iter()
                .any(rewinds)
            {
                break;
            }
        }
        waits.push(wait.as_millis());
        machine.event(Event::Rewound(id.clone(), 9));
    }
    assert_eq!(waits, [100, 200, 400, 800]);
}

#[test]
fn a_message_handed_out_again_keeps_the_older_ones_waiting() {
    let mut machine = Machine::settled();
    machine.take(9);
    machine.event(Event::Enqueued);
    let late = machine.take(10);
    machine.event(Event::Enqueued);
    let again = machine.take(10);
    machine.event(Event::Enqueued);
    assert_eq!(
        machine.event(Event::Acknowledged(late)),
        [],
        "of the first copy"
    );
    assert_eq!(
        machine.event(Event::Acknowledged(again)),
        [],
        "9 is not settled"
    );
    let actions = machine.tick_after(Duration::from_secs(2));
    assert_eq!(actions, [Action::Commit(machine.offsets(8))]);
}

#[test]
fn a_partition_that_comes_back_is_resumed() {
    let mut machine = Machine::settled();
    let ids = vec![machine.id.clone()];
    machine.event(Event::Revoked(ids.clone()));
    machine.event(Event::Committed(machine.offsets(8)));
    assert_eq!(machine.tick_after(MOMENT), [Action::Unassign(ids.clone())]);
    assert_eq!(
        machine.event(Event::Assigned(vec![at(&ids[0], 8)])),
        [
            Action::Assign(vec![(ids[0].clone(), 8)]),
            Action::Resume(ids)
        ]
    );
}

#[test]
fn a_start_that_nobody_has_committed_is_committed_before_the_first_message() {
    let mut machine = Machine::settled();
    let start = Position {
        is_committed: false,
        ..at(&machine.id, 40)
    };
    machine.event(Event::Assigned(vec![start]));
    let commit = Action::Commit(machine.offsets(40));
    assert_eq!(machine.event(Event::Tick), [commit]);
    machine.event(Event::Committed(machine.offsets(40)));
    assert_eq!(machine.tick_after(Duration::from_secs(2)), []);
}

#[test]
fn a_partition_whose_offset_is_gone_starts_where_its_log_does() {
    let mut machine = Machine::settled();
    let late = machine.take(9);
    machine.event(Event::Enqueued);
    let lost = Event::OffsetLost {
        wanted: 10,
        position: Position {
            is_committed: false,
            ..at(&machine.id, 40)
        },
    };
    assert_eq!(machine.event(lost.clone()), [], "9 may still fail");
    assert_eq!(
        machine.event(Event::Acknowledged(late)),
        [Action::Settled(9)]
    );
    let restart = Action::Restart {
        partition: machine.id.clone(),
        offset: 40,
    };
    let ids = vec![machine.id.clone()];
    assert_eq!(machine.event(lost.clone()), [restart, Action::Resume(ids)]);
    assert_eq!(machine.event(lost), [], "an answer that came too late");
    assert_eq!(
        machine.event(Event::Tick),
        [Action::Commit(machine.offsets(40))]
    );
}

/// The others of the process may still be at their drain, and commit nothing while the group waits.
#[test]
fn a_worker_that_has_ended_gives_its_partitions_back_at_once() {
    let mut machine = Machine::settled();
    let ids = vec![machine.id.clone()];
    machine.event(Event::Stop);
    machine.event(Event::Committed(machine.offsets(8)));
    assert_eq!(machine.tick_after(MOMENT), [Action::Exit(Exit::Clean)]);
    assert_eq!(
        machine.event(Event::Revoked(ids.clone())),
        [Action::Unassign(ids)]
    );
}

/// A partition that was assigned, and whose start was never found.
#[test]
fn only_what_is_owned_is_given_back() {
    let mut machine = Machine::settled();
    let other = TopicPartition {
        topic: Arc::from("in"),
        partition: 1,
    };
    let none = Action::Unassign(Vec::new());
    let revoked = machine.event(Event::Revoked(vec![other.clone()]));
    assert_eq!(revoked, std::slice::from_ref(&none));
    let ids = vec![machine.id.clone(), other];
    let lost = machine.event(Event::Lost(ids));
    assert_eq!(lost, [Action::Unassign(vec![machine.id.clone()])]);
}

/// The member may be of a new generation by then.
#[test]
fn a_drain_tries_its_commit_also_after_an_earlier_one_was_refused() {
    let mut machine = Machine::settled();
    let earlier = machine.offsets(8);
    assert_eq!(
        machine.tick_after(Duration::from_secs(2)),
        [Action::Commit(earlier.clone())]
    );
    assert!(
        machine
            .event(Event::CommitRefused(earlier.clone()))
            .is_empty()
    );
    let id = machine.id.clone();
    let actions = machine.event(Event::Revoked(vec![id.clone()]));
    assert_eq!(
        actions,
        [
            Action::Pause(vec![id.clone()]),
            Action::Commit(earlier.clone())
        ]
    );
    let actions = machine.event(Event::CommitRefused(earlier));
    assert!(actions.is_empty());
    assert_eq!(
        machine.tick_after(MOMENT),
        [Action::Unassign(vec![id])],
        "refused itself, it has nothing to wait for"
    );
}
