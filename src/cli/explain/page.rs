//! The answer as text.
use super::{Answer, CodeLine};
use crate::diagnosis::catalog::{Reference, Step};

pub(super) const WIDTH: usize = 100;

pub(super) fn text(answer: &Answer) -> String {
    let mut page = Page(String::new());
    match answer {
        Answer::Code(card) => {
            let title = match card.name {
                Some(name) => format!("{} {name}", card.code),
                None => card.code.to_string(),
            };
            page.line(&title);
            if !card.verified {
                page.wrapped(
                    "",
                    &format!(
                        "unverified: no public source confirms this code (known from: {})",
                        card.sources.join(", ")
                    ),
                );
            }
            page.gap();
            page.wrapped("", card.meaning);
            page.gap();
            for (at, titled) in card.scenarios.iter().enumerate() {
                let label = if at == 0 { "Scenario  " } else { "  or      " };
                page.wrapped(label, &format!("{} ({})", titled.title, titled.scenario));
            }
            if card.scenarios.len() > 1 {
                page.wrapped("          ", "The source of the requirement decides.");
            }
            page.wrapped("Outcome   ", card.outcome.as_str());
            page.wrapped("Class     ", card.class);
            page.steps("What to do", card.remediation.iter().copied());
            for case in &card.cases {
                let title = format!("What to do {}", case.case.words());
                page.steps(&title, case.remediation);
            }
            page.references(&card.references);
        }
        Answer::Scenario(card) => {
            page.line(card.title);
            page.line(card.scenario.as_str());
            page.gap();
            page.wrapped("", card.summary);
            page.steps("What to do", card.remediation.iter().copied());
            page.references(&card.references);
            if !card.codes.is_empty() {
                page.gap();
                page.line("Codes");
                page.codes(&card.codes);
            }
        }
        Answer::List(scenarios) => {
            for (at, scenario) in scenarios.iter().enumerate() {
                if at > 0 {
                    page.gap();
                }
                page.line(&format!("{} ({})", scenario.title, scenario.scenario));
                page.codes(&scenario.codes);
            }
        }
        Answer::NotFound { asked, near, hint } => {
            page.wrapped("", &format!("The catalog knows no {asked:?}."));
            if !near.is_empty() {
                page.wrapped("", &format!("Near: {}", near.join(", ")));
            }
            page.wrapped("", hint);
        }
    }
    page.0
}

/// Text of at most [`WIDTH`] columns, addresses apart.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }

    /// A label and the text beside it, continued under its own start.
    fn wrapped(&mut self, label: &str, text: &str) {
        let indent = label.chars().count();
        self.0.push_str(label);
        let mut column = indent;
        for (at, word) in text.split_whitespace().enumerate() {
            let width = word.chars().count();
            if at > 0 && column + 1 + width > WIDTH {
                self.0.push('\n');
                self.0.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else if at > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(word);
            column += width;
        }
        self.0.push('\n');
    }

    fn steps<'s>(&mut self, title: &str, steps: impl IntoIterator<Item = &'s Step>) {
        self.gap();
        self.line(title);
        for (at, step) in steps.into_iter().enumerate() {
            let label = format!("{:>3}. ", at + 1);
            self.wrapped(&label, &format!("{}: {}", step.actor.title(), step.action));
            if let Some(link) = &step.link {
                self.line(&format!("     {link}"));
            }
        }
    }

    fn references(&mut self, references: &[&Reference]) {
        self.gap();
        self.line("Read more");
        for reference in references {
            self.wrapped("  ", &reference.title);
            self.line(&format!("    {}", reference.url));
        }
    }

    fn codes(&mut self, codes: &[CodeLine]) {
        for code in codes {
            let label = format!("{:>9}  {:<11}  ", code.code, code.outcome);
            self.wrapped(&label, code.meaning);
        }
    }
}
