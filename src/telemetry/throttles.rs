//! How long brokers delay their answers, over all clients of the process.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::GaugeVec;

/// Which of the clients tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reporter {
    pub worker: usize,
    pub client: Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    Consumer,
    Producer,
}

/// A client that is not throttled must not hide one that is: the longest delay shows.
pub(super) struct Throttles {
    family: GaugeVec,
    /// Taken once a statistics interval and client.
    told: Mutex<BTreeMap<i32, BTreeMap<Reporter, f64>>>,
}

impl Throttles {
    pub fn new(family: GaugeVec) -> Throttles {
        Throttles {
            family,
            told: Mutex::default(),
        }
    }

    pub fn set(&self, reporter: Reporter, broker: i32, seconds: f64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let reports = told.entry(broker).or_default();
        reports.insert(reporter, seconds);
        let longest = reports.values().copied().fold(0.0, f64::max);
        self.family
            .with_label_values(&[&broker.to_string()])
            .set(longest);
    }
}
