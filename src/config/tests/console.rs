//! `[console]`: who may reach it.
use super::*;

/// Long enough, and nowhere to be seen.
const CONSOLE_TOKEN: &str = "the-token-of-the-console-of-the-tests";

#[test]
fn a_console_that_others_reach_asks_who_they_are() {
    let refusals = |set: &[&str]| -> Vec<String> {
        let faults = refused(&with(set));
        assert!(!faults.contains(CONSOLE_TOKEN), "{faults}");
        let keys = faults
            .lines()
            .filter_map(|line| line.split([' ', ':']).next());
        keys.map(ToOwned::to_owned).collect()
    };
    let token = format!("console.token={CONSOLE_TOKEN}");
    let (open, header) = (
        "console.listen=0.0.0.0:9465",
        "console.proxy_header=X-Forwarded-User",
    );
    assert_eq!(refusals(&[open]), ["console.listen"]);
    assert_eq!(refusals(&["console.listen=[::]:9465"]), ["console.listen"]);
    assert_eq!(refusals(&[open, "console.token=short"]), ["console.token"]);
    assert_eq!(
        refusals(&[open, "console.token_file=missing"]),
        ["console.token_file"]
    );
    assert_eq!(
        refusals(&["console.proxy_header=X User"]),
        ["console.proxy_header"]
    );
    assert_eq!(refusals(&[&token, header]), ["console.proxy_header"]);
    for name in [
        "User-Agent",
        "host",
        "Accept-Language",
        "Sec-Fetch-User",
        "X-Forwarded-For",
    ] {
        let set = format!("console.proxy_header={name}");
        assert_eq!(refusals(&[&set]), ["console.proxy_header"], "{name}");
    }
    // Who else reaches the port could name any user.
    let proxies = "console.proxy_addresses=10.0.0.7,10.1.0.0/16";
    assert_eq!(refusals(&[open, header]), ["console.proxy_addresses"]);
    assert_eq!(refusals(&[proxies]), ["console.proxy_addresses"]);
    assert_eq!(
        refusals(&[header, "console.proxy_addresses=proxy.example"]),
        ["console.proxy_addresses"]
    );

    let files = Files::new();
    let path = files.write("token", format!("{CONSOLE_TOKEN}\n"));
    let file = format!("console.token_file={}", path.display());
    for (set, is_token) in [(&*token, true), (&*file, true), (header, false)] {
        let proxies = if set == header {
            proxies
        } else {
            "console.hosts="
        };
        let set_all = with(&[open, set, proxies]);
        let (_, console) = Settings::load_all(&set_all).unwrap();
        assert_eq!(
            matches!(console.access, Access::Token(_)),
            is_token,
            "{set}"
        );
        assert_eq!(
            matches!(console.access, Access::Proxy(_)),
            !is_token,
            "{set}"
        );
        assert!(!format!("{console:?}").contains(CONSOLE_TOKEN));
    }
}

#[test]
fn the_service_reads_no_secret_of_the_console() {
    let sources = with(&["console.listen=0.0.0.0:1", "console.token_file=missing"]);
    assert!(Settings::load(&sources).is_ok());
    let faults = refused(&sources);
    assert!(faults.contains("console.token_file"), "{faults}");
}

#[test]
fn a_console_over_files_needs_no_broker() {
    let sources = Sources {
        set: vec!["console.listen=127.0.0.1:1".to_owned()],
        ..Sources::default()
    };
    let (console, ..) = Settings::console(&sources).unwrap();
    assert_eq!(console.listen, SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!(console.access, Access::Machine);
}
