//! `check --online`: walks the way that `run` will go, step by step.
//!
//! It changes nothing that others see: it commits no offset, joins the group only while that has
//! no members, and writes no record that Apache Kafka keeps. Every step has a deadline. Secrets
//! are in no line: no text here is made from one.
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::clients::{self, Consumer, until};
use super::outputs::{size, transactions, write};
use super::report::{Finding, Report};
use super::{STEP, network};
use crate::config::{Profile, Sasl, Settings, is_topic_pattern};
use crate::kafka::{self, Credential, Tokens, classify, missing_right};
use crate::telemetry::BrokerFault;

pub(super) const SLICE: Duration = Duration::from_millis(100);

/// Within it a broker on the same continent answers.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// Walks all steps; gives the number of those that failed.
pub fn walk<W: Write>(settings: &Settings, mut report: Report<'_, W>) -> io::Result<usize> {
    if reach(settings, &mut report)? {
        match token(settings) {
            Ok((tokens, finding)) => {
                if let Some(finding) = finding {
                    report.add(&finding)?;
                }
                brokers(settings, tokens.as_ref(), &mut report)?;
            }
            Err(finding) => {
                report.add(&finding)?;
            }
        }
    }
    report.end()
}

/// Whether at least one broker can be spoken to.
fn reach<W: Write>(settings: &Settings, report: &mut Report<'_, W>) -> io::Result<bool> {
    let security = &settings.kafka.security;
    let mut reached = false;
    for server in settings.kafka.bootstrap_servers.split(',') {
        let (addresses, finding) = match network::resolve(server) {
            Ok(found) => found,
            Err(finding) => {
                report.add(&finding)?;
                continue;
            }
        };
        report.add(&finding)?;
        let (stream, finding) = match network::connect(server, &addresses) {
            Ok(found) => found,
            Err(finding) => {
                report.add(&finding)?;
                continue;
            }
        };
        report.add(&finding)?;
        let finding = if security.protocol.is_tls() {
            network::tls(server, stream, security)
        } else {
            let protocol = security.protocol.as_str();
            Finding::skipped("tls", server, format!("the protocol {protocol} has none"))
        };
        reached |= report.add(&finding)?;
    }
    Ok(reached)
}

type Shown = (Option<Arc<Tokens>>, Option<Finding>);

/// The token that the clients will show, where they do.
fn token(settings: &Settings) -> Result<Shown, Finding> {
    let security = &settings.kafka.security;
    let Some(Sasl::Token(identity)) = &security.sasl else {
        return Ok((None, None));
    };
    let authority = identity.authority_host.as_str();
    let remedy = "check identity, tenant_id, client_id and the secret of [kafka.security]; \
                  `AADSTS` codes are explained at https://login.microsoftonline.com/error";
    let fail = |detail: String| Finding::fail("token", authority, detail, remedy);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| fail(error.to_string()))?;
    let token = Credential::new(identity.clone(), security)
        .and_then(|credential| runtime.block_on(credential.fetch()))
        .map_err(|error| fail(error.to_string()))?;
    let life = token
        .expires
        .duration_since(std::time::SystemTime::now())
        .unwrap_or_default();
    let detail = format!("for {}, valid for {} s", identity.scope, life.as_secs());
    let tokens = Arc::new(Tokens::default());
    tokens.put(token);
    let finding = Finding::pass("token", authority, detail);
    Ok((Some(tokens), Some(finding)))
}

fn brokers<W: Write>(
    settings: &Settings,
    tokens: Option<&Arc<Tokens>>,
    report: &mut Report<'_, W>,
) -> io::Result<()> {
    let brokers = settings.kafka.bootstrap_servers.as_str();
    let consumer = match clients::consumer(settings, tokens) {
        Ok(consumer) => consumer,
        Err(error) => {
            let remedy = "look at [kafka.properties] and the files of [kafka.security]";
            report.add(&Finding::fail(
                "authenticate",
                brokers,
                error.to_string(),
                remedy,
            ))?;
            return Ok(());
        }
    };
    if !report.add(&authenticate(settings, &consumer))? {
        return Ok(());
    }
    let mut inputs = BTreeSet::new();
    for name in &settings.input.topics {
        if is_topic_pattern(name) {
            let (found, finding) = pattern(&consumer, name);
            report.add(&finding)?;
            inputs.extend(found);
        } else {
            inputs.insert(name.clone());
        }
    }
    let outputs = [&settings.output.topic, &settings.dead_letter.topic];
    let mut visible = BTreeSet::new();
    for name in inputs.iter().chain(outputs) {
        if report.add(&topic(settings, &consumer, name, inputs.contains(name)))? {
            visible.insert(name.as_str());
        }
    }
    let mut readable = !inputs.is_empty();
    for name in &inputs {
        let finding = if visible.contains(name.as_str()) {
            read(&consumer, name)
        } else {
            Finding::skipped("read", name, "the topic cannot be seen")
        };
        readable &= visible.contains(name.as_str());
        readable &= report.add(&finding)?;
    }
    report.add(&group(settings, &consumer, &inputs, readable))?;
    for name in outputs {
        let finding = if visible.contains(name.as_str()) {
            write(settings, tokens, name)
        } else {
            Finding::skipped("write", name, "the topic cannot be seen")
        };
        report.add(&finding)?;
    }
    for name in outputs {
        let finding = if visible.contains(name.as_str()) {
            size(settings, name)
        } else {
            Finding::skipped("size", name, "the topic cannot be seen")
        };
        report.add(&finding)?;
    }
    report.add(&transactions(settings, tokens))?;
    Ok(())
}

/// What a pattern matches now, of what may be seen: a topic without the right to describe it is
/// not among them.
fn pattern(consumer: &Consumer, pattern: &str) -> (Vec<String>, Finding) {
    let topics = match kafka::expand(consumer, &[pattern.to_owned()], ANSWER) {
        Ok(topics) => topics,
        Err(error) => {
            let finding = Finding::fail("topic", pattern, error.to_string(), "try again");
            return (Vec::new(), finding);
        }
    };
    if topics.is_empty() {
        let remedy = "create the topics, grant READ on them, or change the pattern; a topic \
                      that comes later is read when it is there";
        let detail = "no topic that can be seen matches".to_owned();
        return (topics, Finding::fail("topic", pattern, detail, remedy));
    }
    let detail = format!("matches {}: {}", topics.len(), topics.join(", "));
    (topics, Finding::pass("topic", pattern, detail))
}

/// A broker answers only who has proven who it is.
fn authenticate(settings: &Settings, consumer: &Consumer) -> Finding {
    let brokers = settings.kafka.bootstrap_servers.as_str();
    let refused = |code| classify(code) == BrokerFault::Authentication;
    let mut brokers_found = 0;
    let answered = until(STEP, || {
        // The poll also hands a token over, where one is asked for.
        let _ = consumer.poll(SLICE);
        if let Some(error) = consumer.context().error(refused) {
            return Some(Err(error));
        }
        let topic = Some(settings.output.topic.as_str());
        let metadata = consumer.fetch_metadata(topic, SLICE * 10).ok()?;
        brokers_found = metadata.brokers().len();
        Some(Ok(()))
    });
    let how = match &settings.kafka.security.sasl {
        None => "no sign-in is configured".to_owned(),
        Some(Sasl::Password {
            mechanism,
            username,
            ..
        }) => format!("{} as {username}", mechanism.as_str()),
        Some(Sasl::Token(_)) => "OAUTHBEARER".to_owned(),
    };
    match answered {
        Some(Ok(())) => {
            let detail = format!("{how}; brokers in the cluster: {brokers_found}");
            Finding::pass("authenticate", brokers, detail)
        }
        Some(Err((code, reason))) => Finding::fail(
            "authenticate",
            brokers,
            format!("{how}: {code}: {reason}"),
            "check mechanism, username, password_file or connection_string_file of \
             [kafka.security]; at Event Hubs the key must be of this namespace, and with \
             oauthbearer the scope must name it",
        ),
        None => {
            let last = consumer.context().last_error();
            let last =
                last.map_or_else(String::new, |(code, reason)| format!(": {code}: {reason}"));
            Finding::fail(
                "authenticate",
                brokers,
                format!("{how}: no answer within {} s{last}", STEP.as_secs()),
                "check that the protocol of [kafka.security] is the one of this port, and that \
                 the addresses that the brokers advertise can be reached from here",
            )
        }
    }
}

fn topic(settings: &Settings, consumer: &Consumer, name: &str, is_input: bool) -> Finding {
    let fault = match consumer.fetch_metadata(Some(name), ANSWER) {
        Ok(metadata) => match metadata.topics().first() {
            Some(topic) => match topic.error().map(Code::from) {
                None => {
                    let count = topic.partitions().len();
                    let plural = if count == 1 { "" } else { "s" };
                    return Finding::pass("topic", name, format!("{count} partition{plural}"));
                }
                Some(code) => code,
            },
            None => Code::UnknownTopicOrPartition,
        },
        Err(error) => error.rdkafka_error_code().unwrap_or(Code::Unknown),
    };
    let remedy = match classify(fault) {
        BrokerFault::TopicMissing if settings.kafka.profile == Profile::EventHubs => {
            "create the event hub in this namespace; it is not created by itself".to_owned()
        }
        BrokerFault::TopicMissing => "create the topic; it is not created by itself".to_owned(),
        BrokerFault::Authorization if is_input => grant(fault, "consumer"),
        BrokerFault::Authorization => grant(fault, "producer"),
        _ => "try again; the broker's log says more".to_owned(),
    };
    Finding::fail("topic", name, fault.to_string(), remedy)
}

pub(super) fn grant(code: Code, client: &str) -> String {
    format!("grant {}", missing_right(code, client))
}

/// Fetches from the end of the first partition: no message has to be there, none is committed.
fn read(consumer: &Consumer, name: &str) -> Finding {
    let mut end = TopicPartitionList::new();
    let assigned = end
        .add_partition_offset(name, 0, Offset::End)
        .and_then(|()| consumer.assign(&end));
    if let Err(error) = assigned {
        return Finding::fail("read", name, error.to_string(), "try again");
    }
    let answer = until(STEP, || match consumer.poll(SLICE)? {
        Ok(_) | Err(KafkaError::PartitionEOF(_)) => Some(Ok(())),
        Err(error) => {
            // A right on the group that is missing comes this way, too.
            let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
            (code == Code::TopicAuthorizationFailed).then_some(Err(code))
        }
    });
    // What is left over concerns this check alone.
    let _ = consumer.unassign();
    match answer {
        Some(Ok(())) => Finding::pass("read", name, "partition 0 can be read"),
        Some(Err(code)) => Finding::fail("read", name, code.to_string(), grant(code, "consumer")),
        None => Finding::fail(
            "read",
            name,
            format!("no answer within {} s", STEP.as_secs()),
            "look at the broker that leads partition 0",
        ),
    }
}

/// Asks for the group's offsets; joins it while it has no members, since that disturbs nobody.
fn group(
    settings: &Settings,
    consumer: &Consumer,
    inputs: &BTreeSet<String>,
    readable: bool,
) -> Finding {
    let name = settings.input.group_id.as_str();
    let fail = |code: Code| {
        let remedy = match classify(code) {
            BrokerFault::Authorization => grant(code, "consumer"),
            _ => "try again; the broker's log says more".to_owned(),
        };
        Finding::fail("group", name, code.to_string(), remedy)
    };
    let refused = || {
        let error = consumer
            .context()
            .error(|code| code == Code::GroupAuthorizationFailed);
        error.map(|(code, _)| code)
    };
    if let Some(code) = refused() {
        return fail(code);
    }
    let mut partitions = TopicPartitionList::new();
    for topic in inputs {
        partitions.add_partition(topic, 0);
    }
    let offsets = match consumer.committed_offsets(partitions, ANSWER) {
        Ok(offsets) => offsets,
        Err(error) => {
            // The reason, where there is one, lies in the queue.
            let _ = consumer.poll(SLICE);
            let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
            return fail(refused().unwrap_or(code));
        }
    };
    let committed = offsets
        .elements()
        .iter()
        .any(|element| matches!(element.offset(), Offset::Offset(_)));
    let start = if committed {
        "offsets are committed"
    } else {
        "no offset is committed yet"
    };
    let members = match consumer.fetch_group_list(Some(name), ANSWER) {
        Ok(list) => list
            .groups()
            .first()
            .map_or(0, |group| group.members().len()),
        Err(error) => return fail(error.rdkafka_error_code().unwrap_or(Code::Unknown)),
    };
    if members > 0 {
        let detail = format!("{start}; members at work: {members}, so it was not joined");
        return Finding::pass("group", name, detail);
    }
    if !readable {
        let detail = format!("{start}; not joined: an input topic cannot be read");
        return Finding::skipped("group", name, detail);
    }
    let topics: Vec<&str> = settings.input.topics.iter().map(String::as_str).collect();
    if let Err(error) = consumer.subscribe(&topics) {
        return fail(error.rdkafka_error_code().unwrap_or(Code::Unknown));
    }
    let joined = until(STEP, || {
        let refused = match consumer.poll(SLICE) {
            Some(Err(error)) => error.rdkafka_error_code(),
            _ => None,
        };
        if let Some(code) = refused.filter(|code| classify(*code) == BrokerFault::Authorization) {
            return Some(Err(code));
        }
        let assigned = consumer.assignment().is_ok_and(|list| list.count() > 0);
        assigned.then_some(Ok(()))
    });
    consumer.unsubscribe();
    match joined {
        Some(Ok(())) => Finding::pass("group", name, format!("{start}; joined and left")),
        Some(Err(code)) => fail(code),
        None => Finding::fail(
            "group",
            name,
            format!("no partition was assigned within {} s", STEP.as_secs()),
            "look at the group on the broker; a member may hold it up",
        ),
    }
}
