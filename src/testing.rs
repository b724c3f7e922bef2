//! What the unit tests have in common with the tests in `tests/`.
#[path = "../tests/support/certificates.rs"]
pub mod certificates;
#[path = "../tests/support/https.rs"]
pub mod https;
