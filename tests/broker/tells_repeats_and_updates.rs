//! What comes again is told apart: the same, more of the same, or something else.
use std::time::Duration;

use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::load::Diagnosis;
use crate::support::{Load, Setup};

fn sign_in(id: &str, code: u32, policies: &str) -> String {
    format!(
        r#"{{"time":"2026-03-02T09:15:00Z","category":"SignInLogs","tenantId":"f1d4a5c8-0000-4000-8000-3f6f6f6f6f01","resultType":"{code}",
        "properties":{{"id":"{id}","createdDateTime":"2026-03-02T09:14:10Z","userId":"5c1d9a34-0000-4000-8000-2b2b2b2b2b02",
        "status":{{"errorCode":{code}}},"appliedConditionalAccessPolicies":[{policies}]}}}}"#
    )
}

fn policy(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","displayName":"Policy {id}","result":"notApplied","enforcedGrantControls":["Mfa"]}}"#
    )
}

#[test]
fn a_repeat_is_dropped_an_update_and_a_page_come_out_under_the_same_id() {
    let setup = Setup::new("again", 1).set("workers", "1");
    let (a, b) = (policy("aaaa"), policy("bbbb"));
    setup.send([
        sign_in("repeated", 0, &a),
        format!(
            "[{},{}]",
            sign_in("repeated", 0, &a),
            sign_in("updated", 50074, &a)
        ),
        sign_in("updated", 0, &a),
        sign_in("paged", 53003, &a),
        sign_in("paged", 53003, &b),
        sign_in("paged", 53003, &a),
    ]);
    let mut service = setup.start();
    service.wait_for_records(7);
    setup.wait_committed(Duration::from_secs(20));

    let diagnoses = setup.diagnoses();
    let outputs: Vec<(&str, usize)> = diagnoses
        .iter()
        .map(|(id, copies)| (id.as_str(), copies.len()))
        .collect();
    assert_eq!(outputs, [("paged", 2), ("repeated", 1), ("updated", 2)]);
    for copies in diagnoses.values() {
        assert!(copies.iter().all(|copy| copy.id == copies[0].id));
    }
    let pages: Vec<bool> = diagnoses["paged"].iter().map(|d| d.policy_page).collect();
    assert_eq!(pages, [false, true]);
    let scenarios: Vec<&str> = diagnoses["updated"].iter().map(scenario).collect();
    assert_eq!(
        scenarios,
        ["mfa_from_other_requirements", "successful_sign_in"]
    );

    let metrics = service.metrics();
    assert_eq!(metrics.sum("signin_diagnoses_total"), 3.0);
    assert_eq!(metrics.sum("signin_repeats_total"), 2.0);
    assert_eq!(metrics.sum("signin_updates_total"), 1.0);
    assert_eq!(metrics.sum("signin_pages_total"), 1.0);
    service.stop();
}

fn scenario(diagnosis: &Diagnosis) -> &str {
    &diagnosis.scenario
}

#[test]
#[allow(clippy::cast_precision_loss)] // counts far below 2^52
fn a_stream_with_repeats_and_updates_is_counted_as_it_was_sent() {
    let load = Load::generate(8, Profile::demo(), 6_000);
    let setup = Setup::new("again-mixed", 1).set("workers", "1");
    setup.send(load.bodies());
    let mut service = setup.start();
    service.wait_for_records(load.records());

    let metrics = service.metrics();
    let repeats = load.sum(|message| message.repeats);
    let updates = load.sum(|message| message.updates);
    assert!(repeats > 0 && updates > 0);
    assert_eq!(metrics.sum("signin_repeats_total"), repeats as f64);
    assert_eq!(metrics.sum("signin_updates_total"), updates as f64);
    assert_eq!(metrics.sum("signin_pages_total"), 0.0);
    assert_eq!(
        metrics.sum("signin_diagnoses_total"),
        load.ids().len() as f64
    );
    service.stop();
}
