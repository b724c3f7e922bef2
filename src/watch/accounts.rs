//! A set of accounts, and the text that lists them.
use std::collections::HashSet;

use crate::signin::fingerprint;

/// The most accounts of one list, and of one file.
pub const MAX_ACCOUNTS: usize = 10_000;

/// A user principal name has at most 113 characters; twice that holds the name of a guest.
const ACCOUNT_BYTES: usize = 320;

/// Accounts by object id or user principal name, whatever the case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts(HashSet<u64>);

impl Accounts {
    pub fn insert(&mut self, account: &str) {
        self.0.insert(fingerprint(account));
    }

    pub fn extend(&mut self, others: &Accounts) {
        self.0.extend(&others.0);
    }

    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        self.0.contains(&fingerprint)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a list with one account a line. Blank lines are ignored, and what follows a `#` at
    /// the start of a line or after a blank: the name of a guest holds `#EXT#`.
    ///
    /// # Errors
    ///
    /// What is wrong with the first line that is, without its text; or with the list.
    pub fn parse(text: &str) -> Result<Accounts, String> {
        let mut accounts = Accounts::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(account) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let alone = words.next().is_none_or(|word| word.starts_with('#'));
            if !alone || !is_account(account) {
                let number = index + 1;
                return Err(format!(
                    "line {number} is neither an object id nor a user principal name"
                ));
            }
            accounts.insert(account);
            if accounts.len() > MAX_ACCOUNTS {
                return Err(format!("lists more than {MAX_ACCOUNTS} accounts"));
            }
        }
        if accounts.is_empty() {
            return Err("lists no account".to_owned());
        }
        Ok(accounts)
    }
}

/// Whether a text can be an object id or a user principal name: a display name on a list would
/// never match, and watch nobody.
pub fn is_account(text: &str) -> bool {
    let plain = |character: char| !character.is_whitespace() && !character.is_control();
    let is_name = text
        .split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty());
    text.len() <= ACCOUNT_BYTES
        && text.chars().all(plain)
        && (is_name || uuid::Uuid::try_parse(text).is_ok_and(|_| text.len() == 36))
}
