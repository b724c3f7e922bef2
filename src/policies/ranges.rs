//! Ranges of addresses.
use std::fmt;
use std::net::IpAddr;

/// A range of IPv4 or IPv6 addresses, first and last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    family: Family,
    first: u128,
    last: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// An IPv4 address that is mapped into IPv6 is the IPv4 address.
fn number(address: IpAddr) -> (Family, u128) {
    match address.to_canonical() {
        IpAddr::V4(address) => (Family::V4, u128::from(address.to_bits())),
        IpAddr::V6(address) => (Family::V6, address.to_bits()),
    }
}

impl IpRange {
    /// `203.0.113.0/24`, `2001:db8::/32`; without a prefix, the one address. Bits behind the
    /// prefix do not matter.
    pub fn from_cidr(text: &str) -> Option<IpRange> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (family, number) = match address {
            IpAddr::V4(address) => (Family::V4, u128::from(address.to_bits())),
            IpAddr::V6(address) => (Family::V6, address.to_bits()),
        };
        let bits = match family {
            Family::V4 => 32,
            Family::V6 => 128,
        };
        let prefix = prefix.unwrap_or(bits);
        let host = match bits.checked_sub(prefix)? {
            128 => u128::MAX,
            host => (1 << host) - 1,
        };
        Some(IpRange {
            family,
            first: number & !host,
            last: number | host,
        })
    }

    /// Both ends included; `None` where they are of different families or in the wrong order.
    pub fn from_bounds(lower: &str, upper: &str) -> Option<IpRange> {
        let (family, first) = number(lower.trim().parse().ok()?);
        let (other, last) = number(upper.trim().parse().ok()?);
        (family == other && first <= last).then_some(IpRange {
            family,
            first,
            last,
        })
    }

    /// The one address that is in it; `None` where there are several.
    pub fn only(&self) -> Option<IpAddr> {
        if self.first != self.last {
            return None;
        }
        Some(match self.family {
            Family::V4 => IpAddr::from(u32::try_from(self.first).ok()?.to_be_bytes()),
            Family::V6 => IpAddr::from(self.first.to_be_bytes()),
        })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let (family, number) = number(address);
        family == self.family && (self.first..=self.last).contains(&number)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = match self.family {
            Family::V4 => 32,
            Family::V6 => 128,
        };
        let address = |number: u128| match self.family {
            #[allow(clippy::cast_possible_truncation)] // of this family: 32 bits
            Family::V4 => IpAddr::from((number as u32).to_be_bytes()),
            Family::V6 => IpAddr::from(number.to_be_bytes()),
        };
        let differing = 128 - (self.first ^ self.last).leading_zeros();
        let is_prefix =
            self.first.trailing_zeros() >= differing && self.last.trailing_ones() >= differing;
        if is_prefix || self.first == self.last {
            write!(f, "{}/{}", address(self.first), bits - differing)
        } else {
            write!(f, "{} to {}", address(self.first), address(self.last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_its_addresses_and_no_other() {
        for (range, address, expected) in [
            ("203.0.113.0/24", "203.0.113.0", true),
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.77/24", "203.0.113.1", true),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7/32", "203.0.113.8", false),
            ("203.0.113.0/31", "203.0.113.1", true),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::/127", "2001:db8::1", true),
            ("2001:db8::/127", "2001:db8::2", false),
            ("::/0", "ffff::1", true),
            ("::/0", "203.0.113.9", false),
            ("::/96", "203.0.113.9", false),
        ] {
            let parsed = IpRange::from_cidr(range).unwrap();
            assert_eq!(
                parsed.contains(address.parse().unwrap()),
                expected,
                "{range} {address}"
            );
        }
        let range = IpRange::from_bounds("203.0.113.9", "203.0.113.20").unwrap();
        for (address, expected) in [(8, false), (9, true), (20, true), (21, false)] {
            assert_eq!(
                range.contains(IpAddr::from([203, 0, 113, address])),
                expected
            );
        }
    }

    #[test]
    fn a_range_is_shown_as_it_is_written() {
        for text in ["203.0.113.0/24", "2001:db8::/32", "0.0.0.0/0", "::/0"] {
            assert_eq!(IpRange::from_cidr(text).unwrap().to_string(), text);
        }
        let shown = |range: Option<IpRange>| range.unwrap().to_string();
        assert_eq!(shown(IpRange::from_cidr("203.0.113.7")), "203.0.113.7/32");
        assert_eq!(
            shown(IpRange::from_bounds("203.0.113.9", "203.0.113.20")),
            "203.0.113.9 to 203.0.113.20"
        );
        assert_eq!(
            shown(IpRange::from_bounds("203.0.113.8", "203.0.113.15")),
            "203.0.113.8/29"
        );
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "/",
            "203.0.113.0/33",
            "2001:db8::/129",
            "203.0.113/24",
            "a/8",
            "1.2.3.4/-1",
        ] {
            assert_eq!(IpRange::from_cidr(text), None, "{text}");
        }
        for (lower, upper) in [("203.0.113.9", "203.0.113.8"), ("::1", "1.2.3.4")] {
            assert_eq!(IpRange::from_bounds(lower, upper), None, "{lower}");
        }
    }
}
