//! Where a range of time begins and ends in each partition.
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Range, ReplayError};
use crate::kafka::ConsumerEvents;

/// For one answer of the broker.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) first: i64,
    pub(super) end: i64,
}

/// The range in each partition of a topic.
pub(super) fn find(
    consumer: &BaseConsumer<ConsumerEvents>,
    topic: &str,
    range: &Range,
) -> Result<Vec<Part>, ReplayError> {
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let Some(found) =
        found.filter(|found| found.error().is_none() && !found.partitions().is_empty())
    else {
        return Err(ReplayError::NoTopic(topic.to_owned()));
    };
    let name: Arc<str> = Arc::from(topic);
    let mut parts = Vec::new();
    for partition in found.partitions() {
        let partition = partition.id();
        let (low, high) = consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT)?;
        let at = |time: Option<i64>, none| match time {
            None => Ok(none),
            Some(time) => offset_at(consumer, topic, partition, time).map(|at| at.unwrap_or(high)),
        };
        parts.push(Part {
            topic: Arc::clone(&name),
            partition,
            first: at(range.from, low)?.max(low),
            end: at(range.to, high)?.min(high),
        });
    }
    Ok(parts)
}

/// The first offset of this time or later; `None` where there is none.
fn offset_at(
    consumer: &BaseConsumer<ConsumerEvents>,
    topic: &str,
    partition: i32,
    time: i64,
) -> KafkaResult<Option<i64>> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(time))?;
    let found = consumer.offsets_for_times(list, REQUEST_TIMEOUT)?;
    let element = found.elements().into_iter().next();
    let Some(element) = element else {
        return Ok(None);
    };
    element.error()?;
    Ok(match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}
