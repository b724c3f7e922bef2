//! A retry storm is one block and not an attack, causes have names, and a watched account is
//! noticed: what alerts on sign-ins rest on.
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::topics::read_all_on;
use crate::support::{Service, Setup};

const DEADLINE: Duration = Duration::from_secs(30);

const APPLICATION: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
const POLICY: &str = "bbbbbbbb-0000-4000-8000-00000000000b";

fn blocked(id: &str, user: &str) -> String {
    format!(
        r#"{{"category":"SignInLogs","tenantId":"f1d4a5c8-0000-4000-8000-3f6f6f6f6f01",
        "properties":{{"id":"{id}","createdDateTime":"2026-03-02T09:14:10Z","userId":"{user}",
        "userPrincipalName":"{user}@contoso.example","appId":"{APPLICATION}","appDisplayName":"Payroll",
        "status":{{"errorCode":53003}},"location":{{"countryOrRegion":"DE"}},
        "appliedConditionalAccessPolicies":[{{"id":"{POLICY}","displayName":"Block all",
        "result":"failure","enforcedGrantControls":["Block"]}}]}}}}"#
    )
}

#[test]
fn a_client_that_retries_is_one_block_over_all_workers_and_the_cause_is_named() {
    let setup = Setup::new("alerts-storm", 4)
        .set("workers", "2")
        .set("metrics.policies", "true")
        .set("metrics.applications", "true")
        .set("metrics.countries", "true");
    let mut bodies: Vec<String> = (0..400)
        .map(|n| blocked(&format!("retry-{n}"), "stuck"))
        .collect();
    bodies.extend((0..8).map(|n| blocked(&format!("user-{n}"), &format!("user-{n}"))));
    // The second is a repeat.
    let failed = blocked("failed", "stuck").replace("53003", "53000");
    bodies.push(format!(r#"{{"records":[{failed},{failed}]}}"#));
    setup.send(&bodies);
    let mut service = setup.start();
    service.wait_for_records(410);

    let metrics = service.metrics();
    assert_eq!(
        metrics.sum_with("signin_diagnoses_total", "outcome=\"blocked\""),
        408.0
    );
    for (series, value) in [
        (
            r#"signin_blocks_first_total{category="SignInLogs",scenario="blocked_by_conditional_access"}"#.to_owned(),
            9.0,
        ),
        (
            format!(r#"signin_blocks_by_application_total{{application_id="{APPLICATION}"}}"#),
            9.0,
        ),
        (
            format!(r#"signin_application_info{{application="Payroll",application_id="{APPLICATION}"}}"#),
            1.0,
        ),
        (r#"signin_blocks_by_country_total{country="DE"}"#.to_owned(), 9.0),
        (
            format!(r#"signin_policy_results_total{{policy_id="{POLICY}",result="failure"}}"#),
            409.0,
        ),
        (
            format!(r#"signin_blocks_by_policy_total{{policy_id="{POLICY}"}}"#),
            9.0,
        ),
        (
            r#"signin_failures_first_total{category="SignInLogs"}"#.to_owned(),
            1.0,
        ),
        (
            format!(r#"signin_failures_by_application_total{{application_id="{APPLICATION}"}}"#),
            1.0,
        ),
        (
            r#"signin_failed_controls_total{control="compliant_device"}"#.to_owned(),
            1.0,
        ),
        (
            format!(r#"signin_policy_info{{policy="Block all",policy_id="{POLICY}"}}"#),
            1.0,
        ),
    ] {
        assert_eq!(metrics.value(&series), Some(value), "{series}");
    }
    assert_eq!(metrics.sum("signin_blocks_first_total"), 9.0);
    assert_eq!(promtool(&service), "");
    service.stop();
}

/// What promtool finds wrong with `/metrics`.
fn promtool(service: &Service) -> String {
    let (_, exposition) = service.get("/metrics").expect("an answer");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing; install it with: apt-get install --no-install-recommends prometheus");
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin.write_all(exposition.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_watched_account_is_marked_and_counted_and_its_list_changes_without_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("emergency.txt");
    replace(&file, "# emergency access\nFIRST@contoso.example\n");
    let setup = Setup::new("alerts-watch", 1)
        .set("workers", "1")
        .set("output.detail.default", "\"summary\"")
        .set(
            "watch.emergency.users_file",
            &format!("{:?}", file.display().to_string()),
        )
        .set("watch.night.users", "[\"second@contoso.example\"]");
    setup.send([
        blocked("1", "first"),
        blocked("2", "second"),
        blocked("3", "third"),
    ]);
    let mut service = setup.start();
    service.wait_for_records(3);
    let metrics = service.metrics();
    let counted = |metrics: &crate::support::service::Metrics, list: &str| {
        let series =
            format!(r#"signin_watched_sign_ins_total{{outcome="blocked",watch="{list}"}}"#);
        metrics.value(&series)
    };
    assert_eq!(counted(&metrics, "emergency"), Some(1.0));
    assert_eq!(counted(&metrics, "night"), Some(1.0));
    let latest = r#"signin_watched_last_sign_in_timestamp_seconds{watch="emergency"}"#;
    assert_eq!(metrics.value(latest), Some(1_772_442_850.0));

    replace(&file, "third@contoso.example\nsecond@contoso.example\n");
    wait_for_reload(&service, "ok", 1.0);
    setup.send([
        blocked("4", "first"),
        blocked("5", "second"),
        blocked("6", "third"),
    ]);
    service.wait_for_records(6);
    replace(&file, "Third Person\n");
    wait_for_reload(&service, "error", 1.0);
    let refused = r#"signin_watch_list_refused{watch="emergency"}"#;
    assert_eq!(service.metrics().value(refused), Some(1.0));
    assert_eq!(service.metrics().value("signin_ready"), Some(1.0));
    // Once shown, a time to come would hide every later sign-in.
    setup.send([blocked("7", "third").replace("2026-03", "2999-03")]);
    service.wait_for_records(7);

    let metrics = service.metrics();
    let now = chrono::Utc::now().timestamp();
    for series in [latest, "signin_last_event_timestamp_seconds"] {
        let seconds = metrics.value(series).expect("a series");
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let past = seconds <= now as f64;
        assert!(past && seconds > 1_772_442_850.0, "{series} {seconds}");
    }
    assert_eq!(counted(&metrics, "emergency"), Some(4.0));
    assert_eq!(counted(&metrics, "night"), Some(2.0));
    service.stop();
    let log = service.log();
    assert!(log.contains("line 1 is neither an object id nor"), "{log}");
    assert!(
        !log.contains("Third Person") && !log.contains("contoso"),
        "{log}"
    );

    let mut marked: Vec<(String, String)> = read_all_on(&setup.bootstrap, &setup.output)
        .iter()
        .map(|message| {
            let record: Value = serde_json::from_slice(&message.payload).expect("a record");
            let aspects = record["aspects"].to_string();
            let is_marked = aspects.contains("\"watched_account\"");
            assert_eq!(is_marked, !record["watch_lists"].is_null(), "{record}");
            (
                record["sign_in_id"].as_str().expect("an id").to_owned(),
                record["watch_lists"].to_string(),
            )
        })
        .collect();
    marked.sort();
    let marked: Vec<(&str, &str)> = marked.iter().map(|(id, lists)| (&**id, &**lists)).collect();
    assert_eq!(
        marked,
        [
            ("1", r#"["emergency"]"#),
            ("2", r#"["night"]"#),
            ("3", "null"),
            ("4", "null"),
            ("5", r#"["emergency","night"]"#),
            ("6", r#"["emergency"]"#),
            ("7", r#"["emergency"]"#),
        ]
    );
}

/// As an operator should: a reader sees the old content or the new, and no half of it.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).expect("the file is written");
    fs::rename(&new, file).expect("the file is replaced");
}

fn wait_for_reload(service: &Service, result: &str, count: f64) {
    let series =
        format!(r#"signin_watch_list_reloads_total{{result="{result}",watch="emergency"}}"#);
    service.wait_for_metrics(DEADLINE, &series, |metrics| {
        metrics.value(&series) == Some(count)
    });
}
