//! `diagnose`: every shape of input, from files and from standard input; what cannot be read is
//! told with its place, and costs nothing else.
#![allow(clippy::expect_used)]
#[path = "support/said.rs"]
mod said;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"));
    command.arg("diagnose").stdin(Stdio::null());
    command
}

/// Runs the command with the bytes on its standard input.
fn fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    thread::scope(|scope| {
        // It may stop reading before the end: a refused input is no failure of the test.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("it ends")
    })
}

fn stderr(output: &Output) -> String {
    said::keep("diagnose", &output.stderr);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The records on standard output; every line has to be one.
fn records(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON record a line"))
        .collect()
}

fn ids(output: &Output) -> Vec<String> {
    let text = |record: &Value| record["sign_in_id"].as_str().map(str::to_owned);
    records(output)
        .iter()
        .map(|record| text(record).unwrap_or_default())
        .collect()
}

fn event(id: &str) -> String {
    format!(
        r#"{{"time":"2026-05-04T06:00:00Z","category":"SignInLogs","tenantId":"t","properties":{{"id":"{id}","status":{{"errorCode":53003}},"userPrincipalName":"ada@fabrikam.example"}}}}"#
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("written to memory");
    encoder.finish().expect("written to memory")
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("the file is written");
    path
}

#[test]
fn every_message_shape_gives_its_sign_ins() {
    let (a, b) = (event("a"), event("b"));
    let pretty = |text: &str| {
        let value: Value = serde_json::from_str(text).expect("JSON");
        serde_json::to_string_pretty(&value).expect("JSON")
    };
    let list = format!("[{a},{b}]");
    let envelope = format!("{{\"records\":{list}}}");
    for body in [
        format!("{a}\n{b}"),
        format!("{a}\r\n\r\n{b}\r\n"),
        format!("\u{feff}{a}\n{b}\n"),
        format!("{a}{b}"),
        format!("{a},\n{b},\n"),
        format!("{}\n{}\n", pretty(&a), pretty(&b)),
        list.clone(),
        format!("[\n{a},\n{b}\n]\n"),
        pretty(&list),
        envelope.clone(),
        pretty(&envelope),
        format!("{{\"records\":[{a}]}}\n{{\"records\":[{b}]}}\n"),
        format!("{{\"@odata.context\":\"x\",\"value\":{list},\"@odata.nextLink\":\"y\"}}"),
    ] {
        for input in [body.clone().into_bytes(), gzip(body.as_bytes())] {
            let output = fed(&[], &input);
            assert_eq!(ids(&output), ["a", "b"], "{body}\n{}", stderr(&output));
            assert!(output.status.success(), "{body}");
            assert_eq!(stderr(&output), "", "{body}");
        }
    }
}

#[test]
fn every_record_shape_gives_a_record_of_its_scenario() {
    let graph = r#"{"id":"g","createdDateTime":"2026-05-04T06:00:00Z","userPrincipalName":"ada@fabrikam.example","appId":"p","status":{"errorCode":53000},"signInEventTypes":["interactiveUser"]}"#;
    let row = r#"{"TimeGenerated":"2026-05-04T06:00:00Z","Category":"SignInLogs","Type":"SigninLogs","Id":"r","ResultType":"50126"}"#;
    let output = fed(&[], format!("{}\n{graph}\n{row}", event("m")).as_bytes());
    let found: Vec<_> = records(&output)
        .iter()
        .map(|record| {
            let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
            (text("sign_in_id"), text("scenario"))
        })
        .collect();
    let expected = [
        ("m", "blocked_by_conditional_access"),
        ("g", "failed_conditional_access"),
        ("r", "invalid_credentials"),
    ]
    .map(|(id, scenario)| (id.to_owned(), scenario.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn files_are_read_in_order_and_each_record_says_where_it_stands() {
    let folder = TempDir::new().expect("a folder");
    let no_id = r#"{"category":"SignInLogs","properties":{"status":{"errorCode":0}}}"#;
    let plain = file(
        &folder,
        "plain.json",
        format!("[\n{},\n\n{no_id},{no_id}\n]", event("a")).as_bytes(),
    );
    // The content tells what is compressed, not the name.
    let packed = file(&folder, "packed.txt", &gzip(event("b").as_bytes()));

    let output = command()
        .args([&plain, &packed, Path::new("-")])
        .output()
        .expect("it runs");

    let sources: Vec<_> = records(&output)
        .iter()
        .map(|record| record["source"].clone())
        .collect();
    let place = |file: &Path, line: u64, position: u64| serde_json::json!({"file": file, "line": line, "position": position});
    assert_eq!(
        sources,
        [
            place(&plain, 2, 0),
            place(&plain, 4, 0),
            place(&plain, 4, 1),
            place(&packed, 1, 0),
        ]
    );
    let distinct: std::collections::BTreeSet<_> = records(&output)
        .iter()
        .map(|record| record["diagnosis_id"].to_string())
        .collect();
    assert_eq!(distinct.len(), 4, "events without an id have their own");
    assert_eq!(
        stderr(&output),
        "stdin: is empty\n4 diagnosed, 1 could not be read\n"
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_costs_nothing_else() {
    let (a, b) = (event("a"), event("b"));
    let broken = a
        .replace("\"a\"", "\"x\"")
        .replace("errorCode\":", "errorCode\"");
    let cut = &a[..a.len() - 20];
    let cases = [
        (format!("{a}\n{broken}\n{b}\n"), "2:", "not JSON"),
        (
            format!("{a}\n{}\n{b}\n", a.replace("ada@", "\\ud800@")),
            "2:",
            "not JSON",
        ),
        (format!("{a}\n{cut}\n{b}\n"), "2:", "ends inside a record"),
        (format!("{cut}\n{a}\n{b}\n"), "1:", "ends inside a record"),
        (format!("[\n{a},\n{broken},\n{b}\n]"), "3:", "not JSON"),
        (
            format!("{{\"records\":[\n{a},\n{broken},\n{b}\n]}}"),
            "3:",
            "not JSON",
        ),
        (format!("[{a},\n{b}\n"), "3:1:", "ends inside its list"),
        (
            format!("{{\"records\":[{a},{b}"),
            "1:",
            "ends inside a record or an envelope",
        ),
        (format!("{a}\nnull\n{b}"), "2:1:", "neither an object nor"),
        (format!("{a}\n# a note\n{b}"), "2:1:", "not JSON"),
    ];
    for (body, place, reason) in cases {
        let output = fed(&[], body.as_bytes());
        let told = stderr(&output);
        assert_eq!(ids(&output), ["a", "b"], "{body}\n{told}");
        assert_eq!(output.status.code(), Some(1), "{body}");
        let mut lines = told.lines();
        let first = lines.next().unwrap_or_default();
        assert!(
            first.starts_with(&format!("stdin:{place}")),
            "{body}\n{told}"
        );
        assert!(first.contains(reason), "{body}\n{told}");
        assert_eq!(
            lines.next(),
            Some("2 diagnosed, 1 could not be read"),
            "{body}"
        );
        assert!(!told.contains("fabrikam"), "{told}");
    }
}

#[test]
fn a_line_of_many_faults_tells_the_place_of_each() {
    let count = 50_000;
    let body = format!("{{\"records\":[{}5]}}", "5,".repeat(count - 1));
    let output = fed(&[], body.as_bytes());
    let told = stderr(&output);
    let expected = (0..count).map(|item| {
        let column = "{\"records\":[".len() + 1 + 2 * item;
        format!("stdin:1:{column}: JSON, but neither an object nor a list of objects")
    });
    assert!(told.lines().take(count).eq(expected));
    assert_eq!(
        told.lines().nth(count),
        Some("0 diagnosed, 50000 could not be read")
    );
}

#[test]
fn input_in_which_there_is_nothing_to_read_is_refused_with_a_reason() {
    let nested = [b"{\"a\":".repeat(5_000), b"}".repeat(5_000)].concat();
    let bomb = [b"{\"a\":\"".to_vec(), vec![b'x'; 300 << 20]].concat();
    let mut torn = gzip(event("a").as_bytes());
    torn.truncate(40);
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("empty", Vec::new(), "stdin: is empty"),
        ("blank", b" \r\n ".to_vec(), "stdin: is empty"),
        ("empty gzip", gzip(b""), "stdin: is empty"),
        ("null", b"null".to_vec(), "stdin:1:1: JSON, but neither"),
        ("a number", b"42\n".to_vec(), "stdin:1:1: JSON, but neither"),
        ("truncated", b"{\"records\":[{\"cat".to_vec(), "ends inside"),
        (
            "invalid UTF-8",
            b"\xff\xfa{\"\xff\":1}".to_vec(),
            "not UTF-8",
        ),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), "UTF-16; convert"),
        ("nesting", nested, "stdin:1:"),
        ("gzip bomb", gzip(&bomb), "stdin:1:1: larger than 256 MiB"),
        (
            "gzip of noise",
            gzip(&vec![0; 300 << 20]),
            "stdin:1:1: not JSON",
        ),
        ("torn gzip", torn, "stdin: "),
    ];
    for (name, input, reason) in cases {
        let output = fed(&[], &input);
        let told = stderr(&output);
        assert!(told.contains(reason), "{name}: {told}");
        assert!(told.lines().count() <= 4, "{name}: {told}");
        assert_eq!(output.status.code(), Some(1), "{name}: {told}");
        assert_eq!(output.stdout, b"", "{name}");
    }
}

#[test]
fn a_long_text_inside_a_sign_in_is_no_reason_to_refuse_it() {
    let long = "x".repeat(1 << 20);
    let body = event("a").replace("\"t\"", &format!("\"{long}\""));
    let output = fed(&[], body.as_bytes());
    assert_eq!(ids(&output), ["a"], "{}", stderr(&output));
    assert!(output.status.success());
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_it() {
    let folder = TempDir::new().expect("a folder");
    let there = file(&folder, "there.json", event("a").as_bytes());
    let missing = folder.path().join("missing.json");
    let output = command()
        .args([&missing, folder.path(), &there])
        .output()
        .expect("it runs");
    let told = stderr(&output);
    assert_eq!(ids(&output), ["a"]);
    assert_eq!(output.status.code(), Some(1));
    for line in [
        format!("{}: No such file", missing.display()),
        format!("{}: is a directory", folder.path().display()),
        "1 diagnosed, 2 could not be read".to_owned(),
    ] {
        assert!(told.contains(&line), "{line}\n{told}");
    }
}

#[test]
fn other_logs_are_passed_over_and_counted() {
    let audit = r#"{"category":"AuditLogs","properties":{}}"#;
    let output = fed(&[], format!("{audit}\n{audit}\n").as_bytes());
    assert!(output.status.success());
    assert_eq!(output.stdout, b"");
    assert_eq!(
        stderr(&output),
        "0 diagnosed, 2 skipped (AuditLogs 2)\n",
        "somebody waits for a diagnosis and gets none"
    );
}

#[test]
fn a_card_is_there_for_the_asking() {
    let output = fed(
        &["--format", "card"],
        format!("{0}\n{0}", event("a")).as_bytes(),
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let cards: Vec<_> = text.split("\n\n").collect();
    assert_eq!(cards.len(), 2, "{text}");
    for (number, card) in (1..).zip(cards) {
        let headline = "2026-05-04 06:00:00Z  Blocked by Conditional Access  blocked  53003\n";
        assert!(card.starts_with(headline), "{card}");
        assert!(
            card.contains(&format!("Read from      stdin:{number}\n")),
            "{card}"
        );
        assert!(!card.contains('\u{1b}'), "no colour where no terminal is");
    }
}

#[test]
fn a_card_keeps_to_the_terminal() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("sign-ins.json");
    fs::write(&file, event("a")).expect("it is written");
    for (columns, widest) in [(60, 60), (80, 80), (200, 100)] {
        let program = env!("CARGO_BIN_EXE_signin-diagnostics");
        let command = format!(
            "stty rows 24 cols {columns}; exec {program} diagnose {}",
            file.display()
        );
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .stdin(Stdio::null())
            .output()
            .expect("script is there: apt-get install bsdutils");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().map(|line| line.trim_end_matches('\r'));
        // Colours take no columns; an address stands on its own line, whole.
        let texts = lines.filter(|line| !line.contains('\u{1b}') && !line.contains("https://"));
        let longest = texts.map(|line| line.chars().count()).max();
        assert!(
            longest.is_some_and(|longest| (widest - 15..=widest).contains(&longest)),
            "{text}"
        );
    }
}

/// The README shows a card up to its second step. `BLESS=1` writes it anew.
#[test]
fn the_card_of_the_readme_is_what_is_written() {
    let folder = TempDir::new().expect("a folder");
    let event = r#"{"category":"SignInLogs","properties":{"id":"6f1d2a9c-0000-4000-8000-000000000001","createdDateTime":"2026-11-23T19:50:00Z","userPrincipalName":"nadia.okafor@fabrikam.example","appDisplayName":"Freight Portal","clientAppUsed":"Browser","ipAddress":"203.0.113.44","location":{"city":"Tromsø","state":"Troms","countryOrRegion":"NO"},"status":{"errorCode":53003},"conditionalAccessStatus":"failure","appliedConditionalAccessPolicies":[{"displayName":"Block outside the depots","enforcedGrantControls":["Block"],"conditionsSatisfied":11,"result":"failure"}]}}"#;
    file(&folder, "sign-ins.json", event.as_bytes());
    let output = command()
        .args(["--format", "card", "sign-ins.json"])
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    let card = String::from_utf8_lossy(&output.stdout);
    let (card, _) = card.split_once("    2. ").expect("a second step");

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let (before, shown) = readme
        .split_once("$ signin-diagnostics diagnose sign-ins.json\n")
        .expect("the README shows a card");
    let (shown, after) = shown.split_once("    …\n").expect("a card that is cut");
    if std::env::var_os("BLESS").is_some() {
        let readme =
            format!("{before}$ signin-diagnostics diagnose sign-ins.json\n{card}    …\n{after}");
        std::fs::write(path, readme).expect("the README is written");
    } else {
        assert_eq!(card, shown);
    }
}

#[test]
fn a_summary_says_less() {
    let full = fed(&[], event("a").as_bytes());
    let summary = fed(&["--detail", "summary"], event("a").as_bytes());
    for (output, detail, has_steps) in [(&full, "full", true), (&summary, "summary", false)] {
        let records = records(output);
        assert_eq!(records[0]["detail"], detail);
        assert_eq!(records[0].get("remediation").is_some(), has_steps);
    }
}

#[test]
fn a_catalog_of_the_users_own_is_used_or_refused() {
    let folder = TempDir::new().expect("a folder");
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/catalog");
    let own = folder.path().to_str().expect("UTF-8");
    let refused = fed(&["--catalog", own], event("a").as_bytes());
    assert_eq!(refused.status.code(), Some(64), "{}", stderr(&refused));
    assert_eq!(refused.stdout, b"");

    for entry in fs::read_dir(built_in).expect("the catalog") {
        let entry = entry.expect("a file");
        let text = fs::read_to_string(entry.path()).expect("text");
        let text = text.replace("Conditional Access blocked", "House rules blocked");
        fs::write(folder.path().join(entry.file_name()), text).expect("written");
    }
    let used = fed(&["--catalog", own], event("a").as_bytes());
    let assessment = records(&used)[0]["assessment"].to_string();
    assert!(assessment.contains("House rules blocked"), "{assessment}");
}

#[test]
fn what_is_known_is_written_while_the_input_waits() {
    let mut child = command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for id in ["a", "b"] {
        writeln!(stdin, "{}", event(id)).expect("it reads");
        let line = lines.next().expect("a record").expect("a record");
        let record: Value = serde_json::from_str(&line).expect("a record");
        assert_eq!(record["sign_in_id"], id);
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = TempDir::new().expect("a folder");
    let many = format!("{}\n", event("a")).repeat(20_000);
    let many = file(&folder, "many.json", many.as_bytes());
    let mut child = command()
        .arg(many)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("a record");
    let status = child.wait().expect("it ends");
    let mut told = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut told)
        .expect("UTF-8");
    assert_eq!(told, "");
    assert!(status.success(), "{status}");
}

#[test]
fn a_bracket_too_many_inside_an_envelope_is_no_end_of_the_file() {
    let (a, b) = (event("a"), event("b"));
    let output = fed(
        &[],
        format!("{{\"records\":[\n{a},}},\n{b}\n]}}\n").as_bytes(),
    );
    let told = stderr(&output);
    assert_eq!(ids(&output), ["a", "b"], "{told}");
    assert!(!told.contains("ends inside"), "{told}");
    assert_eq!(
        told.lines().last(),
        Some("2 diagnosed, 2 could not be read"),
        "{told}"
    );
}

/// A list of any size is read in little memory: what is held is one element.
#[test]
#[cfg(target_os = "linux")]
fn a_large_list_is_not_held_in_memory() {
    let element = event(&"i".repeat(2_000));
    let mut child = command()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"[").expect("it reads");
    for _ in 0..32_000 {
        stdin.write_all(element.as_bytes()).expect("it reads");
        stdin.write_all(b",").expect("it reads");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|value| value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .expect("Linux says");
    drop(stdin);
    child.wait().expect("it ends");
    assert!(peak < 40_000, "{peak} kB for a list of 68,000 kB");
}
