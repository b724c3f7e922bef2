//! Who may use the console, and what a browser may do with its pages.
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use form_urlencoded::Serializer;

use super::Console;
use super::pages::{Frame, message};
use super::session::Sessions;
use crate::config::{self, Access};
use crate::http::Peer;
use crate::policies::IpRange;
use crate::query::inert::Inert;

/// Nothing is loaded but the style sheet, nothing runs, nobody frames it, forms lead nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

pub const STYLE: &str = "/style.css";
pub const LOGIN: &str = "/login";

pub struct Guard {
    sessions: Option<Sessions>,
    proxy_header: Option<HeaderName>,
    /// From where that proxy connects; empty: from this machine.
    proxies: Vec<IpRange>,
    /// The names it may be asked by; `None`: any, as a session proves more than a name.
    hosts: Option<Vec<String>>,
}

/// Whom the proxy named.
#[derive(Debug, Clone, Default)]
pub struct Visitor(pub Option<String>);

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// Asked by a name that is not its own.
    Host,
    /// Another site made the browser ask.
    OtherSite,
    /// The proxy names nobody.
    Nobody,
    /// It comes from elsewhere than the proxy.
    NotTheProxy,
    /// No session.
    Stranger,
}

impl Guard {
    /// `None` as with [`Sessions::new`].
    pub fn new(settings: &config::Console) -> Option<Guard> {
        let sessions = match &settings.access {
            Access::Token(token) => Some(Sessions::new(token)?),
            Access::Machine | Access::Proxy(_) => None,
        };
        let proxy_header = match &settings.access {
            Access::Proxy(header) => Some(header.clone()),
            Access::Machine | Access::Token(_) => None,
        };
        Some(Guard {
            hosts: sessions.is_none().then(|| settings.hosts.clone()),
            sessions,
            proxy_header,
            proxies: settings.proxies.clone(),
        })
    }

    pub fn sessions(&self) -> Option<&Sessions> {
        self.sessions.as_ref()
    }

    fn admit(&self, request: &Request) -> Result<Visitor, Refusal> {
        let headers = request.headers();
        if self.proxy_header.is_some() && !self.is_the_proxy(request) {
            return Err(Refusal::NotTheProxy);
        }
        if !self.is_own_name(headers) {
            return Err(Refusal::Host);
        }
        if is_made_by_another_site(request.method(), headers) {
            return Err(Refusal::OtherSite);
        }
        let path = request.uri().path();
        if path == STYLE {
            return Ok(Visitor::default());
        }
        if let Some(name) = &self.proxy_header {
            let mut users = headers.get_all(name).iter();
            let user = users.next().and_then(|user| user.to_str().ok());
            let user = user.map(str::trim).filter(|user| !user.is_empty());
            return match (user, users.next()) {
                (Some(user), None) => Ok(Visitor(Some(Inert(user).to_string()))),
                _ => Err(Refusal::Nobody),
            };
        }
        if let Some(sessions) = &self.sessions
            && path != LOGIN
            && !sessions.has(headers, now())
        {
            return Err(Refusal::Stranger);
        }
        Ok(Visitor::default())
    }

    fn is_the_proxy(&self, request: &Request) -> bool {
        let Some(Peer(address)) = request.extensions().get::<Peer>() else {
            return false;
        };
        let address = address.to_canonical();
        if self.proxies.is_empty() {
            return address.is_loopback();
        }
        self.proxies.iter().any(|range| range.contains(address))
    }

    /// A page elsewhere may have its name point to this machine (DNS rebinding): it then asks here
    /// by that name, never by an address.
    fn is_own_name(&self, headers: &HeaderMap) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let Some(Ok(host)) = headers.get(header::HOST).map(HeaderValue::to_str) else {
            return false;
        };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || address.parse::<IpAddr>().is_ok()
            || hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A window may be led here from anywhere, by a link or by a page itself; nothing else may ask. Whether
/// a person followed the link cannot be asked for: who comes back from signing in at a proxy did not.
fn is_made_by_another_site(method: &Method, headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match said("sec-fetch-site") {
        None | Some("none" | "same-origin") => false,
        Some(_) => {
            *method != Method::GET
                || said("sec-fetch-mode") != Some("navigate")
                || said("sec-fetch-dest") != Some("document")
        }
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.unwrap_or_default().as_secs()
}

/// Lets in who may, and puts the headers on every answer.
pub async fn guard(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let mut response = match console.guard.admit(&request) {
        Ok(visitor) => {
            let mut request = request;
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(refusal) => console.guard.refuse(&refusal, &request),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

impl Guard {
    fn refuse(&self, refusal: &Refusal, request: &Request) -> Response {
        let frame = Frame::bare();
        match refusal {
            Refusal::Host => message(
                frame,
                StatusCode::MISDIRECTED_REQUEST,
                "Not by this name",
                &[
                    "The console answers to localhost, to addresses, and to the names in \
                   console.hosts. Where a proxy in front passes another name on, add that \
                   name there."
                        .to_owned(),
                ],
            ),
            Refusal::OtherSite => message(
                frame,
                StatusCode::FORBIDDEN,
                "Asked by another site",
                &["Open the console itself, or follow a link to it.".to_owned()],
            ),
            Refusal::Nobody => {
                let header = self.proxy_header.as_ref().map_or("", HeaderName::as_str);
                let text = format!(
                    "The proxy in front has to name its user in one header {header} \
                     (console.proxy_header). Use the console by way of that proxy."
                );
                message(frame, StatusCode::FORBIDDEN, "No user is named", &[text])
            }
            Refusal::NotTheProxy => message(
                frame,
                StatusCode::FORBIDDEN,
                "Not by way of the proxy",
                &[
                    "Use the console by way of the proxy in front. Its addresses stand in \
                   console.proxy_addresses; without them it is on the console's machine."
                        .to_owned(),
                ],
            ),
            Refusal::Stranger if request.method() == Method::GET => {
                let path = request.uri().path_and_query();
                let next = path.map_or("/", |path| path.as_str());
                let query = Serializer::new(String::new())
                    .append_pair("next", next)
                    .finish();
                Redirect::to(&format!("{LOGIN}?{query}")).into_response()
            }
            Refusal::Stranger => message(
                frame,
                StatusCode::FORBIDDEN,
                "The session has ended",
                &["Sign in with the token, and try again.".to_owned()],
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;

    use super::*;
    use crate::config::Secret;

    fn guard(listen: &str, access: Access, hosts: &[&str]) -> Guard {
        Guard::new(&config::Console {
            listen: listen.parse::<SocketAddr>().unwrap(),
            access,
            proxies: Vec::new(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
        })
        .unwrap()
    }

    fn admits(guard: &Guard, headers: &[(&str, &str)]) -> Result<Option<String>, Refusal> {
        admits_from("127.0.0.1", guard, headers)
    }

    fn admits_from(
        peer: &str,
        guard: &Guard,
        headers: &[(&str, &str)],
    ) -> Result<Option<String>, Refusal> {
        let request = headers.iter().fold(
            Request::builder().uri("/search"),
            |request, (name, value)| request.header(*name, *value),
        );
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        guard.admit(&request).map(|visitor| visitor.0)
    }

    #[test]
    fn without_a_token_it_answers_to_its_own_names_alone() {
        let own = guard("127.0.0.1:1", Access::Machine, &["signins.example"]);
        for (host, is_own) in [
            ("localhost", true),
            ("LocalHost:9465", true),
            ("127.0.0.1:9465", true),
            ("127.8.8.8", true),
            ("[::1]:9465", true),
            ("[::1]", true),
            ("signins.example:443", true),
            ("evil.example:9465", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1:9465", true),
            ("10.0.0.1.evil.example", false),
            ("", false),
        ] {
            let admitted = admits(&own, &[("host", host)]);
            assert_eq!(admitted == Ok(None), is_own, "{host}: {admitted:?}");
        }
        assert_eq!(admits(&own, &[]), Err(Refusal::Host));
    }

    #[test]
    fn another_site_can_link_to_it_and_nothing_else() {
        let own = guard("127.0.0.1:1", Access::Machine, &[]);
        let ask = |site, mode, dest| {
            admits(
                &own,
                &[
                    ("host", "localhost"),
                    ("sec-fetch-site", site),
                    ("sec-fetch-mode", mode),
                    ("sec-fetch-dest", dest),
                ],
            )
        };
        assert_eq!(ask("same-origin", "navigate", "document"), Ok(None));
        assert_eq!(ask("none", "navigate", "document"), Ok(None));
        assert_eq!(ask("cross-site", "navigate", "document"), Ok(None));
        for (mode, dest) in [
            ("no-cors", "image"),
            ("navigate", "iframe"),
            ("cors", "empty"),
        ] {
            for site in ["cross-site", "same-site"] {
                assert_eq!(ask(site, mode, dest), Err(Refusal::OtherSite));
            }
        }
    }

    #[test]
    fn behind_a_proxy_one_user_is_named() {
        let header = HeaderName::from_static("x-forwarded-user");
        let mut own = guard("127.0.0.1:1", Access::Proxy(header), &["signins.example"]);
        let name = "x-forwarded-user";
        let ada = [("host", "signins.example"), (name, "ada")];
        assert_eq!(admits(&own, &ada), Ok(Some("ada".to_owned())));
        let other = [("host", "evil.example"), (name, "ada")];
        assert_eq!(admits(&own, &other), Err(Refusal::Host));
        assert_eq!(admits(&own, &ada[1..]), Err(Refusal::Host));
        let elsewhere = admits_from("10.0.0.7", &own, &ada);
        assert_eq!(elsewhere, Err(Refusal::NotTheProxy));
        own.proxies = vec![IpRange::from_cidr("10.0.0.0/24").unwrap()];
        assert!(admits_from("10.0.0.7", &own, &ada).is_ok());
        assert!(admits_from("::ffff:10.0.0.7", &own, &ada).is_ok());
        assert_eq!(admits(&own, &ada), Err(Refusal::NotTheProxy));
        own.proxies.clear();
        let admits = |guard: &Guard, headers: &[(&str, &str)]| {
            admits(guard, &[&[("host", "127.0.0.1:1")], headers].concat())
        };
        assert_eq!(
            admits(&own, &[(name, "adå")]),
            Err(Refusal::Nobody),
            "no text"
        );
        assert_eq!(admits(&own, &[(name, "ada")]), Ok(Some("ada".to_owned())));
        for headers in [
            &[][..],
            &[(name, " ")],
            &[(name, "ada"), (name, "eve")],
            &[("x-forwarded-users", "ada")],
        ] {
            assert_eq!(admits(&own, headers), Err(Refusal::Nobody), "{headers:?}");
        }
    }

    #[test]
    fn with_a_token_nothing_is_shown_without_a_session() {
        let token = Secret::new("the-token-of-the-console-of-the-tests".to_owned());
        let own = guard("0.0.0.0:1", Access::Token(token), &[]);
        let cookie = own.sessions().unwrap().begin(now(), false);
        let cookie = cookie.split(';').next().unwrap();
        assert_eq!(admits(&own, &[]), Err(Refusal::Stranger));
        assert_eq!(admits(&own, &[("cookie", cookie)]), Ok(None));
    }
}
