//! Sign-ins of watched accounts, by the place of their list.
use std::sync::atomic::{AtomicI64, Ordering};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::diagnosis::Outcome;

/// What is told of the files of the lists.
pub(super) struct WatchFiles {
    pub reloads: IntCounterVec,
    pub refused: IntGaugeVec,
}

/// One list's series; all exist from the start.
pub(super) struct Watched {
    outcomes: [IntCounter; Outcome::ALL.len()],
    latest_seconds: AtomicI64,
    latest: IntGauge,
    reloads: [IntCounter; 2],
    refused: IntGauge,
}

impl Watched {
    pub fn new(
        watch: &str,
        sign_ins: &IntCounterVec,
        latest: &IntGaugeVec,
        files: &WatchFiles,
    ) -> Watched {
        Watched {
            outcomes: Outcome::ALL
                .map(|outcome| sign_ins.with_label_values(&[watch, outcome.as_str()])),
            latest_seconds: AtomicI64::new(0),
            latest: latest.with_label_values(&[watch]),
            reloads: ["ok", "error"]
                .map(|result| files.reloads.with_label_values(&[watch, result])),
            refused: files.refused.with_label_values(&[watch]),
        }
    }

    /// `seconds` since 1970; sign-ins may come in any order.
    pub fn signed_in(&self, outcome: Outcome, seconds: i64) {
        self.outcomes[outcome as usize].inc();
        self.latest_seconds.fetch_max(seconds, Ordering::Relaxed);
    }

    pub fn reloaded(&self, accepted: bool) {
        self.reloads[usize::from(!accepted)].inc();
        self.refused.set(i64::from(!accepted));
    }

    /// Before each exposition.
    pub fn refresh(&self) {
        self.latest.set(self.latest_seconds.load(Ordering::Relaxed));
    }
}
