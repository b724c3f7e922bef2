//! What the full screen of a demo shows, drawn into whatever size the terminal has.
//!
//! Pure: knows no terminal. Text of events is made inert by `two_lines`.
use std::collections::VecDeque;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use super::display::{clock, grouped, percent, spike_words, two_lines};
use super::figures::Figures;
use super::pace::{Pace, Second, share};
use crate::diagnosis::Scenario;

/// Seconds that are remembered: more than a screen has columns.
const SECONDS: usize = 1_000;
const ASSESSMENTS: usize = 12;

/// Two panels stand side by side from so many columns on.
const TWO_COLUMNS: u16 = 76;
/// Of a scenario's name and count, before its bar.
const NAME: usize = 29;
const COUNT: usize = 8;
/// Of the time before an assessment.
const INDENT: usize = 9;

pub struct View {
    /// What is played, and where it can be reached.
    pub title: String,
    pub addresses: String,
    pub has_colors: bool,
    /// Warnings and errors in the log.
    pub logged: u64,
    figures: Figures,
    elapsed: Duration,
    lag: u64,
    pace: Pace,
    /// The share of blocks in each of the latest seconds, in hundredths of a percent.
    shares: VecDeque<Option<u64>>,
    /// When it was told, and what.
    spike: Option<(Duration, String)>,
    assessments: VecDeque<(Duration, String)>,
}

impl View {
    pub fn new(title: String, addresses: String, has_colors: bool) -> View {
        View {
            title,
            addresses,
            has_colors,
            logged: 0,
            figures: Figures::default(),
            elapsed: Duration::ZERO,
            lag: 0,
            pace: Pace::default(),
            shares: VecDeque::new(),
            spike: None,
            assessments: VecDeque::new(),
        }
    }

    pub fn second(&mut self, second: &Second<'_>, pace: Pace, last: Option<&str>) {
        self.figures = second.figures.clone();
        self.elapsed = second.elapsed;
        self.lag = second.lag;
        self.pace = pace;
        if let Some(spike) = pace.spike {
            self.spike = Some((second.elapsed, spike_words(spike)));
        }
        self.shares
            .push_back(pace.share.map(hundredths_of_a_percent));
        if self.shares.len() > SECONDS {
            self.shares.pop_front();
        }
        if let Some(last) = last {
            self.assessments
                .push_front((second.elapsed, last.to_owned()));
            self.assessments.truncate(ASSESSMENTS);
        }
    }

    /// When the spike was told, and in what words.
    pub fn spike(&self) -> Option<&(Duration, String)> {
        self.spike.as_ref()
    }

    pub fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        // Of a small window the figures are what stays.
        let is_low = area.height < 8;
        let head = u16::from(!is_low) * 2;
        let [head, figures, body, foot] = Layout::vertical([
            Constraint::Length(head),
            Constraint::Length(if is_low { 1 } else { 2 }),
            Constraint::Min(0),
            Constraint::Length(u16::from(area.height > 1)),
        ])
        .areas(area);
        frame.render_widget(self.head(head.width), head);
        frame.render_widget(Paragraph::new(self.numbers()), figures);
        frame.render_widget(Paragraph::new(self.foot()), foot);
        self.body(frame, body);
    }

    fn body(&self, frame: &mut Frame<'_>, area: Rect) {
        let all = if area.height < 4 {
            self.blocks(frame, area);
            return;
        } else if area.width >= TWO_COLUMNS {
            let [above, below] =
                Layout::vertical([Constraint::Percentage(55), Constraint::Min(0)]).areas(area);
            let [left, right] =
                Layout::horizontal([Constraint::Percentage(62), Constraint::Min(0)]).areas(above);
            [left, right, below]
        } else if area.height < 14 {
            let [above, below] =
                Layout::vertical([Constraint::Percentage(60), Constraint::Min(0)]).areas(area);
            [above, below, Rect::ZERO]
        } else {
            Layout::vertical([
                Constraint::Percentage(45),
                Constraint::Percentage(25),
                Constraint::Min(0),
            ])
            .areas(area)
        };
        let [scenarios, blocks, assessments] = all;
        self.scenarios(frame, scenarios);
        self.blocks(frame, blocks);
        self.assessments(frame, assessments);
    }

    fn head(&self, columns: u16) -> Paragraph<'_> {
        let time = clock(self.elapsed);
        let title = usize::from(columns).saturating_sub(time.len() + 1);
        let title = format!("{:title$.title$} ", self.title);
        let title = Line::from(vec![Span::raw(title).bold(), Span::raw(time)]);
        Paragraph::new(vec![title, Line::from(&*self.addresses)])
    }

    fn numbers(&self) -> Vec<Line<'_>> {
        let figures = &self.figures;
        let share = self.pace.share.map_or_else(|| "-".to_owned(), percent);
        let [rate, lag] = [format!("{:.0}", self.pace.rate), self.lag.to_string()];
        let spans = vec![
            Span::raw(rate).bold(),
            Span::raw(" records/s   lag "),
            Span::raw(lag).bold(),
            Span::raw("   CA block "),
            self.colored(Span::raw(share).bold(), Color::Red),
        ];
        let rest = format!(
            "diagnosed {}   updates {}   repeats {}   skipped {}   dead letters {}",
            grouped(figures.diagnoses),
            grouped(figures.updates),
            grouped(figures.repeats),
            grouped(figures.skipped),
            grouped(figures.dead_letters)
        );
        vec![Line::from(spans), Line::from(rest)]
    }

    fn scenarios(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" Scenarios ");
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let mut scenarios: Vec<_> = self.figures.scenarios.iter().collect();
        scenarios.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let most = scenarios.first().map_or(0, |(_, count)| **count);
        let room = usize::from(inner.height);
        let listed = if scenarios.len() > room {
            room.saturating_sub(1)
        } else {
            room
        };
        let columns = usize::from(inner.width).saturating_sub(NAME + COUNT + 1);
        let rest = scenarios.get(listed..).unwrap_or_default();
        let mut lines: Vec<Line<'_>> = scenarios
            .iter()
            .take(listed)
            .map(|(name, count)| {
                let text = format!("{:NAME$.NAME$}{:>COUNT$} ", name, grouped(**count));
                let bar = Span::raw(bar_of(**count, most, columns));
                Line::from(vec![Span::raw(text), self.colored(bar, color(name))])
            })
            .collect();
        if !rest.is_empty() {
            let count = rest.iter().map(|(_, count)| **count).sum();
            let name = format!("{} other scenarios", rest.len());
            lines.push(Line::from(format!(
                "{name:NAME$}{:>COUNT$}",
                grouped(count)
            )));
        }
        frame.render_widget(Paragraph::new(lines), inner);
    }

    fn blocks(&self, frame: &mut Frame<'_>, area: Rect) {
        let columns = usize::from(area.width.saturating_sub(2));
        let skipped = self.shares.len().saturating_sub(columns);
        let shown = self.shares.iter().skip(skipped).copied();
        let top = shown.clone().flatten().max().unwrap_or(0);
        #[allow(clippy::cast_precision_loss)] // at most 10,000
        let top_share = percent(top as f64 / 10_000.0);
        let block = if area.height < 3 {
            Block::new()
        } else {
            Block::bordered().title(format!(" CA block, top {top_share} "))
        };
        let style = self.style(Color::Red);
        let sparkline = Sparkline::default()
            .block(block)
            .max(top.max(1))
            .style(style)
            .data(shown);
        frame.render_widget(sparkline, area);
    }

    fn assessments(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" Last assessments ");
        // Beside the times, and inside the borders.
        let columns = usize::from(area.width).saturating_sub(INDENT + 2);
        let mut lines = Vec::new();
        for (time, text) in &self.assessments {
            let mut time = clock(*time);
            for line in two_lines(text, columns) {
                lines.push(Line::from(format!("{time:INDENT$}{line}")));
                time.clear();
            }
        }
        let assessments = Paragraph::new(lines).block(block);
        frame.render_widget(assessments, area);
    }

    fn foot(&self) -> Line<'_> {
        let mut spans = vec![Span::raw("q: end")];
        if let Some((time, words)) = &self.spike {
            let words = format!("{} {words}", clock(*time));
            spans.push(Span::raw("   "));
            spans.push(self.colored(Span::raw(words).bold(), Color::Red));
        }
        if self.logged > 0 {
            let logged = format!("{} lines in the log", grouped(self.logged));
            spans.push(Span::raw("   "));
            spans.push(self.colored(Span::raw(logged), Color::Yellow));
        }
        Line::from(spans)
    }

    fn colored<'s>(&self, span: Span<'s>, color: Color) -> Span<'s> {
        span.patch_style(self.style(color))
    }

    fn style(&self, color: Color) -> Style {
        if self.has_colors {
            Style::new().fg(color)
        } else {
            Style::new()
        }
    }
}

fn hundredths_of_a_percent(share: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within 0 and 10,000
    let share = (share.clamp(0.0, 1.0) * 10_000.0).round() as u64;
    share
}

fn color(scenario: &str) -> Color {
    let is = |other: Scenario| scenario == other.as_str();
    if is(Scenario::SuccessfulSignIn) {
        Color::Green
    } else if is(Scenario::BlockedByConditionalAccess) {
        Color::Red
    } else if is(Scenario::FailedConditionalAccess) {
        Color::Yellow
    } else {
        Color::Cyan
    }
}

/// A bar of at most so many columns, exact to an eighth of one; something for anything.
fn bar_of(count: u64, most: u64, columns: usize) -> String {
    let eighths = hundredths_of_a_percent(share(count, most).unwrap_or(0.0));
    let eighths = usize::try_from(eighths).unwrap_or(0) * columns * 8 / 10_000;
    let eighths = eighths.max(usize::from(count > 0 && columns > 0));
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    "█".repeat(eighths / 8) + parts[eighths % 8]
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
