//! Which identity keys go together, and what the environment adds.
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::config::{Identity, IdentitySource, Sasl, SecretText, Settings, Sources};
use crate::testing::certificates::Certificate;

const TOKENS: [&str; 7] = [
    "kafka.bootstrap_servers=example.servicebus.windows.net:9093",
    "input.topics=sign-ins",
    "input.group_id=diagnostics",
    "output.topic=diagnoses",
    "dead_letter.topic=dead-letters",
    "kafka.security.protocol=sasl_ssl",
    "kafka.security.mechanism=oauthbearer",
];

fn sources(set: &[&str], environment: &[(&str, &str)]) -> Sources {
    Sources {
        files: Vec::new(),
        environment: environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect(),
        set: TOKENS.iter().chain(set).map(ToString::to_string).collect(),
    }
}

fn identity(set: &[&str], environment: &[(&str, &str)]) -> Identity {
    let settings = Settings::load(&sources(set, environment)).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
    match settings.kafka.security.sasl {
        Some(Sasl::Token(identity)) => identity,
        other => panic!("{other:?}"),
    }
}

/// `key: reason` of each fault, sorted.
fn faults(set: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let faults = Settings::load(&sources(set, environment)).expect_err("accepted");
    let text = faults.to_string();
    assert!(!text.contains("hunter2"), "{text}");
    let short = |key: &str| key.trim_start_matches("kafka.security.").to_owned();
    faults
        .0
        .iter()
        .map(|fault| format!("{}: {}", short(&fault.key), fault.reason))
        .collect()
}

fn key(name: &str, path: &Path) -> String {
    format!("kafka.security.{name}={}", path.display())
}

const APPLICATION: [&str; 2] = [
    "kafka.security.tenant_id=example.onmicrosoft.com",
    "kafka.security.client_id=6731de76-14a6-49ae-97bc-6eba6914391e",
];

#[test]
fn a_managed_identity_needs_nothing_else() {
    let found = identity(&["kafka.security.identity=managed"], &[]);
    assert_eq!(found.source, IdentitySource::Managed { client_id: None });
    assert_eq!(
        found.scope,
        "https://example.servicebus.windows.net/.default"
    );
    let found = identity(
        &[
            "kafka.security.identity=managed",
            "kafka.security.client_id=a",
            "kafka.security.scope=api://kafka/.default",
        ],
        &[("AZURE_CLIENT_ID", "not this one")],
    );
    let client_id = Some("a".to_owned());
    assert_eq!(found.source, IdentitySource::Managed { client_id });
    assert_eq!(found.scope, "api://kafka/.default");
}

#[test]
fn a_workload_identity_is_taken_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "hunter2").unwrap();
    let environment = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
    ];
    let found = identity(&["kafka.security.identity=workload"], &environment);
    assert_eq!(found.authority_host, "https://login.microsoftonline.us/");
    let IdentitySource::Workload {
        application,
        token_file,
    } = found.source
    else {
        panic!("{found:?}");
    };
    assert_eq!(application.tenant_id, "tenant");
    assert_eq!(application.client_id, "client");
    assert_eq!(token_file, token);

    // The settings win, and nothing is taken for an identity that does not ask for it.
    let own = ["kafka.security.identity=workload", APPLICATION[1]];
    let IdentitySource::Workload { application, .. } = identity(&own, &environment).source else {
        panic!("another identity");
    };
    assert!(application.client_id.starts_with("6731de76"));
    assert_eq!(
        faults(&["kafka.security.identity=client_secret"], &environment),
        [
            "client_id: the identity \"client_secret\" needs it",
            "client_secret_file: the identity \"client_secret\" needs it",
            "tenant_id: the identity \"client_secret\" needs it",
        ]
    );
}

#[test]
fn every_missing_and_every_useless_key_is_named_at_once() {
    assert_eq!(
        faults(&[], &[]),
        ["identity: the mechanism oauthbearer needs one"]
    );
    assert_eq!(
        faults(&["kafka.security.identity=system"], &[]),
        ["identity: is not one of the choices"]
    );
    assert_eq!(
        faults(&["kafka.security.identity=workload"], &[]),
        [
            "client_id: the identity \"workload\" needs it",
            "federated_token_file: the identity \"workload\" needs it",
            "tenant_id: the identity \"workload\" needs it",
        ]
    );
    assert_eq!(
        faults(
            &[
                "kafka.security.identity=managed",
                "kafka.security.tenant_id=tenant",
                "kafka.security.client_id= ",
                "kafka.security.client_secret=hunter2",
                "kafka.security.authority_host=https://login.example",
                "kafka.security.username=someone",
                "kafka.security.password=hunter2",
            ],
            &[]
        ),
        [
            "authority_host: has no effect with the identity \"managed\"",
            "client_id: has blanks around it",
            "client_secret: has no effect with the identity \"managed\"",
            "password: has no effect with the mechanism oauthbearer",
            "tenant_id: has no effect with the identity \"managed\"",
            "username: has no effect with the mechanism oauthbearer",
        ]
    );
    assert_eq!(
        faults(
            &[
                "kafka.security.mechanism=plain",
                "kafka.security.username=u",
                "kafka.security.password=hunter2",
                "kafka.security.identity=managed",
                "kafka.security.scope=s",
            ],
            &[]
        ),
        [
            "identity: has no effect without the mechanism oauthbearer",
            "scope: has no effect without the mechanism oauthbearer",
        ]
    );
    assert_eq!(
        faults(
            &[
                "kafka.security.identity=client_secret",
                "kafka.security.tenant_id=not a tenant",
                "kafka.security.client_id=c",
                "kafka.security.client_secret=hunter2",
                "kafka.security.authority_host=http://login.example",
            ],
            &[]
        ),
        [
            "authority_host: is not an https address",
            "tenant_id: is neither the id nor the domain of a tenant",
        ]
    );
}

#[test]
fn a_client_secret_is_read_again_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "hunter2\n").unwrap();
    let file = key("client_secret_file", &path);
    let set = [
        "kafka.security.identity=client_secret",
        APPLICATION[0],
        APPLICATION[1],
        &file,
    ];
    let IdentitySource::ClientSecret { secret, .. } = identity(&set, &[]).source else {
        panic!("another identity");
    };
    assert_eq!(secret, SecretText::File(path.clone()));
    assert_eq!(secret.read().unwrap().expose(), "hunter2");
    fs::write(&path, "hunter3\n").unwrap();
    assert_eq!(secret.read().unwrap().expose(), "hunter3");
    fs::remove_file(&path).unwrap();
    assert!(secret.read().unwrap_err().contains("cannot be read"));
}

#[test]
fn a_client_certificate_must_be_one_that_entra_id_takes() {
    let authority = Certificate::authority("test authority");
    let good = authority.signed("application", 30);
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "hunter2").unwrap();
    let password = key("client_certificate_password_file", &password);
    let check = |bytes: Vec<u8>, with_password: bool| -> Vec<String> {
        let path = folder.path().join("certificate");
        fs::write(&path, bytes).unwrap();
        let file = key("client_certificate_file", &path);
        let mut set = vec![
            "kafka.security.identity=client_certificate",
            APPLICATION[0],
            APPLICATION[1],
            &file,
        ];
        if with_password {
            set.push(&password);
        }
        match Settings::load(&sources(&set, &[])) {
            Ok(_) => Vec::new(),
            Err(_) => faults(&set, &[]),
        }
    };
    let accepted: [String; 0] = [];
    let both = [good.key_pem(), good.pem(), authority.pem()].concat();
    assert_eq!(check(both, false), accepted);
    let encrypted = [good.pem(), good.encrypted_key_pem("hunter2")].concat();
    assert_eq!(check(encrypted.clone(), true), accepted);
    assert_eq!(check(good.pkcs12("hunter2"), true), accepted);

    let reason = |text: &str| [format!("client_certificate_file: {text}")];
    let no_key = "the private key is missing, or its password is another";
    assert_eq!(check(encrypted, false), reason(no_key));
    assert_eq!(check(good.pem(), false), reason(no_key));
    let neither = "holds neither PEM nor PKCS#12, or its password is another";
    assert_eq!(check(good.pkcs12("another"), true), reason(neither));
    assert_eq!(check(b"hunter2".to_vec(), false), reason(neither));
    let strange = [good.key_pem(), authority.pem()].concat();
    let none = "no certificate in it belongs to its key";
    assert_eq!(check(strange, false), reason(none));
    let elliptic = authority.signed_elliptic("application");
    let elliptic = [elliptic.key_pem(), elliptic.pem()].concat();
    let no_rsa = "its key is no RSA key, and Entra ID signs in with RSA only";
    assert_eq!(check(elliptic, false), reason(no_rsa));
    let old = authority.signed("application", 0);
    let old = [old.key_pem(), old.pem()].concat();
    let expired = check(old, false).concat();
    assert!(expired.contains("its certificate expired on "), "{expired}");
}
