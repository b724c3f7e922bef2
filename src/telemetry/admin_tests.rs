use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::config::MetricOptions;
use crate::telemetry::{BrokerFault, BuildInfo, Link, Series, WorkerHealth};

struct Endpoint {
    address: SocketAddr,
    health: Arc<Health>,
    worker: WorkerHealth,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

async fn start() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = Arc::new(Health::new(1, Instant::now()));
    let worker = health.workers().next().unwrap();
    let series = Series {
        scenario_outcomes: &[],
        fields: &[],
        dead_letter_reasons: &[],
        watch_lists: &[],
        options: MetricOptions::default(),
    };
    let build = BuildInfo {
        version: "1".to_owned(),
        revision: "r".to_owned(),
        catalog: "c".to_owned(),
    };
    let metrics = Arc::new(Metrics::new(&series, &build).unwrap());
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(listener, metrics, Arc::clone(&health), async {
        let _ = stopped.await;
    }));
    Endpoint {
        address,
        health,
        worker,
        stop,
        served,
    }
}

/// The whole answer to a request line.
async fn request(address: SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let answer = request(address, &format!("GET {path}")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.to_owned(), body.to_owned())
}

fn says(status: &str, body: &str) -> (String, String) {
    (status.to_owned(), body.to_owned())
}

#[tokio::test]
async fn readiness_follows_what_the_worker_reports() {
    let endpoint = start().await;
    let address = endpoint.address;
    assert_eq!(get(address, "/livez").await, says("200", "live\n"));
    assert_eq!(get(address, "/readyz").await, says("503", "not ready\n"));

    endpoint.health.set_configured();
    endpoint.worker.turned(Instant::now());
    endpoint.worker.set_group(Link::Up);
    endpoint
        .worker
        .set_output(Link::Down(BrokerFault::TopicMissing));
    assert_eq!(
        get(address, "/readyz?verbose").await,
        says(
            "503",
            "ok configured\nok accepting\nok turning worker 0\nok joined worker 0\n\
             failed output worker 0: the topic does not exist\nok progress worker 0\nnot ready\n"
        )
    );

    let shown = |ready| format!("\nsignin_ready {ready}\n");
    let answer = request(address, "GET /metrics").await;
    assert!(answer.contains(&shown(0)), "{answer}");
    endpoint.worker.set_output(Link::Up);
    assert_eq!(get(address, "/readyz").await, says("200", "ready\n"));
    let answer = request(address, "GET /metrics").await;
    assert!(answer.contains(&shown(1)), "{answer}");
    endpoint.health.set_draining();
    assert_eq!(get(address, "/readyz").await, says("503", "draining\n"));
    let answer = request(address, "GET /metrics").await;
    assert!(answer.contains(&shown(0)), "{answer}");
    assert_eq!(get(address, "/livez").await, says("200", "live\n"));
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let endpoint = start().await;
    let stall = Some(crate::telemetry::Stall::QueueFull);
    endpoint.worker.set_stall(stall, Instant::now());
    let answer = request(endpoint.address, "GET /metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(answer.contains("\nsignin_workers_stalled 1\n"), "{answer}");
}

#[tokio::test]
async fn an_unknown_path_names_the_known_ones_and_only_get_is_answered() {
    let endpoint = start().await;
    let (status, body) = get(endpoint.address, "/config").await;
    assert_eq!(status, "404");
    assert!(body.contains("/metrics"), "{body}");
    let answer = request(endpoint.address, "POST /metrics").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

/// A request line with so many headers, of so many bytes together with the line.
fn head(headers: usize, bytes: usize) -> String {
    let line = "GET /livez HTTP/1.1\r\n";
    let rest: Vec<String> = (1..headers).map(|n| format!("x-{n:02}: y\r\n")).collect();
    let rest = rest.concat();
    let long = bytes - line.len() - rest.len() - "a: \r\n\r\n".len();
    format!("{line}{rest}a: {}\r\n\r\n", "b".repeat(long))
}

#[tokio::test]
async fn headers_are_bounded_in_number_and_size() {
    let endpoint = start().await;
    for (headers, bytes, status) in [
        (http::HEADERS, 2_000, "200"),
        (http::HEADERS + 1, 2_000, "431"),
        (2, http::HEADER_BYTES, "200"),
        (2, http::HEADER_BYTES + 1, "431"),
    ] {
        let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
        let head = head(headers, bytes);
        assert_eq!(head.len(), bytes);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let line = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&line), "{headers} {bytes}: {answer}");
    }
}

#[tokio::test]
async fn more_connections_than_the_limit_are_closed_and_room_is_made_again() {
    let endpoint = start().await;
    let mut silent = Vec::new();
    for _ in 0..LIMITS.connections {
        silent.push(TcpStream::connect(endpoint.address).await.unwrap());
    }
    let mut refused = TcpStream::connect(endpoint.address).await.unwrap();
    let mut byte = [0];
    // Closed at once: no answer, either an end or a reset.
    assert!(!matches!(refused.read(&mut byte).await, Ok(1)));
    drop(silent);
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
        let sent = stream
            .write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
            .await;
        let mut answer = String::new();
        if sent.is_ok() && stream.read_to_string(&mut answer).await.is_ok() && !answer.is_empty() {
            assert!(answer.ends_with("live\n"), "{answer}");
            break;
        }
        assert!(Instant::now() < deadline, "no room was made");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_nothing_is_closed_at_the_deadline() {
    let endpoint = start().await;
    let mut silent = TcpStream::connect(endpoint.address).await.unwrap();
    silent.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The clock is paused and jumps to the deadline once nothing else can go on.
    let read = silent.read_to_end(&mut answer).await;
    assert!(read.is_err() || answer.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn serving_ends_with_the_shutdown() {
    let endpoint = start().await;
    endpoint.stop.send(()).unwrap();
    endpoint.served.await.unwrap();
    assert!(TcpStream::connect(endpoint.address).await.is_err());
}
