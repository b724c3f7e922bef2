//! The keys of `[kafka.security]` that say whose tokens of Entra ID the client shows.
use std::path::PathBuf;

use super::client_certificate;
use super::reader::{Reader, choose, names};
use super::secret::Secret;
use super::security::without_effect;
use super::settings::{Application, Identity, IdentitySource, SecretText};

/// Entra ID of the public cloud.
const PUBLIC_CLOUD: &str = "https://login.microsoftonline.com";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Managed,
    Workload,
    ClientSecret,
    ClientCertificate,
}

const KINDS: [(&str, Kind); 4] = [
    ("managed", Kind::Managed),
    ("workload", Kind::Workload),
    ("client_secret", Kind::ClientSecret),
    ("client_certificate", Kind::ClientCertificate),
];

const IDENTITY: &str = "kafka.security.identity";
const TENANT_ID: &str = "kafka.security.tenant_id";
const CLIENT_ID: &str = "kafka.security.client_id";
const SECRET: [&str; 2] = [
    "kafka.security.client_secret",
    "kafka.security.client_secret_file",
];
const CERTIFICATE: &str = "kafka.security.client_certificate_file";
const CERTIFICATE_PASSWORD: [&str; 2] = [
    "kafka.security.client_certificate_password",
    "kafka.security.client_certificate_password_file",
];
const TOKEN_FILE: &str = "kafka.security.federated_token_file";
const AUTHORITY: &str = "kafka.security.authority_host";
const SCOPE: &str = "kafka.security.scope";

/// Keys that only some identities use, with those that do.
const USED_BY: [(&str, &[Kind]); 8] = [
    (
        TENANT_ID,
        &[Kind::Workload, Kind::ClientSecret, Kind::ClientCertificate],
    ),
    (SECRET[0], &[Kind::ClientSecret]),
    (SECRET[1], &[Kind::ClientSecret]),
    (CERTIFICATE, &[Kind::ClientCertificate]),
    (CERTIFICATE_PASSWORD[0], &[Kind::ClientCertificate]),
    (CERTIFICATE_PASSWORD[1], &[Kind::ClientCertificate]),
    (TOKEN_FILE, &[Kind::Workload]),
    (
        AUTHORITY,
        &[Kind::Workload, Kind::ClientSecret, Kind::ClientCertificate],
    ),
];

/// What the keys hold, each for itself.
struct Found {
    kind: Option<Kind>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    secret: Option<SecretText>,
    certificate_file: Option<PathBuf>,
    /// The password, and where to read it again.
    certificate_password: Option<(Secret, SecretText)>,
    token_file: Option<PathBuf>,
    authority_host: Option<String>,
    scope: Option<String>,
}

/// Reads all keys. `wanted`: the mechanism is oauthbearer, so an identity must be complete;
/// otherwise none of the keys may be set.
pub(super) fn read(reader: &mut Reader, wanted: bool) -> Option<Identity> {
    let mut found = find(reader);
    if !wanted {
        let keys = USED_BY.iter().map(|(key, _)| *key);
        for key in keys.chain([IDENTITY, CLIENT_ID, SCOPE]) {
            without_effect(
                reader,
                key,
                "without the mechanism oauthbearer",
                "set kafka.security.mechanism to \"oauthbearer\", or leave it out",
            );
        }
        return None;
    }
    let Some(kind) = found.kind else {
        if !reader.has_fault(IDENTITY) {
            let remedy = format!("use {}", names(&KINDS));
            reader.fault(IDENTITY, "the mechanism oauthbearer needs one", remedy);
        }
        return None;
    };
    for (key, users) in USED_BY {
        if !users.contains(&kind) {
            let when = format!("with the identity \"{}\"", name(kind));
            without_effect(reader, key, &when, "leave it out");
        }
    }
    take_up_environment(reader, kind, &mut found);
    check(reader, kind, &found);
    let authority_host = found
        .authority_host
        .take()
        .unwrap_or_else(|| PUBLIC_CLOUD.to_owned());
    let scope = found.scope.take().unwrap_or_default();
    // What is missing is a fault already: the stand-ins are never used.
    let application = Application {
        tenant_id: found.tenant_id.unwrap_or_default(),
        client_id: found.client_id.clone().unwrap_or_default(),
    };
    let source = match kind {
        Kind::Managed => IdentitySource::Managed {
            client_id: found.client_id,
        },
        Kind::Workload => IdentitySource::Workload {
            application,
            token_file: found.token_file.unwrap_or_default(),
        },
        Kind::ClientSecret => IdentitySource::ClientSecret {
            application,
            secret: found
                .secret
                .unwrap_or_else(|| SecretText::Given(Secret::new(String::new()))),
        },
        Kind::ClientCertificate => IdentitySource::ClientCertificate {
            application,
            certificate_file: found.certificate_file.unwrap_or_default(),
            password: found.certificate_password.map(|(_, text)| text),
        },
    };
    Some(Identity {
        source,
        authority_host,
        scope,
    })
}

fn find(reader: &mut Reader) -> Found {
    let remedy = format!("use {}", names(&KINDS));
    Found {
        kind: reader.parsed(IDENTITY, None, &remedy, |text| match text.trim() {
            "" => Ok(None),
            text => choose(text, &KINDS)
                .map(Some)
                .ok_or_else(|| "is not one of the choices".to_owned()),
        }),
        tenant_id: reader.optional_text(TENANT_ID),
        client_id: reader.optional_text(CLIENT_ID),
        secret: reader
            .secret_text(SECRET[0], SECRET[1])
            .map(|(_, text)| text),
        certificate_file: reader.optional_path(CERTIFICATE),
        certificate_password: reader.secret_text(CERTIFICATE_PASSWORD[0], CERTIFICATE_PASSWORD[1]),
        token_file: reader.optional_path(TOKEN_FILE),
        authority_host: reader.optional_text(AUTHORITY),
        scope: reader.optional_text(SCOPE),
    }
}

/// What the environment of a workload identity says where the settings do not.
fn take_up_environment(reader: &Reader, kind: Kind, found: &mut Found) {
    let or = |value: &mut Option<String>, name| {
        if value.is_none() {
            *value = reader.azure(name);
        }
    };
    if kind == Kind::Workload {
        or(&mut found.tenant_id, "AZURE_TENANT_ID");
        or(&mut found.client_id, "AZURE_CLIENT_ID");
        if found.token_file.is_none() {
            found.token_file = reader
                .azure("AZURE_FEDERATED_TOKEN_FILE")
                .map(PathBuf::from);
        }
    }
    if kind != Kind::Managed {
        or(&mut found.authority_host, "AZURE_AUTHORITY_HOST");
    }
}

fn check(reader: &mut Reader, kind: Kind, found: &Found) {
    let needs = format!("the identity \"{}\" needs it", name(kind));
    let workload = kind == Kind::Workload;
    let or_variable = |remedy: &str, variable: &str| {
        if workload {
            format!(
                "{remedy}, or set the variable {variable}, as the workload identity webhook does"
            )
        } else {
            remedy.to_owned()
        }
    };
    if kind != Kind::Managed {
        match &found.tenant_id {
            None => reader.fault(
                TENANT_ID,
                &needs,
                or_variable("name the tenant by its id or domain", "AZURE_TENANT_ID"),
            ),
            Some(tenant) if !is_tenant(tenant) => reader.fault(
                TENANT_ID,
                "is neither the id nor the domain of a tenant",
                "copy the tenant id from the overview page of Microsoft Entra ID",
            ),
            Some(_) => {}
        }
        if found.client_id.is_none() {
            let remedy = or_variable("name the application (client) id", "AZURE_CLIENT_ID");
            reader.fault(CLIENT_ID, &needs, remedy);
        }
        if let Some(host) = &found.authority_host
            && !is_authority(host)
        {
            reader.fault(
                AUTHORITY,
                "is not an https address",
                "write it as https://login.microsoftonline.us; the variable \
                 AZURE_AUTHORITY_HOST counts where the key is not set",
            );
        }
    }
    if let Some(client) = &found.client_id
        && (client.trim() != client || client.is_empty())
    {
        reader.fault(CLIENT_ID, "has blanks around it", "write the id alone");
    }
    match kind {
        Kind::Managed => {}
        Kind::Workload => match &found.token_file {
            None => reader.fault(
                TOKEN_FILE,
                &needs,
                or_variable("name the file of the token", "AZURE_FEDERATED_TOKEN_FILE"),
            ),
            Some(path) => {
                let remedy = "name a file that this user may read; on Kubernetes the webhook \
                              mounts it";
                reader.must_open(TOKEN_FILE, path, remedy);
            }
        },
        Kind::ClientSecret => {
            if found.secret.is_none() && !SECRET.iter().any(|key| reader.has_fault(key)) {
                let remedy = "name the file that holds the client secret";
                reader.fault(SECRET[1], &needs, remedy);
            }
        }
        Kind::ClientCertificate => match &found.certificate_file {
            None => {
                let remedy = "name a PEM file with certificate and RSA key, or a PKCS#12 file";
                reader.fault(CERTIFICATE, &needs, remedy);
            }
            Some(path) => {
                let password = found.certificate_password.as_ref();
                let password = password.map(|(secret, _)| secret);
                if let Err(fault) = client_certificate::pkcs12(path, password) {
                    let remedy = "name a PEM file with certificate and RSA key, or a PKCS#12 \
                                  file, and its password in client_certificate_password_file";
                    reader.fault(CERTIFICATE, fault, remedy);
                }
            }
        },
    }
}

fn name(kind: Kind) -> &'static str {
    KINDS
        .iter()
        .find(|(_, other)| *other == kind)
        .map_or("", |(name, _)| name)
}

fn is_tenant(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    !text.is_empty() && text.bytes().all(plain)
}

/// A host, and no more than a slash behind it: the library adds the path.
fn is_authority(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    text.strip_prefix("https://").is_some_and(|host| {
        let host = host.trim_end_matches('/');
        !host.is_empty() && host.bytes().all(plain)
    })
}

impl Identity {
    /// Without a scope of its own it is that of the first broker, as Event Hubs asks.
    pub(super) fn complete_scope(&mut self, bootstrap_servers: &str) {
        if self.scope.is_empty() {
            let first = bootstrap_servers.split(',').next().unwrap_or_default();
            let host = first.rsplit_once(':').map_or(first, |(host, _)| host);
            self.scope = format!("https://{host}/.default");
        }
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
