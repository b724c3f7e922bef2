//! The metrics of one process, on a registry of their own.
//!
//! Members of closed sets exist at 0 from the start. Counting takes no lock; only the gauges of
//! partitions and brokers are looked up, once an interval.
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use prometheus::{GaugeVec, Histogram, IntCounter, IntGauge, IntGaugeVec, Registry, TextEncoder};

use super::definitions as define;
use super::families::{Closed, Codes, Diagnoses, Firsts, Named};
use super::first_tries::{FirstTries, TryPrint};
use super::health::BrokerFault;
use super::open_labels::{Applications, BySignal, Countries, Policies};
use super::register::{counter, counters, gauges, histogram, int_gauge, int_gauges};
use super::signal::Signal;
use super::throttles::{Reporter, Throttles};
use super::watched::{WatchFiles, Watched};
use crate::config::MetricOptions;
use crate::diagnosis::{FailedControl, Outcome, RequirementSource, Scenario};
use crate::signin::{BadReason, Category, SkippedCategory};

/// What `signin_build_info` says.
#[derive(Debug, Clone)]
pub struct BuildInfo {
    pub version: String,
    pub revision: String,
    pub catalog: String,
}

/// The label values that other modules own.
#[derive(Debug, Clone, Copy)]
pub struct Series<'s> {
    /// Every scenario and outcome that the catalog can give.
    pub scenario_outcomes: &'s [(Scenario, Outcome)],
    /// Field names, in the order of the reader's indices.
    pub fields: &'static [&'static str],
    /// Reasons of a dead letter beyond [`BadReason`].
    pub dead_letter_reasons: &'static [&'static str],
    /// The names of the watch lists, in the order of their places.
    pub watch_lists: &'s [&'s str],
    pub options: MetricOptions,
}

/// A change of the assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebalance {
    Assign,
    Revoke,
    Lost,
}

impl Rebalance {
    const NAMES: [&'static str; 3] = ["assign", "revoke", "lost"];
}

/// Why a partition is read from another offset than the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    /// Retention was faster than the worker.
    Deleted,
    /// The partition ends before it: the topic was created anew.
    BeyondEnd,
    /// The offset is there, but the broker has lost what was before it.
    Truncated,
}

impl OffsetReset {
    const NAMES: [&'static str; 3] = ["deleted", "beyond_end", "truncated"];
}

/// See [`super::definitions`] for what each one counts.
pub struct Metrics {
    registry: Registry,
    diagnoses: Diagnoses,
    firsts: Firsts,
    first_tries: FirstTries,
    /// Where they were asked for.
    pub policies: Option<Policies>,
    pub applications: Option<Applications>,
    pub countries: Option<Countries>,
    watched: Vec<Watched>,
    pub updates: IntCounter,
    pub pages: IntCounter,
    pub repeats: IntCounter,
    unknown_codes: Codes,
    requirement_sources: Closed<{ RequirementSource::ALL.len() }>,
    failed_controls: Closed<{ FailedControl::ALL.len() }>,
    pub messages_received: IntCounter,
    pub received_bytes: IntCounter,
    pub records_received: IntCounter,
    records_skipped: Closed<{ SkippedCategory::ALL.len() }>,
    /// Diagnoses whose configured detail is none.
    pub dropped_by_detail: IntCounter,
    dead_letters: Named,
    field_faults: Named,
    pub produced_records: IntCounter,
    produce_errors: Closed<{ BrokerFault::ALL.len() }>,
    pub commits_ok: IntCounter,
    pub commits_failed: IntCounter,
    pub diagnose_duration: Histogram,
    pub source_delay: Histogram,
    pub end_to_end_delay: Histogram,
    lag_messages: IntGaugeVec,
    lag_seconds: GaugeVec,
    throttles: Throttles,
    /// Each worker adds and subtracts its own.
    pub assigned_partitions: IntGauge,
    rebalances: Closed<3>,
    offset_resets: Closed<3>,
    pub messages_lost: IntCounter,
    last_event_seconds: AtomicI64,
    last_event: IntGauge,
    pub token_refreshes_ok: IntCounter,
    pub token_refreshes_failed: IntCounter,
    pub token_expiry: IntGauge,
    pub ready: IntGauge,
    pub workers_stalled: IntGauge,
    pub policy_snapshot: IntGauge,
    pub policy_snapshot_loaded: IntCounter,
    pub policy_snapshot_refused: IntCounter,
}

impl Metrics {
    /// # Errors
    ///
    /// A definition that the registry refuses: two of one name, or a malformed one.
    pub fn new(series: &Series<'_>, build: &BuildInfo) -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        #[cfg(target_os = "linux")]
        r.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        int_gauges(r, &define::BUILD_INFO)?
            .with_label_values(&[&build.version, &build.revision, &build.catalog])
            .set(1);
        let commits = counters(r, &define::COMMITS)?;
        let snapshot_reloads = counters(r, &define::POLICY_SNAPSHOT_RELOADS)?;
        let watched = counters(r, &define::WATCHED_SIGN_INS)?;
        let watched_last = int_gauges(r, &define::WATCHED_LAST_SIGN_IN)?;
        let watch_files = WatchFiles {
            reloads: counters(r, &define::WATCH_LIST_RELOADS)?,
            refused: int_gauges(r, &define::WATCH_LIST_REFUSED)?,
        };
        let (policies, applications, countries) = open_labels(r, &series.options)?;
        let token_refreshes = counters(r, &define::TOKEN_REFRESHES)?;
        let dead_letter_reasons = BadReason::ALL.into_iter().map(BadReason::as_str);
        Ok(Metrics {
            diagnoses: Diagnoses::new(counters(r, &define::DIAGNOSES)?, series.scenario_outcomes),
            firsts: Firsts::new(
                counters(r, &define::BLOCKS_FIRST)?,
                &counters(r, &define::FAILURES_FIRST)?,
                &counters(r, &define::PROOF_UPS_FIRST)?,
                series.scenario_outcomes,
            ),
            first_tries: FirstTries::new(),
            policies,
            applications,
            countries,
            watched: series
                .watch_lists
                .iter()
                .map(|watch| Watched::new(watch, &watched, &watched_last, &watch_files))
                .collect(),
            updates: counter(r, &define::UPDATES)?,
            pages: counter(r, &define::PAGES)?,
            repeats: counter(r, &define::REPEATS)?,
            unknown_codes: Codes::new(counters(r, &define::UNKNOWN_CODES)?),
            requirement_sources: Closed::new(
                &counters(r, &define::REQUIREMENT_SOURCES)?,
                RequirementSource::ALL.map(RequirementSource::as_str),
            ),
            failed_controls: Closed::new(
                &counters(r, &define::FAILED_CONTROLS)?,
                FailedControl::ALL.map(FailedControl::as_str),
            ),
            messages_received: counter(r, &define::MESSAGES_RECEIVED)?,
            received_bytes: counter(r, &define::RECEIVED_BYTES)?,
            records_received: counter(r, &define::RECORDS_RECEIVED)?,
            records_skipped: Closed::new(
                &counters(r, &define::RECORDS_SKIPPED)?,
                SkippedCategory::ALL.map(SkippedCategory::as_str),
            ),
            dropped_by_detail: counters(r, &define::RECORDS_DROPPED)?
                .with_label_values(&["detail_none"]),
            dead_letters: Named::new(
                &counters(r, &define::DEAD_LETTERS)?,
                dead_letter_reasons.chain(series.dead_letter_reasons.iter().copied()),
            ),
            field_faults: Named::new(
                &counters(r, &define::FIELD_FAULTS)?,
                series.fields.iter().copied(),
            ),
            produced_records: counter(r, &define::PRODUCED_RECORDS)?,
            produce_errors: Closed::new(
                &counters(r, &define::PRODUCE_ERRORS)?,
                BrokerFault::ALL.map(BrokerFault::as_str),
            ),
            commits_ok: commits.with_label_values(&["ok"]),
            commits_failed: commits.with_label_values(&["error"]),
            diagnose_duration: histogram(r, &define::DIAGNOSE_DURATION)?,
            source_delay: histogram(r, &define::SOURCE_DELAY)?,
            end_to_end_delay: histogram(r, &define::END_TO_END_DELAY)?,
            lag_messages: int_gauges(r, &define::CONSUMER_LAG_MESSAGES)?,
            lag_seconds: gauges(r, &define::CONSUMER_LAG_SECONDS)?,
            throttles: Throttles::new(gauges(r, &define::THROTTLE)?),
            assigned_partitions: int_gauge(r, &define::ASSIGNED_PARTITIONS)?,
            rebalances: Closed::new(&counters(r, &define::REBALANCES)?, Rebalance::NAMES),
            offset_resets: Closed::new(&counters(r, &define::OFFSET_RESETS)?, OffsetReset::NAMES),
            messages_lost: counter(r, &define::MESSAGES_LOST)?,
            last_event_seconds: AtomicI64::new(0),
            last_event: int_gauge(r, &define::LAST_EVENT)?,
            token_refreshes_ok: token_refreshes.with_label_values(&["ok"]),
            token_refreshes_failed: token_refreshes.with_label_values(&["error"]),
            token_expiry: int_gauge(r, &define::TOKEN_EXPIRY)?,
            ready: int_gauge(r, &define::READY)?,
            workers_stalled: int_gauge(r, &define::WORKERS_STALLED)?,
            policy_snapshot: int_gauge(r, &define::POLICY_SNAPSHOT)?,
            policy_snapshot_loaded: snapshot_reloads.with_label_values(&["ok"]),
            policy_snapshot_refused: snapshot_reloads.with_label_values(&["refused"]),
            registry,
        })
    }

    pub fn diagnoses(
        &self,
        scenario: Scenario,
        outcome: Outcome,
        category: Category,
    ) -> &IntCounter {
        self.diagnoses.at(scenario, outcome, category)
    }

    /// Counts a sign-in that a signal is about, unless the same was counted within the hour;
    /// whether it did.
    pub fn count_first(
        &self,
        signal: Signal,
        scenario: Scenario,
        category: Category,
        tried: TryPrint,
    ) -> bool {
        let first = self.first_tries.is_first(tried);
        if first {
            self.firsts.at(signal, scenario, category).inc();
        }
        first
    }

    /// An account of the list at this place of [`Series::watch_lists`] signed in.
    pub fn watched(&self, list: usize, outcome: Outcome, seconds: i64) {
        if let Some(watched) = self.watched.get(list) {
            watched.signed_in(outcome, seconds);
        }
    }

    /// The file of a watch list changed, and was accepted or not.
    pub fn watch_list_reloaded(&self, list: usize, accepted: bool) {
        if let Some(watched) = self.watched.get(list) {
            watched.reloaded(accepted);
        }
    }

    /// Sign-ins whose code the catalog does not know. Bounded: see the definition.
    pub fn unknown_codes(&self, code: i64) -> &IntCounter {
        self.unknown_codes.of(code)
    }

    pub fn requirement_sources(&self, source: RequirementSource) -> &IntCounter {
        self.requirement_sources.at(source as usize)
    }

    pub fn failed_controls(&self, control: FailedControl) -> &IntCounter {
        self.failed_controls.at(control as usize)
    }

    pub fn records_skipped(&self, category: SkippedCategory) -> &IntCounter {
        self.records_skipped.at(category as usize)
    }

    /// `reason` is a [`BadReason`]'s name or one of [`Series::dead_letter_reasons`].
    pub fn dead_letters(&self, reason: &str) -> &IntCounter {
        self.dead_letters.named(reason)
    }

    /// `index` is the place of the field in [`Series::fields`].
    pub fn field_faults(&self, index: usize) -> &IntCounter {
        self.field_faults.at(index)
    }

    pub fn produce_errors(&self, kind: BrokerFault) -> &IntCounter {
        self.produce_errors.at(kind as usize)
    }

    pub fn rebalances(&self, kind: Rebalance) -> &IntCounter {
        self.rebalances.at(kind as usize)
    }

    pub fn offset_resets(&self, reason: OffsetReset) -> &IntCounter {
        self.offset_resets.at(reason as usize)
    }

    /// Sets the lag of an assigned partition; `seconds` where it is known.
    pub fn set_lag(&self, topic: &str, partition: i32, messages: i64, seconds: Option<f64>) {
        let partition = partition.to_string();
        let labels = [topic, &partition];
        self.lag_messages.with_label_values(&labels).set(messages);
        if let Some(seconds) = seconds {
            self.lag_seconds.with_label_values(&labels).set(seconds);
        }
    }

    /// Ends the lag series of a partition that is no longer assigned here.
    pub fn forget_lag(&self, topic: &str, partition: i32) {
        let partition = partition.to_string();
        let labels = [topic, &partition];
        // A series that was never set is not there to remove: either way it is gone.
        let _ = self.lag_messages.remove_label_values(&labels);
        let _ = self.lag_seconds.remove_label_values(&labels);
    }

    /// `broker` is the broker's number; the longest delay that any client reports shows.
    pub fn set_throttle(&self, reporter: Reporter, broker: i32, seconds: f64) {
        self.throttles.set(reporter, broker, seconds);
    }

    /// Takes the latest event time of a batch into account; times may come in any order.
    pub fn saw_event(&self, time: DateTime<Utc>) {
        self.last_event_seconds
            .fetch_max(time.timestamp(), Ordering::Relaxed);
    }

    /// The exposition, text format 0.0.4.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        self.last_event
            .set(self.last_event_seconds.load(Ordering::Relaxed));
        for watched in &self.watched {
            watched.refresh();
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// The families are registered in any case; they have members where somebody asks for them.
type OpenLabels = (Option<Policies>, Option<Applications>, Option<Countries>);

fn open_labels(r: &Registry, options: &MetricOptions) -> Result<OpenLabels, prometheus::Error> {
    let results = counters(r, &define::POLICY_RESULTS)?;
    let by_policy = BySignal([
        counters(r, &define::BLOCKS_BY_POLICY)?,
        counters(r, &define::FAILURES_BY_POLICY)?,
        counters(r, &define::PROOF_UPS_BY_POLICY)?,
    ]);
    let policy_names = int_gauges(r, &define::POLICY_INFO)?;
    let by_application = BySignal([
        counters(r, &define::BLOCKS_BY_APPLICATION)?,
        counters(r, &define::FAILURES_BY_APPLICATION)?,
        counters(r, &define::PROOF_UPS_BY_APPLICATION)?,
    ]);
    let application_names = int_gauges(r, &define::APPLICATION_INFO)?;
    let by_country = counters(r, &define::BLOCKS_BY_COUNTRY)?;
    let policies = options.policies;
    let applications = options.applications;
    Ok((
        policies.map(|max| Policies::new(max, results, by_policy, policy_names)),
        applications.map(|max| Applications::new(max, by_application, application_names)),
        options.countries.then(|| Countries::new(by_country)),
    ))
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
