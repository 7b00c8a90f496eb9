//! Pages: templates that escape every value, in one layout, without scripts.

use crate::{
    app::App,
    members::{session::SignedIn, store::Member},
    platform::{
        Db, Instance,
        html::{self, HasPages, PageFault, Templates},
        wants_html,
    },
    topics::store,
};
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use common::{http::no_route, problem::Problem};
use include_dir::{Dir, include_dir};
use minijinja::{Value, context, value::Serde};
use std::{collections::BTreeSet, sync::Arc, sync::LazyLock};

pub use html::OrPage;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::of(&FILES));

/// Nothing from elsewhere, and no scripts at all: what a member writes stays text.
const HEADERS: [(header::HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

pub type PageResult = html::PageResult<App>;

/// What a page shows around its content: whose forum it is, who looks at it, and which parts there are.
pub struct Visit {
    pub title: String,
    pub welcome: String,
    pub member: Option<Member>,
    modules: Arc<BTreeSet<String>>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = PageFault<App>;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageFault<App>> {
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
        let content = Value::from_safe_string(TEMPLATES.render(template, values)?);
        let layout = context! { forum => title, member => Serde(&member), modules => Serde(modules), content };
        Ok(page(status, TEMPLATES.render("layout.html", layout)?))
    }
}

/// What is at no other address.
pub async fn nothing_here(headers: HeaderMap) -> Response {
    if wants_html(&headers) { App::fault(&no_route()) } else { no_route().into_response() }
}

pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("../templates/style.css")).into_response()
}

impl HasPages for App {
    fn fault(problem: &Problem) -> Response {
        let content = TEMPLATES.render("fault.html", context! { text => &*problem.detail });
        let content = content.map(Value::from_safe_string).unwrap_or_default();
        let html = TEMPLATES.render("layout.html", context! { forum => "Forum", content }).unwrap_or_default();
        page(problem.status, html)
    }
}

fn page(status: StatusCode, html: String) -> Response {
    (status, HEADERS, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_parsed() {
        assert!(TEMPLATES.render("layout.html", context! { forum => "Forum" }).is_ok());
    }
}
