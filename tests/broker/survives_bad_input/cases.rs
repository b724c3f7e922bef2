//! The messages, and what is to become of each.
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A message, the sign-ins that come out of it, and its dead letters.
pub struct Case {
    pub name: &'static str,
    pub body: Option<Vec<u8>>,
    pub ids: Vec<String>,
    pub dead: Vec<Dead>,
    pub skipped: f64,
}

pub struct Dead {
    pub reason: &'static str,
    pub position: u32,
    pub bytes: Vec<u8>,
}

impl Case {
    fn new(name: &'static str, body: impl Into<Vec<u8>>) -> Case {
        Case {
            name,
            body: Some(body.into()),
            ids: Vec::new(),
            dead: Vec::new(),
            skipped: 0.0,
        }
    }

    fn gives<const N: usize>(mut self, ids: [&str; N]) -> Case {
        self.ids.extend(ids.map(str::to_owned));
        self
    }

    fn loses(mut self, reason: &'static str, position: u32, bytes: impl Into<Vec<u8>>) -> Case {
        let bytes = bytes.into();
        self.dead.push(Dead {
            reason,
            position,
            bytes,
        });
        self
    }

    /// It is one record, and no sign-in.
    fn skips_it(self) -> Case {
        Case {
            skipped: 1.0,
            ..self
        }
    }

    /// Nothing of it can be read.
    fn loses_all(self, reason: &'static str) -> Case {
        let bytes = self.body.clone().unwrap_or_default();
        self.loses(reason, 0, bytes)
    }
}

fn sign_in(id: &str) -> String {
    with(id, "")
}

/// A sign-in with further members of its properties, each after a comma.
fn with(id: &str, members: &str) -> String {
    format!(
        r#"{{"time":"2026-03-02T09:15:00Z","category":"SignInLogs","resultType":"50126","properties":{{"id":"{id}","status":{{"errorCode":50126}}{members}}}}}"#
    )
}

fn envelope(records: &[&str]) -> String {
    format!("{{\"records\":[{}]}}", records.join(","))
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("a Vec takes every write");
    encoder.finish().expect("a Vec takes every write")
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// In the order in which they are sent.
pub fn cases() -> Vec<Case> {
    let mut cases = without_a_record();
    cases.extend(broken_in_part());
    cases.extend(deep());
    cases.extend(long());
    cases.extend(no_text());
    cases.extend(compressed());
    cases.extend(unusual_but_right());
    cases
}

fn without_a_record() -> Vec<Case> {
    vec![
        Case {
            body: None,
            ..Case::new("tombstone", "")
        }
        .loses_all("empty"),
        Case::new("empty", "").loses_all("empty"),
        Case::new("blank", " \r\n").loses_all("empty"),
        Case::new("null", "null").loses_all("not_an_object"),
        Case::new("number", "53003").loses_all("not_an_object"),
        Case::new("string", "\"text\"").loses_all("not_an_object"),
        Case::new("text", "HTTP/1.1 503 Service Unavailable").loses_all("syntax"),
    ]
}

fn broken_in_part() -> Vec<Case> {
    let broken = r#"{"category":"SignInLogs","properties":{"id":}}"#;
    let cut = r#"{"category":"SignInLogs","properties":{"id":"cut"#;
    vec![
        Case::new("one good", sign_in("good")).gives(["good"]),
        Case::new(
            "truncated",
            format!("{{\"records\":[{},{},{cut}", sign_in("t-1"), sign_in("t-2")),
        )
        .gives(["t-1", "t-2"])
        .loses("truncated", 2, cut),
        Case::new(
            "one broken among good ones",
            envelope(&[&sign_in("b-1"), broken, &sign_in("b-2")]),
        )
        .gives(["b-1", "b-2"])
        .loses("syntax", 1, broken),
    ]
}

fn deep() -> Vec<Case> {
    let deep = with("deep", &format!(r#","unknown":{}"#, nested(5_000)));
    let deep_name = with(
        "deep-name",
        &format!(r#","userDisplayName":{}"#, nested(5_000)),
    );
    vec![
        // A list of one record, which is none.
        Case::new("deep list", nested(5_000)).loses("not_an_object", 0, nested(4_999)),
        Case::new(
            "deep object",
            format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000)),
        )
        .skips_it(),
        Case::new(
            "deep in an unknown key",
            envelope(&[&sign_in("d-1"), &deep, &sign_in("d-2")]),
        )
        .gives(["d-1", "deep", "d-2"]),
        Case::new(
            "deep in a known key",
            envelope(&[&sign_in("k-1"), &deep_name, &sign_in("k-2")]),
        )
        .gives(["k-1", "deep-name", "k-2"]),
    ]
}

fn long() -> Vec<Case> {
    let long = "x".repeat(900_000);
    vec![
        Case::new(
            "long strings",
            envelope(&[
                &with("l-1", &format!(r#","unknown":"{long}""#)),
                &sign_in("l-2"),
            ]),
        )
        .gives(["l-1", "l-2"]),
        Case::new(
            "a long name",
            with("l-3", &format!(r#","userDisplayName":"{long}""#)),
        )
        .gives(["l-3"]),
        Case::new("long and no JSON", long).loses_all("syntax"),
    ]
}

fn no_text() -> Vec<Case> {
    let not_utf8: Vec<u8> = sign_in("not-utf8-\u{1}")
        .bytes()
        .map(|byte| if byte == 1 { 0xff } else { byte })
        .collect();
    // No text: where it is read, its record is lost; where it is not, nothing is.
    let surrogate = with("s-1", r#","userDisplayName":"\ud83d""#);
    vec![
        Case::new(
            "invalid UTF-8",
            [
                b"{\"records\":[",
                sign_in("u-1").as_bytes(),
                b",",
                &not_utf8,
                b",",
                sign_in("u-2").as_bytes(),
                b"]}",
            ]
            .concat(),
        )
        .gives(["u-1", "u-2"])
        .loses("invalid_utf8", 1, not_utf8),
        Case::new(
            "lone surrogates",
            envelope(&[
                &surrogate,
                &with("s-2", r#","unknown":"\udc00\ud800x""#),
                &sign_in("s-3"),
            ]),
        )
        .gives(["s-2", "s-3"])
        .loses("syntax", 0, surrogate),
    ]
}

fn compressed() -> Vec<Case> {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let mut half = gzip(sign_in("half").as_bytes());
    half.truncate(half.len() / 2);
    vec![
        Case::new(
            "gzip",
            gzip(envelope(&[&sign_in("z-1"), &sign_in("z-2")]).as_bytes()),
        )
        .gives(["z-1", "z-2"]),
        Case::new("gzip bomb", bomb).loses_all("too_large"),
        Case::new("half a gzip body", half).loses_all("compression"),
    ]
}

fn unusual_but_right() -> Vec<Case> {
    vec![
        Case::new(
            "concatenated",
            format!(
                "{}{}",
                envelope(&[&sign_in("c-1")]),
                envelope(&[&sign_in("c-2")])
            ),
        )
        .gives(["c-1", "c-2"]),
        Case::new("lines", format!("{}\n{}\n", sign_in("n-1"), sign_in("n-2")))
            .gives(["n-1", "n-2"]),
        Case::new("byte order mark", format!("\u{feff}{}", sign_in("bom"))).gives(["bom"]),
    ]
}
