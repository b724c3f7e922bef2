//! Names of countries and regions by their two letters (ISO 3166-1).

/// The English name, `None` for letters that stand for none.
pub(super) fn country_name(code: &str) -> Option<&'static str> {
    NAMES.lines().find_map(|line| {
        let (letters, name) = line.split_once(' ')?;
        letters.eq_ignore_ascii_case(code.trim()).then_some(name)
    })
}

const NAMES: &str = include_str!("countries.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_two_letters_and_a_name_in_order() {
        let lines: Vec<&str> = NAMES.lines().collect();
        assert!(lines.is_sorted());
        for line in &lines {
            let (code, name) = line.split_once(' ').unwrap();
            assert!(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
            assert!(!name.is_empty() && name == name.trim(), "{line}");
            assert_eq!(country_name(code), Some(name), "{code} stands twice");
        }
        assert_eq!(lines.len(), 250);
        assert_eq!(country_name("no"), Some("Norway"));
        assert_eq!(country_name("ZZ"), None);
        assert_eq!(country_name(""), None);
    }
}
