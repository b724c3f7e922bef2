//! A fault for each wrong value, with its reason and its remedy.
use super::*;

/// A setting on top of the required ones, and the line that refuses it.
const REFUSED: [(&str, &str); 48] = [
    (
        "privacy.user=pseudonymise",
        "privacy.user = \"pseudonymise\" (by --set): a pseudonym needs a key, and none is set; name \
         a file with a secret of your own as privacy.key_file; `openssl rand -hex 32` makes one",
    ),
    (
        "privacy.address=hash",
        "privacy.address = \"hash\" (by --set): is not one of the choices; use \"keep\", \
         \"pseudonymise\" or \"drop\"",
    ),
    (
        "privacy.device=drop",
        "privacy.dead_letters = \"keep\": the bytes of a dead letter hold what the \
         other keys of this section take away; use \"encrypt\", or \"drop\" where nobody will need \
         them",
    ),
    (
        "privacy.dead_letters=encrypt",
        "privacy.dead_letters = \"encrypt\" (by --set): encryption needs a key, and none is set; \
         name a file with a secret of your own as privacy.key_file; `openssl rand -hex 32` makes \
         one",
    ),
    (
        "privacy.key=c2VjcmV0LWtleQ==",
        "privacy.key = *** (by --set): the secret has 16 characters, which can be guessed; use \
         at least 32; `openssl rand -hex 32` makes a good one",
    ),
    (
        "privacy.key_file=/nowhere/key",
        "privacy.key_file = \"/nowhere/key\" (by --set): the file cannot be read: No such file or \
         directory (os error 2); name a file that holds the secret alone, and that this user may \
         read",
    ),
    (
        "input.topic=a",
        "input.topic (by --set): is not a known key; did you mean input.topics?",
    ),
    (
        "telemetry.topics=a",
        "telemetry.topics (by --set): is not a known key; did you mean input.topics?",
    ),
    (
        "quite_another_thing=1",
        "quite_another_thing (by --set): is not a known key; config/signin-diagnostics.toml \
         lists every key",
    ),
    (
        "input=sign-ins",
        "input (by --set): is a section, not a single value; set one of its keys, such as \
         input.group_id",
    ),
    (
        "workers=many",
        "workers = \"many\" (by --set): is not a whole number; use a whole number from 0 to \
         256",
    ),
    (
        "workers=1000",
        "workers = \"1000\" (by --set): is out of range; use a whole number from 0 to 256",
    ),
    (
        "delivery.commit_interval=100ms",
        "delivery.commit_interval = \"100ms\" (by --set): is out of range; use a duration \
         from 1s to 1h, such as \"5s\"",
    ),
    (
        "delivery.commit_interval=5",
        "delivery.commit_interval = \"5\" (by --set): is not a duration with its unit; use a \
         duration from 1s to 1h, such as \"5s\"",
    ),
    (
        "delivery.drain_timeout=0s",
        "delivery.drain_timeout = \"0s\" (by --set): is out of range; use a duration from 1s \
         to 4m, such as \"5s\"",
    ),
    (
        "limits.decompressed_bytes=big",
        "limits.decompressed_bytes = \"big\" (by --set): is not a size; use a size from 1MiB \
         to 1GiB, such as \"16MiB\"",
    ),
    (
        "output.key=tenant",
        "output.key = \"tenant\" (by --set): is not one of the choices; use \"user\", \
         \"sign_in\" or \"none\"",
    ),
    (
        "output.detail.succesful_sign_in=full",
        "output.detail.succesful_sign_in = \"full\" (by --set): is not a scenario; did you \
         mean successful_sign_in?",
    ),
    (
        "output.detail.account_locked=brief",
        "output.detail.account_locked = \"brief\" (by --set): is not one of the choices; use \
         \"full\", \"summary\" or \"none\"",
    ),
    (
        "telemetry.listen=localhost:9464",
        "telemetry.listen = \"localhost:9464\" (by --set): is not an IP address with a port; \
         write an address and a port, such as 127.0.0.1:9464 or 0.0.0.0:9464",
    ),
    (
        "output.topic=sign-ins",
        "output.topic = \"sign-ins\" (by --set): is an input topic too: the service would \
         read its own records; name another topic",
    ),
    (
        "dead_letter.topic=sign-ins",
        "dead_letter.topic = \"sign-ins\" (by --set): is an input topic too: a dead letter \
         would be read again for ever; name another topic",
    ),
    (
        "dead_letter.topic=diagnoses",
        "dead_letter.topic = \"diagnoses\" (by --set): is the output topic too: its readers \
         would meet dead letters; name another topic",
    ),
    (
        "input.topics=sign-ins,logs/all",
        "input.topics = \"sign-ins,logs/all\" (by --set): \"logs/all\" is not a topic name: \
         letters, digits, '.', '_' and '-' only; name existing topics, or a pattern that begins \
         with '^'",
    ),
    (
        "input.topics=^logs(",
        "input.topics = \"^logs(\" (by --set): \"^logs(\" is no regular expression; name existing \
         topics, or a pattern that begins with '^'",
    ),
    (
        "input.topics=sign-ins,^diag",
        "output.topic = \"diagnoses\" (by --set): is matched by the pattern \"^diag\" of \
         input.topics: the service would read its own records; name another topic, or narrow the \
         pattern",
    ),
    (
        "input.topics=^sign-ins$,^dead-",
        "dead_letter.topic = \"dead-letters\" (by --set): is matched by the pattern \"^dead-\" of \
         input.topics: a dead letter would be read again for ever; name another topic, or narrow \
         the pattern",
    ),
    (
        "input.topics=a,a",
        "input.topics = \"a,a\" (by --set): names \"a\" twice; name each topic once",
    ),
    (
        "kafka.bootstrap_servers=localhost",
        "kafka.bootstrap_servers = \"localhost\" (by --set): is not a list of host:port; write \
         host:port, such as <namespace>.servicebus.windows.net:9093 or localhost:9092",
    ),
    (
        "kafka.security.mechanism=gssapi",
        "kafka.security.mechanism = \"gssapi\" (by --set): is not one of the choices; use \
         \"plain\", \"scram-sha-256\", \"scram-sha-512\" or \"oauthbearer\"",
    ),
    (
        "kafka.security.ca_file=missing.pem",
        "kafka.security.ca_file = \"missing.pem\" (by --set): has no effect without TLS; set \
         protocol to \"ssl\" or \"sasl_ssl\"",
    ),
    (
        "kafka.security.password=c2VjcmV0LWtleQ==",
        "kafka.security.password = *** (by --set): has no effect without a sasl protocol; set \
         kafka.security.protocol to \"sasl_ssl\"",
    ),
    (
        "kafka.security.pasword=c2VjcmV0LWtleQ==",
        "kafka.security.pasword (by --set): is not a known key; did you mean \
         kafka.security.password?",
    ),
    (
        "kafka.properties.group.id=x",
        "kafka.properties.group.id = \"x\" (by --set): is owned by the service: it has a key \
         of its own; use input.group_id",
    ),
    (
        "kafka.properties.sasl.password=c2VjcmV0LWtleQ==",
        "kafka.properties.sasl.password = *** (by --set): is owned by the service: it has a \
         key of its own; use kafka.security.password_file",
    ),
    (
        "kafka.properties.acks=1",
        "kafka.properties.acks = \"1\" (by --set): is owned by the service: a record counts \
         as written when all replicas have it; leave it out",
    ),
    (
        "kafka.properties.sokcet.timeout.ms=1",
        "kafka.properties.sokcet.timeout.ms = \"1\" (by --set): the client library refuses \
         it: No such configuration property: \"sokcet.timeout.ms\"; see librdkafka's \
         CONFIGURATION.md for names and ranges",
    ),
    (
        "kafka.properties.socket.timeout.ms=soon",
        "kafka.properties.socket.timeout.ms = \"soon\" (by --set): the client library refuses it: \
         Invalid value for configuration property \"socket.timeout.ms\"; see librdkafka's \
         CONFIGURATION.md for names and ranges",
    ),
    (
        "metrics.policies=yes",
        "metrics.policies = \"yes\" (by --set): is neither true nor false; use true or false",
    ),
    (
        "metrics.max_policies=0",
        "metrics.max_policies = \"0\" (by --set): is out of range; use a whole number from 1 to 1000",
    ),
    (
        "watch=alex@contoso.example",
        "watch (by --set): is a section, not a single value; set one of its keys, such as \
         watch.emergency.users",
    ),
    (
        "watch.emergency=alex@contoso.example",
        "watch.emergency = *** (by --set): is a section, not a single value; write \
         watch.emergency.users = [\"user@contoso.com\"]",
    ),
    (
        "watch.emergency.user=alex@contoso.example",
        "watch.emergency.user = *** (by --set): is not a known key; did you mean \
         watch.emergency.users?",
    ),
    (
        "watch.Break Glass.users=alex@contoso.example",
        "watch.Break Glass: is not a name for a watch list; use up to 40 lower-case letters, \
         digits, '_' and '-', such as emergency",
    ),
    (
        "watch.emergency.users=alex@contoso.example,Alex Doe",
        "watch.emergency.users = *** (by --set): element 2 is neither an object id nor a user \
         principal name; write object ids or user principal names, as [\"user@contoso.com\"]",
    ),
    (
        "watch.emergency.users=",
        "watch.emergency: lists no account; set watch.emergency.users or \
         watch.emergency.users_file, or leave it out",
    ),
    (
        "watch.emergency.users_file=missing.txt",
        "watch.emergency.users_file = \"missing.txt\" (by --set): cannot be read: No such file \
         or directory (os error 2); name a text file with one object id or user principal name \
         a line",
    ),
    (
        "no equals sign",
        "--set number 6: is not key=value; write it as --set input.start=latest",
    ),
];

#[test]
fn a_wrong_setting_is_named_with_value_reason_and_remedy() {
    for (set, line) in REFUSED {
        let text = refused(&with(&[set]));
        assert!(
            text.lines().any(|found| found == line),
            "{set}:\n{text}\nexpected\n{line}"
        );
    }
}

#[test]
fn a_start_before_1970_is_refused() {
    let faults = refused(&with(&["input.start=1969-12-31T23:59:59Z"]));
    assert!(faults.contains("before 1970"), "{faults}");
}
