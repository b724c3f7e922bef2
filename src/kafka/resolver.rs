//! Finds where assigned partitions start, on a thread of its own: the broker is asked, and may
//! take its time, while the worker goes on polling.
//!
//! The client's own `auto.offset.reset` decides nothing: it would move a partition without a
//! word, whether it is new or its offset was deleted by retention.
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::error::classify;
use super::events::{ClientError, ConsumerEvents, GroupEvent};
use crate::config::Start;
use crate::delivery::{Position, TopicPartition};
use crate::telemetry::{BrokerFault, OffsetReset};

/// For one answer of the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// For one about a single partition, of many that could not be answered together.
const SINGLE_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two tries.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Where a partition starts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub position: Position,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Committed,
    Configured(Start),
    /// Nothing is as late as the configured time.
    End(Start),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Committed => f.write_str("committed offset"),
            Origin::Configured(start) => write!(f, "input.start = {}", start.as_str()),
            Origin::End(start) => write!(
                f,
                "the end of the partition: no message is as late as input.start = {}",
                start.as_str()
            ),
        }
    }
}

/// A partition whose next offset the broker does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetLost {
    pub id: TopicPartition,
    /// The offset that was to be read next.
    pub wanted: i64,
    /// Where reading goes on.
    pub start: i64,
    pub reason: OffsetReset,
}

/// Names an assignment: an answer to a former one is out of date.
pub type Round = u64;

enum Request {
    Start(Round, Vec<TopicPartition>),
    /// With the offset that was to be read next.
    Lost(Vec<(TopicPartition, i64)>),
    /// No longer of interest.
    Forget(Vec<TopicPartition>),
}

/// Hands requests to its thread; the answers come to the consumer's mailbox.
pub struct Resolver {
    requests: Sender<Request>,
    thread: JoinHandle<()>,
}

impl Resolver {
    pub fn start(
        consumer: Arc<BaseConsumer<ConsumerEvents>>,
        start: Start,
    ) -> io::Result<Resolver> {
        let (sender, requests) = mpsc::channel::<Request>();
        let thread = thread::Builder::new().name("resolver".to_owned());
        let search = Search {
            consumer,
            start,
            starting: Vec::new(),
            lost: Vec::new(),
        };
        let thread = thread.spawn(move || search.serve(&requests))?;
        Ok(Resolver {
            requests: sender,
            thread,
        })
    }

    /// Finds where new partitions start; tells of each as soon as it is known.
    pub fn resolve(&self, round: Round, partitions: Vec<TopicPartition>) {
        // The thread ends only after this end of the channel.
        let _ = self.requests.send(Request::Start(round, partitions));
    }

    /// Gives up what has not been found of these.
    pub fn forget(&self, partitions: Vec<TopicPartition>) {
        let _ = self.requests.send(Request::Forget(partitions));
    }

    /// Finds where reading can go on.
    pub fn find_again(&self, lost: Vec<(TopicPartition, i64)>) {
        let _ = self.requests.send(Request::Lost(lost));
    }

    /// Takes no more; the thread ends after the answer under way.
    pub fn close(self) -> JoinHandle<()> {
        self.thread
    }
}

type Events = BaseConsumer<ConsumerEvents>;

/// What is to be found out.
struct Search {
    consumer: Arc<Events>,
    start: Start,
    starting: Vec<(Round, TopicPartition)>,
    lost: Vec<(TopicPartition, i64)>,
}

impl Search {
    fn serve(mut self, requests: &Receiver<Request>) {
        loop {
            let idle = self.starting.is_empty() && self.lost.is_empty();
            let request = if idle {
                requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                requests.recv_timeout(RETRY_AFTER)
            };
            match request {
                Ok(request) => self.take(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.starts(requests);
            self.losses();
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Start(round, ids) => {
                self.starting.extend(ids.into_iter().map(|id| (round, id)));
            }
            Request::Lost(lost) => self.lost = lost,
            Request::Forget(ids) => {
                self.starting.retain(|(_, id)| !ids.contains(id));
                self.lost.retain(|(id, _)| !ids.contains(id));
            }
        }
    }

    /// Asks for all together. What cannot be answered so is asked for one by one: a partition
    /// that cannot be told holds the others up no longer than its own request.
    fn starts(&mut self, requests: &Receiver<Request>) {
        let mut ids: Vec<_> = self.starting.iter().map(|(_, id)| id.clone()).collect();
        if ids.is_empty() {
            return;
        }
        match resolve(&self.consumer, &ids, self.start, REQUEST_TIMEOUT) {
            Ok(found) => return self.found(found),
            Err(error) if ids.len() == 1 || is_unreachable(&error) => return self.failed(&error),
            Err(_) => {}
        }
        while let Some(id) = ids.pop() {
            if self.consumer.context().is_closing() {
                return;
            }
            match resolve(&self.consumer, &[id], self.start, SINGLE_TIMEOUT) {
                Ok(found) => self.found(found),
                Err(error) => self.failed(&error),
            }
            while let Ok(request) = requests.try_recv() {
                self.take(request);
            }
            ids.retain(|id| self.starting.iter().any(|(_, wanted)| wanted == id));
        }
    }

    fn found(&mut self, found: Vec<Resolved>) {
        let mut told = Vec::with_capacity(found.len());
        for resolved in found {
            let of_it = |(_, id): &(Round, TopicPartition)| *id == resolved.position.id;
            if let Some(at) = self.starting.iter().position(of_it) {
                let (round, _) = self.starting.swap_remove(at);
                told.push((round, resolved));
            }
        }
        self.tell(GroupEvent::Resolved(told));
    }

    fn losses(&mut self) {
        if self.lost.is_empty() {
            return;
        }
        match find_again(&self.consumer, &self.lost) {
            Ok(found) => {
                self.lost.clear();
                self.tell(GroupEvent::OffsetsLost(found));
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &KafkaError) {
        let code = code(error);
        let error = ClientError::new(code, &error.to_string());
        self.tell(GroupEvent::Error(error));
    }

    fn tell(&self, event: GroupEvent) {
        self.consumer.context().mailbox.put(event);
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    let code = error.rdkafka_error_code();
    code.unwrap_or(RDKafkaErrorCode::Unknown)
}

fn is_unreachable(error: &KafkaError) -> bool {
    classify(code(error)) == BrokerFault::Unreachable
}

fn resolve(
    consumer: &Events,
    ids: &[TopicPartition],
    start: Start,
    timeout: Duration,
) -> KafkaResult<Vec<Resolved>> {
    let asked = list(ids, Offset::Invalid)?;
    let committed = offsets(&consumer.committed_offsets(asked, timeout)?)?;
    let mut resolved = Vec::with_capacity(ids.len());
    let mut add = |id, offset, origin| {
        let position = Position {
            id,
            offset,
            is_committed: !matches!(origin, Origin::Configured(Start::Latest) | Origin::End(_)),
        };
        resolved.push(Resolved { position, origin });
    };
    let mut new = Vec::new();
    for (id, offset) in committed {
        match offset {
            Offset::Offset(offset) => add(id, offset, Origin::Committed),
            _ => new.push(id),
        }
    }
    let at = match start {
        Start::Earliest => Offset::Beginning,
        Start::Latest => Offset::End,
        Start::Time(time) => Offset::Offset(time.timestamp_millis()),
    };
    let mut later = Vec::new();
    for (id, offset) in look_up(consumer, &new, at, timeout)? {
        match offset {
            Offset::Offset(offset) => add(id, offset, Origin::Configured(start)),
            _ => later.push(id),
        }
    }
    for (id, offset) in look_up(consumer, &later, Offset::End, timeout)? {
        add(id, offset.to_raw().unwrap_or(0).max(0), Origin::End(start));
    }
    Ok(resolved)
}

fn find_again(consumer: &Events, lost: &[(TopicPartition, i64)]) -> KafkaResult<Vec<OffsetLost>> {
    let ids: Vec<TopicPartition> = lost.iter().map(|(id, _)| id.clone()).collect();
    let first = look_up(consumer, &ids, Offset::Beginning, REQUEST_TIMEOUT)?;
    let end = look_up(consumer, &ids, Offset::End, REQUEST_TIMEOUT)?;
    let raw = |offset: Offset| offset.to_raw().unwrap_or(0).max(0);
    let ends = first.into_iter().zip(end);
    let found = lost.iter().zip(ends).map(|((id, wanted), (first, end))| {
        let (first, end) = (raw(first.1), raw(end.1));
        let (start, reason) = if *wanted < first {
            (first, OffsetReset::Deleted)
        } else if *wanted > end {
            (first, OffsetReset::BeyondEnd)
        } else {
            (*wanted, OffsetReset::Truncated)
        };
        OffsetLost {
            id: id.clone(),
            wanted: *wanted,
            start,
            reason,
        }
    });
    Ok(found.collect())
}

/// Asks for the offset at a time, or at an end, of each partition; in the same order.
fn look_up(
    consumer: &Events,
    ids: &[TopicPartition],
    at: Offset,
    timeout: Duration,
) -> KafkaResult<Vec<(TopicPartition, Offset)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // The protocol asks for both ends by special times, and so does the client.
    offsets(&consumer.offsets_for_times(list(ids, at)?, timeout)?)
}

fn list(ids: &[TopicPartition], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(ids.len());
    for id in ids {
        list.add_partition_offset(&id.topic, id.partition, offset)?;
    }
    Ok(list)
}

fn offsets(list: &TopicPartitionList) -> KafkaResult<Vec<(TopicPartition, Offset)>> {
    let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        element.error()?;
        let id = TopicPartition {
            topic: Arc::from(element.topic()),
            partition: element.partition(),
        };
        Ok((id, element.offset()))
    };
    list.elements().iter().map(offset).collect()
}
