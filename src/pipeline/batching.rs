//! How large the producer's batches may be, as the broker takes them.
//!
//! A broker refuses a batch as a whole, although each of its records might pass. The client does
//! not split it, and its `batch.size` is fixed once it is made: so smaller batches mean another
//! producer, which is made when every output of the old one is acknowledged or refused.

/// Below this no batch is made smaller: the topic's limit is then a mistake.
const SMALLEST_BATCH: usize = 4096;

#[derive(Debug)]
pub struct Batching {
    bytes: usize,
    is_changing: bool,
}

impl Batching {
    /// With the producer's `batch.size`.
    pub fn new(bytes: usize) -> Batching {
        Batching {
            bytes,
            is_changing: false,
        }
    }

    /// What the producer's `batch.size` is to be.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether another producer is to be made; this one takes nothing more.
    pub fn is_changing(&self) -> bool {
        self.is_changing
    }

    pub fn changed(&mut self) {
        self.is_changing = false;
    }

    /// The broker refused the size of what a record of `bytes` was in. False where the record
    /// fills a batch by itself: then the record is too large, not its batch.
    pub fn shrink(&mut self, bytes: usize) -> bool {
        if self.is_changing {
            return true;
        }
        if bytes >= self.bytes || self.bytes <= SMALLEST_BATCH {
            return false;
        }
        self.bytes = (self.bytes / 2).max(SMALLEST_BATCH);
        self.is_changing = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shrinks_once_for_all_its_records_until_one_fills_it() {
        let mut batching = Batching::new(1_000_000);
        assert!(batching.shrink(300_000) && batching.shrink(600));
        assert_eq!((batching.bytes(), batching.is_changing()), (500_000, true));
        batching.changed();
        assert!(batching.shrink(300_000));
        batching.changed();
        assert!(
            !batching.shrink(300_000),
            "250,000: the record is too large"
        );
        assert!(!batching.is_changing());
    }

    #[test]
    fn a_batch_does_not_shrink_for_ever() {
        let mut batching = Batching::new(1_000_000);
        while batching.shrink(600) {
            batching.changed();
        }
        assert_eq!(batching.bytes(), SMALLEST_BATCH);
    }
}
