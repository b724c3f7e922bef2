//! `docs/scenarios-and-codes.md`, made from the embedded catalog.
use std::fmt::Write as _;

use super::{Catalog, Code, Step};
use crate::diagnosis::Scenario;
use crate::golden;

fn page(catalog: &Catalog) -> String {
    let mut page = format!(
        "# Scenarios and error codes\n\n\
         Made from `config/catalog/` by a test (`BLESS=1 cargo test --lib documentation`): do not \
         edit.\n\nCatalog {}: {} scenarios, {} codes. A code that is not listed is diagnosed as \
         `{}`, one that is missing as `{}`.\n",
        catalog.version(),
        Scenario::ALL.len(),
        catalog.codes().count(),
        Scenario::UnknownErrorCode,
        Scenario::Undetermined,
    );
    for scenario in Scenario::ALL {
        let text = catalog.scenario(scenario);
        write!(
            page,
            "\n## {}\n\n`{scenario}`: {}\n",
            text.title, text.summary
        )
        .unwrap();
        steps("What to do", &text.remediation, &mut page);
        page.push_str("\nRead more: ");
        let links = text.references.iter();
        let links: Vec<_> = links
            .map(|reference| format!("[{}]({})", reference.title, reference.url))
            .collect();
        page.push_str(&links.join(", "));
        page.push_str(".\n");
        let codes: Vec<&Code> = catalog
            .codes()
            .filter(|code| code.scenario.scenarios().contains(&scenario))
            .collect();
        if codes.is_empty() {
            continue;
        }
        page.push_str("\n| code | name | outcome | class | meaning | known from |\n|---|---|---|---|---|---|\n");
        for code in &codes {
            let name = code.name.as_deref().unwrap_or_default();
            let sources: Vec<_> = code.sources.iter().map(|source| source.as_str()).collect();
            let unverified = if code.verified { "" } else { ", unverified" };
            writeln!(
                page,
                "| {} | {name} | {} | {} | {} | {}{unverified} |",
                code.code,
                code.outcome,
                code.class,
                code.meaning,
                sources.join(", ")
            )
            .unwrap();
        }
        // A code with two scenarios is told of at the first.
        let told = codes
            .iter()
            .filter(|code| code.scenario.scenarios().first() == Some(&scenario));
        for (code, text) in told.flat_map(|code| code.texts.iter().map(move |text| (code, text))) {
            if !text.remediation.is_empty() {
                let title = match text.case {
                    Some(case) => format!("Code {}, {}", code.code, case.words()),
                    None if code.texts.len() > 1 => format!("Code {}, otherwise", code.code),
                    None => format!("Code {}", code.code),
                };
                steps(&title, &text.remediation, &mut page);
            }
        }
    }
    page
}

fn steps(title: &str, steps: &[Step], page: &mut String) {
    write!(page, "\n{title}:\n\n").unwrap();
    for (at, step) in steps.iter().enumerate() {
        write!(page, "{}. {}: {}", at + 1, step.actor.title(), step.action).unwrap();
        if let Some(link) = &step.link {
            write!(page, " ([page]({link}))").unwrap();
        }
        page.push('\n');
    }
}

#[test]
fn the_page_of_scenarios_and_codes_is_that_of_the_catalog() {
    let catalog = Catalog::embedded().unwrap();
    golden::assert_file("docs/scenarios-and-codes.md", &page(&catalog));
}
