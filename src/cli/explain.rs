//! `explain`: what an error code or a scenario means, and what to do about it.
//!
//! Answers from the catalog alone. What it does not know it says plainly, with what is near and
//! how to add it, and ends with exit code 1.
mod near;
mod page;

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::diagnosis::catalog::{Catalog, Code, Reference, Step};
use crate::diagnosis::{Case, Outcome, Scenario};

/// No code and no scenario is longer.
const LONGEST_WORD: usize = 128;

#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// An error code (53003, AADSTS53003), its name, or a scenario by id or title
    #[arg(
        value_name = "CODE|SCENARIO",
        required_unless_present = "list",
        conflicts_with = "list"
    )]
    what: Vec<String>,
    /// List all scenarios with their codes
    #[arg(long)]
    list: bool,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Answers on `out`. A reader that has seen enough is no error.
pub fn run(
    args: &ExplainArgs,
    catalog: &Catalog,
    out: &mut impl io::Write,
) -> anyhow::Result<ExitCode> {
    let answer = if args.list {
        Answer::List(list(catalog))
    } else {
        find(&args.what.join(" "), catalog)
    };
    let text = match args.format {
        Format::Text => page::text(&answer),
        Format::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match answer {
        Answer::NotFound { .. } => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<'c> {
    Code(CodeCard<'c>),
    Scenario(ScenarioCard<'c>),
    List(Vec<ScenarioCodes<'c>>),
    NotFound {
        asked: String,
        near: Vec<String>,
        hint: &'static str,
    },
}

#[derive(Serialize)]
struct CodeCard<'c> {
    code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
    class: &'static str,
    outcome: Outcome,
    /// More than one where the source of an MFA requirement decides.
    scenarios: Vec<Titled<'c>>,
    meaning: &'c str,
    verified: bool,
    sources: Vec<&'static str>,
    remediation: Vec<&'c Step>,
    /// Steps in place of these, where the event shows the case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<CaseSteps<'c>>,
    references: Vec<&'c Reference>,
}

#[derive(Serialize)]
struct CaseSteps<'c> {
    case: Case,
    remediation: &'c [Step],
}

#[derive(Serialize)]
struct ScenarioCard<'c> {
    scenario: Scenario,
    title: &'c str,
    summary: &'c str,
    remediation: Vec<&'c Step>,
    references: Vec<&'c Reference>,
    codes: Vec<CodeLine<'c>>,
}

#[derive(Serialize)]
struct Titled<'c> {
    scenario: Scenario,
    title: &'c str,
}

#[derive(Serialize)]
struct ScenarioCodes<'c> {
    scenario: Scenario,
    title: &'c str,
    codes: Vec<CodeLine<'c>>,
}

#[derive(Serialize)]
struct CodeLine<'c> {
    code: i64,
    outcome: Outcome,
    meaning: &'c str,
}

fn find<'c>(asked: &str, catalog: &'c Catalog) -> Answer<'c> {
    let asked = asked.trim();
    let digits = asked
        .get(.."AADSTS".len())
        .filter(|prefix| prefix.eq_ignore_ascii_case("AADSTS"))
        .map_or(asked, |prefix| &asked[prefix.len()..])
        .trim_matches([':', ' ']);
    if let Ok(number) = digits.parse::<i64>() {
        return match catalog.code(number) {
            Some(code) => Answer::Code(code_card(code, catalog)),
            None => Answer::NotFound {
                asked: digits.to_owned(),
                near: near::codes(number, catalog),
                hint: "If sign-ins carry this code, add a row for it to error-codes.csv of a \
                       catalog folder; until then it is diagnosed as unknown_error_code.",
            },
        };
    }
    let id = asked.to_lowercase().replace([' ', '-'], "_");
    let scenario = Scenario::from_name(&id).or_else(|| {
        Scenario::ALL.into_iter().find(|scenario| {
            catalog
                .scenario(*scenario)
                .title
                .eq_ignore_ascii_case(asked)
        })
    });
    if let Some(scenario) = scenario {
        return Answer::Scenario(scenario_card(scenario, catalog));
    }
    let named = catalog.codes().find(|code| {
        let name = code.name.as_deref();
        name.is_some_and(|name| name.eq_ignore_ascii_case(asked))
    });
    match named {
        Some(code) => Answer::Code(code_card(code, catalog)),
        None => Answer::NotFound {
            asked: asked.chars().take(LONGEST_WORD).collect(),
            near: near::scenarios(&id, catalog),
            hint: "explain --list shows all scenarios and codes.",
        },
    }
}

fn code_card<'c>(code: &'c Code, catalog: &'c Catalog) -> CodeCard<'c> {
    let scenarios = code.scenario.scenarios();
    let texts = || scenarios.iter().map(|scenario| catalog.scenario(*scenario));
    let of_scenarios = texts().flat_map(|text| &text.remediation);
    CodeCard {
        code: code.code,
        name: code.name.as_deref(),
        class: code.class.as_str(),
        outcome: code.outcome,
        scenarios: scenarios
            .iter()
            .map(|scenario| Titled {
                scenario: *scenario,
                title: &catalog.scenario(*scenario).title,
            })
            .collect(),
        meaning: &code.meaning,
        verified: code.verified,
        sources: code.sources.iter().map(|source| source.as_str()).collect(),
        remediation: match own(code) {
            [] => each_once(of_scenarios),
            steps => steps.iter().collect(),
        },
        cases: code
            .texts
            .iter()
            .filter(|text| !text.remediation.is_empty())
            .filter_map(|text| {
                Some(CaseSteps {
                    case: text.case?,
                    remediation: &text.remediation,
                })
            })
            .collect(),
        references: each_once(texts().flat_map(|text| &text.references)),
    }
}

/// The steps that the code has of its own, whatever the case.
fn own(code: &Code) -> &[Step] {
    let text = code.texts.iter().find(|text| text.case.is_none());
    text.map_or(&[], |text| &text.remediation)
}

fn each_once<'c, T: PartialEq>(all: impl Iterator<Item = &'c T>) -> Vec<&'c T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn scenario_card(scenario: Scenario, catalog: &Catalog) -> ScenarioCard<'_> {
    let text = catalog.scenario(scenario);
    ScenarioCard {
        scenario,
        title: &text.title,
        summary: &text.summary,
        remediation: text.remediation.iter().collect(),
        references: text.references.iter().collect(),
        codes: code_lines(scenario, catalog),
    }
}

fn list(catalog: &Catalog) -> Vec<ScenarioCodes<'_>> {
    Scenario::ALL
        .into_iter()
        .map(|scenario| ScenarioCodes {
            scenario,
            title: &catalog.scenario(scenario).title,
            codes: code_lines(scenario, catalog),
        })
        .collect()
}

fn code_lines(scenario: Scenario, catalog: &Catalog) -> Vec<CodeLine<'_>> {
    catalog
        .codes()
        .filter(|code| code.scenario.scenarios().contains(&scenario))
        .map(|code| CodeLine {
            code: code.code,
            outcome: code.outcome,
            meaning: &code.meaning,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::page::{WIDTH, text};
    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        explain: ExplainArgs,
    }

    /// What is printed, and whether the exit code is 0.
    fn explain(args: &[&str]) -> (String, bool) {
        let cli = Cli::try_parse_from([&["explain"], args].concat()).unwrap();
        let catalog = Catalog::embedded().unwrap();
        let mut out = Vec::new();
        let code = run(&cli.explain, &catalog, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), code == ExitCode::SUCCESS)
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        let (expected, found) = explain(&["53003"]);
        assert!(found);
        for needle in [
            "53003 BlockedByConditionalAccess\n",
            "Scenario  Blocked by Conditional Access (blocked_by_conditional_access)\n",
            "Outcome   blocked\n",
            "1. Administrator: Open the sign-in",
            "https://learn.microsoft.com/",
        ] {
            assert!(
                expected.contains(needle),
                "{needle} is missing:\n{expected}"
            );
        }
        for asked in [
            "AADSTS53003",
            "aadsts53003:",
            " 53003 ",
            "blockedbyconditionalaccess",
        ] {
            assert_eq!(explain(&[asked]).0, expected, "{asked}");
        }
    }

    #[test]
    fn a_scenario_is_found_by_id_or_title_with_its_codes() {
        let (expected, found) = explain(&["blocked_by_conditional_access"]);
        assert!(found);
        for code in ["53003", "530031", "530032", "530033"] {
            assert!(expected.contains(&format!(" {code}  blocked ")), "{code}");
        }
        for asked in [
            &["Blocked by Conditional Access"][..],
            &["blocked", "by", "conditional", "access"],
            &["blocked-by-conditional-access"],
        ] {
            assert_eq!(explain(asked).0, expected, "{asked:?}");
        }
        // A title that is not its id in other words.
        let (text, found) = explain(&["MFA proof-up required"]);
        assert!(found && text.contains("mfa_proofup_required"), "{text}");
    }

    #[test]
    fn a_code_whose_source_decides_names_both_scenarios() {
        let (text, _) = explain(&["50076"]);
        assert!(text.contains("(mfa_from_conditional_access)"), "{text}");
        assert!(text.contains("(mfa_from_other_requirements)"), "{text}");
        assert!(text.contains("Outcome   interrupted"), "{text}");
    }

    #[test]
    fn a_code_that_no_source_confirms_is_said_to_be_unverified() {
        assert!(explain(&["57006"]).0.contains("\nunverified: "));
        assert!(!explain(&["50072"]).0.contains("unverified"));
    }

    #[test]
    fn steps_of_the_code_go_before_those_of_its_scenario() {
        assert!(explain(&["53000"]).0.contains("Company Portal"));
        assert!(!explain(&["50187"]).0.contains("Company Portal"));
    }

    #[test]
    fn steps_for_a_case_stand_beside_those_of_the_code() {
        let (text, _) = explain(&["50053"]);
        for title in [
            "\nWhat to do\n",
            "\nWhat to do where the address is known for malicious activity\n",
            "\nWhat to do where smart lockout holds the account\n",
        ] {
            assert!(text.contains(title), "{text}");
        }
        let (text, _) = explain(&["50053", "--format", "json"]);
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["code"]["cases"][0]["case"], "malicious_address");
    }

    #[test]
    fn what_is_unknown_ends_with_1_and_names_what_is_near() {
        for (asked, near) in [
            ("52003", "53003"),
            ("conditional", "blocked_by_conditional_access"),
            ("sucessful_signin", "successful_sign_in"),
            ("locked", "account_locked"),
            ("conditionel acess", "failed_conditional_access"),
        ] {
            let (text, found) = explain(&[asked]);
            assert!(!found, "{asked}");
            assert!(text.contains("knows no"), "{text}");
            assert!(text.contains(near), "{near} is missing:\n{text}");
        }
        let (text, found) = explain(&["99999999999"]);
        assert!(!found && text.contains("error-codes.csv"), "{text}");
        let (text, found) = explain(&[&"ž".repeat(100_000)]);
        assert!(!found && text.len() < 1000);
        assert!(!explain(&["\u{1b}[31m"]).0.contains('\u{1b}'));
        assert!(!explain(&[""]).1);
    }

    #[test]
    fn the_list_has_every_scenario_and_code() {
        let (text, found) = explain(&["--list"]);
        assert!(found);
        let catalog = Catalog::embedded().unwrap();
        for scenario in Scenario::ALL {
            assert!(text.contains(&format!("({scenario})\n")), "{scenario}");
        }
        for code in catalog.codes() {
            let line = format!("{:>9}  {}", code.code, code.outcome);
            assert!(text.contains(&line), "{line}");
        }
    }

    #[test]
    fn text_keeps_to_100_columns_but_for_addresses() {
        let catalog = Catalog::embedded().unwrap();
        let mut pages = vec![explain(&["--list"]).0];
        for scenario in Scenario::ALL {
            pages.push(text(&Answer::Scenario(scenario_card(scenario, &catalog))));
        }
        for code in catalog.codes() {
            pages.push(text(&Answer::Code(code_card(code, &catalog))));
        }
        for line in pages.iter().flat_map(|page| page.lines()) {
            let fits = line.chars().count() <= WIDTH;
            assert!(fits || line.trim_start().starts_with("https://"), "{line}");
            assert_eq!(line.trim_end(), line);
        }
    }

    #[test]
    fn json_carries_the_same() {
        let (text, found) = explain(&["57006", "--format", "json"]);
        assert!(found);
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        let card = &answer["code"];
        assert_eq!(card["code"], 57006);
        assert_eq!(card["verified"], false);
        assert_eq!(card["scenarios"][0]["scenario"], "mfa_proofup_required");
        let (text, found) = explain(&["52003", "--format", "json"]);
        assert!(!found);
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["not_found"]["near"][0], "53003");
    }

    #[test]
    fn something_must_be_asked() {
        for args in [&["explain"][..], &["explain", "0", "--list"]] {
            assert!(Cli::try_parse_from(args).is_err(), "{args:?}");
        }
    }
}
