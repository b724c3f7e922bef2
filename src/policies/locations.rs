//! Named locations: ranges of addresses, countries, and what is neither.
use std::sync::Arc;

use super::countries::country_name;
use super::directory::{ById, name};
use super::facts::Facts;
use super::fault::Findings;
use super::json::{Item, Object, clean, few};
use super::ranges::IpRange;
use super::value::Answer;

#[derive(Debug)]
pub(super) struct NamedLocation {
    pub name: Option<String>,
    /// `Headquarters (203.0.113.0/24)`.
    pub text: String,
    pub is_trusted: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Addresses(Vec<IpRange>),
    Countries {
        codes: Vec<String>,
        /// By address; otherwise the country comes from the position of a phone.
        by_address: bool,
    },
    /// A kind that is not known here.
    Other,
}

impl NamedLocation {
    pub fn answer(&self, facts: &Facts<'_>) -> Answer {
        if let Some(name) = &self.name
            && facts.names_network(Some(name))
        {
            return Answer::Matches;
        }
        match &self.place {
            Place::Addresses(ranges) => facts.ip_address.map_or(Answer::NotKnown, |address| {
                Answer::of(ranges.iter().any(|range| range.contains(address)))
            }),
            Place::Countries {
                codes,
                by_address: true,
            } => facts.country.map_or(Answer::NotKnown, |country| {
                Answer::of(codes.iter().any(|code| code.eq_ignore_ascii_case(country)))
            }),
            Place::Countries { .. } | Place::Other => Answer::NotKnown,
        }
    }
}

pub(super) fn locations(items: &[Item<'_>], findings: &mut Findings) -> ById<Arc<NamedLocation>> {
    let mut locations = ById::default();
    for item in items {
        let Some(map) = item.read(findings) else {
            continue;
        };
        let row = Object::new(&map, &item.path);
        let id = row.required("id", findings);
        let kind = row.text("@odata.type", findings).unwrap_or_default();
        let kind = kind.trim_start_matches("#microsoft.graph.");
        let ranges = row.objects("ipRanges", findings);
        let codes = row.texts("countriesAndRegions", findings);
        let (place, detail) = if kind == "ipNamedLocation" || !ranges.is_empty() {
            addresses(&ranges, findings)
        } else if kind == "countryNamedLocation" || !codes.is_empty() {
            countries(&row, &codes, findings)
        } else {
            let detail = match kind {
                "compliantNetworkNamedLocation" => "compliant network",
                "" => "unknown kind",
                kind => kind,
            };
            (Place::Other, detail.to_owned())
        };
        let is_trusted = row.boolean("isTrusted", findings) == Some(true);
        let name = name(row.text("displayName", findings));
        if let Some(id) = id {
            let trusted = if is_trusted { ", trusted" } else { "" };
            let shown = name.as_deref().unwrap_or(id);
            let location = NamedLocation {
                text: format!("{shown} ({detail}{trusted})"),
                name,
                is_trusted,
                place,
            };
            if locations.insert(id, Arc::new(location)).is_some() {
                let reason = format!("it is the second location with the id {}", clean(id));
                findings.add(&item.path, reason, "keep one of the two");
            }
        }
    }
    locations
}

fn addresses(rows: &[Object<'_>], findings: &mut Findings) -> (Place, String) {
    let mut ranges = Vec::with_capacity(rows.len());
    for row in rows {
        let range = match row.text("cidrAddress", findings) {
            Some(cidr) => IpRange::from_cidr(cidr),
            None => row
                .text("lowerAddress", findings)
                .zip(row.text("upperAddress", findings))
                .and_then(|(lower, upper)| IpRange::from_bounds(lower, upper)),
        };
        match range {
            Some(range) => ranges.push(range),
            None => findings.add(
                &row.path,
                "it is no range of addresses",
                "write cidrAddress as 203.0.113.0/24 or 2001:db8::/32",
            ),
        }
    }
    let shown: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    (Place::Addresses(ranges), few(&shown))
}

fn countries(row: &Object<'_>, codes: &[&str], findings: &mut Findings) -> (Place, String) {
    let method = row.text("countryLookupMethod", findings);
    let mut shown: Vec<String> = codes
        .iter()
        .map(|code| country_name(code).unwrap_or(code).to_owned())
        .collect();
    if row.boolean("includeUnknownCountriesAndRegions", findings) == Some(true) {
        shown.push("unknown countries".to_owned());
    }
    let place = Place::Countries {
        codes: codes.iter().map(ToString::to_string).collect(),
        by_address: method.is_none_or(|method| method == "clientIpAddress"),
    };
    (place, few(&shown))
}
