//! A small HTTP server on loopback, with or without TLS: one request a connection.
// Fixed values, for tests only.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use openssl::ssl::{SslAcceptor, SslMethod};

use super::certificates::Certificate;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a client asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST /path?query`.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    #[allow(dead_code)] // not every test binary needs it
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

type Answer = dyn Fn(&Request) -> (u16, String) + Send + Sync;

/// Answers on a free port until the test process ends. With a certificate it speaks TLS.
pub fn serve(
    certificate: Option<&Certificate>,
    answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
) -> SocketAddr {
    let acceptor = certificate.map(|certificate| {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        builder.set_private_key(&certificate.key).unwrap();
        builder.set_certificate(&certificate.x509).unwrap();
        builder.build()
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Arc<Answer> = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
            thread::spawn(move || connection(acceptor.as_ref(), stream, &*answer));
        }
    });
    address
}

fn connection(acceptor: Option<&SslAcceptor>, stream: TcpStream, answer: &Answer) -> Option<()> {
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    match acceptor {
        // A client that does not trust the certificate hangs up here.
        Some(acceptor) => exchange(acceptor.accept(stream).ok()?, answer),
        None => exchange(stream, answer),
    }
}

fn exchange(stream: impl Read + Write, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.rsplit_once(' ')?.0.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        target,
        headers,
        body: String::new(),
    };
    let length: usize = request
        .headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    let (status, text) = answer(&request);
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status} Any\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}",
        text.len()
    )
    .ok()?;
    stream.flush().ok()
}
