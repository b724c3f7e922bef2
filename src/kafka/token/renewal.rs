//! A token for who reads now and then, and has no task that keeps one fresh.
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Credential, TokenError, Tokens};

/// Longer than any scan: a token lives for an hour and more.
const OUTLIVES: Duration = Duration::from_mins(5);

pub struct Renewal {
    pub credential: Credential,
    pub tokens: Arc<Tokens>,
}

impl Renewal {
    /// Sees to a token that outlives a scan.
    ///
    /// # Errors
    ///
    /// Entra ID gives none.
    pub async fn renew(&self) -> Result<(), TokenError> {
        if !self.tokens.lasts(SystemTime::now(), OUTLIVES) {
            self.tokens.put(self.credential.fetch().await?);
        }
        Ok(())
    }
}
