//! Text as it stands in an event: borrowed from the message where it can be.
use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A string of the event. Borrowed unless the JSON held an escape.
pub type Text<'a> = Cow<'a, str>;

/// A number that stands for a text, whatever the case of its ASCII letters: ids and user
/// principal names hold no others. Two texts share one by chance only (64 bits).
pub fn fingerprint(text: &str) -> u64 {
    let mut folded = [0; 64];
    text.as_bytes()
        .chunks(folded.len())
        .fold(text.len() as u64, |print, chunk| {
            let folded = &mut folded[..chunk.len()];
            folded.copy_from_slice(chunk);
            folded.make_ascii_lowercase();
            xxh3_64_with_seed(folded, print)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_knows_no_case_and_misses_no_character() {
        let long = "x".repeat(200);
        let print = fingerprint(&format!("Alex@Contoso.example{long}"));
        assert_eq!(print, fingerprint(&format!("alex@CONTOSO.example{long}")));
        for other in [
            format!("alex@contoso.example{long}x"),
            format!("alex@contoso.exampl3{long}"),
            format!("alex@contoso.example{}y", &long[1..]),
            String::new(),
        ] {
            assert_ne!(print, fingerprint(&other), "{other}");
        }
    }
}
