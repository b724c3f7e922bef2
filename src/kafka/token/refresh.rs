//! Keeps the current token fresh.
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::{debug, error, info, warn};

use super::{Credential, Tokens};
use crate::telemetry::{Health, Metrics};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);

/// A metadata service may hand the same token out again until shortly before its end: it is then
/// asked at ever shorter intervals, but not at shorter ones than this.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Fetches tokens, for ever.
pub struct Refresher {
    pub credential: Credential,
    pub tokens: Arc<Tokens>,
    pub metrics: Arc<Metrics>,
    pub health: Arc<Health>,
}

impl Refresher {
    /// Fetches the first token at once, and each further one when about half of the life of the
    /// one before is over: the client asks for a new one after four fifths. What fails is tried
    /// again, each time after twice the wait, up to a minute.
    pub async fn run(self) {
        let mut retry = FIRST_RETRY;
        loop {
            let wait = match self.credential.fetch().await {
                Ok(token) => {
                    retry = FIRST_RETRY;
                    let expires = token.expires;
                    let life = expires
                        .duration_since(SystemTime::now())
                        .unwrap_or_default();
                    self.tokens.put(token);
                    self.fetched(expires, life);
                    life.mul_f64(between(0.5, 0.6)).max(SHORTEST_WAIT)
                }
                Err(error) => {
                    self.failed(&error);
                    let wait = retry.mul_f64(between(0.8, 1.2));
                    retry = (retry * 2).min(LAST_RETRY);
                    wait
                }
            };
            debug!(seconds = wait.as_secs_f64(), "Next token");
            tokio::time::sleep(wait).await;
        }
    }

    fn fetched(&self, expires: SystemTime, life: Duration) {
        self.metrics.token_refreshes_ok.inc();
        let since_epoch = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
        self.metrics.token_expiry.set(timestamp);
        if self.health.set_token(life) {
            info!(
                life_seconds = life.as_secs(),
                "A token was fetched from Entra ID"
            );
        }
    }

    fn failed(&self, error: &super::TokenError) {
        self.metrics.token_refreshes_failed.inc();
        self.health.token_failed();
        if self.tokens.wait(Duration::ZERO) {
            warn!(%error, "No new token from Entra ID; the old one is used until it ends");
        } else {
            error!(%error, "No token from Entra ID; nothing is read before there is one");
        }
    }
}

/// Spread over a range, so that many instances do not ask at the same moment.
fn between(low: f64, high: f64) -> f64 {
    // The state is seeded by the system: its hash of nothing is random.
    let bits = RandomState::new().build_hasher().finish();
    let fraction = f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX);
    low + fraction * (high - low)
}
