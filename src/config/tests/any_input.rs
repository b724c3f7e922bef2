//! Whatever is written is read or refused, and nothing panics.
use super::*;

proptest::proptest! {
    #[test]
    fn no_file_no_flag_and_no_variable_panics(
        text in "(\\PC|[\\[\\]=\"'.#\n])*",
        key in "[a-z_.=]{0,40}",
        value in "\\PC*",
    ) {
        let files = Files::new();
        let file = files.write("any.toml", &text);
        let nested = files.write("nested.toml", format!("a = {}", "[".repeat(text.len() * 50)));
        let mut sources = in_file(with(&[&text, &format!("{key}={value}")]), file);
        sources.files.push(nested);
        let name = format!("SIGNIN_DIAGNOSTICS__{}", key.replace('.', "__"));
        if let Err(faults) = Settings::load(&in_environment(sources, &[(&name, &value)])) {
            let lines = faults.to_string().lines().count();
            proptest::prop_assert_eq!(lines, faults.0.len());
        }
    }
}

/// The value of any setting, secret or not, is laid over the defaults or refused; it never panics.
#[test]
fn odd_values_of_every_key_are_refused_or_read() {
    let (values, _) = merge(&Sources::default());
    for key in values.keys() {
        for value in [
            "",
            " ",
            "\0",
            "é",
            "-1",
            "99999999999999999999",
            "[1]",
            "a,b",
            ";=;",
            "::",
        ] {
            let _ = Settings::load(&with(&[&format!("{key}={value}")]));
        }
    }
}
