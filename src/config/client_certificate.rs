//! The certificate of an application of Entra ID, as the identity library takes it.
use std::fs;
use std::path::Path;

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{Id, PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;

use super::secret::Secret;

/// A certificate with its chain and key takes a few kilobytes; anything much larger is the wrong
/// file.
const MAX_BYTES: usize = 1 << 20;

/// What is wrong with the file. Never says what it holds.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("the file is larger than a certificate can be")]
    TooLarge,
    #[error("holds neither PEM nor PKCS#12, or its password is another")]
    NotUnderstood,
    #[error("the private key is missing, or its password is another")]
    NoKey,
    #[error("no certificate in it belongs to its key")]
    NoCertificate,
    #[error("its key is no RSA key, and Entra ID signs in with RSA only")]
    NotRsa,
    #[error("its certificate expired on {0}")]
    Expired(String),
    #[error("the certificate cannot be repacked")]
    Repack(#[source] ErrorStack),
}

/// Reads PEM (certificate and key in one file) or PKCS#12 and gives PKCS#12 without a password.
///
/// # Errors
///
/// A file that cannot be used to sign in.
pub fn pkcs12(path: &Path, password: Option<&Secret>) -> Result<Vec<u8>, CertificateFault> {
    let bytes = fs::read(path)?;
    if bytes.len() > MAX_BYTES {
        return Err(CertificateFault::TooLarge);
    }
    let password = password.map_or("", Secret::expose);
    let (key, certificates) = if find(&bytes, b"-----BEGIN ") {
        from_pem(&bytes, password)?
    } else {
        from_pkcs12(&bytes, password)?
    };
    if key.id() != Id::RSA {
        return Err(CertificateFault::NotRsa);
    }
    let (own, chain): (Vec<X509>, Vec<X509>) = certificates
        .into_iter()
        .partition(|certificate| belongs(certificate, &key));
    let own = own
        .into_iter()
        .next()
        .ok_or(CertificateFault::NoCertificate)?;
    let now = Asn1Time::days_from_now(0).map_err(CertificateFault::Repack)?;
    if own.not_after() < now {
        return Err(CertificateFault::Expired(own.not_after().to_string()));
    }
    repack(&key, &own, chain).map_err(CertificateFault::Repack)
}

fn from_pem(bytes: &[u8], password: &str) -> Result<(PKey<Private>, Vec<X509>), CertificateFault> {
    // With a password given, OpenSSL never asks for one on the terminal.
    let key = PKey::private_key_from_pem_passphrase(bytes, password.as_bytes())
        .map_err(|_| CertificateFault::NoKey)?;
    let certificates = X509::stack_from_pem(bytes).map_err(|_| CertificateFault::NotUnderstood)?;
    Ok((key, certificates))
}

fn from_pkcs12(
    bytes: &[u8],
    password: &str,
) -> Result<(PKey<Private>, Vec<X509>), CertificateFault> {
    let parsed = Pkcs12::from_der(bytes)
        .and_then(|file| file.parse2(password))
        .map_err(|_| CertificateFault::NotUnderstood)?;
    let key = parsed.pkey.ok_or(CertificateFault::NoKey)?;
    let chain = parsed.ca.into_iter().flatten();
    Ok((key, parsed.cert.into_iter().chain(chain).collect()))
}

fn belongs(certificate: &X509, key: &PKey<Private>) -> bool {
    certificate
        .public_key()
        .is_ok_and(|public| public.public_eq(key))
}

fn repack(key: &PKey<Private>, own: &X509, chain: Vec<X509>) -> Result<Vec<u8>, ErrorStack> {
    let mut stack = Stack::new()?;
    for certificate in chain {
        stack.push(certificate)?;
    }
    Pkcs12::builder()
        .name("")
        .pkey(key)
        .cert(own)
        .ca(stack)
        .build2("")?
        .to_der()
}

fn find(bytes: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(bytes, what).is_some()
}
