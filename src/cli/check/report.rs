//! What `check --online` says of each step: lines for people, or one JSON object a line.
use std::io::{self, Write};

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    Skipped,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Skipped => "skipped",
        }
    }
}

/// The outcome of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried, such as `tls` or `read`.
    pub step: &'static str,
    /// At what: a broker, a topic, a group.
    pub target: String,
    pub result: Verdict,
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub fn pass(step: &'static str, target: &str, detail: impl Into<String>) -> Finding {
        Finding::new(step, target, Verdict::Pass, detail.into(), None)
    }

    pub fn fail(
        step: &'static str,
        target: &str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        let remedy = Some(remedy.into());
        Finding::new(step, target, Verdict::Fail, detail.into(), remedy)
    }

    pub fn skipped(step: &'static str, target: &str, detail: impl Into<String>) -> Finding {
        Finding::new(step, target, Verdict::Skipped, detail.into(), None)
    }

    fn new(
        step: &'static str,
        target: &str,
        result: Verdict,
        detail: String,
        remedy: Option<String>,
    ) -> Finding {
        Finding {
            step,
            target: target.to_owned(),
            result,
            detail,
            remedy,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Ndjson,
}

/// Writes each finding as it comes, and counts those that fail.
pub struct Report<'w, W> {
    out: &'w mut W,
    format: Format,
    failed: usize,
}

impl<'w, W: Write> Report<'w, W> {
    pub fn new(out: &'w mut W, format: Format) -> Report<'w, W> {
        Report {
            out,
            format,
            failed: 0,
        }
    }

    /// True where the step did not fail.
    pub fn add(&mut self, finding: &Finding) -> io::Result<bool> {
        let failed = finding.result == Verdict::Fail;
        self.failed += usize::from(failed);
        match self.format {
            Format::Ndjson => {
                serde_json::to_writer(&mut *self.out, finding)?;
                writeln!(self.out)?;
            }
            Format::Text => {
                let Finding {
                    step,
                    target,
                    result,
                    detail,
                    remedy,
                } = finding;
                writeln!(
                    self.out,
                    "{:<9}{step:<14}{target}: {detail}",
                    result.as_str()
                )?;
                if let Some(remedy) = remedy {
                    writeln!(self.out, "{:<23}-> {remedy}", "")?;
                }
            }
        }
        self.out.flush()?;
        Ok(!failed)
    }

    /// How many steps failed, said where people read.
    pub fn end(self) -> io::Result<usize> {
        if self.format == Format::Text {
            match self.failed {
                0 => writeln!(self.out, "Nothing stands in the way of `run`.")?,
                1 => writeln!(self.out, "1 step failed.")?,
                failed => writeln!(self.out, "{failed} steps failed.")?,
            }
        }
        Ok(self.failed)
    }
}
