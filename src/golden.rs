//! Checked-in files that a test writes: compared as they are, rewritten with `BLESS=1`.
use std::path::Path;

/// Compares `actual` with the file at `path`, counted from the repository's root.
pub fn assert_file(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == actual,
        "{path} differs from what the code says; review it, then run the test with BLESS=1:\n{}",
        first_difference(&expected, actual)
    );
}

/// Replaces what stands between two marker lines of a document that people write.
pub fn assert_section(path: &str, marker: &str, section: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let document = std::fs::read_to_string(file).unwrap();
    let begin = format!("<!-- {marker}: begin -->\n");
    let end = format!("<!-- {marker}: end -->\n");
    let (before, rest) = document.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    assert_file(path, &format!("{before}{begin}{section}{end}{after}"));
}

fn first_difference(expected: &str, actual: &str) -> String {
    let mut lines = expected.lines().zip(actual.lines()).enumerate();
    match lines.find(|(_, (expected, actual))| expected != actual) {
        Some((index, (expected, actual))) => {
            format!("line {}:\n- {expected}\n+ {actual}", index + 1)
        }
        None => "one is longer than the other".to_owned(),
    }
}
