//! The value that a sign-in has for a condition of a policy.
use std::borrow::Cow;
use std::fmt::{self, Write};

use chrono::SecondsFormat;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::{LEFT_OUT, NOT_KNOWN};
use crate::diagnosis::bounds::{Bounds, cut};
use crate::signin::{Condition, Personal, SignIn, Text};

/// Named locations of one value.
const NETWORK_NAMES: usize = 3;

/// What the sign-in was checked with, in words; `not known` where the event does not say, `left out
/// for privacy` where it may not be shown.
/// Written without a copy.
#[derive(Debug, Clone, Copy)]
pub struct ConditionValue<'a> {
    /// `None` for a condition without a name.
    condition: Option<Condition>,
    values: Values<'a>,
}

impl PartialEq for ConditionValue<'_> {
    /// Values are the same that are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Serialize for ConditionValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ConditionValue<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ConditionValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// Where the values come from, and how much of them may be shown.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    pub sign_in: &'a SignIn<'a>,
    pub bounds: Bounds,
}

impl<'a> Values<'a> {
    pub const fn of(self, condition: Option<Condition>) -> ConditionValue<'a> {
        ConditionValue {
            condition,
            values: self,
        }
    }
}

impl fmt::Display for ConditionValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Parts {
            values: self.values,
            any: false,
            any_hidden: false,
            out: f,
        };
        if let Some(condition) = self.condition {
            parts.value_of(condition)?;
        }
        match (parts.any, parts.any_hidden) {
            (true, _) => Ok(()),
            (false, true) => f.write_str(LEFT_OUT),
            (false, false) => f.write_str(NOT_KNOWN),
        }
    }
}

/// Writes what is known, with commas between.
struct Parts<'v, 'f, 'o> {
    values: Values<'v>,
    any: bool,
    /// Whether something is known that may not be shown.
    any_hidden: bool,
    out: &'f mut fmt::Formatter<'o>,
}

impl Parts<'_, '_, '_> {
    fn value_of(&mut self, condition: Condition) -> fmt::Result {
        let sign_in = self.values.sign_in;
        match condition {
            Condition::Application => {
                self.first_text([&sign_in.app_display_name, &sign_in.app_id])?;
                let resource = [&sign_in.resource_display_name, &sign_in.resource_id];
                if let Some(resource) = resource.into_iter().find_map(Option::as_deref) {
                    self.labelled("resource", resource)?;
                }
            }
            Condition::Users => {
                let names = [
                    &sign_in.user_principal_name,
                    &sign_in.user_display_name,
                    &sign_in.user_id,
                ];
                self.first_personal(names)?;
                if self.any {
                    self.text(sign_in.user_type.as_ref())?;
                }
            }
            Condition::DevicePlatform => self.text(sign_in.device.operating_system.as_ref())?,
            Condition::Location => self.place()?,
            Condition::ClientType | Condition::Client => {
                self.text(sign_in.client_app_used.as_ref())?;
            }
            Condition::SignInRisk => {
                self.first_text([&sign_in.risk_level, &sign_in.risk_level_aggregated])?;
            }
            Condition::Time => {
                if let Some(time) = sign_in.event_time {
                    self.str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))?;
                }
            }
            Condition::DeviceState => self.device_state()?,
            Condition::IpAddressSeenByAzureAd => self.personal(sign_in.ip_address.as_ref())?,
            Condition::ServicePrincipals => {
                let names = [
                    &sign_in.service_principal_name,
                    &sign_in.service_principal_id,
                ];
                self.first_text(names)?;
            }
            Condition::AuthenticationFlows => {
                let flow = [
                    &sign_in.original_transfer_method,
                    &sign_in.authentication_protocol,
                ];
                self.first_text(flow)?;
            }
            // The event has no field for these.
            Condition::UserRisk
            | Condition::IpAddressSeenByResourceProvider
            | Condition::ServicePrincipalRisk
            | Condition::InsiderRisk => {}
        }
        Ok(())
    }

    fn str(&mut self, text: &str) -> fmt::Result {
        if !is_said(text) {
            return Ok(());
        }
        if self.any {
            self.out.write_str(", ")?;
        }
        self.any = true;
        self.out.write_str(cut(text, self.values.bounds.text_bytes))
    }

    fn labelled(&mut self, label: &str, text: &str) -> fmt::Result {
        if !is_said(text) {
            return Ok(());
        }
        self.str(label)?;
        self.out.write_char(' ')?;
        self.out.write_str(cut(text, self.values.bounds.text_bytes))
    }

    fn text(&mut self, text: Option<&Text<'_>>) -> fmt::Result {
        self.str(text.map_or("", |text| text))
    }

    fn first_text<const N: usize>(&mut self, texts: [&Option<Text<'_>>; N]) -> fmt::Result {
        let mut said = texts.into_iter().flatten().filter(|text| is_said(text));
        self.text(said.next())
    }

    fn personal<C>(&mut self, value: Option<&Personal<'_, C>>) -> fmt::Result {
        let shown = value.and_then(Personal::shown);
        self.any_hidden |= shown.is_none() && value.is_some_and(|it| is_said(it.compared()));
        self.str(shown.unwrap_or_default())
    }

    fn first_personal<C, const N: usize>(
        &mut self,
        values: [&Option<Personal<'_, C>>; N],
    ) -> fmt::Result {
        for value in values {
            if !self.any {
                self.personal(value.as_ref())?;
            }
        }
        Ok(())
    }

    fn place(&mut self) -> fmt::Result {
        let sign_in = self.values.sign_in;
        let place = &sign_in.location;
        for part in [&place.city, &place.state, &place.country_or_region] {
            self.personal(part.as_ref())?;
        }
        self.personal(sign_in.ip_address.as_ref())?;
        let networks = sign_in.network_locations.iter();
        let names = networks.flat_map(|network| {
            let kind = network.network_type.as_deref();
            let names = network.network_names.iter().filter_map(Personal::shown);
            names.map(move |name| (kind, name))
        });
        // The record lists them whole under `location`.
        for (kind, name) in names.take(NETWORK_NAMES) {
            let kind = match kind {
                Some("trustedNamedLocation") => "trusted named location",
                Some("namedNetwork") | None => "named location",
                Some(other) => other,
            };
            self.labelled(kind, name)?;
        }
        Ok(())
    }

    fn device_state(&mut self) -> fmt::Result {
        let device = &self.values.sign_in.device;
        match device.is_compliant {
            Some(true) => self.str("compliant")?,
            Some(false) => self.str("not compliant")?,
            None => {}
        }
        self.text(device.trust_type.as_ref())
    }
}

/// Some senders write a word for what they do not know.
fn is_said(text: &str) -> bool {
    !text.is_empty() && !text.eq_ignore_ascii_case("unknown")
}
