use std::time::Instant;

use serde_json::{Value, json};

use super::*;
use crate::config::{DeadLetter, MetricOptions, PrivacySettings, Settings, Sources};
use crate::delivery::Seen;
use crate::diagnosis::catalog::Catalog;
use crate::diagnosis::{Bounds, Detail, DetailRules, Diagnoser, MessageKey, Outcome};
use crate::pipeline::batch::Batch;
use crate::pipeline::dead_letter_limit::DeadLetterLimit;
use crate::pipeline::observer::Observer;
use crate::pipeline::reader::{Diagnosing, Maximum, MessageReader};
use crate::pipeline::receipt::Fate;
use crate::pipeline::worker::MessagePlace;
use crate::signin::Limits;
use crate::telemetry::{BuildInfo, Health, Series};
use crate::watch::{self, Accounts, Follower, WatchList, WatchLists};

/// With every option.
pub fn metrics() -> Arc<Metrics> {
    let series = Series {
        scenario_outcomes: &[],
        fields: &[],
        dead_letter_reasons: &[],
        watch_lists: &[],
        options: MetricOptions {
            policies: Some(10),
            applications: Some(10),
            countries: true,
        },
    };
    let build = BuildInfo {
        version: String::new(),
        revision: String::new(),
        catalog: String::new(),
    };
    Arc::new(Metrics::new(&series, &build).unwrap())
}

struct Bench {
    metrics: Arc<Metrics>,
    reader: MessageReader,
    seen: Seen,
    place: MessagePlace,
}

impl Bench {
    fn new(detail: Detail, lists: &[WatchList]) -> Bench {
        let watch = watch::Shared::new(WatchLists::new(lists));
        let catalog = Catalog::embedded().unwrap();
        let diagnoser = Diagnoser::new(catalog, DetailRules::all(detail));
        let limits = Limits::decompressed(1 << 20);
        let maximum = Maximum {
            output_bytes: 1 << 20,
            records: 50,
            bounds: Bounds::DEFAULT,
        };
        let metrics = metrics();
        Bench {
            reader: MessageReader::new(
                limits,
                &PrivacySettings::default(),
                Arc::new(diagnoser),
                Arc::default(),
                Tally::new(Arc::clone(&metrics)),
                Follower::new(Arc::new(watch)),
                MessageKey::User,
                maximum,
                DeadLetterLimit::new(&DeadLetter {
                    topic: "dead".to_owned(),
                    max_ratio: None,
                    max_consecutive: None,
                }),
            ),
            metrics,
            seen: Seen::new(100),
            place: MessagePlace {
                topic: Arc::from("in"),
                partition: 2,
                offset: 40,
            },
        }
    }

    /// Reads one message; gives its receipt and its outputs.
    fn read(&mut self, body: &str) -> (Receipt, Vec<Value>) {
        let mut batch = Batch::default();
        let mut receipt = Receipt::default();
        let read = self.reader.read(Diagnosing {
            payload: body.as_bytes(),
            place: &self.place,
            seen: &mut self.seen,
            batch: &mut batch,
            receipt: &mut receipt,
            first_position: 0,
            is_new: true,
        });
        assert!(read.is_ok());
        self.place.offset += 1;
        let outputs = (0..batch.len()).map(|index| {
            let output = batch.output(index).unwrap();
            serde_json::from_slice(batch.payload(output)).unwrap()
        });
        (receipt, outputs.collect())
    }
}

fn blocked(id: &str, policies: &Value) -> Value {
    json!({"category": "SignInLogs", "tenantId": "t", "properties": {
        "id": id, "createdDateTime": "2026-11-20T10:00:00Z", "userId": "user-1",
        "status": {"errorCode": 53003}, "appliedConditionalAccessPolicies": policies}})
}

fn policy(id: &str) -> Value {
    json!({"id": id, "displayName": id, "result": "failure", "enforcedGrantControls": ["Block"]})
}

/// What is counted of a settled message by first tries, policy, application and country.
fn exposed(metrics: &Arc<Metrics>, receipt: &Receipt) -> Vec<String> {
    let settings = Settings::load(&Sources {
        files: Vec::new(),
        environment: Vec::new(),
        set: [
            "kafka.bootstrap_servers=broker.example:9093",
            "input.topics=in",
            "input.group_id=group",
            "output.topic=out",
            "dead_letter.topic=dead",
        ]
        .map(str::to_owned)
        .to_vec(),
    });
    let health = Health::new(1, Instant::now());
    let worker = health.workers().next().unwrap();
    Observer::new(0, Arc::clone(metrics), worker, &settings.unwrap()).settled(receipt);
    let text = metrics.encode().unwrap();
    let families = ["signin_blocks_", "signin_failures_", "signin_proof_ups_"];
    text.lines()
        .filter(|line| families.iter().any(|family| line.starts_with(family)))
        .filter(|line| !line.ends_with(" 0"))
        .map(str::to_owned)
        .collect()
}

/// From the event to the exposition.
#[test]
fn a_block_a_failure_and_a_registration_count_each_on_series_of_their_own() {
    let guid = "0a1b2c3d-0000-4000-8000-000000000001";
    for (code, control, word, scenario) in [
        (
            53003,
            "Block",
            "blocks",
            ",scenario=\"blocked_by_conditional_access\"",
        ),
        (53000, "RequireCompliantDevice", "failures", ""),
        (50072, "Mfa", "proof_ups", ""),
    ] {
        let mut policy = policy(guid);
        policy["enforcedGrantControls"] = json!([control]);
        let mut event = blocked("a", &json!([policy]));
        event["properties"]["status"]["errorCode"] = json!(code);
        event["properties"]["appId"] = json!(guid);
        event["properties"]["location"] = json!({"countryOrRegion": "SE"});
        let mut bench = Bench::new(Detail::None, &[]);
        let (receipt, _) = bench.read(&event.to_string());
        let country = "signin_blocks_by_country_total{country=\"SE\"} 1".to_owned();
        let expected = [
            Some(format!(
                "signin_{word}_by_application_total{{application_id=\"{guid}\"}} 1"
            )),
            (word == "blocks").then_some(country),
            Some(format!(
                "signin_{word}_by_policy_total{{policy_id=\"{guid}\"}} 1"
            )),
            Some(format!(
                "signin_{word}_first_total{{category=\"SignInLogs\"{scenario}}} 1"
            )),
        ];
        let expected: Vec<String> = expected.into_iter().flatten().collect();
        assert_eq!(exposed(&bench.metrics, &receipt), expected, "{code}");
        let text = bench.metrics.encode().unwrap();
        let is_placed = text.contains("country=\"SE\"");
        assert_eq!(is_placed, word == "blocks", "a place is for a block alone");
    }
}

type Change = fn(&mut Value);

#[test]
fn what_metrics_ask_for_is_in_the_receipt() {
    let mut bench = Bench::new(Detail::None, &[]);
    let guid = |number| format!("0a1b2c3d-0000-4000-8000-{number:012}");
    let (first, second) = (policy(&guid(1)), policy(&guid(2)));
    let (receipt, _) = bench.read(&format!(
        "[{},{},{}]",
        blocked("a", &json!([first, second])),
        blocked("a", &json!([first, second])),
        blocked("b", &json!([first])),
    ));
    let counts: Vec<u32> = receipt.policy_results.iter().map(|entry| entry.1).collect();
    assert_eq!(counts, [2, 1], "the repeat counts nothing");
    let [a, b] = &receipt.tried[..] else {
        panic!("{:?}", receipt.tried);
    };
    assert_eq!(a.print, b.print, "the same user, application and code");
    let counts: Vec<usize> = receipt.tried.iter().map(|tried| tried.policies).collect();
    assert_eq!((counts, receipt.tried_policies.len()), (vec![2, 1], 3));
    let twice = json!([policy("x"), first, policy("y"), first]);
    let (receipt, _) = bench.read(&blocked("c", &twice).to_string());
    let places = receipt.tried_policies.len();
    assert_eq!(
        places, 2,
        "one of those without a place of their own, and the first"
    );
    let (receipt, _) = bench.read(&blocked("a", &json!([policy(&guid(3))])).to_string());
    assert_eq!(receipt.fates, [(Fate::Page, 1)]);
    assert_eq!((receipt.tried.len(), receipt.policy_results.len()), (0, 1));
    let (receipt, _) = bench.read(&blocked("a", &json!([first, second])).to_string());
    assert_eq!(receipt.policy_results, [], "a repeat");
    let (receipt, _) = bench.read(&blocked("b", &json!([first, second])).to_string());
    assert_eq!(receipt.fates, [(Fate::Update, 1)]);
    assert_eq!((receipt.tried.len(), receipt.policy_results.len()), (0, 0));
}

#[test]
fn a_policy_that_did_not_decide_is_no_cause() {
    let mut bench = Bench::new(Detail::None, &[]);
    let guid = |number| format!("0a1b2c3d-0000-4000-8000-{number:012}");
    let (blocks, mut asks) = (policy(&guid(1)), policy(&guid(2)));
    asks["enforcedGrantControls"] = json!(["Mfa"]);
    let mut event = blocked("a", &json!([asks, blocks]));
    let (receipt, _) = bench.read(&event.to_string());
    assert_eq!((receipt.tried.len(), receipt.tried[0].policies), (1, 1));
    assert_eq!(receipt.policy_results.len(), 2, "both failed");
    // A device that is not compliant: the same user, and another signal.
    event["properties"]["id"] = json!("b");
    event["properties"]["status"]["errorCode"] = json!(53000);
    event["properties"]["appliedConditionalAccessPolicies"][0]["enforcedGrantControls"] =
        json!(["RequireCompliantDevice"]);
    let (receipt, _) = bench.read(&event.to_string());
    assert_eq!((receipt.tried.len(), receipt.tried[0].policies), (1, 1));
    assert_eq!(receipt.tried[0].signal, Signal::Failure);
    // Without a list of policies nobody knows which it was.
    event["properties"]["id"] = json!("c");
    event["properties"]["status"]["errorCode"] = json!(53003);
    event["properties"]["appliedConditionalAccessPolicies"] = json!([]);
    let (receipt, _) = bench.read(&event.to_string());
    assert_eq!((receipt.tried.len(), receipt.tried[0].policies), (1, 0));
}

#[test]
fn tries_differ_by_who_where_why_and_category_and_by_nothing_else() {
    let print = |change: &dyn Fn(&mut Value)| {
        let mut event = blocked("a", &json!([]));
        change(&mut event);
        let mut bench = Bench::new(Detail::None, &[]);
        let (receipt, _) = bench.read(&event.to_string());
        assert_eq!(receipt.tried.len(), 1, "{event}");
        receipt.tried[0].print
    };
    let plain = print(&|_| {});
    let same: [Change; 4] = [
        |event| event["properties"]["id"] = json!("another"),
        |event| event["properties"]["userId"] = json!("USER-1"),
        |event| event["properties"]["userPrincipalName"] = json!("renamed@contoso.example"),
        |event| event["properties"]["ipAddress"] = json!("192.0.2.9"),
    ];
    for change in same {
        assert_eq!(print(&change), plain);
    }
    let other: [Change; 6] = [
        |event| event["properties"]["userId"] = json!("user-2"),
        |event| event["properties"]["appId"] = json!("app"),
        |event| event["properties"]["status"]["errorCode"] = json!(530_031),
        |event| event["category"] = json!("NonInteractiveUserSignInLogs"),
        |event| event["properties"]["createdDateTime"] = json!("2026-11-20T12:00:00Z"),
        |event| event["properties"]["userId"] = json!(null),
    ];
    for change in other {
        assert_ne!(print(&change), plain);
    }
    let nobody = |id: &str| {
        print(&|event| {
            event["properties"]["userId"] = json!(null);
            event["properties"]["id"] = json!(id);
        })
    };
    assert_ne!(nobody("a"), nobody("b"), "somebody unknown is nobody else");
}

#[test]
fn a_message_that_starts_over_takes_its_counts_back() {
    let mut bench = Bench::new(Detail::Full, &[]);
    let id = "0a1b2c3d-0000-4000-8000-000000000001";
    let event = blocked("a", &json!([policy(id)])).to_string();
    let (receipt, _) = bench.read(&format!("[{}]", vec![event.as_str(); 51].join(",")));
    assert_eq!((receipt.tried.len(), receipt.policy_results.len()), (0, 0));
    let (receipt, _) = bench.read(&event);
    assert_eq!(receipt.policy_results[0].1, 1);
}

#[test]
fn a_watched_account_is_marked_in_whatever_detail_and_counted_once() {
    for detail in Detail::ALL {
        let mut users = Accounts::default();
        users.insert("USER-1");
        let lists = ["emergency", "night"].map(|name| WatchList {
            name: name.to_owned(),
            users: users.clone(),
            file: None,
        });
        let mut bench = Bench::new(detail, &lists);
        let event = blocked("a", &json!([])).to_string();
        let (receipt, outputs) = bench.read(&format!("[{event},{event}]"));
        let [watched] = receipt.watched[..] else {
            panic!("{:?}", receipt.watched);
        };
        assert_eq!(watched.lists.iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(watched.outcome, Outcome::Blocked);
        assert_eq!(watched.time, Some(1_795_168_800_000));
        if detail == Detail::None {
            assert_eq!(outputs.len(), 0);
            continue;
        }
        let record = &outputs[0];
        assert_eq!(record["watch_lists"], json!(["emergency", "night"]));
        let aspects = record["aspects"].as_array().unwrap();
        assert!(aspects.contains(&json!("watched_account")), "{aspects:?}");
    }
}
