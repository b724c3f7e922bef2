//! What may be committed, and when: a state machine without I/O.
//!
//! Events go in, actions come out; the worker carries them out and reports back. All that
//! decides about loss is here, so that it can be read in one place and a simulation can drive
//! it through any schedule ([`simulation`](self) tests).
//!
//! Guaranteed, whatever the order of events:
//! - an offset is committed only when every output of every message up to it is acknowledged,
//!   and with transactions only together with these outputs;
//! - a failed output leads to a rewind to the first message that is not settled, and with
//!   transactions to an abort and a rewind to what is committed;
//! - nothing is committed for a partition that is not owned;
//! - a stop ends within its deadline.
//!
//! It knows neither bytes nor clients: an output is a number within a message.
mod machine;
mod partition;
mod release;
mod seen;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod transaction;

use std::time::Duration;

pub use machine::Delivery;
pub use partition::TopicPartition;

pub use seen::{Fingerprint, Occurrence, Seen};
pub use transaction::TransactionPhase;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Event Hubs throttles commits to about 4 a second and partition (Event Hubs quotas).
    pub commit_interval: Duration,
    /// How long a transaction takes messages; `None`: at least once, without transactions.
    pub transaction_interval: Option<Duration>,
    /// How long a revocation or a stop waits for acknowledgements and for its commit.
    pub drain_timeout: Duration,
    /// Sign-ins remembered a partition, to tell repeats and updates.
    pub remembered_sign_ins: usize,
    /// Messages that are not settled, over all partitions, at which no more are taken.
    pub max_pending_messages: usize,
    /// How long reading waits for room before the partitions are paused. A pause throws the
    /// prefetch away, which is then fetched and paid for again.
    pub full_before_pause: Duration,
    /// The first wait after a failed output; doubled each time, up to `retry_max`.
    pub retry_min: Duration,
    pub retry_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            commit_interval: Duration::from_secs(1),
            transaction_interval: None,
            drain_timeout: Duration::from_secs(20),
            remembered_sign_ins: 8192,
            max_pending_messages: 10_000,
            full_before_pause: Duration::from_secs(5),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(10),
        }
    }
}

/// Names the message that an output belongs to. Fits the client's opaque pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl Token {
    const SLOT_BITS: u32 = 16;

    fn new(slot: Slot, number: u64) -> Token {
        Token(number << Self::SLOT_BITS | u64::from(slot.0))
    }

    fn slot(self) -> Slot {
        #[allow(clippy::cast_possible_truncation)] // the low 16 bits are the slot
        Slot(self.0 as u16)
    }

    fn number(self) -> u64 {
        self.0 >> Self::SLOT_BITS
    }

    pub fn to_bits(self) -> u64 {
        self.0
    }

    pub fn from_bits(bits: u64) -> Token {
        Token(bits)
    }
}

/// A partition's place in the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot(u16);

/// Where a partition is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub id: TopicPartition,
    pub offset: i64,
    /// Whether a restart would find it again: the group has committed it, or it follows from the
    /// setting. One that a restart would not find is committed at once.
    pub is_committed: bool,
}

/// What has happened. `R` is the receipt that a message's owner gets back once it is settled.
#[derive(Debug, Clone)]
pub enum Event<R> {
    Assigned(Vec<Position>),
    /// The offset that was to be read next, `wanted`, is not there; reading goes on at the
    /// position. Ignored unless `wanted` is what [`Owned::restart_offset`] says.
    OffsetLost {
        wanted: i64,
        position: Position,
    },
    Revoked(Vec<TopicPartition>),
    /// Taken away without asking: somebody else owns these partitions already.
    Lost(Vec<TopicPartition>),
    /// The message that [`Delivery::take`] agreed to has been turned into this many outputs.
    Diagnosed {
        slot: Slot,
        offset: i64,
        outputs: u32,
        receipt: R,
    },
    /// The output of the last `Produce` is in the producer's queue.
    Enqueued,
    /// The producer's queue has no room for the output of the last `Produce`.
    QueueFull,
    /// The producer refused the output of the last `Produce`.
    Refused,
    Acknowledged(Token),
    /// The broker refused an output, or the client gave it up.
    Failed(Token),
    /// The partition is now read from this offset.
    Rewound(TopicPartition, i64),
    /// It is not; the rewind is asked for again.
    RewindFailed(TopicPartition),
    Committed(Vec<(TopicPartition, i64)>),
    /// Not now; it is worth another try.
    CommitFailed(Vec<(TopicPartition, i64)>),
    /// Not from this member any more.
    CommitRefused(Vec<(TopicPartition, i64)>),
    /// The producer is ready for its first transaction.
    TransactionReady,
    TransactionCommitted,
    /// It must be aborted.
    TransactionFailed,
    TransactionAborted,
    /// Another producer is used from now on; nothing was in the hands of the old one.
    ProducerChanged,
    /// Time has passed.
    Tick,
    Stop,
    /// A client cannot go on.
    Fatal,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<R> {
    /// A `Pause` or `Resume` of the same partitions follows.
    Assign(Vec<(TopicPartition, i64)>),
    /// Give one partition back and take it again, from `offset`: the client has given it up.
    Restart {
        partition: TopicPartition,
        offset: i64,
    },
    Unassign(Vec<TopicPartition>),
    Pause(Vec<TopicPartition>),
    Resume(Vec<TopicPartition>),
    /// Put output `index` of the message in hand into the producer's queue.
    Produce {
        token: Token,
        index: u32,
    },
    /// Read the partition again from `offset`.
    Rewind {
        partition: TopicPartition,
        offset: i64,
    },
    Commit(Vec<(TopicPartition, i64)>),
    /// Commit the transaction, with these offsets in it.
    CommitTransaction(Vec<(TopicPartition, i64)>),
    AbortTransaction,
    /// Every output of this message, and of all before it, is acknowledged, and committed where
    /// there are transactions.
    Settled(R),
    Exit(Exit),
}

/// How a worker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All that was read is acknowledged and committed.
    Clean,
    /// The deadline came first; `outputs` were not acknowledged, or a commit was not confirmed.
    /// What they belong to is read again after the restart.
    Unfinished { outputs: u64 },
    /// A client could not go on.
    Fatal,
}

/// A partition of this worker.
#[derive(Debug)]
pub struct Owned<'d, R> {
    pub id: &'d TopicPartition,
    /// Where reading would start again.
    pub resume_offset: Option<i64>,
    /// Where reading can go on if the client has given the partition up: `None` as long as it
    /// is not known what becomes of the messages that were taken.
    pub restart_offset: Option<i64>,
    /// The receipt of the oldest message that is not settled.
    pub oldest: Option<&'d R>,
}

/// A message that the machine has agreed to.
#[derive(Debug)]
pub struct Taken<'d> {
    pub slot: Slot,
    /// It was not taken before, since its partition was assigned.
    pub is_new: bool,
    pub seen: &'d mut Seen,
}

/// Where the worker stands between start and exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Running,
    /// No message is taken; acknowledgements are waited for.
    Stopping,
    /// Acknowledgements are over; the last commit is under way.
    Committing,
    Ended,
}

/// Whether there is room for outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Room {
    Open,
    /// No message is taken until outputs are acknowledged.
    Full,
    /// As `Full`, for so long that the partitions are paused and the group is served.
    Paused,
}
