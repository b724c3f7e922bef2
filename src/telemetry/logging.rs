//! The log: one event a line on standard error, as text or JSON.
//!
//! The level of the settings holds for this crate and the Kafka client; other libraries never say
//! more than WARN, so that `debug` shows the service and not its HTTP server.
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Level;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt};

use crate::config::LogFormat;
use crate::signin::text::is_active;

/// Targets that follow the settings: this crate, and librdkafka's own lines.
const OWN_TARGETS: [&str; 3] = ["signin_diagnostics", "librdkafka", "rdkafka"];

/// Starts logging for the whole process.
///
/// # Errors
///
/// Logging was started before.
pub fn start(format: LogFormat, level: Level) -> Result<(), SetGlobalDefaultError> {
    start_on(format, level, io::stderr)
}

/// As [`start`], for a process that may draw on the terminal which standard error leads to.
///
/// # Errors
///
/// Logging was started before.
pub fn start_held(
    format: LogFormat,
    level: Level,
    held: Held,
) -> Result<(), SetGlobalDefaultError> {
    start_on(format, level, move || held.clone())
}

fn start_on<W>(format: LogFormat, level: Level, writer: W) -> Result<(), SetGlobalDefaultError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = layer(format, color, writer);
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
            .with_writer(OneLine { writer, color })
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(OneLine {
                writer,
                color: false,
            })
            .boxed(),
    }
}

/// Lines that are kept while they are held back; the oldest give way.
const HELD_LINES: usize = 1_000;

/// Standard error, which can be held back: a full screen on the same terminal stays whole, and
/// what was logged meanwhile is written after it.
#[derive(Debug, Clone, Default)]
pub struct Held(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    is_held: bool,
    kept: VecDeque<Vec<u8>>,
    /// Of all that came while they were held.
    count: u64,
}

impl Held {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines logged since [`Held::hold`].
    pub fn count(&self) -> u64 {
        self.lines().count
    }

    /// Nothing is held where standard error leads elsewhere.
    pub fn hold(&self) {
        self.lines().is_held = io::stderr().is_terminal();
    }

    /// Writes what was held, and holds no more.
    pub fn release(&self) -> io::Result<()> {
        let lines = mem::take(&mut *self.lines());
        let mut out = io::stderr().lock();
        let gone = lines.count - lines.kept.len() as u64;
        if gone > 0 {
            writeln!(out, "{gone} earlier lines of the log were not kept")?;
        }
        lines.kept.iter().try_for_each(|line| out.write_all(line))
    }
}

impl io::Write for Held {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.lines();
        if !lines.is_held {
            drop(lines);
            return io::stderr().write(line);
        }
        lines.count += 1;
        if lines.kept.len() == HELD_LINES {
            lines.kept.pop_front();
        }
        lines.kept.push_back(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Escapes what would act inside an event, as JSON does: a broker's error text must neither begin a
/// line of its own nor turn the line round. The formatter hands over each event in one piece.
struct OneLine<W> {
    writer: W,
    /// The formatter's own colours pass; of texts it has escaped them.
    color: bool,
}

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for OneLine<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        OneLine {
            writer: self.writer.make_writer(),
            color: self.color,
        }
    }

    fn make_writer_for(&'w self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        OneLine {
            writer: self.writer.make_writer_for(metadata),
            color: self.color,
        }
    }
}

impl<W: io::Write> io::Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (inside, end) = match event.split_last() {
            Some((b'\n', inside)) => (inside, "\n"),
            _ => (event, ""),
        };
        let mut line = String::with_capacity(event.len());
        for character in String::from_utf8_lossy(inside).chars() {
            match character {
                '\n' => line.push_str("\\n"),
                '\u{1b}' if self.color => line.push(character),
                // A `String` takes every write.
                _ if is_active(character) => {
                    let _ = write!(line, "\\u{:04x}", u32::from(character));
                }
                _ => line.push(character),
            }
        }
        line.push_str(end);
        self.writer.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, warn};

    use super::*;

    #[test]
    fn held_lines_are_bounded_and_counted() {
        let mut held = Held::default();
        held.lines().is_held = true;
        for line in 0..HELD_LINES + 5 {
            io::Write::write_all(&mut held, format!("{line}\n").as_bytes()).unwrap();
        }
        assert_eq!(held.count(), HELD_LINES as u64 + 5);
        let lines = held.lines();
        assert_eq!(lines.kept.len(), HELD_LINES);
        assert_eq!(lines.kept[0], b"5\n");
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: LogFormat, level: Level, events: impl FnOnce()) -> String {
        let lines = Written::default();
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
    fn no_text_acts_in_the_log() {
        let hostile = "\u{1b}[2J \u{9b}31m \u{202e}gnp \u{2028}c \u{7} d\r\nINFO e";
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = log(format, Level::WARN, || {
                warn!(error = %hostile, reason = ?hostile, "Broken: {hostile}");
            });
            assert_eq!(text.lines().count(), 1, "{text:?}");
            assert!(text.contains("gnp") && text.ends_with('\n'), "{text:?}");
            assert!(!text.trim_end_matches('\n').contains(is_active), "{text:?}");
        }
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
