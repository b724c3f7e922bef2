//! What is read again comes out with the ids that the service gives it, and the service goes on
//! where it was.
use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use signin_diagnostics::cli::demo::generator::Profile;

use crate::support::topics::topic_on;
use crate::support::{Load, Setup, read_all, wait_until};

const DEADLINE: Duration = Duration::from_secs(40);

/// More than this are a dead letter as a whole.
const LIMIT: (&str, &str) = ("SIGNIN_DIAGNOSTICS__LIMITS__RECORDS_PER_MESSAGE", "100");
const RECORDS: usize = 150;

fn ids(topic: &str) -> BTreeSet<String> {
    let id = |payload: &[u8]| {
        let record: Value = serde_json::from_slice(payload).expect("a diagnosis");
        record["diagnosis_id"].as_str().expect("an id").to_owned()
    };
    let messages = read_all(topic);
    let ids: BTreeSet<String> = messages.iter().map(|one| id(&one.payload)).collect();
    assert_eq!(ids.len(), messages.len(), "an id is there twice");
    ids
}

/// Half of its records have no id: theirs is made of the place in the input.
fn long_message(number: usize) -> String {
    let records: Vec<Value> = (0..RECORDS)
        .map(|n| {
            let id = (n % 2 == 0).then(|| format!("sign-in-{number}-{n}"));
            json!({"category": "SignInLogs", "tenantId": "t", "properties": {
                "id": id, "createdDateTime": "2026-11-20T10:00:00Z",
                "userId": format!("user-{n}"), "status": {"errorCode": 53003}}})
        })
        .collect();
    json!({ "records": records }).to_string()
}

fn stdout(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn dead_letters_that_can_be_read_now_get_their_ids_and_the_others_stay() {
    let setup = Setup::new("replay-dead", 2)
        .set("dead_letter.max_ratio", "0")
        .set("dead_letter.max_consecutive", "0");
    let bodies = [
        long_message(0),
        "no JSON".to_owned(),
        long_message(1),
        "{\"records\":[".to_owned(),
    ];
    setup.send(&bodies);

    // The service with the right limit says what the ids are.
    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    service.stop();
    let wanted = ids(&setup.output);
    assert_eq!(wanted.len(), 2 * RECORDS);
    let bad = setup.read_dead_letters().len();

    let mut limited = setup.env(LIMIT.0, LIMIT.1);
    limited.group.push_str("-limited");
    limited.output = topic_on(&limited.bootstrap, "replay-dead-limited", 4);
    limited.dead_letters = topic_on(&limited.bootstrap, "replay-dead-letters", 1);
    let mut service = limited.start();
    limited.wait_committed(DEADLINE);
    service.stop();
    assert_eq!(read_all(&limited.output).len(), 0);
    let letters = limited.read_dead_letters().len();
    assert_eq!(letters, bad + 2);
    let committed = limited.progress();

    let raised = limited.env(LIMIT.0, "1000");
    let refused = raised.command(&["replay", "--dead-letters"]);
    assert!(
        stdout(&refused, 2).is_empty(),
        "it counts without leave to write"
    );
    let counted = raised.command(&["replay", "--dead-letters", "--dry-run"]);
    let counted = stdout(&counted, 0);
    assert!(
        counted.contains("blocked_by_conditional_access blocked 300"),
        "{counted}"
    );
    assert!(
        counted.contains(&format!("cannot be read {bad}")),
        "{counted}"
    );
    assert_eq!(read_all(&raised.output).len(), 0, "a dry run writes");

    let done = stdout(&raised.command(&["replay", "--dead-letters", "--yes"]), 0);
    assert!(done.contains("acknowledged: 300 of 300 records"), "{done}");
    assert_eq!(ids(&raised.output), wanted);
    assert_eq!(raised.read_dead_letters().len(), letters);
    assert_eq!(raised.progress(), committed);
}

#[test]
fn a_time_range_comes_out_with_the_ids_of_the_service_beside_it() {
    let setup = Setup::new("replay-range", 3);
    let load = Load::generate(41, Profile::tests(), 600);
    let (early, late) = load.messages.split_at(load.messages.len() / 2);
    let other = topic_on(&setup.bootstrap, "replay-range-other", 4);
    setup.send(early.iter().map(|message| &message.body));
    let between = chrono::Utc::now() + chrono::TimeDelta::milliseconds(1);
    wait_until(DEADLINE, "a later moment", || chrono::Utc::now() > between);
    let between = between.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);

    let mut service = setup.start();
    setup.wait_committed(DEADLINE);
    let of_the_early = ids(&setup.output);
    setup.send(late.iter().map(|message| &message.body));
    setup.wait_committed(DEADLINE);
    let all = ids(&setup.output);
    let committed = setup.progress();

    let to_other = ["--output-topic", &other, "--yes"];
    let begin = "2020-01-01T00:00:00Z";
    let range = [
        &["replay", "--from", begin, "--to", &between],
        &to_other[..],
    ]
    .concat();
    stdout(&setup.command(&range), 0);
    assert_eq!(ids(&other), of_the_early);

    let rest = [&["replay", "--from", &between], &to_other[..]].concat();
    stdout(&setup.command(&rest), 0);
    assert_eq!(ids(&other), all);
    assert_eq!(
        ids(&setup.output),
        all,
        "the service's own output is another topic"
    );
    assert_eq!(setup.progress(), committed);
    service.stop();
}
