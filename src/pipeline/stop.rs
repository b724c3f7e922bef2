//! The wish to stop, passed in, so that a test or a signal can express it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cloned to everything that has to stop.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Gives whether it was requested before.
    pub fn request(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }

    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
