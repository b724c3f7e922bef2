//! A bad catalog is refused, with every fault named: file, place, reason and remedy.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::fs;
use std::path::Path;

use signin_diagnostics::diagnosis::catalog::Catalog;
use tempfile::TempDir;

use Edit::{Append, Empty, Prepend, Swap};

const FILES: [(&str, &str); 5] = [
    (
        "catalog.toml",
        include_str!("../config/catalog/catalog.toml"),
    ),
    (
        "error-codes.csv",
        include_str!("../config/catalog/error-codes.csv"),
    ),
    (
        "scenarios.toml",
        include_str!("../config/catalog/scenarios.toml"),
    ),
    ("cases.toml", include_str!("../config/catalog/cases.toml")),
    (
        "requirement-providers.csv",
        include_str!("../config/catalog/requirement-providers.csv"),
    ),
];

fn copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Changes one file of a sound catalog. The change must be one.
fn changed(file: &str, change: impl Fn(&str) -> String) -> TempDir {
    let dir = copy();
    let path = dir.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(&before);
    assert!(before != after, "nothing was changed in {file}");
    fs::write(path, after).unwrap();
    dir
}

/// The faults, one a line, without the folder's own path.
fn faults(dir: &Path) -> Vec<String> {
    let refused = Catalog::load(dir).expect_err("the catalog was taken");
    let folder = format!("{}/", dir.display());
    refused
        .to_string()
        .lines()
        .map(|line| line.replace(&folder, ""))
        .collect()
}

#[test]
fn a_sound_folder_is_taken_with_its_own_version() {
    let dir = changed("catalog.toml", |text| {
        text.replace("2026-11-29", "contoso-7")
    });
    let catalog = Catalog::load(dir.path()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(catalog.version(), "contoso-7");
    assert_eq!(catalog.codes().count(), 192);
}

#[test]
fn a_new_code_is_one_row_more() {
    let dir = changed("error-codes.csv", |text| {
        format!(
            "{text}52003,,failure,failed,error_code_insight,\"Something new, seen often.\",true,observed\n"
        )
    });
    let catalog = Catalog::load(dir.path()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(
        catalog.code(52003).map(|code| code.meaning.as_str()),
        Some("Something new, seen often.")
    );
}

#[test]
fn a_spreadsheets_byte_order_mark_and_line_ends_do_no_harm() {
    let dir = changed("error-codes.csv", |text| {
        format!("\u{feff}{}", text.replace('\n', "\r\n"))
    });
    assert!(Catalog::load(dir.path()).is_ok());
}

const FIRST_LINK: &str =
    "link = \"https://learn.microsoft.com/entra/identity/conditional-access/what-if-tool\"";

enum Edit {
    Append(&'static str),
    Prepend(&'static str),
    Swap(&'static str, &'static str),
    Empty,
}

impl Edit {
    fn apply(&self, text: &str) -> String {
        match self {
            Edit::Append(line) => format!("{text}{line}\n"),
            Edit::Prepend(before) => format!("{before}{text}"),
            Edit::Swap(from, to) => text.replacen(from, to, 1),
            Edit::Empty => String::new(),
        }
    }
}

/// A file, what is done to it, how a fault then starts, and what its remedy holds.
const FAULTS: &[(&str, Edit, &str, &str)] = &[
    // Table of codes.
    (
        "error-codes.csv",
        Append("53003,,failure,blocked,blocked_by_conditional_access,Twice.,true,lookup"),
        "error-codes.csv:194: the code 53003 stands twice, first on line",
        "keep one",
    ),
    (
        "error-codes.csv",
        Append("AADSTS1,,failure,failed,error_code_insight,A.,true,lookup"),
        "error-codes.csv:194: the code \"AADSTS1\" is no number",
        "digits only",
    ),
    (
        "error-codes.csv",
        Append("-5,,failure,failed,error_code_insight,A.,true,lookup"),
        "error-codes.csv:194: the code \"-5\" is no number",
        "digits only",
    ),
    (
        "error-codes.csv",
        Append("1,,fatal,failed,error_code_insight,A.,true,lookup"),
        "error-codes.csv:194: the class \"fatal\" is unknown",
        "use one of success, ",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,unknown,error_code_insight,A.,true,lookup"),
        "error-codes.csv:194: the outcome \"unknown\" is unknown",
        "use one of succeeded, ",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,failed,undetermined,A.,true,lookup"),
        "error-codes.csv:194: the scenario \"undetermined\" is unknown",
        "mfa_by_source",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,failed,error_code_insight,,true,lookup"),
        "error-codes.csv:194: the meaning is empty",
        "fill it in",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,failed,error_code_insight,A.,yes,lookup"),
        "error-codes.csv:194: the verified \"yes\" is unknown",
        "use one of true, false",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,failed,error_code_insight,A.,true,hearsay"),
        "error-codes.csv:194: the sources \"hearsay\" is unknown",
        "observed",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,failed,error_code_insight,A, b.,true,lookup"),
        "error-codes.csv:194: the row has 9 fields instead of 8",
        "quotation marks",
    ),
    (
        "error-codes.csv",
        Append("1,,failure,failed,error_code_insight,\"A.,true,lookup"),
        "error-codes.csv:194: a quotation mark is not closed",
        "close it",
    ),
    (
        "error-codes.csv",
        Swap("meaning", "notes"),
        "error-codes.csv:1: the column meaning is missing",
        "start the file with",
    ),
    (
        "error-codes.csv",
        Swap("meaning", "notes"),
        "error-codes.csv:1: the column \"notes\" is unknown",
        "the columns are",
    ),
    (
        "error-codes.csv",
        Swap("\n0,,success", "\n1,,success"),
        "error-codes.csv: the code 0 is missing",
        "add a row",
    ),
    (
        "error-codes.csv",
        Swap("succeeded,successful_sign_in", "failed,error_code_insight"),
        "error-codes.csv: code 0: it is not a successful sign-in",
        "succeeded",
    ),
    (
        "error-codes.csv",
        Empty,
        "error-codes.csv:1: the column code is missing",
        "start the file with",
    ),
    // Scenarios.
    (
        "scenarios.toml",
        Swap("[undetermined]", "[undetermind]"),
        "scenarios.toml: undetermined: ",
        "README.md",
    ),
    (
        "scenarios.toml",
        Append("\n[brand_new]\ntitle = \"A\""),
        "scenarios.toml: \"brand_new\": there is no such scenario",
        "the scenarios are",
    ),
    (
        "scenarios.toml",
        Swap("{who}", "{whom}"),
        "scenarios.toml: blocked_by_conditional_access: the assessment is no template: {whom} is no known placeholder",
        "placeholders are {who}",
    ),
    (
        "scenarios.toml",
        Swap("[ to {application}]", " to {application}"),
        "scenarios.toml: blocked_by_conditional_access: the assessment is no template: {application} may have no value",
        "stands in [ ]",
    ),
    (
        "scenarios.toml",
        Swap("[ to {application}]", " [to {application}]"),
        "scenarios.toml: blocked_by_conditional_access: in the assessment the text has",
        "put the blank",
    ),
    (
        "scenarios.toml",
        Swap("carries no error code.", "carries {code}."),
        "scenarios.toml: undetermined: the assessment uses {code}",
        "leave it out",
    ),
    (
        "scenarios.toml",
        Swap(FIRST_LINK, "link = \"http://example.com/a\""),
        "scenarios.toml: blocked_by_conditional_access: the link \"http://example.com/a\" is no https address",
        "https://host/path",
    ),
    (
        "scenarios.toml",
        Swap(FIRST_LINK, "link = \"https://example.com/a\\\"b\""),
        "scenarios.toml: blocked_by_conditional_access: the link",
        "https://host/path",
    ),
    (
        "scenarios.toml",
        Swap("actor = \"administrator\"", "actor = \"manager\""),
        "scenarios.toml: blocked_by_conditional_access: unknown variant `manager`",
        "README.md",
    ),
    (
        "scenarios.toml",
        Swap("title = \"Blocked by Conditional Access\"", "titel = \"A\""),
        "scenarios.toml: blocked_by_conditional_access: unknown field `titel`",
        "README.md",
    ),
    (
        "scenarios.toml",
        Swap("title = \"Blocked by Conditional Access\"", "title = \" \""),
        "scenarios.toml: blocked_by_conditional_access: the title is empty",
        "fill it in",
    ),
    (
        "scenarios.toml",
        Swap("[failed_conditional_access]", "[failed_conditional_access"),
        "scenarios.toml:21: it is no TOML",
        "correct the line",
    ),
    (
        "scenarios.toml",
        Swap(
            "ended with code {code}, which",
            "ended with {meaning} which",
        ),
        "scenarios.toml: unknown_error_code: the assessment uses {meaning}",
        "leave it out",
    ),
    // Texts of codes.
    (
        "cases.toml",
        Swap("codes = [53001]", "codes = [53001, 4711]"),
        "cases.toml: device_not_hybrid_joined: the code 4711 is not in the table",
        "add its row",
    ),
    (
        "cases.toml",
        Swap("codes = [53001]", "codes = [53001, 53000]"),
        "cases.toml: non_compliant_device: the code 53000 has texts already, in ",
        "list the code once",
    ),
    (
        "cases.toml",
        Swap("codes = [53001]", "codes = []"),
        "cases.toml: device_not_hybrid_joined: it names no code",
        "list at least one",
    ),
    (
        "cases.toml",
        Swap("case = \"lockout\"", "case = \"locked\""),
        "cases.toml: locked_out: the case \"locked\" is unknown",
        "malicious_address, lockout",
    ),
    (
        "cases.toml",
        Append("\n[bare]\ncodes = [50140]"),
        "cases.toml: bare: it has neither an assessment nor steps",
        "add one of the two",
    ),
    (
        "cases.toml",
        Append("\n[odd]\ncodes = [50140]\nassessment = \"The {whom}.\""),
        "cases.toml: odd: the assessment is no template: {whom} is no known placeholder",
        "placeholders are {who}",
    ),
    (
        "cases.toml",
        Prepend("stray = 1\n"),
        "cases.toml: \"stray\": it is no entry",
        "write it as [name]",
    ),
    // General facts and providers.
    (
        "catalog.toml",
        Swap("{request_id}", "{request}"),
        "catalog.toml: the support ticket is no template: {request} is no known placeholder",
        "placeholders are {who}",
    ),
    (
        "catalog.toml",
        Swap("support_ticket", "ticket"),
        "catalog.toml: unknown field `ticket`",
        "README.md",
    ),
    (
        "catalog.toml",
        Swap("2026-11-29", ""),
        "catalog.toml: the version is empty",
        "fill it in",
    ),
    (
        "catalog.toml",
        Swap("2026-11-29", "23 November"),
        "catalog.toml: the version holds a blank",
        "one word",
    ),
    (
        "catalog.toml",
        Swap("\"IMAP\",", "\"imap4\","),
        "catalog.toml: the legacy client \"IMAP4\" stands twice",
        "keep one",
    ),
    (
        "requirement-providers.csv",
        Append("USER,per_user"),
        "requirement-providers.csv:25: the provider \"USER\" stands twice",
        "keep one",
    ),
    (
        "requirement-providers.csv",
        Append("new,magic"),
        "requirement-providers.csv:25: the source \"magic\" is unknown",
        "per_user",
    ),
];

#[test]
fn each_fault_is_named_with_place_and_remedy() {
    for (file, edit, reason, remedy) in FAULTS {
        let dir = changed(file, |text| edit.apply(text));
        let found = faults(dir.path());
        assert!(
            found
                .iter()
                .any(|line| line.starts_with(reason) && line.contains(remedy)),
            "wanted {reason:?} … {remedy:?}, found:\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn a_single_mistake_gives_a_single_fault() {
    for (file, from, to) in [
        (
            "error-codes.csv",
            "MissingSigningKey,configuration",
            "MissingSigningKey,oddity",
        ),
        // This code has steps of its own, which are no second fault.
        (
            "error-codes.csv",
            "DeviceNotCompliant,failure",
            "DeviceNotCompliant,oddity",
        ),
        ("error-codes.csv", "code,name", "kode,name"),
        (
            "scenarios.toml",
            "[ to {application}]",
            " [to {application}]",
        ),
        ("cases.toml", "codes = [53001]", "codes = []"),
        ("cases.toml", "case = \"lockout\"", "case = \"locked\""),
    ] {
        let dir = changed(file, |text| text.replacen(from, to, 1));
        let found = faults(dir.path());
        assert_eq!(
            found.len(),
            if to.starts_with("kode") { 2 } else { 1 },
            "{file}:\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn faults_of_all_files_are_listed_together() {
    let dir = copy();
    fs::write(dir.path().join("catalog.toml"), "version = 3").unwrap();
    fs::write(dir.path().join("error-codes.csv"), b"code\xff\n").unwrap();
    fs::remove_file(dir.path().join("scenarios.toml")).unwrap();
    fs::write(dir.path().join("cases.toml"), vec![b'#'; (4 << 20) + 1]).unwrap();
    fs::remove_file(dir.path().join("requirement-providers.csv")).unwrap();
    fs::create_dir(dir.path().join("requirement-providers.csv")).unwrap();
    let found = faults(dir.path());
    for start in [
        "catalog.toml: ",
        "error-codes.csv:1: it is not UTF-8",
        "scenarios.toml: it cannot be read",
        "cases.toml: it is larger than",
        "requirement-providers.csv: it is no file",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(start)),
            "{start} is missing:\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn a_folder_that_is_none_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let refused = Catalog::load(&dir.path().join("missing")).unwrap_err();
    assert_eq!(refused.iter().count(), 1);
    assert!(refused.to_string().contains("it is no folder"), "{refused}");
}
