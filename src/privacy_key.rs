//! The key of `[privacy]`: pseudonyms, and dead letters that only its holder can read.
//!
//! One secret, two uses with keys of their own, both derived by HMAC-SHA-256 (RFC 2104):
//! pseudonyms under `signin-diagnostics pseudonym 1`, sealed bytes under
//! `signin-diagnostics dead letter 1`. `docs/data-protection.md` tells other programs how.
use std::fmt;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::Sha256;

/// Characters of a secret that can be taken: as random text they are 128 bits and more.
pub const MIN_SECRET_CHARS: usize = 32;

/// The value of the header `encryption` of a sealed dead letter.
pub const CIPHER: &str = "aes-256-gcm";
/// What sealing adds to the bytes: a nonce before them, a tag after them.
pub const SEALED_EXTRA: usize = NONCE_BYTES + TAG_BYTES;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// 96 bits: among a billion values, two share a pseudonym with a probability below 10⁻¹⁰.
const PSEUDONYM_BYTES: usize = 12;
const ID_BYTES: usize = 3;

/// Makes pseudonyms and seals bytes. Prints as its id alone.
#[derive(Clone)]
pub struct PrivacyKey {
    id: String,
    pseudonyms: Hmac<Sha256>,
    sealing: [u8; 32],
}

/// Why sealed bytes cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed under another key, cut, or changed since")]
pub struct NotOpened;

impl PrivacyKey {
    /// `None` where the secret is shorter than [`MIN_SECRET_CHARS`].
    pub fn new(secret: &str) -> Option<PrivacyKey> {
        if secret.chars().count() < MIN_SECRET_CHARS {
            return None;
        }
        let secret = mac(secret.as_bytes())?;
        let derived = |label: &[u8]| -> [u8; 32] { digest(&secret, &[label]) };
        Some(PrivacyKey {
            id: hex(&derived(b"signin-diagnostics key id 1")[..ID_BYTES]),
            pseudonyms: mac(&derived(b"signin-diagnostics pseudonym 1"))?,
            sealing: derived(b"signin-diagnostics dead letter 1"),
        })
    }

    /// Six hexadecimal digits that tell one key from another and nothing of the secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The pseudonym of a value of a class (`user`, `address`, `location`, `device`):
    /// `<class>-<key id>-<24 hexadecimal digits>`, the same for a value in any ASCII case and
    /// for an address in any spelling.
    pub fn pseudonym(&self, class: &str, value: &str) -> String {
        let value = value.trim().to_ascii_lowercase();
        let value = match value.parse::<std::net::IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => value,
        };
        let digest = digest(
            &self.pseudonyms,
            &[class.as_bytes(), &[0], value.as_bytes()],
        );
        format!("{class}-{}-{}", self.id, hex(&digest[..PSEUDONYM_BYTES]))
    }

    /// Appends `bytes` sealed: nonce, AES-256-GCM ciphertext, tag.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn seal(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ErrorStack> {
        let mut nonce = [0; NONCE_BYTES];
        let mut tag = [0; TAG_BYTES];
        rand_bytes(&mut nonce)?;
        let cipher = Cipher::aes_256_gcm();
        let sealed = encrypt_aead(cipher, &self.sealing, Some(&nonce), &[], bytes, &mut tag)?;
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// What [`PrivacyKey::seal`] was given.
    ///
    /// # Errors
    ///
    /// It was sealed under another key, or is not whole.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(NotOpened)?;
        let length = rest.len().checked_sub(TAG_BYTES).ok_or(NotOpened)?;
        let (bytes, tag) = rest.split_at(length);
        let cipher = Cipher::aes_256_gcm();
        decrypt_aead(cipher, &self.sealing, Some(nonce), &[], bytes, tag).map_err(|_| NotOpened)
    }
}

/// Whether a text is a pseudonym of this class, under any key.
pub fn is_pseudonym(class: &str, text: &str) -> bool {
    let hex = |part: &str, bytes: usize| {
        part.len() == 2 * bytes && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.strip_prefix(class)
        .and_then(|rest| rest.strip_prefix('-')?.split_once('-'))
        .is_some_and(|(id, digits)| hex(id, ID_BYTES) && hex(digits, PSEUDONYM_BYTES))
}

impl fmt::Debug for PrivacyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.id)
    }
}

/// HMAC takes keys of any length.
fn mac(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

fn digest(mac: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = mac.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A `String` takes every write.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> PrivacyKey {
        PrivacyKey::new(secret).unwrap()
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Computed with another implementation (Python's `hmac`), as the page on data protection
    /// tells.
    #[test]
    fn another_program_can_compute_a_pseudonym() {
        let key = key(SECRET);
        assert_eq!(key.id(), "739fb7");
        assert_eq!(
            key.pseudonym("user", "alex@contoso.example"),
            "user-739fb7-e1267b91aa62b567409c460e"
        );
    }

    #[test]
    fn a_pseudonym_is_stable_and_tells_class_value_and_key_apart() {
        let key = key(SECRET);
        let pseudonym = key.pseudonym("user", "alex@contoso.example");
        assert_eq!(pseudonym, key.pseudonym("user", " Alex@Contoso.EXAMPLE"));
        assert_eq!(
            key.pseudonym("address", "2001:DB8:0:0::1"),
            key.pseudonym("address", "2001:db8::1")
        );
        assert!(is_pseudonym("user", &pseudonym));
        assert!(!is_pseudonym("device", &pseudonym));
        assert!(!is_pseudonym("user", "user-alex-contoso"));
        for other in [
            key.pseudonym("user", "alexa@contoso.example"),
            key.pseudonym("device", "alex@contoso.example"),
            self::key(&SECRET.replace('0', "1")).pseudonym("user", "alex@contoso.example"),
        ] {
            assert_ne!(pseudonym, other);
        }
    }

    #[test]
    fn a_secret_that_is_too_short_is_no_key() {
        assert!(PrivacyKey::new(&SECRET[1..]).is_none());
        assert!(!format!("{:?}", key(SECRET)).contains("0123"));
    }

    #[test]
    fn sealed_bytes_open_with_their_key_only_and_whole_only() {
        let key = key(SECRET);
        for bytes in [&b""[..], b"{broken", &[0xff; 5_000]] {
            let mut sealed = Vec::new();
            key.seal(bytes, &mut sealed).unwrap();
            assert_eq!(sealed.len(), bytes.len() + SEALED_EXTRA);
            assert_eq!(key.open(&sealed).unwrap(), bytes);
            let other = self::key(&SECRET.replace('0', "1"));
            assert_eq!(other.open(&sealed), Err(NotOpened));
            for length in [0, 5, 12, 27, sealed.len() - 1] {
                assert_eq!(key.open(&sealed[..length]), Err(NotOpened));
            }
            sealed[NONCE_BYTES] ^= 1;
            assert_eq!(key.open(&sealed), Err(NotOpened));
        }
        let mut twice = [Vec::new(), Vec::new()];
        for sealed in &mut twice {
            key.seal(b"the same", sealed).unwrap();
        }
        assert_ne!(twice[0], twice[1]);
    }
}
