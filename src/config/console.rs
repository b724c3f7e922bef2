//! `[console]`: where the console listens, and who may use it.
use std::net::{Ipv4Addr, SocketAddr};

use axum::http::HeaderName;

use super::reader::Reader;
use super::settings::{Access, Console};
use crate::policies::IpRange;
use crate::privacy_key::MIN_SECRET_CHARS;

const LISTEN: &str = "console.listen";
const TOKEN: [&str; 2] = ["console.token", "console.token_file"];
const HEADER: &str = "console.proxy_header";
const PROXIES: &str = "console.proxy_addresses";

/// What browsers and proxies send of themselves, whoever the user is; and `accept*`, `sec-*`.
const OF_ANYBODY: [&str; 23] = [
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "dnt",
    "forwarded",
    "host",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

fn is_of_anybody(header: &HeaderName) -> bool {
    let name = header.as_str();
    OF_ANYBODY.contains(&name) || name.starts_with("accept") || name.starts_with("sec-")
}

pub(super) fn read(reader: &mut Reader) -> Console {
    let listen = reader.address(LISTEN, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let token = reader.secret(TOKEN[0], TOKEN[1]);
    let header = reader.optional_text(HEADER);
    let proxies = proxies(reader, listen, header.is_some());
    let hosts = reader.list("console.hosts");
    let is_set = |reader: &Reader, key: &str| reader.is_set(key) || reader.has_fault(key);
    let has_token = TOKEN.iter().any(|key| is_set(reader, key));
    if let Some(token) = &token {
        let chars = token.expose().chars().count();
        if chars < MIN_SECRET_CHARS {
            let key = TOKEN.into_iter().find(|key| reader.is_set(key));
            reader.fault(
                key.unwrap_or(TOKEN[1]),
                format!("the token has {chars} characters, which can be guessed"),
                format!("use at least {MIN_SECRET_CHARS}; `openssl rand -hex 32` makes a good one"),
            );
        }
    }
    if has_token && header.is_some() {
        let remedy = "set only one of the two: the proxy knows its users, or the console asks \
                      for the token";
        reader.fault(HEADER, "a token is set as well", remedy);
    }
    if !listen.ip().is_loopback() && !has_token && header.is_none() && !reader.has_fault(LISTEN) {
        reader.fault(
            LISTEN,
            "others than this machine reach it, and it shows personal data to whoever asks",
            "name a file with a token as console.token_file (`openssl rand -hex 32` makes one), \
             or the header in which a proxy in front names its user as console.proxy_header, or \
             listen on 127.0.0.1",
        );
    }
    let access = match (token, header) {
        (Some(token), _) => Access::Token(token),
        (None, Some(name)) => {
            if let Ok(name) = HeaderName::from_bytes(name.trim().as_bytes()) {
                if is_of_anybody(&name) {
                    let remedy = "name the one in which the proxy puts its user, such as \
                                  X-Forwarded-User";
                    reader.fault(HEADER, "is sent by everybody, and names no user", remedy);
                }
                Access::Proxy(name)
            } else {
                let remedy = "write the name of a header, such as X-Forwarded-User";
                reader.fault(HEADER, "is not the name of an HTTP header", remedy);
                Access::Machine
            }
        }
        (None, None) => Access::Machine,
    };
    Console {
        listen,
        access,
        proxies,
        hosts,
    }
}

/// From where the proxy may connect: who else reached the port could name any user.
fn proxies(reader: &mut Reader, listen: SocketAddr, has_header: bool) -> Vec<IpRange> {
    let given = reader.list(PROXIES);
    let ranges: Option<Vec<_>> = given.iter().map(|text| IpRange::from_cidr(text)).collect();
    let is_given = !given.is_empty() || reader.has_fault(PROXIES);
    if ranges.is_none() {
        let remedy = "write each as 10.0.0.7 or 10.0.0.0/24";
        reader.fault(PROXIES, "are not all addresses or ranges", remedy);
    } else if is_given && !has_header {
        let remedy = "set console.proxy_header as well, or leave it empty";
        reader.fault(PROXIES, "there is no proxy that names users", remedy);
    } else if has_header && !is_given && !listen.ip().is_loopback() {
        reader.fault(
            PROXIES,
            "whoever reaches the console could name any user",
            "name the addresses that the proxy connects from, such as 10.0.0.7 or 10.0.0.0/24, or \
             listen on 127.0.0.1",
        );
    }
    ranges.unwrap_or_default()
}
