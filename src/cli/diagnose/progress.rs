//! One line on standard error, rewritten in place while a large input is read.
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// Below this nobody needs to be told.
const PATIENCE: Duration = Duration::from_secs(1);

const INTERVAL: Duration = Duration::from_millis(200);

pub struct Progress {
    /// `None`: nobody looks.
    next: Option<Instant>,
    started: Instant,
    visible: bool,
}

impl Progress {
    pub fn new(wanted: bool) -> Progress {
        let started = Instant::now();
        Progress {
            next: wanted.then(|| started + PATIENCE),
            started,
            visible: false,
        }
    }

    /// Shows how far `file` is read, of `size` bytes where that is known.
    pub fn show(&mut self, file: &str, read: u64, size: Option<u64>, diagnosed: u64) {
        let now = Instant::now();
        let Some(next) = self.next.filter(|next| now >= *next) else {
            return;
        };
        self.next = Some(next.max(now) + INTERVAL);
        self.visible = true;
        let far = match size {
            Some(size) if size > 0 => format!("{} %", read.min(size) * 100 / size),
            _ => format!("{} MiB", read >> 20),
        };
        let seconds = now.duration_since(self.started).as_secs().max(1);
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{file}: {far}, {diagnosed} diagnosed, {} a second",
            diagnosed / seconds
        );
    }

    /// Takes the line away, so that another can be written.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.visible) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
