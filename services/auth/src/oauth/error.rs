//! Refusals in the form of OAuth (RFC 6749 §5.2), which its clients read; what is no refusal of a request, such as an
//! outage, stays a problem.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

/// The words of RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2, RFC 9126 §2.3 and OpenID Connect Core §3.1.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    UnsupportedTokenType,
    AccessDenied,
    LoginRequired,
    ConsentRequired,
    RequestNotSupported,
}

/// Body of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OAuthError {
    pub error: Code,
    /// For developers.
    pub error_description: &'static str,
}

/// A refusal of the request, or a fault.
#[derive(Debug)]
pub enum Refusal {
    OAuth(OAuthError),
    Problem(Problem),
}

impl OAuthError {
    pub fn new(error: Code, error_description: &'static str) -> Self {
        Self { error, error_description }
    }
}

impl Code {
    /// As it stands in an address.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl Refusal {
    /// Whether it is not the client that it says it is.
    pub fn is_of_client(&self) -> bool {
        matches!(self, Self::OAuth(error) if error.error == Code::InvalidClient)
    }
}

/// Says what is wrong with a request.
pub fn refuse(error: Code, error_description: &'static str) -> Refusal {
    Refusal::OAuth(OAuthError::new(error, error_description))
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<redis::RedisError> for Refusal {
    fn from(error: redis::RedisError) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = match self {
            Self::OAuth(error) => error,
            Self::Problem(problem) => return problem.into_response(),
        };
        let status =
            if error.error == Code::InvalidClient { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let mut answer = (status, axum::Json(error)).into_response();
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6749 §5.2: the scheme that the client has used, or may use.
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
        }
        answer
    }
}
