//! Prints the rounds as they come, and their medians at the end.
use crate::corpus::Corpus;
use crate::subject::Round;

/// A heading, its digits, what it is multiplied with, and where it is found.
type Figure = (&'static str, usize, f64, fn(&Round) -> f64);

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
        let of = |rounds: &[Round], value: fn(&Round) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            (
                values[values.len() / 2],
                values[0],
                values[values.len() - 1],
            )
        };
        let figures: [Figure; 3] = [
            ("CPU s/100k", 2, 1e5 / records, |round| {
                round.usage.cpu_seconds()
            }),
            ("s of wall time", 2, 1.0, |round| round.seconds),
            ("peak MB", 0, 1.0, |round| round.usage.peak_megabytes),
        ];
        for (figure, digits, scale, value) in figures {
            println!("{figure}");
            let (first, _, _) = of(&self.subjects[0].1, value);
            for (name, rounds) in &self.subjects {
                let (median, least, most) = of(rounds, value);
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
