//! Text as it stands in an event: borrowed from the message where it can be.
use std::borrow::Cow;

/// A string of the event. Borrowed unless the JSON held an escape.
pub type Text<'a> = Cow<'a, str>;
