//! Sign-ins counted by what they have in common.
use std::collections::{HashMap, HashSet};
use std::hash::Hasher as _;

use xxhash_rust::xxh3::Xxh3;

use super::filter::Filter;
use super::glance::{Glance, Named};
use super::matches::Passed;

/// Sign-ins whose group is remembered, so that an update moves them: 17 bytes each.
const MOST: usize = 1_800_000;

/// Bytes of the names of the groups, and of the sets of them, which are kept twice, each with what it
/// takes in tables.
const NAMES: usize = 64 << 20;
const NAME_OVERHEAD: usize = 96;

/// More than is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    #[error("more than {MOST} sign-ins match; narrow the time range or the filters")]
    SignIns,
    #[error("there are more groups than are held in memory; narrow the time range or the filters")]
    Names,
}

/// What to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    User,
    Application,
    Scenario,
    /// Each policy that was enforced; a sign-in counts once for each.
    Policy,
    Country,
    Code,
    Hour,
}

impl GroupBy {
    pub const ALL: [GroupBy; 7] = [
        GroupBy::User,
        GroupBy::Application,
        GroupBy::Scenario,
        GroupBy::Policy,
        GroupBy::Country,
        GroupBy::Code,
        GroupBy::Hour,
    ];

    /// As a person chooses it.
    pub const fn name(self) -> &'static str {
        match self {
            GroupBy::User => "user",
            GroupBy::Application => "app",
            GroupBy::Scenario => "scenario",
            GroupBy::Policy => "policy",
            GroupBy::Country => "country",
            GroupBy::Code => "code",
            GroupBy::Hour => "hour",
        }
    }

    pub fn from_name(name: &str) -> Option<GroupBy> {
        GroupBy::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// What a sign-in counts as that has no value there.
pub const NOT_KNOWN: &str = "not known";
/// The same for policies.
pub const NO_POLICY: &str = "no policy enforced";

pub struct Groups {
    filter: Filter,
    by: GroupBy,
    names: HashMap<Box<str>, u32>,
    /// Bytes that names and sets take.
    held: usize,
    /// The name of a group, and how many sign-ins it has.
    counts: Vec<(Box<str>, u64)>,
    /// By the hash of the diagnosis id: the group, or the set of groups, of the last record.
    of: HashMap<u64, u32>,
    /// Where a sign-in is in more than one group: numbers from [`SETS`] on stand for these.
    sets: Vec<Vec<u32>>,
    set_numbers: HashMap<Vec<u32>, u32>,
    /// Sign-ins of which earlier pages were passed over, because the policy that was looked for
    /// stands on a later one.
    incomplete: HashSet<u64>,
    /// Sign-ins that are known to match, whatever stands on the page at hand.
    known: HashSet<u64>,
    pub passed: Passed,
}

const SETS: u32 = 1 << 31;

impl Groups {
    pub fn new(filter: Filter, by: GroupBy) -> Groups {
        Groups {
            filter,
            by,
            names: HashMap::new(),
            held: 0,
            counts: Vec::new(),
            of: HashMap::new(),
            sets: Vec::new(),
            set_numbers: HashMap::new(),
            incomplete: HashSet::new(),
            known: HashSet::new(),
            passed: Passed::default(),
        }
    }

    /// For a second reading of the same records, which counts every page of what matched; `None`
    /// where the first one did.
    pub fn again(&mut self) -> Option<Groups> {
        if self.incomplete.is_empty() {
            return None;
        }
        let mut again = Groups::new(self.filter.clone(), self.by);
        again.known = std::mem::take(&mut self.incomplete);
        Some(again)
    }

    /// Counts the next record; the last one of a diagnosis counts.
    ///
    /// # Errors
    ///
    /// More sign-ins match, or have more groups, than are remembered.
    pub fn add(&mut self, record: &[u8]) -> Result<(), TooMany> {
        let Some(glance) = self.passed.glance(record) else {
            return Ok(());
        };
        let mut hasher = Xxh3::new();
        hasher.write(glance.diagnosis_id.as_bytes());
        let id = hasher.finish();
        let old = self.of.get(&id).copied();
        let is_known = glance.policy_page && old.is_some() || self.known.contains(&id);
        let is_wanted = if is_known {
            self.filter.includes_page(&glance)
        } else {
            self.filter.includes(&glance)
        };
        if !is_wanted {
            if !glance.policy_page
                && let Some(old) = self.of.remove(&id)
            {
                self.count(old, -1);
                self.incomplete.remove(&id);
            }
            return Ok(());
        }
        if old.is_none() && self.of.len() >= MOST {
            return Err(TooMany::SignIns);
        }
        let mut groups: Vec<u32> = self
            .names_of(&glance)
            .into_iter()
            .map(|name| self.number(name))
            .collect::<Result<_, _>>()?;
        if glance.policy_page
            && let Some(old) = old
        {
            groups.extend(self.members(old));
        }
        if self.by == GroupBy::Policy {
            if !glance.policy_page {
                self.incomplete.remove(&id);
            } else if old.is_none() && !self.filter.policies.is_empty() {
                self.incomplete.insert(id);
            }
            // What one page lacks another may have.
            let none = self.number(NO_POLICY.to_owned())?;
            groups.retain(|group| *group != none);
            if groups.is_empty() {
                groups.push(none);
            }
        }
        groups.sort_unstable();
        groups.dedup();
        let new = self.set(groups)?;
        if let Some(old) = old {
            self.count(old, -1);
        }
        self.of.insert(id, new);
        self.count(new, 1);
        Ok(())
    }

    /// How many sign-ins match.
    pub fn total(&self) -> u64 {
        self.of.len() as u64
    }

    /// Groups with their counts, largest first; hours in their order. And how many sign-ins.
    pub fn finish(self) -> (Vec<(String, u64)>, u64) {
        let total = self.total();
        let mut groups: Vec<_> = self
            .counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.into_string(), count))
            .collect();
        if self.by == GroupBy::Hour {
            groups.sort_unstable();
        } else {
            groups.sort_unstable_by(|one, other| {
                other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0))
            });
        }
        (groups, total)
    }

    fn names_of(&self, glance: &Glance<'_>) -> Vec<String> {
        let shown = |named: Option<&Named<'_>>| {
            let named = named?;
            named
                .name
                .as_ref()
                .or(named.id.as_ref())
                .map(|text| text.to_string())
        };
        let name = match self.by {
            GroupBy::User => {
                let user = glance.user.as_ref();
                let user = user.and_then(|user| user.principal_name.as_ref().or(user.id.as_ref()));
                user.map(|text| text.to_lowercase())
                    .or_else(|| shown(glance.service_principal.as_ref()))
            }
            GroupBy::Application => shown(glance.application.as_ref()),
            GroupBy::Scenario => Some(glance.scenario.to_string()),
            GroupBy::Country => {
                let location = glance.location.as_ref();
                location
                    .and_then(|location| location.country.as_ref())
                    .map(|country| country.to_string())
            }
            GroupBy::Code => glance.error.as_ref().map(|error| error.code.to_string()),
            GroupBy::Hour => glance
                .time()
                .map(|time| time.format("%Y-%m-%d %H:00Z").to_string()),
            GroupBy::Policy => {
                let policies = glance.policies();
                let enforced = policies.iter().filter(|policy| policy.was_enforced());
                let names =
                    enforced.filter_map(|policy| policy.name.as_ref().or(policy.id.as_ref()));
                return names.map(|name| name.to_string()).collect();
            }
        };
        vec![
            name.filter(|name| !name.is_empty())
                .unwrap_or_else(|| NOT_KNOWN.to_owned()),
        ]
    }

    fn number(&mut self, name: String) -> Result<u32, TooMany> {
        if let Some(number) = self.names.get(&*name) {
            return Ok(*number);
        }
        self.hold(name.len())?;
        // Never near `SETS`: each takes some of `NAMES`.
        let number = u32::try_from(self.counts.len()).unwrap_or(SETS - 1);
        self.counts.push((name.clone().into_boxed_str(), 0));
        self.names.insert(name.into_boxed_str(), number);
        Ok(number)
    }

    fn set(&mut self, groups: Vec<u32>) -> Result<u32, TooMany> {
        if let [one] = groups[..] {
            return Ok(one);
        }
        if let Some(number) = self.set_numbers.get(&groups) {
            return Ok(*number);
        }
        self.hold(groups.len() * size_of::<u32>())?;
        let number = SETS | u32::try_from(self.sets.len()).unwrap_or(SETS - 1);
        self.sets.push(groups.clone());
        self.set_numbers.insert(groups, number);
        Ok(number)
    }

    /// Makes room for what is kept twice.
    fn hold(&mut self, bytes: usize) -> Result<(), TooMany> {
        self.held += 2 * bytes + NAME_OVERHEAD;
        if self.held > NAMES {
            return Err(TooMany::Names);
        }
        Ok(())
    }

    fn members(&self, group: u32) -> Vec<u32> {
        if group < SETS {
            return vec![group];
        }
        self.sets
            .get((group - SETS) as usize)
            .cloned()
            .unwrap_or_default()
    }

    fn count(&mut self, group: u32, change: i64) {
        for group in self.members(group) {
            if let Some((_, count)) = self.counts.get_mut(group as usize) {
                *count = count.saturating_add_signed(change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, user: &str, policies: &str) -> Vec<u8> {
        format!(
            r#"{{"schema_version":1,"diagnosis_id":"{id}","event_time":"2026-03-02T08:10:00Z","user":{{"principal_name":"{user}"}},"error":{{"code":0}},"conditional_access":{{"policies":[{policies}]}}}}"#
        )
        .into_bytes()
    }

    fn counted(by: GroupBy, records: &[Vec<u8>]) -> (Vec<(String, u64)>, u64) {
        let mut groups = Groups::new(Filter::default(), by);
        for record in records {
            groups.add(record).unwrap();
        }
        groups.finish()
    }

    #[test]
    fn names_of_groups_take_no_more_than_there_is_for_them() {
        let mut groups = Groups::new(Filter::default(), GroupBy::User);
        let long = "a".repeat(16 << 10);
        let added = (0..10_000)
            .try_for_each(|n| groups.add(&record(&format!("id {n}"), &format!("{long}{n}"), "")));
        assert_eq!(added, Err(TooMany::Names));
        assert!(
            (2_000..2_100).contains(&groups.total()),
            "{}",
            groups.total()
        );
    }

    #[test]
    fn an_update_moves_a_sign_in_to_its_new_group() {
        let records = [
            record("a", "one", ""),
            record("b", "ONE", ""),
            record("a", "two", ""),
            record("c", "", ""),
        ];
        let (groups, total) = counted(GroupBy::User, &records);
        let group = |name: &str, count| (name.to_owned(), count);
        assert_eq!(
            groups,
            [group("not known", 1), group("one", 1), group("two", 1)]
        );
        assert_eq!(total, 3);
        let (hours, _) = counted(GroupBy::Hour, &records);
        assert_eq!(hours, [group("2026-03-02 08:00Z", 3)]);
    }

    #[test]
    fn a_sign_in_counts_once_for_each_policy_that_was_enforced() {
        let policies = r#"{"name":"p","result":"failure"},{"name":"q","result":"success"},{"name":"r","result":"not_applied"}"#;
        let records = [
            record("a", "x", policies),
            record("a", "x", policies),
            record("b", "x", ""),
        ];
        let (groups, total) = counted(GroupBy::Policy, &records);
        let group = |name: &str, count| (name.to_owned(), count);
        assert_eq!(
            groups,
            [group("no policy enforced", 1), group("p", 1), group("q", 1)]
        );
        assert_eq!(total, 2);
    }

    #[test]
    fn all_pages_of_a_sign_in_count_where_one_has_the_policy() {
        let page = |id: &str, policies: &str| {
            let record = record(id, "x", policies);
            let text = String::from_utf8(record).unwrap();
            text.replacen('{', r#"{"policy_page":true,"#, 1)
                .into_bytes()
        };
        let [p, q, none] = ["p", "q", ""].map(|name| match name {
            "" => String::new(),
            name => format!(r#"{{"name":"{name}","result":"failure"}}"#),
        });
        let records = [
            record("a", "x", &p),
            page("a", &q),
            // Without the policy that is looked for.
            record("b", "x", &p),
            // Nothing was enforced on its first page, and q on its second.
            record("c", "x", &none),
            page("c", &q),
            // It was changed, and no longer has the policy.
            record("d", "x", &p),
            page("d", &q),
            record("d", "x", &p),
        ];
        let filter = Filter {
            policies: vec![super::super::filter::Term::new("q")],
            ..Filter::default()
        };
        let mut groups = Groups::new(filter, GroupBy::Policy);
        for record in &records {
            groups.add(record).unwrap();
        }
        let mut groups = groups.again().unwrap();
        for record in &records {
            groups.add(record).unwrap();
        }
        assert!(groups.again().is_none());
        let (groups, total) = groups.finish();
        assert_eq!(groups, [("q".to_owned(), 2), ("p".to_owned(), 1)]);
        assert_eq!(total, 2);
    }
}
