//! The way in where there is a token, and the way out.
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use tracing::warn;

use super::Shared;
use super::guard::{LOGIN, now};
use super::pages::{Frame, Login, message, page};
use super::session::Sessions;

/// A form with a token in it.
const BODY_BYTES: usize = 8 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(10);

pub async fn login(State(console): Shared, RawQuery(query): RawQuery) -> Response {
    if console.guard.sessions().is_none() {
        return Redirect::to("/").into_response();
    }
    let query = query.unwrap_or_default();
    ask_for_token(&value(query.as_bytes(), "next"), false)
}

fn ask_for_token(next: &str, is_wrong: bool) -> Response {
    let status = if is_wrong {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::OK
    };
    let login = Login {
        frame: Frame::bare(),
        next: own_path(next).to_owned(),
        is_wrong,
    };
    page(status, &login)
}

/// A value of a form; empty where it has none.
fn value(form: &[u8], name: &str) -> String {
    let mut pairs = form_urlencoded::parse(form);
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// A page of the console, and never another site's.
fn own_path(path: &str) -> &str {
    let is_own = path == "/"
        || ["/?", "/search?", "/review/"]
            .iter()
            .any(|start| path.starts_with(start));
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own && is_plain { path } else { "/" }
}

pub async fn log_in(State(console): Shared, headers: HeaderMap, body: Body) -> Response {
    let Some(sessions) = console.guard.sessions() else {
        return Redirect::to("/").into_response();
    };
    let body = tokio::time::timeout(BODY_DEADLINE, to_bytes(body, BODY_BYTES)).await;
    let Ok(Ok(body)) = body else {
        let texts = ["Send the form of the login page.".to_owned()];
        return message(
            Frame::bare(),
            StatusCode::BAD_REQUEST,
            "Not understood",
            &texts,
        );
    };
    let next = value(&body, "next");
    if !sessions.is_token(value(&body, "token").trim()) {
        warn!("A wrong token was given to the console");
        return ask_for_token(&next, true);
    }
    let secure = headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto == "https");
    let cookie = sessions.begin(now(), secure);
    (
        [(header::SET_COOKIE, cookie)],
        Redirect::to(own_path(&next)),
    )
        .into_response()
}

pub async fn log_out() -> Response {
    let cookie = Sessions::end();
    ([(header::SET_COOKIE, cookie)], Redirect::to(LOGIN)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_pages_of_the_console_alone() {
        for path in [
            "/",
            "/?user=x",
            "/search?user=x",
            "/review/3987a7dc?from=all",
        ] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/review/\\..",
            "/search?a\r\nb",
            "/login",
            "/review/é",
        ] {
            assert_eq!(own_path(path), "/", "{path:?}");
        }
    }
}
