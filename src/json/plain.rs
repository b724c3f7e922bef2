//! The bytes that stand for themselves in a JSON string: all but the quote, the backslash and the
//! control characters.

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether every byte stands for itself. Most texts are plain to their end, so nothing is decided
/// before that: what a loop without a branch marks becomes vector instructions.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    if let Some(end) = bytes.last_chunk::<16>() {
        let mut marks = [0; 16];
        for chunk in bytes.as_chunks().0 {
            mark(chunk, &mut marks);
        }
        mark(end, &mut marks);
        return u128::from_ne_bytes(marks) == 0;
    }
    // Two words that overlap; of a short text, two halves of one.
    let words = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(start), Some(end)) => [u64::from_le_bytes(*start), u64::from_le_bytes(*end)],
        _ => match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(start), Some(end)) => {
                let halves = [u32::from_le_bytes(*start), u32::from_le_bytes(*end)];
                let word = u64::from(halves[0]) << 32 | u64::from(halves[1]);
                [word, word]
            }
            _ => return !bytes.iter().any(|byte| is_special(*byte)),
        },
    };
    (special_bytes(words[0]) | special_bytes(words[1])) == 0
}

/// Sets what is special in the bytes.
fn mark(bytes: &[u8; 16], marks: &mut [u8; 16]) {
    for (byte, mark) in bytes.iter().zip(marks) {
        *mark |= u8::from(is_special(*byte));
    }
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
/// A byte less than `n` is found by what `word - n` borrows, one that equals `n` as one that is
/// less than one once `n` is taken out. A borrow can mislead only above the byte that it came from.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const fn less_than(word: u64, n: u64) -> u64 {
        word.wrapping_sub(ONES * n) & !word
    }
    let quote = less_than(word ^ (ONES * b'"' as u64), 1);
    let backslash = less_than(word ^ (ONES * b'\\' as u64), 1);
    (less_than(word, 0x20) | quote | backslash) & (ONES << 7)
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
