//! Sessions of the console: who gave the token once carries a cookie that proves it for a while.
//!
//! Nothing is stored: a cookie is the time it ends at, sealed under the token and a random value of
//! this process. Another token and a restart end all sessions. Texts that must match are compared in constant time.
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::memcmp;
use openssl::rand::rand_bytes;
use sha2::Sha256;

use crate::config::Secret;

/// A working day.
const LIFE: Duration = Duration::from_hours(12);

const COOKIE: &str = "signin_console";

pub struct Sessions {
    mac: Hmac<Sha256>,
    token: String,
}

impl Sessions {
    /// `None` where there are no random numbers.
    pub fn new(token: &Secret) -> Option<Sessions> {
        let mut key = [0; 32].to_vec();
        rand_bytes(&mut key).ok()?;
        key.extend(token.expose().as_bytes());
        let mac: Hmac<Sha256> = Hmac::new_from_slice(&key).ok()?;
        let token = sealed(&mac, "token", token.expose());
        Some(Sessions { mac, token })
    }

    pub fn is_token(&self, given: &str) -> bool {
        is_same(&sealed(&self.mac, "token", given), &self.token)
    }

    /// The header that begins a session at `now`, in seconds. `secure`: the browser came by TLS.
    pub fn begin(&self, now: u64, secure: bool) -> String {
        let ends = (now + LIFE.as_secs()).to_string();
        let proof = sealed(&self.mac, "session", &ends);
        cookie(&format!("{ends}.{proof}"), LIFE, secure)
    }

    /// The header that ends one.
    pub fn end() -> String {
        cookie("", Duration::ZERO, false)
    }

    /// Whether a request belongs to a session.
    pub fn has(&self, headers: &HeaderMap, now: u64) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter();
        cookies
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
            .any(|value| self.proves(value, now))
    }

    fn proves(&self, value: &str, now: u64) -> bool {
        let Some((ends, proof)) = value.split_once('.') else {
            return false;
        };
        is_same(&sealed(&self.mac, "session", ends), proof)
            && ends.parse::<u64>().is_ok_and(|ends| now < ends)
    }
}

/// `Lax`: a link to a sign-in, as in a ticket, opens it. Nothing that is asked by GET changes anything.
fn cookie(value: &str, life: Duration, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let life = life.as_secs();
    format!("{COOKIE}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}")
}

fn sealed(mac: &Hmac<Sha256>, purpose: &str, text: &str) -> String {
    let mut mac = mac.clone();
    mac.update(format!("signin-diagnostics console {purpose} 1\0").as_bytes());
    mac.update(text.as_bytes());
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        // A `String` takes every write.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && memcmp::eq(one.as_bytes(), other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(token: &str) -> Sessions {
        Sessions::new(&Secret::new(token.to_owned())).unwrap()
    }

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers
    }

    #[test]
    fn only_the_token_begins_a_session_and_only_its_cookie_proves_it_for_a_while() {
        let own = sessions("the-token-of-the-console-of-the-tests");
        assert!(own.is_token("the-token-of-the-console-of-the-tests"));
        assert!(!own.is_token("the-token-of-the-console-of-the-test"));
        assert!(!own.is_token(""));
        let set = own.begin(1_000, true);
        assert!(set.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{set}");
        let pair = set.split(';').next().unwrap();
        assert!(own.has(&headers(&format!("a=b; {pair}")), 1_000));
        let end = 1_000 + LIFE.as_secs();
        assert!(own.has(&headers(pair), end - 1));
        assert!(!own.has(&headers(pair), end));
        assert!(!sessions("another-token-of-the-tests").has(&headers(pair), 1_000));
        let restarted = sessions("the-token-of-the-console-of-the-tests");
        assert!(!restarted.has(&headers(pair), 1_000), "of before a restart");
        let later = pair.replace(&end.to_string(), &(end + 1).to_string());
        for forged in [
            &*later,
            "signin_console=",
            "signin_console=.",
            "signin_console=99999999999.",
            "other=1",
        ] {
            assert!(!own.has(&headers(forged), 1_000), "{forged}");
        }
        assert!(!Sessions::end().contains(pair));
    }
}
