//! Pages: templates that escape every value, in one layout.

use crate::app::App;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use common::problem::Problem;
use include_dir::{Dir, include_dir};
use minijinja::{Environment, Value, context};
use product_kit::Instance;
use std::sync::LazyLock;

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
        let mut response = fault(&self.0);
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

/// A page of the instance, whose script may also send to `uploads`, the origin of the bucket.
pub fn page(instance: &Instance, status: StatusCode, template: &str, values: Value, uploads: &str) -> PageResult {
    let content = Value::from_safe_string(render(template, values)?);
    let title = instance.settings.get("title").and_then(|title| title.as_str()).unwrap_or("PDF");
    let html = render("layout.html", context! { title, content, signed_in => template != "sign_in.html" })?;
    Ok(answer(status, html, uploads))
}

/// A page that needs nothing of the instance, for when nothing can be had of it.
pub fn fault(problem: &Problem) -> Response {
    let content = render("fault.html", context! { text => &*problem.detail });
    let content = content.map(Value::from_safe_string).unwrap_or_default();
    let html = render("layout.html", context! { title => "PDF", content }).unwrap_or_default();
    answer(problem.status, html, "")
}

fn answer(status: StatusCode, html: String, uploads: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self' {uploads}; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store".into())];
    (status, headers, Html(html)).into_response()
}

fn render(template: &str, values: Value) -> Result<String, Problem> {
    let rendered = TEMPLATES.get_template(template).and_then(|template| template.render(values));
    rendered.map_err(|error| Problem::internal(&error))
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
