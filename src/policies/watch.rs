//! Notices changes of the snapshot's folder, and puts the new snapshot in force.
//!
//! It polls: a notification does not reach through the symbolic links of a Kubernetes volume, nor
//! over network file systems.
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{fs, io, thread};

use chrono::{DateTime, Utc};
use tracing::{error, info, warn};

use super::fault::Faults;
use super::load::{FILES, Source, tenant_fault};
use super::{Current, PolicySnapshot};

/// How often the folder is looked at. A change is loaded when two looks found the same, so after
/// one to two intervals.
const INTERVAL: Duration = Duration::from_secs(2);

/// What stands for the content of each file, without reading it; `None`: it is not there.
type Fingerprint = [Option<[i128; 4]>; FILES.len()];

fn fingerprint(folder: &Path) -> Fingerprint {
    FILES.map(|file| {
        // Follows symbolic links: where one points elsewhere, the inode is another.
        let found = fs::metadata(folder.join(file)).ok()?;
        let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
        let inode = i128::from(found.ino());
        Some([
            i128::from(found.dev()),
            inode,
            i128::from(found.size()),
            changed,
        ])
    })
}

/// What a reload or the passing of time brings about, told to whoever counts.
pub enum News<'s> {
    Loaded(&'s PolicySnapshot),
    Refused,
}

/// The state of the watch between two looks.
pub struct Watcher {
    source: Source,
    max_age: Duration,
    current: Arc<Current>,
    /// The folder as it was last loaded or refused.
    settled: Fingerprint,
    /// The folder as it was at the last look.
    last: Fingerprint,
    /// Whether the age of the snapshot in force was complained of.
    told_age: bool,
}

impl Watcher {
    /// Loads the snapshot, and remembers the state of the folder.
    ///
    /// # Errors
    ///
    /// Every fault of the snapshot.
    pub fn start(source: Source, max_age: Duration) -> Result<Watcher, Faults> {
        // Taken before: what changes while it is read is found at the first look.
        let settled = fingerprint(&source.folder);
        let snapshot = source.load()?;
        Ok(Watcher {
            source,
            max_age,
            current: Current::new(Some(Arc::new(snapshot))),
            settled,
            last: settled,
            told_age: false,
        })
    }

    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// Looks at the folder once.
    pub fn look(&mut self, now: DateTime<Utc>, tell: impl FnMut(News<'_>)) {
        self.reload(tell);
        self.check_age(now);
    }

    fn reload(&mut self, mut tell: impl FnMut(News<'_>)) {
        let found = fingerprint(&self.source.folder);
        let rests = found == self.last;
        self.last = found;
        if !rests || found == self.settled {
            return;
        }
        let loaded = self.source.load();
        // Written to meanwhile: what was read may be half of the old and half of the new.
        if fingerprint(&self.source.folder) != found {
            return;
        }
        self.settled = found;
        match loaded.and_then(|snapshot| self.of_same_tenant(snapshot)) {
            Ok(snapshot) => {
                log(&snapshot, "Policy snapshot reloaded");
                tell(News::Loaded(&snapshot));
                self.told_age = false;
                self.current.set(Arc::new(snapshot));
            }
            Err(faults) => {
                for fault in &faults.listed {
                    error!(%fault, "The new policy snapshot is refused");
                }
                error!(
                    faults = faults.listed.len() + faults.more,
                    version = self.current.get().as_deref().map(PolicySnapshot::version),
                    "The policy snapshot was not reloaded; the old one stays in force"
                );
                tell(News::Refused);
            }
        }
    }

    fn of_same_tenant(&self, snapshot: PolicySnapshot) -> Result<PolicySnapshot, Faults> {
        let old = self.current.get();
        let old = old.as_deref().and_then(PolicySnapshot::tenant_id);
        if let Some((old, new)) = old.zip(snapshot.tenant_id())
            && !old.eq_ignore_ascii_case(new)
        {
            let reason = format!("it is of tenant {new}, while the one in force is of {old}");
            return Err(tenant_fault(&self.source.folder, reason).into());
        }
        Ok(snapshot)
    }

    /// Complains once of each snapshot that has become too old.
    fn check_age(&mut self, now: DateTime<Utc>) {
        let Some(snapshot) = self.current.get() else {
            return;
        };
        if is_too_old(&snapshot, self.max_age, now) && !self.told_age {
            self.told_age = true;
            warn!(
                version = snapshot.version(),
                exported_at = %snapshot.exported_at().format("%FT%TZ"),
                max_age_seconds = self.max_age.as_secs(),
                "The policy snapshot is too old; export the policies again"
            );
        }
    }
}

/// Whether the export is older than it may be.
pub fn is_too_old(snapshot: &PolicySnapshot, max_age: Duration, now: DateTime<Utc>) -> bool {
    (now - snapshot.exported_at())
        .to_std()
        .is_ok_and(|age| age > max_age)
}

/// Says what came into force.
pub fn log(snapshot: &PolicySnapshot, what: &'static str) {
    info!(
        version = snapshot.version(),
        exported_at = %snapshot.exported_at().format("%FT%TZ"),
        policies = snapshot.contents().policies,
        "{what}"
    );
}

/// A thread that watches; ends when this is dropped.
pub struct Watch {
    _alive: Sender<()>,
}

impl Watch {
    /// `tell` is called from the thread.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start(
        mut watcher: Watcher,
        mut tell: impl FnMut(News<'_>) + Send + 'static,
    ) -> io::Result<Watch> {
        let (alive, end) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("policies".to_owned())
            .spawn(move || {
                watcher.check_age(Utc::now());
                while end.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    watcher.look(Utc::now(), &mut tell);
                }
            })?;
        Ok(Watch { _alive: alive })
    }
}
