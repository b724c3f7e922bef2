//! Dead letters: the original bytes as they came, unless `privacy.dead_letters` says otherwise,
//! and in the headers where and why.
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::message::{Header, OwnedHeaders};
use tracing::error;

use super::batch::{Encoding, Protection};
use super::worker::MessagePlace;
use crate::config::{DeadLetterBytes, PrivacySettings};
use crate::privacy_key::{CIPHER, PrivacyKey, SEALED_EXTRA};
use crate::signin::BadReason;

/// What is done with the bytes of dead letters.
#[derive(Debug, Clone, Default)]
pub enum Bytes {
    #[default]
    Kept,
    Sealed(PrivacyKey),
    Dropped,
}

impl Bytes {
    /// Without a key, what should be encrypted is dropped.
    pub fn of(settings: &PrivacySettings) -> Bytes {
        match (settings.dead_letters, settings.key()) {
            (DeadLetterBytes::Keep, _) => Bytes::Kept,
            (DeadLetterBytes::Encrypt, Some(key)) => Bytes::Sealed(key),
            (DeadLetterBytes::Encrypt, None) | (DeadLetterBytes::Drop, _) => Bytes::Dropped,
        }
    }

    /// Appends what is kept of the bytes of a dead letter, so that it takes at most `limit`.
    pub fn write(&self, bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> (Encoding, Protection) {
        let dropped = Protection::Dropped { bytes: bytes.len() };
        match self {
            Bytes::Kept => (write_payload(bytes, limit, out), Protection::None),
            Bytes::Dropped => (Encoding::Identity, dropped),
            Bytes::Sealed(key) => {
                let mut encoded = Vec::new();
                let limit = limit.saturating_sub(SEALED_EXTRA);
                let encoding = write_payload(bytes, limit, &mut encoded);
                if key.seal(&encoded, out).is_ok() {
                    return (encoding, Protection::Sealed);
                }
                // Without random bytes from the system there is no safe way to keep them.
                error!(
                    "A dead letter cannot be encrypted: its bytes are dropped, and are left in the \
                     input alone"
                );
                (Encoding::Identity, dropped)
            }
        }
    }

    /// The id of the key that seals.
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Bytes::Sealed(key) => Some(key.id()),
            Bytes::Kept | Bytes::Dropped => None,
        }
    }
}

/// Appends the bytes, so that they take at most `limit`.
fn write_payload(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Encoding {
    if bytes.len() <= limit {
        out.extend_from_slice(bytes);
        return Encoding::Identity;
    }
    let start = out.len();
    let mut encoder = GzEncoder::new(out, Compression::fast());
    let compressed = encoder.write_all(bytes).is_ok() && encoder.try_finish().is_ok();
    let out = encoder.get_mut();
    if compressed && out.len() - start <= limit {
        return Encoding::Gzip;
    }
    out.truncate(start);
    out.extend_from_slice(&bytes[..limit]);
    Encoding::Truncated { bytes: bytes.len() }
}

/// The headers by which a dead letter can be found, understood and replayed.
pub fn headers(
    reason: BadReason,
    place: &MessagePlace,
    position: u32,
    encoding: Encoding,
    protection: Protection,
    key_id: Option<&str>,
    failed_at: &str,
) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(10);
    let partition = place.partition.to_string();
    let offset = place.offset.to_string();
    let position = position.to_string();
    for (key, value) in [
        ("reason", reason.as_str()),
        ("source_topic", &place.topic),
        ("source_partition", &partition),
        ("source_offset", &offset),
        ("source_position", &position),
        ("failed_at", failed_at),
        ("service_version", env!("CARGO_PKG_VERSION")),
    ] {
        headers = add(headers, key, value);
    }
    let headers = match encoding {
        Encoding::Identity => headers,
        Encoding::Gzip => add(headers, "content-encoding", "gzip"),
        Encoding::Truncated { bytes } => add(headers, "original_bytes", &bytes.to_string()),
    };
    match protection {
        Protection::None => headers,
        Protection::Sealed => {
            let headers = add(headers, "encryption", CIPHER);
            add(headers, "key_id", key_id.unwrap_or_default())
        }
        Protection::Dropped { bytes } => add(headers, "dropped_bytes", &bytes.to_string()),
    }
}

fn add(headers: OwnedHeaders, key: &str, value: &str) -> OwnedHeaders {
    headers.insert(Header {
        key,
        value: Some(value),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn bytes_stay_as_they_came_while_they_fit() {
        let mut out = b"before".to_vec();
        assert_eq!(write_payload(b"{broken", 7, &mut out), Encoding::Identity);
        assert_eq!(out, b"before{broken");
    }

    #[test]
    fn what_does_not_fit_is_compressed_and_can_be_had_back() {
        let bytes = b"0123456789".repeat(1_000);
        let mut out = b"before".to_vec();
        assert_eq!(write_payload(&bytes, 500, &mut out), Encoding::Gzip);
        assert!(out.len() <= 506);
        let mut back = Vec::new();
        GzDecoder::new(&out[6..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, bytes);
    }

    #[test]
    fn what_does_not_fit_compressed_is_cut_and_says_so() {
        // The output of a hash does not compress.
        let bytes: Vec<u8> = (0..2_000_u64)
            .flat_map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()).to_le_bytes())
            .collect();
        let mut out = b"before".to_vec();
        let encoding = write_payload(&bytes, 500, &mut out);
        assert_eq!(encoding, Encoding::Truncated { bytes: bytes.len() });
        assert_eq!(out[6..], bytes[..500]);
    }

    #[test]
    fn sealed_bytes_fit_and_can_be_had_back() {
        let key = PrivacyKey::new(&"k".repeat(32)).unwrap();
        let bytes = b"alex@contoso.example ".repeat(500);
        for (limit, expected) in [(20_000, Encoding::Identity), (1_000, Encoding::Gzip)] {
            let mut out = b"before".to_vec();
            let sealed = Bytes::Sealed(key.clone()).write(&bytes, limit, &mut out);
            assert_eq!(sealed, (expected, Protection::Sealed));
            assert!(out.len() - 6 <= limit);
            assert!(!out.windows(4).any(|window| window == b"alex"));
            let mut back = key.open(&out[6..]).unwrap();
            if expected == Encoding::Gzip {
                let mut plain = Vec::new();
                GzDecoder::new(&back[..]).read_to_end(&mut plain).unwrap();
                back = plain;
            }
            assert_eq!(back, bytes);
        }
    }

    #[test]
    fn of_dropped_bytes_only_the_count_is_left() {
        let mut out = Vec::new();
        let dropped = Bytes::Dropped.write(b"{broken", 100, &mut out);
        let protection = Protection::Dropped { bytes: 7 };
        assert_eq!(dropped, (Encoding::Identity, protection));
        assert_eq!(out, b"");
    }

    #[test]
    fn what_cannot_be_encrypted_for_want_of_a_key_is_dropped() {
        let settings = PrivacySettings {
            dead_letters: DeadLetterBytes::Encrypt,
            ..PrivacySettings::default()
        };
        assert!(matches!(Bytes::of(&settings), Bytes::Dropped));
    }
}
