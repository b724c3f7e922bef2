//! Rows, wrapped text and aligned tables within a width.
use std::fmt::{self, Write};

use super::Inert;

/// Width of the column of labels.
pub(super) const LABEL: usize = 15;
/// Column at which a table within a card begins.
pub(super) const TABLE: usize = 2 + LABEL;
/// Columns between two cells.
const GAP: usize = 2;
/// A word of at most so many columns is not broken.
const WORD: usize = 20;
/// Where a table begins that is too wide beside the labels.
const LEFTMOST: usize = 4;

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
/// they do not fit, the widest columns give way and their cells are wrapped at blanks; where the
/// words need more room, the table moves to the left; only then are long words broken. Where the
/// short ones need more room than that, each row is written out. The first row is the heading;
/// empty columns are left out.
pub(super) fn table<const N: usize>(
    rows: &[[String; N]],
    indent: usize,
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let columns = Columns::of(rows);
    let indents = [indent, indent.min(LEFTMOST)];
    let has_room = |indent: &usize| fits(&columns.words, width.saturating_sub(*indent));
    let indent = indents.into_iter().find(has_room).unwrap_or(indents[1]);
    let Some(widths) = columns.widths(width.saturating_sub(indent)) else {
        return written_out(rows, indents[1], width, out);
    };
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

/// A line for each cell, with its heading, for a terminal that is too narrow for columns; rows
/// begin further left than what belongs to them.
fn written_out<const N: usize>(
    rows: &[[String; N]],
    indent: usize,
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let Some((headings, rows)) = rows.split_first() else {
        return Ok(());
    };
    for row in rows {
        let cells = headings.iter().zip(row);
        let cells = cells.filter(|(_, cell)| !cell.is_empty());
        for (at, (heading, cell)) in cells.enumerate() {
            let indent = if at == 0 { indent } else { indent + GAP };
            write!(out, "{:indent$}", "")?;
            wrapped(&format!("{heading}: {cell}"), indent, width, out)?;
        }
    }
    Ok(())
}

fn fits(widths: &[usize], available: usize) -> bool {
    let shown = widths.iter().filter(|width| **width > 0).count();
    widths.iter().sum::<usize>() + GAP * shown.saturating_sub(1) <= available
}

/// What the columns of a table would take; 0 where only the heading has a cell.
struct Columns<const N: usize> {
    /// For each cell on one line.
    cells: [usize; N],
    /// For each word on one line.
    words: [usize; N],
}

impl<const N: usize> Columns<N> {
    fn of(rows: &[[String; N]]) -> Columns<N> {
        let widest = |at: usize, of: &dyn Fn(&str) -> usize| {
            let is_empty = rows.iter().skip(1).all(|row| row[at].is_empty());
            let widest = rows.iter().map(|row| of(&row[at])).max();
            if is_empty { 0 } else { widest.unwrap_or(0) }
        };
        let columns = |text: &str| Inert(text).columns();
        let longest = |text: &str| text.split(' ').map(columns).max().unwrap_or(0);
        Columns {
            cells: std::array::from_fn(|at| widest(at, &columns)),
            words: std::array::from_fn(|at| widest(at, &longest)),
        }
    }

    /// `None` where not even the short words fit.
    fn widths(&self, available: usize) -> Option<[usize; N]> {
        let short = self.words.map(|width| width.min(WORD));
        let words = give_way(self.words, short, available)?;
        give_way(self.cells, words, available)
    }
}

/// The widest columns give way first, none of them below its least width.
fn give_way<const N: usize>(
    widths: [usize; N],
    least: [usize; N],
    available: usize,
) -> Option<[usize; N]> {
    let mut widths = widths.map(|width| width.min(available));
    while !fits(&widths, available) {
        let columns = widths.iter_mut().zip(least);
        let (widest, _) = columns
            .filter(|(width, least)| **width > *least)
            .max_by_key(|(width, _)| **width)?;
        *widest -= 1;
    }
    Some(widths)
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

    #[test]
    fn words_are_broken_only_where_they_are_longer_than_a_column_can_be() {
        let name = "a-name-that-is-longer-than-the-line-that-it-has-to-stand-in";
        let rows = [
            ["Method", "Result", "For"],
            ["Password", "requirement met", name],
        ];
        let text = written(&rows, 50);
        let words = text.split_whitespace().collect::<Vec<_>>();
        for word in ["Password", "requirement", "met"] {
            assert!(words.contains(&word), "{text}");
        }
        for line in text.lines() {
            assert!(line.chars().count() <= 50, "{text}");
        }
    }

    #[test]
    fn a_table_that_needs_the_room_of_the_labels_takes_it() {
        let cells = [
            ["Condition", "Value"],
            ["location", "nadia.okafor@fabrikam.example"],
        ];
        let rows: Vec<_> = cells.iter().map(|row| row.map(str::to_owned)).collect();
        let at = |width| {
            let mut out = String::new();
            table(&rows, TABLE, width, &mut out).unwrap();
            out.lines().next().unwrap().find("Condition")
        };
        assert_eq!((at(57), at(56)), (Some(TABLE), Some(LEFTMOST)));
    }

    #[test]
    fn rows_are_written_out_where_no_columns_fit() {
        let rows = [["Step", "Method", "Result"], ["1", "Password", "well done"]];
        let text = written(&rows, 14);
        assert_eq!(
            text,
            "  Step: 1\n    Method:\n    Password\n    Result:\n    well done\n"
        );
    }
}
