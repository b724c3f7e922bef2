//! The log: one event a line on standard error, as text or JSON.
//!
//! The level of the settings holds for this crate and the Kafka client; other libraries never say
//! more than WARN, so that `debug` shows the service and not its HTTP server.
use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt};

use crate::config::LogFormat;

/// Targets that follow the settings: this crate, and librdkafka's own lines.
const OWN_TARGETS: [&str; 3] = ["signin_diagnostics", "librdkafka", "rdkafka"];

/// Starts logging for the whole process.
///
/// # Errors
///
/// Logging was started before.
pub fn start(format: LogFormat, level: Level) -> Result<(), SetGlobalDefaultError> {
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = layer(format, color, io::stderr);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(targets(level)));
    tracing::subscriber::set_global_default(subscriber)
}

fn targets(level: Level) -> Targets {
    let level = LevelFilter::from_level(level);
    let own = OWN_TARGETS.map(|target| (target, level));
    // `LevelFilter` orders by how much it lets through.
    Targets::new()
        .with_targets(own)
        .with_default(level.min(LevelFilter::WARN))
}

fn layer<S, W>(format: LogFormat, color: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => fmt::layer()
            .with_ansi(color)
            .with_target(false)
            .with_writer(OneLine(writer))
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(writer)
            .boxed(),
    }
}

/// Escapes line ends inside an event: a broker's error text must not begin a line of its own. The
/// formatter hands over each event in one piece (JSON escapes them by itself).
struct OneLine<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for OneLine<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }

    fn make_writer_for(&'w self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        OneLine(self.0.make_writer_for(metadata))
    }
}

impl<W: io::Write> io::Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (inside, end) = match event.split_last() {
            Some((b'\n', inside)) => (inside, &b"\n"[..]),
            _ => (event, &b""[..]),
        };
        let mut line = Vec::with_capacity(event.len());
        for (index, part) in inside.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                line.extend_from_slice(b"\\n");
            }
            line.extend_from_slice(part);
        }
        line.extend_from_slice(end);
        self.0.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: LogFormat, level: Level, events: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer(format, false, move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(targets(level)));
        tracing::subscriber::with_default(subscriber, events);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_object_a_line_with_its_fields() {
        let text = log(LogFormat::Json, Level::INFO, || {
            info!(partition = 3, "Joined\nthe group");
            debug!("Not shown");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "Joined\nthe group");
        assert_eq!(line["partition"], 3);
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].is_string() && line["target"].is_string());
    }

    #[test]
    fn text_is_one_line_an_event_without_escape_codes() {
        let text = log(LogFormat::Text, Level::WARN, || {
            warn!(partition = 3, reason = %"first\nsecond\n\nthird", "Paused");
            info!("Not shown");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("WARN") && text.contains("Paused partition=3 reason=first\\nsecond"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn other_libraries_say_no_more_than_warn() {
        let text = log(LogFormat::Text, Level::DEBUG, || {
            debug!("own");
            debug!(target: "librdkafka", "client");
            info!(target: "hyper::proto", "foreign");
            warn!(target: "hyper::proto", "foreign warning");
        });
        let shown: Vec<bool> = ["own", "client", "foreign\n", "foreign warning"]
            .iter()
            .map(|part| text.contains(part))
            .collect();
        assert_eq!(shown, [true, true, false, true], "{text}");
        let text = log(LogFormat::Text, Level::ERROR, || {
            warn!(target: "hyper::proto", "foreign warning");
        });
        assert_eq!(text, "");
    }
}
