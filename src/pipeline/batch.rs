//! What one message becomes: its outputs, in one buffer that is used again for the next.
use std::ops::Range;

use crate::diagnosis::{Outcome, Scenario};
use crate::signin::BadReason;

/// One record for the output or the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub kind: OutputKind,
    key: Option<Range<usize>>,
    payload: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    Diagnosis {
        scenario: Scenario,
        outcome: Outcome,
    },
    DeadLetter {
        reason: BadReason,
        position: u32,
        encoding: Encoding,
        protection: Protection,
    },
}

/// How the bytes of a dead letter stand in its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As they came.
    Identity,
    /// Compressed, because they are larger than a record may be.
    Gzip,
    /// The first part of `bytes`: too large even when compressed. The whole is in the input
    /// topic, at the place that the headers name.
    Truncated { bytes: usize },
}

/// What was done to the bytes of a dead letter, after their encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    None,
    /// Sealed with the key of the settings.
    Sealed,
    /// Left out: there were so many.
    Dropped {
        bytes: usize,
    },
}

/// What is kept for the next message: more than the outputs of an ordinary one.
const KEPT_BYTES: usize = 4 << 20;
const KEPT_OUTPUTS: usize = 4096;

/// The outputs of one message.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    outputs: Vec<Output>,
}

impl Batch {
    pub fn clear(&mut self) {
        self.bytes.clear();
        // One unusual message must not hold its memory for good.
        self.bytes.shrink_to(KEPT_BYTES);
        self.outputs.clear();
        self.outputs.shrink_to(KEPT_OUTPUTS);
    }

    pub fn len(&self) -> usize {
        self.outputs.len()
    }

    /// The buffer; what is appended becomes an output by [`Batch::push`].
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Makes an output of what was appended from `start` on.
    pub fn push(&mut self, kind: OutputKind, start: usize, key: Option<&str>) {
        let payload = start..self.bytes.len();
        let key = key.map(|key| {
            self.bytes.extend_from_slice(key.as_bytes());
            payload.end..self.bytes.len()
        });
        self.outputs.push(Output { kind, key, payload });
    }

    pub fn output(&self, index: usize) -> Option<&Output> {
        self.outputs.get(index)
    }

    pub fn payload(&self, output: &Output) -> &[u8] {
        &self.bytes[output.payload.clone()]
    }

    pub fn key(&self, output: &Output) -> Option<&[u8]> {
        output.key.clone().map(|range| &self.bytes[range])
    }
}
