//! `/livez`, `/readyz` and `/metrics` over HTTP.
//!
//! Answers are short words. A client that is slow, or that opens too many connections, costs a
//! bounded number of sockets for a bounded time. No authentication: the address is inside.
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::error;

use super::health::{Check, Health};
use super::metrics::Metrics;
use crate::http;

/// A scraper and a few probes need less than ten; a scrape takes milliseconds.
const LIMITS: http::Limits = http::Limits {
    name: "admin",
    connections: 64,
    deadline: Duration::from_secs(10),
};

/// The text format that [`Metrics::encode`] writes.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Seen {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
}

/// Answers until `shutdown` completes; connections that are open then are dropped.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    shutdown: impl Future<Output = ()>,
) {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(exposition))
        .fallback(unknown)
        .with_state(Seen { metrics, health });
    http::serve(listener, router, LIMITS, shutdown).await;
}

async fn livez(State(seen): State<Seen>) -> Response {
    if seen.health.is_live(Instant::now()) {
        plain(StatusCode::OK, "live\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "stuck\n")
    }
}

async fn readyz(State(seen): State<Seen>, RawQuery(query): RawQuery) -> Response {
    let checks = seen.health.checks(Instant::now());
    let (status, word) = if checks.iter().all(Check::passes) {
        (StatusCode::OK, "ready\n")
    } else if seen.health.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    if !is_verbose(query.as_deref()) {
        return plain(status, word);
    }
    let mut text = String::new();
    for check in checks {
        text.push_str(&check.line());
        text.push('\n');
    }
    text.push_str(word);
    plain(status, text)
}

fn is_verbose(query: Option<&str>) -> bool {
    let mut parts = query.unwrap_or_default().split('&');
    parts.any(|part| part == "verbose" || part.starts_with("verbose="))
}

async fn exposition(State(seen): State<Seen>) -> Response {
    let stalled = i64::try_from(seen.health.stalled_workers()).unwrap_or(i64::MAX);
    seen.metrics.workers_stalled.set(stalled);
    let is_ready = seen.health.is_ready(Instant::now());
    seen.metrics.ready.set(i64::from(is_ready));
    match seen.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            error!(%error, "Cannot encode the metrics");
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be encoded\n",
            )
        }
    }
}

async fn unknown() -> Response {
    plain(
        StatusCode::NOT_FOUND,
        "try /livez, /readyz, /readyz?verbose or /metrics\n",
    )
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (status, text.into()).into_response()
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
