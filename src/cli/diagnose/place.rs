//! Where in a file a value, or a fault in it, begins.
use memchr::memchr_iter;

/// Where a byte of a file is; both counted from one, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    pub const START: Place = Place { line: 1, column: 1 };

    /// The place after `text`, which begins here.
    #[must_use]
    pub fn after(self, text: &[u8]) -> Place {
        match text.iter().rposition(|byte| *byte == b'\n') {
            None => Place {
                column: self.column + text.len() as u64,
                ..self
            },
            Some(last) => Place {
                line: self.line + memchr_iter(b'\n', text).count() as u64,
                column: (text.len() - last) as u64,
            },
        }
    }
}

/// Finds the places of bytes of one text. Goes on from the last one asked for, so that places
/// asked for in order cost one pass over the text, however many they are.
#[derive(Debug)]
pub struct Places<'t> {
    text: &'t [u8],
    start: Place,
    /// The byte last asked for, and its place.
    last: (usize, Place),
}

impl<'t> Places<'t> {
    /// Those of `text`, which begins at `start`.
    pub fn new(text: &'t [u8], start: Place) -> Places<'t> {
        Places {
            text,
            start,
            last: (0, start),
        }
    }

    /// The place of the byte at `offset`; the start where the text has none there.
    pub fn of(&mut self, offset: usize) -> Place {
        if offset > self.text.len() {
            return self.start;
        }
        let (mut from, mut place) = self.last;
        if offset < from {
            (from, place) = (0, self.start);
        }
        self.last = (offset, place.after(&self.text[from..offset]));
        self.last.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_moves_with_the_text() {
        for (text, line, column) in [("", 4, 7), ("ab", 4, 9), ("a\n", 5, 1), ("\n\nab", 6, 3)] {
            let place = Place { line: 4, column: 7 };
            assert_eq!(
                place.after(text.as_bytes()),
                Place { line, column },
                "{text:?}"
            );
        }
    }

    #[test]
    fn places_asked_for_in_order_cost_one_pass_over_the_text() {
        let text = b"[5,\n55,5\n\n,5]".as_slice();
        let start = Place { line: 4, column: 7 };
        let mut places = Places::new(text, start);
        for offset in 0..=text.len() {
            let from = places.last.0;
            assert!(offset - from <= 1, "{from} to {offset}");
            assert_eq!(places.of(offset), start.after(&text[..offset]), "{offset}");
        }
        assert_eq!(places.of(text.len() + 1), start);
        assert_eq!(places.of(4), Place { line: 5, column: 1 });
    }
}
