//! Pages: templates that escape every value, in one layout.

use crate::app::App;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use common::problem::Problem;
use include_dir::{Dir, include_dir};
use minijinja::{Value, context};
use product_kit::{
    Instance,
    html::{HasPages, Templates},
};
use std::sync::LazyLock;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::of(&FILES));

pub type PageResult = product_kit::html::PageResult<App>;

/// A page of the instance, whose script may also send to `uploads`, the origin of the bucket.
pub fn page(instance: &Instance, status: StatusCode, template: &str, values: Value, uploads: &str) -> PageResult {
    let content = Value::from_safe_string(TEMPLATES.render(template, values)?);
    let title = instance.settings.get("title").and_then(|title| title.as_str()).unwrap_or("PDF");
    let html = TEMPLATES.render("layout.html", context! { title, content, signed_in => template != "sign_in.html" })?;
    Ok(answer(status, html, uploads))
}

impl HasPages for App {
    fn fault(problem: &Problem) -> Response {
        let content = TEMPLATES.render("fault.html", context! { text => &*problem.detail });
        let content = content.map(Value::from_safe_string).unwrap_or_default();
        let html = TEMPLATES.render("layout.html", context! { title => "PDF", content }).unwrap_or_default();
        answer(problem.status, html, "")
    }
}

fn answer(status: StatusCode, html: String, uploads: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self' {uploads}; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store".into())];
    (status, headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_parsed() {
        assert!(TEMPLATES.render("layout.html", context! { title => "PDF" }).is_ok());
    }
}
