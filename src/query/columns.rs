//! The columns of the authentication summary list, and the order of its lines.
use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::DateTime;

use super::filter::SHORT_ID;
use super::glance::Glance;
use super::record::Diagnosis;
use super::time;

macro_rules! columns {
    ($($variant:ident $name:literal $title:literal $about:literal,)*) => {
        /// One column: a value of a diagnosis.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Column {
            $($variant,)*
        }

        impl Column {
            pub const ALL: [Column; [$($name),*].len()] = [$(Column::$variant),*];

            /// As a person chooses it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Column::$variant => $name,)*
                }
            }

            /// The heading.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Column::$variant => $title,)*
                }
            }

            pub const fn about(self) -> &'static str {
                match self {
                    $(Column::$variant => $about,)*
                }
            }
        }
    };
}

columns! {
    Id "id" "Id" "the first characters of the diagnosis id, for `review`",
    Time "time" "Time (UTC)" "when the sign-in happened",
    User "user" "User" "user principal name, else the id; or the service principal",
    Application "app" "Application" "the application's name, else its id",
    Scenario "scenario" "Scenario" "what the diagnosis names",
    Outcome "outcome" "Outcome" "succeeded, interrupted, blocked, failed, expired, unavailable or unknown",
    Code "code" "Code" "the error code; 0 is success",
    ConditionalAccess "ca" "Conditional Access" "success, failure, not_applied or unknown",
    Policies "policies" "Policies" "the policies that decided, else those enforced",
    Ip "ip" "IP address" "where the sign-in came from",
    Place "place" "Place" "city and country",
    Device "device" "Device" "name, operating system and browser",
    Name "name" "Name" "the user's display name",
    UserId "user-id" "User id" "the user's id",
    Resource "resource" "Resource" "what the application asked a token for",
    Client "client" "Client" "the client app, such as Browser or IMAP4",
    Country "country" "Country" "the two letters of the country",
    Aspects "aspects" "Aspects" "what the context adds to the scenario",
    Category "category" "Category" "the log category",
    Mfa "mfa" "MFA" "how the second factor ended",
    Assessment "assessment" "Assessment" "what happened, in sentences",
    RequestId "request-id" "Request id" "the sign-in's id in Entra",
    CorrelationId "correlation-id" "Correlation id" "shared by the sign-ins of one flow",
    DiagnosisId "diagnosis-id" "Diagnosis id" "the whole id",
}

/// What a list shows unless told otherwise, the most important first.
pub const DEFAULT: [Column; 12] = [
    Column::Id,
    Column::Time,
    Column::User,
    Column::Application,
    Column::Scenario,
    Column::Outcome,
    Column::Code,
    Column::ConditionalAccess,
    Column::Policies,
    Column::Ip,
    Column::Place,
    Column::Device,
];

/// A column that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {name:?}; the columns are {}", names())]
pub struct UnknownColumn {
    name: String,
}

fn names() -> String {
    Column::ALL.map(Column::name).join(", ")
}

impl Column {
    /// # Errors
    ///
    /// No column has that name.
    pub fn from_name(name: &str) -> Result<Column, UnknownColumn> {
        let name = name.trim();
        let is = |column: &Column| {
            column.name().eq_ignore_ascii_case(name) || column.name().replace('-', "_") == name
        };
        let unknown = || UnknownColumn {
            name: name.to_owned(),
        };
        Column::ALL.into_iter().find(is).ok_or_else(unknown)
    }

    /// The value; empty where the record has none.
    pub fn of(self, diagnosis: &Diagnosis) -> Cow<'_, str> {
        let user = diagnosis.user.as_ref();
        let client = diagnosis.client.as_ref();
        let location = diagnosis.location.as_ref();
        let named = |one: &Option<super::record::Named>| -> Option<String> {
            Some(one.as_ref()?.shown()?.to_owned())
        };
        let text: Option<&str> = match self {
            Column::Id => diagnosis
                .diagnosis_id
                .get(..SHORT_ID)
                .or(Some(&diagnosis.diagnosis_id)),
            Column::Time => {
                return match diagnosis
                    .event_time
                    .as_deref()
                    .map(DateTime::parse_from_rfc3339)
                {
                    Some(Ok(time)) => time::words(time.to_utc()).into(),
                    _ => diagnosis.event_time.as_deref().unwrap_or_default().into(),
                };
            }
            Column::User => {
                let principal = || diagnosis.service_principal.as_ref()?.shown();
                user.and_then(|user| user.principal_name.as_deref().or(user.id.as_deref()))
                    .or_else(principal)
            }
            Column::Application => return named(&diagnosis.application).unwrap_or_default().into(),
            Column::Resource => return named(&diagnosis.resource).unwrap_or_default().into(),
            Column::Scenario => Some(&diagnosis.scenario),
            Column::Outcome => Some(&diagnosis.outcome),
            Column::Code => {
                let code = diagnosis.error.as_ref().map(|error| error.code.to_string());
                return code.unwrap_or_default().into();
            }
            Column::ConditionalAccess => diagnosis
                .conditional_access
                .as_ref()
                .and_then(|access| access.status.as_deref()),
            Column::Policies => return policies(diagnosis).into(),
            Column::Ip => client.and_then(|client| client.ip_address.as_deref()),
            Column::Place => {
                let parts = location.map(|place| [place.city.as_deref(), place.country.as_deref()]);
                return joined(parts.into_iter().flatten()).into();
            }
            Column::Device => {
                let parts = diagnosis.device.as_ref().map(|device| {
                    [&device.name, &device.operating_system, &device.browser]
                        .map(|part| part.as_deref())
                });
                return joined(parts.into_iter().flatten()).into();
            }
            Column::Name => user.and_then(|user| user.display_name.as_deref()),
            Column::UserId => user.and_then(|user| user.id.as_deref()),
            Column::Client => client.and_then(|client| client.app.as_deref()),
            Column::Country => location.and_then(|place| place.country.as_deref()),
            Column::Aspects => return diagnosis.aspects.join(", ").into(),
            Column::Category => Some(&diagnosis.category),
            Column::Mfa => {
                let authentication = diagnosis.authentication.as_ref();
                authentication.and_then(|own| own.second_factor.as_deref())
            }
            Column::Assessment => Some(&diagnosis.assessment),
            Column::RequestId => diagnosis.sign_in_id.as_deref(),
            Column::CorrelationId => diagnosis.correlation_id.as_deref(),
            Column::DiagnosisId => Some(&diagnosis.diagnosis_id),
        };
        text.unwrap_or_default().into()
    }
}

/// Some senders write "Unknown" for what they do not know.
fn joined<'a>(parts: impl Iterator<Item = Option<&'a str>>) -> String {
    let known = parts
        .flatten()
        .filter(|part| !part.eq_ignore_ascii_case("unknown"));
    known.collect::<Vec<_>>().join(", ")
}

fn policies(diagnosis: &Diagnosis) -> String {
    let Some(access) = &diagnosis.conditional_access else {
        return String::new();
    };
    let deciding = access.policies.iter().any(|policy| policy.deciding);
    let shown = access.policies.iter().filter(|policy| {
        policy.deciding || (!deciding && matches!(&*policy.result, "success" | "failure"))
    });
    shown
        .map(super::record::Policy::shown)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What the lines are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub column: Column,
    pub descending: bool,
}

impl Default for Order {
    /// Newest first.
    fn default() -> Order {
        Order {
            column: Column::Time,
            descending: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    Number(i64),
    Text(String),
    /// Stands last in either direction.
    Missing,
}

impl Order {
    /// A column by name; `-` in front turns the order round.
    ///
    /// # Errors
    ///
    /// No column has that name.
    pub fn from_name(name: &str) -> Result<Order, UnknownColumn> {
        let (name, descending) = match name.trim().strip_prefix('-') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let column = Column::from_name(name)?;
        Ok(Order { column, descending })
    }

    /// `None` where the record cannot be read whole.
    pub fn key(self, glance: &Glance<'_>, record: &[u8]) -> Option<SortKey> {
        let number = match self.column {
            Column::Time => glance.time().map(|time| time.timestamp_millis()),
            Column::Code => glance.error.as_ref().map(|error| error.code),
            column => {
                let diagnosis = Diagnosis::parse(record).ok()?;
                let text = column.of(&diagnosis);
                return Some(if text.is_empty() {
                    SortKey::Missing
                } else {
                    SortKey::Text(text.to_lowercase())
                });
            }
        };
        Some(number.map_or(SortKey::Missing, SortKey::Number))
    }

    pub fn compare(self, one: &SortKey, other: &SortKey) -> Ordering {
        let missing = |key: &SortKey| *key == SortKey::Missing;
        let ends = missing(one).cmp(&missing(other));
        let order = one.cmp(other);
        ends.then(if self.descending {
            order.reverse()
        } else {
            order
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        for column in Column::ALL {
            assert_eq!(Column::from_name(column.name()), Ok(column));
        }
        assert!(Column::from_name(" Request_ID ").is_err());
        assert_eq!(Column::from_name("request_id"), Ok(Column::RequestId));
        let error = Column::from_name("colour").unwrap_err().to_string();
        assert!(
            error.contains("no column \"colour\"") && error.contains("policies"),
            "{error}"
        );
    }

    #[test]
    fn what_is_missing_stands_last_in_either_direction() {
        let mut keys = [SortKey::Missing, SortKey::Number(1), SortKey::Number(3)];
        for (name, expected) in [("code", 1), ("-code", 3)] {
            let order = Order::from_name(name).unwrap();
            keys.sort_by(|one, other| order.compare(one, other));
            assert_eq!(keys[0], SortKey::Number(expected));
            assert_eq!(keys[2], SortKey::Missing);
        }
    }

    #[test]
    fn the_columns_say_what_the_record_says() {
        let record = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/golden/blocked_by_conditional_access.json"
        ));
        let diagnosis = Diagnosis::parse(&record.unwrap()).unwrap();
        for (column, expected) in [
            (Column::Id, "3987a7dc"),
            (Column::Time, "2026-03-02 08:14:55Z"),
            (Column::User, "nadia.okafor@fabrikam.example"),
            (Column::Application, "Freight Portal"),
            (Column::Code, "53003"),
            (Column::ConditionalAccess, "failure"),
            (Column::Policies, "Block outside the depots"),
            (Column::Place, "Tromsø, NO"),
            (Column::Device, "Windows 11, Edge 131"),
            (Column::Mfa, ""),
        ] {
            assert_eq!(column.of(&diagnosis), expected, "{column:?}");
        }
    }
}
