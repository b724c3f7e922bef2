//! A policy that stands in the record before at the same place is not read again: whatever the
//! records of a message, each is read as it is when it is alone.
use proptest::prelude::*;

use super::{Seen, read};

/// Entries of a policy list: usual ones, those with faults, and what is no policy.
const ENTRIES: [&str; 10] = [
    r#"{"id":"a","displayName":"A","result":"success","conditionsSatisfied":3}"#,
    r#"{"id":"a","displayName":"A","result":"failure","conditionsSatisfied":3}"#,
    r#"{"id":"b","displayName":"R\u0026D","enforcedGrantControls":["Mfa","Terms"],"result":"notApplied"}"#,
    r#"{"id":"b","displayName":7,"enforcedGrantControls":["Mfa"],"result":"notApplied"}"#,
    r#"{"id":"c","enforcedSessionControls":["SignInFrequency"],"result":{},"conditionsNotSatisfied":"users,weather"}"#,
    r#"{"id":"c","includeRulesSatisfied":[{"conditionalAccessCondition":"users","ruleSatisfied":"allUsers"},4]}"#,
    r#""{\"id\":\"d\",\"result\":\"success\"}""#,
    "null",
    "12",
    "{}",
];

#[derive(Debug, Clone)]
struct Listed {
    entries: Vec<usize>,
    /// The key that holds the list, and whether the list, or all of the properties, is JSON text.
    old_name: bool,
    text: Text,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Text {
    None,
    List,
    Properties,
}

impl Listed {
    fn record(&self, id: usize) -> String {
        let entries: Vec<&str> = self.entries.iter().map(|entry| ENTRIES[*entry]).collect();
        let list = format!("[{}]", entries.join(","));
        let key = if self.old_name {
            "conditionalAccessPolicies"
        } else {
            "appliedConditionalAccessPolicies"
        };
        let list = match self.text {
            Text::List => serde_json::to_string(&list).unwrap(),
            _ => list,
        };
        let properties = format!(r#"{{"id":"{id}","status":{{"errorCode":0}},"{key}":{list}}}"#);
        let properties = match self.text {
            Text::Properties => serde_json::to_string(&properties).unwrap(),
            _ => properties,
        };
        format!(r#"{{"category":"SignInLogs","properties":{properties}}}"#)
    }
}

fn listed() -> impl Strategy<Value = Listed> {
    let entries = prop::collection::vec(0..ENTRIES.len(), 0..5);
    let text = prop_oneof![
        6 => Just(Text::None),
        1 => Just(Text::List),
        1 => Just(Text::Properties),
    ];
    let listed = (entries, prop::bool::weighted(0.2), text);
    listed.prop_map(|(entries, old_name, text)| Listed {
        entries,
        old_name,
        text,
    })
}

proptest! {
    #[test]
    fn records_in_a_row_are_read_as_each_alone(
        kinds in prop::collection::vec(listed(), 1..4),
        order in prop::collection::vec(0_usize..4, 1..12),
    ) {
        let records: Vec<String> = order
            .iter()
            .enumerate()
            .map(|(id, kind)| kinds[kind % kinds.len()].record(id))
            .collect();
        let alone: Vec<Seen> = records.iter().flat_map(read).collect();
        let together = read(format!(r#"{{"records":[{}]}}"#, records.join(",")));
        prop_assert_eq!(together, alone);
    }
}
