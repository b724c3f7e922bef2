//! The embedded catalog holds what it must: every binding code, every scenario, clean texts.
#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use signin_diagnostics::diagnosis::catalog::{Catalog, Placeholder};
use signin_diagnostics::diagnosis::{Outcome, RequirementSource, Scenario};

fn embedded() -> Catalog {
    Catalog::embedded().unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn the_codes_are_those_of_the_binding_table() {
    let expected: BTreeMap<i64, (String, String)> = include_str!("fixtures/codes-expected.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',').map(str::to_owned);
            let mut next = || fields.next().unwrap();
            (next().parse().unwrap(), (next(), next()))
        })
        .collect();
    assert_eq!(expected.len(), 192);
    let found: BTreeMap<i64, (String, String)> = embedded()
        .codes()
        .map(|code| {
            let outcome = code.outcome.to_string();
            (code.code, (outcome, code.scenario.as_str().to_owned()))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn only_the_code_that_no_source_knows_is_unverified() {
    let catalog = embedded();
    let unverified: Vec<i64> = catalog
        .codes()
        .filter(|code| !code.verified)
        .map(|code| code.code)
        .collect();
    assert_eq!(unverified, [57006]);
}

#[test]
fn meanings_are_one_sentence_of_their_own() {
    let catalog = embedded();
    let mut seen = BTreeMap::new();
    for code in catalog.codes() {
        let meaning = &code.meaning;
        assert!(
            meaning.starts_with(char::is_uppercase)
                && meaning.ends_with('.')
                && !meaning.contains(". "),
            "{}: {meaning}",
            code.code
        );
        if let Some(other) = seen.insert(meaning, code.code) {
            panic!("{} and {other} have the same meaning", code.code);
        }
    }
}

#[test]
fn codes_are_found_and_ascend() {
    let catalog = embedded();
    let codes: Vec<i64> = catalog.codes().map(|code| code.code).collect();
    assert!(codes.is_sorted_by(|a, b| a < b));
    for code in codes {
        assert_eq!(catalog.code(code).map(|found| found.code), Some(code));
    }
    for unknown in [-1, 1, 52003, i64::MAX, i64::MIN] {
        assert!(catalog.code(unknown).is_none());
    }
}

/// With any values missing, and with values of every form that an event gives: two to five
/// clean sentences, for every scenario, and for every code and case with a text of its own.
#[test]
fn every_assessment_reads_well_whatever_is_missing() {
    let value = |placeholder: Placeholder| match placeholder {
        Placeholder::Who => "the service principal \"nightly-backup\"",
        Placeholder::Application => "HR [test] {prod}",
        Placeholder::Origin => "Ústí nad Labem, CZ (2001:db8::7)",
        Placeholder::Policies => "\"Block\", \"MFA for all\" and 3 more",
        other => other.sample(),
    };
    let catalog = embedded();
    let of_scenarios = Scenario::ALL
        .into_iter()
        .map(|scenario| (scenario.to_string(), &catalog.scenario(scenario).assessment));
    let of_codes = catalog.codes().flat_map(|code| {
        code.texts.iter().filter_map(move |text| {
            let name = format!("{} {:?}", code.code, text.case);
            text.assessment.as_ref().map(|template| (name, template))
        })
    });
    for (name, assessment) in of_scenarios.chain(of_codes) {
        let optional: Vec<Placeholder> = assessment
            .placeholders()
            .into_iter()
            .filter(|placeholder| !placeholder.always_has_a_value())
            .collect();
        for set in 0_u32..1 << optional.len() {
            let missing = |placeholder: Placeholder| {
                let at = optional.iter().position(|known| *known == placeholder);
                at.is_some_and(|at| set >> at & 1 == 1)
            };
            let given = |placeholder: Placeholder, text: &mut String| {
                text.push_str(value(placeholder));
                !missing(placeholder)
            };
            let mut text = String::new();
            assessment.render(&given, &mut text);
            let own = text.replace("HR [test] {prod}", "");
            let sentences = text.matches(". ").count() + 1;
            assert!(
                text.starts_with(char::is_uppercase)
                    && text.ends_with('.')
                    && (2..=5).contains(&sentences)
                    && ["  ", " .", " ,", " ;", "..", "()", "\n"]
                        .iter()
                        .all(|flaw| !text.contains(flaw))
                    && !own.contains(['[', ']', '{', '}', '|', '\\']),
                "{name}, {sentences} sentences: {text}"
            );
            assert!(text.contains("nightly-backup"), "{name}: {text}");
        }
    }
}

#[test]
fn legacy_clients_are_known_in_any_case() {
    let catalog = embedded();
    for legacy in ["Exchange ActiveSync", "imap4", "OTHER CLIENTS", " POP3 "] {
        assert!(catalog.is_legacy_client(legacy), "{legacy}");
    }
    for modern in ["Browser", "Mobile Apps and Desktop clients", "Unknown", ""] {
        assert!(!catalog.is_legacy_client(modern), "{modern}");
    }
}

#[test]
fn requirement_providers_are_told_apart() {
    use RequirementSource as S;
    let catalog = embedded();
    for (provider, source) in [
        ("multiConditionalAccess", S::ConditionalAccess),
        ("AUTHENTICATIONSTRENGTHS", S::ConditionalAccess),
        ("user", S::PerUser),
        ("riskBasedPolicy", S::Risk),
        ("request", S::Request),
        ("securityDefaults", S::SecurityDefaults),
        ("crossTenantOutboundRule", S::CrossTenant),
        ("unknownFutureValue", S::Unknown),
        ("somethingNew", S::Unknown),
        ("", S::Unknown),
    ] {
        assert_eq!(catalog.requirement_source(provider), source, "{provider}");
    }
}

#[test]
fn every_pair_that_a_diagnosis_can_have_is_listed_once() {
    let catalog = embedded();
    let pairs = catalog.scenario_outcomes();
    assert!(pairs.is_sorted_by(|a, b| a < b));
    for scenario in Scenario::ALL {
        assert!(
            pairs.iter().any(|(found, _)| *found == scenario),
            "{scenario}"
        );
    }
    for pair in [
        (Scenario::MfaFromConditionalAccess, Outcome::Expired),
        (Scenario::MfaFromOtherRequirements, Outcome::Expired),
        (Scenario::FailedConditionalAccess, Outcome::Interrupted),
        (Scenario::UnknownErrorCode, Outcome::Unknown),
        (Scenario::Undetermined, Outcome::Unknown),
    ] {
        assert!(pairs.contains(&pair), "{pair:?}");
    }
    assert!(!pairs.contains(&(Scenario::BlockedByConditionalAccess, Outcome::Failed)));
}

#[test]
fn the_proofup_scenarios_keep_the_pages_they_were_described_with() {
    let catalog = embedded();
    let troubleshoot = "user-help/multi-factor-authentication-end-user-troubleshoot";
    for (scenario, pages) in [
        (
            Scenario::MfaProofupRequired,
            &[
                troubleshoot,
                "authentication/concept-mfa-howitworks",
                "concepts-azure-multi-factor-authentication-prompts-session-lifetime",
            ][..],
        ),
        (Scenario::MfaProofupNotFromSecureLocation, &[troubleshoot]),
    ] {
        for page in pages {
            let references = &catalog.scenario(scenario).references;
            assert!(
                references.iter().any(|reference| reference
                    .url
                    .starts_with("https://docs.microsoft.com/")
                    && reference.url.ends_with(page)),
                "{scenario}: {page}"
            );
        }
    }
    let blocked = &catalog
        .scenario(Scenario::BlockedByConditionalAccess)
        .references;
    assert!(
        blocked
            .iter()
            .any(|reference| reference.title == "Conditional Access: Block access")
    );
}
