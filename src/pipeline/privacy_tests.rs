//! With nothing kept, nothing about the person leaves: whole messages, as outputs.
use std::sync::Arc;

use proptest::prelude::*;
use rdkafka::message::Headers as _;
use serde_json::{Value, json};

use super::batch::{Batch, OutputKind};
use super::dead_letter;
use super::dead_letter_limit::DeadLetterLimit;
use super::reader::{Diagnosing, Maximum, MessageReader};
use super::receipt::Receipt;
use super::tally::{self, Tally};
use super::worker::MessagePlace;
use crate::config::{DeadLetter, DeadLetterBytes, PrivacySettings, Secret};
use crate::delivery::Seen;
use crate::diagnosis::catalog::Catalog;
use crate::diagnosis::{Bounds, Detail, DetailRules, Diagnoser, MessageKey};
use crate::signin::{Limits, Treatment, Treatments};
use crate::watch::{self, Accounts, Follower, WatchList, WatchLists};

const SECRET: &str = "a secret of the tests, no more than that";

fn settings(treatment: Treatment, dead_letters: DeadLetterBytes) -> PrivacySettings {
    PrivacySettings {
        treatments: Treatments {
            user: treatment,
            address: treatment,
            location: treatment,
            device: treatment,
        },
        key: Some(Secret::new(SECRET.to_owned())),
        dead_letters,
    }
}

/// Everything that leaves the process for one message, output by output.
fn outputs(body: &str, privacy: &PrivacySettings, detail: Detail, watched: &str) -> Vec<String> {
    let catalog = Catalog::embedded().unwrap();
    let list = WatchList {
        name: "emergency".to_owned(),
        users: Accounts::parse(watched).unwrap(),
        file: None,
    };
    let mut reader = MessageReader::new(
        Limits::decompressed(1 << 20),
        privacy,
        Arc::new(Diagnoser::new(catalog, DetailRules::all(detail))),
        Arc::default(),
        Tally::new(tally::tests::metrics()),
        Follower::new(Arc::new(watch::Shared::new(WatchLists::new(&[list])))),
        MessageKey::User,
        Maximum {
            output_bytes: 1 << 20,
            records: 50,
            bounds: Bounds::DEFAULT,
        },
        DeadLetterLimit::new(&DeadLetter {
            topic: "dead".to_owned(),
            max_ratio: None,
            max_consecutive: None,
        }),
    );
    let place = MessagePlace {
        topic: Arc::from("in"),
        partition: 2,
        offset: 40,
    };
    let (mut batch, mut receipt) = (Batch::default(), Receipt::default());
    let message = Diagnosing {
        payload: body.as_bytes(),
        first_position: 0,
        is_new: true,
        place: &place,
        seen: &mut Seen::new(100),
        batch: &mut batch,
        receipt: &mut receipt,
    };
    reader.read(message).unwrap();
    let key_id = privacy.key().map(|key| key.id().to_owned());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let output = |index: usize| {
        let output = batch.output(index).unwrap();
        let mut said = text(batch.payload(output));
        said += "\n";
        said += &batch.key(output).map(text).unwrap_or_default();
        if let OutputKind::DeadLetter {
            reason,
            position,
            encoding,
            protection,
        } = output.kind
        {
            let key_id = key_id.as_deref();
            let headers =
                dead_letter::headers(reason, &place, position, encoding, protection, key_id, "");
            for header in headers.iter() {
                let value = header.value.map(text).unwrap_or_default();
                said += &["\n", header.key, ": ", &value].concat();
            }
        }
        said
    };
    (0..batch.len()).map(output).collect()
}

/// A person, with everything that an event may say of them.
#[derive(Debug, Clone)]
struct Person {
    id: String,
    name: String,
    display_name: String,
    address: String,
    city: String,
    state: String,
    country: String,
    network: String,
    device_id: String,
    device_name: String,
    user_agent: String,
    phone: String,
    method: String,
    colleague: String,
}

impl Person {
    fn values(&self) -> [&str; 14] {
        [
            &self.id,
            &self.name,
            &self.display_name,
            &self.address,
            &self.city,
            &self.state,
            &self.country,
            &self.network,
            &self.device_id,
            &self.device_name,
            &self.user_agent,
            &self.phone,
            &self.method,
            &self.colleague,
        ]
    }

    /// The texts of an event that may name a person.
    fn talk(&self) -> [String; 4] {
        let Person {
            id,
            name,
            display_name,
            address,
            device_name,
            colleague,
            ..
        } = self;
        let upper = name.to_uppercase();
        [
            format!("User account '{upper}' from identity provider 'x' does not exist."),
            format!("({colleague}) asked {display_name} at {address}: denied."),
            format!("{id}: on {device_name}, by {address}:443."),
            name.clone(),
        ]
    }

    fn azure(&self) -> Value {
        let mut record = json!({
            "time": "2026-03-02T08:13:41Z", "category": "SignInLogs", "tenantId": "t",
            "resultType": "53003", "callerIpAddress": self.address, "identity": self.display_name,
            "resultDescription": self.talk()[0], "location": self.country,
        });
        record["properties"] = self.graph();
        record
    }

    fn row(&self) -> Value {
        let graph = self.graph();
        let mut row = json!({
            "TimeGenerated": "2026-03-02T08:13:41Z", "Type": "SigninLogs", "AADTenantId": "t",
            "ResultType": "53003", "ResultDescription": self.talk()[0], "Id": graph["id"],
            "Identity": self.display_name, "IPAddress": self.address, "Location": self.country,
            "LocationDetails": graph["location"].to_string(),
            "Status": graph["status"].to_string(), "DeviceDetail": graph["deviceDetail"].to_string(),
            "MfaDetail": graph["mfaDetail"].to_string(),
            "ConditionalAccessPolicies": graph["appliedConditionalAccessPolicies"].to_string(),
        });
        for name in [
            "userId",
            "userPrincipalName",
            "userDisplayName",
            "userAgent",
            "servicePrincipalName",
            "appDisplayName",
            "authenticationDetails",
            "authenticationRequirementPolicies",
            "networkLocationDetails",
            "sessionLifetimePolicies",
        ] {
            let pascal = name[..1].to_uppercase() + &name[1..];
            row[pascal] = match &graph[name] {
                Value::String(text) => Value::String(text.clone()),
                nested => Value::String(nested.to_string()),
            };
        }
        row
    }

    fn graph(&self) -> Value {
        let [first, second, third, fourth] = self.talk();
        let policy = |id: &str, result: &str| {
            json!({"id": id, "displayName": format!("Without {fourth}"), "result": result,
                "enforcedGrantControls": ["Block", format!("Terms for {fourth}")],
                "enforcedSessionControls": [format!("Limit {fourth}")],
                "conditionsSatisfied": "application,users,location,deviceState",
                "conditionsNotSatisfied": "devicePlatform,ipAddressSeenByAzureAD,location",
                "includeRulesSatisfied": [
                    {"conditionalAccessCondition": "users", "ruleSatisfied": self.id},
                    {"conditionalAccessCondition": "location", "ruleSatisfied": self.network}]})
        };
        json!({
            "id": "sign-in-1", "createdDateTime": "2026-03-02T08:11:05Z", "tenantId": "t",
            "signInEventTypes": ["interactiveUser"],
            "userId": self.id, "userPrincipalName": self.name, "userDisplayName": self.display_name,
            "ipAddress": self.address, "userAgent": self.user_agent,
            "appId": "app-1", "appDisplayName": format!("Tool of {fourth}"),
            "servicePrincipalName": format!("Robot of {fourth}"),
            "status": {"errorCode": 53003, "failureReason": first, "additionalDetails": second},
            "deviceDetail": {"deviceId": self.device_id, "displayName": self.device_name,
                "operatingSystem": "Windows 11", "browser": "Edge"},
            "location": {"city": self.city, "state": self.state, "countryOrRegion": self.country},
            "mfaDetail": {"authMethod": "Text message", "authDetail": self.phone},
            "appliedConditionalAccessPolicies":
                [policy("p-1", "failure"), policy("p-2", "notApplied"), policy("p-3", &fourth)],
            "authenticationDetails": [{"authenticationMethod": "Password",
                "authenticationMethodDetail": self.method, "succeeded": true,
                "authenticationStepResultDetail": third, "authenticationStepRequirement": fourth}],
            "authenticationRequirementPolicies":
                [{"requirementProvider": "user", "detail": third}],
            "sessionLifetimePolicies": [{"expirationRequirement": "x", "detail": second}],
            "networkLocationDetails":
                [{"networkType": "trustedNamedLocation", "networkNames": [self.network]}],
            "riskEventTypes_v2": [fourth],
        })
    }
}

prop_compose! {
    /// Letters that no text of the catalog holds in such an order.
    fn word()(letters in "[a-z]{6,10}") -> String {
        format!("qx{letters}")
    }
}

prop_compose! {
    fn person()(
        words in proptest::collection::vec(word(), 16),
        id in any::<u128>(),
        device in any::<u128>(),
        v4 in any::<[u8; 4]>(),
        v6 in any::<Option<[u8; 16]>>(),
    ) -> Person {
        let uuid = |id: u128| uuid::Uuid::from_u128(id).to_string();
        let address = match v6 {
            Some(bytes) => std::net::Ipv6Addr::from(bytes).to_string(),
            None => std::net::Ipv4Addr::from(v4).to_string(),
        };
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = &words[..] else { unreachable!() };
        Person {
            id: uuid(id),
            name: format!("{a}.{b}@{c}.example"),
            display_name: format!("{a} Ö{b} & \"{d}\""),
            address,
            city: e.clone(),
            state: f.clone(),
            country: g.clone(),
            network: format!("{h} office"),
            device_id: uuid(device),
            device_name: i.to_uppercase(),
            user_agent: format!("Mozilla/5.0 ({j})"),
            phone: format!("+47 {k}"),
            method: format!("{l}'s phone"),
            colleague: format!("{d}_{e}#EXT#@{c}.onmicrosoft.com"),
        }
    }
}

/// No value in `said`, in any case.
fn assert_silent(said: &str, person: &Person) {
    let folded = said.to_lowercase();
    for value in person.values() {
        // Also as JSON writes it.
        let quoted = Value::from(value).to_string();
        for spelling in [value, quoted.trim_matches('"')] {
            assert!(
                !folded.contains(&spelling.to_lowercase()),
                "{value}:\n{said}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_personal_value_of_any_shape_leaves(person in person()) {
        for treatment in [Treatment::Drop, Treatment::Pseudonymise] {
            for (dead_letters, detail) in [
                (DeadLetterBytes::Drop, Detail::Full),
                (DeadLetterBytes::Encrypt, Detail::Summary),
            ] {
                let settings = settings(treatment, dead_letters);
                for record in [person.azure(), person.row(), person.graph()] {
                    let whole = record.to_string();
                    let broken = whole.replacen("\"userId\"", "userId", 1);
                    let broken = broken.replacen("\"UserId\"", "UserId", 1);
                    let body = format!("{whole}\n{broken}");
                    let outputs = outputs(&body, &settings, detail, &person.name);
                    prop_assert_eq!(outputs.len(), 2);
                    for output in &outputs {
                        assert_silent(output, &person);
                    }
                    let (record, key) = outputs[0].rsplit_once('\n').unwrap();
                    let record: Value = serde_json::from_str(record).unwrap();
                    // Watch lists still compare with the name itself.
                    prop_assert_eq!(&record["watch_lists"], &json!(["emergency"]));
                    if treatment == Treatment::Pseudonymise {
                        let pseudonyms = settings.key().unwrap();
                        let id = pseudonyms.pseudonym("user", &person.id);
                        let name = pseudonyms.pseudonym("user", &person.name);
                        prop_assert_eq!(key, &id);
                        prop_assert_eq!(&record["user"]["id"], &json!(id));
                        prop_assert!(record["assessment"].as_str().unwrap().contains(&name));
                        let reason = record["error"]["reason"].as_str().unwrap();
                        prop_assert!(reason.contains(&name), "{}", reason);
                    } else {
                        prop_assert_eq!(key, "");
                        prop_assert!(record["user"].is_null());
                    }
                }
            }
        }
    }
}

/// The diagnosis is the same: what privacy takes away is shown, not known.
#[test]
fn id_and_scenario_do_not_depend_on_what_is_shown() {
    let body = r#"{"category":"SignInLogs","properties":{"id":"a","userId":"u-1","ipAddress":"192.0.2.1","status":{"errorCode":50126}}}"#;
    let of = |treatment| {
        let settings = settings(treatment, DeadLetterBytes::Drop);
        let output = outputs(body, &settings, Detail::Full, "alex@contoso.example").remove(0);
        let record: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        (record["diagnosis_id"].clone(), record["scenario"].clone())
    };
    assert_eq!(of(Treatment::Keep), of(Treatment::Drop));
    assert_eq!(of(Treatment::Keep), of(Treatment::Pseudonymise));
}

/// Whoever calls his client by the name of a control hides no policy that decided.
#[test]
fn a_user_agent_does_not_take_a_session_control_out_of_its_policy() {
    let body = r#"{"category":"SignInLogs","properties":{"id":"a","userId":"u-1",
        "userAgent":"SignInFrequency","status":{"errorCode":70044},
        "conditionalAccessStatus":"failure","appliedConditionalAccessPolicies":[
            {"id":"p","displayName":"Daily","result":"failure",
             "enforcedSessionControls":["SignInFrequency"]}]}}"#;
    for treatment in [Treatment::Keep, Treatment::Drop, Treatment::Pseudonymise] {
        let settings = settings(treatment, DeadLetterBytes::Drop);
        let output = outputs(body, &settings, Detail::Full, "alex@contoso.example").remove(0);
        let record: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
        let policy = &record["conditional_access"]["policies"][0];
        assert_eq!(policy["deciding"], true, "{treatment:?} {policy}");
        assert!(policy.to_string().contains("SignInFrequency"), "{policy}");
    }
}

/// Other records have these names whole: a gap would tell where this sign-in came from.
#[test]
fn what_the_tenant_has_named_keeps_the_places_in_its_name() {
    let body = r#"{"category":"SignInLogs","properties":{"id":"a","userId":"u-1",
        "appDisplayName":"Fjordby stock","resourceDisplayName":"Fjordby files",
        "location":{"city":"Fjordby"},
        "status":{"errorCode":53000,"failureReason":"From Fjordby."},
        "appliedConditionalAccessPolicies":[
            {"id":"p","displayName":"Fjordby devices","result":"failure",
             "enforcedGrantControls":["Fjordby terms"],
             "authenticationStrength":{"displayName":"Fjordby strength"}}]}}"#;
    let settings = settings(Treatment::Drop, DeadLetterBytes::Drop);
    let output = outputs(body, &settings, Detail::Full, "alex@contoso.example").remove(0);
    for kept in ["stock", "files", "devices", "terms", "strength"] {
        assert!(output.contains(&format!("Fjordby {kept}")), "{output}");
    }
    assert!(output.contains("From (removed)."), "{output}");
    let record: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
    assert_eq!(record["location"]["city"], Value::Null);
}
