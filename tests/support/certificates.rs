//! Certificates for the tests: an authority of their own, and what it signs.
// Fixed values, for tests only.
#![allow(clippy::unwrap_used)]

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

/// A certificate and its key.
pub struct Certificate {
    pub x509: X509,
    pub key: PKey<Private>,
}

impl Certificate {
    /// An authority that signs others.
    pub fn authority(name: &str) -> Certificate {
        let key = rsa();
        let mut builder = builder(name, &key, -1, 3650);
        builder.set_issuer_name(&name_of(name)).unwrap();
        let constraints = BasicConstraints::new().critical().ca().build().unwrap();
        builder.append_extension(constraints).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Certificate {
            x509: builder.build(),
            key,
        }
    }

    /// A certificate for `name` (a host name, besides 127.0.0.1), valid from yesterday for so
    /// many days.
    pub fn signed(&self, name: &str, days: i64) -> Certificate {
        self.sign(name, rsa(), days)
    }

    /// The same with a key that is no RSA key.
    #[allow(dead_code)] // not every test binary needs it
    pub fn signed_elliptic(&self, name: &str) -> Certificate {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        self.sign(name, key, 365)
    }

    fn sign(&self, name: &str, key: PKey<Private>, days: i64) -> Certificate {
        let mut builder = builder(name, &key, -1, days);
        builder.set_issuer_name(self.x509.subject_name()).unwrap();
        let context = builder.x509v3_context(Some(&self.x509), None);
        let names = SubjectAlternativeName::new()
            .dns(name)
            .ip("127.0.0.1")
            .build(&context)
            .unwrap();
        builder.append_extension(names).unwrap();
        let usage = ExtendedKeyUsage::new()
            .server_auth()
            .client_auth()
            .build()
            .unwrap();
        builder.append_extension(usage).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        Certificate {
            x509: builder.build(),
            key,
        }
    }

    pub fn pem(&self) -> Vec<u8> {
        self.x509.to_pem().unwrap()
    }

    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    #[allow(dead_code)]
    pub fn encrypted_key_pem(&self, password: &str) -> Vec<u8> {
        self.key
            .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password.as_bytes())
            .unwrap()
    }

    /// Certificate and key in one file, as Java and Entra ID take them.
    pub fn pkcs12(&self, password: &str) -> Vec<u8> {
        Pkcs12::builder()
            .name("test")
            .pkey(&self.key)
            .cert(&self.x509)
            .build2(password)
            .unwrap()
            .to_der()
            .unwrap()
    }
}

fn rsa() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn name_of(name: &str) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_text("CN", name).unwrap();
    builder.build()
}

/// Valid from `from` days after today for `days` days.
fn builder(name: &str, key: &PKey<Private>, from: i64, days: i64) -> X509Builder {
    let now = chrono::Utc::now().timestamp();
    let at = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::ONE, false).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder
        .set_serial_number(&Asn1Integer::from_bn(&serial).unwrap())
        .unwrap();
    builder.set_subject_name(&name_of(name)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&at(from)).unwrap();
    builder.set_not_after(&at(from + days)).unwrap();
    builder
}
