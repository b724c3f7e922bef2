//! Numbers that are JSON but too large for the reader: one of them costs its field, not the
//! record. For [`super::recover`].

/// What stands in the place of such a number: of a type that no field takes, as its own is.
const WRONG: &str = "-0.5";

/// From here on a reader may refuse a number. Far beyond any value of a field.
const TOO_LARGE: f64 = 1e300;

/// A copy of `json`, which is whole, with a number of the wrong type for every number that is
/// too large; `None` where there is none.
pub(super) fn within_range(json: &str) -> Option<String> {
    let mut copy = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = json.as_bytes().get(at) {
        match byte {
            b'"' => at = string_end(json.as_bytes(), at),
            b'-' | b'0'..=b'9' => {
                let end = number_end(json.as_bytes(), at);
                let number = json[at..end].parse::<f64>();
                if number.is_ok_and(|number| number.abs() >= TOO_LARGE) {
                    copy.push_str(&json[copied..at]);
                    copy.push_str(WRONG);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return None;
    }
    copy.push_str(&json[copied..]);
    Some(copy)
}

/// Where the string ends that begins at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', json.get(at..).unwrap_or_default()) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

fn number_end(json: &[u8], start: usize) -> usize {
    let length = json[start..]
        .iter()
        .position(|byte| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
    length.map_or(json.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::within_range;

    #[test]
    fn numbers_out_of_range_are_replaced_outside_strings_only() {
        let digits = "9".repeat(400);
        for (json, expected) in [
            ("{}", None),
            (r#"{"a":[0,-1.5e3,1e-999,0e999]}"#, None),
            (r#"{"1e999":"1e999 \\"}"#, None),
            (r#"{"\\\"1e999":"\"1e999"}"#, None),
            (r#"{"a":"1e400"#, None),
            (r#"{"a":"\"#, None),
            (r#"{"a":1e400}"#, Some(r#"{"a":-0.5}"#)),
            (
                r#"{"é":[-1e400,7,1.0E+400],"b":"1e400"}"#,
                Some(r#"{"é":[-0.5,7,-0.5],"b":"1e400"}"#),
            ),
            (&digits, Some("-0.5")),
        ] {
            assert_eq!(within_range(json).as_deref(), expected, "{json}");
        }
    }
}
