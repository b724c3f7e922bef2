//! Rows, wrapped text and aligned tables within a width.
use std::fmt::{self, Write};

use super::Inert;

/// Width of the column of labels.
pub(super) const LABEL: usize = 15;
/// Column at which a table within a card begins.
pub(super) const TABLE: usize = 2 + LABEL;
/// Columns between two cells.
const GAP: usize = 2;
/// A column is not made narrower.
const NARROWEST: usize = 10;

/// A label and its values; nothing where no value is known.
pub(super) fn row(
    label: &str,
    values: &[Option<&str>],
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let known: Vec<_> = values.iter().copied().flatten().collect();
    if known.is_empty() {
        return Ok(());
    }
    write!(out, "  {label:<LABEL$}")?;
    wrapped(&known.join(", "), TABLE, width, out)
}

/// Writes `text` from column `indent` on, where the line already stands, in lines of at most
/// `width` columns broken at blanks, and ends the last one. A word longer than a line stands on
/// its own.
pub(super) fn wrapped(
    text: &str,
    indent: usize,
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let mut column = indent;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let columns = Inert(word).columns();
        if column > indent && column + 1 + columns > width {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if column > indent {
            out.write_char(' ')?;
            column += 1;
        }
        write!(out, "{}", Inert(word))?;
        column += columns;
    }
    out.write_char('\n')
}

/// Writes rows of cells from column `indent` on, each column as wide as its widest cell. Where
/// they do not fit, the widest columns give way and their cells are wrapped. The first row is
/// the heading; empty columns are left out.
pub(super) fn table<const N: usize>(
    rows: &[[String; N]],
    indent: usize,
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let widths = widths(rows, width.saturating_sub(indent));
    for row in rows {
        let cells: Vec<(Vec<String>, usize)> = row
            .iter()
            .zip(widths)
            .filter(|(_, columns)| *columns > 0)
            .map(|(cell, columns)| (lines(cell, columns), columns))
            .collect();
        let height = cells.iter().map(|(lines, _)| lines.len()).max();
        for at in 0..height.unwrap_or(0) {
            let mut line = String::new();
            let mut column = 0;
            for (cell, columns) in &cells {
                let text = cell.get(at).map_or("", String::as_str);
                if !text.is_empty() {
                    let missing = column - line.chars().count();
                    line.extend(std::iter::repeat_n(' ', missing));
                    line.push_str(text);
                }
                column += columns + GAP;
            }
            if line.is_empty() {
                writeln!(out)?;
            } else {
                writeln!(out, "{:indent$}{line}", "")?;
            }
        }
    }
    Ok(())
}

/// The width of each column; 0 where only the heading has a cell.
fn widths<const N: usize>(rows: &[[String; N]], available: usize) -> [usize; N] {
    let mut widths = [0; N];
    for (at, width) in widths.iter_mut().enumerate() {
        let body = rows.iter().skip(1).any(|row| !row[at].is_empty());
        let cells = rows.iter().map(|row| Inert(&row[at]).columns());
        *width = if body { cells.max().unwrap_or(0) } else { 0 };
    }
    loop {
        let shown = widths.iter().filter(|width| **width > 0).count();
        let total = widths.iter().sum::<usize>() + GAP * shown.saturating_sub(1);
        let Some(excess @ 1..) = total.checked_sub(available) else {
            return widths;
        };
        let mut sorted = widths;
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let (widest, next) = (sorted[0], sorted.get(1).copied().unwrap_or(0));
        if widest <= NARROWEST {
            return widths;
        }
        let floor = next.max(NARROWEST).min(widest - 1);
        for width in widths.iter_mut().filter(|width| **width == widest).take(1) {
            *width = floor.max(widest.saturating_sub(excess));
        }
    }
}

/// `text` in lines of at most `columns`, broken at blanks, and within words that are longer.
fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in Inert(text).to_string().split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > columns {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            push(&mut lines, ' ');
            used += 1;
        }
        for letter in word.chars() {
            if used == columns {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, letter);
            used += 1;
        }
    }
    lines
}

fn push(lines: &mut [String], letter: char) {
    if let Some(line) = lines.last_mut() {
        line.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[[&str; 3]], width: usize) -> String {
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned)).collect();
        let mut out = String::new();
        table(&rows, 2, width, &mut out).unwrap();
        out
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let rows = [["A", "B", "C"], ["one", "", "x y"], ["thirteen", "", ""]];
        assert_eq!(
            written(&rows, 40),
            "  A         C\n  one       x y\n  thirteen\n"
        );
    }

    #[test]
    fn the_widest_column_gives_way() {
        let long = "some words that are too many for one line";
        let text = written(&[["A", "B", "C"], ["first", long, "last one"]], 40);
        for line in text.lines() {
            assert!(line.chars().count() <= 40, "{text}");
        }
        assert!(
            text.lines().nth(1).unwrap().ends_with("  last one"),
            "{text}"
        );
        let word = "x".repeat(90);
        for line in written(&[["A", "B", "C"], ["first", &word, "last"]], 40).lines() {
            assert!(line.chars().count() <= 40, "{line}");
        }
    }
}
