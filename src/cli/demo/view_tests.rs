use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::*;

fn figures() -> Figures {
    let scenarios = [
        (Scenario::SuccessfulSignIn, 12_345),
        (Scenario::BlockedByConditionalAccess, 620),
        (Scenario::FailedConditionalAccess, 3),
    ];
    Figures {
        diagnoses: 12_968,
        updates: 12,
        repeats: 33,
        skipped: 1_005,
        dead_letters: 2,
        scenarios: scenarios
            .map(|(name, count)| (name.as_str().to_owned(), count))
            .into(),
        ..Figures::default()
    }
}

/// A view after some seconds.
fn view(has_colors: bool, last: &str) -> View {
    let title = "signin-diagnostics demo: generated sign-ins, seed 1".to_owned();
    let mut view = View::new(
        title,
        "metrics http://127.0.0.1:9464/metrics".to_owned(),
        has_colors,
    );
    for second in 0..100_u8 {
        let share = if second < 60 { 0.01 } else { 0.12 };
        let pace = Pace {
            rate: 398.4,
            share: (second > 0).then_some(share),
            spike: (second == 65).then_some((0.01, 0.12)),
        };
        let second = Second {
            elapsed: Duration::from_secs(second.into()),
            lag: 17,
            figures: &figures(),
        };
        view.second(&second, pace, Some(last));
    }
    view
}

fn drawn(view: &View, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("it is in memory");
    terminal.draw(|frame| view.draw(frame)).expect("it draws");
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer
        .content()
        .chunks(usize::from(buffer.area.width.max(1)));
    rows.map(|row| {
        row.iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
            + "\n"
    })
    .collect()
}

#[test]
fn a_usual_window_has_every_part() {
    let text = text(&drawn(&view(true, "Ada signed in."), 80, 24));
    for part in [
        "generated sign-ins, seed 1",
        "1:39\n",
        "http://127.0.0.1:9464/metrics",
        "398 records/s   lag 17   CA block 12.0 %",
        "diagnosed 12,968   updates 12   repeats 33   skipped 1,005   dead letters 2",
        "successful_sign_in             12,345 ██",
        "blocked_by_conditional_access     620 ▌",
        "CA block, top 12.0 %",
        "1:39     Ada signed in.",
        "1:05 Conditional Access blocks 1.0 % -> 12.0 % of sign-ins",
        "q: end",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn every_window_is_drawn_and_a_small_one_keeps_the_figures() {
    let view = view(true, "A long story of one sign-in. ".repeat(9).trim());
    for columns in 0..100 {
        for rows in 0..40 {
            let text = text(&drawn(&view, columns, rows));
            if columns >= 28 && rows >= 1 {
                assert!(text.contains("398 records/s"), "{columns} x {rows}\n{text}");
            }
            if columns >= 6 && rows >= 2 {
                assert!(text.contains("q: end"), "{columns} x {rows}\n{text}");
            }
        }
    }
    assert!(text(&drawn(&view, 50, 24)).contains("Last assessments"));
    assert!(text(&drawn(&view, 50, 10)).contains("Scenarios"));
    drawn(&view, 400, 200);
}

#[test]
fn the_text_of_an_event_sends_nothing_to_the_terminal() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{7}Mal\u{202e}lory\r\n\u{2028}";
    let buffer = drawn(&view(true, hostile), 80, 24);
    let text = text(&buffer);
    assert!(text.contains("\\u{1b}[2J\\u{9b}31m"), "{text}");
    for cell in buffer.content() {
        let is_inert = |c: char| !c.is_control() && !['\u{202e}', '\u{2028}'].contains(&c);
        assert!(cell.symbol().chars().all(is_inert), "{:?}", cell.symbol());
    }
}

#[test]
fn without_colors_nothing_is_colored() {
    let is_colored = |has_colors| {
        let buffer = drawn(&view(has_colors, "Ada signed in."), 80, 24);
        buffer.content().iter().any(|cell| cell.fg != Color::Reset)
    };
    assert!(is_colored(true));
    assert!(!is_colored(false));
}

#[test]
fn scenarios_that_find_no_room_are_summed() {
    let mut view = view(true, "Ada signed in.");
    for scenario in Scenario::ALL {
        view.figures
            .scenarios
            .entry(scenario.as_str().to_owned())
            .or_insert(1);
    }
    let text = text(&drawn(&view, 80, 24));
    assert!(text.contains(" other scenarios "), "{text}");
}

#[test]
fn a_bar_is_as_long_as_its_share() {
    for (count, expected) in [
        (0, ""),
        (1, "▏"),
        (500, "█████"),
        (550, "█████▌"),
        (1_000, "██████████"),
    ] {
        assert_eq!(bar_of(count, 1_000, 10), expected, "{count}");
    }
    assert_eq!(bar_of(5, 5, 0), "");
    assert_eq!(bar_of(0, 0, 10), "");
}
