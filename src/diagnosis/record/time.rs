//! Times of a record.
use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, Timelike, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A time as a record writes it: RFC 3339 in UTC with milliseconds. Its year has four digits,
/// as the format demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// `None` outside the years 0 to 9999.
    pub fn new(time: DateTime<Utc>) -> Option<Time> {
        (0..=9999).contains(&time.year()).then_some(Time(time))
    }

    pub const fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Written digit by digit: the formatter of chrono interprets its format for each time.
    fn digits(self) -> [u8; 24] {
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let (date, time) = (self.0.date_naive(), self.0.time());
        // A leap second is 59 s and more than 1,000 ms.
        let millisecond = (time.nanosecond() / 1_000_000).min(999);
        let parts = [
            (0..4, date.year().unsigned_abs()),
            (5..7, date.month()),
            (8..10, date.day()),
            (11..13, time.hour()),
            (14..16, time.minute()),
            (17..19, time.second()),
            (20..23, millisecond),
        ];
        for (place, mut value) in parts {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        }
        text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits()
            .iter()
            .try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits();
        serializer.serialize_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveDate, SecondsFormat};

    #[test]
    fn a_time_is_rfc_3339_in_utc_with_milliseconds() {
        for millis in [0, 1, 999, 1_700_000_000_123, -1, -62_167_219_200_000] {
            let time = DateTime::from_timestamp_millis(millis).unwrap();
            let expected = time.to_rfc3339_opts(SecondsFormat::Millis, true);
            let time = Time::new(time).unwrap();
            assert_eq!(time.to_string(), expected);
            assert_eq!(
                serde_json::to_string(&time).unwrap(),
                format!("\"{expected}\"")
            );
        }
    }

    #[test]
    fn a_leap_second_stays_a_valid_time() {
        let time = NaiveDate::from_ymd_opt(2016, 12, 31)
            .and_then(|day| day.and_hms_milli_opt(23, 59, 59, 1_500))
            .unwrap();
        assert_eq!(
            Time::new(time.and_utc()).unwrap().to_string(),
            "2016-12-31T23:59:59.999Z"
        );
    }

    #[test]
    fn a_year_that_the_format_cannot_hold_is_no_time() {
        for year in [-1, 10_000] {
            let day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            assert_eq!(Time::new(day.and_hms_opt(0, 0, 0).unwrap().and_utc()), None);
        }
    }
}
