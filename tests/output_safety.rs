//! Text that a stranger chose is shown by every edge, and does nothing there: no control
//! sequence, no turned text, no markup, no formula.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const HOSTILE: [&str; 15] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{9b}31mred\u{9c}",
    "\u{202e}gnp.exe",
    "\u{2066}a\u{2069}\u{200f}\u{feff}",
    "a\r\nINFO b\n\u{2028}c\u{85}d",
    "nul\0del\u{7f}bs\u{8}",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "&lt;script&gt;",
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1|@SUM(1)",
    "| a | b |\n| --- |",
    "[a](javascript:alert(1)) ![b](http://x) `c` **d**",
    "javascript:alert(1)",
    "${jndi:ldap://x} {{7*7}} %s%n",
];

/// A sign-in with the text wherever an event has room for one.
fn event(text: &str) -> Value {
    json!({"category": "SignInLogs", "tenantId": text, "resultType": "53003",
        "time": "2026-03-02T08:14:55Z", "properties": {
        "id": format!("id {text}"), "correlationId": text,
        "createdDateTime": "2026-03-02T08:14:55Z",
        "userId": text, "userPrincipalName": text, "userDisplayName": text, "userAgent": text,
        "ipAddress": text, "appId": text, "appDisplayName": text, "resourceDisplayName": text,
        "clientAppUsed": text, "authenticationRequirement": text,
        "status": {"errorCode": 53003, "failureReason": text, "additionalDetails": text},
        "deviceDetail": {"deviceId": text, "displayName": text, "operatingSystem": text,
            "browser": text, "trustType": text},
        "location": {"city": text, "state": text, "countryOrRegion": text},
        "mfaDetail": {"authMethod": text, "authDetail": text},
        "appliedConditionalAccessPolicies": [{"id": text, "displayName": text,
            "result": "failure", "enforcedGrantControls": ["Block", text],
            "enforcedSessionControls": [text],
            "conditionsSatisfied": "application,users,location"}],
        "authenticationDetails": [{"authenticationMethod": text, "succeeded": false,
            "authenticationMethodDetail": text, "authenticationStepResultDetail": text,
            "authenticationStepRequirement": text}],
        "networkLocationDetails": [{"networkType": text, "networkNames": [text]}],
        "authenticationRequirementPolicies": [{"requirementProvider": text, "detail": text}],
        "riskEventTypes_v2": [text]}})
}

/// What the program writes, to standard output and to standard error.
fn said(arguments: &[&str], file: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_signin-diagnostics"))
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap() + &errors
}

/// Acts on a terminal, in a log or in a page, instead of being shown.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}')
}

fn is_inert(said: &str) -> bool {
    // "INFO b" begins a line of its own only where a line end of the text came through.
    !said
        .lines()
        .any(|line| line.contains(acts) || line.starts_with("INFO b"))
}

/// Of HTML, which Markdown shows too.
fn has_no_markup(said: &str) -> bool {
    let lower = said.to_lowercase();
    let marks = ["<script>alert", "<img", "href=\"javascript:"];
    !marks.iter().any(|mark| lower.contains(mark))
}

fn has_no_link(said: &str) -> bool {
    !said.contains("](javascript:") && !said.contains("](http://x")
}

fn has_no_formula(said: &str) -> bool {
    let mut rows = csv::Reader::from_reader(said.as_bytes());
    rows.records()
        .flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
        .all(|cell| !cell.starts_with(['=', '+', '-', '@']))
}

type Holds = fn(&str) -> bool;

#[test]
fn no_edge_lets_text_of_an_event_act() {
    let columns =
        "user,name,app,resource,ip,place,country,device,client,policies,mfa,assessment,request-id";
    let search = |format| vec!["search", "--columns", columns, "--format", format, "--file"];
    let review = |format| vec!["review", "id", "--format", format, "--file"];
    let edges: [(&str, Vec<&str>, &[Holds]); 8] = [
        ("card", vec!["diagnose", "--format", "card"], &[is_inert]),
        ("table", search("table"), &[is_inert]),
        ("CSV", search("csv"), &[is_inert, has_no_formula]),
        (
            "Markdown list",
            search("markdown"),
            &[is_inert, has_no_markup, has_no_link],
        ),
        ("review", review("text"), &[is_inert]),
        ("JSON", review("json"), &[is_inert]),
        (
            "Markdown",
            review("markdown"),
            &[is_inert, has_no_markup, has_no_link],
        ),
        ("page", review("html"), &[is_inert, has_no_markup]),
    ];
    let folder = TempDir::new().unwrap();
    let (sign_in, record) = (folder.path().join("event"), folder.path().join("record"));
    for text in HOSTILE {
        fs::write(&sign_in, event(text).to_string()).unwrap();
        let diagnosis = said(&["diagnose", "--format", "ndjson"], &sign_in);
        fs::write(&record, &diagnosis).unwrap();
        let id: Value = serde_json::from_str(&diagnosis).unwrap();
        let id = id["diagnosis_id"].as_str().unwrap();
        for (edge, arguments, promises) in &edges {
            let arguments: Vec<&str> = arguments
                .iter()
                .map(|argument| if *argument == "id" { id } else { *argument })
                .collect();
            let file = if *edge == "card" { &sign_in } else { &record };
            let said = said(&arguments, file);
            assert!(said.len() > 40, "{edge} shows nothing: {said}");
            for holds in *promises {
                assert!(holds(&said), "{edge} of {text:?}:\n{}", said.escape_debug());
            }
        }
    }
}
