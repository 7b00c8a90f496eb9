//! Pages that a browser sees while there is no product to show; programs get a problem.

use crate::{
    host::wants_html,
    setup::{self, CODE},
};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use common::{
    http::no_route,
    problem::{FieldError, Problem},
};
use contracts::http::instances::HostRecord;
use minijinja::{Environment, Value, context, value::Serde};
use std::{collections::HashMap, sync::LazyLock};

/// No scripts, nothing from elsewhere, and no secrets of the address bar to others.
const HEADERS: [(header::HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];
/// The code of what is refused because its tenant is suspended.
pub(crate) const TENANT_SUSPENDED: &str = "tenant_suspended";
/// Seconds between two looks at an instance in the making.
const REFRESH: u32 = 1;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, source) in [
        ("setup.html", include_str!("../templates/setup.html")),
        ("notice.html", include_str!("../templates/notice.html")),
    ] {
        templates.add_template(name, source).expect("compiled in, and parsed by the tests");
    }
    templates.add_global("style", Value::from_safe_string(include_str!("../templates/style.css").to_owned()));
    templates
});

/// 404: no instance on this host, or nothing at this address of it.
pub(crate) fn nothing_here(headers: &HeaderMap) -> Response {
    refusal(no_route(), headers)
}

/// 503 that a browser repeats by itself.
pub(crate) fn in_the_making(headers: &HeaderMap) -> Response {
    let problem = Problem::unavailable(REFRESH, "This is being made ready. It takes a few seconds.");
    refusal(problem, headers)
}

/// 403: the tenant is suspended. It does not say why: whoever asks need not be the tenant.
pub(crate) fn suspended(headers: &HeaderMap) -> Response {
    refusal(suspension(), headers)
}

/// As above, as a problem.
pub(crate) fn suspension() -> Problem {
    let detail = "This is not served at the moment, as its tenant's account is suspended. Nothing is lost.";
    Problem::forbidden(TENANT_SUSPENDED, detail)
}

/// The problem as a page for browsers, as it is for programs.
pub(crate) fn refusal(problem: Problem, headers: &HeaderMap) -> Response {
    if !wants_html(headers) {
        return problem.into_response();
    }
    let title = match problem.status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::SERVICE_UNAVAILABLE => "One moment",
        StatusCode::FORBIDDEN if problem.code == TENANT_SUSPENDED => "Not served at the moment",
        status => status.canonical_reason().unwrap_or("Error"),
    };
    let mut response =
        page("notice.html", problem.status, context! { title, text => problem.detail, refresh => problem.retry_after });
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The setup form; 422 if something is wrong in it.
pub(crate) fn setup_form(
    record: &HostRecord,
    filled_in: &HashMap<String, String>,
    code: &str,
    errors: &[FieldError],
) -> Response {
    let fields = setup::fields(&record.setup_schema, filled_in, errors);
    let known = |error: &&FieldError| error.field == CODE || fields.iter().any(|field| field.is_about(error));
    let others: Vec<_> =
        errors.iter().filter(|error| !known(error)).map(|error| format!("{} {}", error.field, error.message)).collect();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let code_errors = setup::messages(errors, CODE);
    page(
        "setup.html",
        status,
        context! { service => &*record.service, fields => Serde(&fields), code, code_errors => Serde(&code_errors),
        others },
    )
}

fn page(template: &str, status: StatusCode, values: Value) -> Response {
    match TEMPLATES.get_template(template).and_then(|template| template.render(values)) {
        Ok(html) => (status, HEADERS, Html(html)).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use serde_json::json;

    async fn html(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 100_000).await.unwrap().to_vec()).unwrap()
    }

    fn record() -> HostRecord {
        serde_json::from_value(json!({
            "instance_id": uuid::Uuid::nil(), "tenant_id": uuid::Uuid::nil(), "service": "forum", "version": "1.0.0",
            "state": "awaiting_setup", "modules": [], "settings": {}, "generation": 1, "database_url": null,
            "setup_schema": {"type": "object", "required": ["title"], "properties": {
                "title": {"type": "string", "title": "Title", "maxLength": 80},
                "open": {"type": "boolean", "title": "Open", "default": true},
                "count": {"type": "integer", "minimum": 0, "maximum": 9},
            }},
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn the_form_shows_what_was_filled_in_escaped_and_what_is_wrong() {
        let filled_in =
            HashMap::from([("title".to_owned(), "<script>\"'".to_owned()), ("open".to_owned(), "true".to_owned())]);
        let errors = [
            FieldError::new("title", "too_long", "is too long"),
            FieldError::new("setup_code", "wrong", "is not the code"),
            FieldError::new("ghost", "x", "is odd"),
        ];
        let response = setup_form(&record(), &filled_in, "c0de", &errors);
        assert_eq!(response.status(), 422);
        let html = html(response).await;
        for part in [
            "is too long",
            "is not the code",
            "ghost is odd",
            "value=\"c0de\"",
            "maxlength=\"80\"",
            "min=\"0\"",
            "max=\"9\"",
            "checked",
            "&lt;script&gt;",
        ] {
            assert!(html.contains(part), "{part} not in {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }

    #[tokio::test]
    async fn browsers_see_a_page_that_refreshes_itself_and_programs_a_problem() {
        let browser = HeaderMap::from_iter([(header::ACCEPT, "text/html,*/*".parse().unwrap())]);
        let page = in_the_making(&browser);
        assert_eq!((page.status().as_u16(), page.headers()[header::RETRY_AFTER].to_str().unwrap()), (503, "1"));
        assert!(html(page).await.contains("http-equiv=\"refresh\" content=\"1\""));
        assert_eq!(in_the_making(&HeaderMap::new()).headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn whoever_is_suspended_is_not_looked_at_again_and_again() {
        let browser = HeaderMap::from_iter([(header::ACCEPT, "text/html,*/*".parse().unwrap())]);
        let page = suspended(&browser);
        assert_eq!((page.status().as_u16(), page.headers().get(header::RETRY_AFTER)), (403, None));
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
        let html = html(page).await;
        assert!(html.contains("<h1>Not served at the moment</h1>") && !html.contains("http-equiv"), "{html}");
        assert_eq!(suspended(&HeaderMap::new()).headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
