//! What `/metrics` says, read as a scraper reads it.
use std::collections::BTreeMap;

use crate::diagnosis::Scenario;

/// The counters that a demo shows and compares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    pub messages: u64,
    pub records: u64,
    pub diagnoses: u64,
    /// Diagnoses by scenario, of those that occurred.
    pub scenarios: BTreeMap<String, u64>,
    pub updates: u64,
    pub pages: u64,
    pub repeats: u64,
    pub skipped: u64,
    pub dead_letters: u64,
}

impl Figures {
    /// Of an exposition in text format 0.0.4.
    pub fn read(exposition: &str) -> Figures {
        let mut figures = Figures::default();
        for line in exposition.lines() {
            if let Some((series, value)) = line.rsplit_once(' ')
                && let Ok(value) = value.parse()
            {
                figures.add(series, value);
            }
        }
        figures
    }

    fn add(&mut self, series: &str, value: u64) {
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let sum = match name {
            "signin_messages_received_total" => &mut self.messages,
            "signin_records_received_total" => &mut self.records,
            "signin_updates_total" => &mut self.updates,
            "signin_pages_total" => &mut self.pages,
            "signin_repeats_total" => &mut self.repeats,
            "signin_records_skipped_total" => &mut self.skipped,
            "signin_dead_letters_total" => &mut self.dead_letters,
            "signin_diagnoses_total" => {
                if let Some(scenario) = label(labels, "scenario").filter(|_| value > 0) {
                    *self.scenarios.entry(scenario.to_owned()).or_default() += value;
                }
                &mut self.diagnoses
            }
            _ => return,
        };
        *sum += value;
    }

    /// Everything that a record can become.
    pub const fn accounted(&self) -> u64 {
        self.diagnoses + self.updates + self.pages + self.repeats + self.skipped + self.dead_letters
    }

    pub fn blocks(&self) -> u64 {
        let scenario = Scenario::BlockedByConditionalAccess.as_str();
        self.scenarios.get(scenario).copied().unwrap_or(0)
    }
}

/// The value of a label; those that are read here hold no escapes.
fn label<'l>(labels: &'l str, name: &str) -> Option<&'l str> {
    labels
        .trim_end_matches('}')
        .split(',')
        .filter_map(|label| label.split_once("=\""))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_end_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_are_summed_and_others_passed_over() {
        let figures = Figures::read(concat!(
            "# HELP signin_diagnoses_total Sign-ins. 7\n",
            "signin_diagnoses_total{category=\"A\",outcome=\"blocked\",scenario=\"blocked_by_conditional_access\"} 3\n",
            "signin_diagnoses_total{category=\"B\",outcome=\"blocked\",scenario=\"blocked_by_conditional_access\"} 2\n",
            "signin_diagnoses_total{category=\"A\",outcome=\"succeeded\",scenario=\"successful_sign_in\"} 40\n",
            "signin_diagnoses_total{category=\"A\",outcome=\"unknown\",scenario=\"undetermined\"} 0\n",
            "signin_updates_total 5\nsignin_pages_total 6\nsignin_repeats_total 7\n",
            "signin_records_skipped_total{category=\"AuditLogs\"} 8\n",
            "signin_dead_letters_total{reason=\"syntax\"} 1\n",
            "signin_records_received_total 72\nsignin_messages_received_total 9\n",
            "signin_diagnose_duration_seconds_sum 0.5\n",
        ));
        let scenarios = [
            ("blocked_by_conditional_access", 5),
            ("successful_sign_in", 40),
        ];
        let expected = Figures {
            messages: 9,
            records: 72,
            diagnoses: 45,
            scenarios: scenarios
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            updates: 5,
            pages: 6,
            repeats: 7,
            skipped: 8,
            dead_letters: 1,
        };
        assert_eq!(figures, expected);
        assert_eq!(figures.accounted(), 72);
        assert_eq!(figures.blocks(), 5);
    }
}
