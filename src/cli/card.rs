//! One diagnosis as a card for a terminal.
//!
//! Every text of the event goes through `Inert`: its control characters are shown as escapes,
//! so that an event can neither move the cursor nor colour the screen.
mod authentication;
mod layout;
mod policies;

use std::fmt::{self, Write};

use chrono::DateTime;

pub(super) use crate::query::inert::Inert;
#[cfg(test)]
use crate::query::inert::is_active;
use crate::query::record::{Client, Diagnosis, Location, Risk};
pub(super) use crate::query::view::{actor_words, state_words};

use layout::{LABEL, row, wrapped};

/// Columns of a card on a wide terminal: longer lines are harder to read.
pub const WIDTH: usize = 100;
/// Column at which the text of a step begins.
const STEP: usize = 7;

/// Writes the card of `diagnosis`, under the scenario's `title`, in lines of at most `width`
/// columns where words allow it.
pub fn write_card(
    diagnosis: &Diagnosis,
    title: &str,
    colour: bool,
    width: usize,
    out: &mut impl Write,
) -> fmt::Result {
    let width = width.max(LABEL + 20);
    headline(diagnosis, title, colour, out)?;
    out.write_str("  ")?;
    wrapped(&diagnosis.assessment, 2, width, out)?;
    facts(diagnosis, width, out)?;
    authentication::authentication(diagnosis, width, out)?;
    policies::policies(diagnosis, width, out)?;
    origin(diagnosis, width, out)?;
    remediation(diagnosis, width, out)?;
    for reference in &diagnosis.references {
        row("Read on", &[Some(&reference.title)], width, out)?;
        writeln!(out, "  {:LABEL$}{}", "", Inert(&reference.url))?;
    }
    row(
        "Support ticket",
        &[diagnosis.support_ticket.as_deref()],
        width,
        out,
    )
}

fn headline(diagnosis: &Diagnosis, title: &str, colour: bool, out: &mut impl Write) -> fmt::Result {
    match &diagnosis.event_time {
        Some(time) => write!(out, "{}  ", Inert(&time_words(time)))?,
        None => out.write_str("time not known  ")?,
    }
    let (start, end) = if colour {
        (colour_of(&diagnosis.outcome), "\x1b[0m")
    } else {
        ("", "")
    };
    write!(
        out,
        "{start}{}{end}  {}",
        Inert(title),
        Inert(&diagnosis.outcome)
    )?;
    match &diagnosis.error {
        Some(error) => writeln!(out, "  {}", error.code),
        None => writeln!(out, "  no code"),
    }
}

/// A time to the second, as people write it.
pub(super) fn time_words(time: &str) -> String {
    match DateTime::parse_from_rfc3339(time) {
        Ok(time) => time.to_utc().format("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => time.to_owned(),
    }
}

pub(super) fn colour_of(outcome: &str) -> &'static str {
    match outcome {
        "succeeded" => "\x1b[1;32m",
        "interrupted" | "expired" => "\x1b[1;33m",
        "blocked" | "failed" => "\x1b[1;31m",
        _ => "\x1b[1;35m",
    }
}

fn facts(diagnosis: &Diagnosis, width: usize, out: &mut impl Write) -> fmt::Result {
    let mut row = |label: &str, values: &[Option<&str>]| row(label, values, width, out);
    if let Some(user) = &diagnosis.user {
        let name = user.principal_name.as_deref().or(user.id.as_deref());
        let names = [name, user.display_name.as_deref()];
        row("User", &[names[0], names[1], user.user_type.as_deref()])?;
    }
    if let Some(principal) = &diagnosis.service_principal {
        row("Principal", &[principal.shown()])?;
    }
    if let Some(application) = &diagnosis.application {
        row("Application", &[application.shown()])?;
    }
    if let Some(resource) = &diagnosis.resource {
        row("Resource", &[resource.shown()])?;
    }
    if let Some(client) = &diagnosis.client {
        row("Client", &client_values(client))?;
        row("User agent", &[client.user_agent.as_deref()])?;
    }
    if let Some(device) = &diagnosis.device {
        let compliant = device
            .compliant
            .map(|yes| if yes { "compliant" } else { "not compliant" });
        let name = device.name.as_deref();
        let system = said(device.operating_system.as_deref());
        let browser = said(device.browser.as_deref());
        let trust = device.trust_type.as_deref();
        let managed = device
            .managed
            .map(|yes| if yes { "managed" } else { "not managed" });
        row(
            "Device",
            &[name, system, browser, trust, compliant, managed],
        )?;
    }
    if let Some(location) = &diagnosis.location {
        let words = location_words(location);
        let words: Vec<_> = words.iter().map(|word| Some(word.as_str())).collect();
        row("Location", &words)?;
    }
    if let Some(tenants) = &diagnosis.tenants {
        let access = tenants.cross_tenant_access.as_deref();
        row("Cross-tenant", &[access])?;
        row("Home tenant", &[tenants.home.as_deref()])?;
        row("Resource tenant", &[tenants.resource.as_deref()])?;
    }
    if let Some(risk) = &diagnosis.risk {
        row("Risk", &[risk_words(risk).as_deref()])?;
    }
    if let Some(error) = &diagnosis.error {
        row("Code name", &[error.name.as_deref()])?;
        row("Meaning", &[error.meaning.as_deref()])?;
        row("Reason", &[error.reason.as_deref()])?;
        row("Details", &[error.additional_details.as_deref()])?;
        let unverified = (error.verified == Some(false))
            .then_some("no public source confirms what is said of this code");
        row("Unverified", &[unverified])?;
    }
    let aspects: Vec<_> = diagnosis
        .aspects
        .iter()
        .map(|aspect| aspect_words(aspect))
        .collect();
    let aspects: Vec<_> = aspects.iter().map(|words| Some(words.as_str())).collect();
    row("Aspects", &aspects)?;
    let lists: Vec<_> = diagnosis
        .watch_lists
        .iter()
        .map(|list| Some(&**list))
        .collect();
    row("Watch lists", &lists)
}

fn client_values(client: &Client) -> [Option<&str>; 7] {
    [
        client.app.as_deref(),
        client.ip_address.as_deref(),
        client.protocol.as_deref(),
        client.interactive.map(|yes| {
            if yes {
                "interactive"
            } else {
                "not interactive"
            }
        }),
        client.incoming_token_type.as_deref(),
        client.credential_type.as_deref(),
        client.transfer_method.as_deref(),
    ]
    .map(said)
}

fn location_words(location: &Location) -> Vec<String> {
    let place = [&location.city, &location.state, &location.country];
    let place = place.into_iter().filter_map(|part| said(part.as_deref()));
    let networks = location.network_locations.iter().flat_map(|network| {
        let kind = match network.network_type.as_deref() {
            Some("trustedNamedLocation") => "trusted named location",
            Some("namedNetwork") | None => "named location",
            Some(other) => other,
        };
        network
            .names
            .iter()
            .map(move |name| format!("{kind} {name}"))
    });
    place.map(ToOwned::to_owned).chain(networks).collect()
}

/// `None` where there was no risk.
fn risk_words(risk: &Risk) -> Option<String> {
    let mut words = Vec::new();
    let levels = [("", &risk.level), ("in total ", &risk.level_aggregated)];
    for (label, level) in levels {
        if let Some(level) = level {
            words.push(format!("{label}{level}"));
        }
    }
    words.extend(risk.state.iter().map(|state| format!("state {state}")));
    words.extend(risk.detail.iter().cloned());
    words.extend(risk.event_types.iter().cloned());
    if risk.flagged_for_review == Some(true) {
        words.push("flagged for review".to_owned());
    }
    (words != ["none"] && !words.is_empty()).then(|| words.join(", "))
}

/// What the event says; some senders write "Unknown" for what they do not know.
fn said(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.eq_ignore_ascii_case("unknown"))
}

pub(super) fn aspect_words(aspect: &str) -> String {
    let words = aspect.replace('_', " ");
    [
        ("sign in", "sign-in"),
        ("cross tenant", "cross-tenant"),
        ("conditional access", "Conditional Access"),
        ("mfa", "MFA"),
        ("report only", "report-only"),
    ]
    .into_iter()
    .fold(words, |words, (plain, term)| words.replace(plain, term))
}

/// What finds the event again.
fn origin(diagnosis: &Diagnosis, width: usize, out: &mut impl Write) -> fmt::Result {
    let id = diagnosis.sign_in_id.as_deref();
    row("Request id", &[id], width, out)?;
    let correlation = diagnosis.correlation_id.as_deref();
    row("Correlation id", &[correlation], width, out)?;
    let trimmed = diagnosis
        .trimmed
        .then_some("the record was too large: texts or lists are cut");
    row("Trimmed", &[trimmed], width, out)?;
    let place = diagnosis.source.words();
    row("Read from", &[place.as_deref()], width, out)
}

fn remediation(diagnosis: &Diagnosis, width: usize, out: &mut impl Write) -> fmt::Result {
    for (index, step) in diagnosis.remediation.iter().enumerate() {
        if index == 0 {
            writeln!(out, "  What to do")?;
        }
        let text = format!("{} ({})", step.action, actor_words(&step.actor));
        write!(out, "  {:>3}. ", index + 1)?;
        wrapped(&text, STEP, width, out)?;
        if let Some(link) = &step.link {
            writeln!(out, "{:STEP$}{}", "", Inert(link))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::catalog::Catalog;
    use crate::diagnosis::{
        Aspect, Bounds, Detail, DetailRules, Diagnoser, Provenance, Source, Versions,
        write_diagnosis, write_provenance,
    };
    use crate::signin::{
        AppliedPolicy, AuthenticationStep, Condition, DeviceDetail, GrantControl, Personal, Place,
        PolicyResult, RequirementPolicy, SignIn, Text, parse_time,
    };

    const SOURCE: Source<'static> = Source::File {
        file: "logs.json",
        line: 3,
        position: 0,
    };

    fn card(sign_in: &SignIn<'_>, colour: bool, width: usize) -> String {
        let catalog = Catalog::embedded().unwrap();
        let diagnoser = Diagnoser::new(catalog, DetailRules::all(Detail::Full));
        let diagnosis = diagnoser.diagnose(sign_in, &SOURCE, Bounds::DEFAULT, None);
        let mut record = Vec::new();
        write_diagnosis(&diagnosis, &mut record);
        let provenance = Provenance {
            policy_page: false,
            source: SOURCE,
            diagnosed_at: None,
            versions: Versions {
                service: "1.2.3",
                catalog: "2026-01-01",
                snapshot: None,
            },
        };
        write_provenance(&provenance, &mut record);
        let diagnosis = Diagnosis::parse(&record).unwrap();
        let mut out = String::new();
        write_card(&diagnosis, "A title", colour, width, &mut out).unwrap();
        out
    }

    fn blocked<'a>(name: &'a str, app: &'a str) -> SignIn<'a> {
        let policy = |name: Text<'a>, result| AppliedPolicy {
            display_name: Some(name),
            result,
            ..AppliedPolicy::default()
        };
        let mut policies: Vec<_> = (0..14)
            .map(|n| policy(format!("Quiet {n}").into(), PolicyResult::NotApplied))
            .collect();
        for quiet in &mut policies {
            quiet.conditions_not_satisfied.insert(Condition::Location);
        }
        let mut last = policy("Block elsewhere".into(), PolicyResult::Failure);
        last.grant_controls.insert(GrantControl::Block);
        policies.push(last);
        SignIn {
            error_code: Some(53003),
            user_principal_name: Some(Personal::new(name.into())),
            app_display_name: Some(app.into()),
            policies: Some(policies),
            ..SignIn::default()
        }
    }

    #[test]
    fn the_policy_that_decided_comes_first_and_the_rest_is_counted() {
        let card = card(&blocked("ines@fabrikam.example", "Ledger"), false, 80);
        let policies: Vec<_> = card
            .lines()
            .skip_while(|line| !line.contains("Policies"))
            .take(8)
            .map(str::trim)
            .collect();
        assert_eq!(
            policies,
            [
                "Policies",
                "decided: Block elsewhere (blocked): Block",
                "Access control  State",
                "Block           enforced",
                "Policy   Result",
                "Quiet 0  not applied: did not match: location",
                "Quiet 1  not applied: did not match: location",
                "Quiet 2  not applied: did not match: location",
            ]
        );
        assert!(card.contains("Quiet 9 ") && !card.contains("Quiet 10"));
        assert!(card.contains("+ 4 more"), "{card}");
    }

    #[test]
    fn lines_keep_to_the_width() {
        let app = "a very long name of an application ".repeat(9);
        for width in [60, 80, 120] {
            let card = card(&blocked("ines@fabrikam.example", &app), false, width);
            for line in card.lines().filter(|line| !line.contains("https://")) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_table_of_steps_breaks_no_word() {
        let step = |method, result, requirement| AuthenticationStep {
            time: parse_time("2026-03-02T08:14:55Z"),
            method: Some(method),
            succeeded: Some(true),
            result_detail: Some(result),
            requirement: Some(requirement),
            ..AuthenticationStep::default()
        };
        let claim = "MFA requirement satisfied by claim in the token";
        let sign_in = SignIn {
            authentication_steps: vec![
                step(
                    "Password Hash Sync".into(),
                    "Correct password".into(),
                    "Primary authentication".into(),
                ),
                step(
                    "Previously satisfied".into(),
                    claim.into(),
                    "Multifactor authentication".into(),
                ),
            ],
            ..SignIn::default()
        };
        for width in [60, 80, 100] {
            let card = card(&sign_in, false, width);
            let words: Vec<_> = card.split([' ', '\n', ':', ',']).collect();
            for word in ["Succeeded", "requirement", "Previously", "authentication"] {
                assert!(words.contains(&word), "{word}: {card}");
            }
            let is_within = |line: &str| line.contains("https://") || line.chars().count() <= width;
            assert!(card.lines().all(is_within), "{card}");
        }
    }

    #[test]
    fn an_event_cannot_steer_the_terminal() {
        let name = "x\u{1b}[2J\r\n\u{7}\u{9b}31m\u{202e}@fabrikam.example";
        let card = card(&blocked(name, "Led\u{1b}]0;t\u{7}ger"), false, 80);
        let steering = |c: char| c != '\n' && is_active(c);
        assert!(!card.contains(steering), "{card:?}");
        assert!(card.contains("x\\u{1b}[2J\\u{d}\\u{a}\\u{7}\\u{9b}31m\\u{202e}@fabrikam"));
    }

    #[test]
    fn only_a_coloured_card_has_colours() {
        let sign_in = blocked("ines@fabrikam.example", "Ledger");
        assert!(!card(&sign_in, false, 80).contains('\u{1b}'));
        assert!(card(&sign_in, true, 80).contains("\u{1b}[1;31mA title\u{1b}[0m  blocked  53003"));
    }

    #[test]
    fn what_a_sender_calls_unknown_is_left_out() {
        let sign_in = SignIn {
            location: Place {
                city: Some(Personal::new("Unknown".into())),
                country_or_region: Some(Personal::new("NO".into())),
                ..Place::default()
            },
            device: DeviceDetail {
                operating_system: Some("unknown".into()),
                ..DeviceDetail::default()
            },
            ..SignIn::default()
        };
        let card = card(&sign_in, false, 80);
        assert!(card.contains("  Location       NO\n"), "{card}");
        assert!(!card.contains("Device"), "{card}");
    }

    #[test]
    fn a_session_that_expired_shows_the_control_that_ended_it() {
        let mut policy = AppliedPolicy {
            display_name: Some("Sign in daily".into()),
            result: PolicyResult::Failure,
            session_controls: vec!["SignInFrequency".into()],
            ..AppliedPolicy::default()
        };
        policy.grant_controls.insert(GrantControl::Mfa);
        let sign_in = SignIn {
            error_code: Some(70044),
            policies: Some(vec![policy]),
            ..SignIn::default()
        };
        let card = card(&sign_in, false, 100);
        let decided = card.lines().find(|line| line.contains("decided:")).unwrap();
        assert!(!decided.contains("Mfa"), "{card}");
        assert!(card.contains("SignInFrequency  not met"), "{card}");
    }

    #[test]
    fn what_asked_for_the_second_factor_stands_under_its_label() {
        let sign_in = SignIn {
            error_code: Some(500_121),
            additional_details: Some("MFA denied; user declined the authentication".into()),
            requirement_policies: vec![RequirementPolicy {
                requirement_provider: Some("user".into()),
                detail: None,
            }],
            ..SignIn::default()
        };
        let card = card(&sign_in, false, 100);
        let lines = "  Second factor  asked for by per-user MFA (user)\n                 told by the requirement providers of the event\n                 denied by user\n";
        assert!(card.contains(lines), "{card}");
    }

    #[test]
    fn aspects_are_in_words() {
        for (aspect, words) in [
            (Aspect::SignInRisk, "sign-in risk"),
            (Aspect::CrossTenant, "cross-tenant"),
            (Aspect::MfaPerformed, "MFA performed"),
            (
                Aspect::NoConditionalAccessPolicyApplied,
                "no Conditional Access policy applied",
            ),
            (Aspect::ReportOnlyWouldBlock, "report-only would block"),
        ] {
            assert_eq!(aspect_words(aspect.as_str()), words);
        }
    }

    #[test]
    fn an_empty_event_has_a_card_of_what_is_known() {
        let card = card(&SignIn::default(), false, 80);
        assert!(
            card.starts_with("time not known  A title  unknown  no code\n"),
            "{card}"
        );
        for absent in [
            "User",
            "Application",
            "Resource",
            "Client",
            "Policies",
            "None",
            "null",
        ] {
            assert!(!card.contains(absent), "{absent}: {card}");
        }
    }

    #[test]
    fn any_width_is_borne() {
        for width in [0, 1, usize::MAX] {
            assert!(card(&blocked("ines@fabrikam.example", "Ledger"), false, width).len() > 50);
        }
    }
}
