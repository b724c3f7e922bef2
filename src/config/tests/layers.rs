//! How the sources lie over each other, and what each says of itself.
use super::*;

#[test]
fn a_later_layer_wins() {
    let files = Files::new();
    let first = files.write("first.toml", "workers = 1\n[input]\nstart = 'latest'\n");
    let second = files.write("second.toml", "workers = 2\n[output]\nkey = 'none'\n");
    let sources = Sources {
        files: vec![first, second],
        ..with(&["telemetry.log_format=json"])
    };
    let sources = in_environment(
        sources,
        &[
            ("SIGNIN_DIAGNOSTICS__OUTPUT__KEY", "sign_in"),
            ("SIGNIN_DIAGNOSTICS__TELEMETRY__LOG_FORMAT", "text"),
            ("SIGNIN_DIAGNOSTICS__INPUT__TOPICS", "shadowed"),
            ("SIGNIN_DIAGNOSTICS_UNRELATED", "x"),
            ("PATH", "/bin"),
        ],
    );
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.workers, 2);
    assert_eq!(settings.input.start, Start::Latest);
    assert_eq!(settings.output.key, MessageKey::SignIn);
    assert_eq!(settings.telemetry.log_format, LogFormat::Json);
    assert_eq!(settings.input.topics, ["sign-ins"]);
}

#[test]
fn values_of_the_environment_stay_text_and_lists_are_separated_by_commas() {
    let sources = in_environment(
        with(&["input.topics= a , b,,c "]),
        &[
            ("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PROTOCOL", "sasl_ssl"),
            ("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__USERNAME", "true"),
            ("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD", "0123"),
            ("SIGNIN_DIAGNOSTICS__WORKERS", "3"),
            ("SIGNIN_DIAGNOSTICS__INPUT__PREFETCH_BYTES", "2097152"),
            ("SIGNIN_DIAGNOSTICS__OUTPUT__DETAIL__DEFAULT", "none"),
            (
                "SIGNIN_DIAGNOSTICS__OUTPUT__DETAIL__SESSION_EXPIRED",
                "full",
            ),
        ],
    );
    let settings = Settings::load(&sources).unwrap();
    let (_, username, password) = password(&settings);
    assert_eq!((username, password), ("true", "0123"));
    assert_eq!(settings.input.topics, ["a", "b", "c"]);
    assert_eq!(settings.workers, 3);
    assert_eq!(settings.input.prefetch_bytes, 2 << 20);
    let detail = settings.output.detail;
    assert_eq!(detail.of(Scenario::SessionExpired), Detail::Full);
    assert_eq!(detail.of(Scenario::SuccessfulSignIn), Detail::Summary);
    assert_eq!(detail.of(Scenario::AccountLocked), Detail::None);
}

#[test]
fn librdkafka_settings_are_the_same_key_however_they_are_written() {
    let files = Files::new();
    let file = files.write(
        "a.toml",
        "[kafka.properties]\n\"linger.ms\" = 50\nsocket.timeout.ms = 61000\n\
         socket.keepalive.enable = true\n\"ssl.key.password\" = \"hunter2\"\n",
    );
    let sources = in_environment(
        in_file(with(&["kafka.properties.socket.timeout.ms=62000"]), file),
        &[("SIGNIN_DIAGNOSTICS__KAFKA__PROPERTIES__LINGER_MS", "20")],
    );
    let settings = Settings::load(&sources).unwrap();
    let properties: Vec<(&str, &str)> = settings
        .kafka
        .properties
        .iter()
        .map(|(name, property)| (name.as_str(), property.expose()))
        .collect();
    assert_eq!(
        properties,
        [
            ("linger.ms", "20"),
            ("socket.keepalive.enable", "true"),
            ("socket.timeout.ms", "62000"),
            ("ssl.key.password", "hunter2"),
        ]
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn faults_of_every_layer_are_told_together() {
    let files = Files::new();
    let broken = files.write(
        "broken.toml",
        "workers = 1\n[kafka.security]\npassword = \"hunter2\n",
    );
    let wrong = files.write(
        "wrong.toml",
        "telemetry.log_level = 'loud'\ntelemetry.log_format = 5\n[input]\ntopics = [1]\n",
    );
    let sources = Sources {
        files: vec![broken.clone(), PathBuf::from("absent.toml"), wrong.clone()],
        set: vec!["kafka.profile=confluent".to_owned()],
        environment: vec![(
            OsString::from("SIGNIN_DIAGNOSTICS__DELIVERY__DRAIN_TIMEOUT"),
            OsString::from("1 day"),
        )],
    };
    let text = refused(&sources);
    for part in [
        format!("{}, line 3: is not TOML: ", broken.display()),
        "--config absent.toml: the file cannot be read: ".to_owned(),
        format!(
            "telemetry.log_level = \"loud\" (in {}): is not one",
            wrong.display()
        ),
        format!(
            "telemetry.log_format = \"5\" (in {}): is not text",
            wrong.display()
        ),
        format!("input.topics = \"1\" (in {}): is not text", wrong.display()),
        "kafka.profile = \"confluent\" (by --set): is not one of".to_owned(),
        "delivery.drain_timeout = \"1 day\" (in SIGNIN_DIAGNOSTICS__DELIVERY__DRAIN_TIMEOUT): is \
         not a duration"
            .to_owned(),
        "output.topic = \"\": no topic is named".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}\nis not in\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_a_fault_without_its_bytes() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut sources = with(&[]);
    let name = OsString::from("SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__PASSWORD");
    let value = OsString::from_vec(b"hunter2\xff".to_vec());
    sources.environment.push((name, value));
    let text = refused(&sources);
    assert!(text.contains("is not UTF-8"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
