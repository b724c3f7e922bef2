//! Tokens of Entra ID for the mechanism OAUTHBEARER.
//!
//! The client asks for a token in a callback that cannot wait. So a task fetches each token ahead
//! of the old one's expiry and puts it into [`Tokens`]; the callback only reads it. A client that
//! has a new token uses it for its next sign-in to a broker: no connection is closed for it.
mod credential;
mod refresh;
mod renewal;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::client::OAuthToken;

pub use credential::{Credential, TokenError};
pub use refresh::Refresher;
pub use renewal::Renewal;

use crate::config::Secret;

/// A token, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: Secret,
    pub expires: SystemTime,
}

/// The current token, shared between the task that fetches and the clients that show it.
#[derive(Debug, Default)]
pub struct Tokens {
    current: Mutex<Option<Token>>,
    arrived: Condvar,
}

/// Why the callback has no token to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    #[error("no token has been fetched yet")]
    NotYet,
    #[error("the token has expired and no new one could be fetched")]
    Expired,
}

impl Tokens {
    pub fn put(&self, token: Token) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        self.arrived.notify_all();
    }

    /// Whether there is a token that is good for so long.
    pub fn lasts(&self, now: SystemTime, time: Duration) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .is_some_and(|token| token.expires > now + time)
    }

    /// Waits for the first token; false where there is none in time.
    pub fn wait(&self, timeout: Duration) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (current, _) = self
            .arrived
            .wait_timeout_while(current, timeout, |current| current.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        current.is_some()
    }

    /// The token as the client's callback hands it over.
    fn current(&self, now: SystemTime) -> Result<OAuthToken, NoToken> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let token = current.as_ref().ok_or(NoToken::NotYet)?;
        if token.expires <= now {
            return Err(NoToken::Expired);
        }
        let lifetime = token.expires.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(OAuthToken {
            token: token.text.expose().to_owned(),
            // The broker takes the name out of the token; the client only wants one.
            principal_name: "signin-diagnostics".to_owned(),
            lifetime_ms: i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX),
        })
    }
}

/// What the clients ask for in their polls, at the start and after four fifths of a token's life.
pub fn current_token(
    tokens: Option<&Arc<Tokens>>,
    now: SystemTime,
) -> Result<OAuthToken, Box<dyn std::error::Error>> {
    Ok(tokens.ok_or(NoToken::NotYet)?.current(now)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callback_gives_the_current_token_until_it_expires() {
        let tokens = Tokens::default();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(matches!(tokens.current(at(0)), Err(NoToken::NotYet)));
        assert!(!tokens.wait(Duration::ZERO));
        tokens.put(Token {
            text: Secret::new("first".to_owned()),
            expires: at(100),
        });
        assert!(tokens.wait(Duration::ZERO));
        assert!(tokens.lasts(at(89), Duration::from_secs(10)));
        assert!(!tokens.lasts(at(90), Duration::from_secs(10)));
        let token = tokens.current(at(99)).unwrap();
        assert_eq!(
            (token.token.as_str(), token.lifetime_ms),
            ("first", 100_000)
        );
        assert!(matches!(tokens.current(at(100)), Err(NoToken::Expired)));
        assert!(!format!("{tokens:?}").contains("first"));
    }
}
