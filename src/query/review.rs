//! One diagnosis, with the sign-ins of its flow before and after it.
use chrono::{DateTime, TimeDelta, Utc};

use super::columns::{Column, Order};
use super::filter::{Filter, Flow, Term};
use super::groups::{GroupBy, Groups};
use super::matches::{Found, Match, Matches, Passed};
use super::record::Diagnosis;
use super::store::{Extent, ScanError, Stopped, Store, Visitor};

/// How far from the sign-in its flow is looked for.
const FLOW: TimeDelta = TimeDelta::hours(1);

/// Sign-ins of one flow that are shown.
const STEPS: usize = 50;

/// Candidates that are shown where an id matches several.
const CANDIDATES: usize = 20;

/// A scan with its wishes.
#[derive(Debug, Clone)]
pub struct Search {
    pub filter: Filter,
    pub order: Order,
    pub limit: Option<usize>,
    /// How long after an event its record may have been written.
    pub max_delay: TimeDelta,
    /// The key of all records that are looked for, where the producer's partitioner is known.
    pub key: Option<String>,
}

/// Told how far a scan is; may stop it.
pub trait Progress {
    fn progress(&mut self, done: u64, total: u64) -> Result<(), Stopped>;
}

struct Collect<'a> {
    matches: Matches,
    progress: &'a mut dyn Progress,
}

impl Visitor for Collect<'_> {
    fn record(&mut self, record: &[u8]) -> Result<(), Stopped> {
        Ok(self.matches.add(record)?)
    }

    fn progress(&mut self, done: u64, total: u64) -> Result<(), Stopped> {
        self.progress.progress(done, total)
    }
}

impl Search {
    pub fn extent(&self) -> Extent<'_> {
        Extent {
            key: self.key.as_deref(),
            ..Extent::of(&self.filter, self.max_delay)
        }
    }

    /// Everything that matches.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or holds more than there is memory for.
    pub fn run(&self, store: &Store, progress: &mut dyn Progress) -> Result<Found, ScanError> {
        let found = self.scan(store, &self.extent(), progress)?;
        if found.total > 0 || self.key.is_none() {
            return Ok(found);
        }
        self.scan(store, &self.everywhere(), progress)
    }

    /// What matches, counted.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or more sign-ins match than are remembered.
    pub fn count(
        &self,
        store: &Store,
        by: GroupBy,
        progress: &mut dyn Progress,
    ) -> Result<Groups, ScanError> {
        let groups = self.count_within(store, &self.extent(), by, progress)?;
        if groups.total() > 0 || self.key.is_none() {
            return Ok(groups);
        }
        self.count_within(store, &self.everywhere(), by, progress)
    }

    fn count_within(
        &self,
        store: &Store,
        extent: &Extent<'_>,
        by: GroupBy,
        progress: &mut dyn Progress,
    ) -> Result<Groups, ScanError> {
        let mut count = Count {
            groups: Groups::new(self.filter.clone(), by),
            progress,
        };
        store.scan(extent, &mut count)?;
        if let Some(again) = count.groups.again() {
            count.groups = again;
            store.scan(extent, &mut count)?;
        }
        Ok(count.groups)
    }

    /// In every partition: the topic may have had fewer when the records were written.
    fn everywhere(&self) -> Extent<'_> {
        Extent {
            key: None,
            ..self.extent()
        }
    }

    fn scan(
        &self,
        store: &Store,
        extent: &Extent<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Found, ScanError> {
        let mut found = self.collect(store, extent, self.filter.clone(), progress)?;
        let incomplete = found.incomplete();
        if !self.filter.policies.is_empty() && !incomplete.is_empty() {
            let filter = Filter {
                policies: Vec::new(),
                only: Some(incomplete),
                ..self.filter.clone()
            };
            let whole = self.collect(store, extent, filter, progress)?;
            found.complete(whole.matches);
        }
        Ok(found)
    }

    fn collect(
        &self,
        store: &Store,
        extent: &Extent<'_>,
        filter: Filter,
        progress: &mut dyn Progress,
    ) -> Result<Found, ScanError> {
        let mut collect = Collect {
            matches: Matches::new(filter, self.order, self.limit),
            progress,
        };
        store.scan(extent, &mut collect)?;
        Ok(collect.matches.finish())
    }
}

struct Count<'a> {
    groups: Groups,
    progress: &'a mut dyn Progress,
}

impl Visitor for Count<'_> {
    fn record(&mut self, record: &[u8]) -> Result<(), Stopped> {
        Ok(self.groups.add(record)?)
    }

    fn progress(&mut self, done: u64, total: u64) -> Result<(), Stopped> {
        self.progress.progress(done, total)
    }
}

/// What an id leads to.
#[derive(Debug)]
pub enum Lookup {
    None(Passed),
    /// More than one: the oldest first, and how many.
    Several(Vec<Match>, u64),
    One(Box<Review>),
}

#[derive(Debug)]
pub struct Review {
    pub one: Match,
    /// The sign-ins of its flow, itself among them, in their order; just itself where nothing
    /// ties another to it.
    pub flow: Vec<Diagnosis>,
    /// How many of the flow are not shown, the latest ones.
    pub more: u64,
    pub passed: Passed,
}

/// Finds the sign-in of `id` that happened within `from` and `to`, and its flow.
pub fn look_up(
    store: &Store,
    id: &str,
    (from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    max_delay: TimeDelta,
    progress: &mut dyn Progress,
) -> Result<Lookup, ScanError> {
    let oldest_first = Order {
        column: Column::Time,
        descending: false,
    };
    let mut search = Search {
        filter: Filter {
            from,
            to,
            id: Some(Term::new(id)),
            ..Filter::default()
        },
        order: oldest_first,
        limit: Some(CANDIDATES),
        max_delay,
        key: None,
    };
    let mut found = search.run(store, progress)?;
    let one = match found.matches.len() {
        0 => return Ok(Lookup::None(found.passed)),
        1 => found.matches.remove(0),
        _ => return Ok(Lookup::Several(found.matches, found.total)),
    };
    let own = &one.diagnosis;
    let flow = Flow {
        correlation_id: own.correlation_id.clone(),
        first_id: own
            .original_request_id
            .clone()
            .or_else(|| own.sign_in_id.clone()),
    };
    let mut steps = Vec::new();
    let mut more = 0;
    if flow != Flow::default() {
        search.limit = Some(STEPS);
        search.filter = Filter {
            from: one.time().and_then(|time| time.checked_sub_signed(FLOW)),
            to: one.time().and_then(|time| time.checked_add_signed(FLOW)),
            flow: Some(flow),
            ..Filter::default()
        };
        let found = search.run(store, progress)?;
        more = found.total - found.matches.len() as u64;
        steps = found
            .matches
            .into_iter()
            .map(|step| step.diagnosis)
            .collect();
    }
    if steps
        .iter()
        .all(|step| step.diagnosis_id != own.diagnosis_id)
    {
        steps.push(own.clone());
    }
    Ok(Lookup::One(Box::new(Review {
        one,
        flow: steps,
        more,
        passed: found.passed,
    })))
}
