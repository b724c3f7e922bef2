//! HTTP within bounds: connections, headers, and the time for each. One request a connection.
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// Of a request: scrapers and probes send fewer than ten, of some hundred bytes together, browsers
/// and proxies some thirty.
pub const HEADERS: usize = 64;
pub const HEADER_BYTES: usize = 16 * 1024;

/// From accepting a connection to the last of its headers.
const HEADERS_DEADLINE: Duration = Duration::from_secs(10);

/// After an `accept` that failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the log: `admin`.
    pub name: &'static str,
    /// Open at the same time.
    pub connections: usize,
    /// From accepting a connection to its last byte.
    pub deadline: Duration,
}

/// Who opened the connection of a request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Answers until `shutdown` completes; connections that are open then are dropped.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let mut tasks = tokio::task::JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        while tasks.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
                    let router = router.clone().layer(Extension(Peer(peer.ip())));
                    tasks.spawn(async move {
                        answer(stream, router, limits).await;
                        drop(permit);
                    });
                } else {
                    debug!(
                        endpoint = limits.name,
                        "Refused a connection: {} are open", limits.connections
                    );
                }
            }
            Err(error) => accept_failed(&error, limits).await,
        }
    }
}

/// One request a connection. Whoever closes it, or takes too long, ends the answer with it.
async fn answer(stream: TcpStream, router: Router, limits: Limits) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_DEADLINE)
        .keep_alive(false)
        .max_headers(HEADERS)
        .max_header_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(limits.deadline, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(endpoint = limits.name, %error, "A connection failed"),
        Err(_) => debug!(endpoint = limits.name, "Closed a slow connection"),
    }
}

async fn accept_failed(error: &io::Error, limits: Limits) {
    // A client that went away before it was accepted is no fault of this side.
    if error.kind() != io::ErrorKind::ConnectionAborted {
        warn!(endpoint = limits.name, %error, "Cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
