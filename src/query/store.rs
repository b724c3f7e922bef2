//! Where diagnoses lie: the output topic, or files of one record a line.
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::filter::Filter;
use super::groups;
use super::matches;
use super::topic::Topic;
use crate::files::Input;

/// The clocks of Entra and of the service may differ by so much.
const CLOCKS: TimeDelta = TimeDelta::minutes(5);

/// The longest line that is read: a message is bounded by 1 MB.
const LINE: usize = 16 << 20;

#[derive(Clone)]
pub enum Store {
    Topic(Topic),
    Files(Vec<PathBuf>),
}

/// Which records of a topic are read, by when they were written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extent<'a> {
    pub written_from: Option<DateTime<Utc>>,
    /// Excluded.
    pub written_to: Option<DateTime<Utc>>,
    /// All records wanted have this key, and the producer's partitioner is known.
    pub key: Option<&'a str>,
}

impl Extent<'_> {
    /// What holds the records of a filter: none is written before its event, nor more than
    /// `max_delay` after it.
    pub fn of(filter: &Filter, max_delay: TimeDelta) -> Extent<'static> {
        Extent {
            written_from: filter.from.and_then(|from| from.checked_sub_signed(CLOCKS)),
            written_to: filter.to.and_then(|to| to.checked_add_signed(max_delay)),
            key: None,
        }
    }
}

/// Why a visitor wants no more.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(transparent)]
    Matches(#[from] matches::TooMany),
    #[error(transparent)]
    Groups(#[from] groups::TooMany),
    #[error("cannot write")]
    Write(#[from] io::Error),
    #[error("took longer than {0} s; narrow the time range")]
    Deadline(u64),
    #[error("nobody waits for the answer any more")]
    Abandoned,
}

/// Takes what a scan reads.
pub trait Visitor {
    fn record(&mut self, record: &[u8]) -> Result<(), Stopped>;

    /// So many records of so many, or bytes of a file.
    fn progress(&mut self, done: u64, total: u64) -> Result<(), Stopped>;
}

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(
        "there is no topic {0:?} on these brokers; check output.topic and kafka.bootstrap_servers"
    )]
    NoTopic(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Broker(String),
    #[error("cannot create the Kafka client: {0}; look at [kafka.properties] and [kafka.security]")]
    Client(String),
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    #[error(transparent)]
    Stopped(Stopped),
}

impl Store {
    /// Gives the records that were written within `extent` to the visitor, in the order of each
    /// partition or file.
    ///
    /// # Errors
    ///
    /// The store cannot be read to the end, or the visitor stopped.
    pub fn scan(&self, extent: &Extent<'_>, visitor: &mut dyn Visitor) -> Result<(), ScanError> {
        match self {
            Store::Topic(topic) => topic.scan(extent, visitor),
            Store::Files(files) => files.iter().try_for_each(|file| lines(file, visitor)),
        }
    }

    /// When its oldest record was written, where that is known.
    pub fn begins(&self) -> Result<Option<DateTime<Utc>>, ScanError> {
        match self {
            Store::Topic(topic) => topic.begins(),
            Store::Files(_) => Ok(None),
        }
    }

    /// What it is, for a person: `topic diagnoses`.
    pub fn name(&self) -> String {
        match self {
            Store::Topic(topic) => format!("topic {}", topic.name()),
            Store::Files(files) => {
                let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
                names.join(", ")
            }
        }
    }
}

fn lines(file: &Path, visitor: &mut dyn Visitor) -> Result<(), ScanError> {
    let fault = |source| ScanError::File {
        file: file.to_string_lossy().into_owned(),
        source,
    };
    let input = if file == Path::new("-") {
        Input::standard()
    } else {
        Input::open(file)
    };
    let input = input.map_err(fault)?;
    let mut text = BufReader::with_capacity(256 << 10, input.text);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = io::Read::take(&mut text, LINE as u64)
            .read_until(b'\n', &mut line)
            .map_err(fault)?;
        if length == 0 {
            return Ok(());
        }
        if length == LINE {
            let long = io::Error::other("has a line of more than 16 MiB; write one record a line");
            return Err(fault(long));
        }
        let record = line.trim_ascii();
        let record = record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record);
        if !record.is_empty() {
            visitor.record(record)?;
        }
        visitor.progress(input.read.get(), input.size.unwrap_or(0))?;
    }
}
