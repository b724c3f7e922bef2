//! Lists on a terminal: one line an event, as many columns as fit.
use std::fmt::Write as _;

use console::{Alignment, measure_text_width, pad_str};

use crate::cli::card::colour_of;
use crate::query::columns::Column;
use crate::query::inert::Inert;
use crate::query::matches::Match;

const GAP: usize = 2;

/// A text column is not squeezed below this.
const NARROW: usize = 12;

/// No column takes more, however wide the terminal.
const WIDE: usize = 40;

const RESET: &str = "\x1b[0m";

/// The list, and the columns that did not fit. `width` is that of the terminal, or `None`:
/// as wide as the texts; `chosen` columns are all shown, squeezed if need be.
pub fn table(
    columns: &[Column],
    matches: &[Match],
    width: Option<usize>,
    chosen: bool,
    colour: bool,
) -> (String, Vec<Column>) {
    let cells: Vec<Vec<String>> = matches
        .iter()
        .map(|one| {
            columns
                .iter()
                .map(|column| Inert(&column.of(&one.diagnosis)).to_string())
                .collect()
        })
        .collect();
    let mut widths: Vec<usize> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let widest = cells
            .iter()
            .map(|row| measure_text_width(&row[index]))
            .max()
            .unwrap_or(0);
        widths.push(widest.max(measure_text_width(column.title())));
    }
    let mut shown = columns.len();
    if let Some(width) = width {
        for own in &mut widths {
            *own = (*own).min(WIDE);
        }
        if !chosen {
            while shown > 1 && least(&columns[..shown], &widths[..shown]) > width {
                shown -= 1;
            }
        }
        squeeze(&columns[..shown], &mut widths[..shown], width);
    }
    let mut out = String::new();
    let mut row = |values: &[String], paint: &dyn Fn(Column, &str) -> Option<&'static str>| {
        let mut line = String::new();
        for (index, value) in values.iter().take(shown).enumerate() {
            let column = columns[index];
            let alignment = if column == Column::Code {
                Alignment::Right
            } else {
                Alignment::Left
            };
            let padded = pad_str(value, widths[index], alignment, Some("…"));
            let last = index + 1 == shown;
            let padded = if last { padded.trim_end() } else { &padded };
            match paint(column, value) {
                Some(start) => line.extend([start, padded, RESET]),
                None => line.push_str(padded),
            }
            if !last {
                let _ = write!(line, "{:GAP$}", "");
            }
        }
        // The last columns may be empty.
        out.push_str(line.trim_end());
        out.push('\n');
    };
    let titles: Vec<_> = columns
        .iter()
        .map(|column| column.title().to_owned())
        .collect();
    row(&titles, &|_, _| colour.then_some("\x1b[1m"));
    for values in &cells {
        row(values, &|column, value| {
            (colour && column == Column::Outcome).then(|| colour_of(value))
        });
    }
    (out, columns[shown..].to_vec())
}

/// Times, ids and codes are of no use in part.
const fn is_whole(column: Column) -> bool {
    matches!(
        column,
        Column::Id | Column::Time | Column::Code | Column::Outcome
    )
}

fn least(columns: &[Column], widths: &[usize]) -> usize {
    let least = columns.iter().zip(widths).map(|(column, width)| {
        if is_whole(*column) {
            *width
        } else {
            (*width).min(NARROW)
        }
    });
    least.sum::<usize>() + GAP * (columns.len() - 1)
}

/// Takes from the widest column until all fit.
fn squeeze(columns: &[Column], widths: &mut [usize], width: usize) {
    loop {
        let total = widths.iter().sum::<usize>() + GAP * (widths.len() - 1);
        let over = total.saturating_sub(width);
        let widest = (0..widths.len())
            .filter(|index| !is_whole(columns[*index]) && widths[*index] > 3)
            .max_by_key(|index| widths[*index]);
        match widest {
            Some(widest) if over > 0 => widths[widest] -= 1,
            _ => return,
        }
    }
}

/// Groups with their counts and a bar each.
pub fn bars(groups: &[(String, u64)], width: usize) -> String {
    const BAR: usize = 30;
    let most = groups
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(1)
        .max(1);
    let digits = most.to_string().len();
    let names: Vec<_> = groups
        .iter()
        .map(|(name, _)| Inert(name).to_string())
        .collect();
    let room = width.saturating_sub(BAR + digits + 2 * GAP).max(NARROW);
    let widest = names
        .iter()
        .map(|name| measure_text_width(name))
        .max()
        .unwrap_or(0)
        .min(room);
    let mut out = String::new();
    for (name, (_, count)) in names.iter().zip(groups) {
        let name = pad_str(name, widest, Alignment::Left, Some("…"));
        // At least one block: there is somebody.
        let blocks = usize::try_from(u128::from(*count) * BAR as u128 / u128::from(most))
            .unwrap_or(BAR)
            .max(1);
        let _ = writeln!(
            out,
            "{name}{:GAP$}{count:>digits$}{:GAP$}{}",
            "",
            "",
            "█".repeat(blocks)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::columns::DEFAULT;
    use crate::query::record::{Diagnosis, Named, User};

    fn one(user: &str) -> Match {
        Match {
            diagnosis: Diagnosis {
                diagnosis_id: "3987a7dc-b84b-58b8-90b5-dd2a08c5ec60".to_owned(),
                event_time: Some("2026-03-02T08:14:55.123Z".to_owned()),
                scenario: "blocked_by_conditional_access".to_owned(),
                outcome: "blocked".to_owned(),
                user: Some(User {
                    principal_name: Some(user.to_owned()),
                    ..User::default()
                }),
                application: Some(Named {
                    name: Some("Freight Portal".to_owned()),
                    ..Named::default()
                }),
                ..Diagnosis::default()
            },
            records: Vec::new(),
        }
    }

    #[test]
    fn a_list_keeps_to_the_width_and_says_which_columns_do_not_fit() {
        let matches = [
            one("nadia.okafor@fabrikam.example"),
            one("日本語の名前日本語の名前日本語の名前@x"),
        ];
        for width in [80, 100, 132, 200] {
            let (list, left) = table(&DEFAULT, &matches, Some(width), false, false);
            for line in list.lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
                assert!(!line.ends_with(' '));
            }
            let shown = list.lines().next().unwrap().contains("Device");
            assert_eq!(shown, left.is_empty(), "{width}: {left:?}");
            assert!(
                width > 80 || left.contains(&Column::Ip),
                "{width}: {left:?}"
            );
            assert!(list.contains("3987a7dc  2026-03-02 08:14:55Z  "), "{list}");
        }
    }

    #[test]
    fn an_event_can_neither_break_a_line_nor_steer_the_terminal() {
        let (list, _) = table(
            &[Column::User, Column::Code],
            &[one("a\nb\u{1b}[2J\u{202e}")],
            Some(80),
            true,
            true,
        );
        assert_eq!(list.lines().count(), 2);
        assert!(list.contains("a\\u{a}b\\u{1b}[2J\\u{202e}"), "{list:?}");
    }

    #[test]
    fn bars_are_in_proportion() {
        let groups = [
            ("many".to_owned(), 300),
            ("few".to_owned(), 1),
            ("no\u{1b}".to_owned(), 150),
        ];
        let bars = bars(&groups, 80);
        let counts: Vec<_> = bars.lines().map(|line| line.matches('█').count()).collect();
        assert_eq!(counts, [30, 1, 15]);
        assert!(!bars.contains('\u{1b}'));
    }
}
