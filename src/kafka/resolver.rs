//! Finds where assigned partitions start, on a thread of its own: the broker is asked, and may
//! take its time, while the worker goes on polling.
//!
//! The client's own `auto.offset.reset` decides nothing: it would move a partition without a
//! word, whether it is new or its offset was deleted by retention.
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::events::{ClientError, ConsumerEvents, GroupEvent};
use crate::config::Start;
use crate::delivery::{Position, TopicPartition};
use crate::telemetry::OffsetReset;

/// For one answer of the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries. The group waits for the assignment meanwhile.
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

enum Request {
    Start(Vec<TopicPartition>),
    /// With the offset that was to be read next.
    Lost(Vec<(TopicPartition, i64)>),
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
        let thread = thread.spawn(move || {
            for request in requests {
                while !consumer.context().is_closing() {
                    let answer = match &request {
                        Request::Start(ids) => {
                            resolve(&consumer, ids, start).map(GroupEvent::Resolved)
                        }
                        Request::Lost(lost) => {
                            find_again(&consumer, lost).map(GroupEvent::OffsetsLost)
                        }
                    };
                    match answer {
                        Ok(answer) => {
                            consumer.context().mailbox.put(answer);
                            break;
                        }
                        Err(error) => {
                            let code = error.rdkafka_error_code();
                            let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
                            let fault =
                                GroupEvent::Error(ClientError::new(code, &error.to_string()));
                            consumer.context().mailbox.put(fault);
                            thread::sleep(RETRY_AFTER);
                        }
                    }
                }
            }
        })?;
        Ok(Resolver {
            requests: sender,
            thread,
        })
    }

    /// Finds where new partitions start.
    pub fn resolve(&self, partitions: Vec<TopicPartition>) {
        // The thread ends only after this end of the channel.
        let _ = self.requests.send(Request::Start(partitions));
    }

    /// Finds where reading can go on.
    pub fn find_again(&self, lost: Vec<(TopicPartition, i64)>) {
        let _ = self.requests.send(Request::Lost(lost));
    }

    /// Waits for the answer under way. Has no deadline.
    pub fn close(self) {
        drop(self.requests);
        // A panic of the thread was reported when it happened.
        let _ = self.thread.join();
    }
}

type Events = BaseConsumer<ConsumerEvents>;

fn resolve(consumer: &Events, ids: &[TopicPartition], start: Start) -> KafkaResult<Vec<Resolved>> {
    let asked = list(ids, Offset::Invalid)?;
    let committed = offsets(&consumer.committed_offsets(asked, REQUEST_TIMEOUT)?)?;
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
    for (id, offset) in look_up(consumer, &new, at)? {
        match offset {
            Offset::Offset(offset) => add(id, offset, Origin::Configured(start)),
            _ => later.push(id),
        }
    }
    for (id, offset) in look_up(consumer, &later, Offset::End)? {
        add(id, offset.to_raw().unwrap_or(0).max(0), Origin::End(start));
    }
    Ok(resolved)
}

fn find_again(consumer: &Events, lost: &[(TopicPartition, i64)]) -> KafkaResult<Vec<OffsetLost>> {
    let ids: Vec<TopicPartition> = lost.iter().map(|(id, _)| id.clone()).collect();
    let first = look_up(consumer, &ids, Offset::Beginning)?;
    let end = look_up(consumer, &ids, Offset::End)?;
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
) -> KafkaResult<Vec<(TopicPartition, Offset)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // The protocol asks for both ends by special times, and so does the client.
    offsets(&consumer.offsets_for_times(list(ids, at)?, REQUEST_TIMEOUT)?)
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
