//! How a sign-in of a card was authenticated.
use std::fmt::{self, Write};

use super::layout::{TABLE, row, table};
use super::time_words;
use crate::query::record::{AuthenticationStep, Diagnosis, RequirementSource};

pub(super) fn authentication(
    diagnosis: &Diagnosis,
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let Some(authentication) = &diagnosis.authentication else {
        return Ok(());
    };
    let requirement = authentication
        .requirement
        .as_deref()
        .map(|requirement| match requirement {
            "singleFactorAuthentication" => "a single factor was required",
            "multiFactorAuthentication" => "multifactor authentication was required",
            other => other,
        });
    row("Authentication", &[requirement], width, out)?;
    let sources = authentication
        .sources
        .iter()
        .map(source)
        .collect::<Vec<_>>();
    let asked = (!sources.is_empty()).then(|| format!("asked for by {}", sources.join(", ")));
    row("Second factor", &[asked.as_deref()], width, out)?;
    let decided = authentication.decided_by.as_deref().map(|rule| match rule {
        "requirement_policies" => "told by the requirement providers of the event",
        "applied_policies" => "told by an enforced policy that asks for it",
        "no_conditional_access_source" => "nothing in the event points to Conditional Access",
        other => other,
    });
    row("", &[decided], width, out)?;
    let result = authentication.second_factor.as_deref();
    let result = result.map(|result| result.replace('_', " "));
    let method = authentication.mfa_method.as_deref();
    let detail = authentication.mfa_detail.as_deref();
    let label = if asked.is_some() { "" } else { "Second factor" };
    row(label, &[result.as_deref(), method, detail], width, out)?;
    if !authentication.steps.is_empty() {
        let mut rows =
            vec![["Step", "Time", "Method", "Succeeded", "Result", "For"].map(str::to_owned)];
        let steps = authentication.steps.iter().enumerate();
        rows.extend(steps.map(|(at, shown)| step(at + 1, shown)));
        table(&rows, TABLE, width, out)?;
    }
    for session in &authentication.session_lifetime {
        let parts = [session.requirement.as_deref(), session.detail.as_deref()];
        row("Session", &parts, width, out)?;
    }
    Ok(())
}

fn source(source: &RequirementSource) -> String {
    let words = match &*source.source {
        "conditional_access" => "Conditional Access",
        "risk" => "a risk policy",
        "per_user" => "per-user MFA",
        "request" => "the application or resource",
        "security_defaults" => "security defaults",
        "cross_tenant" => "a partner or cross-tenant rule",
        "unknown" => "a source not known here",
        other => other,
    };
    match &source.provider {
        Some(provider) => format!("{words} ({provider})"),
        None => words.to_owned(),
    }
}

fn step(at: usize, step: &AuthenticationStep) -> [String; 6] {
    let method = [step.method.as_deref(), step.method_detail.as_deref()];
    let method: Vec<_> = method.into_iter().flatten().collect();
    let succeeded = match step.succeeded {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    // The day stands in the headline.
    let time = step.time.as_deref().map(time_words).unwrap_or_default();
    let time = time.rsplit(' ').next().unwrap_or_default().to_owned();
    [
        at.to_string(),
        time,
        method.join(", "),
        succeeded.to_owned(),
        step.result.clone().unwrap_or_default(),
        step.requirement.clone().unwrap_or_default(),
    ]
}
