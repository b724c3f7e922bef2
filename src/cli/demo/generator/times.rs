//! The ways in which the log writes a time.
use std::fmt;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

/// `2026-01-31T09:05:07.1230000Z`.
pub struct Iso(pub DateTime<Utc>);

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(self.0, f)?;
        f.write_str("Z")
    }
}

/// `2026-01-31T09:05:07.1230000+00:00`.
pub struct WithOffset(pub DateTime<Utc>);

impl fmt::Display for WithOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(self.0, f)?;
        f.write_str("+00:00")
    }
}

fn digits(time: DateTime<Utc>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.nanosecond() % 1_000_000_000 / 100
    )
}

/// `1/31/2026 9:05:07 AM`, as some records have it since late 2025.
pub struct UsFormat(pub DateTime<Utc>);

impl fmt::Display for UsFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (afternoon, hour) = self.0.hour12();
        write!(
            f,
            "{}/{}/{} {hour}:{:02}:{:02} {}",
            self.0.month(),
            self.0.day(),
            self.0.year(),
            self.0.minute(),
            self.0.second(),
            if afternoon { "PM" } else { "AM" }
        )
    }
}
