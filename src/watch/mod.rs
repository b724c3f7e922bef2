//! Watch lists: named lists of accounts whose every sign-in is marked and counted, such as those
//! for emergency access.
//!
//! Workers read a snapshot; [`reload`] replaces it when a list's file changes. An account is kept
//! as a fingerprint, which can be compared and not shown. Does not count, log or read settings.
mod accounts;
pub mod reload;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use accounts::{Accounts, MAX_ACCOUNTS, is_account};
pub use reload::{ListFile, Reloaded, Reloader};

use crate::diagnosis::{Aspect, Diagnosis};
use crate::signin::{Personal, SignIn};

/// The most lists; a set of them is a number of 32 bits.
pub const MAX_LISTS: usize = 20;

/// A list as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchList {
    pub name: String,
    /// Named in the settings; they stay until the process ends.
    pub users: Accounts,
    pub file: Option<ListFile>,
}

impl WatchList {
    /// Those of the settings and those of the file.
    pub fn accounts(&self) -> Accounts {
        let mut accounts = self.users.clone();
        if let Some(file) = &self.file {
            accounts.extend(&file.accounts);
        }
        accounts
    }
}

/// The lists that an account is on, by their places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watched(u32);

impl Watched {
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MAX_LISTS).filter(move |list| self.0 & (1 << list) != 0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// All lists at one time.
#[derive(Debug, Clone, Default)]
pub struct WatchLists(Vec<(Arc<str>, Accounts)>);

impl WatchLists {
    pub fn new(lists: &[WatchList]) -> WatchLists {
        let lists = lists.iter().take(MAX_LISTS);
        WatchLists(
            lists
                .map(|list| (Arc::from(&*list.name), list.accounts()))
                .collect(),
        )
    }

    /// The lists that the account of a sign-in is on, by its id or its user principal name.
    pub fn of(&self, sign_in: &SignIn<'_>) -> Watched {
        let mut watched = Watched::default();
        if self.0.is_empty() {
            return watched;
        }
        let id = sign_in.user_id.as_ref().map(Personal::fingerprint);
        let name = sign_in.user_principal_name.as_ref();
        let name = name.map(Personal::fingerprint);
        for account in [id, name].into_iter().flatten() {
            for (place, (_, accounts)) in self.0.iter().enumerate() {
                if accounts.contains(account) {
                    watched.0 |= 1 << place;
                }
            }
        }
        watched
    }

    /// Writes into the diagnosis which lists its account is on.
    pub fn mark<'a>(&'a self, watched: Watched, diagnosis: &mut Diagnosis<'a>) {
        if !watched.is_empty() {
            diagnosis.aspects.insert(Aspect::WatchedAccount);
            let names = watched.iter().filter_map(|list| self.0.get(list));
            diagnosis.watch_lists = names.map(|(name, _)| &**name).collect();
        }
    }
}

/// The lists of the process, replaced as a whole.
#[derive(Debug, Default)]
pub struct Shared {
    lists: RwLock<Arc<WatchLists>>,
    version: AtomicU64,
}

impl Shared {
    pub fn new(lists: WatchLists) -> Shared {
        Shared {
            lists: RwLock::new(Arc::new(lists)),
            version: AtomicU64::new(0),
        }
    }

    fn replace(&self, place: usize, accounts: Accounts) {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = Arc::make_mut(&mut *lists).0.get_mut(place) {
            *known = accounts;
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    fn current(&self) -> (u64, Arc<WatchLists>) {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        (self.version.load(Ordering::Acquire), Arc::clone(&*lists))
    }
}

/// One worker's view of the lists. Takes the lock only after they changed.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    lists: Arc<WatchLists>,
    version: u64,
}

impl Follower {
    pub fn new(shared: Arc<Shared>) -> Follower {
        let (version, lists) = shared.current();
        Follower {
            shared,
            lists,
            version,
        }
    }

    /// The lists as they are now.
    pub fn current(&mut self) -> &WatchLists {
        if self.shared.version.load(Ordering::Acquire) != self.version {
            (self.version, self.lists) = self.shared.current();
        }
        &self.lists
    }
}

#[cfg(test)]
mod tests;
