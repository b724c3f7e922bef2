//! What the metrics want of a sign-in beyond its fate: signals, policies, watched accounts.
//!
//! Labels are found here, while the text is at hand; what is counted goes into the receipt.
use std::mem;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::receipt::{Receipt, Tried, WatchedSignIn};
use crate::diagnosis::Diagnosis;
use crate::signin::{Personal, SignIn, fingerprint};
use crate::telemetry::{Metrics, Policies, PolicyCell, Signal, TryPrint};
use crate::watch::Watched;

pub struct Tally {
    metrics: Arc<Metrics>,
    /// The policy results of the message in hand, by cell; empty where nobody asked for them.
    results: Vec<u32>,
    /// The cells that are not 0.
    touched: Vec<PolicyCell>,
}

impl Tally {
    pub fn new(metrics: Arc<Metrics>) -> Tally {
        let cells = metrics.policies.as_ref().map(Policies::cells);
        Tally {
            metrics,
            results: vec![0; cells.unwrap_or(0)],
            touched: Vec::new(),
        }
    }

    /// The first record of a sign-in.
    pub fn first(
        &self,
        sign_in: &SignIn<'_>,
        diagnosis: &Diagnosis<'_>,
        watched: Watched,
        receipt: &mut Receipt,
    ) {
        let time = sign_in.event_time.map(|time| time.timestamp_millis());
        let time = time.or(receipt.broker_time);
        if !watched.is_empty() {
            receipt.watched.push(WatchedSignIn {
                lists: watched,
                outcome: diagnosis.outcome,
                time,
            });
        }
        if let Some(signal) = Signal::of(diagnosis.scenario, diagnosis.outcome) {
            let before = receipt.tried_policies.len();
            self.deciding_policies(diagnosis, receipt);
            let policies = receipt.tried_policies.len() - before;
            let print = TryPrint::new(key(sign_in, diagnosis), time.unwrap_or(0));
            receipt
                .tried
                .push(self.tried(signal, print, sign_in, diagnosis, policies));
        }
    }

    /// Where somebody asked for policies. Each place once: policies beyond the cap share one, and an
    /// event may name a policy twice.
    fn deciding_policies(&self, diagnosis: &Diagnosis<'_>, receipt: &mut Receipt) {
        let Some(policies) = &self.metrics.policies else {
            return;
        };
        let access = diagnosis.conditional_access.as_ref();
        let all = access.map_or(&[][..], |access| &access.policies);
        let deciding = all.iter().filter(|policy| policy.deciding);
        let before = receipt.tried_policies.len();
        for policy in deciding {
            let place = policies.place(policy.id, policy.name);
            if !receipt.tried_policies[before..].contains(&place) {
                receipt.tried_policies.push(place);
            }
        }
    }

    fn tried(
        &self,
        signal: Signal,
        print: TryPrint,
        sign_in: &SignIn<'_>,
        diagnosis: &Diagnosis<'_>,
        policies: usize,
    ) -> Tried {
        let metrics = &self.metrics;
        let application = metrics.applications.as_ref().map(|applications| {
            let name = sign_in.app_display_name.as_deref();
            applications.place(sign_in.app_id.as_deref(), name)
        });
        let countries = metrics.countries.as_ref();
        let countries = countries.filter(|_| signal == Signal::Block);
        let country = countries.map(|countries| {
            let location = diagnosis.location.as_ref();
            countries.place(location.and_then(|location| location.country))
        });
        Tried {
            signal,
            print,
            scenario: diagnosis.scenario,
            category: sign_in.category,
            application: application.unwrap_or_default(),
            country: country.unwrap_or_default(),
            policies,
        }
    }

    /// The results of its policies.
    pub fn policies(&mut self, sign_in: &SignIn<'_>) {
        let Some(policies) = &self.metrics.policies else {
            return;
        };
        for policy in sign_in.policies.iter().flatten() {
            let cell = policies.cell(policy);
            let count = &mut self.results[cell.index()];
            if *count == 0 {
                self.touched.push(cell);
            }
            *count = count.saturating_add(1);
        }
    }

    /// Forgets what was counted of the message.
    pub fn clear(&mut self) {
        for cell in self.touched.drain(..) {
            self.results[cell.index()] = 0;
        }
    }

    /// Moves what was counted into the receipt of the message.
    pub fn end_message(&mut self, receipt: &mut Receipt) {
        for cell in self.touched.drain(..) {
            let count = mem::take(&mut self.results[cell.index()]);
            receipt.policy_results.push((cell, count));
        }
    }
}

/// Stands for who is refused, where and why. The category is part of it because each has a series of
/// its own, which would else depend on which of two came first; the signal is not, because the code
/// decides it. Somebody without an id is nobody else.
fn key(sign_in: &SignIn<'_>, diagnosis: &Diagnosis<'_>) -> u64 {
    let user = sign_in
        .user_id
        .as_ref()
        .or(sign_in.user_principal_name.as_ref());
    let principal = || sign_in.service_principal_id.as_deref().map(fingerprint);
    let who = user.map(Personal::fingerprint).or_else(principal);
    let who = who.unwrap_or_else(|| {
        #[allow(clippy::cast_possible_truncation)] // any bits of the id will do
        let id = diagnosis.diagnosis_id.as_uuid().as_u128() as u64;
        id
    });
    let application = sign_in.app_id.as_deref().map_or(0, fingerprint);
    let code = sign_in.error_code.unwrap_or(0);
    let mut rest = [0; 17];
    rest[..8].copy_from_slice(&application.to_le_bytes());
    rest[8..16].copy_from_slice(&code.to_le_bytes());
    rest[16] = sign_in.category as u8;
    xxh3_64_with_seed(&rest, who)
}

#[cfg(test)]
#[path = "tally_tests.rs"]
pub mod tests;
