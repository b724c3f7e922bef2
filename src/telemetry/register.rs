//! From a definition to its metric on a registry.
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::definitions::{Definition, Kind};

pub(super) fn counter(
    registry: &Registry,
    definition: &Definition,
) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(definition.name, definition.help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

pub(super) fn counters(
    registry: &Registry,
    definition: &Definition,
) -> Result<IntCounterVec, prometheus::Error> {
    let options = Opts::new(definition.name, definition.help);
    let family = IntCounterVec::new(options, definition.labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

pub(super) fn int_gauge(
    registry: &Registry,
    definition: &Definition,
) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::new(definition.name, definition.help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

pub(super) fn int_gauges(
    registry: &Registry,
    definition: &Definition,
) -> Result<IntGaugeVec, prometheus::Error> {
    let options = Opts::new(definition.name, definition.help);
    let family = IntGaugeVec::new(options, definition.labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

pub(super) fn gauges(
    registry: &Registry,
    definition: &Definition,
) -> Result<GaugeVec, prometheus::Error> {
    let options = Opts::new(definition.name, definition.help);
    let family = GaugeVec::new(options, definition.labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

pub(super) fn histogram(
    registry: &Registry,
    definition: &Definition,
) -> Result<Histogram, prometheus::Error> {
    let Kind::Histogram(buckets) = definition.kind else {
        let reason = format!("{} is defined as no histogram", definition.name);
        return Err(prometheus::Error::Msg(reason));
    };
    let options = HistogramOpts::new(definition.name, definition.help).buckets(buckets.to_vec());
    let histogram = Histogram::with_opts(options)?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}
