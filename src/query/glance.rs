//! What a scan reads of each record: enough to tell whether somebody looks for it. Borrowed from
//! the record; what is not asked for is passed over.
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

/// A text of the record, borrowed unless it holds an escape. (An optional `Cow` would always
/// copy.)
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Str<'a>(Cow<'a, str>);

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Glance<'a> {
    pub schema_version: u32,
    #[serde(borrow)]
    pub diagnosis_id: Str<'a>,
    #[serde(borrow)]
    pub sign_in_id: Option<Str<'a>>,
    #[serde(borrow)]
    pub original_request_id: Option<Str<'a>>,
    #[serde(borrow)]
    pub correlation_id: Option<Str<'a>>,
    #[serde(borrow)]
    event_time: Option<Str<'a>>,
    #[serde(borrow)]
    pub scenario: Str<'a>,
    #[serde(borrow)]
    pub outcome: Str<'a>,
    #[serde(borrow)]
    pub category: Str<'a>,
    #[serde(borrow)]
    pub aspects: Vec<Str<'a>>,
    pub error: Option<Code>,
    #[serde(borrow)]
    pub user: Option<User<'a>>,
    #[serde(borrow)]
    pub service_principal: Option<Named<'a>>,
    #[serde(borrow)]
    pub application: Option<Named<'a>>,
    #[serde(borrow)]
    pub client: Option<Client<'a>>,
    #[serde(borrow)]
    pub location: Option<Location<'a>>,
    /// Half of a record: read only where a policy is asked for.
    #[serde(borrow)]
    conditional_access: Option<&'a RawValue>,
    pub policy_page: bool,
    #[serde(borrow)]
    diagnosed_at: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Code {
    pub code: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct User<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub principal_name: Option<Str<'a>>,
    #[serde(borrow)]
    pub display_name: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Client<'a> {
    #[serde(borrow)]
    pub ip_address: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Location<'a> {
    #[serde(borrow)]
    pub country: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConditionalAccess<'a> {
    #[serde(borrow)]
    policies: Vec<Policy<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Policy<'a> {
    #[serde(borrow)]
    pub id: Option<Str<'a>>,
    #[serde(borrow)]
    pub name: Option<Str<'a>>,
    #[serde(borrow)]
    pub result: Str<'a>,
}

impl Policy<'_> {
    /// Whether it had a say: enforced, met or not.
    pub fn was_enforced(&self) -> bool {
        matches!(&*self.result, "success" | "failure")
    }
}

impl<'a> Glance<'a> {
    /// When the sign-in happened; where the event does not say, when it was diagnosed.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        let text = self.event_time.as_ref().or(self.diagnosed_at.as_ref())?;
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.to_utc())
    }

    /// The policies of the record, as far as they can be read.
    pub fn policies(&self) -> Vec<Policy<'a>> {
        let read =
            |raw: &'a RawValue| serde_json::from_str::<ConditionalAccess<'a>>(raw.get()).ok();
        self.conditional_access
            .and_then(read)
            .unwrap_or_default()
            .policies
    }
}
