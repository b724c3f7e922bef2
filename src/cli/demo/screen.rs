//! The terminal in full-screen mode. However the demo ends, the terminal is as it was before.
use std::io::{self, Stdout};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::view::View;
use crate::telemetry::logging::Held;

/// Whether the terminal is in full-screen mode. Cloned to whatever may have to end that.
#[derive(Debug, Clone, Default)]
pub struct FullScreen {
    is_on: Arc<AtomicBool>,
    /// The log, which has to wait meanwhile.
    pub log: Held,
}

impl FullScreen {
    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::SeqCst)
    }

    fn enter(&self) -> io::Result<()> {
        enable_raw_mode()?;
        self.is_on.store(true, Ordering::SeqCst);
        self.log.hold();
        execute!(io::stdout(), EnterAlternateScreen)
    }

    /// Gives the terminal back, once. Raw mode first: that needs no room in its buffer. A
    /// terminal that is gone cannot be helped, so errors are passed over.
    pub fn leave(&self) {
        if self.is_on.swap(false, Ordering::SeqCst) {
            let _ = disable_raw_mode();
            let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
            let _ = self.log.release();
        }
    }

    /// A panic, which ends a release build at once, is told on the usual screen.
    fn leave_on_panic(&self) {
        let (screen, usual) = (self.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            screen.leave();
            usual(info);
        }));
    }
}

/// Full-screen mode ends with it.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    full: FullScreen,
}

impl Screen {
    /// Fails, with the terminal as before, where it is not one that can be drawn on.
    pub fn start(full: FullScreen, view: &View) -> io::Result<Screen> {
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        // Its drop undoes what the next lines do.
        let mut screen = Screen { terminal, full };
        screen.full.leave_on_panic();
        screen.full.enter()?;
        screen.draw(view)?;
        Ok(screen)
    }

    pub fn draw(&mut self, view: &View) -> io::Result<()> {
        if self.full.is_on() {
            self.terminal.draw(|frame| view.draw(frame))?;
        }
        Ok(())
    }

    pub fn leave(&self) {
        self.full.leave();
    }

    /// Lines of the log that wait for the end.
    pub fn logged(&self) -> u64 {
        self.full.log.count()
    }

    /// Serves what was typed, and a new size of the window; whether somebody wants the end.
    pub fn attend(&mut self, view: &View) -> io::Result<bool> {
        while self.full.is_on() && event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) if is_end(key) => return Ok(true),
                Event::Resize(..) => self.draw(view)?,
                _ => {}
            }
        }
        Ok(false)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.full.leave();
    }
}

/// In raw mode Ctrl-C is a key, and sends no signal.
fn is_end(key: KeyEvent) -> bool {
    let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL)
        && matches!(key.code, KeyCode::Char('c' | 'C'));
    let is_quit = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
    key.kind != KeyEventKind::Release && (is_interrupt || is_quit)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// The hook stays for the other tests of the process, where it finds nothing to give back.
    #[test]
    fn a_panic_of_any_thread_gives_the_terminal_back_before_it_is_told() {
        let full = FullScreen::default();
        full.is_on.store(true, Ordering::SeqCst);
        full.log.hold();
        let is_told_on_it = Arc::new(AtomicBool::new(false));
        let (screen, told) = (full.clone(), Arc::clone(&is_told_on_it));
        panic::set_hook(Box::new(move |_| {
            told.store(screen.is_on(), Ordering::SeqCst);
        }));
        full.leave_on_panic();
        let worker = thread::spawn(|| panic!("a worker's end"));
        assert!(worker.join().is_err());
        assert!(!full.is_on() && !is_told_on_it.load(Ordering::SeqCst));
        drop(panic::take_hook());
    }

    #[test]
    fn q_escape_and_ctrl_c_end_a_demo() {
        let key = |code, modifiers| is_end(KeyEvent::new(code, modifiers));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE));
        assert!(key(KeyCode::Esc, KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE));
        assert!(!key(KeyCode::Enter, KeyModifiers::NONE));
    }
}
