//! The snapshot in force, for readers that must not wait.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::PolicySnapshot;

/// Holds the latest snapshot. Readers look at an atomic, and take the lock only for a new one.
#[derive(Debug, Default)]
pub struct Current {
    /// How often the snapshot has changed.
    generation: AtomicU64,
    snapshot: Mutex<Option<Arc<PolicySnapshot>>>,
}

impl Current {
    pub fn new(snapshot: Option<Arc<PolicySnapshot>>) -> Arc<Current> {
        Arc::new(Current {
            generation: AtomicU64::new(0),
            snapshot: Mutex::new(snapshot),
        })
    }

    /// Readers meet it at their next look.
    pub fn set(&self, snapshot: Arc<PolicySnapshot>) {
        *self.lock() = Some(snapshot);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub fn get(&self) -> Option<Arc<PolicySnapshot>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<PolicySnapshot>>> {
        // Whoever held the lock only replaced or cloned the value: it is whole.
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader's view.
#[derive(Debug)]
pub struct CurrentReader {
    current: Arc<Current>,
    seen: u64,
    snapshot: Option<Arc<PolicySnapshot>>,
}

impl CurrentReader {
    pub fn new(current: Arc<Current>) -> CurrentReader {
        CurrentReader {
            seen: current.generation.load(Ordering::Acquire),
            snapshot: current.get(),
            current,
        }
    }

    /// Takes over a new snapshot, if there is one.
    pub fn refresh(&mut self) {
        let generation = self.current.generation.load(Ordering::Acquire);
        if generation != self.seen {
            self.seen = generation;
            self.snapshot = self.current.get();
        }
    }

    /// The snapshot as of the last [`CurrentReader::refresh`].
    pub fn get(&self) -> Option<&PolicySnapshot> {
        self.snapshot.as_deref()
    }
}
