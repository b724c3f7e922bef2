//! `[watch.NAME]`: the watch lists and the files they name.
use std::collections::BTreeSet;
use std::path::Path;

use ::config::ValueKind;

use super::layers::nearest;
use super::reader::{Reader, list, text};
use crate::watch::{Accounts, ListFile, MAX_ACCOUNTS, MAX_LISTS, WatchList, is_account};

const PREFIX: &str = "watch.";
const KEYS: [&str; 2] = ["users", "users_file"];

/// Of a list's name, which is the value of a metric's label.
const NAME_CHARS: usize = 40;

/// The lists, by name. No fault repeats an account.
pub(super) fn read(reader: &mut Reader) -> Vec<WatchList> {
    let mut names = BTreeSet::new();
    for (rest, found) in reader.section(PREFIX) {
        let key = format!("{PREFIX}{rest}");
        match rest.rsplit_once('.') {
            Some((name, part)) if KEYS.contains(&part) => {
                names.insert(name.to_owned());
            }
            Some((name, part)) => {
                let near = nearest(part, KEYS.into_iter()).unwrap_or(KEYS[0]);
                let remedy = format!("did you mean {PREFIX}{name}.{near}?");
                reader.fault(&key, "is not a known key", remedy);
            }
            None if matches!(found.value, ValueKind::Table(_)) => {
                names.insert(rest);
            }
            None => {
                let remedy = format!("write {key}.users = [\"user@contoso.com\"]");
                reader.fault(&key, "is a section, not a single value", remedy);
            }
        }
    }
    if names.len() > MAX_LISTS {
        let reason = format!("{} lists are more than {MAX_LISTS}", names.len());
        reader.fault("watch", reason, "join some of them");
    }
    names
        .into_iter()
        .map(|name| watch_list(reader, name))
        .collect()
}

fn watch_list(reader: &mut Reader, name: String) -> WatchList {
    let section = format!("{PREFIX}{name}");
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > NAME_CHARS || !name.bytes().all(plain) {
        let remedy = format!(
            "use up to {NAME_CHARS} lower-case letters, digits, '_' and '-', such as emergency"
        );
        reader.fault(&section, "is not a name for a watch list", remedy);
    }
    let users = users(reader, &format!("{section}.users"));
    let file_key = format!("{section}.users_file");
    let path = reader
        .found(&file_key)
        .map(|value| text(value).map(str::to_owned));
    let file = match path {
        None => None,
        Some(Ok(path)) if path.is_empty() => None,
        Some(path) => match path.and_then(|path| ListFile::read(Path::new(&path))) {
            Ok(file) => Some(file),
            Err(reason) => {
                let remedy = "name a text file with one object id or user principal name a line";
                reader.fault(&file_key, reason, remedy);
                None
            }
        },
    };
    let faulty = reader.has_fault(&format!("{section}.users")) || reader.has_fault(&file_key);
    if users.is_empty() && file.is_none() && !faulty {
        let remedy = format!("set {section}.users or {section}.users_file, or leave it out");
        reader.fault(&section, "lists no account", remedy);
    }
    WatchList { name, users, file }
}

fn users(reader: &mut Reader, key: &str) -> Accounts {
    const REMEDY: &str = "write object ids or user principal names, as [\"user@contoso.com\"]";
    let mut accounts = Accounts::default();
    let listed = match reader.found(key).map(list) {
        None => return accounts,
        Some(Ok(listed)) => listed,
        Some(Err(reason)) => {
            reader.fault(key, reason, REMEDY);
            return accounts;
        }
    };
    if listed.len() > MAX_ACCOUNTS {
        let reason = format!("lists more than {MAX_ACCOUNTS} accounts");
        reader.fault(key, reason, "split the list");
        return accounts;
    }
    for (index, account) in listed.iter().enumerate() {
        if is_account(account) {
            accounts.insert(account);
        } else {
            let reason = format!(
                "element {} is neither an object id nor a user principal name",
                index + 1
            );
            reader.fault(key, reason, REMEDY);
        }
    }
    accounts
}
