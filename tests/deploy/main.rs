//! The files of a deployment, each held against its own tool or schema, and broken variants of it,
//! which have to be refused. Nothing is deployed: there is no container engine, no cluster and no
//! subscription here.
#![allow(clippy::expect_used)]

mod azure;
mod broken;
mod chart;
mod chart_schema;
mod compose;
mod image;
mod pages;
mod scripts;
mod systemd;
mod tools;
mod workflows;
