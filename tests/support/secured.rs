//! One broker with TLS, every way to sign in, and rights; shared by the tests that need them.
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::broker::{Broker, Extra, free_port};
use super::certificates::Certificate;
use super::leash::Leash;

/// What every user of the broker signs in with.
pub const PASSWORD: &str = "hunter2-of-the-tests";

/// What an Event Hubs namespace would be given as, after its user `$ConnectionString`.
pub const CONNECTION_STRING: &str = "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=send;\
                                     SharedAccessKey=aHVudGVyMi1vZi10aGUtdGVzdHM=";

const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Secured {
    /// Its plain listener, where everything is allowed, is the tests' own.
    pub broker: Broker,
    /// `127.0.0.1:port` for TLS and SASL.
    pub sasl: String,
    /// `127.0.0.1:port` for TLS with a client certificate.
    pub tls: String,
    /// Signed the broker's certificate, and signs what a test needs besides.
    pub authority: Certificate,
    folder: TempDir,
    _leash: Leash,
}

/// The broker, started at the first call.
///
/// # Panics
///
/// When it cannot be started; the text says what to install.
pub fn secured() -> &'static Secured {
    static BROKER: OnceLock<Result<Secured, String>> = OnceLock::new();
    match BROKER.get_or_init(Secured::start) {
        Ok(broker) => broker,
        Err(reason) => panic!("{reason}"),
    }
}

impl Secured {
    fn start() -> Result<Secured, String> {
        let folder = TempDir::with_prefix("signin-diagnostics-secured-").expect("a folder");
        let authority = Certificate::authority("signin-diagnostics test authority");
        let server = authority.signed("localhost", 30);
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("the file is written");
            path.display().to_string()
        };
        let keystore = file("broker.p12", &server.pkcs12(PASSWORD));
        let truststore = file("ca.pem", &authority.pem());
        let (sasl, tls) = (free_port()?, free_port()?);
        let listeners = format!(",SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{tls}");
        let extra = Extra {
            advertised: listeners.clone(),
            listeners,
            protocols: ",SASL_SSL:SASL_SSL,SSL:SSL".to_owned(),
            properties: properties(&keystore, &truststore),
            format: ["SCRAM-SHA-256", "SCRAM-SHA-512"]
                .iter()
                .flat_map(|mechanism| {
                    let user = format!("{mechanism}=[name=scram,password={PASSWORD}]");
                    ["--add-scram".to_owned(), user]
                })
                .collect(),
        };
        let broker = Broker::start_with(&extra)?;
        let leash = Leash::attach_folder(folder.path());
        Ok(Secured {
            broker,
            sasl: format!("127.0.0.1:{sasl}"),
            tls: format!("127.0.0.1:{tls}"),
            authority,
            folder,
            _leash: leash,
        })
    }

    /// PEM file of the authority.
    pub fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// A file of the test's own.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("the file is written");
        path
    }

    pub fn allow(&self, user: &str, operation: Operation, on: Resource, name: &str) {
        self.change(CREATE_ACLS, user, operation, on, name);
    }

    pub fn forbid(&self, user: &str, operation: Operation, on: Resource, name: &str) {
        self.change(DELETE_ACLS, user, operation, on, name);
    }

    /// The protocol's own requests, version 1: the client library of the tests has none of them.
    fn change(&self, request: i16, user: &str, operation: Operation, on: Resource, name: &str) {
        let mut body = Vec::new();
        body.extend(request.to_be_bytes());
        body.extend(1_i16.to_be_bytes());
        body.extend(1_i32.to_be_bytes());
        put(&mut body, "tests");
        body.extend(1_i32.to_be_bytes());
        body.push(on as u8);
        put(&mut body, name);
        body.push(LITERAL);
        put(&mut body, &format!("User:{user}"));
        put(&mut body, "*");
        body.push(operation as u8);
        body.push(ALLOW);
        let mut stream = TcpStream::connect(&self.broker.bootstrap).expect("the broker listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let length = i32::try_from(body.len()).expect("short");
        stream.write_all(&length.to_be_bytes()).expect("sent");
        stream.write_all(&body).expect("sent");
        let mut length = [0; 4];
        stream.read_exact(&mut length).expect("an answer");
        let length = usize::try_from(i32::from_be_bytes(length)).expect("a length");
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).expect("the answer");
        // Correlation (4), throttle time (4), number of results (4), error code of the first.
        assert_eq!(answer[8..14], [0, 0, 0, 1, 0, 0], "{answer:?}");
    }
}

const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;
const LITERAL: u8 = 3;
const ALLOW: u8 = 3;

#[derive(Debug, Clone, Copy)]
pub enum Resource {
    Topic = 2,
    Group = 3,
    TransactionalId = 5,
}

#[derive(Debug, Clone, Copy)]
pub enum Operation {
    Read = 3,
    Write = 4,
    Describe = 8,
}

fn put(body: &mut Vec<u8>, text: &str) {
    let length = i16::try_from(text.len()).expect("short");
    body.extend(length.to_be_bytes());
    body.extend(text.as_bytes());
}

fn properties(keystore: &str, truststore: &str) -> String {
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let oauth = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                 unsecuredLoginStringClaim_sub=\"broker\";";
    format!(
        "ssl.keystore.type=PKCS12\n\
         ssl.keystore.location={keystore}\n\
         ssl.keystore.password={PASSWORD}\n\
         ssl.key.password={PASSWORD}\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={truststore}\n\
         listener.name.ssl.ssl.client.auth=required\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config={plain} user_service=\"{PASSWORD}\" \
         user_limited=\"{PASSWORD}\" user_$ConnectionString=\"{CONNECTION_STRING}\";\n\
         listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram}\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}\n\
         listener.name.sasl_ssl.oauthbearer.sasl.jaas.config={oauth}\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS;User:service;User:scram;User:$ConnectionString;\
         User:CN=client;User:application\n"
    )
}
