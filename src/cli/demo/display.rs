//! The lines of a demo without a full screen: at most 80 columns, no colours, nothing that moves
//! a cursor.
use std::fmt::Write as _;
use std::time::Duration;

use super::pace::{Pace, Second};
use crate::cli::card::Inert;

const COLUMNS: usize = 80;

/// Where an assessment stands: under the figures, not under the time.
const INDENT: usize = 10;

/// Lines after which the names of the columns are repeated, so that a screen of 24 has them.
const HEADING_EVERY: u32 = 15;

pub const HEADING: &str =
    "    time    rec/s    lag   diagnosed  updates  repeats  skipped   dead  CA block";

#[derive(Default)]
pub struct Display {
    lines: u32,
}

impl Display {
    /// The line of a second, and what belongs above and below it.
    pub fn second(&mut self, second: &Second<'_>, pace: Pace, last: Option<&str>) -> String {
        let mut text = String::new();
        if self.lines.is_multiple_of(HEADING_EVERY) {
            text.push_str(HEADING);
            text.push('\n');
        }
        self.lines += 1;
        let figures = second.figures;
        let share = pace.share.map_or_else(|| "-".to_owned(), percent);
        // A text cannot fail to grow.
        let _ = writeln!(
            text,
            "{:>8}  {:>7}  {:>5}  {:>10}  {:>7}  {:>7}  {:>7}  {:>5}  {share:>8}",
            clock(second.elapsed),
            format!("{:.0}", pace.rate),
            second.lag,
            grouped(figures.diagnoses),
            figures.updates,
            figures.repeats,
            figures.skipped,
            figures.dead_letters,
        );
        if let Some(last) = last {
            for line in two_lines(last, COLUMNS - INDENT) {
                let _ = writeln!(text, "{:INDENT$}{line}", "");
            }
        }
        if let Some(spike) = pace.spike {
            let _ = writeln!(text, "*** {} ***", spike_words(spike));
        }
        text
    }
}

/// Shares before and after in a sentence without an end.
pub fn spike_words((from, to): (f64, f64)) -> String {
    let (from, to) = (percent(from), percent(to));
    format!("Conditional Access blocks {from} -> {to} of sign-ins")
}

pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `m:ss`, or `h:mm:ss`.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// With a comma between thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text of an event, inert, on at most two lines of so many columns.
pub fn two_lines(text: &str, columns: usize) -> Vec<String> {
    let text = Inert(text).to_string();
    let end = text.char_indices().nth(columns).map(|(end, _)| end);
    match end.and_then(|end| text[..end].rfind(' ')) {
        Some(blank) => vec![
            text[..blank].to_owned(),
            cut(text[blank..].trim_start(), columns),
        ],
        None => vec![cut(&text, columns)],
    }
}

/// At most so many columns of the text.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::figures::Figures;
    use crate::diagnosis::Scenario;

    fn figures(diagnoses: u64, blocks: u64) -> Figures {
        let scenario = Scenario::BlockedByConditionalAccess.as_str().to_owned();
        Figures {
            records: diagnoses,
            diagnoses,
            scenarios: [(scenario, blocks)].into(),
            ..Figures::default()
        }
    }

    fn lines(display: &mut Display, second: u64, figures: &Figures, last: Option<&str>) -> String {
        let second = Second {
            elapsed: Duration::from_secs(second),
            lag: 1_234,
            figures,
        };
        let pace = Pace {
            rate: 99_999.0,
            share: Some(0.15),
            spike: None,
        };
        display.second(&second, pace, last)
    }

    #[test]
    fn lines_stay_within_the_columns_and_stand_under_their_heading() {
        let large = Figures {
            updates: 99_999,
            repeats: 99_999,
            skipped: 999_999,
            dead_letters: 9_999,
            ..figures(99_999_999, 99_999)
        };
        let last = "A long story. ".repeat(20);
        let mut display = Display::default();
        for second in 1..40 {
            let text = lines(&mut display, 3_600 * second, &large, Some(&last));
            for line in text.lines() {
                assert!(line.chars().count() <= COLUMNS, "{line}");
            }
        }
        assert_eq!(HEADING.len(), COLUMNS);
    }

    #[test]
    fn the_text_of_an_event_moves_no_cursor() {
        let last = "Mallory \u{1b}[2J\r\nsigned in";
        let text = lines(&mut Display::default(), 1, &figures(1, 0), Some(last));
        assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn a_spike_stands_out() {
        let figures = figures(1, 0);
        let pace = Pace {
            spike: Some((0.01, 0.15)),
            ..Pace::default()
        };
        let second = Second {
            elapsed: Duration::from_secs(1),
            lag: 0,
            figures: &figures,
        };
        let text = Display::default().second(&second, pace, None);
        assert!(
            text.ends_with("\n*** Conditional Access blocks 1.0 % -> 15.0 % of sign-ins ***\n"),
            "{text}"
        );
    }

    #[test]
    fn numbers_and_times_read_well() {
        let counts = [0, 7, 999, 1_000, 123_456, 1_234_567].map(grouped);
        assert_eq!(counts, ["0", "7", "999", "1,000", "123,456", "1,234,567"]);
        let times = [5, 65, 3_725].map(|s| clock(Duration::from_secs(s)));
        assert_eq!(times, ["0:05", "1:05", "1:02:05"]);
        assert_eq!(two_lines("short", 10), ["short"]);
        assert_eq!(two_lines("of ten col", 10), ["of ten col"]);
        assert_eq!(two_lines("of two lines", 10), ["of two", "lines"]);
        assert_eq!(
            two_lines("a text of three lines", 10),
            ["a text of", "three l..."]
        );
        assert_eq!(two_lines("indivisible", 10), ["indivis..."]);
        assert_eq!(two_lines("äöü äöü äöü äöü", 10), ["äöü äöü", "äöü äöü"]);
    }
}
