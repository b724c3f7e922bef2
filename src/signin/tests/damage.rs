//! One bad record never costs its neighbours, and no input costs more than linear work.
use std::io::Write;

use super::*;
use crate::signin::Field;

fn record(id: &str) -> String {
    azure(&format!(r#""id":"{id}","status":{{"errorCode":0}}"#))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_message_that_is_no_record_is_bad_as_a_whole() {
    use BadReason::{InvalidUtf8, NotAnObject, Syntax, Truncated};
    for (body, reason) in [
        (&b"null"[..], NotAnObject),
        (b"5", NotAnObject),
        (b"-0.5e3", NotAnObject),
        (b"\"x\"", NotAnObject),
        (b"true", NotAnObject),
        (b"hello", Syntax),
        (b"<html><body>{}", Syntax),
        (b"{'a': 1}", Syntax),
        (b"{", Truncated),
        (b"[", Truncated),
        (b"\"x", Truncated),
        (b"{\"records\":[", Truncated),
        (b"{\"records\":[{\"category\":\"SignInLogs\"", Truncated),
        (b"{\"records\":[{]}", Syntax),
        (b"}", Syntax),
        (b"]]", Syntax),
        (b"\xff\xfe{\0}\0", InvalidUtf8),
        (b"{\"a\":\"\xff\"}", InvalidUtf8),
        (b"{\"category\":\"\\ud800\"}", Syntax),
        (b"two words, [and] {brackets", Syntax),
    ] {
        let items = read(body);
        if body.ends_with(b"{}") {
            assert_eq!(items.len(), 2);
            continue;
        }
        let expected = [Seen::Bad(reason, body.to_vec())];
        assert_eq!(items, expected, "{}", body.escape_ascii());
    }
}

#[test]
fn a_list_gives_one_item_for_each_element() {
    let good = record("a");
    let body = format!(r#"{{"records":[null,{good},5,"x",[{{"id":"inner"}}],{{}},{good}]}}"#);
    let items = read(&body);
    assert_eq!(items.len(), 7);
    assert_eq!(ids(&items), ["a", "a"]);
    assert_eq!(
        bad(&items),
        [
            (BadReason::NotAnObject, "null"),
            (BadReason::NotAnObject, "5"),
            (BadReason::NotAnObject, "\"x\""),
            (BadReason::NotAnObject, "[{\"id\":\"inner\"}]"),
        ]
    );
    assert_eq!(items[5], Seen::Skipped(SkippedCategory::None));
    assert_eq!(read("5\n6").len(), 2);
}

#[test]
fn a_broken_record_is_one_bad_item_with_its_bytes() {
    use BadReason::Syntax;
    for broken in [
        r#"{"category":"SignInLogs","properties":{"id":'x'}}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x",}}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x" "y":1}}"#,
        r#"{"category":"SignInLogs","properties":{"id":x}}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x","a":[1}}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x","a":1]}}"#,
        "{\"category\":\"SignInLogs\",\"properties\":{\"id\":\"line\nbreak\"}}",
        "{\"category\":\"SignInLogs\",\"properties\":{\"id\":\"a\\qb\"}}",
        "{\"category\":\"SignInLogs\",\"properties\":{\"id\":\"\\ud800\"}}",
        "{\"category\":\"SignInLogs\",\"properties\":{\"\\udc00\":1}}",
        // A quote too many or too few, a bracket too few: the scan runs into the neighbour.
        r#"{"category":"SignInLogs","properties":{"id":"x}}"#,
        r#"{"category":"SignInLogs","properties":{id":"x"}}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x"y"}}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x"}"#,
        r#"{"category":"SignInLogs","properties":{"id":"x","a":[{"b":1},{"b":2}}"#,
        r#"{"category":"SignInLogs","properties":{"id""#,
        r#"{"category":"SignInLogs","properties" {"createdDateTime":"2026-01-01T00:00:00Z"}}"#,
    ] {
        let (before, after) = (record("before"), record("after"));
        let row = ROW.replace("\"a1\"", "\"row\"");
        for body in [
            format!("{{\"records\":[{before},{broken},{after},{row}]}}"),
            format!("{{\"records\": [\n{before},\n  {broken} ,\n{after},\n{row}\n] }}\n"),
            format!("[{before},{broken},{after},{row}]"),
            format!("{before}\n{broken}\n{after}\n{row}"),
            format!(
                "{{\"records\":[{before}]}}\n{{\"records\":[{broken}]}}\n{{\"records\":[{after},{row}]}}"
            ),
        ] {
            let items = read(&body);
            assert_eq!(ids(&items), ["before", "after", "row"], "{body}");
            assert_eq!(items.len(), 4, "{body}\n{:?}", bad(&items));
            let [(reason, bytes)] = bad(&items)[..] else {
                panic!("one bad item of {body}")
            };
            assert_eq!(reason, Syntax, "{body}");
            // Where its envelope closes is part of what cannot be told.
            assert_eq!(
                bytes.trim_end_matches("]}"),
                broken.trim_end_matches("]}"),
                "{body}"
            );
        }
    }
}

#[test]
fn a_number_out_of_range_costs_its_field_only() {
    let digits = "7".repeat(400);
    for (key, number) in [
        ("userType", "1e400"),
        ("isInteractive", "-1e400"),
        ("riskEventTypes", "1.5E+999"),
        ("deviceDetail", digits.as_str()),
        ("conditionalAccessStatus", "1e999999999999"),
    ] {
        let at_root = azure("\"id\":\"x\"").replacen('{', &format!("{{\"{key}\":{number},"), 1);
        for record in [azure(&format!("\"id\":\"x\",\"{key}\":{number}")), at_root] {
            let field = Field::from_key(key).unwrap();
            one(&record, |_, faults| {
                assert_eq!(faults.iter().collect::<Vec<_>>(), [field], "{record}");
            });
            let (a, b) = (self::record("a"), self::record("b"));
            for body in [
                format!("{{\"records\":[{a},{record},{b}]}}"),
                format!("{a}\n{record}\n{b}"),
            ] {
                let items = read(&body);
                assert_eq!(ids(&items), ["a", "x", "b"], "{body}");
                assert_eq!(items.len(), 3, "{body}");
                assert_eq!(read_slowly(&body).0, items, "{body}");
            }
            let broken = "{\"category\":oops";
            let items = read(format!("{broken},\n{record}"));
            assert_eq!(ids(&items), ["x"], "{record}");
            assert_eq!(bad(&items), [(BadReason::Syntax, broken)]);
        }
    }
    // Several of them, and the other fields stay.
    let body = azure(&format!(
        r#""id":"x","status":{{"errorCode":1e400,"failureReason":"r"}},"appliedConditionalAccessPolicies":[{{"id":"p","conditionsSatisfied":{digits}}}]"#
    ));
    one(&body, |s, faults| {
        assert_eq!(s.error_code, None);
        assert_eq!(s.failure_reason.as_deref(), Some("r"));
        assert_eq!(s.policies.as_ref().unwrap()[0].id.as_deref(), Some("p"));
        assert!(faults.contains(Field::Status));
        assert!(faults.contains(Field::AppliedConditionalAccessPolicies));
    });
    // Nothing is forgiven beyond the number, and what is told is of the record as it came.
    let both = azure(r#""id":"x","a":"1e400","appId":"\ud800","userType":1e400"#);
    assert_eq!(read(&both), [Seen::bad(BadReason::Syntax, &both)]);
    // As a record that holds a list.
    let body = r#"{"value":[],"userType":1e400,"category":"SignInLogs","id":"x"}"#;
    assert_eq!(ids(&read(body)), ["x"]);
}

#[test]
fn objects_that_stand_back_to_back_are_read_through_a_broken_one() {
    let body = format!("{}{{\"category\":oops}}{}", record("a"), record("b"));
    let items = read(&body);
    assert_eq!(ids(&items), ["a", "b"]);
    assert_eq!(bad(&items), [(BadReason::Syntax, "{\"category\":oops}")]);
}

#[test]
fn invalid_utf8_costs_one_record() {
    let mut body = b"{\"records\":[".to_vec();
    body.extend(record("a").bytes());
    body.extend(b",{\"category\":\"SignInLogs\",\"properties\":{\"id\":\"\xff\"}},");
    body.extend(record("b").bytes());
    body.extend(b",{\"category\":\"SignInLogs\",\"\xc3\":1},");
    body.extend(record("c").bytes());
    body.extend(b"]}");
    let items = read(&body);
    assert_eq!(ids(&items), ["a", "b", "c"]);
    assert_eq!(
        items[1],
        Seen::Bad(
            BadReason::InvalidUtf8,
            b"{\"category\":\"SignInLogs\",\"properties\":{\"id\":\"\xff\"}}".to_vec()
        )
    );
    assert!(matches!(items[3], Seen::Bad(BadReason::InvalidUtf8, _)));
}

#[test]
fn garbage_around_values_is_one_bad_item_a_run() {
    let (a, b) = (record("a"), record("b"));
    for (body, expected) in [
        (format!("junk {a}{b}"), &["junk"][..]),
        (
            format!("{a} junk, more\nand more {b}"),
            &["junk, more\nand more"],
        ),
        (format!("{a}{b} junk"), &["junk"]),
        (format!("[{a},junk,{b}]"), &["junk"]),
        (format!("[{a}}},{b}]"), &["}"]),
        (format!("{{\"records\":[{a}],oops}}{b}"), &["oops}"]),
        (format!("{a}]{b}"), &["]"]),
    ] {
        let items = read(&body);
        assert_eq!(ids(&items), ["a", "b"], "{body}");
        let bytes: Vec<_> = bad(&items).iter().map(|(_, bytes)| *bytes).collect();
        assert_eq!(bytes, expected, "{body}");
    }
}

#[test]
fn a_truncated_envelope_gives_its_complete_records() {
    let records = [record("a"), ROW.replace("\"a1\"", "\"b\""), record("c")];
    for (start, end) in [
        ("{\"records\":[", "]}"),
        ("[", "]"),
        (
            "{\"@odata.context\":\"é\",\"value\":[",
            "],\"@odata.nextLink\":\"é\"}",
        ),
    ] {
        let mut body = String::from(start);
        let mut complete = Vec::new();
        for record in &records {
            if body.len() > start.len() {
                body.push(',');
            }
            body.push_str(record);
            complete.push(body.len());
        }
        body.push_str(end);
        for cut in 0..=body.len() {
            let whole = complete.iter().filter(|end| **end <= cut).count();
            let items = read(&body.as_bytes()[..cut]);
            assert_eq!(ids(&items), ["a", "b", "c"][..whole], "cut at {cut}");
            let rest = &items[whole..];
            match rest {
                [] => assert_eq!(cut, body.len(), "cut at {cut}"),
                [Seen::Bad(BadReason::Truncated, bytes)] => {
                    assert!(cut < body.len());
                    let from = if whole == 0 { 0 } else { complete[whole - 1] };
                    let lost = &body.as_bytes()[from..cut];
                    assert!(
                        lost.ends_with(bytes) && lost.len() - bytes.len() <= 2,
                        "cut at {cut}: {}",
                        bytes.escape_ascii()
                    );
                }
                [Seen::Bad(BadReason::Empty, _)] => assert_eq!(cut, 0),
                _ => panic!("cut at {cut}: {rest:?}"),
            }
        }
    }
}

#[test]
fn a_cut_line_does_not_cost_the_next() {
    let (a, b, c) = (record("a"), record("b"), record("c"));
    let half = &b[..b.len() / 2];
    for body in [
        format!("{{\"records\":[{a},{half}\n{{\"records\":[{c}]}}\n"),
        format!("{{\"records\":[{a},\n{{\"records\":[{c}]}}"),
        format!("{a}\n{half}\n{c}"),
        format!("{{\"records\":[{a}],\"x\":\"\n{{\"records\":[{c}]}}"),
    ] {
        let items = read(&body);
        assert_eq!(ids(&items), ["a", "c"], "{body}");
        assert_eq!(items.len(), 3, "{body}: {items:?}");
    }
}

/// As a file is cut: the bracket too many ends the envelope, and the rest is read by itself.
#[test]
fn a_bracket_too_many_is_told_once() {
    let a = record("a");
    for body in [
        format!("{{\"records\":[{a},}}"),
        format!("{{\"records\":[{a}}}"),
        format!("{{\"records\":[{a},}}\n{a}"),
    ] {
        let items = read(&body);
        assert_eq!(bad(&items), [(BadReason::Syntax, "}")], "{body}");
        assert_eq!(items.len(), 1 + ids(&items).len(), "{body}");
    }
}

#[test]
fn the_detail_says_where_and_quotes_nothing() {
    let mut details = Vec::new();
    let body = format!("[{},{{\"secret\":oops}}]", record("a"));
    Reader::new(LIMITS, Privacy::default()).read(body.as_bytes(), &mut |item| {
        if let Item::Bad { detail, .. } = item {
            details.push(detail.to_string());
        }
    });
    assert_eq!(details, ["at byte 10"]);
}

#[test]
fn deep_nesting_is_read_over() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(5000), close.repeat(5000));
    for value in [deep("[", "]"), deep("{\"a\":", "}")] {
        for key in [
            "unknown",
            "id",
            "status",
            "location",
            "appliedConditionalAccessPolicies",
        ] {
            let body = format!("[{},{}]", azure(&format!("\"{key}\":{value}")), record("b"));
            assert_eq!(ids(&read(&body)).last(), Some(&"b"), "{key}");
            assert_eq!(ids(&read(&body)).len(), 2, "{key}");
        }
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(
            ids(&read(azure(&format!("\"id\":\"a\",\"status\":{text}")))),
            ["a"]
        );
    }
    let lists = deep("[", "]");
    assert_eq!(
        read(&lists),
        [Seen::bad(
            BadReason::NotAnObject,
            &lists[1..lists.len() - 1]
        )]
    );
    assert_eq!(
        read(deep("{\"a\":", "}")),
        [Seen::Skipped(SkippedCategory::None)]
    );
    let envelopes = format!("{}{}", "{\"records\":[".repeat(5000), record("a"));
    let closed = format!("{envelopes}{}", "]}".repeat(5000));
    assert_eq!(ids(&read(&closed)), ["a"]);
    assert_eq!(read(&closed).len(), 1);
    assert_eq!(ids(&read(&envelopes)), ["a"]);
    assert_eq!(read("[".repeat(5000)).len(), 1);
    assert_eq!(read("{\"a\":".repeat(5000)).len(), 1);
}

#[test]
fn a_megabyte_of_text_is_a_value_like_any_other() {
    let long = "x".repeat(1 << 20);
    let body = format!(
        "[{},{}]",
        azure(&format!("\"userAgent\":\"{long}\"")),
        record("b")
    );
    let mut length = 0;
    Reader::new(LIMITS, Privacy::default()).read(body.as_bytes(), &mut |item| {
        if let Item::SignIn { sign_in, .. } = item {
            length += shown(sign_in.user_agent.as_ref()).map_or(0, |text| text.len());
        }
    });
    assert_eq!(length, 1 << 20);
}

#[test]
fn a_compressed_body_is_bounded() {
    let bomb = gzip(&vec![b'0'; 12 << 20]);
    assert!(bomb.len() < 64 << 10);
    let mut reader = Reader::new(LIMITS, Privacy::default());
    let mut seen = Vec::new();
    reader.read(&bomb, &mut |item| seen.push(Seen::of(&item).1));
    assert_eq!(seen, [Seen::Bad(BadReason::TooLarge, bomb)]);
    assert!(reader.memory() <= 4 * LIMITS.decompressed_bytes);

    let mut exact = record("a");
    exact.push_str(&" ".repeat(LIMITS.decompressed_bytes - exact.len()));
    assert_eq!(ids(&read(gzip(exact.as_bytes()))), ["a"]);
    let over = gzip(format!("{exact} ").as_bytes());
    assert_eq!(read(&over), [Seen::Bad(BadReason::TooLarge, over)]);
}

#[test]
fn a_compressed_body_may_not_grow_without_bounds() {
    let body = |bytes: usize| {
        let record = record("a");
        gzip(format!("{record}{}", " ".repeat(bytes - record.len())).as_bytes())
    };
    let read = |ratio: usize, body: &[u8]| {
        let limits = Limits {
            decompressed_ratio: ratio,
            ..LIMITS
        };
        let mut seen = Vec::new();
        let mut reader = Reader::new(limits, Privacy::default());
        reader.read(body, &mut |item| seen.push(Seen::of(&item).1));
        seen
    };
    // Blanks take so few bytes that the size which meets the ratio is soon found.
    let ratio = 600;
    let mut exact = 100_000;
    while body(exact).len() * ratio != exact {
        exact = body(exact).len() * ratio;
    }
    assert!(exact > 65_536);
    assert_eq!(ids(&read(ratio, &body(exact))), ["a"]);
    let over = body(exact + 1);
    assert_eq!(over.len(), body(exact).len());
    assert_eq!(read(ratio, &over), [Seen::Bad(BadReason::TooLarge, over)]);
    // What is small may grow as it likes.
    assert_eq!(ids(&read(1, &body(65_536))), ["a"]);
    let over = body(65_537);
    assert_eq!(read(1, &over), [Seen::Bad(BadReason::TooLarge, over)]);
}

#[test]
fn a_message_is_bounded() {
    let read = |limit: usize, body: &[u8]| {
        let limits = Limits {
            message_bytes: limit,
            ..LIMITS
        };
        let mut seen = Vec::new();
        let mut reader = Reader::new(limits, Privacy::default());
        reader.read(body, &mut |item| seen.push(Seen::of(&item).1));
        seen
    };
    let plain = record("a").into_bytes();
    for body in [gzip(&plain), plain] {
        assert_eq!(ids(&read(body.len(), &body)), ["a"]);
        let over = read(body.len() - 1, &body);
        assert_eq!(over, [Seen::Bad(BadReason::TooLarge, body)]);
    }
}

#[test]
fn a_compressed_body_that_is_damaged_is_bad_as_it_came() {
    let whole = gzip(record("a").as_bytes());
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 0xff;
    let cut = whole[..whole.len() - 9].to_vec();
    let followed = [&whole[..], b"junk"].concat();
    for body in [flipped, cut, followed, b"\x1f\x8b\x08".to_vec()] {
        assert_eq!(
            read(&body),
            [Seen::Bad(BadReason::Compression, body.clone())]
        );
    }
    let empty = gzip(b"");
    assert_eq!(read(empty), [Seen::bad(BadReason::Empty, "")]);
    let broken = gzip(b"{\"a\":");
    assert_eq!(read(broken), [Seen::bad(BadReason::Truncated, "{\"a\":")]);
}

#[test]
fn no_input_costs_more_than_linear_work() {
    let size = 1 << 20;
    for unit in [
        "},{\"a\":[{},",
        "{\"a\":[",
        "[",
        "{",
        "{\"a\":{",
        ",{\"category\":\"x\",\"a\":[",
        ",{\"category\":\"",
        "{\"records\":[",
        "{\"records\":[{",
        "{\"records\":[}",
        "[{\"a\":}",
        "\n{\"",
        "\"",
        "x,{",
        "]}",
        "{}x",
        "{]}",
        "{\"a\":\"x},\n",
    ] {
        for start in ["", "{\"records\":[", "[", "[{\"a\":1"] {
            let body = format!("{start}{}", unit.repeat(size / unit.len()));
            let (_, work) = read_slowly(&body);
            // The last attempt may begin just before the budget is spent.
            assert!(work <= 18 * body.len(), "{start}{unit}: {work}");
            read(&body);
        }
    }
}

#[test]
fn records_within_records_cost_no_more_than_linear_work() {
    let depth = 20_000;
    let body = format!(
        "{}{}",
        "{\"value\":[".repeat(depth),
        "],\"category\":\"SignInLogs\"}".repeat(depth)
    );
    let (items, work) = read_slowly(&body);
    assert!(work <= 18 * body.len(), "{work}");
    assert!(items.len() > 10, "{}", items.len());
    assert!(matches!(items.last(), Some(Seen::Bad(..))));
    read(&body);
}

#[test]
fn when_the_budget_is_spent_the_rest_is_one_bad_item() {
    let body = format!(
        "[{},{}",
        record("a"),
        ",{\"category\":\"x\",\"a\":[".repeat(20_000)
    );
    let items = read(&body);
    assert_eq!(ids(&items), ["a"]);
    assert_eq!(items.len(), 2);
    let Seen::Bad(_, bytes) = &items[1] else {
        panic!("{:?}", items[1])
    };
    assert!(bytes.len() > 400_000);
}
