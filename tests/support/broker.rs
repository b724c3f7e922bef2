//! One Apache Kafka 4.1.0 (`KRaft`, one node) for the test binary, and more of them for the
//! tests that stop their broker.
//!
//! The environment variable `SIGNIN_DIAGNOSTICS_TEST_BROKER=host:port` names a running broker
//! in place of the shared one; it must let topics be created, and must not create them by
//! itself. A broker that a test stops is always its own.
use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tempfile::TempDir;

use super::distribution;
use super::leash::{Leash, send_signal};
use super::wait::holds_within;

const RUNNING_BROKER_VARIABLE: &str = "SIGNIN_DIAGNOSTICS_TEST_BROKER";

/// It takes two seconds on an idle machine, and more than a minute on one that builds beside.
const START_DEADLINE: Duration = Duration::from_mins(3);

/// A free port may be taken by another process before the broker binds it.
const START_ATTEMPTS: usize = 3;

const PROPERTIES: &str = "server.properties";

/// Any 16 bytes in base64: the node is alone in its cluster.
const CLUSTER_ID: &str = "c2lnbi1pbi1kaWFnbm9zdA";

/// What a broker has besides its plain listener.
#[derive(Debug, Default)]
pub struct Extra {
    /// `,NAME://host:port…`.
    pub listeners: String,
    /// The same, as clients are told.
    pub advertised: String,
    /// `,NAME:PROTOCOL…`.
    pub protocols: String,
    /// Further lines of its settings.
    pub properties: String,
    /// Further arguments when its storage is formatted.
    pub format: Vec<String>,
}

pub struct Broker {
    /// `host:port`.
    pub bootstrap: String,
    /// `None` where the broker is not of this run.
    node: Option<Node>,
}

/// A broker's process, and the folder that outlives it.
struct Node {
    process: Child,
    leash: Option<Leash>,
    folder: TempDir,
    jars: PathBuf,
}

/// The broker of this run, started at the first call.
///
/// # Panics
///
/// When it cannot be started; the text says what to install.
pub fn broker() -> &'static Broker {
    static BROKER: OnceLock<Result<Broker, String>> = OnceLock::new();
    match BROKER.get_or_init(shared) {
        Ok(broker) => broker,
        Err(reason) => panic!("{reason}"),
    }
}

fn shared() -> Result<Broker, String> {
    let running = env::var(RUNNING_BROKER_VARIABLE)
        .ok()
        .filter(|bootstrap| !bootstrap.is_empty());
    let Some(bootstrap) = running else {
        return Broker::start();
    };
    if !holds_within(Duration::from_secs(10), || answers(&bootstrap)) {
        return Err(format!(
            "{RUNNING_BROKER_VARIABLE}: no broker answers at {bootstrap}"
        ));
    }
    Ok(Broker {
        bootstrap,
        node: None,
    })
}

impl Broker {
    /// A broker of the caller's own, which it may stop. It ends when it is dropped.
    ///
    /// # Panics
    ///
    /// When it cannot be started; the text says what to install.
    pub fn of_my_own() -> Broker {
        match Broker::start() {
            Ok(broker) => broker,
            Err(reason) => panic!("{reason}"),
        }
    }

    fn start() -> Result<Broker, String> {
        Broker::start_with(&Extra::default())
    }

    /// A broker with more than the plain listener.
    pub fn start_with(extra: &Extra) -> Result<Broker, String> {
        let jars = distribution::jars()?;
        let mut last = String::new();
        for _ in 0..START_ATTEMPTS {
            match Broker::start_on_free_ports(&jars, extra) {
                Ok(broker) => return Ok(broker),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    fn start_on_free_ports(jars: &Path, extra: &Extra) -> Result<Broker, String> {
        let folder = TempDir::with_prefix("signin-diagnostics-kafka-").map_err(text)?;
        let bootstrap = format!("127.0.0.1:{}", free_port()?);
        fs::write(
            folder.path().join(PROPERTIES),
            server_properties(&bootstrap, free_port()?, folder.path(), extra),
        )
        .map_err(text)?;
        let formatted = java(jars, folder.path())?
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                CLUSTER_ID,
            ])
            .arg("--config")
            .arg(folder.path().join(PROPERTIES))
            .args(&extra.format)
            .status()
            .map_err(text)?;
        if !formatted.success() {
            return Err(failure("could not format its storage", folder.path()));
        }
        let process = spawn(jars, folder.path())?;
        let mut node = Node {
            leash: Some(Leash::attach(process.id(), Some(folder.path()))),
            process,
            folder,
            jars: jars.to_owned(),
        };
        node.wait(&bootstrap)?;
        Ok(Broker {
            bootstrap,
            node: Some(node),
        })
    }

    /// Ends the broker as a crash of its machine's power would: with SIGKILL.
    pub fn kill(&mut self) {
        let node = self.node();
        node.process.kill().expect("the broker runs");
        node.process.wait().expect("it has ended");
    }

    /// Starts a killed broker again: same address, same topics.
    pub fn restart(&mut self) {
        let bootstrap = self.bootstrap.clone();
        let node = self.node();
        // Before there is another process: the old leash would remove the folder.
        node.leash = None;
        node.process = spawn(&node.jars, node.folder.path()).expect("java starts");
        node.leash = Some(Leash::attach(node.process.id(), Some(node.folder.path())));
        if let Err(reason) = node.wait(&bootstrap) {
            panic!("{reason}");
        }
    }

    /// Restarts the broker with a further line of its settings.
    pub fn set(&mut self, property: &str) {
        self.kill();
        let path = self.node().folder.path().join(PROPERTIES);
        let settings = fs::read_to_string(&path).expect("it has settings");
        fs::write(&path, format!("{settings}{property}\n")).expect("they are written");
        self.restart();
    }

    /// Stops the broker in its tracks: connections stay open, nothing is answered.
    pub fn freeze(&mut self) {
        send_signal(&self.node().process, "STOP");
    }

    /// Lets a frozen broker go on.
    pub fn thaw(&mut self) {
        send_signal(&self.node().process, "CONT");
    }

    fn node(&mut self) -> &mut Node {
        self.node.as_mut().expect("the broker is of this run")
    }
}

fn spawn(jars: &Path, folder: &Path) -> Result<Child, String> {
    java(jars, folder)?
        .arg("kafka.Kafka")
        .arg(folder.join(PROPERTIES))
        .spawn()
        .map_err(text)
}

impl Node {
    fn wait(&mut self, bootstrap: &str) -> Result<(), String> {
        let mut ended = false;
        let ready = holds_within(START_DEADLINE, || {
            ended = !matches!(self.process.try_wait(), Ok(None));
            ended || answers(bootstrap)
        });
        if ended || !ready {
            return Err(failure("did not start", self.folder.path()));
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        self.leash = None;
        let _ = self.process.wait();
    }
}

/// Java with the broker's class path; its output is appended to `broker.log` in the folder.
fn java(jars: &Path, folder: &Path) -> Result<Command, String> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("broker.log"))
        .map_err(text)?;
    let mut command = Command::new("java");
    command
        // A test broker is up for a minute: start fast, stay small.
        .args([
            "-Xms128m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-cp")
        .arg(jars.join("*"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(text)?)
        .stderr(log);
    Ok(command)
}

fn server_properties(
    bootstrap: &str,
    controller_port: u16,
    folder: &Path,
    extra: &Extra,
) -> String {
    let Extra {
        listeners,
        advertised,
        protocols,
        properties,
        ..
    } = extra;
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         listeners=PLAINTEXT://{bootstrap},CONTROLLER://127.0.0.1:{controller_port}{listeners}\n\
         advertised.listeners=PLAINTEXT://{bootstrap}{advertised}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}\n\
         controller.listener.names=CONTROLLER\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         log.dirs={data}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.cleaner.enable=false\n\
         {properties}",
        data = data.display()
    )
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> Result<u16, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(text)
}

fn answers(bootstrap: &str) -> bool {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set_log_level(RDKafkaLogLevel::Emerg)
        .create::<BaseConsumer>()
        .and_then(|client| client.fetch_metadata(None, Duration::from_secs(1)))
        .is_ok_and(|metadata| !metadata.brokers().is_empty())
}

fn failure(what: &str, folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("broker.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(30)..].join("\n");
    format!("the test broker {what}; the end of its log:\n{tail}")
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
