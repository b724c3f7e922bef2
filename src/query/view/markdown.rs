//! The review as Markdown.
use std::fmt::{self, Write};

use super::{Fact, View};
use crate::query::format::literal;

/// Writes the review as Markdown, for a ticket or a chat.
pub fn markdown(view: &View, out: &mut impl Write) -> fmt::Result {
    writeln!(
        out,
        "# {} ({}, {})\n",
        literal(&view.title),
        literal(&view.outcome),
        literal(&view.code)
    )?;
    writeln!(
        out,
        "{}\n\n{}\n",
        literal(&view.time),
        literal(&view.assessment)
    )?;
    list(out, "Sign-in", &view.facts)?;
    policies_markdown(view, out)?;
    list(out, "Authentication", &view.authentication)?;
    if !view.steps.is_empty() {
        writeln!(
            out,
            "| Time | Method | Succeeded | Result |\n| --- | --- | --- | --- |"
        )?;
        for step in &view.steps {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                literal(&step.time),
                literal(&step.method),
                step.succeeded,
                literal(&step.result)
            )?;
        }
        writeln!(out)?;
    }
    ending_markdown(view, out)?;
    list(out, "Provenance", &view.provenance)
}

fn list(out: &mut impl Write, heading: &str, facts: &[Fact]) -> fmt::Result {
    if facts.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {heading}\n")?;
    for (label, value) in facts {
        writeln!(out, "- {label}: {}", literal(value))?;
    }
    writeln!(out)
}

fn policies_markdown(view: &View, out: &mut impl Write) -> fmt::Result {
    if !view.policies.is_empty() {
        writeln!(out, "## Conditional Access policies\n")?;
        for policy in &view.policies {
            let decided = if policy.deciding {
                " **(decided)**"
            } else {
                ""
            };
            writeln!(
                out,
                "- {}: {}{decided}",
                literal(&policy.name),
                literal(&policy.reason)
            )?;
        }
        writeln!(out)?;
        for policy in &view.policies {
            for table in &policy.tables {
                writeln!(
                    out,
                    "{}, {}:\n",
                    literal(&policy.name),
                    table.heading.to_lowercase()
                )?;
                writeln!(
                    out,
                    "| {} |\n| --- | --- | --- |",
                    table.columns.join(" | ")
                )?;
                for row in &table.rows {
                    writeln!(
                        out,
                        "| {} |",
                        row.each_ref().map(|text| literal(text)).join(" | ")
                    )?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

fn ending_markdown(view: &View, out: &mut impl Write) -> fmt::Result {
    if !view.flow.is_empty() {
        writeln!(out, "## Flow\n")?;
        for one in &view.flow {
            let this = if one.is_this { " (this one)" } else { "" };
            writeln!(
                out,
                "- {} {}: {}, {}{this}",
                literal(&one.time),
                literal(&one.application),
                literal(&one.scenario),
                literal(&one.outcome)
            )?;
        }
        writeln!(out)?;
    }
    if !view.remediation.is_empty() {
        writeln!(out, "## What to do\n")?;
        for (index, action) in view.remediation.iter().enumerate() {
            let link = action
                .link
                .as_ref()
                .map(|link| format!(" <{link}>"))
                .unwrap_or_default();
            writeln!(
                out,
                "{}. {} ({}){link}",
                index + 1,
                literal(&action.action),
                literal(&action.actor)
            )?;
        }
        writeln!(out)?;
    }
    if let Some(ticket) = &view.ticket {
        writeln!(out, "## For Microsoft support\n")?;
        for line in ticket.lines() {
            writeln!(out, "> {}  ", literal(line))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
