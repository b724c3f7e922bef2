//! The records that a search found: one for each diagnosis, the last one; pages of one policy
//! list together. Memory is bounded: beyond it only the best are kept.
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::columns::{Order, SortKey};
use super::filter::Filter;
use super::glance::Glance;
use super::record::{Diagnosis, Unreadable};
use crate::diagnosis::record::SCHEMA_VERSION;

/// Of records that are kept: about 12,000 full ones.
const MEMORY: usize = 40 << 20;

/// What an entry takes beside its records.
const OVERHEAD: usize = 128;

/// More was found than there is memory for, and all of it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {held} sign-ins match, which is more than is held in memory; narrow the time range \
     or the filters, or use --limit, --group-by, or --stream with ndjson or csv"
)]
pub struct TooMany {
    held: usize,
}

#[derive(Debug)]
struct Entry {
    key: SortKey,
    /// JSON as it was read: one, or the pages of a policy list.
    records: Vec<Box<[u8]>>,
}

impl Entry {
    fn bytes(&self) -> usize {
        OVERHEAD
            + self
                .records
                .iter()
                .map(|record| record.len())
                .sum::<usize>()
    }
}

/// What a scan met that it could not use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Not diagnosis records.
    pub unreadable: u64,
    /// Of a later schema version.
    pub newer: u64,
    /// That version.
    pub newest: u32,
}

impl Passed {
    pub fn is_empty(&self) -> bool {
        self.unreadable == 0 && self.newer == 0
    }

    /// Reads what a scan needs of a record; `None`, counted, where it is none.
    pub fn glance<'a>(&mut self, record: &'a [u8]) -> Option<Glance<'a>> {
        // Validated once: else each string would be.
        let read = std::str::from_utf8(record)
            .ok()
            .map(serde_json::from_str::<Glance<'a>>);
        match read {
            Some(Ok(glance))
                if glance.schema_version <= SCHEMA_VERSION && !glance.diagnosis_id.is_empty() =>
            {
                return Some(glance);
            }
            Some(Ok(Glance { schema_version, .. })) if schema_version > SCHEMA_VERSION => {
                self.is_newer(schema_version);
            }
            _ => match Diagnosis::parse(record) {
                Err(Unreadable::Version(version)) => self.is_newer(version),
                _ => self.unreadable += 1,
            },
        }
        None
    }

    fn is_newer(&mut self, version: u32) {
        self.newer += 1;
        self.newest = self.newest.max(version);
    }
}

#[derive(Debug)]
pub struct Matches {
    filter: Filter,
    order: Order,
    /// How many are wanted at most.
    limit: Option<usize>,
    memory: usize,
    entries: HashMap<Box<str>, Entry>,
    bytes: usize,
    /// Matched, and no longer kept.
    dropped: u64,
    pub passed: Passed,
}

/// One diagnosis that was found.
#[derive(Debug)]
pub struct Match {
    pub diagnosis: Diagnosis,
    /// As they lay in the topic.
    pub records: Vec<Box<[u8]>>,
}

/// What a search gives.
#[derive(Debug)]
pub struct Found {
    pub matches: Vec<Match>,
    /// How many sign-ins matched, shown or not.
    pub total: u64,
    pub passed: Passed,
}

impl Found {
    /// The matches of which an earlier page was passed over, because the policy that was looked
    /// for stands on a later one.
    pub fn incomplete(&self) -> HashSet<String> {
        let pages = self.matches.iter().filter(|one| one.diagnosis.policy_page);
        pages
            .map(|one| one.diagnosis.diagnosis_id.clone())
            .collect()
    }

    /// Puts the whole ones in their places.
    pub fn complete(&mut self, whole: Vec<Match>) {
        let mut whole: HashMap<_, _> = whole
            .into_iter()
            .map(|one| (one.diagnosis.diagnosis_id.clone(), one))
            .collect();
        for one in &mut self.matches {
            if let Some(whole) = whole.remove(&one.diagnosis.diagnosis_id) {
                *one = whole;
            }
        }
    }
}

impl Matches {
    pub fn new(filter: Filter, order: Order, limit: Option<usize>) -> Matches {
        Matches {
            filter,
            order,
            limit,
            memory: MEMORY,
            entries: HashMap::new(),
            bytes: 0,
            dropped: 0,
            passed: Passed::default(),
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    ///
    /// There is no room for what is wanted.
    pub fn add(&mut self, record: &[u8]) -> Result<(), TooMany> {
        let Some(glance) = self.passed.glance(record) else {
            return Ok(());
        };
        let id = &*glance.diagnosis_id;
        let is_next_page = glance.policy_page && self.entries.contains_key(id);
        let is_wanted = if is_next_page {
            self.filter.includes_page(&glance)
        } else {
            self.filter.includes(&glance)
        };
        if !is_wanted {
            // The last one counts: a sign-in that was found may have changed.
            if !glance.policy_page
                && let Some(old) = self.entries.remove(id)
            {
                self.bytes -= old.bytes();
            }
            return Ok(());
        }
        let Some(key) = self.order.key(&glance, record) else {
            self.passed.unreadable += 1;
            return Ok(());
        };
        if let Some(entry) = self.entries.get_mut(id) {
            self.bytes -= entry.bytes();
            if !glance.policy_page {
                entry.records.clear();
                entry.key = key;
            }
            if entry.records.iter().all(|known| **known != *record) {
                entry.records.push(record.into());
            }
            self.bytes += entry.bytes();
        } else {
            let entry = Entry {
                key,
                records: vec![record.into()],
            };
            self.bytes += entry.bytes();
            self.entries.insert(id.into(), entry);
        }
        if self.bytes > self.memory {
            self.prune()
        } else {
            Ok(())
        }
    }

    /// Keeps the better half, and no less than is wanted.
    fn prune(&mut self) -> Result<(), TooMany> {
        let held = self.entries.len();
        let Some(limit) = self.limit.filter(|limit| *limit <= held / 2) else {
            return Err(TooMany { held });
        };
        let mut keys: Vec<_> = self
            .entries
            .iter()
            .map(|(id, entry)| (entry.key.clone(), id.clone()))
            .collect();
        let keep = limit.max(held / 2);
        keys.select_nth_unstable_by(keep, |one, other| self.order.compare(&one.0, &other.0));
        for (_, id) in keys.drain(keep..) {
            self.entries.remove(&id);
        }
        self.dropped += (held - keep) as u64;
        self.bytes = self.entries.values().map(Entry::bytes).sum();
        Ok(())
    }

    /// What was found, in order.
    pub fn finish(self) -> Found {
        let total = self.dropped + self.entries.len() as u64;
        let order = self.order;
        let mut entries: Vec<_> = self.entries.into_iter().collect();
        entries.sort_by(|one, other| {
            order
                .compare(&one.1.key, &other.1.key)
                .then_with(|| one.0.cmp(&other.0))
        });
        entries.truncate(self.limit.unwrap_or(usize::MAX));
        let mut passed = self.passed;
        let matches = entries.into_iter().filter_map(|(_, entry)| {
            let one = Match::new(entry.records);
            passed.unreadable += u64::from(one.is_none());
            one
        });
        Found {
            matches: matches.collect(),
            total,
            passed,
        }
    }
}

impl Match {
    /// The pages of one diagnosis as one; `None` where the first cannot be read.
    fn new(records: Vec<Box<[u8]>>) -> Option<Match> {
        let mut pages = records.iter().map(|record| Diagnosis::parse(record).ok());
        let mut diagnosis = pages.next()??;
        for page in pages.flatten() {
            merge(&mut diagnosis, page);
        }
        Some(Match { diagnosis, records })
    }

    /// When the sign-in happened.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        let text = self.diagnosis.event_time.as_ref()?;
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.to_utc())
    }
}

/// Adds the policies of another page: those that decided stay in front. Each page is diagnosed by
/// itself, so the words are those of the first that shows what Conditional Access did, and of those
/// the first that shows a second factor.
fn merge(diagnosis: &mut Diagnosis, page: Diagnosis) {
    let Some(more) = page.conditional_access else {
        return;
    };
    let shows = |aspects: &[String]| {
        let decided = !SHOWS_NOTHING.iter().any(|aspect| has(aspects, aspect));
        (decided, !has(aspects, SINGLE_FACTOR))
    };
    let tells_more = shows(&page.aspects) > shows(&diagnosis.aspects);
    diagnosis.aspects = merged(&diagnosis.aspects, &page.aspects);
    if tells_more {
        diagnosis.scenario = page.scenario;
        diagnosis.assessment = page.assessment;
        diagnosis.authentication = page.authentication;
        diagnosis.remediation = page.remediation;
        diagnosis.support_ticket = page.support_ticket;
        diagnosis.references = page.references;
    }
    let access = diagnosis.conditional_access.get_or_insert_default();
    for policy in more.policies {
        if !access.policies.contains(&policy) {
            access.policies.push(policy);
        }
    }
    access.policies.sort_by_key(|policy| !policy.deciding);
    access.sign_in_values.extend(more.sign_in_values);
    access.not_shown += more.not_shown;
    diagnosis.trimmed |= page.trimmed;
}

/// Aspects of a list that does not show what Conditional Access did.
const SHOWS_NOTHING: [&str; 2] = [
    "policy_detail_missing",
    "no_conditional_access_policy_applied",
];

const SINGLE_FACTOR: &str = "single_factor";

fn has(aspects: &[String], aspect: &str) -> bool {
    aspects.iter().any(|other| other == aspect)
}

/// What a policy takes back on one page holds only where it holds on both.
fn merged(one: &[String], other: &[String]) -> Vec<String> {
    let new = other.iter().filter(|aspect| !has(one, aspect));
    let mut all: Vec<_> = one.iter().chain(new).cloned().collect();
    let on_both = |aspect: &str| has(one, aspect) && has(other, aspect);
    all.retain(|aspect| match aspect.as_str() {
        "mfa_policy_not_applied" => on_both(SINGLE_FACTOR),
        aspect if aspect == SINGLE_FACTOR || SHOWS_NOTHING.contains(&aspect) => on_both(aspect),
        _ => true,
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::Term;

    fn record(id: &str, minute: usize, outcome: &str) -> Vec<u8> {
        format!(
            r#"{{"schema_version":1,"diagnosis_id":"{id}","event_time":"2026-03-02T08:{minute:02}:00Z","outcome":"{outcome}"}}"#
        )
        .into_bytes()
    }

    fn page(id: &str, policy: &str) -> Vec<u8> {
        format!(
            r#"{{"schema_version":1,"diagnosis_id":"{id}","policy_page":true,"conditional_access":{{"policies":[{{"id":"{policy}","result":"failure","deciding":{}}}]}}}}"#,
            policy == "p-2"
        )
        .into_bytes()
    }

    fn all() -> Matches {
        Matches::new(Filter::default(), Order::default(), None)
    }

    fn ids(found: &Found) -> Vec<&str> {
        found
            .matches
            .iter()
            .map(|one| &*one.diagnosis.diagnosis_id)
            .collect()
    }

    #[test]
    fn the_last_record_of_a_diagnosis_wins() {
        let mut matches = all();
        for (id, minute, outcome) in [
            ("a", 1, "failed"),
            ("b", 2, "failed"),
            ("a", 1, "succeeded"),
        ] {
            matches.add(&record(id, minute, outcome)).unwrap();
        }
        let found = matches.finish();
        assert_eq!(ids(&found), ["b", "a"], "newest first");
        assert_eq!(found.matches[1].diagnosis.outcome, "succeeded");
        assert_eq!(found.total, 2);
    }

    #[test]
    fn an_update_that_no_longer_matches_takes_the_match_away() {
        let filter = Filter {
            outcomes: vec![Term::new("failed")],
            ..Filter::default()
        };
        let mut matches = Matches::new(filter, Order::default(), None);
        matches.add(&record("a", 1, "failed")).unwrap();
        matches.add(&record("a", 1, "succeeded")).unwrap();
        assert_eq!(matches.bytes, 0);
        assert!(matches.finish().matches.is_empty());
    }

    #[test]
    fn pages_are_merged_and_a_repeat_adds_nothing() {
        let mut matches = all();
        matches.add(&record("a", 1, "blocked")).unwrap();
        for policy in ["p-1", "p-2", "p-1"] {
            matches.add(&page("a", policy)).unwrap();
        }
        let found = matches.finish();
        let access = found.matches[0]
            .diagnosis
            .conditional_access
            .as_ref()
            .unwrap();
        let policies: Vec<_> = access.policies.iter().map(Policy::shown).collect();
        assert_eq!(policies, ["p-2", "p-1"], "what decided is in front");
        assert_eq!(found.matches[0].diagnosis.outcome, "blocked");
    }

    #[test]
    fn the_page_that_shows_what_decided_speaks_for_all() {
        let page = |fields: &str| {
            format!(
                r#"{{"schema_version":1,"diagnosis_id":"a","conditional_access":{{}},{fields}}}"#
            )
        };
        let merged = |pages: [&str; 2]| {
            let mut matches = all();
            for (number, fields) in pages.into_iter().enumerate() {
                let fields = format!(r#"{fields},"policy_page":{}"#, number > 0);
                matches.add(page(&fields).as_bytes()).unwrap();
            }
            matches.finish().matches.remove(0).diagnosis
        };
        let silent = r#""scenario":"mfa_from_other_requirements","assessment":"Not named.","aspects":["sign_in_risk","policy_detail_missing"]"#;
        let told = r#""scenario":"mfa_from_conditional_access","assessment":"By A.","aspects":["report_only_would_block"]"#;
        for pages in [[silent, told], [told, silent]] {
            let diagnosis = merged(pages);
            assert_eq!(diagnosis.scenario, "mfa_from_conditional_access");
            assert_eq!(diagnosis.assessment, "By A.");
            let mut aspects = diagnosis.aspects;
            aspects.sort();
            assert_eq!(aspects, ["report_only_would_block", "sign_in_risk"]);
        }
        assert!(merged([silent, silent]).aspects.len() == 2);
        let single = r#""assessment":"One.","aspects":["single_factor","mfa_policy_not_applied"]"#;
        let second = r#""assessment":"Two.","aspects":["cross_tenant"]"#;
        for pages in [[single, second], [second, single]] {
            let diagnosis = merged(pages);
            assert_eq!(diagnosis.aspects, ["cross_tenant"]);
            assert_eq!(diagnosis.assessment, "Two.");
        }
        assert_eq!(merged([single, single]).aspects.len(), 2);
    }

    #[test]
    fn a_policy_on_any_page_finds_them_all() {
        let base = r#"{"schema_version":1,"diagnosis_id":"a","conditional_access":{"policies":[{"id":"p-0","result":"success"}]}}"#;
        for (policy, kept) in [("p-0", 3), ("p-1", 2), ("p-2", 1)] {
            let filter = Filter {
                policies: vec![Term::new(policy)],
                ..Filter::default()
            };
            let mut matches = Matches::new(filter, Order::default(), None);
            matches.add(base.as_bytes()).unwrap();
            for policy in ["p-1", "p-2"] {
                matches.add(&page("a", policy)).unwrap();
            }
            let mut found = matches.finish();
            assert_eq!(found.matches[0].records.len(), kept, "{policy}");
            let incomplete = found.incomplete();
            assert_eq!(incomplete.is_empty(), policy == "p-0", "{policy}");
            let filter = Filter {
                only: Some(incomplete),
                ..Filter::default()
            };
            let mut again = Matches::new(filter, Order::default(), None);
            again.add(base.as_bytes()).unwrap();
            again.add(&record("other", 1, "failed")).unwrap();
            for policy in ["p-1", "p-2"] {
                again.add(&page("a", policy)).unwrap();
            }
            found.complete(again.finish().matches);
            assert_eq!(found.matches.len(), 1);
            assert_eq!(found.matches[0].records.len(), 3, "{policy}");
        }
    }

    use crate::query::record::Policy;

    #[test]
    fn beyond_its_memory_a_search_keeps_the_best_or_says_so() {
        let mut matches = Matches::new(Filter::default(), Order::default(), Some(3));
        matches.memory = 20 * (OVERHEAD + record("00", 0, "failed").len());
        for minute in (0..60).chain([5]) {
            matches
                .add(&record(&format!("{minute:02}"), minute, "failed"))
                .unwrap();
            assert!(matches.bytes <= matches.memory);
        }
        let found = matches.finish();
        assert_eq!(ids(&found), ["59", "58", "57"]);
        assert!(found.total >= 60, "{}", found.total);

        let mut matches = all();
        matches.memory = 1_000;
        let error =
            (0..60).find_map(|n| matches.add(&record(&format!("{n:02}"), n, "failed")).err());
        assert!(error.unwrap().to_string().contains("--limit"));
    }

    #[test]
    fn what_cannot_be_used_is_counted_and_its_neighbours_are_found() {
        let mut matches = all();
        matches.add(b"\xff").unwrap();
        matches.add(b"{").unwrap();
        matches
            .add(br#"{"schema_version":3,"diagnosis_id":"c"}"#)
            .unwrap();
        matches
            .add(br#"{"schema_version":2,"diagnosis_id":["c"]}"#)
            .unwrap();
        matches.add(&record("a", 1, "failed")).unwrap();
        let found = matches.finish();
        assert_eq!(ids(&found), ["a"]);
        assert_eq!(
            found.passed,
            Passed {
                unreadable: 2,
                newer: 2,
                newest: 3
            }
        );
    }
}
