//! Names of topics, and patterns of them.
//!
//! An input topic that begins with `^` is a pattern, as librdkafka has it: a POSIX extended
//! regular expression, matched by the client against every topic of the broker. Only what that
//! dialect and ours understand alike is let through, so that what is refused here can never
//! match there.
use regex_lite::Regex;

use super::reader::Reader;
use super::security::Namespace;
use super::settings::Settings;

/// The longest topic name that Kafka accepts.
const TOPIC_CHARS: usize = 249;

/// Whether an input topic is a pattern.
pub fn is_pattern(topic: &str) -> bool {
    topic.starts_with('^')
}

/// The topics that a pattern matches, as the client will see it.
///
/// # Errors
///
/// What is wrong with it.
pub fn pattern(text: &str) -> Result<Regex, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-^$*+?|()[]{},".contains(&byte);
    // `\.` is a dot in both dialects; all other escapes differ, or do not exist.
    let bare = text.replace("\\.", "");
    if !bare.bytes().all(plain) {
        return Err(
            "is no pattern of topic names: besides letters, digits, '_' and '-' use '.', '\\.', \
             '[ ]', '( )', '|', '*', '+', '?', '{n,m}' and '$'"
                .to_owned(),
        );
    }
    let differs = ["(?", "*?", "+?", "??", "}?", "--", "{,"];
    if has_nested_class(&bare) || differs.iter().any(|differs| bare.contains(differs)) {
        return Err("uses what POSIX extended regular expressions read in another way".to_owned());
    }
    Regex::new(text).map_err(|_| "is no regular expression".to_owned())
}

/// Within brackets POSIX takes a bracket for itself, or for the begin of `[:alpha:]`.
fn has_nested_class(text: &str) -> bool {
    let mut class = text.split('[').skip(1).peekable();
    while let Some(rest) = class.next() {
        // The first character, or the first after `^`, never ends the class.
        let members = rest.strip_prefix('^').unwrap_or(rest);
        if class.peek().is_some() && !members.get(1..).is_some_and(|rest| rest.contains(']')) {
            return true;
        }
    }
    false
}

/// What is wrong with an input topic.
pub(super) fn input_fault(topic: &str) -> Option<String> {
    if is_pattern(topic) {
        pattern(topic).err()
    } else {
        topic_fault(topic).map(str::to_owned)
    }
}

/// What is wrong with the name of a topic.
pub(super) fn topic_fault(topic: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !topic.bytes().all(plain) || matches!(topic, "." | "..") {
        return Some("is not a topic name: letters, digits, '.', '_' and '-' only");
    }
    (topic.len() > TOPIC_CHARS).then_some("is longer than the 249 characters of a topic name")
}

/// No loop, no dead letters among the diagnoses, no connection string for another hub.
pub(super) fn check_topics(
    reader: &mut Reader,
    settings: &Settings,
    namespace: Option<&Namespace>,
) {
    let inputs = &settings.input.topics;
    let output = &settings.output.topic;
    let dead_letter = &settings.dead_letter.topic;
    for (key, topic, then) in [
        (
            "output.topic",
            output,
            "the service would read its own records",
        ),
        (
            "dead_letter.topic",
            dead_letter,
            "a dead letter would be read again for ever",
        ),
    ] {
        if inputs.contains(topic) {
            let reason = format!("is an input topic too: {then}");
            reader.fault(key, reason, "name another topic");
        } else if let Some(pattern) = matching(inputs, topic) {
            let reason = format!("is matched by the pattern {pattern:?} of input.topics: {then}");
            reader.fault(key, reason, "name another topic, or narrow the pattern");
        }
    }
    if !output.is_empty() && output == dead_letter {
        let reason = "is the output topic too: its readers would meet dead letters";
        reader.fault("dead_letter.topic", reason, "name another topic");
    }
    let Some(Namespace {
        hub: Some(hub),
        key,
        ..
    }) = namespace
    else {
        return;
    };
    let is_input = inputs.contains(hub) || matching(inputs, hub).is_some();
    if !is_input && hub != output && hub != dead_letter {
        let reason = format!("its EntityPath names the hub {hub:?}, which is none of the topics");
        let remedy = "use the connection string of the namespace, which has no EntityPath";
        reader.fault(key, reason, remedy);
    }
}

/// The pattern that a topic falls under. A pattern that is wrong is told elsewhere.
fn matching<'t>(inputs: &'t [String], topic: &str) -> Option<&'t String> {
    let matches = |text: &str| pattern(text).is_ok_and(|pattern| pattern.is_match(topic));
    let mut patterns = inputs.iter().filter(|text| is_pattern(text));
    patterns.find(|text| !topic.is_empty() && matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_the_client_matches() {
        for (text, matched, not_matched) in [
            (
                "^insights-logs-",
                "insights-logs-signinlogs",
                "my-insights-logs-",
            ),
            (
                "^insights-logs-[a-z]*signin(logs)?$",
                "insights-logs-managedsigninlogs",
                "insights-logs-signins",
            ),
            ("^a\\.b{2,3}$", "a.bbb", "axbb"),
            ("^(one|two)$", "two", "twofold"),
            ("^[^x]+$", "abc", "axc"),
        ] {
            let pattern = pattern(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert!(pattern.is_match(matched), "{text} {matched}");
            assert!(!pattern.is_match(not_matched), "{text} {not_matched}");
        }
    }

    #[test]
    fn what_the_dialects_read_in_two_ways_is_refused() {
        for text in [
            "^\\d",
            "^a\\b",
            "^(?i)a",
            "^a+?",
            "^a*?",
            "^[[:alpha:]]",
            "^[a[b]]",
            "^[a--b]",
            "^a{,3}",
            "^(a",
            "^a b",
            "^ä",
            "^[a",
        ] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }
}
