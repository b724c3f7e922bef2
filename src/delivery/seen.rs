//! Sign-ins seen before on a partition: tells a repeat, a page and an update apart.
//!
//! Bounded: the oldest sign-in is forgotten when the memory is full. Every change is undone by
//! [`Seen::forget_from`], so that what a rewind reads again is judged as it was the first time.
use std::collections::VecDeque;
use std::collections::hash_map::{Entry as Place, HashMap};
use std::sync::Arc;

/// What a record is, measured against the records with its id before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occurrence {
    /// The id is new.
    First,
    /// The same content was seen before; nothing is lost by dropping it.
    Repeat,
    /// Same id, code and time, and other policies: a further part of a long policy list.
    Page,
    /// Other content for a known id.
    Update,
}

/// What of a record decides its [`Occurrence`].
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint<'a> {
    /// Of everything that the record says, its provenance apart.
    pub content: u64,
    /// Of error code and event time.
    pub moment: u64,
    /// Of each policy's id.
    pub policies: &'a [u32],
}

/// Policy ids of one sign-in that are remembered; the longest real list seen has 55.
const POLICIES: usize = 256;

/// Contents of one id that are told from each other; the oldest give way.
const VERSIONS: usize = 8;

#[derive(Debug, Clone)]
struct Entry {
    /// The change that wrote it; an older change must not remove it.
    change: u64,
    moment: u64,
    content: u64,
    /// Contents before it, oldest first. Hardly a sign-in has them.
    older: Vec<u64>,
    policies: Arc<[u32]>,
}

impl Entry {
    fn has(&self, content: u64) -> bool {
        self.content == content || self.older.contains(&content)
    }

    /// Takes in what differs from all before it.
    fn update(&mut self, change: u64, print: Fingerprint<'_>) -> Occurrence {
        let page = self.moment == print.moment
            && !print.policies.is_empty()
            && !self.policies.is_empty()
            && !print.policies.iter().any(|id| self.policies.contains(id));
        let kept = if page { &self.policies[..] } else { &[] };
        let policies = kept.iter().chain(print.policies).copied();
        self.policies = policies.take(POLICIES).collect();
        self.change = change;
        self.moment = print.moment;
        if self.older.len() == VERSIONS - 1 {
            self.older.remove(0);
        }
        self.older.push(self.content);
        self.content = print.content;
        if page {
            Occurrence::Page
        } else {
            Occurrence::Update
        }
    }
}

#[derive(Debug)]
struct Change {
    offset: i64,
    id: u128,
    /// What the change replaced.
    before: Option<Box<Entry>>,
}

#[derive(Debug)]
pub struct Seen {
    capacity: usize,
    entries: HashMap<u128, Entry>,
    changes: VecDeque<Change>,
    /// The number of `changes[0]`.
    first_change: u64,
    /// Of the last sign-in. Those of one tenant mostly have the same, and share the list.
    policies: Arc<[u32]>,
}

impl Seen {
    /// Remembers at most `capacity` changes; 0 remembers nothing.
    pub fn new(capacity: usize) -> Seen {
        Seen {
            capacity,
            entries: HashMap::new(),
            changes: VecDeque::new(),
            first_change: 0,
            policies: Arc::default(),
        }
    }

    /// Judges the record `id` at `offset`, and remembers it.
    pub fn observe(&mut self, offset: i64, id: u128, print: Fingerprint<'_>) -> Occurrence {
        let change = self.first_change + self.changes.len() as u64;
        let (occurrence, before) = match self.entries.entry(id) {
            Place::Vacant(place) => {
                let policies = &print.policies[..print.policies.len().min(POLICIES)];
                if *self.policies != *policies {
                    self.policies = Arc::from(policies);
                }
                place.insert(Entry {
                    change,
                    moment: print.moment,
                    content: print.content,
                    older: Vec::new(),
                    policies: Arc::clone(&self.policies),
                });
                (Occurrence::First, None)
            }
            Place::Occupied(place) if place.get().has(print.content) => return Occurrence::Repeat,
            Place::Occupied(mut place) => {
                let before = Box::new(place.get().clone());
                (place.get_mut().update(change, print), Some(before))
            }
        };
        self.changes.push_back(Change { offset, id, before });
        if self.changes.len() > self.capacity {
            self.forget_oldest();
        }
        occurrence
    }

    fn forget_oldest(&mut self) {
        if let Some(change) = self.changes.pop_front() {
            let number = self.first_change;
            self.first_change += 1;
            if self
                .entries
                .get(&change.id)
                .is_some_and(|entry| entry.change == number)
            {
                self.entries.remove(&change.id);
            }
        }
    }

    /// Undoes what records at `offset` and later have written.
    pub fn forget_from(&mut self, offset: i64) {
        while let Some(change) = self.changes.pop_back_if(|change| change.offset >= offset) {
            match change.before {
                Some(before) if before.change >= self.first_change => {
                    self.entries.insert(change.id, *before);
                }
                // New with this change, or older than the memory reaches.
                _ => {
                    self.entries.remove(&change.id);
                }
            }
        }
    }

    /// Sign-ins remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn print(content: u64, moment: u64, policies: &[u32]) -> Fingerprint<'_> {
        Fingerprint {
            content,
            moment,
            policies,
        }
    }

    #[test]
    fn same_content_is_a_repeat_and_other_content_an_update() {
        let mut seen = Seen::new(10);
        assert_eq!(seen.observe(0, 1, print(7, 1, &[])), Occurrence::First);
        assert_eq!(seen.observe(1, 1, print(7, 1, &[])), Occurrence::Repeat);
        assert_eq!(seen.observe(2, 1, print(8, 1, &[])), Occurrence::Update);
        assert_eq!(
            seen.observe(3, 1, print(7, 1, &[])),
            Occurrence::Repeat,
            "a late copy of the first version must not undo the update"
        );
        assert_eq!(seen.observe(3, 2, print(7, 1, &[])), Occurrence::First);
    }

    #[test]
    fn disjoint_policies_of_one_moment_are_a_page() {
        let mut seen = Seen::new(10);
        assert_eq!(seen.observe(0, 1, print(1, 5, &[1, 2])), Occurrence::First);
        assert_eq!(seen.observe(0, 1, print(2, 5, &[3, 4])), Occurrence::Page);
        assert_eq!(seen.observe(0, 1, print(3, 5, &[5])), Occurrence::Page);
        assert_eq!(seen.observe(1, 1, print(2, 5, &[3, 4])), Occurrence::Repeat);
        assert_eq!(seen.observe(1, 1, print(4, 5, &[2, 6])), Occurrence::Update);
        assert_eq!(
            seen.observe(2, 1, print(5, 6, &[9])),
            Occurrence::Update,
            "another moment is no page"
        );
        assert_eq!(
            seen.observe(2, 1, print(6, 6, &[])),
            Occurrence::Update,
            "no list is no page"
        );
    }

    #[test]
    fn what_a_rewind_reads_again_is_judged_as_the_first_time() {
        let mut seen = Seen::new(10);
        seen.observe(10, 1, print(1, 1, &[]));
        seen.observe(11, 1, print(2, 1, &[]));
        seen.observe(12, 2, print(1, 1, &[]));
        seen.forget_from(11);
        assert_eq!(seen.observe(11, 1, print(2, 1, &[])), Occurrence::Update);
        assert_eq!(seen.observe(12, 2, print(1, 1, &[])), Occurrence::First);
        seen.forget_from(0);
        assert!(seen.is_empty());
        assert_eq!(seen.observe(10, 1, print(1, 1, &[])), Occurrence::First);
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let mut seen = Seen::new(100);
        for n in 0..1_000_u32 {
            seen.observe(i64::from(n), u128::from(n), print(1, 1, &[]));
            // Updates count towards the bound, too.
            seen.observe(i64::from(n), 5_000, print(u64::from(n), 1, &[]));
        }
        assert!(seen.len() <= 100);
        assert_eq!(
            seen.observe(1_000, 999, print(1, 1, &[])),
            Occurrence::Repeat
        );
        assert_eq!(seen.observe(1_000, 0, print(1, 1, &[])), Occurrence::First);
        seen.forget_from(0);
        assert_eq!(seen.len(), 0, "nothing stays that no change could remove");
    }

    /// Records of four sign-ins, in any order: id, content, moment, the policies of its page.
    fn records() -> impl Strategy<Value = Vec<(u128, u64, u64, Vec<u32>)>> {
        let policies = prop::collection::vec(0..6_u32, 0..3);
        let record = (0..4_u128, 0..4_u64, 0..2_u64, policies);
        prop::collection::vec(record, 1..40)
    }

    /// Judges each at the offset of its place.
    fn judge(
        seen: &mut Seen,
        from: usize,
        records: &[(u128, u64, u64, Vec<u32>)],
    ) -> Vec<Occurrence> {
        let places = (0..).map(|place: i64| place + i64::try_from(from).unwrap());
        let records = places.zip(&records[from..]);
        records
            .map(|(offset, (id, content, moment, policies))| {
                seen.observe(offset, *id, print(*content, *moment, policies))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn records_of_other_sign_ins_between_them_change_nothing(records in records()) {
            let all = judge(&mut Seen::new(1_000), 0, &records);
            let mut contents = HashSet::new();
            for (occurrence, (id, content, ..)) in all.iter().zip(&records) {
                let is_new = contents.insert((id, content));
                prop_assert_eq!(*occurrence == Occurrence::Repeat, !is_new);
            }
            for sign_in in 0..4 {
                let its = |(id, ..): &&(u128, u64, u64, Vec<u32>)| *id == sign_in;
                let alone: Vec<_> = records.iter().filter(its).cloned().collect();
                let among: Vec<_> = all
                    .iter()
                    .zip(&records)
                    .filter(|(_, record)| its(record))
                    .map(|(occurrence, _)| *occurrence)
                    .collect();
                prop_assert_eq!(judge(&mut Seen::new(1_000), 0, &alone), among);
            }
        }

        #[test]
        fn what_a_rewind_reads_again_is_judged_the_same(
            records in records(),
            rewinds in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        ) {
            let mut seen = Seen::new(1_000);
            let once = judge(&mut seen, 0, &records);
            for rewind in rewinds {
                let from = rewind.index(records.len());
                seen.forget_from(i64::try_from(from).unwrap());
                prop_assert_eq!(&judge(&mut seen, from, &records)[..], &once[from..]);
            }
        }
    }
}
