//! Any text as what a person searches for, over any bytes as a record. What is found can be shown,
//! in a form that a terminal and a table only show.
use chrono::{DateTime, TimeZone as _, Utc};
use signin_diagnostics::query::columns::{Column, Order};
use signin_diagnostics::query::filter::{Address, Filter, Term};
use signin_diagnostics::query::format::{Csv, literal, plain};
use signin_diagnostics::query::groups::{GroupBy, Groups};
use signin_diagnostics::query::inert::is_active;
use signin_diagnostics::query::matches::{Matches, Passed};
use signin_diagnostics::query::record::Diagnosis;
use signin_diagnostics::query::time;

/// The first line is the expression, the rest the record.
pub fn run(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (text, record) = bytes.split_at(end.unwrap_or(bytes.len()));
    let record = record.strip_prefix(b"\n").unwrap_or(record);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let now: DateTime<Utc> = Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap();
    if let Ok(moment) = time::moment(text, now, &Utc) {
        let _ = time::words(moment);
    }
    let _ = (time::span(text), Column::from_name(text));
    let order = Order::from_name(text).or_else(|_| Order::from_name("-time"));
    let order = order.unwrap();
    let address = Address::parse(text);
    for shown in [plain(text), literal(text)] {
        assert!(!shown.contains(is_active), "{shown:?}");
    }

    let mut passed = Passed::default();
    let Some(glance) = passed.glance(record) else {
        return;
    };
    let term = || Some(Term::new(text));
    let list = || vec![Term::new(text)];
    for filter in [
        Filter::default(),
        Filter {
            user: term(),
            ..Filter::default()
        },
        Filter {
            id: term(),
            ..Filter::default()
        },
        Filter {
            applications: list(),
            policies: list(),
            countries: list(),
            ..Filter::default()
        },
        Filter {
            addresses: address.into_iter().collect(),
            ..Filter::default()
        },
    ] {
        let included = filter.includes(&glance);
        let mut matches = Matches::new(filter.clone(), order, Some(1));
        let mut groups = Groups::new(filter, GroupBy::User);
        if matches.add(record).is_err() || groups.add(record).is_err() {
            continue;
        }
        let found = matches.finish();
        assert!(included || found.matches.is_empty());
        // Of a record that is broken where the count does not look, the list says so.
        if Diagnosis::parse(record).is_ok() {
            assert_eq!(groups.finish().1, found.total);
        }
    }
    if let Ok(diagnosis) = Diagnosis::parse(record) {
        let mut csv = Csv::new(Vec::new(), &Column::ALL).unwrap();
        csv.line(&diagnosis).unwrap();
        for column in Column::ALL {
            let shown = plain(&column.of(&diagnosis));
            assert!(!shown.contains(is_active), "{shown:?}");
        }
    }
}
