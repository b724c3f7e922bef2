//! The condition sets of a policy: a bit mask in the stream, names in Graph.
use std::fmt;

use super::text::Text;

/// A condition of a Conditional Access policy.
///
/// Order and values: the members of Graph's `conditionalAccessConditions` enumeration, with
/// `application` = 1 and doubling, which explains every published sample of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    Application,
    Users,
    DevicePlatform,
    Location,
    ClientType,
    SignInRisk,
    UserRisk,
    Time,
    DeviceState,
    Client,
    IpAddressSeenByAzureAd,
    IpAddressSeenByResourceProvider,
    ServicePrincipals,
    ServicePrincipalRisk,
    AuthenticationFlows,
    InsiderRisk,
}

impl Condition {
    pub const ALL: [(Condition, u32, &'static str); 16] = [
        (Condition::Application, 1, "application"),
        (Condition::Users, 2, "users"),
        (Condition::DevicePlatform, 4, "devicePlatform"),
        (Condition::Location, 8, "location"),
        (Condition::ClientType, 16, "clientType"),
        (Condition::SignInRisk, 32, "signInRisk"),
        (Condition::UserRisk, 64, "userRisk"),
        (Condition::Time, 128, "time"),
        (Condition::DeviceState, 256, "deviceState"),
        (Condition::Client, 512, "client"),
        (
            Condition::IpAddressSeenByAzureAd,
            1024,
            "ipAddressSeenByAzureAD",
        ),
        (
            Condition::IpAddressSeenByResourceProvider,
            2048,
            "ipAddressSeenByResourceProvider",
        ),
        (Condition::ServicePrincipals, 8192, "servicePrincipals"),
        (
            Condition::ServicePrincipalRisk,
            16384,
            "servicePrincipalRisk",
        ),
        (Condition::AuthenticationFlows, 32768, "authenticationFlows"),
        (Condition::InsiderRisk, 65536, "insiderRisk"),
    ];

    pub const fn bit(self) -> u64 {
        Condition::ALL[self as usize].1 as u64
    }

    pub const fn as_str(self) -> &'static str {
        Condition::ALL[self as usize].2
    }

    /// The conditions of a mask, in the order of [`Condition::ALL`].
    pub fn in_bits(bits: u64) -> impl Iterator<Item = Condition> {
        let mut left = bits & Condition::KNOWN;
        let mut all = Condition::ALL.iter();
        // Most masks hold few, and the first of them.
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let (condition, ..) = all.find(|(known, ..)| left & known.bit() != 0)?;
            left &= !condition.bit();
            Some(*condition)
        })
    }

    const KNOWN: u64 = {
        let mut known = 0;
        let mut at = 0;
        while at < Condition::ALL.len() {
            known |= Condition::ALL[at].1 as u64;
            at += 1;
        }
        known
    };

    /// What no condition stands for in a mask.
    pub const fn unknown_bits(bits: u64) -> u64 {
        bits & !Condition::KNOWN
    }

    pub fn from_name(name: &str) -> Option<Condition> {
        let named = |same: fn(&str, &str) -> bool| {
            let mut all = Condition::ALL.iter();
            all.find(|(_, _, known)| same(known, name))
        };
        // As this table spells it, most of the time.
        named(|known, name| known == name)
            .or_else(|| named(str::eq_ignore_ascii_case))
            .map(|(condition, _, _)| *condition)
    }
}

/// A set of conditions as the event names it. Nothing is lost: a bit without a name stays in
/// `bits`, a name without a bit in `other`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    pub bits: u64,
    pub other: Vec<Text<'a>>,
}

impl Conditions<'_> {
    pub const fn insert(&mut self, condition: Condition) {
        self.bits |= condition.bit();
    }

    pub const fn contains(&self, condition: Condition) -> bool {
        self.bits & condition.bit() != 0
    }

    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.other.is_empty()
    }

    /// The conditions with a name, in the order of [`Condition::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Condition> + use<> {
        Condition::in_bits(self.bits)
    }

    /// The bits that no condition is known for.
    pub const fn unknown_bits(&self) -> u64 {
        Condition::unknown_bits(self.bits)
    }

    /// Forgets everything but capacities.
    pub(super) fn clear(&mut self) {
        self.bits = 0;
        self.other.clear();
    }
}

/// `application, users, unknown(0x1000)`; nothing for an empty set.
impl fmt::Display for Conditions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let known = self.iter().map(|condition| -> &str { condition.as_str() });
        for name in known.chain(self.other.iter().map(|name| &**name)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        match self.unknown_bits() {
            0 => Ok(()),
            bits => write!(f, "{separator}unknown({bits:#x})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_masks_name_their_conditions() {
        for (bits, names) in [
            (0, ""),
            (1, "application"),
            (7, "application, users, devicePlatform"),
            (12, "devicePlatform, location"),
            (19, "application, users, clientType"),
            (
                279,
                "application, users, devicePlatform, clientType, deviceState",
            ),
            (1032, "location, ipAddressSeenByAzureAD"),
            (65536, "insiderRisk"),
            (0x1000, "unknown(0x1000)"),
            (0x2_1003, "application, users, unknown(0x21000)"),
        ] {
            let conditions = Conditions {
                bits,
                other: Vec::new(),
            };
            assert_eq!(conditions.to_string(), names, "{bits}");
        }
    }

    #[test]
    fn every_condition_stands_at_its_place_in_the_table() {
        for (place, (condition, bit, name)) in Condition::ALL.into_iter().enumerate() {
            assert_eq!(condition as usize, place);
            assert_eq!(condition.bit(), u64::from(bit));
            assert_eq!(Condition::from_name(&name.to_uppercase()), Some(condition));
        }
    }

    #[test]
    fn a_name_without_a_bit_is_kept() {
        let conditions = Conditions {
            bits: 2,
            other: vec!["agentRisk".into()],
        };
        assert_eq!(conditions.to_string(), "users, agentRisk");
    }
}
