//! From a broker's name to a TLS session, each step by itself, so that the one that fails is named.
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::ssl::{HandshakeError, SslConnector, SslFiletype, SslMethod};
use openssl::x509::{X509NameRef, X509Ref, X509VerifyResult};

use super::STEP;
use super::report::Finding;
use crate::config::{Authorities, Security};

/// A certificate that ends sooner is worth a word.
const SOON_DAYS: i32 = 30;

/// Looks the host up. The system's look-up has no deadline: it is left behind when it takes long.
pub fn resolve(server: &str) -> Result<(Vec<SocketAddr>, Finding), Finding> {
    let host = host(server);
    let (sender, answer) = mpsc::channel();
    let name = server.to_owned();
    thread::spawn(move || {
        // Nobody listens once the time is up.
        let _ = sender.send(name.to_socket_addrs().map(Vec::from_iter));
    });
    let remedy = "set kafka.bootstrap_servers to a name that this machine's DNS knows; behind a \
                  private endpoint the private DNS zone must be linked to this network";
    match answer.recv_timeout(STEP) {
        Ok(Ok(addresses)) if !addresses.is_empty() => {
            let shown: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
            let finding = Finding::pass("resolve", host, shown.join(", "));
            Ok((addresses, finding))
        }
        Ok(Ok(_)) => Err(Finding::fail("resolve", host, "no address", remedy)),
        Ok(Err(error)) => Err(Finding::fail("resolve", host, error.to_string(), remedy)),
        Err(_) => Err(Finding::fail("resolve", host, "no answer in time", remedy)),
    }
}

/// Opens a connection to the first address that takes one.
pub fn connect(server: &str, addresses: &[SocketAddr]) -> Result<(TcpStream, Finding), Finding> {
    let started = Instant::now();
    let mut last = String::new();
    for address in addresses {
        match TcpStream::connect_timeout(address, STEP) {
            Ok(stream) => {
                let took = started.elapsed().as_millis();
                let detail = format!("connected to {address} in {took} ms");
                return Ok((stream, Finding::pass("connect", server, detail)));
            }
            Err(error) => last = format!("{address}: {error}"),
        }
    }
    let remedy = "check the port (9093 at Event Hubs), and that firewall, network policy and the \
                  namespace's IP rules let this machine through";
    Err(Finding::fail("connect", server, last, remedy))
}

/// Shakes hands as the client will: same authorities, same certificate, host name checked.
pub fn tls(server: &str, stream: TcpStream, security: &Security) -> Finding {
    let authorities = Authorities::of(security);
    let fail = |detail: String, remedy: &str| Finding::fail("tls", server, detail, remedy);
    let connector = match connector(&authorities, security) {
        Ok(connector) => connector,
        Err(error) => {
            let detail = format!("authorities {authorities}: {}", reason(&error));
            let remedy = "kafka.security.ca_file, certificate_file and key_file must be PEM files \
                          that belong together";
            return fail(detail, remedy);
        }
    };
    let timeouts = stream
        .set_read_timeout(Some(STEP))
        .and_then(|()| stream.set_write_timeout(Some(STEP)));
    if let Err(error) = timeouts {
        return fail(error.to_string(), "try again");
    }
    match connector.connect(host(server), stream) {
        Ok(session) => {
            let ssl = session.ssl();
            let version = ssl.version_str();
            let Some(certificate) = ssl.peer_certificate() else {
                return fail("no certificate".to_owned(), "the port must speak TLS");
            };
            let detail = format!(
                "{version}, {}, trusted by {authorities}",
                describe(&certificate)
            );
            Finding::pass("tls", server, detail)
        }
        Err(HandshakeError::Failure(session)) => {
            let verified = session.ssl().verify_result();
            if verified == X509VerifyResult::OK {
                let detail = session.error().to_string();
                let remedy = "the port must speak TLS (protocol \"plaintext\" and \
                              \"sasl_plaintext\" do not), and may ask for certificate_file";
                return fail(detail, remedy);
            }
            let shown = session.ssl().peer_certificate();
            let shown = shown.map_or_else(String::new, |found| format!(" ({})", describe(&found)));
            let detail = format!(
                "the certificate is not trusted by {authorities}: {}{shown}",
                verified.error_string()
            );
            fail(
                detail,
                "set kafka.security.ca_file to the authority that signed it; the host name must \
                 be one that the certificate names",
            )
        }
        Err(HandshakeError::SetupFailure(error)) => {
            fail(reason(&error), "the host name cannot be checked")
        }
        Err(HandshakeError::WouldBlock(_)) => fail(
            "no answer in time".to_owned(),
            "the port must speak TLS; a proxy in between may hold it up",
        ),
    }
}

fn connector(authorities: &Authorities, security: &Security) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    match authorities {
        Authorities::Configured(file) => builder.set_ca_file(file)?,
        Authorities::System(path) if Path::new(path).is_dir() => {
            builder.load_verify_locations(None, Some(Path::new(path)))?;
        }
        Authorities::System(file) => builder.set_ca_file(file)?,
        Authorities::NotUsed | Authorities::Missing => {}
    }
    if let Some(own) = &security.client_certificate {
        builder.set_certificate_chain_file(&own.certificate_file)?;
        builder.set_private_key_file(&own.key_file, SslFiletype::PEM)?;
    }
    Ok(builder.build())
}

/// Subject, issuer and end of a certificate.
fn describe(certificate: &X509Ref) -> String {
    let not_after = certificate.not_after();
    let days = Asn1Time::days_from_now(0)
        .and_then(|now| now.diff(not_after))
        .map(|left| left.days);
    let end = match days {
        Ok(days) if days < 0 => format!("expired on {not_after}"),
        Ok(days) if days < SOON_DAYS => format!("ends in {days} days, on {not_after}"),
        _ => format!("valid until {not_after}"),
    };
    format!(
        "certificate of {} by {}, {end}",
        name(certificate.subject_name()),
        name(certificate.issuer_name())
    )
}

fn name(name: &X509NameRef) -> String {
    let mut entries = name.entries_by_nid(openssl::nid::Nid::COMMONNAME);
    let text = entries
        .next()
        .and_then(|entry| entry.data().to_string().ok());
    text.unwrap_or_else(|| "no name".to_owned())
}

fn reason(error: &ErrorStack) -> String {
    let first = error
        .errors()
        .first()
        .and_then(openssl::error::Error::reason);
    first.unwrap_or("OpenSSL gives no reason").to_owned()
}

fn host(server: &str) -> &str {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}
