//! Lists for other programs: CSV for a spreadsheet, Markdown for a ticket, and records as they
//! are.
use std::io::{self, Write};

use super::columns::Column;
use super::inert::Inert;
use super::matches::Match;
use super::record::Diagnosis;

/// CSV with a heading. What a spreadsheet would take for a formula is written as text (OWASP,
/// CSV injection).
pub struct Csv<W: Write> {
    to: csv::Writer<W>,
    columns: Vec<Column>,
}

impl<W: Write> Csv<W> {
    pub fn new(to: W, columns: &[Column]) -> io::Result<Csv<W>> {
        let mut to = csv::Writer::from_writer(to);
        to.write_record(columns.iter().map(|column| column.name()))?;
        Ok(Csv {
            to,
            columns: columns.to_vec(),
        })
    }

    pub fn line(&mut self, diagnosis: &Diagnosis) -> io::Result<()> {
        for column in &self.columns {
            self.to.write_field(plain(&column.of(diagnosis)))?;
        }
        Ok(self.to.write_record(None::<&[u8]>)?)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Text that is no formula to a spreadsheet: one begins with `=`, `+`, `-` or `@`, also after
/// blanks or in full width.
pub fn plain(text: &str) -> String {
    let starts = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let shown = Inert(text).to_string();
    let is_active = text.trim_start().starts_with(starts) || text.starts_with(char::is_control);
    if is_active {
        format!("'{shown}")
    } else {
        shown
    }
}

/// A table of GitHub's Markdown.
pub fn markdown(columns: &[Column], matches: &[Match], out: &mut impl Write) -> io::Result<()> {
    let line = |out: &mut dyn Write, cells: Vec<String>| writeln!(out, "| {} |", cells.join(" | "));
    line(
        out,
        columns
            .iter()
            .map(|column| column.title().to_owned())
            .collect(),
    )?;
    line(out, columns.iter().map(|_| "---".to_owned()).collect())?;
    for one in matches {
        let cells = columns
            .iter()
            .map(|column| literal(&column.of(&one.diagnosis)));
        line(out, cells.collect())?;
    }
    Ok(())
}

/// Text that Markdown shows as it is: no markup, no HTML, no link.
pub fn literal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in Inert(text).to_string().chars() {
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            // Also what would become a link of itself: www. and a scheme.
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' | ':' | '(' | ')' => {
                shown.push('\\');
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::record::User;

    fn named(name: &str) -> Diagnosis {
        Diagnosis {
            user: Some(User {
                display_name: Some(name.to_owned()),
                ..User::default()
            }),
            ..Diagnosis::default()
        }
    }

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        for name in [
            "=1+1",
            "+1",
            "-2+3",
            "@SUM(1)",
            " =1",
            "\t=1",
            "\r=1",
            "＝1",
            "=HYPERLINK(\"http://x\")",
        ] {
            let mut out = Vec::new();
            let mut csv = Csv::new(&mut out, &[Column::Name, Column::Code]).unwrap();
            csv.line(&named(name)).unwrap();
            csv.flush().unwrap();
            drop(csv);
            let mut rows = csv::Reader::from_reader(&*out);
            let row = rows.records().next().unwrap().unwrap();
            assert!(row[0].starts_with('\''), "{name:?}: {row:?}");
            assert!(!row[0].contains(char::is_control), "{row:?}");
        }
        assert_eq!(plain("Nadia = Okafor, \"N\""), "Nadia = Okafor, \"N\"");
    }

    #[test]
    fn markdown_shows_text_as_it_is() {
        let one = Match {
            diagnosis: named("<img src=x>|[a](http://x)`\u{202e}\n"),
            records: Vec::new(),
        };
        let mut out = Vec::new();
        markdown(&[Column::Name], &[one], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let cell = text.lines().nth(2).unwrap();
        assert_eq!(
            cell,
            "| &lt;img src=x&gt;\\|\\[a\\]\\(http\\://x\\)\\`\\\\u{202e}\\\\u{a} |"
        );
    }
}
