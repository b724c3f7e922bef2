//! Which certificate authorities the client will trust.
use std::fmt;
use std::path::{Path, PathBuf};

use super::settings::Security;

/// Where librdkafka looks with `ssl.ca.location=probe`, in its order (`rdkafka_ssl.c`, 2.12.1).
const PROBED: [&str; 17] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/cacert.pem",
    "/etc/certs/ca-certificates.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cacert.pem",
    "/usr/local/etc/ssl/certs/cert.pem",
    "/usr/local/etc/ssl/certs/cacert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/openssl/certs/ca-certificates.crt",
];

/// The authorities that a connection will be checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// The protocol has no TLS.
    NotUsed,
    /// `kafka.security.ca_file`.
    Configured(PathBuf),
    /// The system's bundle, as the client's probe finds it.
    System(&'static str),
    /// TLS is on and no bundle is there: no connection will be trusted.
    Missing,
}

impl Authorities {
    pub fn of(security: &Security) -> Authorities {
        Authorities::probe(security, Path::exists)
    }

    fn probe(security: &Security, exists: impl Fn(&Path) -> bool) -> Authorities {
        if !security.protocol.is_tls() {
            return Authorities::NotUsed;
        }
        match &security.ca_file {
            Some(file) => Authorities::Configured(file.clone()),
            None => PROBED
                .into_iter()
                .find(|path| exists(Path::new(path)))
                .map_or(Authorities::Missing, Authorities::System),
        }
    }
}

impl fmt::Display for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Authorities::NotUsed => f.write_str("none: the protocol has no TLS"),
            Authorities::Configured(file) => write!(f, "{}", file.display()),
            Authorities::System(path) => write!(f, "{path} (the system's)"),
            Authorities::Missing => f.write_str(
                "none found: install the package ca-certificates, or set kafka.security.ca_file",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Protocol;

    fn security(protocol: Protocol, ca_file: Option<&str>) -> Security {
        Security {
            protocol,
            sasl: None,
            ca_file: ca_file.map(PathBuf::from),
            client_certificate: None,
        }
    }

    #[test]
    fn the_bundle_is_the_configured_one_else_the_first_that_exists() {
        let debian = "/etc/ssl/certs/ca-certificates.crt";
        let on_debian =
            |path: &Path| path.starts_with("/etc/ssl/certs") && !path.ends_with("ca-bundle.crt");
        let probe = |protocol, ca_file| Authorities::probe(&security(protocol, ca_file), on_debian);
        assert_eq!(probe(Protocol::SaslSsl, None), Authorities::System(debian));
        assert_eq!(
            probe(Protocol::Ssl, Some("own.pem")),
            Authorities::Configured(PathBuf::from("own.pem"))
        );
        assert_eq!(probe(Protocol::SaslPlaintext, None), Authorities::NotUsed);
        assert_eq!(
            Authorities::probe(&security(Protocol::Ssl, None), |_| false),
            Authorities::Missing
        );
    }
}
