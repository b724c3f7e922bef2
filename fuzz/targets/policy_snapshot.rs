//! Any bytes as a file of a policy snapshot: it is refused with its faults, or read.
use signin_diagnostics::policies::{Limits, PolicySnapshot};

use super::folder::{in_repository, with_one_changed};

pub fn run(bytes: &[u8]) {
    let Some(folder) = with_one_changed(&in_repository("tests/fixtures/policies"), bytes) else {
        return;
    };
    match PolicySnapshot::load(folder.path(), &Limits::default()) {
        Ok(snapshot) => assert!(!snapshot.version().is_empty()),
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
}
