//! `docs/examples.md`: one sign-in of each scenario of the sign-in diagnostic's description, as the
//! program diagnoses it. `BLESS=1` writes it anew.
#![allow(clippy::unwrap_used)] // tests, whose helpers clippy does not take for such

mod cases;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cases::{Case, cases, record_of};
use serde_json::Value;
use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{Detail, Scenario};

const SCENARIOS: [&str; 7] = [
    "blocked_by_conditional_access",
    "failed_conditional_access",
    "mfa_from_conditional_access",
    "mfa_from_other_requirements",
    "mfa_proofup_required",
    "mfa_proofup_not_from_secure_location",
    "successful_sign_in",
];

const BEGINNING: &str = "# Examples

One sign-in of each scenario that Microsoft describes for its sign-in diagnostic: what the event
says, the card that `signin-diagnostics diagnose` prints, and the record that the service writes
(its fields: [record.md](record.md)). The sign-ins are made up. A test makes this page from them
and compares.

";

#[test]
fn the_page_of_examples_is_what_the_program_says() {
    let cases = cases();
    let catalog = Catalog::embedded().unwrap();
    let mut page = BEGINNING.to_owned();
    for name in SCENARIOS {
        let title = &catalog.scenario(Scenario::from_name(name).unwrap()).title;
        let anchor = title.to_lowercase().replace(' ', "-");
        writeln!(page, "- [{title}](#{anchor})").unwrap();
    }
    for name in SCENARIOS {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let text = catalog.scenario(Scenario::from_name(name).unwrap());
        write!(page, "\n## {}\n\n{}\n", text.title, text.summary).unwrap();
        write!(page, "\n{}", event(case)).unwrap();
        write!(page, "\n```text\n{}```\n", card(case)).unwrap();
        let record = record_of(&case.event, Detail::Full, None);
        write!(
            page,
            "\n<details><summary>The record</summary>\n\n```json\n{record}```\n\n</details>\n"
        )
        .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/examples.md is not what the program says; review it, then run this with BLESS=1"
    );
}

/// What the event says of the outcome.
fn event(case: &Case) -> String {
    let properties = &case.event["properties"];
    let status = &properties["status"];
    let mut text = format!("The event: error code {}", status["errorCode"]);
    for (label, value) in [
        ("failure reason", &status["failureReason"]),
        ("additional details", &status["additionalDetails"]),
        (
            "Conditional Access status",
            &properties["conditionalAccessStatus"],
        ),
    ] {
        if let Some(value) = value.as_str() {
            write!(text, ", {label} `{value}`").unwrap();
        }
    }
    text.push_str(".\n");
    let policies = properties["appliedConditionalAccessPolicies"].as_array();
    let policies = policies.filter(|policies| !policies.is_empty());
    if let Some(policies) = policies {
        text.push_str(
            "\n| policy | result | grant controls | session controls |\n|---|---|---|---|\n",
        );
        for policy in policies {
            let list = |key: &str| {
                let items = policy[key].as_array().into_iter().flatten();
                let items: Vec<_> = items.map(|item| item.as_str().unwrap()).collect();
                items.join(", ")
            };
            let text_of = |key: &str| policy[key].as_str().unwrap();
            writeln!(
                text,
                "| {} | {} | {} | {} |",
                text_of("displayName"),
                text_of("result"),
                list("enforcedGrantControls"),
                list("enforcedSessionControls")
            )
            .unwrap();
        }
    }
    text
}

fn card(case: &Case) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(["diagnose", "--format", "card"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = Value::to_string(&case.event) + "\n";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let card = String::from_utf8(output.stdout).unwrap();
    for line in card.lines() {
        let fits = line.chars().count() <= 100;
        assert!(fits || line.trim_start().starts_with("https://"), "{line}");
    }
    card
}
