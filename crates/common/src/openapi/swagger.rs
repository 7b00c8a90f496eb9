//! Swagger UI: the document as operators browse it and try it out.

use crate::{config::is_origin, http::no_route};
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde_json::Value;
use std::str::FromStr;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

/// Where other services have their documents, by name; what Swagger UI shows beside its own service's.
#[derive(Clone, Debug, Default)]
pub struct Documents(Vec<(String, Origin)>);

/// Scheme, host and port (RFC 6454).
#[derive(Clone, Debug)]
struct Origin(String);

#[derive(Debug, thiserror::Error)]
#[error("must be services with their origins, comma-separated: billing=https://billing.example.com")]
pub struct NotDocuments;

impl FromStr for Documents {
    type Err = NotDocuments;

    fn from_str(text: &str) -> Result<Self, NotDocuments> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let document = |entry: &str| {
            let (name, origin) = entry.split_once('=')?;
            is_origin(origin).then(|| (name.to_owned(), Origin(origin.to_owned())))
        };
        entries.map(document).collect::<Option<_>>().map(Self).ok_or(NotDocuments)
    }
}

/// What Swagger UI may do in a browser: load its own files, ask the services that it shows, and be framed by nobody.
/// Its styles are in its elements.
fn policy(others: &Documents) -> String {
    let asked: String = others.0.iter().map(|(_, Origin(origin))| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'{asked}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Swagger UI at `/docs`, the document at `/openapi.json`.
pub(super) fn ui<S: Clone + Send + Sync + 'static>(document: Value, others: &Documents) -> Router<S> {
    let own = &*document["x-service"].as_str().unwrap_or_default().to_owned().leak();
    let urls = others.0.iter().filter(|(name, _)| name != own);
    // Swagger UI wants them for as long as the process runs.
    let urls =
        urls.map(|(name, Origin(origin))| Url::new(name.clone().leak(), format!("{origin}/openapi.json").leak()));
    let config = Config::new(std::iter::once(Url::with_primary(own, "/openapi.json", true)).chain(urls))
        .persist_authorization(true)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .filter(true);
    let router: Router<S> =
        SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", document).config(config).into();
    let policy = HeaderValue::try_from(policy(others)).ok();
    router.layer(axum::middleware::map_response(move |response| protect(policy.clone(), response)))
}

/// Sends browsers from `/` to Swagger UI.
pub(super) fn home<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/", get(to_the_docs))
}

async fn protect(policy: Option<HeaderValue>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// A program that asks for `/` has a wrong address, and is told so rather than sent to a page for people.
async fn to_the_docs(headers: HeaderMap) -> Response {
    let answer =
        if accepts_html(&headers) { Redirect::temporary("/docs/").into_response() } else { no_route().into_response() };
    ([(header::VARY, "accept")], answer).into_response()
}

/// Whether it is a browser that asks.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|types| types.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_asks_the_services_that_are_named_and_no_other() {
        let others: Documents = "auth=http://localhost:8001, billing=https://billing.example.com".parse().unwrap();
        assert!(policy(&others).contains("connect-src 'self' http://localhost:8001 https://billing.example.com;"));
        assert!(policy(&Documents::default()).contains("connect-src 'self';"));
        for wrong in ["auth", "auth=", "auth=ftp://x", "auth=http://x/docs", "auth=http://x; script-src *"] {
            assert!(wrong.parse::<Documents>().is_err(), "{wrong}");
        }
    }
}
