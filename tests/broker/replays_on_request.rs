//! A replay asks before it writes, and takes letters and ranges for what they are.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::modes::at_least_once;
use crate::support::load::diagnosis;
use crate::support::proxy::{Side, Way};
use crate::support::topics::topic_on;
use crate::support::{Setup, read_all_on, wait_until};
use crate::survives_the_network::{Network, behind};

const DEADLINE: Duration = Duration::from_mins(1);

fn sign_in(id: Option<&str>, padding: &str) -> Value {
    json!({"category": "SignInLogs", "tenantId": "t", "properties": {
        "id": id, "createdDateTime": "2026-11-20T10:00:00Z", "userId": padding,
        "status": {"errorCode": 53003}}})
}

fn ids(bootstrap: &str, topic: &str) -> BTreeSet<String> {
    let messages = read_all_on(bootstrap, topic);
    messages.iter().map(|one| diagnosis(one).id).collect()
}

fn sign_ins(bootstrap: &str, topic: &str) -> BTreeSet<String> {
    let messages = read_all_on(bootstrap, topic);
    messages
        .iter()
        .map(|one| diagnosis(one).sign_in_id)
        .collect()
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// Sends messages of these times to partition 0, in one batch.
fn send_at(setup: &Setup, messages: &[(i64, String)]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &setup.bootstrap)
        .set("linger.ms", "500")
        .set("compression.codec", "gzip")
        .create()
        .expect("a producer");
    for (time, body) in messages {
        let record = BaseRecord::<(), str>::to(&setup.input).partition(0);
        let record = record.payload(body).timestamp(*time);
        assert!(producer.send(record).is_ok());
    }
    producer.flush(DEADLINE).expect("all is sent");
}

#[test]
fn a_range_begins_and_ends_within_a_batch() {
    let setup = Setup::new("replay-batch", 1);
    let begin = 1_790_000_000_000;
    let messages: Vec<_> = (0..6)
        .map(|n| {
            let id = n.to_string();
            (begin + n * 1000, sign_in(Some(&id), "user").to_string())
        })
        .collect();
    send_at(&setup, &messages);
    let time = |n: i64| {
        let time = chrono::DateTime::from_timestamp_millis(begin + n * 1000).expect("a time");
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    let (from, to) = (time(2), time(5));
    let done = setup.command(&["replay", "--from", &from, "--to", &to, "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    let found = sign_ins(&setup.bootstrap, &setup.output);
    assert_eq!(found, ["2", "3", "4"].map(str::to_owned).into());
}

/// The place that a letter names is that of its record, not of its message.
#[test]
fn a_letter_from_the_middle_of_a_message_gets_the_id_of_its_place() {
    let setup = Setup::new("replay-middle", 1);
    let records: Vec<Value> = (0..3)
        .map(|n| sign_in(None, &format!("user-{n}")))
        .collect();
    setup.send([json!({ "records": records }).to_string()]);
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    service.stop();
    let all = ids(&setup.bootstrap, &setup.output);
    assert_eq!(all.len(), 3);

    let mut again = setup.clone();
    again.output = topic_on(&setup.bootstrap, "replay-middle-again", 1);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &setup.bootstrap)
        .create()
        .expect("a producer");
    for position in [1, 2] {
        let position = position.to_string();
        let place = [
            ("source_topic", setup.input.as_str()),
            ("source_partition", "0"),
            ("source_offset", "0"),
            ("source_position", &position),
        ];
        let headers = place
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(*value),
                })
            });
        let body = records[position.parse::<usize>().expect("a number")].to_string();
        let record = BaseRecord::<(), str>::to(&setup.dead_letters).partition(0);
        assert!(
            producer
                .send(record.payload(&body).headers(headers))
                .is_ok()
        );
    }
    producer.flush(DEADLINE).expect("all is sent");
    let done = again.command(&["replay", "--dead-letters", "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    let found = ids(&setup.bootstrap, &again.output);
    assert_eq!(found.len(), 2);
    assert!(found.is_subset(&all), "{found:?} {all:?}");
}

/// A letter that was too long for the topic comes compressed; one that was too long even so is
/// only its begin.
#[test]
fn a_compressed_letter_is_read_whole_and_a_cut_one_is_told() {
    let setup = Setup::new("replay-long", 1)
        .set("dead_letter.max_ratio", "0")
        .set("dead_letter.max_consecutive", "0")
        .set("kafka.properties.\"message.max.bytes\"", "20000");
    let many = |padding: &dyn Fn(usize) -> String| {
        let record = |n: usize| sign_in(Some(&format!("id-{n}")), &padding(n));
        let records: Vec<Value> = (0..150).map(record).collect();
        json!({ "records": records }).to_string()
    };
    let mut random = crate::support::random::Random::new(65);
    let noise: Vec<String> = (0..150)
        .map(|_| {
            let mut text = String::new();
            for _ in 0..16 {
                let _ = write!(text, "{:016x}", random.below(u64::MAX));
            }
            text
        })
        .collect();
    setup.send([many(&|n| format!("user-{n}")), many(&|n| noise[n].clone())]);
    let limit = "SIGNIN_DIAGNOSTICS__LIMITS__RECORDS_PER_MESSAGE";
    let mut service = setup.clone().env(limit, "100").start();
    setup.wait_committed(DEADLINE);
    service.stop();
    let letters = setup.read_dead_letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].header("content-encoding"), Some(&b"gzip"[..]));
    assert!(letters[1].header("original_bytes").is_some());

    let done = setup.command(&["replay", "--dead-letters", "--yes"]);
    let said = text(&done);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("truncated 1"), "{said}");
    assert!(said.contains("acknowledged: 150 of 150 records"), "{said}");
    assert_eq!(sign_ins(&setup.bootstrap, &setup.output).len(), 150);
}

/// A replay of everything, on a terminal of its own, which `script` makes.
struct Terminal {
    script: Child,
    keys: ChildStdin,
    _folder: TempDir,
}

impl Terminal {
    fn replay(setup: &Setup) -> Terminal {
        let folder = TempDir::with_prefix("signin-diagnostics-replay-").expect("a folder");
        let config = setup.write_config(folder.path());
        let program = env!("CARGO_BIN_EXE_signin-diagnostics");
        let replay = format!(
            "exec {program} replay --from 2020-01-01T00:00:00Z --config {}",
            config.display()
        );
        let mut script = Command::new("script")
            .args(["-qefc", &replay, "/dev/null"])
            .envs(setup.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("script, of the package bsdutils, is there");
        let keys = script.stdin.take().expect("it is piped");
        Terminal {
            script,
            keys,
            _folder: folder,
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("they are read");
    }

    fn end(self) -> (Option<i32>, String) {
        let output = self.script.wait_with_output().expect("it ends");
        (output.status.code(), text(&output))
    }
}

fn answers(setup: &Setup, answer: &str) -> (Option<i32>, String) {
    let mut terminal = Terminal::replay(setup);
    terminal.press(&format!("{answer}\n"));
    terminal.end()
}

#[test]
fn on_a_terminal_it_asks_and_writes_only_after_a_yes() {
    let setup = Setup::new("replay-asks", 1);
    setup.send([sign_in(Some("one"), "user").to_string()]);
    let written = || sign_ins(&setup.bootstrap, &setup.output).len();
    for no in ["n", "", "sure"] {
        let (code, said) = answers(&setup, no);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("Write 1 records to"), "{said}");
        assert!(said.contains("nothing was written"), "{said}");
        assert_eq!(written(), 0);
    }
    let (code, said) = answers(&setup, "y");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(written(), 1);
}

/// Ctrl-C in the middle of writing: it says where to go on, and from there the rest comes out.
#[test]
fn what_ctrl_c_interrupts_goes_on_where_it_says() {
    const SIGN_INS: i64 = 200;
    let (setup, proxy) = behind(Network::Replayed, "replay-stopped", at_least_once);
    let setup = setup
        .set("delivery.drain_timeout", "\"1s\"")
        .set("kafka.properties.\"batch.num.messages\"", "5");
    let messages: Vec<_> = (0..SIGN_INS)
        .map(|n| {
            let sign_in = sign_in(Some(&n.to_string()), "user");
            (1_790_000_000_000 + n * 1000, sign_in.to_string())
        })
        .collect();
    send_at(&setup, &messages);
    let wanted: BTreeSet<String> = (0..SIGN_INS).map(|n| n.to_string()).collect();
    let written = || sign_ins(&setup.bootstrap, &setup.output);

    proxy.set(
        Side::Output,
        Way::Slow {
            bytes_a_second: 10_000,
        },
    );
    let mut terminal = Terminal::replay(&setup);
    terminal.press("y\n");
    wait_until(DEADLINE, "something is written", || !written().is_empty());
    terminal.press("\u{3}");
    let (code, said) = terminal.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(written().len() < wanted.len(), "all was written: {said}");
    let go_on = said.split("go on with --from ").nth(1);
    let go_on = go_on.and_then(|rest| rest.split_whitespace().next());
    let from = go_on.unwrap_or_else(|| panic!("{said}"));

    proxy.set(Side::Output, Way::Open);
    let done = setup.command(&["replay", "--from", from, "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    assert_eq!(written(), wanted);
    assert!(!text(&done).contains("200 of 200"), "it began again");
}
