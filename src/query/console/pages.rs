//! The pages of the console. Every text is escaped where it is put in, and made inert before.
use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::error;

use super::form::{FILTERS, Fault, Field, Form, LIST, SCOPE};
use super::guard::Visitor;
use crate::diagnosis::{Aspect, Outcome, Scenario};
use crate::query::columns::Column;
use crate::query::groups::GroupBy;
use crate::query::inert::Inert;
use crate::query::store::Store;
use crate::query::view::View;
use crate::signin::Category;

const HTML: &str = "text/html; charset=utf-8";

/// What stands around every page.
#[derive(Debug, Clone)]
pub struct Frame {
    here: usize,
    /// Links of the steps; empty: none yet.
    links: [String; 4],
    user: Option<String>,
    /// There is a session to end.
    can_leave: bool,
}

pub struct StepLink<'a> {
    pub name: &'static str,
    pub href: &'a str,
    pub is_here: bool,
}

impl Frame {
    /// Without anything that needs a right.
    pub fn bare() -> Frame {
        Frame {
            here: 0,
            links: Default::default(),
            user: None,
            can_leave: false,
        }
    }

    pub fn new(visitor: &Visitor, can_leave: bool) -> Frame {
        Frame {
            here: 1,
            links: ["/".to_owned(), String::new(), String::new(), String::new()],
            user: visitor.0.clone(),
            can_leave,
        }
    }

    /// At the first step, with what was typed.
    pub fn define(self, form: &Form) -> Frame {
        self.at(1, &form.query())
    }

    /// At a later step of the search with that query string.
    pub fn at(mut self, step: usize, query: &str) -> Frame {
        self.here = step;
        if !query.is_empty() {
            self.links[0] = format!("/?{query}");
        }
        if step > 1 && !query.is_empty() {
            self.links[1] = format!("/search?{query}");
        }
        self
    }

    /// The steps to take stand on this page.
    pub fn with_action(mut self) -> Frame {
        self.links[3] = String::from("#action");
        self
    }

    fn steps(&self) -> Vec<StepLink<'_>> {
        let names = ["Define", "Select", "Review", "Take action"];
        names
            .into_iter()
            .zip(&self.links)
            .enumerate()
            .map(|(index, (name, href))| StepLink {
                name,
                href,
                is_here: index + 1 == self.here,
            })
            .collect()
    }
}

/// An input, or a choice where there are options.
#[derive(Debug)]
pub struct Control {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub value: String,
    pub options: Vec<(&'static str, String)>,
    pub fault: Option<String>,
    /// The ids of what says more about it.
    pub described: String,
}

pub struct ColumnBox {
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub is_chosen: bool,
}

#[derive(Template)]
#[template(path = "console/define.html")]
pub struct Define {
    frame: Frame,
    store: String,
    begins_lately: bool,
    faults: Vec<Fault>,
    scope: Vec<Control>,
    filters: Vec<Control>,
    list: Vec<Control>,
    columns: Vec<ColumnBox>,
    columns_fault: Option<String>,
    opens_filters: bool,
    opens_list: bool,
}

impl Define {
    pub fn new(
        frame: Frame,
        store: &Store,
        form: &Form,
        faults: &[Fault],
        title_of: &dyn Fn(&str) -> String,
    ) -> Define {
        let fault_of = |name: &str| {
            let own = faults.iter().find(|fault| fault.field == name)?;
            Some(inert(&own.text))
        };
        let control = |field: &Field| {
            let fault = fault_of(field.name);
            let about = [(fault.is_some(), "fault"), (!field.hint.is_empty(), "hint")];
            let ids: Vec<_> = about
                .iter()
                .filter(|(is_there, _)| *is_there)
                .map(|(_, what)| format!("{}-{what}", field.name))
                .collect();
            Control {
                name: field.name,
                label: field.label,
                hint: field.hint,
                value: inert(form.get(field.name).unwrap_or_default()),
                options: options(field.name, title_of),
                fault,
                described: ids.join(" "),
            }
        };
        let is_faulty =
            |fields: &[Field]| fields.iter().any(|field| fault_of(field.name).is_some());
        let columns_fault = fault_of("columns");
        Define {
            frame,
            store: inert(&store.name()),
            begins_lately: matches!(store, Store::Topic(_)),
            scope: SCOPE.iter().map(control).collect(),
            filters: FILTERS.iter().map(control).collect(),
            list: LIST.iter().map(control).collect(),
            columns: Column::ALL
                .into_iter()
                .map(|column| ColumnBox {
                    name: column.name(),
                    title: column.title(),
                    about: column.about(),
                    is_chosen: form.has_column(column),
                })
                .collect(),
            opens_filters: form.uses(&FILTERS) || is_faulty(&FILTERS),
            opens_list: form.uses(&LIST) || is_faulty(&LIST) || columns_fault.is_some(),
            columns_fault,
            faults: faults
                .iter()
                .map(|fault| Fault {
                    field: fault.field,
                    text: inert(&fault.text),
                })
                .collect(),
        }
    }
}

/// The choices of a field, the empty one first; none where it takes a text.
fn options(name: &str, title_of: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let words = |name: &'static str| (name, name.replace('_', " "));
    let options: Vec<_> = match name {
        "scenario" => Scenario::ALL
            .map(Scenario::as_str)
            .map(|name| (name, inert(&title_of(name))))
            .to_vec(),
        "category" => Category::ALL
            .map(Category::as_str)
            .map(|name| (name, name.to_owned()))
            .to_vec(),
        "outcome" => Outcome::ALL.map(Outcome::as_str).map(words).to_vec(),
        "aspect" => Aspect::ALL.map(Aspect::as_str).map(words).to_vec(),
        "group" => GroupBy::ALL.map(GroupBy::name).map(words).to_vec(),
        _ => return Vec::new(),
    };
    let none = if name == "group" {
        "nothing: list them"
    } else {
        "any"
    };
    std::iter::once(("", none.to_owned()))
        .chain(options)
        .collect()
}

/// A heading that sorts.
pub struct Heading {
    pub title: &'static str,
    pub href: String,
    /// `ascending`, `descending` or empty.
    pub order: &'static str,
}

pub struct Row {
    pub href: String,
    pub cells: Vec<Cell>,
}

pub struct Cell {
    pub title: &'static str,
    pub text: String,
    /// For the colour of an outcome; else empty.
    pub tone: &'static str,
}

#[derive(Template)]
#[template(path = "console/list.html")]
pub struct List {
    pub frame: Frame,
    pub title: String,
    pub about: String,
    pub given: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
    pub headings: Vec<Heading>,
    pub rows: Vec<Row>,
    /// What is not shown, and the link that shows more; empty where it is the most.
    pub more: Option<(String, String)>,
}

pub struct Bar {
    pub name: String,
    pub count: u64,
    /// Searches these alone; empty where that cannot be said.
    pub href: String,
}

#[derive(Template)]
#[template(path = "console/groups.html")]
pub struct Grouped {
    pub frame: Frame,
    pub title: String,
    pub about: String,
    pub given: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
    pub by: &'static str,
    pub most: u64,
    pub bars: Vec<Bar>,
    pub more: usize,
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
pub struct Reviewed {
    pub frame: Frame,
    pub notes: Vec<String>,
    pub view: View,
}

#[derive(Template)]
#[template(path = "console/login.html")]
pub struct Login {
    pub frame: Frame,
    pub next: String,
    pub is_wrong: bool,
}

#[derive(Template)]
#[template(path = "console/message.html")]
struct Message<'a> {
    frame: Frame,
    title: &'a str,
    texts: &'a [String],
}

/// A page that only says something.
pub fn message(frame: Frame, status: StatusCode, title: &str, texts: &[String]) -> Response {
    let texts: Vec<_> = texts.iter().map(|text| inert(text)).collect();
    page(
        status,
        &Message {
            frame,
            title,
            texts: &texts,
        },
    )
}

pub fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, [(header::CONTENT_TYPE, HTML)], html).into_response(),
        Err(error) => {
            error!(%error, "Cannot write a page of the console");
            let text = "the page cannot be written; the log says why\n";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

pub fn inert(text: &str) -> String {
    Inert(text).to_string()
}
