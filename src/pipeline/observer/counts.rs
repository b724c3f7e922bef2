//! What messages held, counted.
use chrono::{DateTime, Utc};

use super::{Observer, seconds_between};
use crate::pipeline::receipt::{Fate, Receipt};
use crate::telemetry::Signal;

impl Observer {
    pub fn received(&mut self, bytes: usize) {
        self.metrics.messages_received.inc();
        self.metrics.received_bytes.inc_by(bytes as u64);
        self.is_member();
    }

    /// Counts what does not wait for the message to be settled.
    pub fn diagnosed(&self, receipt: &Receipt) {
        for (field, count) in &receipt.faults {
            self.metrics.field_faults(*field as usize).inc_by(*count);
        }
        let now = Utc::now().timestamp_millis();
        for time in &receipt.event_times {
            self.metrics
                .source_delay
                .observe(seconds_between(*time, now));
        }
    }

    /// Counts what a settled message held.
    pub fn settled(&self, receipt: &Receipt) {
        let metrics = &self.metrics;
        metrics.records_received.inc_by(receipt.records);
        for (fate, count) in &receipt.fates {
            match *fate {
                Fate::Diagnosis {
                    scenario,
                    outcome,
                    category,
                } => {
                    metrics
                        .diagnoses(scenario, outcome, category)
                        .inc_by(*count);
                }
                Fate::Update => metrics.updates.inc_by(*count),
                Fate::Page => metrics.pages.inc_by(*count),
                Fate::Repeat => metrics.repeats.inc_by(*count),
                Fate::Skipped(category) => metrics.records_skipped(category).inc_by(*count),
                Fate::DeadLetter(reason) => {
                    metrics.dead_letters(reason.as_str()).inc_by(*count);
                }
            }
        }
        metrics.dropped_by_detail.inc_by(receipt.without_record);
        for code in &receipt.unknown_codes {
            metrics.unknown_codes(*code).inc();
        }
        for (control, count) in &receipt.failed_controls {
            metrics.failed_controls(*control).inc_by(*count);
        }
        for (source, count) in &receipt.requirement_sources {
            metrics.requirement_sources(*source).inc_by(*count);
        }
        self.count_firsts(receipt);
        if let Some(policies) = &metrics.policies {
            for (cell, count) in &receipt.policy_results {
                policies.at(*cell).inc_by(u64::from(*count));
            }
        }
        let now = Utc::now().timestamp_millis();
        for sign_in in &receipt.watched {
            // A time to come would stand for ever.
            let time = sign_in.time.unwrap_or(now).min(now);
            for list in sign_in.lists.iter() {
                metrics.watched(list, sign_in.outcome, time.div_euclid(1000));
            }
        }
        for time in &receipt.event_times {
            metrics
                .end_to_end_delay
                .observe(seconds_between(*time, now));
        }
        let latest = receipt.event_times.iter().map(|time| *time.min(&now)).max();
        if let Some(time) = latest.and_then(DateTime::from_timestamp_millis) {
            metrics.saw_event(time);
        }
    }

    fn count_firsts(&self, receipt: &Receipt) {
        let metrics = &self.metrics;
        let mut policies = &receipt.tried_policies[..];
        for tried in &receipt.tried {
            let (deciding, rest) = policies.split_at(tried.policies.min(policies.len()));
            policies = rest;
            let signal = tried.signal;
            if !metrics.count_first(signal, tried.scenario, tried.category, tried.print) {
                continue;
            }
            if let Some(policies) = &metrics.policies {
                for place in deciding {
                    policies.first(*place, signal).inc();
                }
            }
            if let Some(applications) = &metrics.applications {
                applications.first(tried.application, signal).inc();
            }
            if let (Signal::Block, Some(countries)) = (signal, &metrics.countries) {
                countries.at(tried.country).inc();
            }
        }
    }
}
