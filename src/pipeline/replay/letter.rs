//! A dead letter, as its headers say where it comes from.
use std::sync::Arc;

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use crate::pipeline::worker::MessagePlace;

pub(super) fn place(message: &BorrowedMessage<'_>) -> MessagePlace {
    MessagePlace {
        topic: Arc::from(message.topic()),
        partition: message.partition(),
        offset: message.offset(),
    }
}

pub(super) enum Letter {
    Whole(MessagePlace, u32),
    /// Only its first part was kept.
    Cut,
    /// Nothing was kept.
    Dropped,
}

pub(super) fn text<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(header.value?).ok()
}

/// Where a dead letter comes from, as its headers say.
pub(super) fn place_of(message: &BorrowedMessage<'_>) -> Option<Letter> {
    let text = |name| text(message, name);
    let place = MessagePlace {
        topic: Arc::from(text("source_topic")?),
        partition: text("source_partition")?.parse().ok()?,
        offset: text("source_offset")?.parse().ok()?,
    };
    let position = text("source_position")?.parse().ok()?;
    if text("dropped_bytes").is_some() {
        return Some(Letter::Dropped);
    }
    if text("original_bytes").is_some() {
        return Some(Letter::Cut);
    }
    Some(Letter::Whole(place, position))
}
