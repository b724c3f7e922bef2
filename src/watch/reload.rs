//! Reads the files of the watch lists, at the start and whenever they change.
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::{Accounts, Shared, WatchList};

/// A file of [`super::MAX_ACCOUNTS`] lines, with room for comments.
const FILE_BYTES: u64 = 8 << 20;

/// A list's file, as it was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFile {
    pub path: PathBuf,
    pub accounts: Accounts,
    /// Of what the file held.
    content: u64,
}

impl ListFile {
    /// # Errors
    ///
    /// Why the file cannot be taken, without anything that it holds.
    pub fn read(path: &Path) -> Result<ListFile, String> {
        let bytes = read(path)?;
        Ok(ListFile {
            path: path.to_owned(),
            accounts: parse(&bytes)?,
            content: xxh3_64(&bytes),
        })
    }
}

/// The content is compared, not the time of the last change: that is too coarse on some file
/// systems, and a mounted secret or config map changes behind a symbolic link.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    // To open a named pipe would wait for a writer, and a device may have no end.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(format!("is larger than {} MiB", FILE_BYTES >> 20));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<Accounts, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Accounts::parse(text)
}

/// What became of a file that changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Reloaded<'r> {
    /// The place of the list.
    pub list: usize,
    pub name: &'r str,
    pub path: &'r Path,
    /// How many accounts the list has now; or why the file is refused, and the accounts from
    /// before stay.
    pub result: Result<usize, String>,
}

/// Follows the files of the lists.
pub struct Reloader {
    shared: Arc<Shared>,
    files: Vec<Followed>,
}

struct Followed {
    place: usize,
    list: WatchList,
    path: PathBuf,
    last: Result<u64, String>,
}

impl Reloader {
    /// `None` where no list has a file.
    pub fn new(lists: &[WatchList], shared: Arc<Shared>) -> Option<Reloader> {
        let files: Vec<Followed> = lists
            .iter()
            .enumerate()
            .filter_map(|(place, list)| {
                let file = list.file.as_ref()?;
                Some(Followed {
                    place,
                    path: file.path.clone(),
                    last: Ok(file.content),
                    list: list.clone(),
                })
            })
            .collect();
        (!files.is_empty()).then_some(Reloader { shared, files })
    }

    /// Reads every file, and takes over those that changed. Tells of each change once, however
    /// often it is asked.
    pub fn reload(&mut self) -> Vec<Reloaded<'_>> {
        let mut changes = Vec::new();
        for file in &mut self.files {
            let bytes = read(&file.path);
            let found = bytes.as_ref().map(|bytes| xxh3_64(bytes));
            let found = found.map_err(Clone::clone);
            if found == file.last {
                continue;
            }
            file.last = found;
            let result = bytes.and_then(|bytes| parse(&bytes)).map(|accounts| {
                let mut all = file.list.users.clone();
                all.extend(&accounts);
                let count = all.len();
                self.shared.replace(file.place, all);
                count
            });
            changes.push(Reloaded {
                list: file.place,
                name: &file.list.name,
                path: &file.path,
                result,
            });
        }
        changes
    }
}
