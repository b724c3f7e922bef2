//! Three accounts of the same records, side by side: sent, counted, read back.
//!
//! The sender knows what it sent, the metrics are the pipeline's own account, and the read-back
//! is what any consumer finds. Says plainly where they differ, and where they cannot be compared.
use std::fmt;
use std::time::Duration;

use super::display::{clock, grouped};
use super::feed::Contents;
use super::figures::Figures;
use super::read_back::Account;

/// Scenarios that are listed.
const SCENARIOS: usize = 6;

pub struct Summary {
    pub elapsed: Duration,
    /// Messages sent.
    pub messages: u64,
    pub sent: Contents,
    /// Whether the sender knows the repeats and updates.
    pub is_generated: bool,
    /// How many things the files hold that no message can carry, and the first few in words.
    pub not_sent: (u64, Vec<String>),
    /// Messages that the embedded broker did not take.
    pub refused: u64,
    pub counted: Figures,
    pub read_back: Account,
    /// Whether the workers ended with everything delivered and committed.
    pub is_clean: bool,
}

/// One kind of record: what each side says of it, where it can say something.
struct Row {
    name: &'static str,
    sent: Option<u64>,
    counted: u64,
    read_back: Option<u64>,
}

impl Row {
    fn agrees(&self) -> bool {
        let same = |count: Option<u64>| count.is_none_or(|count| count == self.counted);
        same(self.sent) && same(self.read_back)
    }
}

impl Summary {
    fn rows(&self) -> [Row; 7] {
        let Summary { sent, counted, .. } = self;
        let generated = |count| self.is_generated.then_some(count);
        let again = sent.again.repeats + sent.again.updates;
        // What vanished before it was read cannot be told from what was never written.
        let comparable = self.is_comparable();
        let read = |count: u64| comparable.then_some(count);
        let row = |name, sent, counted, read_back| Row {
            name,
            sent,
            counted,
            read_back,
        };
        let repeated = self
            .read_back
            .diagnoses
            .saturating_sub(self.read_back.distinct);
        [
            row("records", Some(sent.records), counted.records, None),
            row(
                "diagnoses",
                generated(sent.sign_ins.saturating_sub(again)),
                counted.diagnoses,
                read(self.read_back.distinct),
            ),
            row(
                "updates, pages",
                generated(sent.again.updates),
                counted.updates + counted.pages,
                read(repeated),
            ),
            row(
                "repeats",
                generated(sent.again.repeats),
                counted.repeats,
                None,
            ),
            row("all sign-ins", Some(sent.sign_ins), self.sign_ins(), None),
            row("skipped", Some(sent.skipped), counted.skipped, None),
            row(
                "dead letters",
                Some(sent.bad),
                counted.dead_letters,
                read(self.read_back.dead_letters),
            ),
        ]
    }

    const fn sign_ins(&self) -> u64 {
        let counted = &self.counted;
        counted.diagnoses + counted.updates + counted.pages + counted.repeats
    }

    const fn is_comparable(&self) -> bool {
        self.read_back.vanished == 0 && self.read_back.unread == 0
    }

    /// What is wrong, a sentence each; empty where everything is accounted for.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in self.rows().iter().filter(|row| !row.agrees()) {
            faults.push(format!("The counts of \"{}\" differ.", row.name));
        }
        let counted = &self.counted;
        if counted.accounted() != counted.records {
            faults.push(format!(
                "The metrics account for {} of the {} records read.",
                grouped(counted.accounted()),
                grouped(counted.records)
            ));
        }
        let unreadable = self.read_back.unreadable;
        if unreadable > 0 {
            faults.push(format!("{} outputs have no id.", grouped(unreadable)));
        }
        if self.refused > 0 {
            let refused = grouped(self.refused);
            faults.push(format!("The embedded broker refused {refused} messages."));
        }
        if !self.is_clean {
            faults.push("The workers ended before everything was delivered.".to_owned());
        }
        faults
    }

    /// Why the output cannot be compared, where it cannot.
    fn gap(&self) -> Option<String> {
        let Account {
            vanished, unread, ..
        } = self.read_back;
        if vanished > 0 {
            let vanished = grouped(vanished);
            Some(format!(
                "{vanished} outputs were gone before they were read back: the embedded\n  \
                 broker keeps 5 MB a partition."
            ))
        } else if unread > 0 {
            let unread = grouped(unread);
            Some(format!("{unread} outputs were not read back in time."))
        } else {
            None
        }
    }

    /// Everything was sent and is accounted for.
    pub fn adds_up(&self) -> bool {
        self.faults().is_empty() && self.gap().is_none() && self.not_sent.0 == 0
    }

    fn write_scenarios(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scenarios: Vec<_> = self.counted.scenarios.iter().collect();
        scenarios.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        for (name, count) in scenarios.iter().take(SCENARIOS) {
            writeln!(f, "  {:>12}  {name}", grouped(**count))?;
        }
        if scenarios.len() > SCENARIOS {
            let rest = &scenarios[SCENARIOS..];
            let count = rest.iter().map(|(_, count)| **count).sum();
            writeln!(
                f,
                "  {:>12}  in {} other scenarios",
                grouped(count),
                rest.len()
            )?;
        }
        Ok(())
    }

    fn write_sum(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = &self.counted;
        writeln!(
            f,
            "Adds up: {} records in = {} diagnoses + {} updates + {} pages\n  \
             + {} repeats + {} skipped + {} dead letters",
            grouped(counted.records),
            grouped(counted.diagnoses),
            grouped(counted.updates),
            grouped(counted.pages),
            grouped(counted.repeats),
            grouped(counted.skipped),
            grouped(counted.dead_letters)
        )
    }

    fn write_not_sent(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, told) = &self.not_sent;
        if *count == 0 {
            return Ok(());
        }
        writeln!(f, "Not sent: {}", grouped(*count))?;
        for reason in told {
            writeln!(f, "  {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nSummary: {} records in {} messages, {}",
            grouped(self.sent.records),
            grouped(self.messages),
            clock(self.elapsed)
        )?;
        self.write_scenarios(f)?;
        writeln!(
            f,
            "  {:<16}{:>13}{:>13}{:>13}",
            "", "sent", "counted", "read back"
        )?;
        let cell = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), grouped);
        for row in self.rows() {
            let mark = if row.agrees() { "" } else { "  <- differs" };
            writeln!(
                f,
                "  {:<16}{:>13}{:>13}{:>13}{mark}",
                row.name,
                cell(row.sent),
                grouped(row.counted),
                cell(row.read_back)
            )?;
        }
        self.write_not_sent(f)?;
        let faults = self.faults();
        if !faults.is_empty() {
            writeln!(f, "DOES NOT ADD UP")?;
        } else if self.gap().is_some() {
            writeln!(f, "NOT COMPLETELY CHECKED; sent and counted agree")?;
        } else {
            self.write_sum(f)?;
        }
        for sentence in faults.into_iter().chain(self.gap()) {
            writeln!(f, "  {sentence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::feed::Again;

    type Change = fn(&mut Summary);

    fn summary() -> Summary {
        Summary {
            elapsed: Duration::from_secs(20),
            messages: 300,
            sent: Contents {
                records: 1_000,
                sign_ins: 950,
                skipped: 40,
                bad: 10,
                again: Again {
                    repeats: 6,
                    updates: 4,
                },
            },
            is_generated: true,
            not_sent: (0, Vec::new()),
            refused: 0,
            counted: Figures {
                messages: 300,
                records: 1_000,
                diagnoses: 940,
                scenarios: [("successful_sign_in".to_owned(), 940)].into(),
                updates: 4,
                pages: 0,
                repeats: 6,
                skipped: 40,
                dead_letters: 10,
            },
            read_back: Account {
                diagnoses: 944,
                distinct: 940,
                dead_letters: 10,
                ..Account::default()
            },
            is_clean: true,
        }
    }

    #[test]
    fn three_accounts_that_agree_add_up() {
        let summary = summary();
        assert!(summary.adds_up(), "{summary}");
        let text = summary.to_string();
        assert!(text.contains(
            "Adds up: 1,000 records in = 940 diagnoses + 4 updates + 0 pages\n  \
             + 6 repeats + 40 skipped + 10 dead letters\n"
        ));
        assert!(!text.contains("differs"), "{text}");
    }

    #[test]
    fn whatever_differs_is_named() {
        let broken: [(&str, Change); 10] = [
            ("records", |s| s.sent.records += 1),
            ("diagnoses", |s| s.sent.sign_ins += 1),
            ("diagnoses", |s| s.read_back.distinct -= 1),
            ("updates, pages", |s| s.read_back.diagnoses += 1),
            ("repeats", |s| s.sent.again.repeats += 1),
            ("dead letters", |s| s.read_back.dead_letters -= 1),
            ("skipped", |s| s.counted.skipped += 1),
            ("refused 1 messages", |s| s.refused = 1),
            ("1 outputs have no id", |s| s.read_back.unreadable = 1),
            ("ended before everything", |s| s.is_clean = false),
        ];
        for (name, breaks) in broken {
            let mut summary = summary();
            breaks(&mut summary);
            let text = summary.to_string();
            assert!(!summary.adds_up(), "{text}");
            let (_, verdict) = text.split_once("DOES NOT ADD UP\n").expect(&text);
            assert!(verdict.contains(name), "{name}\n{text}");
        }
    }

    #[test]
    fn metrics_that_do_not_account_for_every_record_do_not_add_up() {
        let mut summary = summary();
        summary.is_generated = false;
        summary.sent.records += 1;
        summary.counted.records += 1;
        let text = summary.to_string();
        assert!(
            text.contains("account for 1,000 of the 1,001 records"),
            "{text}"
        );
    }

    #[test]
    fn what_the_broker_dropped_is_no_mismatch() {
        let drops: [Change; 2] = [|s| s.read_back.vanished = 44, |s| s.read_back.unread = 44];
        for drop in drops {
            let mut summary = summary();
            summary.read_back.diagnoses -= 44;
            summary.read_back.distinct -= 40;
            drop(&mut summary);
            let text = summary.to_string();
            assert!(!summary.adds_up());
            assert!(!text.contains("differs"), "{text}");
            assert!(text.contains("44 outputs were"), "{text}");
            assert!(text.contains("NOT COMPLETELY CHECKED"), "{text}");
        }
    }

    #[test]
    fn what_could_not_be_sent_is_told() {
        let mut summary = summary();
        summary.not_sent = (7, vec!["export.json: too large".to_owned()]);
        let text = summary.to_string();
        assert!(!summary.adds_up());
        assert!(
            text.contains("Not sent: 7\n  export.json: too large\n"),
            "{text}"
        );
        assert!(text.contains("Adds up: "), "the rest does: {text}");
    }
}
