//! JSON at the speed that the stream needs: what most of a worker's time goes to.
//!
//! Both directions know serde, and leave whatever is rare to `serde_json`: the [`Writer`] the
//! escaping of a text, the [`Text`] escapes, fractions and everything that is not as it should be.
mod plain;
mod read;
mod write;

pub(crate) use read::{REPEATING, Text};
pub(crate) use write::append;
