//! `search` and `review` over the output topic: everything in the range is found wherever it
//! lies, and what is missing is told.
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use signin_diagnostics::config::{Settings, Sources};
use signin_diagnostics::kafka;
use signin_diagnostics::query::partition;
use uuid::Uuid;

use crate::support::broker::broker;
use crate::support::console::Console;
use crate::support::said;
use crate::support::topics::topic_name;
use crate::support::{read_all, topic};

const FLUSH: Duration = Duration::from_secs(30);

fn set(topic: &str) -> Vec<String> {
    vec![
        format!("kafka.bootstrap_servers={}", broker().bootstrap),
        format!("output.topic={topic}"),
        "input.topics=none".to_owned(),
        "input.group_id=searches".to_owned(),
        "dead_letter.topic=none-dead".to_owned(),
    ]
}

/// The producer of the service, with its partitioner.
fn producer(topic: &str) -> ThreadedProducer<DefaultProducerContext> {
    let sources = Sources {
        set: set(topic),
        ..Sources::default()
    };
    let settings = Settings::load(&sources).expect("valid settings");
    kafka::producer(&settings).create().expect("a producer")
}

/// Sends a body with the user's id as its key, as written at `time`.
fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    user: &str,
    body: Option<&[u8]>,
    time: DateTime<Utc>,
) {
    let mut record = BaseRecord::<str, [u8]>::to(topic)
        .key(user)
        .timestamp(time.timestamp_millis());
    record.payload = body;
    producer
        .send(record)
        .map_err(|(error, _)| error)
        .expect("room in the queue");
}

fn diagnosis(user: &str, time: DateTime<Utc>, outcome: &str) -> (Uuid, Vec<u8>) {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{user}{time}").as_bytes());
    let record = serde_json::json!({
        "schema_version": 1, "diagnosis_id": id.to_string(), "sign_in_id": id.to_string(), "event_time": time.to_rfc3339(),
        "scenario": "successful_sign_in", "outcome": outcome, "error": { "code": 0 },
        "user": { "id": user, "principal_name": format!("user-{}@fabrikam.example", &user[..8]) },
    });
    (id, record.to_string().into_bytes())
}

fn run(topic: &str, args: &[&str]) -> Output {
    let set = set(topic);
    Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(args)
        .args(set.iter().flat_map(|one| ["--set", one]))
        .stdin(Stdio::null())
        .output()
        .expect("the built binary starts")
}

/// The ids found, and what was said.
fn found(output: &Output) -> (BTreeSet<Uuid>, String) {
    said::keep("search", &output.stderr);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let ids = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("a record a line");
            value["diagnosis_id"]
                .as_str()
                .and_then(|id| id.parse().ok())
                .expect("its id")
        })
        .collect();
    (ids, said)
}

#[test]
fn a_search_finds_what_lies_in_its_range_in_every_partition() {
    let topic = topic("search", 4);
    let producer = producer(&topic);
    let now = Utc::now();
    let users: Vec<String> = (0..40)
        .map(|n: u128| {
            Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_string()
        })
        .collect();
    let mut expected = BTreeSet::new();
    let mut of_first = BTreeSet::new();
    for (n, user) in users.iter().enumerate() {
        for hours in [1, 5] {
            let time =
                now - TimeDelta::hours(hours) - TimeDelta::seconds(i64::try_from(n).expect("few"));
            let (id, body) = diagnosis(user, time, "succeeded");
            send(
                &producer,
                &topic,
                user,
                Some(&body),
                time + TimeDelta::minutes(5),
            );
            if hours == 1 {
                expected.insert(id);
            }
            if n == 0 {
                of_first.insert(id);
            }
        }
    }
    // A record that was deleted by its key, and an update of one that was found.
    send(&producer, &topic, &users[1], None, now);
    let updated = now - TimeDelta::hours(1) - TimeDelta::seconds(1);
    let (changed, body) = diagnosis(&users[1], updated, "failed");
    send(&producer, &topic, &users[1], Some(&body), now);
    producer.flush(FLUSH).expect("all are sent");

    // The partitioner is the one that the producer uses.
    let messages = read_all(&topic);
    let partitions: BTreeSet<i32> = messages.iter().map(|message| message.partition).collect();
    assert_eq!(partitions.len(), 4);
    for message in &messages {
        let key = message.key.as_deref().expect("a key");
        assert_eq!(message.partition, partition::of_key(key, 4));
    }

    let (ids, said) = found(&run(&topic, &["search", "--from", "2h"]));
    assert_eq!(ids, expected, "{said}");
    let (ids, said) = found(&run(
        &topic,
        &["search", "--from", "2h", "--outcome", "failed"],
    ));
    assert_eq!(ids, BTreeSet::from([changed]), "{said}");
    for user in [
        users[0].to_uppercase(),
        format!("USER-{}@fabrikam.example", &users[0][..8]),
    ] {
        let (ids, said) = found(&run(&topic, &["search", "--from", "1d", "--user", &user]));
        assert_eq!(ids, of_first, "{user}: {said}");
    }
    // Written up to an hour later than it happened is far enough here.
    let (ids, said) = found(&run(
        &topic,
        &["search", "--from", "2h", "--to", "now", "--max-delay", "1h"],
    ));
    assert_eq!(ids, expected, "{said}");

    // Where a search stopped short of the end, it says where.
    let range = ["search", "--from", "6h", "--to", "299m"];
    let (ids, said) = found(&run(&topic, &[&range[..], &["--max-delay", "1m"]].concat()));
    assert!(ids.is_empty(), "{said}");
    assert!(said.contains("Records written until "), "{said}");
    assert!(said.contains("--max-delay reads on"), "{said}");
    let (ids, said) = found(&run(&topic, &range));
    assert_eq!(ids.len(), users.len(), "{said}");

    let id = changed.to_string();
    let review = run(&topic, &["review", &id[..8], "--format", "json"]);
    let (ids, said) = found(&review);
    assert_eq!(ids, BTreeSet::from([changed]), "{said}");

    let (ids, said) = found(&run(&topic, &["search", "--from", "10m"]));
    assert!(ids.is_empty());
    assert!(
        said.contains("Nothing between ") && said.contains(" The topic starts at "),
        "{said}"
    );
}

/// What the console answers to a request, without its head.
fn page(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(FLUSH)).expect("it is set");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_console_shows_what_lies_in_the_topic() {
    let topic = topic("console", 4);
    let producer = producer(&topic);
    let now = Utc::now();
    let mut ids = Vec::new();
    for n in 0..20 {
        let user = Uuid::from_u128(n).to_string();
        let time = now - TimeDelta::hours(2);
        let (id, body) = diagnosis(&user, time, "failed");
        send(&producer, &topic, &user, Some(&body), time);
        ids.push(id);
    }
    producer.flush(FLUSH).expect("all are sent");
    let set = set(&topic);
    let mut console = Console::start(
        Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
            .args(["console", "--set", "console.listen=127.0.0.1:0"])
            .args(set.iter().flat_map(|one| ["--set", one])),
        None,
    );
    let address = console.address();

    let list = page(address, "/search?from=3h");
    assert!(list.contains("<h1>20 sign-ins</h1>"), "{list}");
    // One partition by the user's id.
    let one = page(address, &format!("/search?user={}", Uuid::from_u128(7)));
    assert!(one.contains("<h1>1 sign-in</h1>"), "{one}");
    let link = one.split_once("href=\"/review/").expect("a link").1;
    assert!(link.starts_with(&ids[7].to_string()), "{link}");
    let link = link.split_once('"').expect("its end").0;
    assert!(link.contains("&#38;to="), "{link}");
    let path = format!("/review/{}", link.replace("&#38;", "&"));
    let review = page(address, &path);
    assert!(review.starts_with("HTTP/1.1 200 "), "{path}: {review}");
    let counts = page(address, "/search?group=code");
    assert!(
        counts.contains("<h1>20 sign-ins in 1 group</h1>"),
        "{counts}"
    );
    let review = page(address, &format!("/review/{}", ids[7]));
    assert!(review.starts_with("HTTP/1.1 200 "), "{review}");
    let nothing = page(address, "/search?from=10m");
    assert!(nothing.contains(" The topic starts at "), "{nothing}");
    assert!(console.stop().success());
}

#[test]
fn a_topic_that_is_missing_or_empty_is_told() {
    let name = topic_name("search-missing");
    let output = run(&name, &["search"]);
    let (_, said) = found(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!("there is no topic {name:?} on these brokers")),
        "{said}"
    );
    let empty = topic("search-empty", 2);
    let output = run(&empty, &["search"]);
    let (_, said) = found(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said.contains(&format!("The topic {empty} is empty.")),
        "{said}"
    );
}
