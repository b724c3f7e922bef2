//! Members for the first values of an open label; all others share one.
//!
//! Nothing that the stream holds can fill the memory, or the server that scrapes: what is
//! admitted stays until the process ends, and no more is.
use std::borrow::Borrow;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the member of a value stands in its [`Capped`]; valid until the process ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place(u16);

type Slot<K, T> = OnceLock<Option<(K, T)>>;

/// A hash table of a fixed size, shared by the workers. Finding a value takes no lock; the
/// first sight of one fills its slot.
pub(super) struct Capped<K, T> {
    /// At most half of them hold a member, so a search ends soon. `None` says that the table
    /// was full before the slot was needed: nothing follows it.
    slots: Box<[Slot<K, T>]>,
    room: AtomicUsize,
    other: T,
}

impl<K: Eq + Hash, T> Capped<K, T> {
    /// The most values that a table can admit.
    pub const MAX: usize = 1 << 14;

    pub fn new(values: usize, other: T) -> Capped<K, T> {
        let values = values.min(Self::MAX);
        let slots = (0..(2 * values).next_power_of_two()).map(|_| OnceLock::new());
        Capped {
            slots: slots.collect(),
            room: AtomicUsize::new(values),
            other,
        }
    }

    /// Places are smaller than this.
    pub fn places(&self) -> usize {
        self.slots.len() + 1
    }

    /// The place of values that are not admitted.
    pub fn other(&self) -> Place {
        Place(u16::try_from(self.slots.len()).unwrap_or(u16::MAX))
    }

    /// The place of `value`, which is admitted while there is room.
    pub fn place<Q>(&self, value: &Q, admit: impl Fn() -> (K, T)) -> Place
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mask = self.slots.len() - 1;
        #[allow(clippy::cast_possible_truncation)] // the mask keeps the low bits
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(value) as usize;
        for step in 0..self.slots.len() {
            let place = (hash + step) & mask;
            let member = self.slots[place].get_or_init(|| self.has_room().then(&admit));
            match member {
                Some((known, _)) if known.borrow() == value => {
                    return u16::try_from(place).map_or(self.other(), Place);
                }
                Some(_) => {}
                None => break,
            }
        }
        self.other()
    }

    fn has_room(&self) -> bool {
        let take = |room: usize| room.checked_sub(1);
        self.room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    pub fn at(&self, place: Place) -> &T {
        let slot = self.slots.get(usize::from(place.0));
        let member = slot.and_then(|slot| slot.get()?.as_ref());
        member.map_or(&self.other, |(_, member)| member)
    }
}

impl Place {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The place of an index below [`Capped::places`].
    pub fn from_index(index: usize) -> Place {
        u16::try_from(index).map_or(Place(u16::MAX), Place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prometheus::IntCounter;

    use super::*;

    fn counter() -> IntCounter {
        IntCounter::new("test_total", "For the test.").unwrap()
    }

    fn capped(values: usize) -> Capped<u32, IntCounter> {
        Capped::new(values, counter())
    }

    fn count(capped: &Capped<u32, IntCounter>, value: u32) -> Place {
        let place = capped.place(&value, || (value, counter()));
        capped.at(place).inc();
        place
    }

    #[test]
    fn the_first_values_count_for_themselves_and_all_others_together() {
        for cap in [1, 2, 100] {
            let capped = capped(cap as usize);
            for _ in 0..2 {
                for value in 0..cap {
                    assert_ne!(count(&capped, value), capped.other(), "{value} of {cap}");
                }
                for value in cap..cap + 10_000 {
                    assert_eq!(count(&capped, value), capped.other());
                }
            }
            for value in 0..cap {
                let place = capped.place(&value, || unreachable!("it is known"));
                assert!(place.index() < capped.places());
                assert_eq!(Place::from_index(place.index()), place);
                assert_eq!(capped.at(place).get(), 2);
            }
            assert_eq!(capped.at(capped.other()).get(), 20_000);
        }
    }

    #[test]
    fn workers_that_race_agree_on_places_and_keep_the_cap() {
        let capped = capped(50);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let capped = &capped;
                scope.spawn(move || {
                    for step in 0..100 {
                        count(capped, (step + worker * 25) % 100);
                    }
                });
            }
        });
        let places: BTreeSet<usize> = (0..100)
            .map(|value| capped.place(&value, || unreachable!("there is no room")))
            .filter(|place| *place != capped.other())
            .map(Place::index)
            .collect();
        assert_eq!(places.len(), 50);
        for place in places {
            assert_eq!(capped.at(Place::from_index(place)).get(), 4);
        }
        assert_eq!(capped.at(capped.other()).get(), 200);
    }
}
