//! Writes each diagnosis: as a card, or as the record that `run` writes.
use std::io::{self, BufWriter, Write};

use chrono::Utc;

use crate::cli::card::write_card;
use crate::diagnosis::{
    Bounds, Diagnoser, Provenance, Source, Time, Versions, write_diagnosis, write_provenance,
};
use crate::pipeline::SERVICE_VERSION;
use crate::policies::PolicySnapshot;
use crate::query::record;
use crate::signin::SignIn;

const BUFFER: usize = 256 * 1024;

pub struct Output<W: Write> {
    to: BufWriter<W>,
    form: Form,
    snapshot: Option<PolicySnapshot>,
    /// Sign-ins that the snapshot is not about.
    of_another_tenant: u64,
    /// The memory of one diagnosis, used again.
    line: Vec<u8>,
    card: String,
    /// Whether a card stands above the next.
    begun: bool,
    diagnosed_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Cards { colour: bool, width: usize },
    Lines,
}

impl<W: Write> Output<W> {
    pub fn new(to: W, form: Form, snapshot: Option<PolicySnapshot>) -> Output<W> {
        Output {
            to: BufWriter::with_capacity(BUFFER, to),
            form,
            snapshot,
            of_another_tenant: 0,
            line: Vec::new(),
            card: String::new(),
            begun: false,
            diagnosed_at: None,
        }
    }

    /// Takes this moment as that of the diagnoses that follow.
    pub fn set_time(&mut self) {
        self.diagnosed_at = Time::new(Utc::now());
    }

    pub fn diagnosis(
        &mut self,
        diagnoser: &Diagnoser,
        sign_in: &SignIn<'_>,
        source: Source<'_>,
    ) -> io::Result<()> {
        let snapshot = self
            .snapshot
            .as_ref()
            .filter(|snapshot| snapshot.applies_to(sign_in.tenant_id.as_deref()));
        self.of_another_tenant += u64::from(snapshot.is_none() && self.snapshot.is_some());
        let diagnosis = diagnoser.diagnose(sign_in, &source, Bounds::DEFAULT, snapshot);
        let title = &diagnoser.catalog().scenario(diagnosis.scenario).title;
        self.line.clear();
        write_diagnosis(&diagnosis, &mut self.line);
        let provenance = Provenance {
            policy_page: false,
            source,
            diagnosed_at: self.diagnosed_at,
            versions: Versions {
                service: SERVICE_VERSION,
                catalog: diagnoser.catalog().version(),
                snapshot: snapshot.map(PolicySnapshot::version),
            },
        };
        write_provenance(&provenance, &mut self.line);
        match self.form {
            Form::Lines => {
                self.line.push(b'\n');
                self.to.write_all(&self.line)
            }
            Form::Cards { colour, width } => {
                // A card shows a record, so that one read back from the topic looks the same.
                let record = record::Diagnosis::parse(&self.line).map_err(io::Error::other)?;
                self.card.clear();
                if std::mem::replace(&mut self.begun, true) {
                    self.card.push('\n');
                }
                write_card(&record, title, colour, width, &mut self.card)
                    .map_err(io::Error::other)?;
                self.to.write_all(self.card.as_bytes())
            }
        }
    }

    /// What is to be said of a snapshot that was not used for every sign-in.
    pub fn remark(&self) -> Option<String> {
        let tenant = self.snapshot.as_ref()?.tenant_id()?;
        let count = self.of_another_tenant;
        (count > 0).then(|| {
            format!("{count} diagnosed without the policy snapshot, which is of tenant {tenant}")
        })
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
