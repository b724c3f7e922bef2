//! `check --online` names the step that fails, and leaves no trace.
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use signin_diagnostics::cli::demo::generator::Profile;

use crate::refuses_no_record::limited;
use crate::support::broker::free_port;
use crate::support::certificates::Certificate;
use crate::support::said;
use crate::support::secured::Operation::{Describe, Read, Write};
use crate::support::secured::Resource::{Group, Topic};
use crate::support::secured::{PASSWORD, secured};
use crate::support::topics::{create_topic_with, topic_name};
use crate::support::{Load, Setup, read_all_on};

/// Each step has 15 s; only the steps up to the one that fails can take long.
const DEADLINE: Duration = Duration::from_mins(1);

struct Answer {
    code: Option<i32>,
    lines: Vec<Value>,
    text: String,
}

impl Answer {
    /// The results of a step, in order.
    fn results(&self, step: &str) -> Vec<&str> {
        let of_step = self.lines.iter().filter(|line| line["step"] == step);
        of_step
            .map(|line| line["result"].as_str().expect("a result"))
            .collect()
    }

    /// The one line that failed.
    fn failure(&self) -> &Value {
        let failed: Vec<&Value> = self
            .lines
            .iter()
            .filter(|line| line["result"] == "fail")
            .collect();
        assert_eq!(failed.len(), 1, "{}", self.text);
        assert_eq!(self.code, Some(1));
        assert!(failed[0]["remedy"].is_string());
        failed[0]
    }

    fn fails_at(&self, step: &str, detail: &str, remedy: &str) {
        let failure = self.failure();
        assert_eq!(failure["step"], step, "{}", self.text);
        let said = |key: &str| failure[key].as_str().expect("text");
        assert!(said("detail").contains(detail), "{failure}");
        assert!(said("remedy").contains(remedy), "{failure}");
    }
}

fn check(setup: &Setup, other: &[(&str, &str)]) -> Answer {
    let broker = secured();
    let mut settings = vec![
        ("kafka.bootstrap_servers", broker.sasl.clone()),
        ("kafka.security.protocol", "sasl_ssl".to_owned()),
        ("kafka.security.ca_file", broker.ca_file()),
        ("kafka.security.username", "limited".to_owned()),
        ("kafka.security.password", PASSWORD.to_owned()),
        ("input.topics", setup.input.clone()),
        ("input.group_id", setup.group.clone()),
        ("output.topic", setup.output.clone()),
        ("dead_letter.topic", setup.dead_letters.clone()),
    ];
    settings.extend(other.iter().map(|(key, value)| (*key, (*value).to_owned())));
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["check", "--online"])
        .args(
            settings
                .iter()
                .flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]),
        )
        .output()
        .expect("it runs");
    assert!(started.elapsed() < DEADLINE, "{:?}", started.elapsed());
    said::keep("check", [&output.stdout[..], &output.stderr].concat());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!text.contains(PASSWORD) && !errors.contains(PASSWORD));
    assert_eq!(errors, "", "{text}");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    Answer {
        code: output.status.code(),
        lines,
        text,
    }
}

#[test]
fn every_step_passes_and_nothing_is_left_behind() {
    let setup = limited("check");
    let answer = check(&setup, &[]);
    assert_eq!(answer.code, Some(0), "{}", answer.text);
    for (step, results) in [
        ("resolve", vec!["pass"]),
        ("connect", vec!["pass"]),
        ("tls", vec!["pass"]),
        ("authenticate", vec!["pass"]),
        ("topic", vec!["pass"; 3]),
        ("read", vec!["pass"]),
        ("group", vec!["pass"]),
        ("write", vec!["pass"; 2]),
        // The user may not ask for settings, nor use transactions.
        ("size", vec!["skipped"; 2]),
        ("transactions", vec!["skipped"]),
    ] {
        assert_eq!(answer.results(step), results, "{step}: {}", answer.text);
    }
    let tls = answer.lines.iter().find(|line| line["step"] == "tls");
    let tls = tls.expect("a step")["detail"].as_str().expect("text");
    assert!(tls.contains("certificate of localhost"), "{tls}");
    assert!(tls.contains(&secured().ca_file()), "{tls}");
    let plain = &secured().broker.bootstrap;
    for topic in [&setup.output, &setup.dead_letters] {
        assert!(read_all_on(plain, topic).is_empty());
    }
    let progress = setup.progress();
    assert!(progress.values().all(|p| p.committed == 0 && p.end == 0));

    let all = check(&setup, &[("kafka.security.username", "service")]);
    assert_eq!(all.code, Some(0), "{}", all.text);
    assert_eq!(all.results("size"), ["pass"; 2], "{}", all.text);
    assert_eq!(all.results("transactions"), ["pass"], "{}", all.text);
}

#[test]
fn a_running_service_is_not_disturbed() {
    let setup = limited("check-running");
    let load = Load::generate(25, Profile::tests(), 40);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_ready();
    setup.wait_committed(DEADLINE);
    let before = service.metrics().sum("signin_rebalances_total");
    let answer = check(&setup, &[]);
    assert_eq!(answer.code, Some(0), "{}", answer.text);
    assert!(
        answer.text.contains("members at work: 1"),
        "{}",
        answer.text
    );
    assert_eq!(service.metrics().sum("signin_rebalances_total"), before);
    assert_eq!(setup.diagnoses().len(), load.ids().len());
    service.stop();
}

#[test]
fn each_fault_is_named_with_its_remedy() {
    let broker = secured();
    let setup = limited("check-faults");

    let closed = format!("127.0.0.1:{}", free_port().expect("a port"));
    let answer = check(&setup, &[("kafka.bootstrap_servers", &closed)]);
    answer.fails_at("connect", "refused", "check the port");
    assert!(answer.results("authenticate").is_empty());

    let unknown = "no-such-host.invalid:9093";
    let answer = check(&setup, &[("kafka.bootstrap_servers", unknown)]);
    answer.fails_at("resolve", "", "kafka.bootstrap_servers");

    let plain = &broker.broker.bootstrap;
    let answer = check(&setup, &[("kafka.bootstrap_servers", plain)]);
    answer.fails_at("tls", "", "the port must speak TLS");

    let other = Certificate::authority("another authority");
    let other = broker.file("other.pem", &other.pem());
    let other = other.to_str().expect("UTF-8");
    let answer = check(&setup, &[("kafka.security.ca_file", other)]);
    answer.fails_at("tls", "not trusted by", "kafka.security.ca_file");

    let answer = check(&setup, &[("kafka.security.password", "wrong")]);
    answer.fails_at("authenticate", "PLAIN as limited", "password_file");

    let missing = topic_name("check-missing");
    broker.allow("limited", Write, Topic, &missing);
    let answer = check(&setup, &[("output.topic", &missing)]);
    answer.fails_at("topic", "", "create the topic");
    assert_eq!(answer.results("write"), ["skipped", "pass"]);

    broker.forbid("limited", Read, Topic, &setup.input);
    let answer = check(&setup, &[]);
    answer.fails_at("topic", "authorization", "READ on the topics");
    broker.allow("limited", Describe, Topic, &setup.input);
    let answer = check(&setup, &[]);
    answer.fails_at("read", "authorization", "READ on the topics");
    assert_eq!(answer.results("group"), ["skipped"], "{}", answer.text);
    broker.allow("limited", Read, Topic, &setup.input);

    broker.forbid("limited", Write, Topic, &setup.dead_letters);
    broker.allow("limited", Describe, Topic, &setup.dead_letters);
    let answer = check(&setup, &[]);
    answer.fails_at("write", "authorization", "WRITE on output.topic");
    broker.allow("limited", Write, Topic, &setup.dead_letters);

    broker.forbid("limited", Read, Group, &setup.group);
    let answer = check(&setup, &[]);
    assert_eq!(answer.results("read"), ["pass"], "{}", answer.text);
    answer.fails_at("group", "authorization", "READ on the consumer group");
}

#[test]
fn a_topic_that_takes_too_little_and_transactions_that_are_refused_are_named() {
    let setup = limited("check-limits");
    let small = topic_name("check-small");
    let plain = &secured().broker.bootstrap;
    create_topic_with(plain, &small, 1, &[("max.message.bytes", "1000")]);
    let service = ("kafka.security.username", "service");
    let answer = check(&setup, &[service, ("output.topic", &small)]);
    answer.fails_at("size", "the topic takes 1000", "raise max.message.bytes");

    let once = ("delivery.mode", "exactly_once");
    let answer = check(&setup, &[once]);
    answer.fails_at("transactions", "refused", "grant Write and Describe");
}

/// Batches above what Event Hubs takes, and a hub that is not there.
#[test]
fn what_is_peculiar_to_event_hubs_is_named() {
    let setup = limited("check-event-hubs");
    let answer = check(
        &setup,
        &[
            ("kafka.profile", "event_hubs"),
            ("kafka.properties.message.max.bytes", "2000000"),
            ("kafka.properties.batch.size", "2000000"),
        ],
    );
    assert_eq!(answer.results("size"), ["fail"; 2], "{}", answer.text);
    let missing = topic_name("check-missing-hub");
    secured().allow("limited", Write, Topic, &missing);
    let hubs = ("kafka.profile", "event_hubs");
    let answer = check(&setup, &[hubs, ("output.topic", &missing)]);
    answer.fails_at("topic", "", "create the event hub");
}

#[test]
fn a_pattern_is_shown_with_what_it_matches() {
    let setup = limited("check-pattern");
    let pattern = format!("^{}$", setup.input.replace("check-pattern", "check-[a-z]+"));
    let answer = check(&setup, &[("input.topics", &pattern)]);
    assert_eq!(answer.code, Some(0), "{}", answer.text);
    let shown = answer.lines.iter().find(|line| line["target"] == pattern);
    let detail = shown.map(|line| line["detail"].clone());
    assert_eq!(detail, Some(format!("matches 1: {}", setup.input).into()));
    assert_eq!(answer.results("read"), ["pass"]);
    assert_eq!(answer.results("group"), ["pass"]);

    let answer = check(&setup, &[("input.topics", "^no-such-topic-")]);
    answer.fails_at("topic", "no topic that can be seen", "change the pattern");
    assert_eq!(answer.results("group"), ["skipped"]);
}
