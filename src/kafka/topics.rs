//! What the patterns of `input.topics` match now, as far as this client may see.
use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;

use crate::config::{is_topic_pattern, topic_pattern};

/// The topics of this list, with what matches in place of each pattern; sorted, each once.
///
/// # Errors
///
/// Where the broker does not answer within `timeout`.
pub fn expand<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &[String],
    timeout: Duration,
) -> KafkaResult<Vec<String>> {
    let mut found = BTreeSet::new();
    for topic in topics {
        if is_topic_pattern(topic) {
            found.extend(matching(consumer, topic, timeout)?);
        } else {
            found.insert(topic.clone());
        }
    }
    Ok(found.into_iter().collect())
}

/// The topics that match a pattern.
fn matching<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    pattern: &str,
    timeout: Duration,
) -> KafkaResult<Vec<String>> {
    let metadata = consumer.fetch_metadata(None, timeout)?;
    // The settings have refused one that is wrong.
    let Ok(pattern) = topic_pattern(pattern) else {
        return Ok(Vec::new());
    };
    let names = metadata
        .topics()
        .iter()
        .map(rdkafka::metadata::MetadataTopic::name);
    Ok(names
        .filter(|name| pattern.is_match(name))
        .map(str::to_owned)
        .collect())
}
