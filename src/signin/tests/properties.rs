//! What holds for every message: no panic, the two paths agree, damage stays local.
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// A record that names itself `id`, in one of the three shapes, or one that is skipped.
fn record(id: usize, kind: usize) -> String {
    let id = format!("id-{id}");
    match kind {
        0 => azure(&format!(
            r#""id":"{id}","status":{{"errorCode":53003}},"appliedConditionalAccessPolicies":[{{"id":"p","result":"failure"}},{{"id":"q"}}],"userDisplayName":"å\n\u00e9""#
        )),
        1 => format!(
            r#"{{"TimeGenerated":"2026-03-02T08:11:05Z","Category":"SignInLogs","Id":"{id}","Status":"{{\"errorCode\":0}}","userAgent":"[{{"}}"#
        ),
        2 => format!(
            r#"{{"id":"{id}","createdDateTime":"2026-03-02T08:11:05Z","userId":"u","status":{{"errorCode":50076}},"authenticationDetails":[{{"succeeded":true}},{{"succeeded":"x"}}]}}"#
        ),
        3 => r#"{"category":"AuditLogs","properties":{"targetResources":[{"id":"x"}]}}"#.to_owned(),
        _ => "{}".to_owned(),
    }
}

#[derive(Debug, Clone)]
struct Message {
    records: Vec<String>,
    /// Before the first, between two, after the last.
    frame: [&'static str; 3],
}

impl Message {
    fn body(&self) -> String {
        format!(
            "{}{}{}",
            self.frame[0],
            self.records.join(self.frame[1]),
            self.frame[2]
        )
    }
}

fn messages() -> impl Strategy<Value = Message> {
    let frames = select(vec![
        ["{\"records\":[", ",", "]}"],
        ["{\"records\": [\n  ", " ,\n  ", "\n] }\n"],
        ["[", ",", "]"],
        ["", "\n", "\n"],
        ["", "", ""],
        [
            "{\"@odata.context\":\"x\",\"value\":[",
            ",",
            "],\"@odata.nextLink\":\"y\"}",
        ],
        ["{\"records\":[", "]}\n{\"records\":[", "]}"],
        ["{\"records\":[", "]}{\"records\":[", "]}"],
    ]);
    (prop::collection::vec(0..5_usize, 1..7), frames).prop_map(|(kinds, frame)| Message {
        records: kinds
            .into_iter()
            .enumerate()
            .map(|(id, kind)| record(id, kind))
            .collect(),
        frame,
    })
}

/// Splices in what breaks a record but not its brackets and quotes.
const BREAKS: [&str; 5] = ["oops", "'x'", ":", "\u{1}", ",,"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_paths_give_the_same_items(message in messages()) {
        let body = message.body();
        let items = read(&body);
        prop_assert_eq!(items.len(), message.records.len());
        prop_assert_eq!(bad(&items), []);
        prop_assert_eq!(read_slowly(&body).0, items);
    }

    #[test]
    fn a_broken_record_costs_itself_alone(
        message in messages(),
        which in any::<prop::sample::Index>(),
        breaks in select(BREAKS.to_vec()),
    ) {
        let which = which.index(message.records.len());
        let mut damaged = message.clone();
        damaged.records[which].insert_str(1, breaks);
        let broken = damaged.records[which].clone();
        let expected: Vec<_> = read(message.body())
            .into_iter()
            .enumerate()
            .map(|(at, item)| if at == which { Seen::bad(BadReason::Syntax, &broken) } else { item })
            .collect();
        let items = read(damaged.body());
        if message.records.len() == 1 {
            prop_assert!(matches!(&items[..], [Seen::Bad(BadReason::Syntax, _)]), "{:?}", items);
        } else {
            prop_assert_eq!(items, expected, "{}", damaged.body());
        }
    }

    #[test]
    fn a_cut_costs_what_is_behind_it(message in messages(), cut in any::<prop::sample::Index>()) {
        let body = message.body();
        let cut = cut.index(body.len() + 1);
        let whole = read(&body);
        let items = read(&body.as_bytes()[..cut]);
        let kept = items.iter().filter(|item| !matches!(item, Seen::Bad(..))).count();
        prop_assert_eq!(&items[..kept], &whole[..kept]);
        prop_assert!(items.len() <= kept + 1, "{:?}", items);
        let mut end = message.frame[0].len();
        let mut complete = 0;
        for record in &message.records {
            end += record.len();
            complete += usize::from(end <= cut);
            end += message.frame[1].len();
        }
        prop_assert_eq!(kept, complete);
    }

    #[test]
    fn a_changed_byte_costs_nothing_before_it(
        message in messages(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let body = message.body();
        let mut damaged = body.clone().into_bytes();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        let (whole, items) = (read(&body), read(&damaged));
        let mut end = message.frame[0].len();
        for (place, record) in message.records.iter().enumerate() {
            end += record.len();
            if end <= at && at >= message.frame[0].len() {
                prop_assert_eq!(&items[place], &whole[place]);
            }
            end += message.frame[1].len();
        }
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&body);
        read_slowly(&body);
    }

    #[test]
    fn nothing_that_looks_like_json_panics(
        parts in prop::collection::vec(
            select(vec![
                "{", "}", "[", "]", "\"", ",", ":", "\\", "\n", " ", "null", "1e999", "-", "é",
                "\"records\":[", "\"value\":", "\"properties\":", "\"category\":\"SignInLogs\"",
                "\"status\":", "\"errorCode\":5", "\\ud800", "\"id\":\"x\"", "\u{feff}",
                "\"appliedConditionalAccessPolicies\":[", "\"createdDateTime\":\"2026",
            ]),
            0..60,
        ),
    ) {
        let body = parts.concat();
        let (fast, slow) = (read(&body), read_slowly(&body).0);
        prop_assert_eq!(ids(&fast), ids(&slow));
        prop_assert!(body.trim().is_empty() || body.len() < 3 || fast.len() + slow.len() < 200);
    }
}
