//! Readers of the diagnoses, wherever they lie: the output topic is the store, and nothing else
//! has to run. Knows the record, and nothing of the pipeline that writes it.
//!
//! [`store`] reads a topic or files; [`filter`] tells what is looked for from a [`glance`] at each
//! record; [`matches`] keeps what was found, [`groups`] counts it; [`columns`] are what a list
//! shows of a [`record`]; [`review`] puts one together with the sign-ins of its flow; [`console`] shows
//! all that in a browser.
pub mod columns;
pub mod console;
pub mod filter;
pub mod format;
mod glance;
pub mod groups;
pub mod inert;
pub mod matches;
pub mod partition;
pub mod record;
pub mod review;
pub mod scope;
pub mod store;
pub mod time;
mod topic;
pub mod view;

pub use topic::Topic;
