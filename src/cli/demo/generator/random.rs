//! A small seeded source of numbers: the same seed gives the same sign-ins on every machine.
use std::fmt;

/// `SplitMix64` (Steele, Lea and Flood 2014): one multiplication chain a number, any seed is
/// good. Not for secrets.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    pub const fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub const fn below(&mut self, bound: u32) -> u32 {
        // The high half of the product: no division, and a bias far below what a mix shows.
        (((self.next() >> 32) * bound as u64) >> 32) as u32
    }

    /// A number of the closed range.
    pub const fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// True so many times in ten thousand.
    pub const fn chance(&mut self, in_ten_thousand: u32) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    /// An index into something of so many elements.
    pub const fn index(&mut self, len: usize) -> usize {
        (((self.next() >> 32) * len as u64) >> 32) as usize
    }

    /// An element. The slice is one of the generator's own tables, which are not empty.
    pub const fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    pub const fn guid(&mut self) -> Guid {
        Guid(self.next(), self.next())
    }
}

/// An identifier in the form of a version 4 UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid(u64, u64);

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0_u8; 16];
        bytes[..8].copy_from_slice(&self.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.1.to_be_bytes());
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;

        let mut text = [b'-'; 36];
        let mut at = 0;
        for (n, byte) in bytes.iter().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Guid, Random};

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<u32> = (0..1_000).map(|_| random.between(3, 7)).collect();
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&7));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn a_guid_is_a_version_4_uuid() {
        assert_eq!(
            Guid(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210).to_string(),
            "01234567-89ab-4def-bedc-ba9876543210"
        );
    }
}
