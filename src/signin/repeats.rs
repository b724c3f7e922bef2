//! Policies that repeat: the sign-ins of one tenant show the same policies again and again, and
//! most of them word for word. Within a message, one that is known is copied instead of read.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::field::FieldFaults;
use super::lenient::{Found, Read};
use super::members::{Elements, Object};
use super::policy::AppliedPolicy;
use crate::json::REPEATING;

/// The policies that [`REPEATING`] gives a number to, by that number.
#[derive(Default)]
pub(super) struct KnownPolicies<'m>(Vec<Known<'m>>);

struct Known<'m> {
    policy: AppliedPolicy<'m>,
    faults: FieldFaults,
}

impl<'m> Elements<'m, AppliedPolicy<'m>> for KnownPolicies<'m> {
    fn next<A: SeqAccess<'m>>(
        &mut self,
        list: &mut A,
        object: Object<'_, AppliedPolicy<'m>>,
    ) -> Result<Option<Found<()>>, A::Error> {
        list.next_element_seed(Repeating {
            known: self,
            object,
        })
    }
}

struct Repeating<'t, 'm> {
    known: &'t mut KnownPolicies<'m>,
    object: Object<'t, AppliedPolicy<'m>>,
}

impl<'m> DeserializeSeed<'m> for Repeating<'_, 'm> {
    type Value = Found<()>;

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<Found<()>, D::Error> {
        deserializer.deserialize_newtype_struct(REPEATING, self)
    }
}

impl<'m> Visitor<'m> for Repeating<'_, 'm> {
    type Value = Found<()>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Found<()>, E> {
        let known = usize::try_from(number)
            .ok()
            .and_then(|number| self.known.0.get(number))
            .ok_or_else(|| E::custom("a number that was not given"))?;
        self.object.target.copy_from(&known.policy);
        self.object.faults.add(known.faults);
        Ok(Found::Value(()))
    }

    fn visit_some<D: Deserializer<'m>>(self, deserializer: D) -> Result<Found<()>, D::Error> {
        let mut faults = FieldFaults::default();
        let found = Read(Object {
            target: &mut *self.object.target,
            field: self.object.field,
            faults: &mut faults,
        })
        .deserialize(deserializer)?;
        self.object.faults.add(faults);
        self.known.0.push(Known {
            policy: self.object.target.clone(),
            faults,
        });
        Ok(found)
    }

    fn visit_newtype_struct<D: Deserializer<'m>>(
        self,
        deserializer: D,
    ) -> Result<Found<()>, D::Error> {
        Read(self.object).deserialize(deserializer)
    }
}
