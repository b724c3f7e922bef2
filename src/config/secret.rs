//! A value that is never printed.
use std::fmt;

/// A secret text. `Debug` and `Display` print `***`; only [`Secret::expose`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub const fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The text itself, for the client that must send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(REDACTED)
    }
}

pub(super) const REDACTED: &str = "***";

/// Whether the value of this key must not be shown. Judged by the name, so that it holds for
/// librdkafka's settings and misspelled keys too.
pub(super) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    if key.ends_with("_file") || key.ends_with(".location") {
        return false;
    }
    ["password", "secret", "connection_string", "ssl_key"]
        .iter()
        .any(|word| key.contains(word))
        || key.rsplit('.').next() == Some("pem")
        || matches!(&*key, "privacy.key" | "console.token")
}

/// Whether a text holds an access key, wherever it was written: people paste a connection string
/// into the wrong key.
pub(super) fn holds_access_key(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("sharedaccesskey") || text.contains("sharedaccesssignature")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_asterisks_only() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret} {secret:?} {secret:>5}"), "*** ***   ***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn secret_keys_are_told_by_name() {
        for (key, secret) in [
            ("kafka.security.password", true),
            ("kafka.security.connection_string", true),
            ("kafka.security.password_file", false),
            ("kafka.security.connection_string_file", false),
            ("kafka.properties.ssl.key.password", true),
            ("kafka.properties.ssl.key.pem", true),
            ("kafka.properties.ssl.key.location", false),
            ("kafka.properties.sasl.oauthbearer.client.secret", true),
            ("kafka.properties.socket.timeout.ms", false),
            ("output.key", false),
            ("privacy.key", true),
            ("privacy.key_file", false),
            ("console.token", true),
            ("console.token_file", false),
        ] {
            assert_eq!(is_secret_key(key), secret, "{key}");
        }
    }
}
