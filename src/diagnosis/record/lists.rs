//! Lists that are written straight from where they stand, without a copy.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::diagnosis::bounds::cut;
use crate::signin::{Condition, GrantControls, Location, Personal, Text};

macro_rules! schema_of_texts {
    ($($list:ident),*) => {$(
        impl Serialize for $list<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter())
            }
        }

        impl JsonSchema for $list<'_> {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($list).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                Vec::<String>::json_schema(generator)
            }
        }
    )*};
}

schema_of_texts!(TextList, NameList, GrantControlList, ConditionList);

/// Texts of the event, each cut to a bound; empty ones are passed over.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextList<'a> {
    texts: &'a [Text<'a>],
    text_bytes: usize,
}

impl PartialEq for TextList<'_> {
    /// Lists are the same that are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for TextList<'_> {}

impl<'a> TextList<'a> {
    pub const fn new(texts: &'a [Text<'a>], text_bytes: usize) -> TextList<'a> {
        TextList { texts, text_bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let most = self.text_bytes;
        let texts = self.texts.iter().map(move |text| cut(text, most));
        texts.filter(|text| !text.is_empty())
    }
}

/// What may be shown of the names of networks, each cut to a bound.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameList<'a> {
    names: &'a [Personal<'a, Location>],
    text_bytes: usize,
}

impl PartialEq for NameList<'_> {
    /// Lists are the same that are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a> NameList<'a> {
    pub const fn new(names: &'a [Personal<'a, Location>], text_bytes: usize) -> NameList<'a> {
        NameList { names, text_bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let most = self.text_bytes;
        let names = self.names.iter().filter_map(Personal::shown);
        let names = names.map(move |name| cut(name, most));
        names.filter(|name| !name.is_empty())
    }
}

/// Grant controls: those with a name of their own, then the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GrantControlList<'a> {
    pub known: Option<&'a GrantControls<'a>>,
    pub other: TextList<'a>,
}

impl<'a> GrantControlList<'a> {
    pub fn is_empty(&self) -> bool {
        !self.known.is_some_and(GrantControls::has_known) && self.other.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let known = self.known.into_iter().flat_map(GrantControls::known);
        known.map(|(_, name)| name).chain(self.other.iter())
    }
}

/// Conditions by the names that Graph gives them; a bit without a name as `unknown(0x…)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConditionList<'a> {
    pub bits: u64,
    pub other: TextList<'a>,
}

impl<'a> ConditionList<'a> {
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.other.is_empty()
    }

    /// The condition of a list of one that has a name of its own.
    pub fn only(&self) -> Option<Condition> {
        let only = Condition::in_bits(self.bits).next()?;
        (self.bits == only.bit() && self.other.is_empty()).then_some(only)
    }

    /// Whether every condition of the list has a name of its own.
    pub fn is_known(&self) -> bool {
        Condition::unknown_bits(self.bits) == 0 && self.other.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        self.called(Condition::as_str)
    }

    /// By another name for each condition that is known.
    pub fn called(
        &self,
        name: fn(Condition) -> &'static str,
    ) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let unknown = Condition::unknown_bits(self.bits);
        let unknown = (unknown != 0).then(|| Cow::Owned(format!("unknown({unknown:#x})")));
        Condition::in_bits(self.bits)
            .map(move |condition| Cow::Borrowed(name(condition)))
            .chain(unknown)
            .chain(self.other.iter().map(Cow::Borrowed))
    }
}

/// A list of the catalog with its JSON, which is made once and copied into each record.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a, T> {
    items: &'a [T],
    json: Option<&'a RawValue>,
}

impl<'a, T> Prepared<'a, T> {
    pub const fn empty() -> Prepared<'a, T> {
        Prepared {
            items: &[],
            json: None,
        }
    }

    /// `json` is the JSON of `items`.
    pub const fn new(items: &'a [T], json: Option<&'a RawValue>) -> Prepared<'a, T> {
        Prepared { items, json }
    }

    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub const fn items(&self) -> &'a [T] {
        self.items
    }
}

impl<T: PartialEq> PartialEq for Prepared<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<T: Serialize> Serialize for Prepared<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.json {
            Some(json) => json.serialize(serializer),
            None => self.items.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Prepared<'_, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Prepared_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::GrantControl;

    fn json<T: Serialize>(value: &T) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn conditions_keep_what_has_no_name() {
        let other = ["weather".into()];
        let conditions = ConditionList {
            bits: 2 | 8 | 4096 | 1 << 40,
            other: TextList::new(&other, 4),
        };
        assert_eq!(
            json(&conditions),
            r#"["users","location","unknown(0x10000001000)","weat"]"#
        );
        assert!(ConditionList::default().is_empty());
        assert_eq!(json(&ConditionList::default()), "[]");
    }

    #[test]
    fn grant_controls_are_named_as_in_the_stream() {
        let mut controls = GrantControls::default();
        controls.insert(GrantControl::CompliantDevice);
        controls.insert(GrantControl::Block);
        let other = ["Visitor terms".into()];
        let list = GrantControlList {
            known: Some(&controls),
            other: TextList::new(&other, 100),
        };
        assert_eq!(
            json(&list),
            r#"["Block","RequireCompliantDevice","Visitor terms"]"#
        );
        assert!(!list.is_empty());
        assert!(GrantControlList::default().is_empty());
    }

    #[test]
    fn a_prepared_list_is_written_as_its_items_are() {
        let items = vec![1, 2];
        let raw = serde_json::value::to_raw_value(&items).unwrap();
        assert_eq!(json(&Prepared::new(&items, Some(&raw))), json(&items));
        assert_eq!(json(&Prepared::<u8>::empty()), "[]");
    }
}
