//! Cuts a file into the JSON values it holds, so that a file of any size is read in little
//! memory: lines, values over several lines, and the elements of a list around the whole file
//! each come alone, with the place where they begin.
//!
//! Looks at brackets and line breaks only; what a value says, and what is wrong with it, is for
//! [`crate::signin::Reader`]. Nothing of the file is lost, but for blanks and commas between
//! values and the rest of a long stretch that is no JSON.
use std::io::{self, BufRead, BufReader, Read};

use memchr::memchr3;

use super::place::Place;
use crate::signin::scan::Brackets;

/// Bytes of the file in memory, beside the value under way.
const BLOCK: usize = 256 * 1024;

/// What is kept of a stretch that is no JSON: enough to say what is wrong with it.
const STRETCH: usize = 64 * 1024;

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Nothing yet: the next call reads on, and may have to wait for the input.
    Wait,
    /// A value, or a stretch that is none.
    Text { text: &'t [u8], place: Place },
    /// A value larger than the limit begins here: reading ends.
    TooLarge { place: Place },
    /// The file ends here, inside the list around it.
    Unclosed { place: Place },
    /// The file held nothing at all.
    Empty,
}

/// The values of one file, in order.
#[derive(Debug)]
pub struct Values<R> {
    input: BufReader<R>,
    cutter: Cutter,
    /// Whether [`Piece::Wait`] was given since the input was last read.
    announced: bool,
    /// Whether the last piece is out.
    ended: bool,
}

impl<R: Read> Values<R> {
    /// Takes values of at most `limit` bytes.
    pub fn new(input: R, limit: usize) -> Values<R> {
        Values {
            input: BufReader::with_capacity(BLOCK, input),
            cutter: Cutter::new(limit),
            announced: false,
            ended: false,
        }
    }

    /// The next piece; `None` at the end. After an error the value under way can still be had:
    /// the next call takes what is there as the end of the file.
    pub fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        if matches!(self.cutter.state, State::Between) {
            self.cutter.text.clear();
        }
        while !self.ended {
            if self.input.buffer().is_empty() && !std::mem::replace(&mut self.announced, true) {
                return Ok(Some(Piece::Wait));
            }
            let block = match self.input.fill_buf() {
                Ok(block) => block,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            };
            self.announced = false;
            if block.is_empty() {
                self.ended = true;
                break;
            }
            let (taken, cut) = self.cutter.scan(block);
            self.input.consume(taken);
            match cut {
                Some(Cut::Complete) => return Ok(Some(self.cutter.piece())),
                Some(Cut::TooLarge) => {
                    self.ended = true;
                    let place = self.cutter.start;
                    self.cutter = Cutter::over();
                    return Ok(Some(Piece::TooLarge { place }));
                }
                None => {}
            }
        }
        Ok(self.cutter.rest())
    }
}

enum Cut {
    Complete,
    TooLarge,
}

/// What the next byte is part of.
#[derive(Debug)]
enum State {
    Between,
    Value(Open),
    /// What is no JSON, or neither an object nor a list.
    Stretch,
}

#[derive(Debug)]
struct Cutter {
    limit: usize,
    state: State,
    /// The value under way, or the one that was just cut.
    text: Vec<u8>,
    /// Where `text` begins.
    start: Place,
    /// Where the next byte is.
    at: Place,
    /// Blanks at the start of this line.
    indent: u64,
    /// Whether a list around the file is open.
    in_list: bool,
    /// Whether the file has nothing but blanks so far.
    blank: bool,
}

impl Cutter {
    const fn new(limit: usize) -> Cutter {
        Cutter {
            limit,
            state: State::Between,
            text: Vec::new(),
            start: Place::START,
            at: Place::START,
            indent: 0,
            in_list: false,
            blank: true,
        }
    }

    /// Has nothing more to give.
    const fn over() -> Cutter {
        let mut cutter = Cutter::new(0);
        cutter.blank = false;
        cutter
    }

    fn piece(&self) -> Piece<'_> {
        Piece::Text {
            text: &self.text,
            place: self.start,
        }
    }

    /// What is left at the end of the file.
    fn rest(&mut self) -> Option<Piece<'_>> {
        if !matches!(self.state, State::Between) {
            self.end();
            return Some(self.piece());
        }
        if std::mem::take(&mut self.in_list) {
            return Some(Piece::Unclosed { place: self.at });
        }
        std::mem::take(&mut self.blank).then_some(Piece::Empty)
    }

    /// Reads on in `block`, to the end of a value: how much of it was taken.
    fn scan(&mut self, block: &[u8]) -> (usize, Option<Cut>) {
        let mut taken = 0;
        while taken < block.len() {
            let rest = &block[taken..];
            let (length, complete) = match &mut self.state {
                State::Between => (usize::from(!self.begins(rest[0])), false),
                State::Value(open) => {
                    let (length, complete) = open.scan(rest);
                    self.text.extend_from_slice(&rest[..length]);
                    (length, complete)
                }
                State::Stretch => {
                    let end = self.stretch_end(rest);
                    let stretch = &rest[..end.unwrap_or(rest.len())];
                    let kept = STRETCH.saturating_sub(self.text.len()).min(stretch.len());
                    self.text.extend_from_slice(&stretch[..kept]);
                    (stretch.len(), end.is_some())
                }
            };
            self.pass(&rest[..length]);
            taken += length;
            if self.text.len() > self.limit {
                return (taken, Some(Cut::TooLarge));
            }
            if complete {
                self.end();
                return (taken, Some(Cut::Complete));
            }
        }
        (taken, None)
    }

    /// Whether a value or a stretch begins with this byte; it is not taken then.
    fn begins(&mut self, byte: u8) -> bool {
        // Blanks, and the byte order marks of files that were joined.
        if byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF) {
            return false;
        }
        self.blank = false;
        self.state = match byte {
            b',' => return false,
            b'[' if !self.in_list => {
                self.in_list = true;
                return false;
            }
            b']' if self.in_list => {
                self.in_list = false;
                return false;
            }
            b'{' | b'[' => State::Value(Open::new(self.indent)),
            _ => State::Stretch,
        };
        self.start = self.at;
        true
    }

    /// Where reading can go on after what is no JSON.
    fn stretch_end(&self, rest: &[u8]) -> Option<usize> {
        let mut line_begins = self.at.column == self.indent + 1;
        rest.iter().position(|byte| {
            let ends = match byte {
                b'{' => true,
                b'[' => line_begins,
                b']' => self.in_list,
                _ => false,
            };
            line_begins = *byte == b'\n' || (line_begins && byte.is_ascii_whitespace());
            ends
        })
    }

    /// Ends what is under way.
    fn end(&mut self) {
        // A value that was never finished ends before the line break, not at it.
        self.text.truncate(self.text.trim_ascii_end().len());
        // Of a stretch that was cut, no half character is left.
        if matches!(self.state, State::Stretch)
            && self.text.len() == STRETCH
            && let Err(error) = std::str::from_utf8(&self.text)
            && error.error_len().is_none()
        {
            self.text.truncate(error.valid_up_to());
        }
        self.state = State::Between;
    }

    fn pass(&mut self, text: &[u8]) {
        let line = match text.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => {
                self.indent = 0;
                &text[last + 1..]
            }
            None if self.at.column == self.indent + 1 => text,
            None => &[],
        };
        let blanks = line.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.indent += blanks.count() as u64;
        self.at = self.at.after(text);
    }
}

/// An object or a list under way.
#[derive(Debug)]
struct Open {
    brackets: Brackets,
    /// The indentation of the line that it began on.
    indent: u64,
    /// The last byte that was no blank.
    last: u8,
    /// Whether a line ended inside a string.
    broken: bool,
    /// Blanks of this line, while there is nothing else on it.
    blanks: Option<u64>,
}

impl Open {
    fn new(indent: u64) -> Open {
        Open {
            brackets: Brackets::default(),
            indent,
            last: b'[',
            broken: false,
            blanks: None,
        }
    }

    /// How much of `text` belongs to the value, and whether it ends there.
    fn scan(&mut self, text: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if self.brackets.in_plain_string() {
                match memchr3(b'"', b'\\', b'\n', &text[at..]) {
                    Some(length) if length > 0 => {
                        at += length;
                        continue;
                    }
                    Some(_) => {}
                    None => return (text.len(), false),
                }
            }
            if byte == b'\n' {
                self.broken |= self.brackets.break_string();
                self.blanks = Some(0);
            } else if !byte.is_ascii_whitespace() {
                if self
                    .blanks
                    .take()
                    .is_some_and(|blanks| self.gives_way(byte, blanks))
                {
                    return (at, true);
                }
                self.last = byte;
            } else if let Some(blanks) = &mut self.blanks {
                *blanks += 1;
            }
            at += 1;
            if self.brackets.closes_with(byte) {
                return (at, true);
            }
        }
        (at, false)
    }

    /// Whether the value was never finished and another begins, with `byte`, on a line after
    /// it: no further in, and where JSON allows none.
    fn gives_way(&self, byte: u8, indent: u64) -> bool {
        matches!(byte, b'{' | b'[')
            && indent <= self.indent
            && (self.broken || !matches!(self.last, b',' | b':' | b'['))
    }
}

#[cfg(test)]
mod tests;
