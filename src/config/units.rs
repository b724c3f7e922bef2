//! Durations and sizes as people write them.
use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `"250ms"`, `"1s"`, `"1.5m"`, `"1h"`; a number without a unit is refused.
pub fn duration(text: &str) -> Option<Duration> {
    amount(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// `"16MiB"`, `"1MB"`, `"4096"` (bytes).
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    amount(text, &SIZE_UNITS)
}

/// The number before the unit, times the unit, exactly: a fraction that leaves a rest is refused.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, factor) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut total = whole.checked_mul(*factor)?;
    if !fraction.is_empty() {
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let part = fraction.parse::<u64>().ok()?.checked_mul(*factor)?;
        if part % scale != 0 {
            return None;
        }
        total = total.checked_add(part / scale)?;
    }
    Some(total)
}

/// A duration as a person would write it, for messages.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    DURATION_UNITS
        .iter()
        .rev()
        .find(|(_, factor)| millis > 0 && millis.is_multiple_of(u128::from(*factor)))
        .map_or_else(
            || format!("{millis}ms"),
            |(unit, factor)| format!("{}{unit}", millis / u128::from(*factor)),
        )
}

/// A size as a person would write it, for messages.
pub(super) fn show_size(bytes: u64) -> String {
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1_u64 << 10)]
        .iter()
        .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor))
        .map_or_else(
            || bytes.to_string(),
            |(unit, factor)| format!("{}{unit}", bytes / factor),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        for (text, millis) in [
            ("250ms", Some(250)),
            ("1s", Some(1_000)),
            (" 1.5 s ", Some(1_500)),
            ("5m", Some(300_000)),
            ("2H", Some(7_200_000)),
            ("0s", Some(0)),
            ("10", None),
            ("", None),
            ("s", None),
            ("1.s", None),
            (".5s", None),
            ("0.0001s", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("1.99999999999999999999999999s", None),
        ] {
            assert_eq!(
                duration(text),
                millis.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }

    #[test]
    fn sizes_are_read_in_both_bases() {
        for (text, bytes) in [
            ("16MiB", Some(16 << 20)),
            ("1MB", Some(1_000_000)),
            ("1 mib", Some(1 << 20)),
            ("0.5KiB", Some(512)),
            ("4096", Some(4096)),
            ("12B", Some(12)),
            ("1.5B", None),
            ("MiB", None),
            ("", None),
            ("1TB", None),
            ("99999999999999999999", None),
            ("18446744073709551615GiB", None),
        ] {
            assert_eq!(size(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn amounts_are_shown_in_their_largest_whole_unit() {
        for (millis, text) in [
            (0, "0ms"),
            (250, "250ms"),
            (1_500, "1500ms"),
            (3_600_000, "1h"),
        ] {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        for (bytes, text) in [(0, "0"), (1_000, "1000"), (2048, "2KiB"), (1 << 30, "1GiB")] {
            assert_eq!(show_size(bytes), text);
        }
    }
}
