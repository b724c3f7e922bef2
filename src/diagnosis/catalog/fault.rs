//! What is wrong with a catalog: every fault, with its place, reason and remedy.
use std::fmt;

/// Why a catalog is refused. Prints one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogFaults(Vec<Fault>);

impl CatalogFaults {
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for CatalogFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogFaults {}

/// One fault of a catalog's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    pub place: Place,
    pub reason: String,
    pub remedy: String,
}

/// Where in its file a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File,
    Line(usize),
    Entry(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match &self.place {
            Place::File => {}
            Place::Line(line) => write!(f, ":{line}")?,
            Place::Entry(entry) => write!(f, ": {entry}")?,
        }
        write!(f, ": {}; {}", self.reason, self.remedy)
    }
}

/// The faults found so far, while the files are read.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Fault>);

impl Findings {
    pub fn add(
        &mut self,
        file: &str,
        place: Place,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Fault {
            file: file.to_owned(),
            place,
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn refuse(self) -> CatalogFaults {
        CatalogFaults(self.0)
    }
}

/// A text of the catalog as it may stand in a message: quoted, escaped, bounded.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
