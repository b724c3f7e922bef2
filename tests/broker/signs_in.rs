//! Every way to prove who the service is, against a broker that checks.
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::https::{self, Request};
use crate::support::load::duplicates;
use crate::support::secured::{CONNECTION_STRING, PASSWORD, Secured, secured};
use crate::support::{Load, Service, Setup, wait_until};

const NOTICED: Duration = Duration::from_mins(1);

const SECRET: &str = "client-secret-of-the-tests";

/// The service on the secured broker, with all rights.
pub fn setup(name: &str, server: &str) -> Setup {
    let secured = secured();
    Setup::on(&secured.broker, name, 1)
        .set("workers", "1")
        .set("kafka.security.ca_file", &quoted(&secured.ca_file()))
        .env("SIGNIN_DIAGNOSTICS__KAFKA__BOOTSTRAP_SERVERS", server)
}

pub fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn delivers(setup: &Setup) {
    let load = Load::generate(21, Profile::tests(), 40);
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records());
    setup.wait_committed(NOTICED);
    assert_eq!(duplicates(&load.ids(), &setup.diagnoses()), 0);
    service.stop();
    for secret in [PASSWORD, SECRET, "aHVudGVyMi1vZi10aGUtdGVzdHM="] {
        assert!(!service.log().contains(secret), "{}", service.log());
    }
}

#[test]
fn passwords_and_connection_strings_are_taken() {
    let secured = secured();
    for (mechanism, user) in [
        ("plain", "service"),
        ("scram-sha-256", "scram"),
        ("scram-sha-512", "scram"),
    ] {
        delivers(
            &setup(mechanism, &secured.sasl)
                .set("kafka.security.protocol", "\"sasl_ssl\"")
                .set("kafka.security.mechanism", &quoted(mechanism))
                .set("kafka.security.username", &quoted(user))
                .env("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD", PASSWORD),
        );
    }
    let file = secured.file("connection-string", CONNECTION_STRING.as_bytes());
    let file = quoted(file.to_str().expect("UTF-8"));
    delivers(
        &setup("connection-string", &secured.sasl)
            .set("kafka.security.protocol", "\"sasl_ssl\"")
            .set("kafka.security.connection_string_file", &file),
    );
}

#[test]
fn a_client_certificate_is_taken() {
    let secured = secured();
    let client = secured.authority.signed("client", 30);
    let certificate = secured.file("client.pem", &client.pem());
    let key = secured.file("client.key", &client.key_pem());
    delivers(
        &setup("mutual", &secured.tls)
            .set("kafka.security.protocol", "\"ssl\"")
            .set(
                "kafka.security.certificate_file",
                &quoted(certificate.to_str().expect("UTF-8")),
            )
            .set(
                "kafka.security.key_file",
                &quoted(key.to_str().expect("UTF-8")),
            ),
    );
}

/// Entra ID as the tests play it.
struct Entra {
    address: SocketAddr,
    asked: Arc<AtomicU64>,
    refuses: Arc<AtomicBool>,
}

impl Entra {
    /// Gives tokens that live so long to whom `accepts` finds right.
    fn start(
        secured: &Secured,
        tls: bool,
        life_seconds: i64,
        accepts: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Entra {
        let certificate = tls.then(|| secured.authority.signed("localhost", 30));
        let asked = Arc::new(AtomicU64::new(0));
        let refuses = Arc::new(AtomicBool::new(false));
        let (count, refusing) = (Arc::clone(&asked), Arc::clone(&refuses));
        let address = https::serve(certificate.as_ref(), move |request| {
            count.fetch_add(1, Ordering::SeqCst);
            if refusing.load(Ordering::SeqCst) || !accepts(request) {
                return (
                    401,
                    "{\"error\":\"invalid_client\",\"error_codes\":[7000215],\
                     \"error_description\":\"AADSTS7000215: Invalid client secret provided.\"}"
                        .to_owned(),
                );
            }
            (200, token_answer(life_seconds))
        });
        Entra {
            address,
            asked,
            refuses,
        }
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The settings of a service that signs in here.
    fn setup(&self, name: &str, identity: &str) -> Setup {
        let setup = setup(name, &secured().sasl)
            .set("kafka.security.protocol", "\"sasl_ssl\"")
            .set("kafka.security.mechanism", "\"oauthbearer\"")
            .set("kafka.security.identity", &quoted(identity));
        if identity == "managed" {
            return setup
                .env(
                    "IDENTITY_ENDPOINT",
                    &format!("http://{}/msi/token", self.address),
                )
                .env("IDENTITY_HEADER", SECRET);
        }
        setup.env(
            "AZURE_AUTHORITY_HOST",
            &format!("https://{}/", self.address),
        )
    }
}

/// The answer of Entra ID and of a managed identity's endpoint in one. Kafka's own validator takes
/// unsigned tokens.
fn token_answer(life_seconds: i64) -> String {
    let now = chrono::Utc::now().timestamp();
    let expires = now + life_seconds;
    let claims = format!("{{\"sub\":\"application\",\"iat\":{now},\"exp\":{expires}}}");
    let part = |text: &str| {
        openssl::base64::encode_block(text.as_bytes())
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_")
    };
    let token = format!("{}.{}.", part("{\"alg\":\"none\"}"), part(&claims));
    format!(
        "{{\"token_type\":\"Bearer\",\"expires_in\":{life_seconds},\"expires_on\":\"{expires}\",\
         \"resource\":\"r\",\"access_token\":\"{token}\"}}"
    )
}

const SCOPE: &str = "scope=https%3A%2F%2F127.0.0.1%2F.default";

#[test]
fn every_identity_of_entra_id_is_taken() {
    let secured = secured();
    let application = |request: &Request| {
        request.target == "POST /tenant/oauth2/v2.0/token"
            && request.body.contains("client_id=application")
            && request.body.contains(SCOPE)
    };
    let entra = Entra::start(secured, true, 3600, move |request| {
        application(request) && request.body.contains(&format!("client_secret={SECRET}"))
    });
    let named = |setup: Setup| {
        setup
            .set("kafka.security.tenant_id", "\"tenant\"")
            .set("kafka.security.client_id", "\"application\"")
    };
    delivers(
        &named(entra.setup("secret", "client_secret"))
            .env("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__CLIENT_SECRET", SECRET),
    );

    let entra = Entra::start(secured, true, 3600, move |request| {
        application(request) && request.body.contains("client_assertion=ey")
    });
    let certificate = secured.authority.signed("application", 30);
    let file = [certificate.key_pem(), certificate.pem()].concat();
    let file = secured.file("application.pem", &file);
    delivers(
        &named(entra.setup("certificate", "client_certificate")).set(
            "kafka.security.client_certificate_file",
            &quoted(file.to_str().expect("UTF-8")),
        ),
    );

    let entra = Entra::start(secured, true, 3600, move |request| {
        application(request) && request.body.contains(&format!("client_assertion={SECRET}"))
    });
    let file = secured.file("federated-token", SECRET.as_bytes());
    delivers(
        &entra
            .setup("workload", "workload")
            .env("AZURE_TENANT_ID", "tenant")
            .env("AZURE_CLIENT_ID", "application")
            .env("AZURE_FEDERATED_TOKEN_FILE", file.to_str().expect("UTF-8")),
    );

    let entra = Entra::start(secured, false, 3600, |request| {
        request.target.contains("resource=https%3A%2F%2F127.0.0.1")
            && request.header("x-identity-header") == Some(SECRET)
    });
    delivers(&entra.setup("managed", "managed"));
}

/// Ports of this machine that are connected to the broker's.
fn connections(server: &str, service: &Service) -> BTreeSet<u16> {
    let port: u16 = server
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .expect("a port");
    let table = fs::read_to_string(format!("/proc/{}/net/tcp", service.pid())).expect("Linux");
    let hex = |address: &str| u16::from_str_radix(address.rsplit(':').next().unwrap_or(""), 16);
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
            (hex(remote).ok()? == port && state == "01").then(|| hex(local).ok())?
        })
        .collect()
}

/// Sessions end with their token: what does not sign in again in time is disconnected.
#[test]
fn tokens_are_renewed_without_a_new_connection_and_an_outage_of_entra_id_is_seen() {
    let secured = secured();
    let entra = Entra::start(secured, false, 20, |_| true);
    let setup = entra.setup("renewed", "managed");
    let load = Load::generate(22, Profile::tests(), 400);
    let mut parts = load.messages.chunks(load.messages.len().div_ceil(3));
    let mut send = || {
        let part = parts.next().expect("three parts");
        setup.send(part.iter().map(|message| &message.body));
    };
    send();
    let mut service = setup.start();
    service.wait_ready();
    setup.wait_committed(NOTICED);
    let before = connections(&secured.sasl, &service);
    assert!(!before.is_empty());
    let asked = entra.asked();
    wait_until(NOTICED, "three more tokens", || entra.asked() >= asked + 3);
    // Those that only found the way at the start may be gone; none may have come.
    let after = connections(&secured.sasl, &service);
    assert!(
        !after.is_empty() && after.is_subset(&before),
        "{after:?} {before:?}"
    );
    send();
    setup.wait_committed(NOTICED);
    let metrics = service.metrics();
    assert!(metrics.sum_with("signin_token_refreshes_total", "ok") >= 4.0);
    let expiry = metrics.sum("signin_token_expiry_timestamp_seconds");
    #[allow(clippy::cast_precision_loss)] // seconds since 1970
    let now = chrono::Utc::now().timestamp() as f64;
    assert!((now - 1.0..now + 21.0).contains(&expiry), "{expiry} {now}");

    entra.refuse(true);
    service.wait_not_ready(
        NOTICED,
        "failed token: expired, and Entra ID gives no other",
    );
    assert!(service.is_live());
    assert!(
        service
            .metrics()
            .sum_with("signin_token_refreshes_total", "error")
            >= 1.0
    );
    send();
    entra.refuse(false);
    service.wait_ready();
    setup.wait_committed(NOTICED);
    let repeated = duplicates(&load.ids(), &setup.diagnoses());
    eprintln!("renewed tokens: {repeated} of {} twice", load.records());
    service.stop();
}

#[test]
fn without_a_first_token_it_waits_unready_and_then_gives_up() {
    let entra = Entra::start(secured(), true, 3600, |_| false);
    let setup = entra
        .setup("no-token", "client_secret")
        .set("kafka.refusal_timeout", "\"6s\"")
        .set("kafka.security.tenant_id", "\"tenant\"")
        .set("kafka.security.client_id", "\"application\"")
        .env("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__CLIENT_SECRET", SECRET);
    let mut service = setup.start();
    service.wait_not_ready(NOTICED, "failed token: Entra ID gives none");
    assert!(service.is_live());
    assert_eq!(service.wait(NOTICED).code(), Some(1));
    let log = service.log();
    assert!(log.contains("AADSTS7000215"), "{log}");
    assert!(log.contains("kafka.refusal_timeout"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}
