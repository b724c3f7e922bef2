//! What lifts a refusal, and what does not.
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::BaseProducer;

use super::progress::STALL_AFTER;
use super::*;
use crate::config::Sources;
use crate::delivery::{Action, Delivery, Event, Position, Taken, Token};
use crate::kafka::ProducerEvents;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::tally;
use crate::telemetry::Health;

const TIMEOUT: Duration = Duration::from_mins(5);

struct Bench {
    cluster: Option<MockCluster<'static, rdkafka::producer::DefaultProducerContext>>,
    producer: BaseProducer<ProducerEvents>,
    outputs: Outputs,
    health: Health,
    observer: Observer,
    delivery: Delivery<i64>,
    now: Instant,
}

impl Bench {
    /// One worker whose output topics are there.
    fn new() -> Bench {
        let cluster = MockCluster::new(1).unwrap();
        for topic in ["out", "dead"] {
            cluster.create_topic(topic, 1, 1).unwrap();
        }
        let set = [
            &format!("kafka.bootstrap_servers={}", cluster.bootstrap_servers()),
            "input.topics=in",
            "input.group_id=group",
            "output.topic=out",
            "dead_letter.topic=dead",
            "kafka.refusal_timeout=5m",
        ];
        let settings = Settings::load(&Sources {
            files: Vec::new(),
            environment: Vec::new(),
            set: set.map(str::to_owned).to_vec(),
        })
        .unwrap();
        let client = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .clone();
        let now = Instant::now();
        let health = Health::new(1, now);
        let worker = health.workers().next().unwrap();
        Bench {
            producer: BaseProducer::from_config_and_context(&client, ProducerEvents::new(None))
                .unwrap(),
            outputs: Outputs::new(&settings),
            observer: Observer::new(0, tally::tests::metrics(), worker, &settings),
            delivery: Delivery::new(crate::delivery::Settings::default(), now),
            health,
            now,
            cluster: Some(cluster),
        }
    }

    fn id() -> TopicPartition {
        TopicPartition {
            topic: Arc::from("in"),
            partition: 0,
        }
    }

    /// A message of the worker's one partition whose output is on its way.
    fn send(&mut self) -> Token {
        if self.delivery.owned().next().is_none() {
            self.event(Event::Assigned(vec![Position {
                id: Bench::id(),
                offset: 7,
                is_committed: true,
            }]));
        }
        let Taken { slot, .. } = self.delivery.take(self.now, "in", 0, 7).unwrap();
        let actions = self.event(Event::Diagnosed {
            slot,
            offset: 7,
            outputs: 1,
            receipt: 7,
        });
        self.event(Event::Enqueued);
        match actions[..] {
            [Action::Produce { token, .. }] => token,
            ref actions => panic!("{actions:?}"),
        }
    }

    fn event(&mut self, event: Event<i64>) -> Vec<Action<i64>> {
        self.delivery.handle(self.now, event);
        std::iter::from_fn(|| self.delivery.next_action()).collect()
    }

    fn watch(&mut self) {
        self.observer
            .watch(self.now, &self.delivery, &self.producer, &self.outputs);
    }

    fn refuse_output(&mut self, token: Token) {
        let code = RDKafkaErrorCode::TopicAuthorizationFailed;
        let failure = Failure {
            code,
            fault: classify(code),
            bytes: 1,
        };
        self.observer.output_failed(self.now, failure);
        self.event(Event::Failed(token));
        self.watch();
    }

    fn check(&self, name: &str) -> String {
        let checks = self.health.checks(self.now).into_iter();
        let mut lines = checks.map(|check| check.line());
        lines.find(|line| line.contains(name)).unwrap()
    }
}

const REFUSED: &str = "failed output worker 0: a right on the topic or the group is missing";

#[test]
fn an_output_whose_partition_went_away_is_not_known_to_arrive() {
    let mut bench = Bench::new();
    let token = bench.send();
    bench.refuse_output(token);
    assert_eq!(bench.check("output"), REFUSED);
    bench.event(Event::Lost(vec![Bench::id()]));
    bench.cluster = None;
    bench.watch();
    assert!(bench.check("output").starts_with("failed"));
}

#[test]
fn that_a_topic_can_be_seen_neither_lifts_a_refusal_nor_gives_it_more_time() {
    let mut bench = Bench::new();
    bench.watch();
    assert_eq!(bench.check("output"), "ok output worker 0");
    let token = bench.send();
    bench.refuse_output(token);
    assert!(!bench.observer.is_refused_for_good(bench.now));

    // The partition goes and comes back: only what is written shows that the right is there.
    bench.event(Event::Lost(vec![Bench::id()]));
    bench.now += TIMEOUT / 2;
    bench.watch();
    assert!(!bench.observer.is_refused_for_good(bench.now));
    bench.now += TIMEOUT / 2;
    let token = bench.send();
    bench.refuse_output(token);
    assert!(bench.observer.is_refused_for_good(bench.now));

    bench.observer.may_write();
    assert!(!bench.observer.is_refused_for_good(bench.now));
    assert_eq!(bench.check("output"), "ok output worker 0");
}

#[test]
fn a_producer_without_a_right_stays_refused_until_it_may_write() {
    let mut bench = Bench::new();
    let code = RDKafkaErrorCode::TransactionalIdAuthorizationFailed;
    bench.observer.refused_to_write(bench.now, code);
    bench.watch();
    assert_eq!(bench.check("output"), REFUSED);
    assert!(!bench.observer.is_refused_for_good(bench.now));
    bench.now += TIMEOUT;
    bench.watch();
    assert!(bench.observer.is_refused_for_good(bench.now));
}

#[test]
fn a_transaction_is_charged_to_what_it_is_about() {
    let mut bench = Bench::new();
    let group = |bench: &Bench| bench.check("joined").contains("a right on");
    let output = |bench: &Bench| bench.check("output").contains("a right on");
    let topic = RDKafkaErrorCode::TopicAuthorizationFailed;
    bench.observer.transaction_failed(bench.now, topic);
    assert!(output(&bench) && !group(&bench));
    let mut bench = Bench::new();
    let code = RDKafkaErrorCode::GroupAuthorizationFailed;
    bench.observer.transaction_failed(bench.now, code);
    assert!(group(&bench) && !output(&bench));
}

#[test]
fn partitions_without_a_start_are_not_ready_and_stall_after_a_minute() {
    let mut bench = Bench::new();
    bench.observer.assigned([Bench::id()].iter());
    assert_eq!(bench.check("joined"), "ok joined worker 0");
    bench.observer.searching(bench.now, true);
    bench.observer.received(1);
    assert_eq!(bench.check("joined"), "failed joined worker 0: not yet");
    bench.now += STALL_AFTER;
    bench.watch();
    assert!(bench.check("progress").contains("are not found"));
    bench.observer.searching(bench.now, false);
    bench.watch();
    assert_eq!(bench.check("joined"), "ok joined worker 0");
    assert_eq!(bench.check("progress"), "ok progress worker 0");
}

#[test]
fn a_transaction_that_may_begin_lifts_the_refusal_of_its_id_and_not_that_of_a_topic() {
    let mut bench = Bench::new();
    let id = RDKafkaErrorCode::TransactionalIdAuthorizationFailed;
    bench.observer.refused_to_write(bench.now, id);
    assert_eq!(bench.check("output"), REFUSED);
    bench.observer.may_begin();
    assert!(bench.check("output").starts_with("ok"));
    let topic = RDKafkaErrorCode::TopicAuthorizationFailed;
    bench.observer.refused_to_write(bench.now, topic);
    bench.observer.may_begin();
    assert_eq!(bench.check("output"), REFUSED);
    bench.now += TIMEOUT;
    assert!(!bench.observer.is_refused_for_good(bench.now));
    bench.now += TIMEOUT;
    assert!(bench.observer.is_refused_for_good(bench.now));
    bench.observer.may_write();
    assert!(bench.check("output").starts_with("ok"));
}
