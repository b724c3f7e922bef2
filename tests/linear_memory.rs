//! The memory that a message takes grows no faster than the message, whatever it is made of: 1, 10
//! and 100 times the same. (The work of reading is counted in `signin::tests::damage`.)
#![allow(clippy::unwrap_used)]
use std::alloc::System;
use std::fmt::Write as _;

use signin_diagnostics::diagnosis::catalog::Catalog;
use signin_diagnostics::diagnosis::{
    Bounds, Detail, DetailRules, Diagnoser, Source, write_diagnosis,
};
use signin_diagnostics::privacy_key::PrivacyKey;
use signin_diagnostics::signin::{Item, Limits, Privacy, Reader, Treatment, Treatments};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Buffers that double their size may be up to twice as large as they need to be.
const SLACK: usize = 2;
/// Buffers that every message takes.
const CONSTANT: usize = 64 << 10;

const FEW: usize = 100;

/// Bytes that reading, diagnosing and encoding ask of the allocator.
fn spent(body: &str, diagnoser: &Diagnoser, privacy: &Privacy) -> usize {
    let region = Region::new(ALLOCATOR);
    let mut out = Vec::new();
    let mut reader = Reader::new(Limits::decompressed(1 << 20), privacy.clone());
    reader.read(body.as_bytes(), &mut |item| {
        let Item::SignIn {
            position, sign_in, ..
        } = item
        else {
            return;
        };
        let source = Source::Kafka {
            topic: "sign-ins",
            partition: 0,
            offset: 0,
            position,
        };
        let diagnosis = diagnoser.diagnose(sign_in, &source, Bounds::DEFAULT, None);
        out.clear();
        write_diagnosis(&diagnosis, &mut out);
    });
    let change = region.change();
    change.bytes_allocated + usize::try_from(change.bytes_reallocated).unwrap_or(0)
}

fn record(id: usize, more: &str) -> String {
    format!(
        r#"{{"category":"SignInLogs","tenantId":"t","resultType":"53003","properties":{{"id":"{id}","userId":"u-{id}","userPrincipalName":"alex-{id}@contoso.example","status":{{"errorCode":53003}}{more}}}}}"#
    )
}

fn list(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect::<Vec<_>>().join(",")
}

type Kind = (&'static str, fn(usize) -> String);

const KINDS: [Kind; 9] = [
    ("records", |n| {
        format!("{{\"records\":[{}]}}", list(n, |id| record(id, "")))
    }),
    ("broken records", |n| {
        format!("{{\"records\":[{}]}}", list(n, |id| record(id, ",x")))
    }),
    ("policies", |n| {
        let policy = |id| {
            format!(
                r#"{{"id":"p-{id}","displayName":"Block alex-0@contoso.example {id}","result":"failure","enforcedGrantControls":["Block","Terms {id}"]}}"#
            )
        };
        let policies = list(n, policy);
        record(
            0,
            &format!(",\"appliedConditionalAccessPolicies\":[{policies}]"),
        )
    }),
    ("names of networks, beside policies", |n| {
        let names = list(n, |id| format!("\"office-{id}\""));
        let policies = list(n, |id| format!("{{\"displayName\":\"from office-{id}\"}}"));
        record(
            0,
            &format!(
                ",\"networkLocationDetails\":[{{\"networkNames\":[{names}]}}],\"appliedConditionalAccessPolicies\":[{policies}]"
            ),
        )
    }),
    ("names in a text", |n| {
        let mut text = String::new();
        for id in 0..n {
            write!(text, "alex-{id}@contoso.example at 203.0.113.7; ").unwrap();
        }
        let status = format!(",\"status\":{{\"errorCode\":53003,\"failureReason\":\"{text}\"}}");
        record(0, &status)
    }),
    ("escapes", |n| {
        record(
            0,
            &format!(",\"userAgent\":\"{}\"", "\\u00e9&amp;amp;".repeat(n)),
        )
    }),
    ("keys that nobody knows", |n| {
        record(
            0,
            &format!(",{}", list(n, |id| format!("\"k{id}\":[{{}}]"))),
        )
    }),
    ("the same key", |n| {
        record(
            0,
            &format!(",{}", list(n, |id| format!("\"userId\":\"u-{id}\""))),
        )
    }),
    ("steps", |n| {
        let step = |id| format!("{{\"authenticationMethod\":\"m-{id}\",\"succeeded\":true}}");
        record(
            0,
            &format!(",\"authenticationDetails\":[{}]", list(n, step)),
        )
    }),
];

/// One test: the counts are those of the whole process.
#[test]
fn ten_times_the_message_takes_ten_times_the_memory() {
    let diagnoser = Diagnoser::new(Catalog::embedded().unwrap(), DetailRules::all(Detail::Full));
    let treatments = Treatments {
        user: Treatment::Pseudonymise,
        address: Treatment::Drop,
        location: Treatment::Pseudonymise,
        device: Treatment::Drop,
    };
    let key = PrivacyKey::new("a secret of thirty-two characters");
    let mut over = Vec::new();
    for (what, privacy) in [
        ("kept", Privacy::default()),
        ("hidden", Privacy::new(treatments, key)),
    ] {
        for (kind, body) in KINDS {
            let [one, ten, hundred] =
                [1, 10, 100].map(|times| spent(&body(FEW * times), &diagnoser, &privacy));
            println!("{kind}, {what}: {one} {ten} {hundred}");
            if ten > SLACK * 10 * one + CONSTANT || hundred > SLACK * 10 * ten + CONSTANT {
                over.push(format!("{kind}, {what}: {one}, {ten}, {hundred} bytes"));
            }
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}
