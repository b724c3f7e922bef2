//! The user's exported logs as messages.
//!
//! A file of lines is sent line by line, any other as one message; what is larger than a
//! message may be is split by its records. Files are read as they are sent; of a file that is
//! one JSON document, the document is held in memory. What cannot be sent is told, not dropped.
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::feed::{Contents, Parcel};
use crate::cli::card::Inert;
use crate::signin::{Item, Limits, Privacy, Reader};

/// Brokers take about 1 MB; the rest is for the client's own framing.
const MESSAGE_BYTES: usize = 900_000;

/// The longest line, or document, that is read.
const VALUE_BYTES: usize = 256 << 20;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const ENVELOPE_START: &[u8] = b"{\"records\":[";
const ENVELOPE_END: &[u8] = b"]}";

/// How many faults are told in words; the rest is counted.
const TOLD: usize = 5;

/// What could not be sent.
#[derive(Debug, Default)]
pub struct NotSent {
    pub count: u64,
    /// The first few, each with its file and reason.
    pub told: Vec<String>,
}

impl NotSent {
    fn add(&mut self, file: &Path, reason: impl std::fmt::Display) {
        self.count += 1;
        if self.told.len() < TOLD {
            let file = file.display().to_string();
            self.told.push(format!("{}: {reason}", Inert(&file)));
        }
    }
}

pub struct Files {
    count: usize,
    waiting: VecDeque<PathBuf>,
    open: Option<Lines>,
    ready: VecDeque<Vec<u8>>,
    reader: Reader,
    not_sent: NotSent,
}

/// A file that is being read, decompressed where it is compressed.
struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    /// Whether each line is a value: the first one shows it.
    line_by_line: bool,
    started: bool,
}

impl Files {
    pub fn new(paths: &[PathBuf]) -> anyhow::Result<Files> {
        for path in paths {
            let name = path.display();
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            let is_folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
            anyhow::ensure!(!is_folder, "{name} is a folder; name the files in it");
        }
        Ok(Files {
            count: paths.len(),
            waiting: paths.iter().cloned().collect(),
            open: None,
            ready: VecDeque::new(),
            // Messages are sent decompressed: the limit is never met.
            reader: Reader::new(Limits::decompressed(MESSAGE_BYTES), Privacy::default()),
            not_sent: NotSent::default(),
        })
    }

    pub const fn count(&self) -> usize {
        self.count
    }

    pub const fn not_sent(&self) -> &NotSent {
        &self.not_sent
    }

    pub fn next(&mut self) -> Option<Parcel> {
        loop {
            if let Some(body) = self.ready.pop_front() {
                let contents = self.contents(&body);
                return Some(Parcel {
                    partition: 0,
                    body,
                    contents,
                });
            }
            if let Some(mut lines) = self.open.take() {
                match lines.next_value() {
                    Ok(Some(value)) => {
                        split(&value, &lines.path, &mut self.ready, &mut self.not_sent);
                        self.open = Some(lines);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let reason = format!("reading ended early: {error}");
                        self.not_sent.add(&lines.path, reason);
                    }
                }
            } else {
                let path = self.waiting.pop_front()?;
                match Lines::open(&path) {
                    Ok(lines) => self.open = Some(lines),
                    Err(error) => self.not_sent.add(&path, error),
                }
            }
        }
    }

    /// What a reader of the message would find in it.
    fn contents(&mut self, body: &[u8]) -> Contents {
        let mut contents = Contents::default();
        self.reader.read(body, &mut |item| {
            contents.records += 1;
            match item {
                Item::SignIn { .. } => contents.sign_ins += 1,
                Item::Skipped { .. } => contents.skipped += 1,
                Item::Bad { .. } => contents.bad += 1,
            }
        });
        contents
    }
}

impl Lines {
    fn open(path: &Path) -> io::Result<Lines> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let is_compressed = file.fill_buf()?.starts_with(&GZIP_MAGIC);
        Ok(Lines {
            path: path.to_owned(),
            input: if is_compressed {
                Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)))
            } else {
                Box::new(file)
            },
            line_by_line: true,
            started: false,
        })
    }

    /// The next line that is not blank, or the whole of a file that does not consist of lines.
    fn next_value(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut value = Vec::new();
        while value.trim_ascii().is_empty() {
            value.clear();
            let limit = VALUE_BYTES as u64;
            let mut input = self.input.by_ref().take(limit);
            if input.read_until(b'\n', &mut value)? == 0 {
                return Ok(None);
            }
            if input.limit() == 0 {
                return Err(too_large());
            }
            if !self.started && value.starts_with(BYTE_ORDER_MARK) {
                value.drain(..BYTE_ORDER_MARK.len());
            }
        }
        if !self.started {
            self.started = true;
            self.line_by_line = !ends_early(&value);
        }
        if !self.line_by_line {
            let room = (VALUE_BYTES - value.len()) as u64;
            let mut input = self.input.by_ref().take(room);
            input.read_to_end(&mut value)?;
            if input.limit() == 0 {
                return Err(too_large());
            }
        }
        value.truncate(value.trim_ascii_end().len());
        Ok(Some(value))
    }
}

fn too_large() -> io::Error {
    let limit = VALUE_BYTES >> 20;
    io::Error::other(format!(
        "a line or document is larger than {limit} MiB; export it as one record a line"
    ))
}

/// Whether JSON begins here and does not end: the first line of a document of many.
fn ends_early(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// Makes messages of one value, or of the values that follow one another in `bytes`.
fn split(bytes: &[u8], path: &Path, ready: &mut VecDeque<Vec<u8>>, not_sent: &mut NotSent) {
    if bytes.len() <= MESSAGE_BYTES {
        return ready.push_back(bytes.to_vec());
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
    while let Some(value) = values.next() {
        match value {
            Ok(value) if value.get().len() <= MESSAGE_BYTES => {
                ready.push_back(value.get().as_bytes().to_vec());
            }
            Ok(value) => match records(value.get()) {
                Some(records) => pack(&records, path, ready, not_sent),
                None => not_sent.add(path, "a record is larger than a message may be"),
            },
            Err(_) => {
                let place = values.byte_offset();
                let reason = format!(
                    "{} bytes are larger than a message may be, and cannot be split: no JSON",
                    bytes.len() - place
                );
                return not_sent.add(path, reason);
            }
        }
    }
}

/// The elements of a list, or of the list that an envelope holds.
fn records(value: &str) -> Option<Vec<&RawValue>> {
    if value.starts_with('[') {
        return serde_json::from_str(value).ok();
    }
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(value).ok()?;
    let is_list = |name: &str| {
        ["records", "value"]
            .iter()
            .any(|n| n.eq_ignore_ascii_case(name))
    };
    let (_, list) = members
        .iter()
        .find(|(name, member)| is_list(name) && member.get().starts_with('['))?;
    serde_json::from_str(list.get()).ok()
}

/// As many records a message as fit.
fn pack(records: &[&RawValue], path: &Path, ready: &mut VecDeque<Vec<u8>>, not_sent: &mut NotSent) {
    let mut body = ENVELOPE_START.to_vec();
    for record in records {
        let record = record.get().as_bytes();
        let alone = ENVELOPE_START.len() + record.len() + ENVELOPE_END.len();
        if alone > MESSAGE_BYTES {
            not_sent.add(path, "a record is larger than a message may be");
            continue;
        }
        if body.len() + 1 + record.len() + ENVELOPE_END.len() > MESSAGE_BYTES {
            close(&mut body, ready);
        }
        if body.len() > ENVELOPE_START.len() {
            body.push(b',');
        }
        body.extend_from_slice(record);
    }
    if body.len() > ENVELOPE_START.len() {
        close(&mut body, ready);
    }
}

fn close(body: &mut Vec<u8>, ready: &mut VecDeque<Vec<u8>>) {
    body.extend_from_slice(ENVELOPE_END);
    ready.push_back(std::mem::replace(body, ENVELOPE_START.to_vec()));
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn record(id: usize, padding: usize) -> String {
        format!(
            r#"{{"category":"SignInLogs","properties":{{"id":"{id}","status":{{"errorCode":0}},"padding":"{}"}}}}"#,
            "x".repeat(padding)
        )
    }

    /// The messages of a file with this content.
    fn play(content: &[u8]) -> (Vec<Parcel>, NotSent) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.json");
        std::fs::write(&path, content).unwrap();
        let mut files = Files::new(&[path]).unwrap();
        let parcels = std::iter::from_fn(|| files.next()).collect();
        (parcels, files.not_sent)
    }

    fn sign_ins(parcels: &[Parcel]) -> u64 {
        parcels.iter().map(|parcel| parcel.contents.sign_ins).sum()
    }

    #[test]
    fn lines_are_messages_of_their_own_and_a_broken_one_stays_alone() {
        let content = format!(
            "\u{feff}{}\n\n{{\"category\":\"AuditLogs\"}}\r\n{{\"broken\n{}",
            record(1, 0),
            record(2, 0)
        );
        let (parcels, not_sent) = play(content.as_bytes());
        let kinds: Vec<_> = parcels
            .iter()
            .map(|parcel| parcel.contents)
            .map(|contents| (contents.sign_ins, contents.skipped, contents.bad))
            .collect();
        assert_eq!(kinds, [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0)]);
        assert_eq!(not_sent.count, 0);
    }

    #[test]
    fn a_document_over_many_lines_is_one_message() {
        let content = format!(
            "{{\n \"records\": [\n{},\n{}\n]\n}}\n",
            record(1, 0),
            record(2, 0)
        );
        let (parcels, _) = play(content.as_bytes());
        assert_eq!(parcels.len(), 1);
        assert_eq!(sign_ins(&parcels), 2);
    }

    #[test]
    fn a_compressed_file_is_sent_decompressed() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        writeln!(encoder, "{}\n{}", record(1, 0), record(2, 0)).unwrap();
        let (parcels, _) = play(&encoder.finish().unwrap());
        assert_eq!(parcels.len(), 2);
        assert_eq!(sign_ins(&parcels), 2);
    }

    #[test]
    fn what_is_larger_than_a_message_is_split_by_record() {
        let list: Vec<String> = (0..50).map(|id| record(id, 50_000)).collect();
        let list = list.join(",");
        for (content, expected) in [
            (format!("[{list}]"), 50),
            (format!("{{\"time\":\"now\",\"Value\":[{list}]}}"), 50),
            (format!("{{\n\"records\":[\n{list}]}}"), 50),
            (format!("{{\"records\":[{list}]}}\n{}", record(50, 0)), 51),
        ] {
            let (parcels, not_sent) = play(content.as_bytes());
            assert_eq!(sign_ins(&parcels), expected);
            assert!((3..=5).contains(&parcels.len()), "{}", parcels.len());
            let largest = parcels.iter().map(|parcel| parcel.body.len()).max();
            assert!(largest.is_some_and(|bytes| bytes <= MESSAGE_BYTES));
            assert_eq!(not_sent.count, 0);
        }
    }

    #[test]
    fn what_cannot_be_sent_is_told_and_its_neighbours_are_sent() {
        let content = format!(
            "[{},{},{}]",
            record(1, 0),
            record(2, MESSAGE_BYTES),
            record(3, 0)
        );
        let (parcels, not_sent) = play(content.as_bytes());
        assert_eq!(sign_ins(&parcels), 2);
        assert_eq!(not_sent.count, 1);
        assert!(not_sent.told[0].contains("export.json: a record is larger"));

        let content = format!("{}\n\"{}", record(1, 0), "x".repeat(MESSAGE_BYTES));
        let (parcels, not_sent) = play(content.as_bytes());
        assert_eq!(sign_ins(&parcels), 1);
        assert_eq!(not_sent.count, 1);
        assert!(not_sent.told[0].contains("cannot be split"));
    }

    #[test]
    fn a_compressed_file_that_breaks_off_is_told() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        writeln!(encoder, "{}\n{}", record(1, 0), record(2, 0)).unwrap();
        let whole = encoder.finish().unwrap();
        let (parcels, not_sent) = play(&whole[..whole.len() - 60]);
        assert_eq!(sign_ins(&parcels), 1);
        assert_eq!(not_sent.count, 1);
    }

    #[test]
    fn a_missing_file_is_refused_before_anything_starts() {
        let error = Files::new(&["no-such-file.json".into()]).err().unwrap();
        assert!(error.to_string().contains("no-such-file.json"));
    }
}
