//! Who may ask, and what nobody can ask for.
use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::served::{DEADLINE, Served};
use crate::story;

const TOKEN: &str = "the-token-of-the-console-of-the-tests";

fn with_token() -> Served {
    Served::start(&story(), &[&format!("console.token={TOKEN}")])
}

#[test]
fn every_answer_forbids_the_browser_what_a_page_does_not_need() {
    let served = Served::start(&story(), &[]);
    let paths = [
        "/",
        "/search",
        "/search?code=x",
        "/review/3987a7dc",
        "/review/x",
        "/style.css",
        "/nowhere",
        "/logout",
    ];
    for path in paths {
        let answer = served.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        assert!(!answer.body.contains("<script"), "{path}");
    }
    for (path, status) in [
        ("/", 200),
        ("/search", 200),
        ("/search?code=x", 400),
        ("/review/3987a7dc", 200),
        ("/review/x", 400),
        ("/review/12345678", 404),
        ("/nowhere", 404),
        ("/logout", 405),
    ] {
        assert_eq!(served.get(path).status, status, "{path}");
    }
}

#[test]
fn without_a_token_only_pages_of_its_own_name_are_answered() {
    let served = Served::start(&story(), &["console.hosts=signins.example"]);
    for (host, status) in [
        ("localhost", 200),
        ("signins.example", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:80", 421),
    ] {
        let answer = served.ask("GET", "/search", &[("host", host)], "");
        assert_eq!(answer.status, status, "{host}");
        assert_eq!(answer.body.contains("fabrikam"), status == 200, "{host}");
    }
    let by = |site: &str, mode: &str, dest: &str| {
        let headers = [
            ("sec-fetch-site", site),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", dest),
        ];
        served.ask("GET", "/search", &headers, "").status
    };
    assert_eq!(by("same-origin", "navigate", "document"), 200);
    assert_eq!(by("cross-site", "navigate", "document"), 200, "a link");
    for (mode, dest) in [
        ("no-cors", "script"),
        ("cors", "empty"),
        ("navigate", "iframe"),
    ] {
        assert_eq!(by("cross-site", mode, dest), 403, "{mode} {dest}");
    }
}

#[test]
fn with_a_token_nothing_is_shown_before_it_is_given() {
    let mut served = with_token();
    for path in ["/", "/search", "/review/3987a7dc", "/nowhere"] {
        let answer = served.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer
                .header("location")
                .unwrap()
                .starts_with("/login?next=%2F")
        );
        assert!(!answer.body.contains("fabrikam"));
    }
    assert_eq!(served.ask("POST", "/search", &[], "").status, 403);
    assert_eq!(served.get("/login?next=%2Fsearch").status, 200);
    assert_eq!(
        served
            .ask(
                "POST",
                "/login",
                &[],
                "token=wrong-token-of-the-tests&next=/"
            )
            .status,
        403
    );
    let other = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let body = format!("token={TOKEN}&next=%2Fsearch%3Fcode%3D53003");
    assert_eq!(served.ask("POST", "/login", &other, &body).status, 403);

    let answer = served.ask("POST", "/login", &[("x-forwarded-proto", "https")], &body);
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/search?code=53003"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap().to_owned();
    let shown = served.ask("GET", "/search", &[("cookie", &session)], "");
    assert!(shown.status == 200 && shown.body.contains("fabrikam"));
    let ended = served.ask("POST", "/logout", &[("cookie", &session)], "");
    assert!(
        ended
            .header("set-cookie")
            .unwrap()
            .contains("=; Path=/; Max-Age=0;")
    );
    for forged in ["signin_console=99999999999.00", &session.replace('.', ".0")] {
        assert_eq!(
            served
                .ask("GET", "/search", &[("cookie", forged)], "")
                .status,
            303
        );
    }
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let answer = served.ask("POST", "/login", &[], &format!("token={TOKEN}&next={next}"));
        assert_eq!(answer.header("location"), Some("/"), "{next}");
    }
    assert_eq!(served.stop().code(), Some(0));
    let log = served.log();
    assert!(log.contains("A wrong token was given"), "{log}");
    assert!(!log.contains("of-the-tests"), "{log}");
}

#[test]
fn behind_a_proxy_only_whom_it_names_is_answered() {
    let served = Served::start(&story(), &["console.proxy_header=X-Forwarded-User"]);
    assert_eq!(served.get("/search").status, 403);
    let named = served.ask("GET", "/search", &[("x-forwarded-user", "<i>ada</i>")], "");
    assert!(
        named.status == 200 && named.body.contains("&#60;i&#62;ada"),
        "{}",
        named.body
    );
    let other = [("host", "evil.example"), ("x-forwarded-user", "ada")];
    assert_eq!(served.ask("GET", "/search", &other, "").status, 421);
    let twice = [("x-forwarded-user", "ada"), ("x-forwarded-user", "eve")];
    assert_eq!(served.ask("GET", "/search", &twice, "").status, 403);

    let header = "console.proxy_header=X-Forwarded-User";
    let elsewhere = ["console.proxy_addresses=192.0.2.0/24", header];
    let served = Served::start(&story(), &elsewhere);
    let answer = served.ask("GET", "/search", &[("x-forwarded-user", "ada")], "");
    assert!(answer.status == 403 && !answer.body.contains("fabrikam"));
}

#[test]
fn no_request_makes_it_fall() {
    let mut served = with_token();
    let much = "a".repeat(200_000);
    let requests: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0\xff\xfe\r\n\r\n".to_vec(),
        b"GET".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET http://[::1 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"GET /review/%ff%00%zz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"GET /login?next=%ff%fe&next=%0d%0a HTTP/1.1\r\nhost: \xff\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"CONNECT a:1 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n"
            .to_vec(),
        b"POST /login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
            .to_vec(),
        format!("POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 200000\r\n\r\n{much}")
            .into_bytes(),
        format!("GET /{much} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\ncookie: {much}\r\n\r\n").into_bytes(),
        format!(
            "GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
            "a: b\r\n".repeat(1_000)
        )
        .into_bytes(),
    ];
    for request in requests {
        let mut stream = served.connect();
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let end = stream.read_to_end(&mut Vec::new());
        let is_late = end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!is_late, "neither an answer nor an end");
    }
    let big = format!("token={much}");
    let answer = served.ask("POST", "/login", &[], &big[..9_000]);
    assert_eq!(answer.status, 400, "a form has no room for that");
    let session = served.ask("POST", "/login", &[], &format!("token={TOKEN}"));
    let session = session
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    for query in [
        "from=9999999999999999999999d",
        "to=-9999-01-01",
        "rows=99999999999999999999",
        "code=9223372036854775808",
        "ip=0.0.0.0/99",
        "ip=::/129",
        "delay=999999999999w",
        "columns=,,,",
        "sort=-",
        "group=",
        "country=%F0%9F%8F%B4",
        "user=%00%ff%0d%0a",
        "&&&===;;;%",
        "from=all&to=all",
        "from=0001-01-01&to=9999-12-31",
    ] {
        let answer = served.ask(
            "GET",
            &format!("/search?{query}"),
            &[("cookie", &session)],
            "",
        );
        assert!(
            matches!(answer.status, 200 | 400),
            "{query}: {}",
            answer.status
        );
        let answer = served.ask(
            "GET",
            &format!("/review/3987a7dc?{query}"),
            &[("cookie", &session)],
            "",
        );
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{query}: {}",
            answer.status
        );
    }
    assert_eq!(served.stop().code(), Some(0));
    let log = served.log();
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn connections_that_say_nothing_are_closed_and_make_room() {
    let served = Served::start(&story(), &[]);
    let silent: Vec<_> = (0..32).map(|_| served.connect()).collect();
    let more = served.send(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(more.is_none(), "there is no room for it");
    for mut stream in silent {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest);
        assert!(closed.is_ok(), "{closed:?}");
    }
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn what_cannot_be_found_or_read_is_told() {
    let mut records = story();
    records.push(json!({ "schema_version": 99, "diagnosis_id": "later" }));
    records.push(json!("no record"));
    for n in [1, 2] {
        let mut same = records[n].clone();
        same["diagnosis_id"] = format!("aaaaaaaa-0000-5000-8000-00000000000{n}").into();
        records.push(same);
    }
    let served = Served::start(&records, &[]);
    let page = |path: &str| served.get(path).body;
    let list = page("/search");
    assert!(
        list.contains("1 record is of schema version 99 left out"),
        "{list}"
    );
    assert!(
        list.contains("1 record is left out: no diagnosis records."),
        "{list}"
    );
    assert!(page("/search?user=nobody").contains("Nothing in "));
    let several = served.get("/review/aaaaaaaa");
    assert_eq!(several.status, 300);
    assert!(
        several.body.contains("2 sign-ins have this id"),
        "{}",
        several.body
    );
    let faults = page("/search?from=soon&columns=colour&usr=x&rows=0");
    for text in [
        "From &#34;soon&#34;",
        "colour",
        "There is no field &#34;usr&#34;",
        "Rows is a number",
    ] {
        assert!(faults.contains(text), "{text}: {faults}");
    }
    let impossible = page("/search?from=2026-03-02&to=2026-03-01");
    assert!(impossible.contains("is not after From"), "{impossible}");
}
