//! The built service as a process of its own, with topics of its own.
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::broker::{Broker, broker, free_port};
use super::leash::{Leash, send_signal};
use super::load::{Diagnosis, by_sign_in};
use super::said;
use super::topics::{self, Message, Progress, produce_on, read_all_on, topic_on};
use super::wait::holds_within;

/// To join a group, to reach the producer: a second or two on an idle machine.
const READY_DEADLINE: Duration = Duration::from_mins(1);

/// To drain and to leave the group: well below a second on an idle machine.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Far more than a test sends.
const RECORDS_DEADLINE: Duration = Duration::from_mins(1);

/// The admin server is on the same machine.
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// The topics, the group and the settings that one service, or one after another, runs with.
#[derive(Clone)]
pub struct Setup {
    pub input: String,
    pub output: String,
    pub dead_letters: String,
    pub group: String,
    pub bootstrap: String,
    partitions: i32,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    program: PathBuf,
}

impl Setup {
    /// Creates an input topic of so many partitions, an output topic of four and a dead-letter
    /// topic of one.
    pub fn new(name: &str, partitions: i32) -> Setup {
        Setup::on(broker(), name, partitions)
    }

    /// The same on a broker of the test's own.
    pub fn on(broker: &Broker, name: &str, partitions: i32) -> Setup {
        let input = topic_on(&broker.bootstrap, &format!("{name}-in"), partitions);
        Setup {
            output: topic_on(&broker.bootstrap, &format!("{name}-out"), 4),
            dead_letters: topic_on(&broker.bootstrap, &format!("{name}-dead"), 1),
            group: format!("{input}-group"),
            input,
            bootstrap: broker.bootstrap.clone(),
            partitions,
            settings: Vec::new(),
            environment: Vec::new(),
            program: env!("CARGO_BIN_EXE_signin-diagnostics").into(),
        }
    }

    /// Another build of the service.
    #[allow(dead_code)] // for the benchmark
    #[must_use]
    pub fn program(mut self, program: &Path) -> Setup {
        program.clone_into(&mut self.program);
        self
    }

    /// Adds a setting: its dotted key, and its value as TOML (`"workers"`, `"2"`;
    /// `"delivery.drain_timeout"`, `"\"5s\""`).
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Setup {
        self.settings.push(format!("{key} = {value}"));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the bodies to the input topic, in turn to each of its partitions: the n-th (from 0)
    /// is at offset n / partitions of partition n % partitions.
    pub fn send<B: AsRef<[u8]>>(&self, bodies: impl IntoIterator<Item = B>) {
        produce_on(&self.bootstrap, &self.input, bodies, |n| {
            i32::try_from(n).expect("a test sends less") % self.partitions
        });
    }

    /// All diagnoses in the output topic, by the id of the sign-in.
    pub fn diagnoses(&self) -> BTreeMap<String, Vec<Diagnosis>> {
        by_sign_in(&read_all_on(&self.bootstrap, &self.output))
    }

    /// All dead letters, in order.
    pub fn read_dead_letters(&self) -> Vec<Message> {
        read_all_on(&self.bootstrap, &self.dead_letters)
    }

    /// How far the group has come, by partition of the input topic.
    pub fn progress(&self) -> BTreeMap<i32, Progress> {
        topics::progress(&self.bootstrap, &self.input, &self.group)
    }

    /// Messages of the input topic that the group has not committed.
    pub fn lag(&self) -> i64 {
        let progress = self.progress();
        progress.values().map(|p| p.end - p.committed).sum()
    }

    /// Waits until the group has committed the end of the input topic.
    ///
    /// # Panics
    ///
    /// When it has not within `deadline`.
    pub fn wait_committed(&self, deadline: Duration) {
        let mut lag = 0;
        let committed = holds_within(deadline, || {
            lag = self.lag();
            lag == 0
        });
        assert!(committed, "not within {deadline:?}: {lag} messages to go");
    }

    /// Waits until the group has come to rest with so many members, each with partitions: what
    /// is sent then is not handed over in between.
    ///
    /// # Panics
    ///
    /// When it has not within a minute.
    pub fn wait_settled(&self, members: usize) {
        let settled = holds_within(READY_DEADLINE, || {
            topics::is_settled(&self.bootstrap, &self.group, members)
        });
        assert!(settled, "{} has no {members} members at rest", self.group);
    }

    /// How many members the group has at the broker.
    pub fn members(&self) -> usize {
        topics::members(&self.bootstrap, &self.group)
    }

    /// What is set in the environment.
    #[allow(dead_code)] // not every test binary asks for it
    pub fn environment(&self) -> impl Iterator<Item = (String, String)> {
        self.environment.iter().cloned()
    }

    /// Writes these settings to a file in the folder, for another subcommand.
    #[allow(dead_code)] // not every test binary asks for it
    pub fn write_config(&self, folder: &Path) -> PathBuf {
        let config = folder.join("config.toml");
        fs::write(&config, self.toml("127.0.0.1:9")).expect("the configuration is written");
        config
    }

    /// Runs another subcommand with these settings, to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let folder = TempDir::with_prefix("signin-diagnostics-command-").expect("a folder");
        let config = self.write_config(folder.path());
        let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
            .args(arguments)
            .arg("--config")
            .arg(&config)
            .envs(self.environment())
            .stdin(Stdio::null())
            .output()
            .expect("the command runs");
        said::keep("command", &output.stderr);
        output
    }

    /// Starts the service; it may not be ready yet.
    pub fn start(&self) -> Service {
        self.start_by(Command::new(&self.program))
    }

    /// The same by another command, which is given the arguments of the program.
    pub fn start_by(&self, mut command: Command) -> Service {
        let folder = TempDir::with_prefix("signin-diagnostics-service-").expect("a folder");
        let admin = format!("127.0.0.1:{}", free_port().expect("a free port"));
        let config = folder.path().join("config.toml");
        fs::write(&config, self.toml(&admin)).expect("the configuration is written");
        let log = folder.path().join("service.log");
        let stderr = File::create(&log).expect("the log is created");
        let process = command
            .arg("run")
            .arg("--config")
            .arg(&config)
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(stderr.try_clone().expect("the log is shared"))
            .stderr(stderr)
            .spawn()
            .expect("the service starts");
        let leash = Leash::attach(process.id(), Some(folder.path()));
        Service {
            process,
            leash: Some(leash),
            admin,
            log,
            _folder: folder,
        }
    }

    fn toml(&self, admin: &str) -> String {
        let mut lines = vec![
            format!("kafka.bootstrap_servers = \"{}\"", self.bootstrap),
            format!("input.topics = [\"{}\"]", self.input),
            format!("input.group_id = \"{}\"", self.group),
            format!("output.topic = \"{}\"", self.output),
            format!("dead_letter.topic = \"{}\"", self.dead_letters),
            format!("telemetry.listen = \"{admin}\""),
        ];
        lines.extend(self.settings.iter().cloned());
        lines.join("\n")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Term,
    Int,
    Kill,
}

/// A running service; killed when dropped.
pub struct Service {
    process: Child,
    leash: Option<Leash>,
    admin: String,
    log: PathBuf,
    _folder: TempDir,
}

impl Service {
    /// # Panics
    ///
    /// When `/readyz` does not answer 200 within a minute, or the service ends before; with
    /// its log.
    pub fn wait_ready(&mut self) {
        let mut ended = None;
        let ready = holds_within(READY_DEADLINE, || {
            ended = self.process.try_wait().expect("the process can be asked");
            ended.is_some() || self.get("/readyz").is_some_and(|(status, _)| status == 200)
        });
        assert!(ended.is_none(), "ended ({ended:?}):\n{}", self.log());
        assert!(ready, "not ready:\n{}", self.log());
    }

    /// Where it answers HTTP.
    #[allow(dead_code)] // not every test binary asks it so
    pub fn admin(&self) -> &str {
        &self.admin
    }

    #[allow(dead_code)] // not every test binary asks for it
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What `/metrics` says now.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn metrics(&self) -> Metrics {
        match self.get("/metrics") {
            Some((200, body)) => Metrics::parse(&body),
            answer => panic!("/metrics answered {answer:?}:\n{}", self.log()),
        }
    }

    /// The same; `None` where it does not answer, as before it listens.
    pub fn try_metrics(&self) -> Option<Metrics> {
        match self.get("/metrics")? {
            (200, body) => Some(Metrics::parse(&body)),
            _ => None,
        }
    }

    /// How many records it has settled; 0 before it listens.
    pub fn records(&self) -> u64 {
        let metrics = self.try_metrics();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count
        metrics.map_or(0, |m| m.sum("signin_records_received_total") as u64)
    }

    /// How it has ended; `None` while it runs.
    #[allow(dead_code)]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the process can be asked")
    }

    /// Waits until it has settled so many records.
    ///
    /// # Panics
    ///
    /// When it does not within a minute; with its log.
    pub fn wait_for_records(&self, records: u64) {
        let held = holds_within(RECORDS_DEADLINE, || self.records() >= records);
        assert!(held, "{} records:\n{}", self.records(), self.log());
    }

    /// Waits until `/readyz?verbose` says 503 with such a line.
    ///
    /// # Panics
    ///
    /// When it does not within `deadline`; with its log.
    pub fn wait_not_ready(&self, deadline: Duration, line: &str) {
        let mut answer = None;
        let held = holds_within(deadline, || {
            answer = self.get("/readyz?verbose");
            answer
                .as_ref()
                .is_some_and(|(status, body)| *status == 503 && body.contains(line))
        });
        assert!(held, "not \"{line}\" but {answer:?}:\n{}", self.log());
    }

    /// Whether the process is there and says that it lives.
    pub fn is_live(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
            && self.get("/livez").is_some_and(|(status, _)| status == 200)
    }

    /// Status and body of an admin path; `None` where nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.admin).ok()?;
        stream.set_read_timeout(Some(HTTP_TIMEOUT)).ok()?;
        // HTTP/1.0: the answer is not chunked, and the server closes after it.
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let name = path.trim_matches('/').replace(['?', '/'], "-");
        said::keep_last(&format!("{name}-{}", self.admin), body);
        Some((status, body.to_owned()))
    }

    pub fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
            Signal::Kill => "KILL",
        };
        send_signal(&self.process, name);
    }

    /// Ends the service as an orchestrator does.
    ///
    /// # Panics
    ///
    /// When it does not end in time with exit code 0; with its log.
    pub fn stop(&mut self) {
        self.signal(Signal::Term);
        let status = self.wait(STOP_DEADLINE);
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    /// Waits for the service to end.
    ///
    /// # Panics
    ///
    /// When it does not within `deadline`; with its log.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let mut status = None;
        let ended = holds_within(deadline, || {
            status = self.process.try_wait().expect("the process can be asked");
            status.is_some()
        });
        assert!(ended, "runs on after {deadline:?}:\n{}", self.log());
        self.leash = None;
        status.expect("it has ended")
    }

    /// What it has written to its standard output and error.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The time until the metrics satisfy the condition.
    ///
    /// # Panics
    ///
    /// When they do not within `deadline`; with the service's log.
    pub fn wait_for_metrics(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&Metrics) -> bool,
    ) -> Duration {
        let started = Instant::now();
        let held = holds_within(deadline, || condition(&self.metrics()));
        assert!(held, "not within {deadline:?}: {what}\n{}", self.log());
        started.elapsed()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        self.leash = None;
        let _ = self.process.wait();
        if !std::thread::panicking() {
            said::keep("log", self.log());
        }
    }
}

/// The samples of one scrape, by series (`name{label="value"}` as it is written).
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    samples: HashMap<String, f64>,
}

impl Metrics {
    fn parse(text: &str) -> Metrics {
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                Some((series.to_owned(), value.parse().ok()?))
            })
            .collect();
        Metrics { samples }
    }

    /// The value of one series; `None` where it does not exist.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// The sum over all series of a name; 0 where there is none.
    pub fn sum(&self, name: &str) -> f64 {
        self.sum_with(name, "")
    }

    /// The sum over the series of a name that carry the label, written `name="value"`.
    pub fn sum_with(&self, name: &str, label: &str) -> f64 {
        self.samples
            .iter()
            .filter(|(series, _)| {
                let (series_name, labels) = series.split_once('{').unwrap_or((series, ""));
                series_name == name && labels.contains(label)
            })
            .map(|(_, value)| value)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn series_are_read_and_summed_by_name_and_label() {
        let metrics = Metrics::parse(
            "# TYPE a_total counter\na_total{x=\"1\",y=\"p q\"} 2\na_total{x=\"2\"} 3.5\na 7\n",
        );
        assert_eq!(metrics.value("a_total{x=\"1\",y=\"p q\"}"), Some(2.0));
        assert_eq!(metrics.value("a_total"), None);
        assert!((metrics.sum("a_total") - 5.5).abs() < f64::EPSILON);
        assert!((metrics.sum_with("a_total", "x=\"2\"") - 3.5).abs() < f64::EPSILON);
        assert!((metrics.sum("a") - 7.0).abs() < f64::EPSILON);
    }
}
