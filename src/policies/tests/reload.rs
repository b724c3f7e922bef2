//! Reloading, look by look: no thread, no waiting.
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;
use crate::policies::watch::{News, Watcher};

const DAY: Duration = Duration::from_hours(24);

struct Bench {
    watcher: Watcher,
    reader: CurrentReader,
    now: DateTime<Utc>,
}

impl Bench {
    fn new(folder: PathBuf) -> Bench {
        let source = Source {
            folder,
            tenant_id: None,
            limits: Limits::default(),
            privacy: Privacy::default(),
        };
        let watcher = Watcher::start(source, DAY).unwrap();
        let reader = CurrentReader::new(watcher.current());
        let now = reader.get().unwrap().exported_at();
        Bench {
            watcher,
            reader,
            now,
        }
    }

    /// One look: `loaded`, `refused`, or nothing.
    fn look(&mut self) -> &'static str {
        let mut news = "";
        self.watcher.look(self.now, |told| {
            news = match told {
                News::Loaded(_) => "loaded",
                News::Refused => "refused",
            };
        });
        self.reader.refresh();
        news
    }

    fn group(&self) -> String {
        let policy = self.reader.get().unwrap().policy(&id(102)).unwrap();
        let users = policy.condition(signin::Condition::Users).unwrap();
        users.include[0].text().to_owned()
    }
}

#[test]
fn a_change_is_loaded_once_it_rests() {
    let copy = Copy::new();
    let mut bench = Bench::new(copy.path());
    assert_eq!((bench.look(), bench.look()), ("", ""));
    copy.replace("groups.json", "Finance", "Accounting");
    assert_eq!(bench.look(), "");
    copy.replace("groups.json", "Accounting", "Money");
    assert_eq!(bench.look(), "", "it is still being written");
    assert_eq!(bench.group(), "Group: Finance");
    assert_eq!(bench.look(), "loaded");
    assert_eq!(bench.group(), "Group: Money");
    assert_eq!((bench.look(), bench.look()), ("", ""));
}

#[test]
fn a_bad_snapshot_is_refused_once_and_the_old_one_stays() {
    let copy = Copy::new();
    let mut bench = Bench::new(copy.path());
    copy.write("policies.json", "{\"value\":[");
    assert_eq!(
        (bench.look(), bench.look(), bench.look()),
        ("", "refused", "")
    );
    assert_eq!(bench.group(), "Group: Finance");
    copy.remove("policies.json");
    assert_eq!((bench.look(), bench.look()), ("", "refused"));
    fs::copy(
        Path::new(FIXTURE).join("policies.json"),
        copy.path().join("policies.json"),
    )
    .unwrap();
    copy.replace("groups.json", "Finance", "Money");
    assert_eq!((bench.look(), bench.look()), ("", "loaded"));
    assert_eq!(bench.group(), "Group: Money");
}

#[test]
fn the_snapshot_of_another_tenant_does_not_take_its_place() {
    let copy = Copy::new();
    let mut bench = Bench::new(copy.path());
    copy.replace("tenant.json", TENANT, &id(1));
    assert_eq!((bench.look(), bench.look()), ("", "refused"));
    assert_eq!(bench.reader.get().unwrap().tenant_id(), Some(TENANT));
}

/// Kubernetes puts a new version of a volume in place by swapping the link `..data`.
#[test]
fn a_swapped_link_is_a_change() {
    let (old, new) = (Copy::new(), Copy::new());
    new.replace("groups.json", "Finance", "Revenue");
    let volume = TempDir::with_prefix("signin-diagnostics-volume-").unwrap();
    let at = |name: &str| volume.path().join(name);
    symlink(old.path(), at("..data")).unwrap();
    for file in load::FILES {
        symlink(Path::new("..data").join(file), at(file)).unwrap();
    }
    let mut bench = Bench::new(volume.path().to_owned());
    symlink(new.path(), at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    assert_eq!((bench.look(), bench.look()), ("", "loaded"));
    assert_eq!(bench.group(), "Group: Revenue");
}

#[test]
fn a_snapshot_is_too_old_by_the_time_of_its_export() {
    let snapshot = snapshot();
    let exported = snapshot.exported_at();
    let too_old = |at| watch::is_too_old(&snapshot, DAY, at);
    assert!(!too_old(exported - DAY));
    assert!(!too_old(exported + DAY));
    assert!(too_old(exported + DAY + Duration::from_secs(1)));
}
