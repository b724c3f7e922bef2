//! A demo from its first line to its summary. Runs on a thread of its own.
use std::io::{self, Write as _};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::cluster::{INPUT, OUTPUT};
use super::face::Face;
use super::feed::Feed;
use super::figures::Figures;
use super::pace::{Past, Second};
use super::read_back::ReadBack;
use super::screen::FullScreen;
use super::sender::{Progress, Sender};
use super::summary::Summary;
use crate::delivery::Exit;
use crate::pipeline::{End, Pipeline, Shared, StopSignal};

/// Between two looks at how far everybody is.
const STEP: Duration = Duration::from_millis(5);
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// The group forms after three seconds, the embedded broker's usual delay.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Without a record settled for so long, the pipeline is taken to stand still.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(15);

/// When a new Conditional Access policy begins to block in the generated sign-ins; in a long demo
/// later, so that Prometheus knows what is usual before.
const SPIKE_TIME: Duration = Duration::from_secs(20);
const LATEST_SPIKE_TIME: Duration = Duration::from_mins(5);
const SPIKE_RECORDS: u64 = 20_000;

/// What ends a demo, and how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Records a second; `None`: as fast as the pipeline takes them.
    pub rate: Option<u64>,
    pub events: Option<u64>,
    pub time: Option<Duration>,
}

impl Bounds {
    /// The number of records after which the spike begins: soon enough to be seen before the
    /// end, late enough for something to compare it with.
    pub fn spike_after(self) -> u64 {
        let begin = self.time.map_or(SPIKE_TIME, |time| {
            (time / 3).min((time / 4).clamp(SPIKE_TIME, LATEST_SPIKE_TIME))
        });
        let by_time = self.rate.map_or(SPIKE_RECORDS, |rate| {
            let records = u128::from(rate) * begin.as_millis() / 1_000;
            u64::try_from(records).unwrap_or(u64::MAX)
        });
        self.events
            .map_or(by_time, |events| by_time.min(events / 3))
    }
}

/// Everything that a demo needs.
pub struct Show {
    shared: Shared,
    feed: Feed,
    bounds: Bounds,
    /// Requested by Ctrl-C.
    ending: StopSignal,
    /// Where one is possible and wanted.
    full: Option<FullScreen>,
}

/// The parts in motion.
struct Stage {
    shared: Shared,
    bounds: Bounds,
    ending: StopSignal,
    sender: Sender,
    read_back: ReadBack,
    workers: JoinHandle<End>,
    past: Past,
    started: Instant,
    lines: u32,
    /// Records settled at the last look, and since when.
    settled: (u64, Instant),
}

impl Show {
    pub const fn new(
        shared: Shared,
        feed: Feed,
        bounds: Bounds,
        ending: StopSignal,
        full: Option<FullScreen>,
    ) -> Show {
        Show {
            shared,
            feed,
            bounds,
            ending,
            full,
        }
    }

    /// Shows it on the standard output; gives whether everything that was sent is accounted for.
    pub fn run(self) -> Result<bool> {
        let settings = &self.shared.settings;
        let [title, topics, addresses] = self.head();
        let head = format!("{title}\n  {topics}\n  {addresses}\n");
        let mut face = Face::new(self.full, title, addresses);
        if matches!(face, Face::Lines(_)) {
            let mut out = io::stdout().lock();
            write!(
                out,
                "{head}  end: Ctrl-C, with a summary\n  waiting for the consumer group to form\n"
            )?;
            out.flush()?;
        }
        let brokers = settings.kafka.bootstrap_servers.as_str();
        let sender = Sender::new(brokers, self.feed, self.bounds.rate)
            .context("cannot create the sending client")?;
        let read_back = ReadBack::start(brokers)?;
        let pipeline = Pipeline::start(&self.shared).context("cannot create the Kafka clients")?;
        self.shared.health.set_configured();
        let workers = thread::Builder::new()
            .name("workers".to_owned())
            .spawn(move || pipeline.wait())?;
        let now = Instant::now();
        let mut stage = Stage {
            shared: self.shared,
            bounds: self.bounds,
            ending: self.ending,
            sender,
            read_back,
            workers,
            past: Past::default(),
            started: now,
            lines: 0,
            settled: (0, now),
        };
        let played = stage.play(&mut face);
        face.end(&head)?;
        let summary = stage.end()?;
        played?;
        let mut out = io::stdout().lock();
        write!(out, "{summary}")?;
        out.flush()?;
        Ok(summary.adds_up())
    }

    /// What is played, which way it takes, and where it can be reached.
    fn head(&self) -> [String; 3] {
        let settings = &self.shared.settings;
        let workers = match settings.workers {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        };
        [
            format!("signin-diagnostics demo: {}", self.feed.describe()),
            format!("embedded broker: {INPUT} -> {workers}, as in `run` -> {OUTPUT}, read back"),
            format!(
                "metrics http://{}/metrics   broker {}",
                settings.telemetry.listen, settings.kafka.bootstrap_servers
            ),
        ]
    }
}

impl Stage {
    fn play(&mut self, face: &mut Face) -> Result<()> {
        self.wait_ready(face)?;
        self.started = Instant::now();
        self.settled.1 = self.started;
        let mut next_line = self.started + LINE_INTERVAL;
        let records = self.bounds.events.unwrap_or(u64::MAX);
        let mut sending = true;
        loop {
            let now = Instant::now();
            self.attend(face)?;
            let is_over = self.ending.is_requested()
                || self
                    .bounds
                    .time
                    .is_some_and(|time| now >= self.started + time)
                || self.sender.contents().records >= records;
            if sending && is_over {
                sending = false;
            }
            let progress = self.progress();
            if sending {
                sending = self.sender.send(now, progress, records)?;
            }
            let sent = self.sender.contents().records;
            if !sending && progress.settled >= sent {
                return Ok(());
            }
            if self.workers.is_finished() || self.stands_still(now, progress.settled, sent) {
                // The summary says what is missing.
                return Ok(());
            }
            if now >= next_line {
                next_line += LINE_INTERVAL;
                self.line(now, face)?;
            }
            self.sender.poll(STEP);
        }
    }

    /// Somebody who wants the end a second time gets the terminal back, and can interrupt.
    fn attend(&self, face: &mut Face) -> io::Result<()> {
        if face.attend()? && self.ending.request() {
            face.leave();
        }
        Ok(())
    }

    fn wait_ready(&self, face: &mut Face) -> Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            self.attend(face)?;
            let now = Instant::now();
            let checks = self.shared.health.checks(now);
            if checks.iter().all(crate::telemetry::health::Check::passes)
                || self.ending.is_requested()
                || self.workers.is_finished()
            {
                return Ok(());
            }
            anyhow::ensure!(
                now < deadline,
                "the workers did not join their group within {} seconds",
                READY_TIMEOUT.as_secs()
            );
            thread::sleep(STEP);
        }
    }

    fn progress(&self) -> Progress {
        let metrics = &self.shared.metrics;
        let written = metrics.produced_records.get();
        Progress {
            settled: metrics.records_received.get(),
            unread_outputs: written.saturating_sub(self.read_back.messages()),
        }
    }

    /// Whether records wait and none was settled for long.
    fn stands_still(&mut self, now: Instant, settled: u64, sent: u64) -> bool {
        if settled != self.settled.0 || settled >= sent {
            self.settled = (settled, now);
        }
        now >= self.settled.1 + PROGRESS_TIMEOUT
    }

    fn figures(&self) -> Result<Figures> {
        let exposition = self.shared.metrics.encode();
        Ok(Figures::read(
            &exposition.context("cannot encode the metrics")?,
        ))
    }

    fn line(&mut self, now: Instant, face: &mut Face) -> Result<()> {
        let figures = self.figures()?;
        let last = if self.lines.is_multiple_of(face.assessment_every()) {
            self.read_back.take_last()
        } else {
            None
        };
        self.lines += 1;
        let sent = self.sender.contents().records;
        let second = Second {
            elapsed: now - self.started,
            lag: sent.saturating_sub(figures.records),
            figures: &figures,
        };
        let pace = self.past.add(&second);
        face.second(&second, pace, last.as_deref())?;
        Ok(())
    }

    /// Stops the workers, reads the rest of the output, and compares.
    fn end(self) -> Result<Summary> {
        let elapsed = self.started.elapsed();
        let flushed = self.sender.flush();
        self.shared.health.set_draining();
        self.shared.stop.request();
        let is_clean = self
            .workers
            .join()
            .is_ok_and(|end| end == End::By(Exit::Clean));
        flushed.context("the embedded broker did not take everything that was sent")?;
        let exposition = self.shared.metrics.encode();
        let counted = Figures::read(&exposition.context("cannot encode the metrics")?);
        let feed = self.sender.feed();
        Ok(Summary {
            elapsed,
            messages: self.sender.messages(),
            sent: *self.sender.contents(),
            is_generated: feed.is_generated(),
            not_sent: feed
                .not_sent()
                .map(|not_sent| (not_sent.count, not_sent.told.clone()))
                .unwrap_or_default(),
            refused: self.sender.failed(),
            counted,
            read_back: self.read_back.finish()?,
            is_clean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spike_begins_within_the_bounds() {
        let bounds = |rate, events, seconds: Option<u64>| Bounds {
            rate,
            events,
            time: seconds.map(Duration::from_secs),
        };
        for (bounds, expected) in [
            (bounds(Some(400), None, None), 8_000),
            (bounds(Some(400), None, Some(18)), 2_400),
            (bounds(Some(400), None, Some(60)), 8_000),
            (bounds(Some(400), None, Some(720)), 72_000),
            (bounds(Some(400), None, Some(3_600)), 120_000),
            (bounds(Some(400), Some(3_000), None), 1_000),
            (bounds(None, Some(3_000), None), 1_000),
            (bounds(None, None, None), SPIKE_RECORDS),
        ] {
            assert_eq!(bounds.spike_after(), expected, "{bounds:?}");
        }
    }
}
