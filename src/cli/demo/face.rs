//! What a demo shows while it runs: a full screen on a terminal, lines elsewhere.
use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use super::display::Display;
use super::pace::{Pace, Second};
use super::screen::{FullScreen, Screen};
use super::view::View;

pub enum Face {
    Full { screen: Screen, view: Box<View> },
    Lines(Display),
}

/// Whether a full screen is possible and wanted.
pub fn wants_full_screen(is_plain: bool) -> bool {
    let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !is_plain && !is_dumb && io::stdout().is_terminal()
}

impl Face {
    /// Lines, where no full screen is to be had.
    pub fn new(full: Option<FullScreen>, title: String, addresses: String) -> Face {
        let has_colors = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let view = Box::new(View::new(title, addresses, has_colors));
        match full.map(|full| Screen::start(full, &view)) {
            Some(Ok(screen)) => Face::Full { screen, view },
            Some(Err(_)) | None => Face::Lines(Display::default()),
        }
    }

    pub fn second(
        &mut self,
        second: &Second<'_>,
        pace: Pace,
        last: Option<&str>,
    ) -> io::Result<()> {
        match self {
            Face::Full { screen, view } => {
                view.logged = screen.logged();
                view.second(second, pace, last);
                screen.draw(view)
            }
            Face::Lines(display) => {
                let text = display.second(second, pace, last);
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()
            }
        }
    }

    /// Seconds between two assessments: only the full screen keeps them in sight.
    pub const fn assessment_every(&self) -> u32 {
        match self {
            Face::Full { .. } => 2,
            Face::Lines(_) => 4,
        }
    }

    /// Whether somebody typed that it should end.
    pub fn attend(&mut self) -> io::Result<bool> {
        match self {
            Face::Full { screen, view, .. } => screen.attend(view),
            Face::Lines(_) => Ok(false),
        }
    }

    /// Gives the terminal back before the end.
    pub fn leave(&self) {
        if let Face::Full { screen, .. } = self {
            screen.leave();
        }
    }

    /// Back to the usual screen, on which what has to stay is told again.
    pub fn end(self, head: &str) -> io::Result<()> {
        let Face::Full { screen, view } = self else {
            return Ok(());
        };
        drop(screen);
        let mut out = io::stdout().lock();
        out.write_all(head.as_bytes())?;
        if let Some((_, words)) = view.spike() {
            writeln!(out, "*** {words} ***")?;
        }
        out.flush()
    }
}
