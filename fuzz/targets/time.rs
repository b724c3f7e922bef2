//! Any text as a time: what is read, and written again, is read as the same. A zone may lead out of the
//! years that can be written; a record leaves such a time out.
use chrono::Datelike as _;
use signin_diagnostics::signin::parse_time;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(time) = parse_time(text)
        && (0..=9999).contains(&time.year())
    {
        assert_eq!(parse_time(&time.to_rfc3339()), Some(time), "{text:?}");
    }
}
