//! The promises that only a real broker can prove: one module a promise, one broker for all.
// A test ends where its ground gives way, and the text says which.
#![allow(clippy::expect_used)]
// Counters are floats in the exposition format; those compared here are whole numbers.
#![allow(clippy::float_cmp)]

#[path = "../support/mod.rs"]
mod support;

mod checks_the_way;
mod counts_what_alerts_rest_on;
mod delivers_every_record;
mod drains_on_signal;
mod exactly_once;
mod feeds_and_asks;
mod fills_the_output_queue;
mod fits_the_topic;
mod follows_the_topic;
mod hands_over_on_rebalance;
mod keeps_personal_data_in;
mod modes;
mod outlives_the_broker;
mod outlives_the_output;
mod passes_poison;
mod refuses_no_record;
mod replays;
mod replays_on_request;
mod resumes_after_kill;
mod round_trip;
mod runs_confined;
mod samples;
mod searches_the_topic;
mod signs_in;
mod starts_where_told;
mod stops_at_dead_letters;
mod survives_bad_input;
mod survives_the_network;
mod tells_errors_apart;
mod tells_repeats_and_updates;
mod tells_the_lag;
mod waits_for_missing_topics;
