//! Any text as a time: what is read, and written again, is read as the same.
use signin_diagnostics::signin::parse_time;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(time) = parse_time(text) {
        assert_eq!(parse_time(&time.to_rfc3339()), Some(time), "{text:?}");
    }
}
