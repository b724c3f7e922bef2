//! `[kafka.security]`, and the brokers, which a connection string may name.
use super::connection_string::{self, ConnectionString};
use super::identity;
use super::reader::Reader;
use super::secret::Secret;
use super::settings::{ClientCertificate, Mechanism, Protocol, Sasl, Security};

const PROTOCOLS: [(&str, Protocol); 4] = [
    ("plaintext", Protocol::Plaintext),
    ("ssl", Protocol::Ssl),
    ("sasl_plaintext", Protocol::SaslPlaintext),
    ("sasl_ssl", Protocol::SaslSsl),
];

/// `None`: oauthbearer, which takes an identity in place of a password.
const MECHANISMS: [(&str, Option<Mechanism>); 4] = [
    ("plain", Some(Mechanism::Plain)),
    ("scram-sha-256", Some(Mechanism::ScramSha256)),
    ("scram-sha-512", Some(Mechanism::ScramSha512)),
    ("oauthbearer", None),
];

/// What Event Hubs expects as the user name beside a connection string.
const CONNECTION_STRING_USER: &str = "$ConnectionString";

pub(super) const CONNECTION_STRING_KEYS: [&str; 2] = [
    "kafka.security.connection_string",
    "kafka.security.connection_string_file",
];

/// What the connection string adds to the other sections.
pub(super) struct Namespace {
    pub host: String,
    pub hub: Option<String>,
    /// The key that the connection string came from.
    pub key: &'static str,
}

pub(super) fn read(reader: &mut Reader) -> (Security, Option<Namespace>) {
    let protocol = reader.choice("kafka.security.protocol", &PROTOCOLS);
    let (sasl, namespace) = credentials(reader, protocol);
    let security = Security {
        protocol,
        sasl,
        ca_file: reader.optional_file("kafka.security.ca_file"),
        client_certificate: client_certificate(reader),
    };
    if !protocol.is_tls() {
        for key in [
            "kafka.security.ca_file",
            "kafka.security.certificate_file",
            "kafka.security.key_file",
        ] {
            without_effect(
                reader,
                key,
                "without TLS",
                "set protocol to \"ssl\" or \"sasl_ssl\"",
            );
        }
    }
    (security, namespace)
}

fn credentials(reader: &mut Reader, protocol: Protocol) -> (Option<Sasl>, Option<Namespace>) {
    let mechanism = reader.choice("kafka.security.mechanism", &MECHANISMS);
    let identity = identity::read(reader, protocol.is_sasl() && mechanism.is_none());
    let username = reader.optional_text("kafka.security.username");
    let password = reader.secret("kafka.security.password", "kafka.security.password_file");
    let connection_string = reader.secret(
        "kafka.security.connection_string",
        "kafka.security.connection_string_file",
    );
    let namespace = connection_string
        .as_ref()
        .and_then(|secret| namespace(reader, secret));

    let password_key = set_key(
        reader,
        ["kafka.security.password", "kafka.security.password_file"],
    );
    let string_key = set_key(reader, CONNECTION_STRING_KEYS);
    let user_key = username.is_some().then_some("kafka.security.username");
    let password_keys = [user_key, password_key, string_key].into_iter().flatten();

    if !protocol.is_sasl() {
        for key in password_keys {
            without_effect(
                reader,
                key,
                "without a sasl protocol",
                "set kafka.security.protocol to \"sasl_ssl\"",
            );
        }
        return (None, namespace);
    }
    let Some(mechanism) = mechanism else {
        for key in password_keys {
            without_effect(
                reader,
                key,
                "with the mechanism oauthbearer",
                "leave it out, or set kafka.security.mechanism to \"plain\"",
            );
        }
        return (identity.map(Sasl::Token), namespace);
    };
    if let Some(string_key) = string_key {
        for key in [user_key, password_key].into_iter().flatten() {
            reader.fault(
                key,
                format!("{string_key} is set as well, and stands for user name and password"),
                "set only one of the two",
            );
        }
        if mechanism != Mechanism::Plain {
            reader.fault(
                "kafka.security.mechanism",
                "a connection string needs the mechanism plain",
                "set kafka.security.mechanism to \"plain\"",
            );
        }
    } else {
        for (key, missing, what) in [
            ("kafka.security.username", username.is_none(), "user name"),
            (
                "kafka.security.password",
                password_key.is_none(),
                "password",
            ),
        ] {
            if missing {
                reader.fault(
                    key,
                    format!("the protocol {} needs a {what}", protocol.as_str()),
                    "set kafka.security.username and password_file, or connection_string_file",
                );
            }
        }
    }
    let (username, password) = match connection_string {
        Some(secret) => (CONNECTION_STRING_USER.to_owned(), Some(secret)),
        None => (username.unwrap_or_default(), password),
    };
    // A missing password is a fault above: the stand-in is never used.
    let password = password.unwrap_or_else(|| Secret::new(String::new()));
    let sasl = Sasl::Password {
        mechanism,
        username,
        password,
    };
    (Some(sasl), namespace)
}

fn namespace(reader: &mut Reader, secret: &Secret) -> Option<Namespace> {
    let key = set_key(reader, CONNECTION_STRING_KEYS)?;
    match connection_string::parse(secret.expose()) {
        Ok(ConnectionString { host, hub }) => Some(Namespace {
            host: host.to_owned(),
            hub: hub.map(ToOwned::to_owned),
            key,
        }),
        Err(reason) => {
            let remedy = "copy it from the namespace's shared access policies";
            reader.fault(key, reason, remedy);
            None
        }
    }
}

fn client_certificate(reader: &mut Reader) -> Option<ClientCertificate> {
    let certificate = reader.optional_file("kafka.security.certificate_file");
    let key = reader.optional_file("kafka.security.key_file");
    match (certificate, key) {
        (Some(certificate_file), Some(key_file)) => Some(ClientCertificate {
            certificate_file,
            key_file,
        }),
        (Some(_), None) => {
            reader.fault(
                "kafka.security.key_file",
                "certificate_file is set, and a certificate needs its key",
                "name the key's PEM file, or leave out the certificate",
            );
            None
        }
        (None, Some(_)) => {
            reader.fault(
                "kafka.security.certificate_file",
                "key_file is set, and a key needs its certificate",
                "name the certificate's PEM file, or leave out the key",
            );
            None
        }
        (None, None) => None,
    }
}

fn set_key(reader: &Reader, keys: [&'static str; 2]) -> Option<&'static str> {
    keys.into_iter().find(|key| reader.is_set(key))
}

pub(super) fn without_effect(reader: &mut Reader, key: &str, when: &str, remedy: &str) {
    if reader.is_set(key) {
        reader.fault(key, format!("has no effect {when}"), remedy);
    }
}
