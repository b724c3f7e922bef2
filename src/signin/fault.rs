//! Why a record, or a whole message, could not be read.
use std::fmt;

/// The reason of a dead letter: the value of its header and of the metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BadReason {
    /// No body, or nothing but blanks.
    Empty,
    /// JSON, but neither an object nor a list of objects.
    NotAnObject,
    /// Not JSON.
    Syntax,
    /// The body ends inside a record or an envelope.
    Truncated,
    InvalidUtf8,
    /// A gzip body that does not decompress.
    Compression,
    /// Larger than `limits.message_bytes`, or once decompressed than `limits.decompressed_bytes`
    /// and `limits.decompressed_ratio` allow.
    TooLarge,
    /// More records than `limits.records_per_message`.
    TooManyRecords,
}

impl BadReason {
    pub const ALL: [BadReason; 8] = [
        BadReason::Empty,
        BadReason::NotAnObject,
        BadReason::Syntax,
        BadReason::Truncated,
        BadReason::InvalidUtf8,
        BadReason::Compression,
        BadReason::TooLarge,
        BadReason::TooManyRecords,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            BadReason::Empty => "empty",
            BadReason::NotAnObject => "not_an_object",
            BadReason::Syntax => "syntax",
            BadReason::Truncated => "truncated",
            BadReason::InvalidUtf8 => "invalid_utf8",
            BadReason::Compression => "compression",
            BadReason::TooLarge => "too_large",
            BadReason::TooManyRecords => "too_many_records",
        }
    }
}

/// Where in the bytes of a bad record reading stopped. Never quotes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BadDetail {
    /// Counted in bytes from the start of the bad bytes; `None` where no place is to blame.
    pub offset: Option<usize>,
}

impl BadDetail {
    pub(super) const fn at(offset: usize) -> BadDetail {
        BadDetail {
            offset: Some(offset),
        }
    }
}

impl fmt::Display for BadDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "at byte {offset}"),
            None => f.write_str("as a whole"),
        }
    }
}
