//! `demo` as a person or a CI job runs it: it ends, it says whether everything adds up, and
//! it stays readable.
#![allow(clippy::expect_used)]

#[allow(dead_code, unused_imports)] // the broker tests use more of it
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use support::leash::Leash;

/// A demo of a few thousand records takes seconds; the machine may be busy.
const DEADLINE: Duration = Duration::from_mins(2);

/// A demo with its output piped; killed when dropped.
struct Demo {
    process: Child,
    _leash: Leash,
    lines: Receiver<String>,
    output: String,
    deadline: Instant,
}

impl Demo {
    fn start(args: &[&str]) -> Demo {
        let mut process = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
            .arg("demo")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let leash = Leash::attach(process.id(), None);
        let stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Demo {
            process,
            _leash: leash,
            lines,
            output: String::new(),
            deadline: Instant::now() + DEADLINE,
        }
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.output.push_str(&line);
                self.output.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("not within {DEADLINE:?}:\n{}", self.output),
        }
    }

    /// Reads up to a line that satisfies the condition.
    fn line_with(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        loop {
            match self.line() {
                Some(line) if condition(&line) => return line,
                Some(_) => {}
                None => panic!("ended without {what}:\n{}", self.output),
            }
        }
    }

    /// Where it serves its metrics, from the head of its output.
    fn address(&mut self) -> String {
        let head = self.line_with("an address", |line| line.contains("http://"));
        let (_, address) = head.split_once("http://").expect("it is there");
        let (address, _) = address.split_once("/metrics").expect("a path");
        address.to_owned()
    }

    fn interrupt(&self) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -INT {}", self.process.id()))
            .status();
        assert!(sent.expect("sh starts").success());
    }

    /// Reads to the end.
    fn end(mut self) -> (ExitStatus, String) {
        while self.line().is_some() {}
        let status = self.process.wait().expect("it can be waited for");
        (status, std::mem::take(&mut self.output))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the metrics are served");
    stream
        .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
        .expect("a request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The columns "sent", "counted" and "read back" of a row of the summary.
fn row(output: &str, name: &str) -> [Option<u64>; 3] {
    let row = output
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(name))
        .find(|rest| rest.starts_with(' '))
        .unwrap_or_else(|| panic!("no row {name:?}:\n{output}"));
    let cells: Vec<_> = row
        .split_whitespace()
        .map(|cell| cell.replace(',', "").parse().ok())
        .collect();
    <[Option<u64>; 3]>::try_from(cells).unwrap_or_else(|_| panic!("{row}"))
}

fn assert_adds_up(status: ExitStatus, output: &str) {
    assert!(status.success(), "{status}\n{output}");
    assert!(output.contains("\nAdds up: "), "{output}");
    for name in ["records", "diagnoses", "skipped", "dead letters"] {
        let counts: Vec<u64> = row(output, name).into_iter().flatten().collect();
        assert!(counts.len() >= 2, "{name}\n{output}");
        assert!(counts.iter().all(|count| *count == counts[0]), "{output}");
    }
}

#[test]
fn a_bounded_demo_adds_up_and_is_plain_text_of_80_columns() {
    let demo = Demo::start(&["--events", "3000", "--seed", "1", "--rate", "2000"]);
    let (status, output) = demo.end();
    assert_adds_up(status, &output);
    let [sent, _, _] = row(&output, "records");
    assert!((3_000..3_040).contains(&sent.expect("a count")), "{output}");
    for name in ["updates, pages", "repeats", "skipped", "dead letters"] {
        assert!(row(&output, name)[1] > Some(0), "{name}\n{output}");
    }
    assert!(!output.contains(['\u{1b}', '\r']), "{output:?}");
    for line in output.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_same_seed_gives_the_same_counts() {
    let run = |seed: &str| {
        let (status, output) =
            Demo::start(&["--events", "500", "--rate", "0", "--seed", seed]).end();
        assert_adds_up(status, &output);
        [
            "records",
            "diagnoses",
            "updates, pages",
            "repeats",
            "skipped",
        ]
        .map(|name| row(&output, name)[1])
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn an_interrupt_ends_it_with_a_summary_that_adds_up() {
    let mut demo = Demo::start(&["--for", "1h", "--rate", "500"]);
    let address = demo.address();
    demo.line_with("a line a second", |line| {
        line.trim_start().starts_with("0:02")
    });

    let answer = metrics(&address);
    let received = "\nsignin_records_received_total ";
    let (_, count) = answer.split_once(received).expect("the counter is there");
    assert!(!count.starts_with("0\n"), "{count}");

    demo.interrupt();
    let (status, output) = demo.end();
    assert_adds_up(status, &output);
    assert!(row(&output, "records")[0] >= Some(500), "{output}");
}

/// What Prometheus sees of it: the first blocks, and which new policy they are by.
#[test]
fn the_spike_is_in_the_metrics_with_the_name_of_its_policy() {
    let mut demo = Demo::start(&["--for", "18s", "--rate", "1000"]);
    let address = demo.address();
    let before = demo.line_with("a line a second", |line| {
        line.trim_start().starts_with("0:03")
    });
    assert!(!before.contains("***"));
    let before = metrics(&address);
    demo.line_with("the spike", |line| line.starts_with("*** "));
    let after = metrics(&address);

    let name = "policy=\"CA118 - Block unmanaged devices for all cloud apps\"";
    let blocks = |text: &str| {
        let named = text
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_default();
        let (_, id) = named.split_once("policy_id=\"").unwrap_or_default();
        let id = id.split('"').next().unwrap_or_default();
        let series = format!("signin_blocks_by_policy_total{{policy_id=\"{id}\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&series));
        count.map_or(0, |count| count.parse().expect("a count"))
    };
    let (before, after): (u64, u64) = (blocks(&before), blocks(&after));
    assert!(before == 0 && after > 100, "{before}, then {after}");
    demo.interrupt();
    let (status, output) = demo.end();
    assert_adds_up(status, &output);
}

/// A demo on a terminal of 24 lines, which `script` (util-linux) gives it as an emulator would.
struct OnTerminal {
    process: Child,
    _leash: Leash,
    keys: ChildStdin,
    pieces: Receiver<Vec<u8>>,
    output: Vec<u8>,
    deadline: Instant,
}

impl OnTerminal {
    fn start(arguments: &str) -> OnTerminal {
        let demo = env!("CARGO_BIN_EXE_signin-diagnostics");
        let command = format!("stty rows 24 cols 80; exec {demo} demo {arguments}");
        let mut process = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command", &command])
            .arg("/dev/null")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("script is there: apt-get install bsdutils");
        let leash = Leash::attach(process.id(), None);
        let keys = process.stdin.take().expect("it is piped");
        let mut stdout = process.stdout.take().expect("it is piped");
        let (sender, pieces) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        OnTerminal {
            process,
            _leash: leash,
            keys,
            pieces,
            output: Vec::new(),
            deadline: Instant::now() + DEADLINE,
        }
    }

    /// Reads until the text was shown, or to the end; whether there may be more.
    fn read_to(&mut self, text: &str) -> bool {
        loop {
            if String::from_utf8_lossy(&self.output).contains(text) {
                return true;
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.output.extend(piece),
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.process.kill();
                    panic!("{}", String::from_utf8_lossy(&self.output));
                }
            }
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).expect("it takes keys");
    }

    /// Reads to the end: how it ended, what stood on the full screen, and what came after.
    fn end(mut self) -> (ExitStatus, String, String) {
        while self.read_to("\0 never") {}
        let status = self.process.wait().expect("it can be waited for");
        let output = String::from_utf8_lossy(&self.output);
        let (_, rest) = output.split_once("\u{1b}[?1049h").expect("a full screen");
        let (screen, after) = rest.split_once("\u{1b}[?1049l").expect("it ends");
        assert!(after.contains("\u{1b}[?25h"), "no cursor: {after:?}");
        (status, screen.to_owned(), after.replace("\r\n", "\n"))
    }
}

#[test]
fn a_terminal_has_a_full_screen_and_is_given_back_before_the_summary() {
    let mut demo = OnTerminal::start("--rate 1000 --for 1h");
    // Only what changes is drawn, and a blank on a blank does not: look for single words.
    assert!(demo.read_to("successful_sign_in"));
    demo.press(b"q");
    let (status, screen, after) = demo.end();
    assert!(screen.contains("assessments"), "{screen}");
    for color in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[38;"] {
        assert!(!screen.contains(color), "NO_COLOR is set: {screen:?}");
    }
    assert_adds_up(status, &after);
}

/// The second Ctrl-C gives the terminal back at once, and a third one is a signal again.
#[test]
fn somebody_in_a_hurry_gets_the_terminal_back_at_the_second_ctrl_c() {
    let mut demo = OnTerminal::start("--rate 1000 --for 1h");
    assert!(demo.read_to("successful_sign_in"));
    demo.press(b"\x03\x03");
    let (_, _, after) = demo.end();
    assert_eq!(after.matches("\u{1b}[?1049l").count(), 0, "once: {after:?}");
}

#[test]
fn given_files_are_played_to_the_last_record() {
    let sign_in = |id: &str, code: u32| {
        format!(
            r#"{{"time":"2026-11-23T09:00:00Z","category":"SignInLogs","tenantId":"55550000-0000-4000-8000-00000000000a","properties":{{"id":"{id}","createdDateTime":"2026-11-23T08:59:00Z","userPrincipalName":"ada@contoso.example","status":{{"errorCode":{code}}}}}}}"#
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let lines = folder.path().join("lines.ndjson");
    let content = [
        sign_in("a-1", 0),
        sign_in("a-2", 53_003),
        r#"{"category":"AuditLogs","properties":{"id":"x"}}"#.to_owned(),
        r#"{"category":"SignInLogs","properties":{"id":"cut"#.to_owned(),
        sign_in("a-1", 0),
    ];
    fs::write(&lines, content.join("\n")).expect("it is written");
    let document = folder.path().join("document.json.gz");
    let mut encoder = GzEncoder::new(
        fs::File::create(&document).expect("it is created"),
        Compression::default(),
    );
    // An export that overlaps the first file, and knows more of one sign-in.
    write!(
        encoder,
        "{{\n\"records\": [\n{},\n{},\n{}\n]}}\n",
        sign_in("a-2", 53_003),
        sign_in("a-1", 50_126),
        sign_in("a-3", 50_126)
    )
    .expect("it is written");
    encoder.finish().expect("it is closed");

    let files = [&lines, &document].map(|path| path.to_str().expect("a plain path"));
    let (status, output) = Demo::start(&["--input", files[0], files[1]]).end();
    assert_adds_up(status, &output);
    assert_eq!(row(&output, "records"), [Some(8), Some(8), None]);
    assert_eq!(row(&output, "diagnoses"), [None, Some(3), Some(3)]);
    assert_eq!(row(&output, "updates, pages"), [None, Some(1), Some(1)]);
    assert_eq!(row(&output, "repeats"), [None, Some(2), None]);
    assert_eq!(row(&output, "skipped"), [Some(1), Some(1), None]);
    assert_eq!(row(&output, "dead letters"), [Some(1); 3]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["demo", "--input", "no-such-export.json"])
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no-such-export.json"), "{text}");
}
