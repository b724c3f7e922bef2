//! What is near to a code or a scenario that does not exist.
use super::LONGEST_WORD;
use crate::diagnosis::Scenario;
use crate::diagnosis::catalog::Catalog;

/// How many near matches are shown.
const NEAR: usize = 5;

pub(super) fn codes(number: i64, catalog: &Catalog) -> Vec<String> {
    let asked = number.to_string();
    let mut near: Vec<(usize, u64, i64)> = catalog
        .codes()
        .map(|code| {
            let steps = distance(&asked, &code.code.to_string());
            (steps, code.code.abs_diff(number), code.code)
        })
        .filter(|(steps, ..)| *steps <= 2)
        .collect();
    near.sort_unstable();
    near.into_iter()
        .take(NEAR)
        .map(|(.., code)| code.to_string())
        .collect()
}

pub(super) fn scenarios(asked: &str, catalog: &Catalog) -> Vec<String> {
    let asked: String = asked.chars().take(LONGEST_WORD).collect();
    let mut words: Vec<&str> = asked.split('_').filter(|word| word.len() > 2).collect();
    words.sort_unstable();
    words.dedup();
    let mut near: Vec<(usize, usize, &str)> = Scenario::ALL
        .into_iter()
        .map(|scenario| {
            let name = scenario.as_str();
            let title = catalog.scenario(scenario).title.to_lowercase();
            let shared = words
                .iter()
                .filter(|word| {
                    name.contains(**word) || title.contains(**word) || resembles(word, name)
                })
                .count();
            (words.len() - shared, distance(&asked, name), name)
        })
        .filter(|(lacking, steps, name)| *lacking < words.len() || *steps <= name.len() / 3)
        .collect();
    near.sort_unstable();
    near.into_iter()
        .take(NEAR)
        .map(|(.., name)| name.to_owned())
        .collect()
}

/// Whether the word is one of the name's words with a slip of the pen.
fn resembles(word: &str, name: &str) -> bool {
    name.split('_')
        .any(|known| known.len() > 4 && distance(word, known) * 4 <= known.len())
}

/// How many characters must be added, dropped or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, from) in one.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (above, to) in row.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(from != *to);
            diagonal = *above;
            left = changed.min(left + 1).min(*above + 1);
            *above = left;
        }
        row[0] = at + 1;
    }
    row.last().copied().unwrap_or_default()
}
