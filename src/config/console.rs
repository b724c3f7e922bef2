//! `[console]`: where the console listens, and who may use it.
use std::net::{Ipv4Addr, SocketAddr};

use axum::http::HeaderName;

use super::reader::Reader;
use super::settings::{Access, Console};
use crate::privacy_key::MIN_SECRET_CHARS;

const LISTEN: &str = "console.listen";
const TOKEN: [&str; 2] = ["console.token", "console.token_file"];
const HEADER: &str = "console.proxy_header";

pub(super) fn read(reader: &mut Reader) -> Console {
    let listen = reader.address(LISTEN, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let token = reader.secret(TOKEN[0], TOKEN[1]);
    let header = reader.optional_text(HEADER);
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
        hosts,
    }
}
