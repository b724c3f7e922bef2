//! Opens what is to be read: a file or standard input, decompressed where it is gzip.
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Something to read, and how far it was read.
pub struct Input {
    pub text: Box<dyn Read>,
    /// Bytes read so far, before decompression.
    pub read: Rc<Cell<u64>>,
    /// The size before decompression, where it is known.
    pub size: Option<u64>,
}

impl Input {
    pub fn open(file: &Path) -> io::Result<Input> {
        let file = File::open(file)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::other("is a directory; name the files in it"));
        }
        let size = metadata.is_file().then_some(metadata.len());
        Input::new(Box::new(file), size)
    }

    pub fn standard() -> io::Result<Input> {
        Input::new(Box::new(io::stdin()), None)
    }

    fn new(source: Box<dyn Read>, size: Option<u64>) -> io::Result<Input> {
        let read = Rc::new(Cell::new(0));
        let counted = Counted {
            source,
            read: Rc::clone(&read),
        };
        let (head, mut text) = peek(counted)?;
        let mut start = head;
        if start.starts_with(&GZIP_MAGIC) {
            let (head, decompressed) = peek(MultiGzDecoder::new(text))?;
            start = head;
            text = decompressed;
        }
        if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
            return Err(io::Error::other(
                "is UTF-16; convert it to UTF-8: iconv -f UTF-16 -t UTF-8",
            ));
        }
        Ok(Input { text, read, size })
    }
}

/// The first bytes, and the whole with them.
fn peek(mut source: impl Read + 'static) -> io::Result<([u8; 3], Box<dyn Read>)> {
    let mut taken = Vec::with_capacity(3);
    source.by_ref().take(3).read_to_end(&mut taken)?;
    let mut head = [0; 3];
    head[..taken.len()].copy_from_slice(&taken);
    Ok((head, Box::new(Cursor::new(taken).chain(source))))
}

struct Counted {
    source: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.read.set(self.read.get() + length as u64);
        Ok(length)
    }
}
