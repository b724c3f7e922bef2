//! The time formats of the sign-in logs.
//!
//! ISO 8601 as the stream and Graph write it, and the US format that some pipelines write
//! since 2022. A missing zone is UTC. No input panics; what is no time is `None`.
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// Reads `2007-01-09T09:41:00.6816663Z` (fraction, `T` or blank, and zone as they come) or
/// `1/9/2007, 9:41:00.221 AM +01:00` (month first; comma, seconds' fraction, AM/PM and zone
/// as they come; 24 hours without AM/PM).
pub fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let mut rest = Rest(text.trim().as_bytes());
    let local = if rest.0.get(4) == Some(&b'-') {
        let date = rest.iso_date()?;
        let time = rest.clock()?;
        date.and_time(time)
    } else {
        let date = rest.us_date()?;
        let time = rest.clock()?;
        rest.half_day(date, time)?
    };
    let offset = rest.offset()?;
    rest.0.is_empty().then_some(())?;
    Some(local.checked_sub_signed(offset)?.and_utc())
}

/// What is still to be read.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    fn iso_date(&mut self) -> Option<NaiveDate> {
        let year = self.number(4, 4)?;
        self.one_of(b"-")?;
        let month = self.number(2, 2)?;
        self.one_of(b"-")?;
        let day = self.number(2, 2)?;
        if self.one_of(b"Tt").is_none() {
            self.blanks().then_some(())?;
        }
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
    }

    fn us_date(&mut self) -> Option<NaiveDate> {
        let month = self.number(1, 2)?;
        self.one_of(b"/")?;
        let day = self.number(1, 2)?;
        self.one_of(b"/")?;
        let year = self.number(4, 4)?;
        self.one_of(b",");
        self.blanks().then_some(())?;
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
    }

    /// `h:mm[:ss[.fraction]]`; digits beyond nanoseconds are dropped.
    fn clock(&mut self) -> Option<NaiveTime> {
        let hour = self.number(1, 2)?;
        self.one_of(b":")?;
        let minute = self.number(2, 2)?;
        let mut second = 0;
        let mut nanosecond = 0;
        if self.one_of(b":").is_some() {
            second = self.number(2, 2)?;
            if self.one_of(b".,").is_some() {
                let mut unit = 1_000_000_000;
                while let Some(digit) = self.one_of(b"0123456789") {
                    unit /= 10;
                    nanosecond += u32::from(digit - b'0') * unit;
                }
            }
        }
        NaiveTime::from_hms_nano_opt(hour, minute, second, nanosecond)
    }

    /// AM or PM, where one follows.
    fn half_day(&mut self, date: NaiveDate, time: NaiveTime) -> Option<NaiveDateTime> {
        let before = self.0;
        self.blanks();
        let Some(letter) = self.one_of(b"AaPp") else {
            self.0 = before;
            return Some(date.and_time(time));
        };
        self.one_of(b"Mm")?;
        let hour = chrono::Timelike::hour(&time);
        if !(1..=12).contains(&hour) {
            return None;
        }
        let afternoon = if letter.eq_ignore_ascii_case(&b'P') {
            12
        } else {
            0
        };
        let time = chrono::Timelike::with_hour(&time, hour % 12 + afternoon)?;
        Some(date.and_time(time))
    }

    /// What the zone adds to UTC; nothing is UTC.
    fn offset(&mut self) -> Option<TimeDelta> {
        self.blanks();
        if self.0.is_empty() || self.one_of(b"Zz").is_some() {
            return Some(TimeDelta::zero());
        }
        let west = self.one_of(b"+-")? == b'-';
        let hours = self.number(2, 2)?;
        let colon = self.one_of(b":").is_some();
        let minutes = if colon || !self.0.is_empty() {
            self.number(2, 2)?
        } else {
            0
        };
        (hours < 24 && minutes < 60).then_some(())?;
        let minutes = i64::from(hours * 60 + minutes);
        TimeDelta::try_minutes(if west { -minutes } else { minutes })
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self
            .0
            .iter()
            .take(most)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(
            number
                .iter()
                .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
        )
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        bytes.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    /// Skips blanks, also the narrow no-break space that newer formatters put before AM/PM;
    /// whether there was one.
    fn blanks(&mut self) -> bool {
        let before = self.0.len();
        loop {
            if let [b' ' | b'\t', rest @ ..]
            | [0xC2, 0xA0, rest @ ..]
            | [0xE2, 0x80, 0xAF, rest @ ..] = self.0
            {
                self.0 = rest;
            } else {
                return self.0.len() < before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_time;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        parse_time(text).map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true))
    }

    #[test]
    fn every_format_of_the_logs_is_read() {
        for (text, utc) in [
            (
                "2007-01-09T09:41:00.6816663Z",
                "2007-01-09T09:41:00.681666300Z",
            ),
            ("2007-01-09T09:41:00Z", "2007-01-09T09:41:00.000000000Z"),
            ("2007-01-09T09:41:00.6Z", "2007-01-09T09:41:00.600000000Z"),
            ("2007-01-09T09:41:00.68Z", "2007-01-09T09:41:00.680000000Z"),
            ("2007-01-09T09:41:00.681Z", "2007-01-09T09:41:00.681000000Z"),
            (
                "2007-01-09T09:41:00.681666Z",
                "2007-01-09T09:41:00.681666000Z",
            ),
            (
                "2007-01-09T09:41:00.681666312Z",
                "2007-01-09T09:41:00.681666312Z",
            ),
            (
                "2007-01-09T09:41:00.68166631299Z",
                "2007-01-09T09:41:00.681666312Z",
            ),
            ("2007-01-09T09:41:00.Z", "2007-01-09T09:41:00.000000000Z"),
            ("2007-01-09T09:41Z", "2007-01-09T09:41:00.000000000Z"),
            (
                "2007-01-09T09:41:00.6816663",
                "2007-01-09T09:41:00.681666300Z",
            ),
            ("2007-01-09 09:41:00.681", "2007-01-09T09:41:00.681000000Z"),
            (
                "2007-01-09T09:41:00.6816663+02:00",
                "2007-01-09T07:41:00.681666300Z",
            ),
            (
                "2007-01-09T09:41:00-05:00",
                "2007-01-09T14:41:00.000000000Z",
            ),
            ("2007-01-09T09:41:00+0530", "2007-01-09T04:11:00.000000000Z"),
            ("2007-01-09T09:41:00+02", "2007-01-09T07:41:00.000000000Z"),
            ("2007-01-09t09:41:00z", "2007-01-09T09:41:00.000000000Z"),
            ("01/09/2007 09:41:00", "2007-01-09T09:41:00.000000000Z"),
            ("1/9/2007 9:41:00 AM", "2007-01-09T09:41:00.000000000Z"),
            (
                "1/9/2007 10:41:00 AM +01:00",
                "2007-01-09T09:41:00.000000000Z",
            ),
            ("12/12/2025 3:03:58 PM", "2025-12-12T15:03:58.000000000Z"),
            (
                "4/28/2021, 2:08:45.221 PM",
                "2021-04-28T14:08:45.221000000Z",
            ),
            ("12/31/2024 12:00:00 AM", "2024-12-31T00:00:00.000000000Z"),
            ("12/31/2024 12:00:00 PM", "2024-12-31T12:00:00.000000000Z"),
            (
                "12/31/2024 23:59:59 -01:00",
                "2025-01-01T00:59:59.000000000Z",
            ),
            ("3/24/2022 2:42 pm", "2022-03-24T14:42:00.000000000Z"),
            (
                "3/24/2022 2:42:35\u{202f}PM",
                "2022-03-24T14:42:35.000000000Z",
            ),
            ("3/24/2022 2:42:35 PM Z", "2022-03-24T14:42:35.000000000Z"),
            (" 2007-01-09T09:41:00Z ", "2007-01-09T09:41:00.000000000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(utc), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            " ",
            "yesterday",
            "2007-01-09",
            "1/9/2007",
            "2007-13-09T09:41:00Z",
            "2007-02-30T09:41:00Z",
            "2007-01-09T24:41:00Z",
            "2007-01-09T09:60:00Z",
            "2007-01-09T09:41:60Z",
            "99999-01-09T09:41:00Z",
            "1/9/99999 9:41:00 AM",
            "13/9/2007 9:41:00 AM",
            "1/9/2007 13:41:00 PM",
            "1/9/2007 0:41:00 PM",
            "1/9/2007 9:41:00 XM",
            "2007-01-09T09:41:00+24:00",
            "2007-01-09T09:41:00+02:00:00",
            "2007-01-09T09:41:00Zz",
            "2007-01-09T09:41:00é",
            "２００７-01-09T09:41:00Z",
            "1168335660",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_overflow() {
        assert!(parse_time("0000-01-01T00:00:00+23:59").is_some());
        assert!(parse_time("9999-12-31T23:59:59.999999999-23:59").is_some());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", digits in "[0-9TZ:/ ,.+\\-APM]{0,40}") {
            parse_time(&text);
            parse_time(&digits);
        }
    }
}
