//! The bytes that stand for themselves in a JSON string: all but the quote, the backslash and the
//! control characters.

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether every byte stands for itself. Most texts are plain to their end, so nothing is decided
/// before that.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let special = |word: &[u8; 8]| special_bytes(u64::from_le_bytes(*word));
    if let Some(end) = bytes.last_chunk() {
        let words = bytes.as_chunks().0.iter();
        return words.fold(special(end), |marks, word| marks | special(word)) == 0;
    }
    // Of a short text two halves that overlap.
    let (Some(start), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        return !bytes.iter().any(|byte| is_special(*byte));
    };
    let halves = [u32::from_le_bytes(*start), u32::from_le_bytes(*end)];
    special_bytes(u64::from(halves[0]) << 32 | u64::from(halves[1])) == 0
}

/// How many bytes from the start stand for themselves.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return 8 * place + special.trailing_zeros() as usize / 8;
        }
    }
    let length = rest.iter().position(|byte| is_special(*byte));
    8 * words.len() + length.unwrap_or(rest.len())
}

/// Sets the highest bit of the lowest byte that is special; above it, of others perhaps.
///
/// A byte below 0x80 that is less than `n` is found by what `word - n` borrows, one that equals `n`
/// as one that is less than one once `n` is taken out. A borrow can mislead only above the byte
/// that it came from.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let control = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control | quote | backslash) & !word & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for length in 0..70 {
            let mut bytes = vec![b'x'; length];
            assert!(is_plain(&bytes));
            assert_eq!(plain_length(&bytes), length);
            for at in 0..length {
                for special in 0..=255 {
                    bytes[at] = special;
                    let plain = special >= 0x20 && special != b'"' && special != b'\\';
                    assert_eq!(is_plain(&bytes), plain, "{special} at {at} of {length}");
                    let expected = if plain { length } else { at };
                    assert_eq!(
                        plain_length(&bytes),
                        expected,
                        "{special} at {at} of {length}"
                    );
                }
                bytes[at] = b'x';
            }
        }
    }
}
