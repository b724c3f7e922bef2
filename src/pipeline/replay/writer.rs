//! Writes the outputs of a pass, and waits until the broker has them.
use std::collections::VecDeque;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use super::{Figures, POLL, ReplayError};
use crate::config::Settings;
use crate::delivery::Token;
use crate::kafka::{self, Acknowledgement, ProducerEvents, classify};
use crate::pipeline::batch::{Batch, OutputKind};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::worker::MessagePlace;
use crate::pipeline::{Shared, StopSignal};
use crate::telemetry::BrokerFault;

/// Where the outputs of a pass go.
pub(super) struct Writer {
    producer: BaseProducer<ProducerEvents>,
    outputs: Outputs,
    /// The messages whose outputs are not all acknowledged, in order; the first one's number.
    pub(super) pending: VecDeque<Pending>,
    first: u64,
    reports: Vec<Acknowledgement>,
}

pub(super) struct Pending {
    outstanding: usize,
    pub(super) time: Option<i64>,
}

impl Writer {
    pub(super) fn new(shared: &Shared) -> KafkaResult<Writer> {
        let settings: &Settings = &shared.settings;
        let events = ProducerEvents::new(shared.tokens.clone());
        let mut client = kafka::producer(settings);
        client.set("statistics.interval.ms", "0");
        Ok(Writer {
            producer: BaseProducer::from_config_and_context(&client, events)?,
            outputs: Outputs::new(settings),
            pending: VecDeque::new(),
            first: 0,
            reports: Vec::new(),
        })
    }

    pub(super) fn write(
        &mut self,
        batch: &Batch,
        place: &MessagePlace,
        time: Option<i64>,
        figures: &mut Figures,
        stop: &StopSignal,
    ) -> KafkaResult<bool> {
        let outputs: Vec<_> = (0..batch.len())
            .filter_map(|index| batch.output(index))
            .filter(|output| matches!(output.kind, OutputKind::Diagnosis { .. }))
            .collect();
        if outputs.is_empty() {
            return Ok(true);
        }
        let token = Token::from_bits(self.first + self.pending.len() as u64);
        self.pending.push_back(Pending {
            outstanding: outputs.len(),
            time,
        });
        for output in outputs {
            loop {
                match self
                    .outputs
                    .produce(&self.producer, batch, output, place, token)
                {
                    Ok(()) => break,
                    Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => {
                        if stop.is_requested() {
                            return Ok(false);
                        }
                        self.producer.poll(POLL);
                    }
                    Err(error) => return Err(error),
                }
            }
            figures.produced += 1;
        }
        Ok(true)
    }

    pub(super) fn serve(
        &mut self,
        patience: Duration,
        figures: &mut Figures,
    ) -> Result<(), ReplayError> {
        self.producer.poll(patience);
        let mut reports = std::mem::take(&mut self.reports);
        self.producer
            .context()
            .acknowledgements
            .take_into(&mut reports);
        for report in reports.drain(..) {
            if let Some(failure) = report.failure {
                return Err(ReplayError::Refused(failure.code));
            }
            figures.acknowledged += 1;
            let index = report.token.to_bits().saturating_sub(self.first);
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(message) = self.pending.get_mut(index) {
                message.outstanding -= 1;
            }
            while self
                .pending
                .pop_front_if(|message| message.outstanding == 0)
                .is_some()
            {
                self.first += 1;
            }
        }
        self.reports = reports;
        let mut errors = Vec::new();
        self.producer.context().errors.take_into(&mut errors);
        match errors.iter().find(|error| needs_operator(error.fault)) {
            Some(error) => Err(ReplayError::Refused(error.code)),
            None => Ok(()),
        }
    }
}

/// Whether trying on does not help, or only an operator can.
pub(super) fn is_final(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
    let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
    fatal || code == RDKafkaErrorCode::AutoOffsetReset || needs_operator(classify(code))
}

fn needs_operator(fault: BrokerFault) -> bool {
    matches!(
        fault,
        BrokerFault::Authentication
            | BrokerFault::Authorization
            | BrokerFault::TopicMissing
            | BrokerFault::Fatal
    )
}
