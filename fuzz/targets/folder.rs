//! A folder of files of which one is fuzzed.
use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// The files of `from`; the first byte chooses the one that has the other bytes instead.
pub fn with_one_changed(from: &Path, bytes: &[u8]) -> Option<TempDir> {
    let (choice, content) = bytes.split_first()?;
    let mut names: Vec<_> = fs::read_dir(from)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_none_or(|extension| extension != "md")
        })
        .collect();
    names.sort();
    let folder = tempfile::tempdir().unwrap();
    for (at, name) in names.iter().enumerate() {
        let to = folder.path().join(name);
        if at == usize::from(*choice) % names.len() {
            fs::write(to, content).unwrap();
        } else {
            fs::copy(from.join(name), to).unwrap();
        }
    }
    Some(folder)
}

/// Counted from the repository's root.
pub fn in_repository(path: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = root.join(path);
    if here.exists() {
        here
    } else {
        root.join("..").join(path)
    }
}
