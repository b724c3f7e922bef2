//! Writes the records of one message: diagnosed, told from repeats, encoded.
use xxhash_rust::xxh3::xxh3_64;

use super::batch::{Batch, OutputKind};
use super::dead_letter;
use super::reader::SERVICE_VERSION;
use super::receipt::{Fate, Receipt};
use super::tally::Tally;
use super::worker::MessagePlace;
use crate::delivery::{Fingerprint, Occurrence, Seen};
use crate::diagnosis::{
    Bounds, Detail, Diagnoser, Diagnosis, MessageKey, Provenance, Source, Time, Versions,
    write_diagnosis, write_provenance,
};
use crate::policies::PolicySnapshot;
use crate::signin::{BadReason, SignIn};
use crate::watch::{WatchLists, Watched};

/// Writes the records of one message.
pub(super) struct RecordWriter<'m> {
    pub(super) diagnoser: &'m Diagnoser,
    pub(super) snapshot: Option<&'m PolicySnapshot>,
    pub(super) key: MessageKey,
    pub(super) limit: usize,
    pub(super) bounds: Bounds,
    pub(super) dead_letters: &'m dead_letter::Bytes,
    pub(super) policies: &'m mut Vec<u32>,
    pub(super) tally: &'m mut Tally,
    pub(super) watch: &'m WatchLists,
    pub(super) place: &'m MessagePlace,
    pub(super) diagnosed_at: Option<Time>,
    pub(super) seen: &'m mut Seen,
    pub(super) batch: &'m mut Batch,
    pub(super) receipt: &'m mut Receipt,
}

impl<'m> RecordWriter<'m> {
    /// Forgets what was made of the message so far.
    pub(super) fn start_over(&mut self) {
        self.batch.clear();
        self.receipt.clear();
        self.tally.clear();
        self.seen.forget_from(self.place.offset);
    }

    pub(super) fn dead_letter(&mut self, position: u32, bytes: &[u8], reason: BadReason) {
        let start = self.batch.buffer().len();
        let buffer = self.batch.buffer();
        let (encoding, protection) = self.dead_letters.write(bytes, self.limit, buffer);
        let kind = OutputKind::DeadLetter {
            reason,
            position,
            encoding,
            protection,
        };
        self.batch.push(kind, start, None);
        self.receipt.count(Fate::DeadLetter(reason));
    }

    pub(super) fn sign_in(&mut self, position: u32, sign_in: &SignIn<'_>) {
        let source = Source::Kafka {
            topic: &self.place.topic,
            partition: self.place.partition,
            offset: self.place.offset,
            position,
        };
        let snapshot = self.snapshot_for(sign_in);
        let watched = self.watch.of(sign_in);
        let mut diagnosis = self
            .diagnoser
            .diagnose(sign_in, &source, self.bounds, snapshot);
        self.watch.mark(watched, &mut diagnosis);
        let start = self.batch.buffer().len();
        write_diagnosis(&diagnosis, self.batch.buffer());
        // What a reader could tell apart, its provenance excepted: same text, same record.
        let content = xxh3_64(&self.batch.buffer()[start..]);
        let occurrence = self.occurrence(sign_in, &diagnosis, content);
        if occurrence == Occurrence::Repeat {
            self.batch.buffer().truncate(start);
            return self.receipt.count(Fate::Repeat);
        }
        self.count(sign_in, &diagnosis, occurrence, watched);
        if diagnosis.detail == Detail::None {
            self.batch.buffer().truncate(start);
            self.receipt.without_record += 1;
            return;
        }
        let provenance = Provenance {
            policy_page: occurrence == Occurrence::Page,
            source,
            diagnosed_at: self.diagnosed_at,
            versions: Versions {
                service: SERVICE_VERSION,
                catalog: self.diagnoser.catalog().version(),
                snapshot: snapshot.map(PolicySnapshot::version),
            },
        };
        write_provenance(&provenance, self.batch.buffer());
        if self.batch.buffer().len() - start > self.limit {
            self.batch.buffer().truncate(start);
            let mut tight = self
                .diagnoser
                .diagnose(sign_in, &source, Bounds::TIGHT, snapshot);
            self.watch.mark(watched, &mut tight);
            write_diagnosis(&tight, self.batch.buffer());
            write_provenance(&provenance, self.batch.buffer());
        }
        let kind = OutputKind::Diagnosis {
            scenario: diagnosis.scenario,
            outcome: diagnosis.outcome,
        };
        self.batch.push(kind, start, diagnosis.key(self.key));
    }

    /// The snapshot, where it is of the sign-in's tenant.
    fn snapshot_for(&self, sign_in: &SignIn<'_>) -> Option<&'m PolicySnapshot> {
        self.snapshot
            .filter(|snapshot| snapshot.applies_to(sign_in.tenant_id.as_deref()))
    }

    fn occurrence(
        &mut self,
        sign_in: &SignIn<'_>,
        diagnosis: &Diagnosis<'_>,
        content: u64,
    ) -> Occurrence {
        let mut moment = [0; 16];
        let time = sign_in
            .event_time
            .map_or(i64::MIN, |time| time.timestamp_micros());
        moment[..8].copy_from_slice(&time.to_le_bytes());
        moment[8..].copy_from_slice(&sign_in.error_code.unwrap_or(i64::MIN).to_le_bytes());
        self.policies.clear();
        let policies = sign_in.policies.iter().flatten();
        self.policies.extend(policies.filter_map(|policy| {
            let id = policy.id.as_deref()?;
            #[allow(clippy::cast_possible_truncation)] // 32 bits tell a few dozen ids apart
            Some(xxh3_64(id.as_bytes()) as u32)
        }));
        let print = Fingerprint {
            content,
            moment: xxh3_64(&moment),
            policies: self.policies,
        };
        let id = diagnosis.diagnosis_id.as_uuid().as_u128();
        self.seen.observe(self.place.offset, id, print)
    }

    fn count(
        &mut self,
        sign_in: &SignIn<'_>,
        diagnosis: &Diagnosis<'_>,
        occurrence: Occurrence,
        watched: Watched,
    ) {
        self.receipt.count(match occurrence {
            Occurrence::First => Fate::Diagnosis {
                scenario: diagnosis.scenario,
                outcome: diagnosis.outcome,
                category: sign_in.category,
            },
            Occurrence::Update => Fate::Update,
            Occurrence::Page => Fate::Page,
            Occurrence::Repeat => Fate::Repeat,
        });
        if let Some(time) = sign_in.event_time {
            self.receipt.event_times.push(time.timestamp_millis());
        }
        if occurrence == Occurrence::First {
            self.receipt.add_context(diagnosis);
            self.tally.first(sign_in, diagnosis, watched, self.receipt);
        }
        // A page carries policies that the rows before it do not.
        if matches!(occurrence, Occurrence::First | Occurrence::Page) {
            self.tally.policies(sign_in);
        }
    }
}
