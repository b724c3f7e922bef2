//! Prints the rounds as they come, and their medians at the end.
use std::fmt;

use crate::corpus::Corpus;
use crate::subject::Round;

/// A heading, its digits, what it is multiplied with, and where it is found.
type Figure = (&'static str, usize, f64, fn(&Round) -> f64);

/// What several measurements come to.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        Spread {
            median: values[values.len() / 2],
            least: values[0],
            most: values[values.len() - 1],
        }
    }
}

/// The median, and the range in brackets.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Spread {
            median,
            least,
            most,
        } = self;
        write!(f, "{median:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}

pub struct Table {
    subjects: Vec<(String, Vec<Round>)>,
    records: f64,
    bytes: f64,
    width: usize,
}

impl Table {
    pub fn new<'n>(names: impl Iterator<Item = &'n str>, corpus: &Corpus) -> Table {
        let subjects: Vec<_> = names.map(|name| (name.to_owned(), Vec::new())).collect();
        let width = subjects.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or(0);
        println!(
            "{:<width$} {:>10} {:>6} {:>12} {:>14} {:>14} {:>8}",
            "", "records/s", "MB/s", "CPU s/100k", "(user+system)", "records/CPU s", "peak MB"
        );
        Table {
            subjects,
            records: corpus.records as f64,
            bytes: corpus.bytes as f64,
            width,
        }
    }

    pub fn add(&mut self, subject: usize, round: Round) {
        let (name, rounds) = &mut self.subjects[subject];
        rounds.push(round);
        let (records, width) = (self.records, self.width);
        println!(
            "{name:<width$} {:>10.0} {:>6.0} {:>12.2} {:>14} {:>14.0} {:>8.0}",
            records / round.seconds,
            self.bytes / round.seconds / 1e6,
            round.usage.cpu_seconds() / records * 1e5,
            format!(
                "({:.2}+{:.2})",
                round.usage.user_seconds / records * 1e5,
                round.usage.system_seconds / records * 1e5
            ),
            records / round.usage.cpu_seconds(),
            round.usage.peak_megabytes,
        );
    }

    /// Medians with ranges, and each median by that of the first subject.
    pub fn end(&self) {
        println!(
            "\nmedian (least to most), and by the {}:",
            self.subjects[0].0
        );
        let records = self.records;
        let figures: [Figure; 3] = [
            ("CPU s/100k", 2, 1e5 / records, |round| {
                round.usage.cpu_seconds()
            }),
            ("s of wall time", 2, 1.0, |round| round.seconds),
            ("peak MB", 0, 1.0, |round| round.usage.peak_megabytes),
        ];
        for (figure, digits, scale, value) in figures {
            println!("{figure}");
            let first = Spread::of(self.subjects[0].1.iter().map(value)).median;
            for (name, rounds) in &self.subjects {
                let Spread {
                    median,
                    least,
                    most,
                } = Spread::of(rounds.iter().map(value));
                println!(
                    "  {name:<width$} {:>8.digits$} ({:.digits$} to {:.digits$}) {:>6.2}x",
                    median * scale,
                    least * scale,
                    most * scale,
                    median / first,
                    width = self.width,
                );
            }
        }
    }
}
