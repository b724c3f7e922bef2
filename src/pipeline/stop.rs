//! The wish to stop, passed in, so that a test or a signal can express it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cloned to everything that has to stop.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
