//! Extractors of requests like axum's, with a problem for every rejection.

mod precondition;

pub use precondition::{ETag, IfMatch};

use crate::problem::{FieldError, Problem};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request, rejection::*},
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

/// Chosen by the caller, new for each thing to be made (draft-ietf-httpapi-idempotency-key-header-07).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `true` on an answer that was given before for the same key.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Of the request, chosen by the caller or by the first service that sees it, and passed on to the next one.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The caller's step of a trace; see [`crate::trace`].
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const FORM: &str = "application/x-www-form-urlencoded";

/// A JSON body: malformed is 400, another media type 415, too large 413, wrong values 422.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);
/// A form body ([`FORM`]), with the same answers.
#[derive(Clone, Debug)]
pub struct Form<T>(pub T);
/// The query string.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);
/// The path's variables; one that cannot be read names nothing, hence 404.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        axum::Json::from_request(request, state).await.map(|axum::Json(value)| Self(value)).map_err(|rejection| {
            match rejection {
                JsonRejection::JsonDataError(error) => wrong_value(&error.body_text()),
                JsonRejection::JsonSyntaxError(_) => {
                    Problem::bad_request("malformed_json", "The body is not well-formed JSON.")
                }
                JsonRejection::MissingJsonContentType(_) => media_type("application/json"),
                other => body_fault(other.status()),
            }
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        axum::Form::from_request(in_axums_spelling(request), state).await.map(|axum::Form(value)| Self(value)).map_err(
            |rejection| match rejection {
                FormRejection::InvalidFormContentType(_) => media_type(FORM),
                FormRejection::FailedToDeserializeForm(error) => wrong_value(&error.body_text()),
                FormRejection::FailedToDeserializeFormBody(error) => wrong_value(&error.body_text()),
                other => body_fault(other.status()),
            },
        )
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| wrong_value(&rejection.body_text()))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| no_route())
    }
}

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> OptionalFromRequestParts<S> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        Ok(<Self as FromRequestParts<S>>::from_request_parts(parts, state).await.ok())
    }
}

/// The body of a request as it came; too large is 413.
pub async fn whole_body(request: Request) -> Result<Bytes, Problem> {
    Bytes::from_request(request, &()).await.map_err(|rejection| body_fault(rejection.status()))
}

/// Media types are written in any case (RFC 9110 §8.3.1), but axum looks for a form in small letters.
fn in_axums_spelling(mut request: Request) -> Request {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.split(';').next()).is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM)) {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    }
    request
}

/// What an unknown address answers.
pub fn no_route() -> Problem {
    Problem::not_found("not_found", "There is nothing at this address.")
}

fn media_type(expected: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", format!("The body must be {expected}."))
}

fn body_fault(status: StatusCode) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "too_large", "The body is larger than this operation takes.")
        }
        _ => Problem::bad_request("unreadable_body", "The body could not be read."),
    }
}

/// Serde's message is `…: <path>: <what> at line 1 column 2`; the caller gets path and what.
fn wrong_value(message: &str) -> Problem {
    let message = message.rsplit_once(" at line ").map_or(message, |(what, _)| what);
    let message = message
        .split_once("target type: ")
        .or_else(|| message.split_once("query string: "))
        .map_or(message, |(_, rest)| rest);
    let missing =
        message.split_once("missing field `").and_then(|(_, rest)| rest.split_once('`')).map(|(field, _)| field);
    let path = message.split_once(": ").map(|(path, _)| path).filter(|path| !path.contains(' '));
    let field = match (path, missing) {
        (Some(path), Some(field)) => format!("{path}.{field}"),
        (path, field) => path.or(field).unwrap_or("body").to_owned(),
    };
    let what = path.and_then(|path| message.strip_prefix(path)?.strip_prefix(": ")).unwrap_or(message);
    match missing {
        Some(_) => Problem::invalid(vec![FieldError::new(field, "missing", "is required")]),
        None => Problem::invalid(vec![FieldError::new(field, "invalid", what)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Order {
        name: String,
        count: u32,
    }

    fn request(content_type: &str, body: &str) -> Request {
        Request::post("/").header(CONTENT_TYPE, content_type).body(Body::from(body.to_owned())).unwrap()
    }

    async fn read(content_type: &str, body: &str) -> Problem {
        Json::<Order>::from_request(request(content_type, body), &()).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_form_is_a_form_in_capitals_as_well() {
        for content_type in [
            FORM,
            "application/x-www-form-urlencoded; charset=utf-8",
            "Application/X-WWW-Form-URLEncoded;charset=UTF-8",
        ] {
            assert!(
                Form::<Order>::from_request(request(content_type, "name=x&count=1"), &()).await.is_ok(),
                "{content_type}"
            );
        }
        assert_eq!(
            Form::<Order>::from_request(request("text/plain", "name=x&count=1"), &()).await.unwrap_err().status,
            415
        );
    }

    #[tokio::test]
    async fn each_fault_has_its_status_and_field() {
        assert_eq!(read("application/json", "{").await.status, 400);
        assert_eq!(read("text/plain", "{}").await.status, 415);
        let missing = read("application/json", r#"{"name":"x"}"#).await;
        assert_eq!(
            (missing.status.as_u16(), missing.errors[0].field.as_str(), missing.errors[0].code.as_str()),
            (422, "count", "missing")
        );
        let wrong = read("application/json", r#"{"name":"x","count":"many"}"#).await;
        assert_eq!(
            (wrong.status.as_u16(), wrong.errors[0].field.as_str(), wrong.errors[0].code.as_str()),
            (422, "count", "invalid")
        );
    }
}
