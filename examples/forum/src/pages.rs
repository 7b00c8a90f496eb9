//! Pages: templates that escape every value, in one layout, without scripts.

use crate::{
    app::App,
    members::{session::SignedIn, store::Member},
    platform::{Db, Instance, wants_html},
    topics::store,
};
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use common::{http::no_route, problem::Problem};
use include_dir::{Dir, include_dir};
use minijinja::{Environment, Value, context, value::Serde};
use std::{collections::BTreeSet, sync::Arc, sync::LazyLock};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for file in FILES.files() {
        let (name, source) = (file.path().to_str(), file.contents_utf8());
        let (name, source) = name.zip(source).expect("compiled in, as UTF-8");
        templates.add_template(name, source).expect("compiled in, and parsed by the tests");
    }
    templates.add_filter("when", when);
    templates
});

/// Nothing from elsewhere, and no scripts at all: what a member writes stays text.
const HEADERS: [(header::HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

pub type PageResult = Result<Response, PageFault>;

/// A problem that is shown as a page.
#[derive(Debug)]
pub struct PageFault(Problem);

impl<E: Into<Problem>> From<E> for PageFault {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageFault {
    fn into_response(self) -> Response {
        // Whoever must be signed in for this is led to where one signs in.
        if self.0.status == StatusCode::UNAUTHORIZED {
            return Redirect::to("/sign-in").into_response();
        }
        let mut response = bare_page(&self.0);
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An extractor whose rejection is shown as a page.
pub struct OrPage<E>(pub E);

impl<E: FromRequestParts<App, Rejection = Problem>> FromRequestParts<App> for OrPage<E> {
    type Rejection = PageFault;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageFault> {
        E::from_request_parts(parts, app).await.map(Self).map_err(PageFault)
    }
}

/// What a page shows around its content: whose forum it is, who looks at it, and which parts there are.
pub struct Visit {
    pub title: String,
    pub welcome: String,
    pub member: Option<Member>,
    modules: Arc<BTreeSet<String>>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = PageFault;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageFault> {
        let member = <SignedIn as OptionalFromRequestParts<App>>::from_request_parts(parts, app).await?;
        let modules = Instance::from_request_parts(parts, app).await?.modules;
        let mut conn = Db::from_request_parts(parts, app).await?.acquire().await?;
        let settings = store::settings(&mut conn).await?;
        Ok(Self {
            title: settings.title,
            welcome: settings.welcome,
            member: member.map(|SignedIn(member)| member),
            modules,
        })
    }
}

impl Visit {
    pub fn page(&self, template: &str, values: Value) -> PageResult {
        self.answer(StatusCode::OK, template, values)
    }

    /// The form again, with what was filled in and what is wrong; other problems go on.
    pub fn page_again(&self, template: &str, problem: Problem, values: Value) -> PageResult {
        if problem.status.is_server_error() || problem.status == StatusCode::NOT_FOUND {
            return Err(problem.into());
        }
        // A field's name and message make a sentence; a problem without fields is one already.
        let errors: Vec<String> = if problem.errors.is_empty() {
            vec![problem.detail.clone()]
        } else {
            problem.errors.iter().map(|error| format!("{} {}.", error.field, error.message)).collect()
        };
        self.answer(problem.status, template, context! { errors, ..values })
    }

    fn answer(&self, status: StatusCode, template: &str, values: Value) -> PageResult {
        let (title, modules) = (&*self.title, &*self.modules);
        let member = self.member.as_ref();
        let values = context! { forum => title, member => Serde(&member), ..values };
        let content = Value::from_safe_string(render(template, values)?);
        let layout = context! { forum => title, member => Serde(&member), modules => Serde(modules), content };
        Ok(page(status, render("layout.html", layout)?))
    }
}

/// What is at no other address.
pub async fn nothing_here(headers: HeaderMap) -> Response {
    if wants_html(&headers) { bare_page(&no_route()) } else { no_route().into_response() }
}

pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("../templates/style.css")).into_response()
}

/// A page that needs nothing of the forum, for when nothing can be had of it.
fn bare_page(problem: &Problem) -> Response {
    let content =
        render("fault.html", context! { text => &*problem.detail }).map(Value::from_safe_string).unwrap_or_default();
    let html = render("layout.html", context! { forum => "Forum", content }).unwrap_or_default();
    page(problem.status, html)
}

fn page(status: StatusCode, html: String) -> Response {
    (status, HEADERS, Html(html)).into_response()
}

fn render(template: &str, values: Value) -> Result<String, Problem> {
    TEMPLATES
        .get_template(template)
        .and_then(|template| template.render(values))
        .map_err(|error| Problem::internal(&error))
}

/// `2026-01-31T12:34:56.789Z` as `2026-01-31 12:34 UTC`.
fn when(rfc3339: &str) -> String {
    let minute = rfc3339.get(..16).unwrap_or(rfc3339);
    format!("{} UTC", minute.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_parsed_and_times_are_for_people() {
        assert!(TEMPLATES.get_template("layout.html").is_ok());
        assert_eq!(when("2026-01-31T12:34:56.789Z"), "2026-01-31 12:34 UTC");
    }
}
