//! Fetches one token with Microsoft's identity library.
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret as AzureSecret, SecretBytes, TokenCredential};
use azure_core::http::{ClientOptions, HttpClient, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientCertificateCredential,
    ClientCertificateCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::Token;
use crate::config::{
    CertificateFault, Identity, IdentitySource, Secret, SecretText, Security, pkcs12,
};

/// For one token, from the look-up of the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer's error text is repeated.
const SHOWN_CHARS: usize = 600;

/// Why there is no token. Holds no secret: neither the request nor a token is in it.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the secret: {0}")]
    Secret(String),
    #[error("the certificate: {0}")]
    Certificate(#[from] CertificateFault),
    #[error("{} cannot be used as the authorities to trust: {reason}", file.display())]
    Authorities { file: PathBuf, reason: String },
    #[error("no HTTPS client: {0}")]
    Client(String),
    #[error("{0}")]
    Refused(String),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
}

/// Gets tokens for one identity.
pub struct Credential {
    identity: Identity,
    http: Arc<dyn HttpClient>,
}

impl Credential {
    /// # Errors
    ///
    /// The authorities' file cannot be used.
    pub fn new(identity: Identity, security: &Security) -> Result<Credential, TokenError> {
        let http = Arc::new(http_client(&identity, security)?);
        Ok(Credential { identity, http })
    }

    /// The same over another way to the network.
    #[cfg(test)]
    pub fn over(identity: Identity, http: Arc<dyn HttpClient>) -> Credential {
        Credential { identity, http }
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A fresh token. The library's own cache would give the old one until five minutes before
    /// its end, and keeps what it once read of the files: so each token gets a credential of its
    /// own, and secrets that are replaced in their files are taken up.
    pub async fn fetch(&self) -> Result<Token, TokenError> {
        let credential = self.credential()?;
        let scopes = [self.identity.scope.as_str()];
        let answer = tokio::time::timeout(TIMEOUT, credential.get_token(&scopes, None))
            .await
            .map_err(|_| TokenError::TimedOut)?
            .map_err(|error| refused(&error))?;
        Ok(Token {
            text: Secret::new(answer.token.secret().to_owned()),
            expires: answer.expires_on.into(),
        })
    }

    fn credential(&self) -> Result<Arc<dyn TokenCredential>, TokenError> {
        let options = self.client_options();
        let credential: azure_core::Result<Arc<dyn TokenCredential>> = match &self.identity.source {
            IdentitySource::Managed { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options: options,
                }))
                .map(|credential| credential as _)
            }
            IdentitySource::Workload {
                application,
                token_file,
            } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: options,
                },
                client_id: Some(application.client_id.clone()),
                tenant_id: Some(application.tenant_id.clone()),
                token_file_path: Some(token_file.clone()),
            }))
            .map(|credential| credential as _),
            IdentitySource::ClientSecret {
                application,
                secret,
            } => ClientSecretCredential::new(
                &application.tenant_id,
                application.client_id.clone(),
                AzureSecret::new(read(secret)?.expose().to_owned()),
                Some(ClientSecretCredentialOptions {
                    client_options: options,
                }),
            )
            .map(|credential| credential as _),
            IdentitySource::ClientCertificate {
                application,
                certificate_file,
                password,
            } => {
                let password = password.as_ref().map(read).transpose()?;
                ClientCertificateCredential::new(
                    application.tenant_id.clone(),
                    application.client_id.clone(),
                    SecretBytes::new(pkcs12(certificate_file, password.as_ref())?),
                    Some(ClientCertificateCredentialOptions {
                        client_options: options,
                        password: None,
                    }),
                )
                .map(|credential| credential as _)
            }
        };
        credential.map_err(|error| refused(&error))
    }

    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud
            .authority_host
            .clone_from(&self.identity.authority_host);
        ClientOptions {
            // The refresh tries again by itself, and says so.
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::clone(&self.http))),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            ..ClientOptions::default()
        }
    }
}

fn read(secret: &SecretText) -> Result<Secret, TokenError> {
    secret.read().map_err(TokenError::Secret)
}

fn http_client(identity: &Identity, security: &Security) -> Result<reqwest::Client, TokenError> {
    let mut builder = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(file) = &security.ca_file {
        let fault = |reason: String| TokenError::Authorities {
            file: file.clone(),
            reason,
        };
        let pem = fs::read(file).map_err(|error| fault(error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| fault(error.to_string()))?;
        for authority in authorities {
            builder = builder.add_root_certificate(authority);
        }
    }
    if let IdentitySource::Managed { .. } = identity.source {
        // The metadata service answers the machine itself, never a proxy.
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| TokenError::Client(chain(&error)))
}

fn refused(error: &azure_core::Error) -> TokenError {
    TokenError::Refused(chain(error))
}

/// The error with its causes, bounded: an answer may be a page of a proxy.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {next_text}");
        }
        cause = next.source();
    }
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
