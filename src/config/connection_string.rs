//! The connection string of an Event Hubs namespace.

/// What is read from it; the string itself is the password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConnectionString<'t> {
    pub host: &'t str,
    /// `EntityPath`: the one hub that the string is meant for.
    pub hub: Option<&'t str>,
}

const SHAPE: &str = "Endpoint=sb://<namespace>.servicebus.windows.net/;\
                     SharedAccessKeyName=<name>;SharedAccessKey=<key>";

/// Reads `Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…[;EntityPath=…]`. The reason of
/// a refusal never repeats any part of the text.
pub(super) fn parse(text: &str) -> Result<ConnectionString<'_>, String> {
    let mut endpoint = None;
    let mut key_name = false;
    let mut key = false;
    let mut hub = None;
    for part in text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        // A key is base64 and may end with `=`: only the first one separates.
        let Some((name, value)) = part.split_once('=') else {
            return Err(format!("is not a connection string ({SHAPE})"));
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("Endpoint") {
            endpoint = Some(value);
        } else if name.eq_ignore_ascii_case("SharedAccessKeyName") {
            key_name = !value.is_empty();
        } else if name.eq_ignore_ascii_case("SharedAccessKey") {
            key = !value.is_empty();
        } else if name.eq_ignore_ascii_case("EntityPath") {
            hub = (!value.is_empty()).then_some(value);
        } else if name.eq_ignore_ascii_case("SharedAccessSignature") {
            return Err("holds a SAS token, which the Kafka endpoint does not accept".to_owned());
        }
    }
    let host = endpoint.and_then(host);
    let missing: Vec<&str> = [
        (host.is_none(), "Endpoint=sb://<host>/"),
        (!key_name, "SharedAccessKeyName"),
        (!key, "SharedAccessKey"),
    ]
    .into_iter()
    .filter_map(|(missing, name)| missing.then_some(name))
    .collect();
    match host {
        Some(host) if missing.is_empty() => Ok(ConnectionString { host, hub }),
        _ => Err(format!("lacks {}", missing.join(", "))),
    }
}

fn host(endpoint: &str) -> Option<&str> {
    let scheme = endpoint.get(..5)?;
    let host = endpoint.get(5..)?.trim_end_matches('/');
    // AMQP's port may follow; Kafka's is another.
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (scheme.eq_ignore_ascii_case("sb://") && !host.is_empty() && host.bytes().all(plain))
        .then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_names_its_host_and_hub() {
        for (text, host, hub) in [
            (
                "Endpoint=sb://example.servicebus.windows.net/;SharedAccessKeyName=send;\
                 SharedAccessKey=c2VjcmV0a2V5==",
                "example.servicebus.windows.net",
                None,
            ),
            (
                " endpoint=SB://localhost:5672 ; sharedaccesskeyname=a; sharedaccesskey=b ;\
                 UseDevelopmentEmulator=true;EntityPath=sign-ins;",
                "localhost",
                Some("sign-ins"),
            ),
        ] {
            assert_eq!(parse(text), Ok(ConnectionString { host, hub }), "{text}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_missing_and_repeats_nothing() {
        for (text, reason) in [
            (
                "",
                "lacks Endpoint=sb://<host>/, SharedAccessKeyName, SharedAccessKey",
            ),
            ("c2VjcmV0", "is not a connection string"),
            (
                "Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=",
                "lacks SharedAccessKey",
            ),
            (
                "Endpoint=https://c2VjcmV0/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0",
                "lacks Endpoint",
            ),
            (
                "Endpoint=sb://h/;SharedAccessSignature=c2VjcmV0",
                "SAS token",
            ),
            ("Endpoint=é;SharedAccessKey=c2VjcmV0", "lacks Endpoint"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
            assert!(!refused.contains("c2VjcmV0"), "{refused}");
        }
    }
}
