//! The console: define, select, review and take action in a browser, over the same code as `search`
//! and `review`. Only reads; pages are made here and need no script.
//!
//! [`guard`] says who may use it, and [`login`] lets in who knows the token; [`form`] reads what is
//! asked for, [`scans`] bounds what that may cost; [`select`] and [`review`] answer with [`pages`].
mod form;
mod guard;
mod login;
mod pages;
mod review;
mod scans;
mod select;
mod session;

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use chrono::{TimeDelta, Utc};
use tokio::net::TcpListener;

use self::form::Form;
use self::guard::{Guard, LOGIN, STYLE, Visitor};
use self::pages::{Define, Frame, message, page};
use self::scans::{NoAnswer, Scans, no_answer};
use super::scope::DEFAULT_RANGE;
use super::store::{ScanError, Store};
use crate::config;
use crate::http;
use crate::kafka::Renewal;
use crate::privacy_key::PrivacyKey;

/// Browsers open some connections ahead; each waits for its search.
const LIMITS: http::Limits = http::Limits {
    name: "console",
    connections: 32,
    deadline: scans::ANSWER,
};

/// What helps where there is nothing, or the reading stopped short.
const LATER: &str = "a longer delay reads on.";
const HINTS: (&str, &str) = ("An earlier From looks further back.", LATER);

/// The title of a scenario, by its name.
pub type Titles = Box<dyn Fn(&str) -> String + Send + Sync>;

pub struct Console {
    store: Store,
    keyed_by_user: bool,
    key: Option<PrivacyKey>,
    renewal: Option<Renewal>,
    titles: Titles,
    guard: Guard,
    scans: Scans,
}

impl Console {
    /// `keyed_by_user`, `key` and `renewal` are what the store was opened with. `None` where
    /// there are no random numbers for sessions.
    pub fn new(
        store: Store,
        keyed_by_user: bool,
        key: Option<PrivacyKey>,
        renewal: Option<Renewal>,
        titles: Titles,
        settings: &config::Console,
    ) -> Option<Console> {
        Some(Console {
            store,
            keyed_by_user,
            key,
            renewal,
            titles,
            guard: Guard::new(settings)?,
            scans: Scans::default(),
        })
    }

    /// Answers until `shutdown` completes.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let console = Arc::new(self);
        let guard = middleware::from_fn_with_state(Arc::clone(&console), guard::guard);
        let router = Router::new()
            .route("/", get(define))
            .route("/search", get(search))
            .route("/review/{id}", get(review::review))
            .route(LOGIN, get(login::login).post(login::log_in))
            .route("/logout", post(login::log_out))
            .route(STYLE, get(style))
            .fallback(unknown)
            .layer(guard)
            .with_state(console);
        http::serve(listener, router, LIMITS, shutdown).await;
    }

    fn frame(&self, visitor: &Visitor) -> Frame {
        Frame::new(visitor, self.guard.sessions().is_some())
    }

    /// The scope where no time is given.
    fn default_range(&self) -> Option<TimeDelta> {
        matches!(self.store, Store::Topic(_)).then_some(DEFAULT_RANGE)
    }

    /// Sees to it that the store can be opened.
    async fn renew(&self) -> Result<(), NoAnswer> {
        let Some(renewal) = &self.renewal else {
            return Ok(());
        };
        renewal.renew().await.map_err(|error| {
            let text = format!("no token of Entra ID: {error}");
            NoAnswer::Scan(ScanError::Refused(text))
        })
    }
}

type Shared = State<Arc<Console>>;

async fn define(
    State(console): Shared,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    let (form, faults) = Form::from_query(query.as_deref().unwrap_or_default());
    let status = if faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    defined(&console, &visitor, &form, &faults, status)
}

fn defined(
    console: &Console,
    visitor: &Visitor,
    form: &Form,
    faults: &[form::Fault],
    status: StatusCode,
) -> Response {
    let frame = console.frame(visitor).define(form);
    let define = Define::new(frame, &console.store, form, faults, &console.titles);
    page(status, &define)
}

async fn search(
    State(console): Shared,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
) -> Response {
    let (form, mut faults) = Form::from_query(query.as_deref().unwrap_or_default());
    let read = form.read(
        Utc::now(),
        console.default_range(),
        console.key.as_ref(),
        console.keyed_by_user,
    );
    let asked = match read {
        Ok(asked) if faults.is_empty() => asked,
        Ok(_) => return defined(&console, &visitor, &form, &faults, StatusCode::BAD_REQUEST),
        Err(more) => {
            faults.extend(more);
            return defined(&console, &visitor, &form, &faults, StatusCode::BAD_REQUEST);
        }
    };
    let frame = console.frame(&visitor).at(2, &form.query());
    let answer = match asked.group {
        Some(by) => select::grouped(&console, frame.clone(), &form, asked, by).await,
        None => select::listed(&console, frame.clone(), &form, asked).await,
    };
    answer.unwrap_or_else(|why| no_answer(frame, &why))
}

async fn style() -> Response {
    let style = include_str!("../../../templates/style.css");
    let kind = "text/css; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], style).into_response()
}

async fn unknown(State(console): Shared, Extension(visitor): Extension<Visitor>) -> Response {
    let texts = ["Begin with Define.".to_owned()];
    message(
        console.frame(&visitor).at(0, ""),
        StatusCode::NOT_FOUND,
        "No such page",
        &texts,
    )
}
