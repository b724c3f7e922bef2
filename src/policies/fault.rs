//! What is wrong with a snapshot: every fault, with its file, the place in it, reason and remedy.
use std::fmt;

/// More faults than a person reads; the rest is counted.
const LISTED: usize = 100;

/// One fault of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    /// As a JSON pointer, or a line and a column; empty: the file as a whole.
    pub place: String,
    pub reason: String,
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}; {}", self.reason, self.remedy)
    }
}

/// Why a snapshot is refused. Displays one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    pub listed: Vec<Fault>,
    /// Found beyond those listed.
    pub more: usize,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.listed.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more faults"),
        }
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Faults {
        Faults {
            listed: vec![fault],
            more: 0,
        }
    }
}

/// The faults found so far, while the files are read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The file that is being read.
    pub file: String,
    listed: Vec<Fault>,
    more: usize,
}

impl Findings {
    pub fn add(&mut self, place: &str, reason: impl Into<String>, remedy: impl Into<String>) {
        if self.listed.len() == LISTED {
            self.more += 1;
            return;
        }
        self.listed.push(Fault {
            file: self.file.clone(),
            place: place.to_owned(),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    pub fn into_result<T>(self, value: T) -> Result<T, Faults> {
        if self.listed.is_empty() {
            return Ok(value);
        }
        Err(Faults {
            listed: self.listed,
            more: self.more,
        })
    }
}
