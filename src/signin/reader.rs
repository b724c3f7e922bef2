//! One message body in, its sign-ins out.
//!
//! Every record gives one item, in order: it is a sign-in, or skipped, or bad. Takes the body
//! as it comes (gzip, byte order mark, envelope, list, bare object, lines of any of these);
//! never panics, never loses a record for its neighbour. Counts and logs nothing.
use std::fmt;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::SignIn;
use super::category::SkippedCategory;
use super::fault::{BadDetail, BadReason};
use super::field::FieldFaults;
use super::message::Session;
use super::privacy::Privacy;
use super::recover::Recovery;
use crate::json;

/// What a reader takes in at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The size of a message as it comes.
    pub message_bytes: usize,
    /// The size of a gzip body once decompressed.
    pub decompressed_bytes: usize,
    /// How many times its own size a gzip body may be, where that is more than 64 KiB.
    pub decompressed_ratio: usize,
}

impl Limits {
    /// None but that of the size of a gzip body once decompressed.
    pub const fn decompressed(bytes: usize) -> Limits {
        Limits {
            message_bytes: usize::MAX,
            decompressed_bytes: bytes,
            decompressed_ratio: usize::MAX,
        }
    }

    fn decompressed_of(&self, message: &[u8]) -> usize {
        let grown = message.len().saturating_mul(self.decompressed_ratio);
        self.decompressed_bytes.min(grown.max(SMALL_BODY))
    }
}

/// A body of this size costs nothing, however small it was.
const SMALL_BODY: usize = 64 * 1024;

/// One thing found in a message. `position` counts them from 0.
pub enum Item<'m> {
    SignIn {
        position: u32,
        sign_in: &'m SignIn<'m>,
        faults: FieldFaults,
    },
    /// A record of another log, or an object that is no sign-in.
    Skipped {
        position: u32,
        category: SkippedCategory,
    },
    /// A stretch that is no record.
    Bad {
        position: u32,
        /// The stretch as it came: of a compressed body, as decompressed, but the compressed
        /// body itself where it does not decompress. Empty where a list ends between records.
        bytes: &'m [u8],
        reason: BadReason,
        detail: BadDetail,
    },
}

impl Item<'_> {
    /// The same item elsewhere in its message.
    pub(super) const fn at(mut self, position: u32) -> Self {
        match &mut self {
            Item::SignIn { position: at, .. }
            | Item::Skipped { position: at, .. }
            | Item::Bad { position: at, .. } => *at = position,
        }
        self
    }
}

/// Without the bytes of a bad stretch: they may hold personal values.
impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::SignIn { position, .. } => write!(f, "sign-in {position}"),
            Item::Skipped { position, category } => {
                write!(f, "skipped {position}: {}", category.as_str())
            }
            Item::Bad {
                position,
                reason,
                detail,
                ..
            } => write!(f, "bad {position}: {} {detail}", reason.as_str()),
        }
    }
}

/// Reads messages, one after the other, with the same memory.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    privacy: Privacy,
    decompressed: Vec<u8>,
}

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Reader {
    /// `privacy` decides what is shown of each sign-in's personal values.
    pub const fn new(limits: Limits, privacy: Privacy) -> Reader {
        Reader {
            limits,
            privacy,
            decompressed: Vec::new(),
        }
    }

    /// Hands every record of `body` to `visit`, in order.
    pub fn read(&mut self, body: &[u8], visit: &mut dyn FnMut(Item<'_>)) {
        let is_compressed = body.starts_with(&GZIP_MAGIC);
        let read_body = if body.len() > self.limits.message_bytes {
            Err(BadReason::TooLarge)
        } else if is_compressed {
            self.decompress(body)
        } else {
            return read(body, &self.privacy, visit);
        };
        match read_body {
            Ok(()) => read(&self.decompressed, &self.privacy, visit),
            Err(reason) => visit(Item::Bad {
                position: 0,
                bytes: body,
                reason,
                detail: BadDetail::default(),
            }),
        }
    }

    /// The bytes that are kept for the next message.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.decompressed.capacity()
    }

    fn decompress(&mut self, body: &[u8]) -> Result<(), BadReason> {
        self.decompressed.clear();
        let limit = self.limits.decompressed_of(body);
        let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        MultiGzDecoder::new(body)
            .take(one_more)
            .read_to_end(&mut self.decompressed)
            .map_err(|_| BadReason::Compression)?;
        if self.decompressed.len() > limit {
            return Err(BadReason::TooLarge);
        }
        Ok(())
    }
}

fn read(message: &[u8], privacy: &Privacy, visit: &mut dyn FnMut(Item<'_>)) {
    let json = message.strip_prefix(BYTE_ORDER_MARK).unwrap_or(message);
    let start = message.len() - json.len();
    if json.trim_ascii().is_empty() {
        return visit(Item::Bad {
            position: 0,
            bytes: message,
            reason: BadReason::Empty,
            detail: BadDetail::default(),
        });
    }

    let mut session = Session::new(privacy, visit);
    let stopped = match std::str::from_utf8(json) {
        Ok(text) => read_values(&mut session, text),
        Err(_) => Some((0, 0)),
    };
    if let Some((at, given)) = stopped {
        Recovery::new(message, start + at, given).run(&mut session);
    }
    session.finish(message);
}

/// Reads the values of a message, however many there are. Where it stops: the start of the
/// value it stopped in, and how many items of that value are out.
fn read_values<'m>(session: &mut Session<'m, '_>, text: &'m str) -> Option<(usize, u32)> {
    let mut text = json::Text::new(text);
    loop {
        let rest = text.rest().trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        text.pass_to(rest);
        let start = text.taken();
        let before = session.position();
        if !session.read_value(&mut text) {
            return Some((start, session.position() - before));
        }
    }
}
