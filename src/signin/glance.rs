//! What an object is by its keys alone, for [`super::recover`].
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use super::field::Field;
use super::lenient::{Found, Lenient, Name, Read};
use super::message::names_a_list;

/// What an object would be by its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Nothing,
    Record,
    Envelope,
}

/// Looks at the keys of an object, without reading it.
pub(super) struct Glance;

impl<'m> DeserializeSeed<'m> for Glance {
    type Value = Look;

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<Look, D::Error> {
        match Read(self).deserialize(deserializer)? {
            Found::Value(look) => Ok(look),
            Found::Absent | Found::Wrong => Ok(Look::Nothing),
        }
    }
}

impl<'m> Lenient<'m> for Glance {
    type Value = Look;

    fn object<A: MapAccess<'m>>(self, mut object: A) -> Result<Found<Look>, A::Error> {
        let mut look = Look::Nothing;
        let glance = |key: &str| match Field::from_key(key) {
            Some(
                Field::Category
                | Field::Properties
                | Field::CreatedDateTime
                | Field::Time
                | Field::TimeGenerated,
            ) => Look::Record,
            None if names_a_list(key) => Look::Envelope,
            _ => Look::Nothing,
        };
        while let Some(key) = object.next_key_seed(Name(glance))? {
            let found = if key == Look::Envelope {
                match object.next_value_seed(Read(IsList))? {
                    Found::Value(()) => Look::Envelope,
                    Found::Absent | Found::Wrong => Look::Nothing,
                }
            } else {
                // Numbers out of range included.
                object.next_value::<IgnoredAny>()?;
                key
            };
            if look == Look::Nothing {
                look = found;
            }
        }
        Ok(Found::Value(look))
    }
}

struct IsList;

impl<'m> Lenient<'m> for IsList {
    type Value = ();

    fn list<A: SeqAccess<'m>>(self, mut list: A) -> Result<Found<()>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Value(()))
    }
}
