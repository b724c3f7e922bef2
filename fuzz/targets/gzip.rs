//! A compressed message says what it says uncompressed, up to the limit; a damaged one is one bad
//! message.
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::reading::{DECOMPRESSED_BYTES, Outcome, outcomes};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

pub fn run(bytes: &[u8]) {
    outcomes(&[&MAGIC, bytes].concat(), 0);
    if bytes.starts_with(&MAGIC) {
        return;
    }
    // The first byte stretches the body, so that the limit is met.
    let times = bytes.first().map_or(1, |first| usize::from(first % 8) + 1);
    let body = bytes.repeat(times);
    if body.starts_with(&MAGIC) {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&body).unwrap();
    let found = outcomes(&encoder.finish().unwrap(), 0);
    if body.len() > DECOMPRESSED_BYTES {
        assert_eq!(found, [Outcome::Bad("too_large")]);
    } else {
        assert_eq!(found, outcomes(&body, 0));
    }
}
