//! The clients of a worker: how they are made, replaced and closed.
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::BUSY_POLL;
use crate::config::{Mode, Settings};
use crate::kafka::{self, Committer, ConsumerEvents, ProducerEvents, Resolver, Tokens, Transactor};

/// How long a client is served after it was told to leave its group. Closed in the middle of a
/// rebalance, librdkafka 2.12 leaves without a word; it does not tell when it has left.
const LEAVE: Duration = Duration::from_millis(500);

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the Kafka client refuses its settings")]
    Client(#[from] KafkaError),
    #[error("the system gives no thread")]
    Thread(#[from] io::Error),
}

/// The clients of one worker, and the threads that wait for what they have asked the broker.
pub(super) struct Clients {
    settings: Arc<Settings>,
    worker: usize,
    tokens: Option<Arc<Tokens>>,
    pub(super) consumer: Arc<BaseConsumer<ConsumerEvents>>,
    pub(super) committer: Committer,
    pub(super) resolver: Resolver,
    pub(super) producer: Arc<BaseProducer<ProducerEvents>>,
    /// Present exactly where outputs are written in transactions.
    pub(super) transactor: Option<Transactor>,
}

impl Clients {
    /// Creates them and subscribes. Opens sockets, waits for nothing.
    pub(super) fn new(
        settings: &Arc<Settings>,
        worker: usize,
        tokens: Option<Arc<Tokens>>,
    ) -> Result<Clients, StartError> {
        let mut own = kafka::consumer(settings, worker);
        if settings.delivery.mode == Mode::ExactlyOnce {
            // Also makes committed offsets wait for a transaction that is not decided.
            own.set("isolation.level", "read_committed");
        }
        let consumer = Arc::new(BaseConsumer::from_config_and_context(
            &own,
            ConsumerEvents::new(tokens.clone()),
        )?);
        let committer = Committer::start(Arc::clone(&consumer))?;
        let resolver = Resolver::start(Arc::clone(&consumer), settings.input.start)?;
        let bytes = kafka::batch_bytes(settings);
        let (producer, transactor) = producer(settings, worker, bytes, &consumer, tokens.clone())?;
        let topics: Vec<&str> = settings.input.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        Ok(Clients {
            settings: Arc::clone(settings),
            worker,
            tokens,
            consumer,
            committer,
            resolver,
            producer,
            transactor,
        })
    }

    pub(super) fn brokers(&self) -> &str {
        &self.settings.kafka.bootstrap_servers
    }

    /// Another producer, which makes batches of at most so many bytes. Every output of the
    /// present one must have come to its end.
    pub(super) fn change_producer(&mut self, batch_bytes: usize) -> Result<(), StartError> {
        if let Some(transactor) = self.transactor.take() {
            // It has nothing under way. A panic was reported when it happened.
            let _ = transactor.close().join();
        }
        (self.producer, self.transactor) = producer(
            &self.settings,
            self.worker,
            batch_bytes,
            &self.consumer,
            self.tokens.clone(),
        )?;
        Ok(())
    }

    /// Leaves the group and closes. May take long; has no deadline of its own.
    pub(super) fn close(self, owes_answer: bool) {
        let consumer = self.consumer;
        consumer.context().close();
        if owes_answer {
            // Without it the client cannot leave the group. One that is refused was answered
            // meanwhile.
            let _ = consumer.incremental_assign(&TopicPartitionList::new());
        }
        // librdkafka 2.12 closes a cooperative member without partitions without a word to the
        // group, which then waits for its session to time out. A static member stays on purpose.
        let mut left_by = Instant::now();
        if self.settings.kafka.instance_id.is_none() {
            consumer.unsubscribe();
            left_by += LEAVE;
        }
        // What they have under way may need the client to be served.
        let mut threads = vec![self.committer.close(), self.resolver.close()];
        threads.extend(self.transactor.map(Transactor::close));
        while !threads.iter().all(JoinHandle::is_finished) || Instant::now() < left_by {
            let _ = consumer.poll(BUSY_POLL);
            self.producer.poll(Duration::ZERO);
        }
        drop(consumer);
        drop(self.producer);
    }
}

type Writing = (Arc<BaseProducer<ProducerEvents>>, Option<Transactor>);

fn producer(
    settings: &Settings,
    worker: usize,
    batch_bytes: usize,
    consumer: &Arc<BaseConsumer<ConsumerEvents>>,
    tokens: Option<Arc<Tokens>>,
) -> Result<Writing, StartError> {
    let mut client = kafka::producer(settings);
    client.set("batch.size", batch_bytes.to_string());
    let transactional = settings.delivery.mode == Mode::ExactlyOnce;
    if transactional {
        kafka::make_transactional(&mut client, settings, worker);
    }
    let events = ProducerEvents::new(tokens);
    let producer = Arc::new(BaseProducer::from_config_and_context(&client, events)?);
    let transactor = transactional
        .then(|| Transactor::start(Arc::clone(&producer), Arc::clone(consumer)))
        .transpose()?;
    Ok((producer, transactor))
}
