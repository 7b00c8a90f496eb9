//! Problems: one `application/problem+json` for every refusal (RFC 9457), never a stack, SQL or path.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Path of the field in the body or query: `modules[0]`.
    #[schema(example = "email")]
    pub field: String,
    /// Stable word for programs.
    #[schema(example = "malformed")]
    pub code: String,
    /// Sentence for people.
    #[schema(example = "must be an e-mail address")]
    pub message: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable word for programs: `host_taken`.
    pub code: String,
    /// Sentence for people.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
    /// What was used up.
    pub quota: Option<Quota>,
    /// What a 401 says in `WWW-Authenticate`, if it is more than the scheme.
    pub challenge: Option<Box<str>>,
}

/// How much of something a caller may have, and has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    /// Seconds that the limit is for.
    pub window: u32,
    pub remaining: u32,
    /// Seconds until there is more.
    pub reset: u32,
}

impl Quota {
    /// As draft-ietf-httpapi-ratelimit-headers-03 §3 has them, which is what clients know.
    pub fn headers(&self) -> [(HeaderName, String); 3] {
        let Self { limit, window, remaining, reset } = self;
        let [name, left, again] = RATE_LIMIT;
        [(name, format!("{limit}, {limit};w={window}")), (left, remaining.to_string()), (again, reset.to_string())]
    }
}

/// Limit, what remains of it, and the seconds until there is more.
pub const RATE_LIMIT: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// Where each service has the page of a code: a reference relative to the request that was refused.
const PAGES: &str = "/problems/";

/// The body of every refusal, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// Where the page about this problem is: a URL, relative to that of the request.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/invalid")]
    pub kind: String,
    #[schema(example = "Unprocessable Entity")]
    pub title: String,
    #[schema(example = 422)]
    pub status: u16,
    /// Sentence for people, about this very request.
    pub detail: String,
    /// Stable word for programs; each operation says which ones it answers with.
    #[schema(example = "invalid")]
    pub code: String,
    /// By which our log knows the request.
    pub request_id: String,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            quota: None,
            challenge: None,
        }
    }
    /// 400: the request cannot be read.
    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }
    /// 401: a problem with the token.
    pub fn unauthorized(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }
    /// 403: a problem with the permission.
    pub fn forbidden(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }
    pub fn not_found(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }
    /// 409: right in itself, but not in this state.
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }
    /// 410: it was there once, and is used up.
    pub fn gone(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, code, detail)
    }
    /// 422: readable, but values are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "One or more fields are not valid.") }
    }
    /// 429: as often as is allowed already.
    pub fn too_many_requests(code: &str, detail: impl Into<String>, quota: Quota) -> Self {
        Self {
            retry_after: Some(quota.reset),
            quota: Some(quota),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
        }
    }
    /// 503: a dependency is away; try again after `retry_after` seconds.
    pub fn unavailable(retry_after: u32, detail: impl Into<String>) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail) }
    }
    /// 500: a fault of ours. `error` goes to the log, not to the caller.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(error), "A request failed by a fault of ours");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The request failed by a fault of ours. It is in our log under this request id.",
        )
    }

    /// The body, for request `request_id`.
    pub fn body(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            kind: format!("{PAGES}{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.clone(),
            request_id: request_id.into(),
            errors: self.errors.clone(),
        }
    }

    /// The response, for request `request_id`.
    pub fn response(&self, request_id: &str) -> Response {
        let mut response = (self.status, axum::Json(self.body(request_id))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        for (name, value) in self.quota.iter().flat_map(Quota::headers) {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = self.challenge.as_deref().and_then(|challenge| HeaderValue::try_from(challenge).ok());
            let challenge = challenge.unwrap_or(HeaderValue::from_static("Bearer"));
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}
impl std::error::Error for Problem {}

/// The server's outermost layer knows the request id and renders the body ([`crate::server`]).
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.response("");
        response.extensions_mut().insert(self);
        response
    }
}

/// Seconds after which a caller may try again when the database or Redis is away.
pub const RETRY_AFTER_OUTAGE: u32 = 2;

/// 422, of one field.
impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid(vec![error])
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if holds_nul(&error) {
            return FieldError::new("body", "invalid", "no text may contain the character U+0000").into();
        }
        if !is_outage(&error) {
            return Self::internal(&error);
        }
        tracing::warn!(error = %Chain(&error), "The database is away");
        Self::unavailable(RETRY_AFTER_OUTAGE, "The database cannot be reached right now.")
    }
}

impl From<redis::RedisError> for Problem {
    fn from(error: redis::RedisError) -> Self {
        tracing::warn!(error = %Chain(&error), "Redis is away");
        Self::unavailable(RETRY_AFTER_OUTAGE, "The session and permission cache cannot be reached right now.")
    }
}

/// SQLSTATEs, or how they begin, of a database that cannot serve anybody now: connection, log-in and resources (08, 28,
/// 53), shutting down (57P), trouble of its system (58), read-only as after a failover (25006), not there (3D000).
const OUTAGES: [&str; 7] = ["08", "28", "53", "57P", "58", "25006", "3D000"];

/// Whether the database was out of reach or could serve nobody, rather than refusing the statement.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| OUTAGES.iter().any(|outage| code.starts_with(outage)))
        }
        _ => false,
    }
}

/// Whether a text or JSON value had the one character that PostgreSQL cannot hold (SQLSTATE 22021 and 22P05).
fn holds_nul(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| matches!(&*code, "22021" | "22P05"))
}

/// The name of the constraint that a statement violated.
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|error| error.constraint())
}

/// An error with its sources, in one line.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
