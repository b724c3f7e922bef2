//! Every value of a file comes once, with its place, whatever the boundaries of the reads.
use super::*;

/// Gives a few bytes at a time, so that every boundary falls somewhere.
struct Trickle<'t>(&'t [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn pieces(input: impl Read, limit: usize) -> Vec<String> {
    let mut values = Values::new(input, limit);
    let mut pieces = Vec::new();
    while let Some(piece) = values.next().unwrap() {
        pieces.push(match piece {
            Piece::Wait => continue,
            Piece::Text { text, place } => format!(
                "{}:{} {}",
                place.line,
                place.column,
                String::from_utf8_lossy(text).trim_end()
            ),
            Piece::TooLarge { place } => format!("{}:{} too large", place.line, place.column),
            Piece::Unclosed { place } => format!("{}:{} unclosed", place.line, place.column),
            Piece::Empty => "empty".to_owned(),
        });
    }
    pieces
}

type Owned = Option<(Vec<u8>, Place)>;

#[allow(clippy::unnecessary_wraps)] // compared with what is optional
fn text(text: &[u8], line: u64, column: u64) -> Owned {
    Some((text.to_vec(), Place { line, column }))
}

/// The next piece of text, however often it has to be waited for.
fn next<R: Read>(values: &mut Values<R>) -> io::Result<Owned> {
    loop {
        match values.next()? {
            Some(Piece::Wait) => {}
            Some(Piece::Text { text, place }) => return Ok(Some((text.to_vec(), place))),
            Some(other) => panic!("{other:?}"),
            None => return Ok(None),
        }
    }
}

#[test]
fn a_file_is_cut_into_its_values() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["empty"]),
        (" \r\n\t\n", &["empty"]),
        ("\u{feff}", &["empty"]),
        ("[]", &[]),
        ("{}", &["1:1 {}"]),
        ("\u{feff}{}\n{}\r\n\n {}", &["1:4 {}", "2:1 {}", "4:2 {}"]),
        (
            "{\"a\":1}{\"b\":2},{\"c\":3}",
            &["1:1 {\"a\":1}", "1:8 {\"b\":2}", "1:16 {\"c\":3}"],
        ),
        // A list around the file, its elements over several lines or on one.
        (
            "[\n  {\n    \"a\": 1\n  },\n  {}\n]\n",
            &["2:3 {\n    \"a\": 1\n  }", "5:3 {}"],
        ),
        ("[{},{}]", &["1:2 {}", "1:5 {}"]),
        ("[{}]\n[{}]\n", &["1:2 {}", "2:2 {}"]),
        ("[[{}],{}]", &["1:2 [{}]", "1:7 {}"]),
        ("[{},\n{}\n", &["1:2 {}", "2:1 {}", "3:1 unclosed"]),
        // An envelope stays whole.
        (
            "{\"records\":[\n{},\n{}\n]}",
            &["1:1 {\"records\":[\n{},\n{}\n]}"],
        ),
        // Brackets, quotes and escapes inside strings.
        (
            r#"{"a":"}{\"[\\"}{}"#,
            &[r#"1:1 {"a":"}{\"[\\"}"#, "1:16 {}"],
        ),
        // Unfinished values give way to the next line where JSON allows no value.
        ("{\"a\":{\n{}\n{}", &["1:1 {\"a\":{", "2:1 {}", "3:1 {}"]),
        ("{\"a\":\"x\n{}\n", &["1:1 {\"a\":\"x", "2:1 {}"]),
        ("{\"a\":\"x,\n{}\n", &["1:1 {\"a\":\"x,", "2:1 {}"]),
        ("{\"a\":1\n{}\n", &["1:1 {\"a\":1", "2:1 {}"]),
        (
            "[\n {\"a\":\n {},\n {}\n]",
            &["2:2 {\"a\":\n {},\n {}\n]", "5:2 unclosed"],
        ),
        // But not to what is further in.
        ("{\"a\":1\n  {}\n}", &["1:1 {\"a\":1\n  {}\n}"]),
        // A bracket that is missing costs its own value only.
        ("[{\"a\":[1},{}]", &["1:2 {\"a\":[1}", "1:11 {}"]),
        ("{\"a\":1", &["1:1 {\"a\":1"]),
        // What is no value.
        ("null", &["1:1 null"]),
        (
            "x\ny {}\nz\n[{}]",
            &["1:1 x\ny", "2:3 {}", "3:1 z", "4:2 {}"],
        ),
        ("[1,2]", &["1:2 1,2"]),
        ("{}}\n{}", &["1:1 {}", "1:3 }", "2:1 {}"]),
    ];
    for (text, expected) in cases {
        for size in [1, 2, 3, 7, usize::MAX] {
            let found = pieces(Trickle(text.as_bytes(), size), 1024);
            assert_eq!(found, *expected, "{text:?} by {size}");
        }
    }
}

#[test]
fn a_value_over_the_limit_ends_the_reading() {
    let text = format!("{{}}\n{{\"a\":\"{}\"}}\n{{}}", "x".repeat(100));
    assert_eq!(
        pieces(Trickle(text.as_bytes(), 10), 50),
        ["1:1 {}", "2:1 too large"]
    );
    assert_eq!(pieces(text.as_bytes(), 200).len(), 3);
}

#[test]
fn a_stretch_of_any_length_is_told_by_its_start() {
    let file = format!("\u{e9}x{}\n{{}}", "\u{e9}".repeat(STRETCH));
    let mut values = Values::new(file.as_bytes(), 10 * STRETCH);
    let kept = &file.as_bytes()[..STRETCH - 1];
    assert!(std::str::from_utf8(kept).is_ok());
    assert_eq!(next(&mut values).unwrap(), text(kept, 1, 1));
    assert_eq!(next(&mut values).unwrap(), text(b"{}", 2, 1));
}

#[test]
fn what_was_read_before_an_error_is_not_lost() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let mut values = Values::new(b"{}{\"a\":1".chain(Failing), 100);
    assert_eq!(next(&mut values).unwrap(), text(b"{}", 1, 1));
    assert!(next(&mut values).is_err());
    assert_eq!(next(&mut values).unwrap(), text(b"{\"a\":1", 1, 3));
    assert_eq!(next(&mut values).unwrap(), None);
}

#[test]
fn a_wait_is_announced_before_the_input_is_asked() {
    let mut values = Values::new(b"{}{}".as_slice(), 10);
    let mut waits = Vec::new();
    while let Some(piece) = values.next().unwrap() {
        waits.push(piece == Piece::Wait);
    }
    assert_eq!(waits, [true, false, false, true]);
}
