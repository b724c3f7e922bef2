use prometheus::Opts;

use super::*;

fn counters(labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new("test_total", "For the test."), labels).unwrap()
}

fn by_signal(label: &str) -> BySignal {
    BySignal(Signal::ALL.map(|_| counters(&[label])))
}

fn names() -> IntGaugeVec {
    IntGaugeVec::new(Opts::new("test_info", "For the test."), &["id", "name"]).unwrap()
}

fn guid(number: usize) -> String {
    format!("0a1b2c3d-0000-4000-8000-{number:012}")
}

fn applied<'a>(id: &'a str, name: Option<&'a str>, result: PolicyResult<'a>) -> AppliedPolicy<'a> {
    AppliedPolicy {
        id: Some(id.into()),
        display_name: name.map(Into::into),
        result,
        ..AppliedPolicy::default()
    }
}

/// The label values of a family's members.
fn labels(family: &impl prometheus::core::Collector) -> Vec<Vec<String>> {
    let families = family.collect();
    let metrics = families
        .iter()
        .flat_map(prometheus::proto::MetricFamily::get_metric);
    let values = metrics.map(|metric| {
        let labels = metric.get_label().iter();
        labels.map(|label| label.value().to_owned()).collect()
    });
    values.collect()
}

#[test]
fn every_result_of_a_policy_counts_for_itself() {
    let family = counters(&["policy_id", "result"]);
    let policies = Policies::new(5, family.clone(), by_signal("policy_id"), names());
    let mut expected = 0;
    for id in [SECURITY_DEFAULTS_ID, &guid(1), &guid(2)] {
        for result in RESULTS {
            expected += 1;
            let cell = policies.cell(&applied(id, None, result.clone()));
            assert!(cell.index() < policies.cells());
            policies.at(cell).inc_by(expected);
            let name = result_name(&result).unwrap_or("unknown");
            assert_eq!(family.with_label_values(&[id, name]).get(), expected);
        }
    }
    let other = policies.cell(&applied(&guid(1), None, PolicyResult::Other("new".into())));
    let unknown = policies.cell(&applied(&guid(1), None, PolicyResult::Unknown));
    assert_eq!(other, unknown);
}

#[test]
fn what_is_no_id_of_a_policy_is_no_label() {
    let family = counters(&["policy_id", "result"]);
    let policies = Policies::new(5, family.clone(), by_signal("policy_id"), names());
    let too_long = guid(1) + "0";
    let not_hex = guid(1).replace('0', "g");
    for id in [
        "",
        "securitydefaults",
        "Block all",
        "x\ny",
        &too_long,
        &not_hex,
    ] {
        policies
            .at(policies.cell(&applied(id, Some("x"), PolicyResult::Failure)))
            .inc();
    }
    let none = AppliedPolicy {
        id: None,
        result: PolicyResult::Failure,
        ..AppliedPolicy::default()
    };
    policies.at(policies.cell(&none)).inc();
    assert_eq!(family.with_label_values(&[OTHER, "failure"]).get(), 7);
    assert_eq!(labels(&family).len(), RESULTS.len());
}

#[test]
fn a_flood_of_policies_and_applications_makes_no_more_series_than_the_cap() {
    let (results, info) = (counters(&["policy_id", "result"]), names());
    let policies = Policies::new(20, results.clone(), by_signal("policy_id"), info.clone());
    let (by_application, application_info) = (by_signal("application_id"), names());
    let blocks = by_application.0[0].clone();
    let applications = Applications::new(20, by_application, application_info.clone());
    for number in 0..50_000 {
        let (id, name) = (guid(number), format!("name {number}"));
        let policy = applied(&id, Some(&name), PolicyResult::Success);
        policies.at(policies.cell(&policy)).inc();
        let place = applications.place(Some(&id), Some(&name));
        applications.first(place, Signal::Block).inc();
    }
    assert_eq!(labels(&results).len(), 21 * RESULTS.len());
    assert_eq!(labels(&blocks).len(), 21);
    assert_eq!(labels(&info).len(), 21);
    assert_eq!(labels(&application_info).len(), 21);
    assert_eq!(results.with_label_values(&[OTHER, "success"]).get(), 49_980);
    assert_eq!(blocks.with_label_values(&[OTHER]).get(), 49_980);
    assert_eq!(blocks.with_label_values(&[&guid(19)]).get(), 1);
}

#[test]
fn an_id_has_the_name_it_was_first_seen_with() {
    let info = names();
    let policies = Policies::new(
        5,
        counters(&["policy_id", "result"]),
        by_signal("policy_id"),
        info.clone(),
    );
    for name in [None, Some("Block\nall \"guests\""), Some("Renamed"), None] {
        policies.cell(&applied(&guid(1), name, PolicyResult::Success));
    }
    let long = "ä".repeat(500);
    policies.cell(&applied(&guid(2), Some(&long), PolicyResult::Success));
    let mut expected = vec![
        vec![guid(1), "Block all \"guests\"".to_owned()],
        vec![guid(2), "ä".repeat(NAME_CHARS)],
        vec![OTHER.to_owned(), OTHER.to_owned()],
    ];
    let mut found = labels(&info);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn each_signal_of_a_policy_and_of_an_application_counts_for_itself() {
    let (by_policy, by_application) = (by_signal("policy_id"), by_signal("application_id"));
    let families = [by_policy.0.clone(), by_application.0.clone()];
    let results = counters(&["policy_id", "result"]);
    let policies = Policies::new(5, results, by_policy, names());
    let applications = Applications::new(5, by_application, names());
    for (count, signal) in (1..).zip(Signal::ALL) {
        let id = guid(1);
        let place = policies.place(Some(&id), None);
        policies.first(place, signal).inc_by(count);
        policies
            .first(policies.place(None, None), signal)
            .inc_by(10 * count);
        let place = applications.place(Some(&id), None);
        applications.first(place, signal).inc_by(count);
        applications
            .first(applications.place(None, None), signal)
            .inc_by(10 * count);
        for family in &families {
            let family = &family[signal as usize];
            assert_eq!(family.with_label_values(&[&id]).get(), count);
            assert_eq!(family.with_label_values(&[OTHER]).get(), 10 * count);
        }
    }
}

#[test]
fn a_country_is_two_letters_in_any_case() {
    let family = counters(&["country"]);
    let countries = Countries::new(family.clone());
    for country in [
        Some("DE"),
        Some("de"),
        Some("US"),
        Some("Germany"),
        Some("ß"),
        Some(""),
        None,
    ] {
        countries.at(countries.place(country)).inc();
    }
    for (label, count) in [("DE", 2), ("US", 1), (OTHER, 4)] {
        assert_eq!(family.with_label_values(&[label]).get(), count, "{label}");
    }
    assert_eq!(labels(&family).len(), 3);
}

#[test]
fn no_name_acts_where_metrics_are_read() {
    let name = "a\u{1b}[2J\u{9b}b\u{202e}c\n\u{2028}d";
    assert_eq!(printable(name), "a [2J b c  d");
}
