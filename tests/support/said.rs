//! Keeps what the programs under test have said, for `tests/find-leaks`.
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Keeps a text that must hold neither a secret nor personal data: logs, metrics, errors.
#[allow(dead_code)] // not every test binary runs a program to its end
pub fn keep(name: &str, text: impl AsRef<[u8]>) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    keep_last(&format!("{name}-{number}"), text);
}

/// The same of something that is asked for again and again: the last answer counts.
#[allow(dead_code)]
pub fn keep_last(name: &str, text: impl AsRef<[u8]>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("said");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let file = folder.join(format!("{name}-{}", std::process::id()));
    fs::write(file, text).expect("the target folder can be written");
}
