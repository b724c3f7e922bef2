//! Values about a person, and the one way to what may be shown of them.
//!
//! A [`Personal`] value can be neither printed nor serialised; what leaves the process (record,
//! message key, assessment) takes [`Personal::shown`], which is what [`super::Privacy`] made of
//! the value when its record was read.
use std::fmt;
use std::marker::PhantomData;

use super::privacy::{Treatment, Treatments};
use super::text::{Text, fingerprint, unescaped};

/// Which privacy setting governs a value.
pub trait Class {
    const NAME: &'static str;

    fn treatment(of: &Treatments) -> Treatment;
}

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident = $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $class {}
        impl Class for $class {
            const NAME: &'static str = stringify!($name);

            fn treatment(of: &Treatments) -> Treatment {
                of.$name
            }
        }
    )*};
}

classes! {
    /// Names and identifiers of a person.
    User = user;
    /// Network addresses.
    Address = address;
    /// Where the person was: places, and the named locations that the address belongs to.
    Location = location;
    /// Identifiers of a person's device, user agent included.
    Device = device;
}

/// A value of the event about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<'a, C> {
    value: Text<'a>,
    pub(super) shown: Shown,
    class: PhantomData<C>,
}

/// What is shown in the place of a value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Itself,
    Text(Box<str>),
    Nothing,
}

impl<'a, C: Class> Personal<'a, C> {
    /// A value that is shown as it is.
    pub const fn new(value: Text<'a>) -> Self {
        Personal {
            value,
            shown: Shown::Itself,
            class: PhantomData,
        }
    }

    /// A name as a person wrote it.
    pub(super) fn unescaped(self) -> Self {
        Personal::new(unescaped(self.value))
    }
}

impl<C> Personal<'_, C> {
    /// What may leave the process: the value, its pseudonym, or nothing.
    pub fn shown(&self) -> Option<&str> {
        match &self.shown {
            Shown::Itself => Some(&self.value),
            Shown::Text(text) => Some(text),
            Shown::Nothing => None,
        }
    }

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
