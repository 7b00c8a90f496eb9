//! Extractors of bodies that may come from a page or from a program: a form, JSON, or nothing at all.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use common::{
    http::{Form, Json},
    problem::Problem,
};
use serde::de::DeserializeOwned;

/// A form if the caller says that it is one, else JSON.
pub struct JsonOrForm<T>(pub T);

/// As [`JsonOrForm`], or nothing at all. A form in parts (RFC 7578) counts as nothing: mail programs send one where
/// nobody answers a question (RFC 8058).
pub struct OptionalJsonOrForm<T>(pub Option<T>);

/// JSON, or nothing at all.
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonOrForm<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if header_starts_with(request.headers(), header::CONTENT_TYPE, "application/x-www-form-urlencoded") {
            return Form::from_request(request, state).await.map(|Form(value)| Self(value));
        }
        Json::from_request(request, state).await.map(|Json(value)| Self(value))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJsonOrForm<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if has_no_body(request.headers())
            || header_starts_with(request.headers(), header::CONTENT_TYPE, "multipart/form-data")
        {
            return Ok(Self(None));
        }
        JsonOrForm::from_request(request, state).await.map(|JsonOrForm(value)| Self(Some(value)))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if has_no_body(request.headers()) {
            return Ok(Self(None));
        }
        Json::from_request(request, state).await.map(|Json(value)| Self(Some(value)))
    }
}

/// Whether the caller is a browser that wants to show a page.
pub fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html")))
}

fn has_no_body(headers: &HeaderMap) -> bool {
    let empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
    empty && !headers.contains_key(header::CONTENT_TYPE) && !headers.contains_key(header::TRANSFER_ENCODING)
}

fn header_starts_with(headers: &HeaderMap, name: header::HeaderName, start: &str) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.get(..start.len())).is_some_and(|value| value.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_browsers_want_pages() {
        for (accept, html) in [
            ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;q=0.5", true),
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(wants_html(&headers), html, "{accept}");
        }
    }
}
