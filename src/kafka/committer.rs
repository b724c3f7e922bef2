//! Commits offsets on a thread of its own.
//!
//! librdkafka answers an asynchronous commit only through a callback that the Rust client does
//! not offer, and a synchronous one blocks for as long as the broker likes. So one thread a
//! consumer waits for the broker, at most once a commit interval, and the worker goes on.
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::events::{ConsumerEvents, GroupEvent};
use crate::delivery::TopicPartition;

type Offsets = Vec<(TopicPartition, i64)>;

/// Hands commits to its thread; the answers come to the consumer's mailbox.
pub struct Committer {
    commits: Sender<Offsets>,
    thread: JoinHandle<()>,
}

impl Committer {
    pub fn start(consumer: Arc<BaseConsumer<ConsumerEvents>>) -> io::Result<Committer> {
        let (commits, requests) = mpsc::channel::<Offsets>();
        let thread = thread::Builder::new().name("committer".to_owned());
        let thread = thread.spawn(move || {
            for offsets in requests {
                let answer = match commit(&consumer, &offsets) {
                    Ok(()) => GroupEvent::Committed(offsets),
                    Err(error) => {
                        let code = error.rdkafka_error_code();
                        GroupEvent::CommitFailed(offsets, code.unwrap_or(RDKafkaErrorCode::Unknown))
                    }
                };
                consumer.context().mailbox.put(answer);
            }
        })?;
        Ok(Committer { commits, thread })
    }

    /// Commits these offsets; gives them back where the thread is gone.
    pub fn commit(&self, offsets: Offsets) -> Result<(), Offsets> {
        self.commits.send(offsets).map_err(|refused| refused.0)
    }

    /// Takes no more; the thread ends after the commits under way.
    pub fn close(self) -> JoinHandle<()> {
        self.thread
    }
}

fn commit(consumer: &BaseConsumer<ConsumerEvents>, offsets: &Offsets) -> KafkaResult<()> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (id, offset) in offsets {
        list.add_partition_offset(&id.topic, id.partition, Offset::Offset(*offset))?;
    }
    consumer.commit(&list, CommitMode::Sync)
}
