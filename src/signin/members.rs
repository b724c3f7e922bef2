//! Objects whose members are read in place, and lists of such objects; either may come as
//! JSON text.
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::field::{Field, FieldFaults};
use super::lenient::{Found, Lenient, Name, Read, Str, holds_json, json_text};
use super::personal::{Class, Personal};
use super::policy::AppliedPolicy;
use super::repeats::KnownPolicies;
use super::text::{Text, unescaped};
use super::values::{AnyPersonal, AnyText, TextList, Texts};

/// Declares the members of an object that are read, and finds them whatever their case.
macro_rules! keys {
    ($keys:ident { $($variant:ident = $name:literal,)* }) => {
        #[derive(Clone, Copy)]
        pub(super) enum $keys {
            $($variant,)*
        }

        impl $keys {
            fn find(name: &str) -> Option<$keys> {
                const KEYS: &[(&str, $keys)] = &[$(($name, $keys::$variant),)*];
                KEYS.iter()
                    .find(|(known, _)| *known == name)
                    .or_else(|| KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)))
                    .map(|(_, key)| *key)
            }
        }
    };
}

pub(super) use keys;

/// An object whose known members are read in place.
pub(super) trait Members<'m> {
    type Key: Copy;

    fn key(name: &str) -> Option<Self::Key>;

    /// Reads the value of one member. Called again for a duplicate key: the last wins.
    fn member<A: MapAccess<'m>>(
        &mut self,
        key: Self::Key,
        value: &mut Member<'_, A>,
    ) -> Result<(), A::Error>;

    /// Forgets everything but capacities.
    fn clear(&mut self);
}

/// The value of a member that is about to be read, and where its faults are noted.
pub(super) struct Member<'a, A> {
    pub(super) object: &'a mut A,
    pub(super) field: Field,
    pub(super) faults: &'a mut FieldFaults,
}

impl<A> Member<'_, A> {
    pub(super) fn read<'m, L: Lenient<'m>>(
        &mut self,
        lenient: L,
    ) -> Result<Option<L::Value>, A::Error>
    where
        A: MapAccess<'m>,
    {
        let found = self.object.next_value_seed(Read(lenient))?;
        Ok(self.note(found))
    }

    /// The value, if it is there; notes a wrong type.
    pub(super) fn note<T>(&mut self, found: Found<T>) -> Option<T> {
        match found {
            Found::Value(value) => Some(value),
            Found::Absent => None,
            Found::Wrong => {
                self.faults.insert(self.field);
                None
            }
        }
    }

    /// Reads an object into `target`; `false`, and `target` empty, where there is none.
    pub(super) fn object<'m, T: Members<'m>>(&mut self, target: &mut T) -> Result<bool, A::Error>
    where
        A: MapAccess<'m>,
    {
        target.clear();
        let found = self.object.next_value_seed(Read(Object {
            target: &mut *target,
            field: self.field,
            faults: &mut *self.faults,
        }))?;
        if matches!(found, Found::Wrong) {
            self.faults.insert(self.field);
            target.clear();
        }
        Ok(matches!(found, Found::Value(())))
    }

    /// Reads a list of objects into `target`, whose elements are used again; `false`, and
    /// `target` empty, where there is none.
    pub(super) fn objects<'m, T>(&mut self, target: &mut Vec<T>) -> Result<bool, A::Error>
    where
        A: MapAccess<'m>,
        T: Members<'m> + Default,
    {
        self.list_of(target, &mut Anew)
    }

    /// The same of policies, where one that is known already is not read again.
    pub(super) fn policies<'m>(
        &mut self,
        target: &mut Vec<AppliedPolicy<'m>>,
        known: &mut KnownPolicies<'m>,
    ) -> Result<bool, A::Error>
    where
        A: MapAccess<'m>,
    {
        self.list_of(target, known)
    }

    fn list_of<'m, T, E>(&mut self, target: &mut Vec<T>, elements: &mut E) -> Result<bool, A::Error>
    where
        A: MapAccess<'m>,
        T: Members<'m> + Default,
        E: Elements<'m, T>,
    {
        let found = self.object.next_value_seed(Read(Objects {
            target: &mut *target,
            elements,
            field: self.field,
            faults: &mut *self.faults,
        }))?;
        let present = matches!(found, Found::Value(()));
        if matches!(found, Found::Wrong) {
            self.faults.insert(self.field);
        }
        if !present {
            target.clear();
        }
        Ok(present)
    }

    pub(super) fn skip<'m>(&mut self) -> Result<(), A::Error>
    where
        A: MapAccess<'m>,
    {
        self.object.next_value::<IgnoredAny>().map(drop)
    }
}

impl<'m, A: MapAccess<'m>> Member<'_, A> {
    pub(super) fn text(&mut self) -> Result<Option<Text<'m>>, A::Error> {
        self.read(AnyText)
    }

    pub(super) fn personal<C: Class>(&mut self) -> Result<Option<Personal<'m, C>>, A::Error> {
        self.read(AnyPersonal(std::marker::PhantomData))
    }

    /// A name, as a person wrote it.
    pub(super) fn name(&mut self) -> Result<Option<Text<'m>>, A::Error> {
        Ok(self.text()?.map(unescaped))
    }

    pub(super) fn personal_name<C: Class>(&mut self) -> Result<Option<Personal<'m, C>>, A::Error> {
        Ok(self.personal()?.map(Personal::unescaped))
    }

    /// Reads a list of texts into `texts`, which is empty.
    pub(super) fn texts<T: Texts<'m>>(&mut self, texts: &mut T) -> Result<(), A::Error> {
        self.read(TextList(texts)).map(drop)
    }
}

/// An object that is read into its place, also as JSON text.
pub(super) struct Object<'t, T> {
    pub(super) target: &'t mut T,
    pub(super) field: Field,
    pub(super) faults: &'t mut FieldFaults,
}

impl<'m, T: Members<'m>> Lenient<'m> for Object<'_, T> {
    type Value = ();

    fn text(self, text: Str<'_, 'm>) -> Found<()> {
        match text.as_str() {
            "null" => Found::Absent,
            text if holds_json(text, '{') => json_text(self, text),
            _ => Found::Wrong,
        }
    }

    fn object<A: MapAccess<'m>>(self, mut object: A) -> Result<Found<()>, A::Error> {
        while let Some(key) = object.next_key_seed(Name(T::key))? {
            match key {
                Some(key) => self.target.member(
                    key,
                    &mut Member {
                        object: &mut object,
                        field: self.field,
                        faults: self.faults,
                    },
                )?,
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Found::Value(()))
    }
}

/// How the elements of a list are read.
pub(super) trait Elements<'m, T> {
    /// Reads the next into its place; `None` at the end of the list.
    fn next<A: SeqAccess<'m>>(
        &mut self,
        list: &mut A,
        object: Object<'_, T>,
    ) -> Result<Option<Found<()>>, A::Error>;
}

/// Each by itself.
struct Anew;

impl<'m, T: Members<'m>> Elements<'m, T> for Anew {
    fn next<A: SeqAccess<'m>>(
        &mut self,
        list: &mut A,
        object: Object<'_, T>,
    ) -> Result<Option<Found<()>>, A::Error> {
        list.next_element_seed(Read(object))
    }
}

/// A list of such objects; `null` among them is dropped.
struct Objects<'t, T, E> {
    target: &'t mut Vec<T>,
    elements: &'t mut E,
    field: Field,
    faults: &'t mut FieldFaults,
}

impl<'m, T: Members<'m> + Default, E: Elements<'m, T>> Lenient<'m> for Objects<'_, T, E> {
    type Value = ();

    fn text(self, text: Str<'_, 'm>) -> Found<()> {
        match text.as_str() {
            "null" => Found::Absent,
            text if holds_json(text, '[') => json_text(self, text),
            _ => Found::Wrong,
        }
    }

    fn list<A: SeqAccess<'m>>(self, mut list: A) -> Result<Found<()>, A::Error> {
        let mut read = 0;
        loop {
            if read == self.target.len() {
                self.target.push(T::default());
            }
            let object = Object {
                target: &mut self.target[read],
                field: self.field,
                faults: self.faults,
            };
            object.target.clear();
            match self.elements.next(&mut list, object)? {
                Some(Found::Value(())) => read += 1,
                Some(Found::Absent) => {}
                Some(Found::Wrong) => self.faults.insert(self.field),
                None => break,
            }
        }
        self.target.truncate(read);
        Ok(Found::Value(()))
    }
}
