//! Dead letters: the original bytes as they came, and in the headers where and why.
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rdkafka::message::{Header, OwnedHeaders};

use super::batch::Encoding;
use super::worker::MessagePlace;
use crate::signin::BadReason;

/// Appends the bytes of a dead letter, so that it takes at most `limit`.
pub fn write_payload(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Encoding {
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
    failed_at: &str,
) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(9);
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
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    match encoding {
        Encoding::Identity => headers,
        Encoding::Gzip => headers.insert(Header {
            key: "content-encoding",
            value: Some("gzip"),
        }),
        Encoding::Truncated { bytes } => headers.insert(Header {
            key: "original_bytes",
            value: Some(&bytes.to_string()),
        }),
    }
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
}
