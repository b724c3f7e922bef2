//! How far a scan is, on standard error, where somebody looks and it takes long.
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::query::review::Progress;
use crate::query::store::Stopped;

/// Below this nobody needs to be told.
const PATIENCE: Duration = Duration::from_millis(700);

const RECORDS: &str =
    "{bar:32} {percent}%  {human_pos} of {human_len} records, {per_sec}, about {eta} left";
const BYTES: &str = "{bar:32} {percent}%  {bytes} of {total_bytes}, about {eta} left";

pub struct Bar {
    shown: Option<ProgressBar>,
    started: Instant,
    reads_files: bool,
}

impl Bar {
    pub fn new(reads_files: bool) -> Bar {
        Bar {
            shown: None,
            started: Instant::now(),
            reads_files,
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn progress(&mut self, done: u64, total: u64) -> Result<(), Stopped> {
        if self.shown.is_none() && self.started.elapsed() > PATIENCE && total > 0 {
            // Draws nothing where standard error is no terminal.
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let template = if self.reads_files { BYTES } else { RECORDS };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            self.shown = Some(bar);
        }
        if let Some(bar) = &self.shown {
            bar.set_length(total);
            bar.set_position(done);
        }
        Ok(())
    }
}
