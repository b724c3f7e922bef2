//! Every metric of the service: name, kind, labels, meaning. Adding one starts here.

/// What a metric is, before it is registered.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    /// Meaning and unit, as `# HELP` gives it.
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Counter,
    Gauge,
    /// Upper bounds of the buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// 10 µs to 1 s.
const DIAGNOSE_BUCKETS: [f64; 16] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0,
];

/// Seconds to a day: Azure Monitor itself delivers after minutes, a catch-up takes hours.
const DELAY_BUCKETS: [f64; 14] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
    86_400.0,
];

macro_rules! definitions {
    ($($id:ident = $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(
            pub const $id: Definition = Definition {
                name: $name,
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*
        /// In the order of the documentation.
        pub const ALL: [Definition; [$($name),*].len()] = [$($id),*];
    };
}

definitions! {
    DIAGNOSES = Kind::Counter, "signin_diagnoses_total", ["scenario", "outcome", "category"],
        "Sign-ins diagnosed, first occurrences only: no repeats, pages or updates.";
    UPDATES = Kind::Counter, "signin_updates_total", [],
        "Diagnoses of a sign-in that was seen before, with other content.";
    PAGES = Kind::Counter, "signin_pages_total", [],
        "Diagnoses of a further page of a sign-in's long policy list.";
    REPEATS = Kind::Counter, "signin_repeats_total", [],
        "Records dropped because the same content was delivered before.";
    BLOCKS_FIRST = Kind::Counter, "signin_blocks_first_total", ["scenario", "category"],
        "Blocked sign-ins, of one user (or service principal), application and code once an hour of event time: a client that tries again and again counts once an hour.";
    FAILURES_FIRST = Kind::Counter, "signin_failures_first_total", ["category"],
        "Sign-ins that failed Conditional Access, counted as signin_blocks_first_total counts blocks.";
    PROOF_UPS_FIRST = Kind::Counter, "signin_proof_ups_first_total", ["category"],
        "Sign-ins sent to register a second factor, counted as signin_blocks_first_total counts blocks.";
    BLOCKS_BY_POLICY = Kind::Counter, "signin_blocks_by_policy_total", ["policy_id"],
        "What signin_blocks_first_total counts, by each policy that decided; with metrics.policies only. The ids of signin_policy_results_total, then \"other\". A block without such a policy in its event counts for none.";
    FAILURES_BY_POLICY = Kind::Counter, "signin_failures_by_policy_total", ["policy_id"],
        "What signin_failures_first_total counts, by policy as signin_blocks_by_policy_total.";
    PROOF_UPS_BY_POLICY = Kind::Counter, "signin_proof_ups_by_policy_total", ["policy_id"],
        "What signin_proof_ups_first_total counts, by policy as signin_blocks_by_policy_total.";
    BLOCKS_BY_APPLICATION = Kind::Counter, "signin_blocks_by_application_total", ["application_id"],
        "What signin_blocks_first_total counts, by application; with metrics.applications only. The first metrics.max_applications ids that this process sees, then \"other\".";
    FAILURES_BY_APPLICATION = Kind::Counter, "signin_failures_by_application_total", ["application_id"],
        "What signin_failures_first_total counts, by application as signin_blocks_by_application_total.";
    PROOF_UPS_BY_APPLICATION = Kind::Counter, "signin_proof_ups_by_application_total", ["application_id"],
        "What signin_proof_ups_first_total counts, by application as signin_blocks_by_application_total.";
    APPLICATION_INFO = Kind::Gauge, "signin_application_info", ["application_id", "application"],
        "Always 1; the name of each application that is counted, as first seen.";
    BLOCKS_BY_COUNTRY = Kind::Counter, "signin_blocks_by_country_total", ["country"],
        "What signin_blocks_first_total counts, by two-letter country; with metrics.countries only. The first 250 that this process sees, then \"other\", which also counts blocks without a country.";
    POLICY_RESULTS = Kind::Counter, "signin_policy_results_total", ["policy_id", "result"],
        "Results of Conditional Access policies, first occurrences and pages; with metrics.policies only. The first metrics.max_policies ids that this process sees, then \"other\".";
    POLICY_INFO = Kind::Gauge, "signin_policy_info", ["policy_id", "policy"],
        "Always 1; the name of each policy of signin_policy_results_total, as first seen.";
    WATCHED_SIGN_INS = Kind::Counter, "signin_watched_sign_ins_total", ["watch", "outcome"],
        "Sign-ins of the accounts of a watch list, first occurrences only.";
    WATCHED_LAST_SIGN_IN = Kind::Gauge, "signin_watched_last_sign_in_timestamp_seconds", ["watch"],
        "Time of the latest sign-in of an account of a watch list, in seconds since 1970; 0 before the first.";
    WATCH_LIST_RELOADS = Kind::Counter, "signin_watch_list_reloads_total", ["watch", "result"],
        "Changes seen in a watch list's file: ok, or error where it was refused and the list before stays.";
    WATCH_LIST_REFUSED = Kind::Gauge, "signin_watch_list_refused", ["watch"],
        "1 while the file of a watch list is refused and an older list is in force, else 0.";
    UNKNOWN_CODES = Kind::Counter, "signin_unknown_codes_total", ["code"],
        "Sign-ins with an error code that the catalog does not know; the first 100 codes that this process sees, then \"other\".";
    REQUIREMENT_SOURCES = Kind::Counter, "signin_requirement_sources_total", ["source"],
        "Sources that asked for a second factor, as the sign-ins name them; a sign-in may name several.";
    FAILED_CONTROLS = Kind::Counter, "signin_failed_controls_total", ["control"],
        "Sign-ins that failed Conditional Access or whose session expired by it, first occurrences only, by the control that the error code names; managed_device: compliant or hybrid joined; not_named: the code names none.";
    MESSAGES_RECEIVED = Kind::Counter, "signin_messages_received_total", [],
        "Messages read from the input topics.";
    RECEIVED_BYTES = Kind::Counter, "signin_received_bytes_total", [],
        "Bytes of the message bodies read, before decompression of gzip bodies.";
    RECORDS_RECEIVED = Kind::Counter, "signin_records_received_total", [],
        "Log records found in the messages read, sign-ins or not.";
    RECORDS_SKIPPED = Kind::Counter, "signin_records_skipped_total", ["category"],
        "Records that are no sign-ins, by log category.";
    RECORDS_DROPPED = Kind::Counter, "signin_records_dropped_total", ["reason"],
        "Diagnoses counted but not written; detail_none: the configuration asks for no record.";
    DEAD_LETTERS = Kind::Counter, "signin_dead_letters_total", ["reason"],
        "Records or messages sent to the dead-letter topic.";
    FIELD_FAULTS = Kind::Counter, "signin_field_faults_total", ["field"],
        "Fields of a wrong type, read as absent; the record is diagnosed all the same.";
    PRODUCED_RECORDS = Kind::Counter, "signin_produced_records_total", [],
        "Diagnosis records and dead letters that the broker acknowledged, those produced again included.";
    PRODUCE_ERRORS = Kind::Counter, "signin_produce_errors_total", ["kind"],
        "Records that the broker did not take; each is produced again.";
    COMMITS = Kind::Counter, "signin_commits_total", ["result"],
        "Offset commits, by result.";
    DIAGNOSE_DURATION = Kind::Histogram(&DIAGNOSE_BUCKETS), "signin_diagnose_duration_seconds", [],
        "Seconds to read, diagnose and encode the records of one message.";
    SOURCE_DELAY = Kind::Histogram(&DELAY_BUCKETS), "signin_source_delay_seconds", [],
        "Seconds from the sign-in to its record being read here.";
    END_TO_END_DELAY = Kind::Histogram(&DELAY_BUCKETS), "signin_end_to_end_delay_seconds", [],
        "Seconds from the sign-in to its diagnosis being acknowledged by the broker.";
    CONSUMER_LAG_MESSAGES = Kind::Gauge, "signin_consumer_lag_messages", ["topic", "partition"],
        "Messages of an assigned partition that are not done yet.";
    CONSUMER_LAG_SECONDS = Kind::Gauge, "signin_consumer_lag_seconds", ["topic", "partition"],
        "Seconds since the broker received the oldest message not done in an assigned partition; 0 when all are done.";
    THROTTLE = Kind::Gauge, "signin_throttle_seconds", ["broker"],
        "Seconds by which the broker delayed its answers in the last statistics interval.";
    ASSIGNED_PARTITIONS = Kind::Gauge, "signin_assigned_partitions", [],
        "Input partitions assigned to this process.";
    REBALANCES = Kind::Counter, "signin_rebalances_total", ["kind"],
        "Changes of the assignment: partitions assigned, revoked, or lost without notice.";
    OFFSET_RESETS = Kind::Counter, "signin_offset_resets_total", ["reason"],
        "Partitions whose next offset the broker did not have: deleted by retention, beyond_end of a topic that was created anew, or truncated.";
    MESSAGES_LOST = Kind::Counter, "signin_messages_lost_total", [],
        "Messages that retention deleted before they were read.";
    LAST_EVENT = Kind::Gauge, "signin_last_event_timestamp_seconds", [],
        "Time of the latest sign-in read, in seconds since 1970; 0 before the first.";
    TOKEN_REFRESHES = Kind::Counter, "signin_token_refreshes_total", ["result"],
        "Tokens asked for at Entra ID, by result.";
    TOKEN_EXPIRY = Kind::Gauge, "signin_token_expiry_timestamp_seconds", [],
        "When the current token of Entra ID ends, in seconds since 1970; 0 where none is used or none was fetched yet.";
    READY = Kind::Gauge, "signin_ready", [],
        "1 while /readyz says that the process is ready, else 0.";
    WORKERS_STALLED = Kind::Gauge, "signin_workers_stalled", [],
        "Workers that turn but make no progress.";
    POLICY_SNAPSHOT = Kind::Gauge, "signin_policy_snapshot_timestamp_seconds", [],
        "When the policy snapshot in force was exported, in seconds since 1970; 0 without one.";
    POLICY_SNAPSHOT_RELOADS = Kind::Counter, "signin_policy_snapshot_reloads_total", ["result"],
        "Changed policy snapshots, by result: ok, or refused, when the old one stays in force.";
    BUILD_INFO = Kind::Gauge, "signin_build_info", ["version", "revision", "catalog"],
        "Always 1; the versions of the service and of its catalog.";
}
