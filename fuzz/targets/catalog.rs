//! Any bytes as a file of the catalog: it is refused with its faults, or diagnoses everything.
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{Bounds, Detail, DetailRules, Diagnoser, Source};
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader};

use super::folder::{in_repository, with_one_changed};

const EVENT: &[u8] = br#"{"category":"SignInLogs","properties":{"id":"i","status":{"errorCode":53003,"failureReason":"r"},"userDisplayName":"n"}}"#;

pub fn run(bytes: &[u8]) {
    let Some(folder) = with_one_changed(&in_repository("config/catalog"), bytes) else {
        return;
    };
    let catalog = match Catalog::load(folder.path()) {
        Ok(catalog) => catalog,
        Err(faults) => return assert!(!faults.to_string().is_empty()),
    };
    let diagnoser = Diagnoser::new(catalog, DetailRules::all(Detail::Full));
    let limits = Limits::decompressed(1);
    Reader::new(limits, Privacy::default()).read(EVENT, &mut |item| {
        let Item::SignIn { sign_in, .. } = item else {
            panic!("{item:?}");
        };
        let source = Source::File {
            file: "f",
            line: 1,
            position: 0,
        };
        let diagnosis = diagnoser.diagnose(sign_in, &source, Bounds::DEFAULT, None);
        assert!(!diagnosis.assessment.is_empty());
    });
}
