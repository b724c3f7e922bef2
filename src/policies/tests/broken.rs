//! What is refused, and how it is said.
use super::*;

#[test]
fn every_fault_of_a_broken_snapshot_is_said_with_its_place() {
    let copy = Copy::new();
    copy.replace(
        "policies.json",
        "\"excludeUsers\": [",
        "\"excludeUsers\": [7,",
    );
    copy.replace("policies.json", "\"operator\": \"OR\"", "\"operator\": 5");
    copy.replace("policies.json", "\"id\": \"classic-1\",", "");
    copy.replace("policies.json", &id(106), &id(105));
    copy.replace("namedLocations.json", "203.0.113.0/24", "203.0.113.0/40");
    copy.replace("groups.json", "\"members\": [", "\"members\": [\"nobody\",");
    copy.replace("groups.json", &id(12), "");
    copy.replace("roles.json", "\"principalId\"", "\"principal_id\"");
    copy.write(
        "applications.json",
        "{\"error\":{\"code\":\"Authorization_RequestDenied\"}}",
    );
    copy.write("authenticationStrengths.json", "[{\"id\": \"a\"},\n}");
    copy.replace("tenant.json", "2026-11-20T02:00:00Z", "yesterday");
    let faults = load(&copy.path()).unwrap_err();
    let folder = format!("{}/", copy.path().display());
    let text = faults.to_string().replace(&folder, "");
    for expected in [
        "policies.json: /value/0/conditions/users/excludeUsers/0: it is no text; ",
        "policies.json: /value/0/grantControls/operator: it is no text; ",
        "policies.json: page 2 /value/4: it has no id; ",
        "policies.json: page 2 /value/2: its id is that of page 2 /value/1; keep one",
        "namedLocations.json: /value/0/ipRanges/0: it is no range of addresses; ",
        "groups.json: /0: a member has no id that is a GUID; ",
        "groups.json: /1: it has no id; ",
        "roles.json: page 2 /value/0: it has no principalId; ",
        "applications.json: it holds an error of Microsoft Graph; give the account the rights",
        "authenticationStrengths.json: line 2, column 1: it is no JSON, or ends too early; ",
        "tenant.json: /exportedAt: it is no time; write it as ",
    ] {
        let found = text.lines().any(|line| line.starts_with(expected));
        assert!(found, "{expected}\n\n{text}");
    }
    assert_eq!(faults.listed.len(), 11, "{text}");
}

#[test]
fn what_stands_twice_is_refused_and_loses_nobody() {
    for (file, content, expected) in [
        (
            "groups.json",
            r#"[{"id":"AB","members":[]},{"id":"ab","members":[]}]"#,
            "groups.json: /1: it is the second group with the id ab; keep one of them",
        ),
        (
            "namedLocations.json",
            r##"[{"id":"a","@odata.type":"#microsoft.graph.countryNamedLocation","countriesAndRegions":["NO"]},
                {"id":"a","@odata.type":"#microsoft.graph.countryNamedLocation","countriesAndRegions":["SE"]}]"##,
            "namedLocations.json: /1: it is the second location with the id a; keep one",
        ),
    ] {
        let copy = Copy::new();
        copy.write(file, content);
        let text = load(&copy.path()).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn what_is_no_whole_export_is_refused() {
    let refused = |file: &str, content: &str, expected: &str| {
        let copy = Copy::new();
        copy.write(file, content);
        let text = load(&copy.path()).unwrap_err().to_string();
        assert!(text.contains(expected), "{content}: {text}");
    };
    refused("policies.json", "", "it is empty");
    refused("policies.json", "5", "neither an answer of Microsoft Graph");
    refused("policies.json", "[5]", "/0: it is no object");
    refused("policies.json", "[[]]", "/0: it is no object");
    refused(
        "policies.json",
        "{\"value\":[",
        "it is no JSON, or ends too early",
    );
    refused("policies.json", "{}", "it has no id");
    refused("policies.json", "[{\"id\":7}]", "/0/id: it is no text");
    refused(
        "policies.json",
        "[{\"id\":\"a\",\"conditions\":7}]",
        "/0/conditions: it is no object",
    );
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    refused("policies.json", &deep, "");
    refused(
        "policies.json",
        "{\"value\":[],\"@odata.nextLink\":\"https://example.com\"}",
        "its last page says that further pages follow",
    );
    refused("tenant.json", "{}", "it has no tenantId");
    let copy = Copy::new();
    fs::write(copy.path().join("policies.json"), b"[\"\xff\"]").unwrap();
    assert!(
        load(&copy.path())
            .unwrap_err()
            .to_string()
            .contains("it is not UTF-8")
    );
    copy.remove("policies.json");
    let text = load(&copy.path()).unwrap_err().to_string();
    assert!(text.contains("policies.json: it cannot be read"), "{text}");
    fs::create_dir(copy.path().join("policies.json")).unwrap();
    let text = load(&copy.path()).unwrap_err().to_string();
    assert!(text.contains("policies.json: it is no file"), "{text}");
    let text = load(&copy.path().join("nowhere")).unwrap_err().to_string();
    assert!(text.contains("it is no folder that can be read"), "{text}");
}

#[test]
fn a_snapshot_beyond_the_limits_is_refused() {
    let refused = |limits: Limits, expected: &str| {
        let faults = PolicySnapshot::load(Path::new(FIXTURE), &limits).unwrap_err();
        assert!(faults.to_string().contains(expected), "{faults}");
    };
    let limits = Limits::default();
    refused(
        Limits {
            file_bytes: 1_000,
            ..limits
        },
        "policies.json: it is larger than 1000 bytes",
    );
    refused(
        Limits {
            policies: 8,
            ..limits
        },
        "it has 9 policies, more than 8",
    );
    refused(
        Limits {
            members: 5,
            ..limits
        },
        "its groups have 6 members, more than 5",
    );
    let copy = Copy::new();
    copy.write("policies.json", &format!("[{}]", vec!["{}"; 150].join(",")));
    let faults = load(&copy.path()).unwrap_err();
    assert_eq!((faults.listed.len(), faults.more), (100, 50));
    assert!(faults.to_string().ends_with("and 50 more faults"));
}

proptest::proptest! {
    #[test]
    fn no_change_of_a_byte_panics(place in 0.0..1.0_f64, byte in proptest::num::u8::ANY, which in 0..7_usize) {
        let copy = Copy::new();
        let path = copy.path().join(load::FILES[which]);
        let mut bytes = fs::read(&path).unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let place = (bytes.len() as f64 * place) as usize;
        bytes[place] = byte;
        fs::write(&path, bytes).unwrap();
        let _ = load(&copy.path());
    }
}
