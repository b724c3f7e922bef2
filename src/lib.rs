//! Names the sign-in diagnostic scenario of every Microsoft Entra ID sign-in as it streams by.
//!
//! A message's way through the crate:
//!
//! - [`kafka`] opens the clients and tells their errors apart;
//! - [`pipeline`] is the worker: it polls a message and carries out what [`delivery`] decides;
//! - [`signin`] reads the message, whatever its shape, into [`signin::SignIn`]s;
//! - [`privacy_key`] makes pseudonyms, and seals dead letters;
//! - [`policies`] reads what the tenant's Conditional Access policies are configured to;
//! - [`diagnosis`] turns one sign-in into one [`diagnosis::Diagnosis`], by the catalog;
//! - [`delivery`] decides what may be committed and when, without doing any I/O;
//! - [`query`] reads the diagnoses back, for the person who looks for one;
//! - [`watch`] knows the accounts whose sign-ins are marked;
//! - [`telemetry`] counts, logs and answers `/livez`, `/readyz` and `/metrics`;
//! - `files` opens a file that may be compressed; `http` serves within bounds; [`config`] reads the settings; [`cli`] is one file a subcommand.
#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod delivery;
pub mod diagnosis;
mod files;
mod http;
mod json;
pub mod kafka;
pub mod pipeline;
pub mod policies;
pub mod privacy_key;
pub mod query;
pub mod signin;
pub mod telemetry;
pub mod watch;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod testing;
