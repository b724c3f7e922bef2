//! When to stop instead of writing more dead letters: a bad release, or a log format that nobody
//! foresaw, must not turn the whole stream into dead letters while nobody looks.
use std::fmt;

use crate::config;

/// Records of a block, over which the ratio is taken.
pub const WINDOW: usize = 1000;

/// Counts one worker's records, each when it is read for the first time.
#[derive(Debug)]
pub struct DeadLetterLimit {
    max_of_window: Option<usize>,
    max_consecutive: Option<usize>,
    records: usize,
    of_window: usize,
    consecutive: usize,
}

/// The limit that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    Ratio { records: usize },
    Consecutive { records: usize },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Breach::Ratio { records } => write!(
                f,
                "{records} of {WINDOW} records cannot be read: more than dead_letter.max_ratio"
            ),
            Breach::Consecutive { records } => write!(
                f,
                "{records} records in a row cannot be read: more than \
                 dead_letter.max_consecutive"
            ),
        }
    }
}

impl DeadLetterLimit {
    pub fn new(settings: &config::DeadLetter) -> DeadLetterLimit {
        // A ratio is from 0 to 1.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let of_window = |ratio: f64| (ratio * WINDOW as f64) as usize;
        DeadLetterLimit {
            max_of_window: settings.max_ratio.map(of_window),
            max_consecutive: settings.max_consecutive,
            records: 0,
            of_window: 0,
            consecutive: 0,
        }
    }

    /// Takes one record into account.
    pub fn observe(&mut self, is_dead: bool) -> Option<Breach> {
        if self.records == WINDOW {
            self.records = 0;
            self.of_window = 0;
        }
        self.records += 1;
        if !is_dead {
            self.consecutive = 0;
            return None;
        }
        self.of_window += 1;
        self.consecutive += 1;
        if self
            .max_consecutive
            .is_some_and(|max| self.consecutive > max)
        {
            let records = self.consecutive;
            return Some(Breach::Consecutive { records });
        }
        if self.max_of_window.is_some_and(|max| self.of_window > max) {
            let records = self.of_window;
            return Some(Breach::Ratio { records });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(max_ratio: Option<f64>, max_consecutive: Option<usize>) -> DeadLetterLimit {
        DeadLetterLimit::new(&config::DeadLetter {
            topic: "dead".to_owned(),
            max_ratio,
            max_consecutive,
        })
    }

    fn first_breach(
        limit: &mut DeadLetterLimit,
        mut dead: impl Iterator<Item = bool>,
    ) -> Option<Breach> {
        dead.find_map(|is_dead| limit.observe(is_dead))
    }

    #[test]
    fn a_run_of_dead_letters_ends_with_a_record_that_can_be_read() {
        let mut limit = limit(None, Some(3));
        let fine = [true, true, true, false].into_iter().cycle().take(4_000);
        assert_eq!(first_breach(&mut limit, fine), None);
        let breach = first_breach(&mut limit, std::iter::repeat(true));
        assert_eq!(breach, Some(Breach::Consecutive { records: 4 }));
    }

    #[test]
    fn the_ratio_is_taken_of_each_block_for_itself() {
        let mut limit = limit(Some(0.25), None);
        let fine = (0..2 * WINDOW).map(|n| n % 4 == 0);
        assert_eq!(first_breach(&mut limit, fine), None);
        let block = (0..WINDOW).map(|n| n < 250);
        assert_eq!(first_breach(&mut limit, block), None);
        let breach = first_breach(&mut limit, std::iter::repeat(true));
        assert_eq!(breach, Some(Breach::Ratio { records: 251 }));
    }

    #[test]
    fn without_limits_everything_may_be_dead() {
        let all = std::iter::repeat_n(true, 10_000);
        assert_eq!(first_breach(&mut limit(None, None), all), None);
    }
}
