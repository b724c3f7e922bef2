//! Which credentials go together, and that none is printed.
use super::*;

#[test]
fn the_event_hubs_overlay_needs_only_the_connection_string() {
    let sources = in_environment(
        in_file(Sources::default(), PathBuf::from(EVENT_HUBS)),
        &[(
            "SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__CONNECTION_STRING",
            &connection_string(""),
        )],
    );
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(
        settings.kafka.bootstrap_servers,
        "example.servicebus.windows.net:9093"
    );
    assert_eq!(settings.kafka.profile, Profile::EventHubs);
    assert_eq!(settings.kafka.security.protocol, Protocol::SaslSsl);
    assert!(!format!("{settings:?}").contains(SECRET));
    let (_, username, password) = password(&settings);
    assert_eq!(username, "$ConnectionString");
    assert_eq!(password, connection_string(""));
    assert_eq!(settings.input.topics.len(), 4);
}

#[test]
fn a_secret_file_is_read_without_its_line_end() {
    let files = Files::new();
    for (text, password) in [("0123\n", "0123"), (" a b \r\n", " a b "), ("x\n\n", "x\n")] {
        let path = files.write("password", text);
        let settings = Settings::load(&with(&[
            "kafka.security.protocol=sasl_plaintext",
            "kafka.security.mechanism=SCRAM-SHA-512",
            "kafka.security.username=service",
            &format!("kafka.security.password_file={}", path.display()),
        ]))
        .unwrap();
        let (mechanism, _, read) = super::tests::password(&settings);
        assert_eq!(mechanism, Mechanism::ScramSha512);
        assert_eq!(read, password, "{text:?}");
    }
}

#[test]
fn credentials_that_do_not_go_together_are_refused() {
    let files = Files::new();
    let password = files.write("password", "hunter2");
    let empty = files.write("empty", "\n");
    let pem = files.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let password = format!("kafka.security.password_file={}", password.display());
    let empty = format!("kafka.security.password_file={}", empty.display());
    let folder = format!("kafka.security.ca_file={}", files.0.path().display());
    let certificate = format!("kafka.security.certificate_file={}", pem.display());
    let string = format!("kafka.security.connection_string={}", connection_string(""));
    let of_hub = format!(
        "kafka.security.connection_string={}",
        connection_string(";EntityPath=another")
    );
    let sasl = "kafka.security.protocol=sasl_ssl";
    let user = "kafka.security.username=service";
    for (set, key, reason) in [
        (
            vec![sasl, user, "kafka.security.password=hunter2", &password],
            "kafka.security.password_file",
            "kafka.security.password is set as well",
        ),
        (
            vec![sasl, &password],
            "kafka.security.username",
            "needs a user name",
        ),
        (
            vec![sasl, user],
            "kafka.security.password",
            "needs a password",
        ),
        (
            vec![sasl, user, &empty],
            "kafka.security.password_file",
            "the file is empty",
        ),
        (
            vec![sasl, user, "kafka.security.password_file=absent"],
            "kafka.security.password_file",
            "cannot be read",
        ),
        (
            vec![sasl, user, &string],
            "kafka.security.username",
            "kafka.security.connection_string is set as well",
        ),
        (
            vec![sasl, &string, "kafka.security.mechanism=scram-sha-256"],
            "kafka.security.mechanism",
            "needs the mechanism plain",
        ),
        (
            vec![&string],
            "kafka.security.connection_string",
            "has no effect",
        ),
        (
            vec![sasl, "kafka.security.connection_string=c2VjcmV0LWtleQ=="],
            "kafka.security.connection_string",
            "lacks Endpoint",
        ),
        (
            vec![sasl, &of_hub],
            "kafka.security.connection_string",
            "names the hub \"another\"",
        ),
        (
            vec!["kafka.security.protocol=ssl", &folder],
            "kafka.security.ca_file",
            "is a folder",
        ),
        (
            vec!["kafka.security.protocol=ssl", &certificate],
            "kafka.security.key_file",
            "a certificate needs its key",
        ),
    ] {
        let faults = Settings::load(&with(&set)).expect_err("accepted");
        assert_eq!(faults.0.len(), 1, "{set:?}: {faults}");
        assert_eq!(faults.0[0].key, key, "{faults}");
        assert!(faults.0[0].reason.contains(reason), "{faults}");
        let text = faults.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains(SECRET),
            "{text}"
        );
    }
}

#[test]
fn a_secret_in_the_wrong_key_is_not_printed() {
    let string = connection_string("");
    for key in [
        "kafka.bootstrap_servers",
        "kafka.security.connection_string_file",
        "kafka.security.protocol",
        "output.topic",
        "kafka.properties.client.software",
        "kafka.security",
        "workers",
    ] {
        refused(&with(&[&format!("{key}={string}")]));
    }
}
