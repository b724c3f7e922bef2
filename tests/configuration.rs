//! A wrong configuration is answered at once: every fault on standard error, exit code 64, no
//! connection, no secret. By the built program.
#![allow(clippy::expect_used)]
#[path = "support/said.rs"]
mod said;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// It ends in a few milliseconds.
const DEADLINE: Duration = Duration::from_secs(20);

const SECRET: &str = "c2VjcmV0LW9mLXRoZS10ZXN0";

/// A start on which nothing is wrong but what a case adds.
struct Ground {
    folder: TempDir,
    /// Listens in the place of the broker, to see whether somebody calls.
    broker: TcpListener,
    /// Holds the port that the service would answer on.
    admin: TcpListener,
}

impl Ground {
    fn new() -> Ground {
        let broker = TcpListener::bind("127.0.0.1:0").expect("a free port");
        broker
            .set_nonblocking(true)
            .expect("a socket that answers at once");
        Ground {
            folder: TempDir::with_prefix("signin-diagnostics-configuration-").expect("a folder"),
            broker,
            admin: TcpListener::bind("127.0.0.1:0").expect("a free port"),
        }
    }

    fn toml(&self) -> String {
        format!(
            "kafka.bootstrap_servers = \"{}\"\n\
             input.topics = [\"sign-ins\"]\n\
             input.group_id = \"diagnostics\"\n\
             output.topic = \"diagnoses\"\n\
             dead_letter.topic = \"dead-letters\"\n\
             telemetry.listen = \"{}\"\n",
            self.broker.local_addr().expect("it is bound"),
            self.admin.local_addr().expect("it is bound")
        )
    }

    /// Runs the program with the case's configuration until it ends by itself.
    fn run(&self, subcommand: &str, case: &Case) -> Output {
        let config = self.folder.path().join("config.toml");
        let toml = self.toml();
        let toml = match case.instead_of {
            Some(key) => toml
                .lines()
                .filter(|line| !line.starts_with(key))
                .fold(String::new(), |kept, line| kept + line + "\n"),
            None => toml,
        };
        fs::write(&config, toml + case.toml).expect("the configuration is written");
        let mut process = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
            .arg(subcommand)
            .arg("--config")
            .arg(&config)
            .args(case.args)
            .env_clear()
            .envs(case.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let started = Instant::now();
        while process.try_wait().expect("it can be asked").is_none() {
            if started.elapsed() > DEADLINE {
                process.kill().expect("it runs");
                let output = process.wait_with_output().expect("it has ended");
                panic!("{}: {subcommand} runs on: {output:?}", case.name);
            }
            thread::sleep(Duration::from_millis(5));
        }
        let output = process.wait_with_output().expect("it has ended");
        said::keep(
            "configuration",
            [&output.stdout[..], &output.stderr].concat(),
        );
        output
    }

    fn assert_nobody_called(&self, case: &Case) {
        match self.broker.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            answer => panic!("{}: the broker was called: {answer:?}", case.name),
        }
    }
}

struct Case {
    name: &'static str,
    /// Leaves out the lines that start so.
    instead_of: Option<&'static str>,
    toml: &'static str,
    args: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// What standard error says, each in a line of its own.
    says: &'static [&'static str],
}

const WRONG: &[Case] = &[
    Case {
        name: "nothing is set",
        instead_of: Some(""),
        says: &[
            "kafka.bootstrap_servers",
            "input.topics",
            "input.group_id",
            "output.topic",
            "dead_letter.topic",
        ],
        ..NONE
    },
    Case {
        name: "a key that does not exist",
        toml: "input.topic = \"sign-ins\"",
        says: &["input.topic"],
        ..NONE
    },
    Case {
        name: "values out of range and of the wrong type",
        toml: "workers = 1000\ndelivery.commit_interval = \"10ms\"\noutput.queue_messages = \"many\"",
        says: &[
            "workers",
            "delivery.commit_interval",
            "output.queue_messages",
        ],
        ..NONE
    },
    Case {
        name: "no TOML",
        toml: "[kafka",
        says: &["config.toml"],
        ..NONE
    },
    Case {
        name: "a file that is not there",
        args: &["--config", "no-such-file.toml"],
        says: &["no-such-file.toml"],
        ..NONE
    },
    Case {
        name: "settings that the service owns",
        toml: "kafka.properties = { acks = 1, \"enable.auto.commit\" = true }",
        says: &[
            "kafka.properties.acks",
            "kafka.properties.enable.auto.commit",
        ],
        ..NONE
    },
    Case {
        name: "a setting that the client library does not know",
        toml: "kafka.properties = { \"no.such.setting\" = 1 }",
        says: &["no.such.setting"],
        ..NONE
    },
    Case {
        name: "one topic for everything",
        instead_of: Some("output.topic"),
        toml: "output.topic = \"sign-ins\"",
        says: &["output.topic"],
        ..NONE
    },
    Case {
        name: "a connection string that is none",
        environment: &[(
            "SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__CONNECTION_STRING",
            "Endpoint=nonsense;SharedAccessKeyName=a;SharedAccessKey=c2VjcmV0LW9mLXRoZS10ZXN0",
        )],
        says: &["kafka.security.connection_string"],
        ..NONE
    },
    Case {
        name: "a password twice, and no user",
        toml: "kafka.security = { protocol = \"sasl_ssl\", password = \"c2VjcmV0LW9mLXRoZS10ZXN0\", password_file = \"no-such-file\" }",
        says: &["kafka.security.password", "kafka.security.username"],
        ..NONE
    },
    Case {
        name: "a variable that names no key",
        environment: &[("SIGNIN_DIAGNOSTICS__OUTPUT__TOPICS", "diagnoses")],
        says: &["SIGNIN_DIAGNOSTICS__OUTPUT__TOPICS"],
        ..NONE
    },
    Case {
        name: "a scenario that does not exist",
        args: &["--set", "output.detail.blocked=none"],
        says: &["output.detail.blocked"],
        ..NONE
    },
    Case {
        name: "no address to listen on",
        instead_of: Some("telemetry.listen"),
        toml: "telemetry.listen = \"everywhere\"",
        says: &["telemetry.listen"],
        ..NONE
    },
    Case {
        name: "a catalog that is not there",
        toml: "catalog.path = \"no-such-folder\"",
        says: &["no-such-folder"],
        ..NONE
    },
];

const NONE: Case = Case {
    name: "",
    instead_of: None,
    toml: "",
    args: &[],
    environment: &[],
    says: &[],
};

/// The port of the admin endpoint is taken: had it been bound first, the exit code were 1.
#[test]
fn every_fault_is_said_at_once_and_nothing_is_opened() {
    for case in WRONG {
        for subcommand in ["run", "check"] {
            let ground = Ground::new();
            let output = ground.run(subcommand, case);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let name = case.name;
            assert_eq!(
                output.status.code(),
                Some(64),
                "{name}: {subcommand}: {stderr}"
            );
            for said in case.says {
                assert!(
                    stderr.lines().any(|line| line.contains(said)),
                    "{name}: {subcommand} does not say {said}:\n{stderr}"
                );
            }
            assert!(
                !stderr.contains(SECRET),
                "{name}: {subcommand} tells the secret"
            );
            assert_eq!(output.stdout, b"", "{name}: {subcommand}");
            ground.assert_nobody_called(case);
        }
    }
}

/// Both are read at once, so that nobody starts it twice to learn of both.
#[test]
fn the_console_says_its_own_faults_with_those_of_the_topic() {
    let ground = Ground::new();
    let case = Case {
        name: "a console that others reach, and no topic",
        instead_of: Some("output.topic"),
        toml: "console.listen = \"0.0.0.0:80\"\n",
        ..NONE
    };
    let output = ground.run("console", &case);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    let over_files = Case {
        name: "a console over files that others reach, and pseudonyms without a key",
        toml: "console.listen = \"0.0.0.0:80\"\nprivacy.user = \"pseudonymise\"\n",
        args: &["--file", "diagnoses.ndjson"],
        ..NONE
    };
    let of_files = ground.run("console", &over_files);
    let of_files = String::from_utf8_lossy(&of_files.stderr);
    for said in ["console.listen", "privacy.key"] {
        assert!(of_files.contains(said), "{said}: {of_files}");
    }
    for said in ["console.listen", "output.topic", "--file FILE"] {
        assert!(stderr.contains(said), "it does not say {said}:\n{stderr}");
    }
    ground.assert_nobody_called(&case);
}

#[test]
fn a_port_that_is_taken_is_named_before_the_broker_is_called() {
    let ground = Ground::new();
    let case = Case {
        name: "a port that is taken",
        ..NONE
    };
    let output = ground.run("run", &case);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let address = ground.admin.local_addr().expect("it is bound");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains(&format!("cannot listen on {address}; set telemetry.listen")),
        "{stderr}"
    );
    ground.assert_nobody_called(&case);
}

/// The cases are wrong by what they add, not by what they stand on.
#[test]
fn the_ground_of_the_cases_is_right() {
    let ground = Ground::new();
    let case = Case {
        name: "nothing wrong",
        ..NONE
    };
    let output = ground.run("check", &case);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    ground.assert_nobody_called(&case);
}
