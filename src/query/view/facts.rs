//! What is known of a sign-in, label by label.
use super::{Fact, condition_name, inert, text};
use crate::query::record::{Authentication, Diagnosis};

pub(super) fn joined(parts: &[Option<&str>]) -> String {
    let known = parts.iter().copied().flatten();
    let known = known.filter(|part| !part.is_empty() && !part.eq_ignore_ascii_case("unknown"));
    inert(&known.collect::<Vec<_>>().join(", "))
}

/// Labels with what is known.
#[derive(Default)]
struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, label: &'static str, parts: &[Option<&str>]) {
        let value = joined(parts);
        if !value.is_empty() {
            self.0.push((label, value));
        }
    }
}

pub(super) fn facts(own: &Diagnosis) -> Vec<Fact> {
    let mut facts = Facts::default();
    who(own, &mut facts);
    from_where(own, &mut facts);
    why(own, &mut facts);
    facts.0
}

fn who(own: &Diagnosis, facts: &mut Facts) {
    if let Some(user) = &own.user {
        facts.add(
            "User",
            &[
                user.principal_name.as_deref(),
                user.display_name.as_deref(),
                user.user_type.as_deref(),
            ],
        );
        facts.add("User id", &[user.id.as_deref()]);
    }
    for (label, named) in [
        ("Service principal", &own.service_principal),
        ("Application", &own.application),
        ("Resource", &own.resource),
    ] {
        if let Some(named) = named {
            facts.add(label, &[named.name.as_deref(), named.id.as_deref()]);
        }
    }
}

fn from_where(own: &Diagnosis, facts: &mut Facts) {
    if let Some(client) = &own.client {
        facts.add(
            "Client",
            &[client.app.as_deref(), client.protocol.as_deref()],
        );
        facts.add("IP address", &[client.ip_address.as_deref()]);
        facts.add("User agent", &[client.user_agent.as_deref()]);
    }
    if let Some(device) = &own.device {
        let compliant = device
            .compliant
            .map(|yes| if yes { "compliant" } else { "not compliant" });
        let managed = device
            .managed
            .map(|yes| if yes { "managed" } else { "not managed" });
        facts.add(
            "Device",
            &[
                device.name.as_deref(),
                device.operating_system.as_deref(),
                device.browser.as_deref(),
                device.trust_type.as_deref(),
                compliant,
                managed,
            ],
        );
    }
    if let Some(place) = &own.location {
        facts.add(
            "Location",
            &[
                place.city.as_deref(),
                place.state.as_deref(),
                place.country.as_deref(),
            ],
        );
        let names: Vec<_> = place
            .network_locations
            .iter()
            .flat_map(|network| &network.names)
            .collect();
        facts.add(
            "Named locations",
            &names
                .iter()
                .map(|name| Some(name.as_str()))
                .collect::<Vec<_>>(),
        );
    }
    if let Some(risk) = &own.risk {
        let said = [&risk.level, &risk.state, &risk.detail].map(|part| part.as_deref());
        facts.add(
            "Risk",
            &said.map(|part| part.filter(|part| *part != "none")),
        );
    }
}

fn why(own: &Diagnosis, facts: &mut Facts) {
    let aspects: Vec<_> = own
        .aspects
        .iter()
        .map(|aspect| aspect.replace('_', " "))
        .collect();
    facts.add(
        "Aspects",
        &aspects
            .iter()
            .map(|aspect| Some(aspect.as_str()))
            .collect::<Vec<_>>(),
    );
    facts.add(
        "Watch lists",
        &own.watch_lists
            .iter()
            .map(|list| Some(list.as_str()))
            .collect::<Vec<_>>(),
    );
    if let Some(access) = &own.conditional_access {
        let values: Vec<_> = access
            .sign_in_values
            .iter()
            .map(|(condition, value)| format!("{}: {value}", condition_name(condition)))
            .collect();
        let values: Vec<_> = values.iter().map(|value| Some(value.as_str())).collect();
        facts.add("Did not match", &values);
    }
    if let Some(error) = &own.error {
        let code = error.code.to_string();
        facts.add("Error code", &[Some(&code), error.name.as_deref()]);
        facts.add("Meaning", &[error.meaning.as_deref()]);
        facts.add("Microsoft's reason", &[error.reason.as_deref()]);
        facts.add("Details", &[error.additional_details.as_deref()]);
    }
    if own.trimmed {
        facts.add(
            "Trimmed",
            &[Some("a text or a list was cut to bound the record's size")],
        );
    }
}

pub(super) fn provenance(own: &Diagnosis) -> Vec<Fact> {
    let source = own.source.words();
    let version = format!("{}, catalog {}", own.versions.service, own.versions.catalog);
    let all = [
        ("Request id", own.sign_in_id.as_deref()),
        ("Correlation id", own.correlation_id.as_deref()),
        ("Diagnosis id", Some(&*own.diagnosis_id)),
        ("Tenant", own.tenant_id.as_deref()),
        ("Category", Some(&*own.category)),
        ("Read from", source.as_deref()),
        (
            "Diagnosed by",
            (!own.versions.service.is_empty()).then_some(&*version),
        ),
    ];
    let known = all
        .into_iter()
        .filter_map(|(label, value)| Some((label, inert(value?))));
    known.filter(|(_, value)| !value.is_empty()).collect()
}

pub(super) fn authentication_facts(own: &Authentication) -> Vec<Fact> {
    let sources: Vec<_> = own
        .sources
        .iter()
        .map(|source| match &source.provider {
            Some(provider) => format!("{} ({provider})", source.source.replace('_', " ")),
            None => source.source.replace('_', " "),
        })
        .collect();
    let all = [
        ("Requirement", text(own.requirement.as_ref())),
        ("Second factor asked for by", inert(&sources.join(", "))),
        (
            "Second factor",
            text(own.second_factor.as_ref()).replace('_', " "),
        ),
        (
            "MFA method",
            joined(&[own.mfa_method.as_deref(), own.mfa_detail.as_deref()]),
        ),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
