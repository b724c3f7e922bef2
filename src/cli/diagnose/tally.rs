//! What was read, counted for the last line.
use std::collections::BTreeMap;
use std::fmt;

use crate::signin::{Field, FieldFaults, SkippedCategory};

#[derive(Debug, Default)]
pub struct Tally {
    pub diagnosed: u64,
    /// Records, stretches and whole files that could not be read.
    pub bad: u64,
    skipped: BTreeMap<SkippedCategory, u64>,
    /// By the name of the field.
    faults: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn skip(&mut self, category: SkippedCategory) {
        *self.skipped.entry(category).or_default() += 1;
    }

    pub fn add_faults(&mut self, faults: FieldFaults) {
        for field in faults.iter() {
            let name = match field {
                Field::ErrorCodeConflict => "error codes in conflict",
                field => field.as_str(),
            };
            *self.faults.entry(name).or_default() += 1;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} diagnosed", self.diagnosed)?;
        let skipped: u64 = self.skipped.values().sum();
        if skipped > 0 {
            let names = self.skipped.iter().map(|(category, count)| {
                let name = match category {
                    SkippedCategory::Other => "other logs",
                    SkippedCategory::None => "no sign-in",
                    known => known.as_str(),
                };
                format!("{name} {count}")
            });
            let names: Vec<_> = names.collect();
            write!(f, ", {skipped} skipped ({})", names.join(", "))?;
        }
        if self.bad > 0 {
            write!(f, ", {} could not be read", self.bad)?;
        }
        let faults: Vec<_> = self
            .faults
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        if !faults.is_empty() {
            write!(f, "; fields not understood: {}", faults.join(", "))?;
        }
        Ok(())
    }
}
