//! The console over a file, as a process of its own, and requests to it as bytes.
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitStatus};

use serde_json::Value;
use tempfile::TempDir;

use crate::console::Console;
pub use crate::console::DEADLINE;

const FILE: &str = "diagnoses.ndjson";

/// A running console; killed when dropped.
pub struct Served {
    pub address: SocketAddr,
    process: Console,
    _folder: TempDir,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Served {
    /// Serves these records, with settings as `--set` takes them.
    pub fn start(records: &[Value], settings: &[&str]) -> Served {
        let folder = TempDir::with_prefix("signin-diagnostics-console-").expect("a folder");
        let lines: Vec<_> = records.iter().map(ToString::to_string).collect();
        fs::write(folder.path().join(FILE), lines.join("\n")).expect("it is written");
        let mut process = Console::start(
            Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
                .args(["console", "--set", "console.listen=127.0.0.1:0"])
                .args(settings.iter().flat_map(|setting| ["--set", setting]))
                .args(["--file", FILE])
                .current_dir(folder.path()),
            Some(folder.path()),
        );
        Served {
            address: process.address(),
            process,
            _folder: folder,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("it is set");
        stream
    }

    /// What is answered to these bytes; `None` where the connection is closed without a word.
    pub fn send(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = self.connect();
        // It may have been refused before it was all sent.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let is_late = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!is_late, "no answer within {DEADLINE:?}");
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some(Answer {
            status: head.split(' ').nth(1)?.parse().ok()?,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }

    /// A request with further headers, and a body where that is not empty.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        if headers.iter().all(|(name, _)| *name != "host") {
            write!(request, "host: {}\r\n", self.address).expect("a text takes it");
        }
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").expect("a text takes it");
        }
        write!(request, "content-length: {}\r\n\r\n{body}", body.len()).expect("a text takes it");
        let answer = self.send(request.as_bytes());
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// How it ends after Ctrl-C.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.stop()
    }

    /// Everything that it has said, once it has ended.
    pub fn log(&mut self) -> &str {
        self.process.log()
    }
}
