//! `search` and `review` over files, as a person and as a program use them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_signin-diagnostics");
const BLOCKED: &str = "3987a7dc-b84b-58b8-90b5-dd2a08c5ec60";

fn golden(name: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Diagnoses of a story: a block, then a success of the same flow, and others.
fn diagnoses(folder: &Path) -> PathBuf {
    let blocked = golden("blocked_by_conditional_access.json");
    let mut later = golden("successful_sign_in.json");
    later["correlation_id"] = blocked["correlation_id"].clone();
    later["event_time"] = "2026-03-02T08:15:24.500Z".into();
    later["diagnosis_id"] = "aaaaaaaa-0000-5000-8000-000000000001".into();
    later["sign_in_id"] = "aaaaaaaa-0000-4000-8000-000000000002".into();
    let mut other = golden("account_locked.json");
    other["diagnosis_id"] = "bbbbbbbb-0000-5000-8000-000000000001".into();
    other["sign_in_id"] = "bbbbbbbb-0000-4000-8000-000000000002".into();
    other["correlation_id"] = "bbbbbbbb-0000-4000-8000-000000000003".into();
    let path = folder.join("diagnoses.ndjson");
    let mut file = std::fs::File::create(&path).unwrap();
    for record in [&blocked, &later, &other, &blocked] {
        writeln!(file, "{record}").unwrap();
    }
    path
}

fn run(args: &[&str], file: &Path) -> Output {
    Command::new(BINARY)
        .args(args)
        .arg("--file")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_four_steps_lead_from_a_name_to_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let list = run(
        &[
            "search",
            "--user",
            "NADIA.okafor@fabrikam.example",
            "--outcome",
            "blocked",
            "--format",
            "table",
        ],
        &file,
    );
    assert_eq!(list.status.code(), Some(0), "{}", err(&list));
    let list = out(&list);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(
        list.contains("3987a7dc  2026-03-02 08:14:55Z  nadia.okafor@fabrikam.example"),
        "{list}"
    );

    let review = run(&["review", "3987a7dc"], &file);
    assert_eq!(review.status.code(), Some(0), "{}", err(&review));
    let text = out(&review);
    for part in [
        "Conditional Access blocked the sign-in",
        "Block outside the depots",
        "What to do",
        "The flow went on: succeeded at 08:15:24Z, 29 s later",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_program_reads_records_as_they_are_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let list = run(&["search"], &file);
    let lines: Vec<serde_json::Value> = out(&list)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3, "the repeat of the block is one with it");
    assert!(lines.contains(&golden("blocked_by_conditional_access.json")));
    let stream = run(&["search", "--stream"], &file);
    assert_eq!(out(&stream).lines().count(), 4, "a stream has every record");
    let json = run(&["review", BLOCKED, "--format", "json"], &file);
    let json: serde_json::Value = serde_json::from_str(out(&json).trim()).unwrap();
    assert_eq!(json, golden("blocked_by_conditional_access.json"));
}

#[test]
fn groups_count_each_sign_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let groups = run(&["search", "--group-by", "scenario"], &file);
    let text = out(&groups);
    assert!(
        text.contains(r#"{"group":"blocked_by_conditional_access","count":1}"#),
        "{text}"
    );
    let bars = out(&run(
        &["search", "--group-by", "code", "--format", "table"],
        &file,
    ));
    assert_eq!(bars.lines().count(), 3, "{bars}");
    assert!(bars.contains('█'));
}

#[test]
fn bad_input_gets_a_clear_answer_and_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    for (args, code, words) in [
        (
            &["search", "--columns", "time,colour"][..],
            2,
            "there is no column \"colour\"; the columns are id, time",
        ),
        (
            &["search", "--sort", "colour"],
            2,
            "there is no column \"colour\"",
        ),
        (
            &["search", "--from", "2026-03-02", "--to", "2026-03-01"],
            2,
            "is not after --from",
        ),
        (&["search", "--from", "soonish"], 2, "is not a time"),
        (&["search", "--from", "2999-01-01"], 2, "is in the future"),
        (
            &["search", "--ip", "203.0.113.0/40"],
            2,
            "write an address or a range",
        ),
        (
            &["search", "--scenario", "blocked_by_luck"],
            2,
            "invalid value 'blocked_by_luck'",
        ),
        (
            &["search", "--user", "nobody@fabrikam.example"],
            0,
            "Nothing in",
        ),
        (
            &[
                "search",
                "--from",
                "2026-01-01T00:00:00Z",
                "--to",
                "2026-01-02T00:00:00Z",
            ],
            0,
            "Nothing between 2026-01-01 00:00:00Z and 2026-01-02 00:00:00Z.",
        ),
        (&["review", "short"], 2, "at least 8 characters"),
        (&["review", "00000000-none"], 1, "Nothing in"),
        (
            &["review", "c0ffee00-0000-4000-8000-000000000001"],
            1,
            "matches 2 sign-ins; review one of them",
        ),
        (
            &["review", "3987a7dc", "--ticket"],
            1,
            "there is no ticket text",
        ),
        (
            &["review", "3987a7dc", "--open", "--output", "x"],
            2,
            "add --format html",
        ),
    ] {
        let output = run(args, &file);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            err(&output)
        );
        assert!(err(&output).contains(words), "{args:?}: {}", err(&output));
        assert!(out(&output).is_empty(), "{args:?}: {}", out(&output));
    }
    let missing = run(&["search"], Path::new("no/such.ndjson"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("no/such.ndjson"));
    // Without a file, the configuration names the topic.
    let bare = Command::new(BINARY)
        .arg("search")
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(bare.status.code(), Some(64));
    assert!(err(&bare).contains("--config FILE"), "{}", err(&bare));
}

#[test]
fn records_of_a_later_schema_version_are_told_and_their_neighbours_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let mut append = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap();
    writeln!(
        append,
        r#"{{"schema_version":2,"diagnosis_id":{{"of":"2031"}}}}"#
    )
    .unwrap();
    writeln!(append, "not json").unwrap();
    let list = run(&["search"], &file);
    assert_eq!(list.status.code(), Some(1));
    assert_eq!(out(&list).lines().count(), 3);
    assert!(
        err(&list).contains(
            "1 record is of schema version 2 left out: this release reads version 1; upgrade it."
        ),
        "{}",
        err(&list)
    );
    assert!(
        err(&list).contains("1 record is left out: no diagnosis records."),
        "{}",
        err(&list)
    );
}

/// Texts that an attacker chooses: a terminal, a spreadsheet and a browser only show them.
#[test]
fn hostile_names_are_only_shown() {
    const NAME: &str = "=cmd|'/c calc'!A0\u{1b}]0;x\u{7}\u{202e}<script>alert(1)</script>\"><img src=x onerror=alert(1)>";
    let folder = tempfile::tempdir().unwrap();
    let mut record = golden("blocked_by_conditional_access.json");
    record["user"]["display_name"] = NAME.into();
    record["application"]["name"] = NAME.into();
    record["conditional_access"]["policies"][0]["name"] = NAME.into();
    record["remediation"][0]["link"] = "javascript:alert(1)".into();
    let file = folder.path().join("hostile.ndjson");
    std::fs::write(&file, format!("{record}\n")).unwrap();
    let columns = ["search", "--columns", "name,app,policies", "--format"];
    for format in ["table", "csv", "markdown"] {
        let list = run(&[&columns[..], &[format]].concat(), &file);
        let text = out(&list);
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{format}: {text:?}"
        );
        assert_eq!(
            text.lines().count(),
            if format == "markdown" { 3 } else { 2 },
            "{text}"
        );
    }
    let text = out(&run(&[&columns[..], &["csv"]].concat(), &file));
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    for cell in &rows.records().next().unwrap().unwrap() {
        assert!(cell.starts_with("'="), "{cell}");
    }
    for format in ["text", "html", "markdown"] {
        let text = out(&run(&["review", "3987a7dc", "--format", format], &file));
        assert!(
            text.contains("alert(1)") || text.contains("alert\\(1\\)"),
            "{format}: it is shown"
        );
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{format}: {text:?}"
        );
        if format != "text" {
            assert!(
                !text.contains("<script") && !text.contains("<img"),
                "{format}: {text}"
            );
            assert!(!text.contains("javascript:"), "{format}: {text}");
        }
    }
}

#[test]
fn the_page_is_one_file_that_loads_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let page = folder.path().join("page.html");
    let path = page.to_str().unwrap();
    let written = run(
        &["review", "3987a7dc", "--format", "html", "--output", path],
        &file,
    );
    assert_eq!(written.status.code(), Some(0), "{}", err(&written));
    let text = std::fs::read_to_string(&page).unwrap();
    for part in [
        "<!DOCTYPE html>",
        "lang=\"en\"",
        "default-src 'none'",
        "Block outside the depots",
        "prefers-color-scheme:dark",
        "Take action",
        "this one",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for part in ["<script", "src=", "<link", "@import", "url(", " on"] {
        let markup = text.split('<').any(|tag| {
            tag.split('>')
                .next()
                .unwrap_or_default()
                .contains(part.trim_start_matches('<'))
                && part != " on"
        });
        assert!(!markup, "{part}");
    }
    let again = run(
        &["review", "3987a7dc", "--format", "html", "--output", path],
        &file,
    );
    assert_eq!(
        again.status.code(),
        Some(1),
        "a file that is there is not written over"
    );
}

#[test]
fn compressed_files_and_standard_input_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let text = std::fs::read(&file).unwrap();
    let zipped = folder.path().join("diagnoses.ndjson.gz");
    let mut gzip = flate2::write::GzEncoder::new(
        std::fs::File::create(&zipped).unwrap(),
        flate2::Compression::fast(),
    );
    gzip.write_all(&text).unwrap();
    gzip.finish().unwrap();
    assert_eq!(
        out(&run(&["search"], &zipped)),
        out(&run(&["search"], &file))
    );
    let mut child = Command::new(BINARY)
        .args(["search", "--file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    assert_eq!(
        child.wait_with_output().unwrap().stdout,
        run(&["search"], &file).stdout
    );
}

/// What Microsoft support asks for, and nothing else; a text that an attacker wrote is only shown.
#[test]
fn a_ticket_is_the_text_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut record = golden("service_issue.json");
    let ticket = record["support_ticket"].as_str().unwrap().to_owned();
    let id = record["diagnosis_id"].as_str().unwrap().to_owned();
    let file = folder.path().join("one.ndjson");
    std::fs::write(&file, format!("{record}\n")).unwrap();
    let output = run(&["review", &id, "--ticket"], &file);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(out(&output).trim_end(), ticket.trim_end());

    record["support_ticket"] = format!("{ticket}\u{1b}[2J\nUser: \u{202e}x").into();
    std::fs::write(&file, format!("{record}\n")).unwrap();
    let path = folder.path().join("ticket.txt");
    let saved = run(
        &["review", &id, "--ticket", "-o", path.to_str().unwrap()],
        &file,
    );
    assert_eq!(saved.status.code(), Some(0), "{}", err(&saved));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(r"\u{1b}[2J"), "{text:?}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
}

/// `--open` gives the page to the desktop; what the desktop is missing is told.
#[test]
fn open_shows_the_page_that_was_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let desktop = folder.path().join("bin");
    std::fs::create_dir(&desktop).unwrap();
    let open = |page: &Path| {
        Command::new(BINARY)
            .args(["review", "3987a7dc", "--format", "html", "--open"])
            .arg("--output")
            .arg(page)
            .arg("--file")
            .arg(&file)
            .env("PATH", &desktop)
            .output()
            .unwrap()
    };
    let page = folder.path().join("missing.html");
    let output = open(&page);
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(
        said.contains("cannot run") && said.contains("missing.html yourself"),
        "{said}"
    );
    assert!(page.exists(), "the page is there all the same");

    let opened = folder.path().join("opened");
    for name in ["xdg-open", "open"] {
        let path = desktop.join(name);
        let script = format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", opened.display());
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let page = folder.path().join("page.html");
    let output = open(&page);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(
        std::fs::read_to_string(&opened).unwrap(),
        page.canonicalize().unwrap().to_str().unwrap()
    );
}

/// The titles come from the catalog that the service has.
#[test]
fn a_review_takes_the_catalog_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = diagnoses(folder.path());
    let catalog = folder.path().join("catalog");
    std::fs::create_dir(&catalog).unwrap();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/catalog");
    for entry in std::fs::read_dir(built_in).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("Blocked by Conditional Access", "Stopped at the gate");
        std::fs::write(catalog.join(path.file_name().unwrap()), text).unwrap();
    }
    let set = format!("catalog.path={}", catalog.display());
    let review = run(&["review", "3987a7dc", "--set", &set], &file);
    assert_eq!(review.status.code(), Some(0), "{}", err(&review));
    assert!(out(&review).contains("Stopped at the gate"));
    let set = format!("catalog.path={}", folder.path().join("none").display());
    let review = run(&["review", "3987a7dc", "--set", &set], &file);
    assert_eq!(review.status.code(), Some(64), "{}", err(&review));
}

/// A policy is found on whichever page of its sign-in it stands, and the others come with it.
#[test]
fn a_policy_on_a_later_page_finds_the_whole_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let first = golden("blocked_by_conditional_access.json");
    let mut later = first.clone();
    later["policy_page"] = true.into();
    later["conditional_access"]["policies"] =
        serde_json::json!([{ "id": "p-later", "name": "Later", "result": "failure" }]);
    let file = folder.path().join("pages.ndjson");
    std::fs::write(&file, format!("{first}\n{later}\n")).unwrap();
    for policy in ["p-later", "Block outside the depots"] {
        let list = run(&["search", "--policy", policy], &file);
        assert_eq!(out(&list).lines().count(), 2, "{policy}: {}", err(&list));
    }
}
