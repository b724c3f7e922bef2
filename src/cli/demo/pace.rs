//! How a demo goes: rate, share of blocks, and the moment when blocks become a spike.
use std::collections::VecDeque;
use std::time::Duration;

use super::figures::Figures;

/// Seconds over which the share of blocks is measured.
const WINDOW: usize = 5;

/// What is known at the end of a second.
pub struct Second<'a> {
    pub elapsed: Duration,
    /// Records sent and not settled.
    pub lag: u64,
    pub figures: &'a Figures,
}

/// What follows from it and the seconds before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pace {
    /// Records a second.
    pub rate: f64,
    /// Of blocks among the latest diagnoses, 0 to 1.
    pub share: Option<f64>,
    /// The share before blocks became several times as frequent, and after; given once.
    pub spike: Option<(f64, f64)>,
}

#[derive(Default)]
pub struct Past {
    /// Diagnoses and blocks up to each of the latest seconds.
    seconds: VecDeque<(u64, u64)>,
    records: u64,
    elapsed: Duration,
    spike: Spike,
}

#[derive(Default)]
enum Spike {
    #[default]
    None,
    /// It has begun, from this share; it is told when a whole window lies in it.
    Begun {
        from: f64,
        seconds: usize,
    },
    Told,
}

impl Past {
    pub fn add(&mut self, second: &Second<'_>) -> Pace {
        let figures = second.figures;
        let seconds = second.elapsed.saturating_sub(self.elapsed).as_secs_f64();
        let rate = as_f64(figures.records - self.records) / seconds.max(0.001);
        self.records = figures.records;
        self.elapsed = second.elapsed;
        let share = self.window(figures);
        let spike = self.spike(figures, share);
        Pace { rate, share, spike }
    }

    /// The share of blocks among the diagnoses of the window.
    fn window(&mut self, figures: &Figures) -> Option<f64> {
        self.seconds
            .push_back((figures.diagnoses, figures.blocks()));
        if self.seconds.len() > WINDOW + 1 {
            self.seconds.pop_front();
        }
        let (diagnoses, blocks) = *self.seconds.front()?;
        share(figures.blocks() - blocks, figures.diagnoses - diagnoses)
    }

    fn spike(&mut self, figures: &Figures, window: Option<f64>) -> Option<(f64, f64)> {
        let now = window?;
        match &mut self.spike {
            Spike::None => {
                let (diagnoses, blocks) = *self.seconds.front()?;
                let before = share(blocks, diagnoses)?;
                let enough = diagnoses >= 500 && figures.diagnoses - diagnoses >= 100;
                if enough && now >= 0.03 && now >= 3.0 * before {
                    self.spike = Spike::Begun {
                        from: before,
                        seconds: 0,
                    };
                }
                None
            }
            Spike::Begun { from, seconds } => {
                *seconds += 1;
                if *seconds < WINDOW {
                    return None;
                }
                let from = *from;
                self.spike = Spike::Told;
                Some((from, now))
            }
            Spike::Told => None,
        }
    }
}

/// `None` of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| as_f64(part) / as_f64(whole))
}

/// Exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Scenario;

    #[test]
    fn a_spike_is_told_once_with_its_shares() {
        let mut past = Past::default();
        let mut told = Vec::new();
        let (mut diagnoses, mut blocks) = (0, 0);
        for second in 1..=40 {
            diagnoses += 400;
            blocks += if second > 20 { 60 } else { 4 };
            let scenario = Scenario::BlockedByConditionalAccess.as_str().to_owned();
            let figures = Figures {
                records: diagnoses,
                diagnoses,
                scenarios: [(scenario, blocks)].into(),
                ..Figures::default()
            };
            let pace = past.add(&Second {
                elapsed: Duration::from_secs(second),
                lag: 0,
                figures: &figures,
            });
            assert!((pace.rate - 400.0).abs() < 0.001, "{pace:?}");
            told.extend(pace.spike);
        }
        assert_eq!(told, [(0.01, 0.15)]);
    }
}
