//! Times as a person gives them.
use chrono::{
    DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};

/// Why a time is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    #[error(
        "is not a time; write 2026-03-02T08:00:00Z, \"2026-03-02 08:00\", 2026-03-02, 08:00, or \
         how long ago: 30m, 2h, 3d, 1w"
    )]
    Unknown,
    #[error(
        "is an hour that the clock skipped that day; write it with its offset: …T02:30:00+01:00"
    )]
    Skipped,
}

/// An amount of time: `90s`, `30m`, `2h`, `3d`, `1w`.
pub fn span(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?.parse::<u32>().ok()?;
    let seconds = match unit.to_ascii_lowercase() {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    TimeDelta::try_seconds(i64::from(number) * seconds)
}

/// A time of RFC 3339, a date and a time or a date of `zone`, a time of today, `now`, or a span
/// before `now`. Of an hour that the clock repeats, the first.
pub fn moment<Z: TimeZone>(
    text: &str,
    now: DateTime<Utc>,
    zone: &Z,
) -> Result<DateTime<Utc>, TimeFault> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    if let Some(span) = span(text) {
        return now.checked_sub_signed(span).ok_or(TimeFault::Unknown);
    }
    let today = now.with_timezone(zone).date_naive();
    let time = local(text, today).ok_or(TimeFault::Unknown)?;
    match zone.from_local_datetime(&time) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Ok(time.to_utc()),
        LocalResult::None => Err(TimeFault::Skipped),
    }
}

fn local(text: &str, today: NaiveDate) -> Option<NaiveDateTime> {
    let time = |text: &str| {
        let formats = ["%H:%M", "%H:%M:%S"];
        formats
            .iter()
            .find_map(|format| NaiveTime::parse_from_str(text, format).ok())
    };
    let date = |text: &str| match text {
        "today" => Some(today),
        "yesterday" => today.checked_sub_days(Days::new(1)),
        text => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok(),
    };
    match text.split_once([' ', 'T']) {
        Some((day, hour)) => Some(date(day)?.and_time(time(hour.trim_start())?)),
        None => match date(text) {
            Some(day) => Some(day.and_time(NaiveTime::MIN)),
            None => Some(today.and_time(time(text)?)),
        },
    }
}

/// A time to the second, in UTC, as people write it.
pub fn words(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::FixedOffset;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = at("2026-03-02T23:30:00Z");
        let oslo = FixedOffset::east_opt(3_600).unwrap();
        for (text, expected) in [
            ("2026-03-02T08:00:00+02:00", "2026-03-02T06:00:00Z"),
            ("2026-03-02 08:00", "2026-03-02T07:00:00Z"),
            ("2026-03-02T08:00:30", "2026-03-02T07:00:30Z"),
            ("2026-03-01", "2026-02-28T23:00:00Z"),
            // In Oslo it is the third already.
            ("08:00", "2026-03-03T07:00:00Z"),
            ("today", "2026-03-02T23:00:00Z"),
            ("yesterday 12:00", "2026-03-02T11:00:00Z"),
            ("2h", "2026-03-02T21:30:00Z"),
            ("3d", "2026-02-27T23:30:00Z"),
            ("1W", "2026-02-23T23:30:00Z"),
            (" now ", "2026-03-02T23:30:00Z"),
        ] {
            assert_eq!(moment(text, now, &oslo), Ok(at(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let now = at("2026-03-02T12:00:00Z");
        for text in [
            "",
            "h",
            "-2h",
            "2 fortnights",
            "2026-02-30",
            "25:00",
            "2026-03-02 8",
            "4294967295w",
            "é",
            "2é",
        ] {
            assert_eq!(moment(text, now, &Utc), Err(TimeFault::Unknown), "{text}");
        }
    }
}
