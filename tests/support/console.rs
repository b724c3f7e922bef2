//! A console as a process of its own, killed when dropped. Nothing is waited for without an end.
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::leash::{Leash, send_signal};
use super::said;

/// Longer than the console gives a connection that says nothing.
pub const DEADLINE: Duration = Duration::from_secs(40);

pub struct Console {
    process: Child,
    lines: Receiver<String>,
    /// What it has said, as far as that was asked for.
    log: String,
    _leash: Leash,
}

impl Console {
    /// Starts it; `leftover` is removed where the test process is killed.
    pub fn start(command: &mut Command, leftover: Option<&Path>) -> Console {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built binary starts");
        let stderr = process.stderr.take();
        let (tell, lines) = channel();
        let console = Console {
            _leash: Leash::attach(process.id(), leftover),
            process,
            lines,
            log: String::new(),
        };
        let stderr = BufReader::new(stderr.expect("it is piped"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        console
    }

    /// Where it listens, once it does.
    pub fn address(&mut self) -> SocketAddr {
        let deadline = Instant::now() + DEADLINE;
        while let Ok(line) = self.next_line(deadline) {
            let url = line.split_once("url=http://");
            if let Some((address, _)) = url.and_then(|(_, rest)| rest.split_once('/')) {
                return address.parse().expect("an address");
            }
        }
        panic!("no address: {}", self.log)
    }

    fn next_line(&mut self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left)?;
        self.log.push_str(&line);
        self.log.push('\n');
        Ok(line)
    }

    /// How it ends after Ctrl-C.
    pub fn stop(&mut self) -> ExitStatus {
        send_signal(&self.process, "INT");
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.process.try_wait().expect("it can be asked") {
                return status;
            }
            assert!(Instant::now() < deadline, "it runs on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that it has said, once it has ended.
    pub fn log(&mut self) -> &str {
        let deadline = Instant::now() + DEADLINE;
        while self.next_line(deadline).is_ok() {}
        &self.log
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        said::keep("console", self.log());
    }
}
