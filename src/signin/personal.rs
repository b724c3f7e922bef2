//! Values about a person, and the one place that hands them out.
//!
//! A [`Personal`] value can be neither printed nor serialised; what leaves the process
//! (record, message key, assessment, dead letter, log) asks [`Privacy::show`].
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::text::{Text, fingerprint, unescaped};

/// Which privacy setting governs a value.
pub trait Class {
    const NAME: &'static str;
}

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident = $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $class {}
        impl Class for $class {
            const NAME: &'static str = $name;
        }
    )*};
}

classes! {
    /// Names and identifiers of a person.
    User = "user";
    /// Network addresses.
    Address = "address";
    /// Where the person was.
    Location = "location";
    /// Identifiers of a person's device, user agent included.
    Device = "device";
}

/// A value of the event about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<'a, C> {
    value: Text<'a>,
    class: PhantomData<C>,
}

impl<'a, C: Class> Personal<'a, C> {
    pub const fn new(value: Text<'a>) -> Self {
        Personal {
            value,
            class: PhantomData,
        }
    }

    /// A name as a person wrote it.
    pub(super) fn unescaped(self) -> Self {
        Personal::new(unescaped(self.value))
    }
}

impl<C> Personal<'_, C> {
    /// The value for a comparison with configuration, never to be shown.
    pub(crate) fn compared(&self) -> &str {
        &self.value
    }

    /// What tells values apart inside the process; the value cannot be shown from it.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.value)
    }
}

impl<C: Class> fmt::Debug for Personal<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(***)", C::NAME)
    }
}

/// What is done with personal values before they leave the process. Today they are kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Privacy;

impl Privacy {
    /// The value as it may be shown, `None` where it must not be.
    pub fn show<'v, C: Class>(self, value: &'v Personal<'_, C>) -> Option<Cow<'v, str>> {
        Some(Cow::Borrowed(&value.value))
    }
}
