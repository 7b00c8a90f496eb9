//! Session tokens: opaque, as a cookie for browsers and as a bearer token (RFC 6750) for programs.

use super::{
    model::LIFETIME_DAYS,
    store::{self, Member},
};
use crate::{app::App, platform::Db};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use common::problem::Problem;

const COOKIE: &str = "forum_session";
const LIFETIME_SECONDS: u32 = LIFETIME_DAYS * 24 * 3600;

/// The member whose session the request carries.
pub struct SignedIn(pub Member);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = token(parts).ok_or_else(|| {
            Problem::unauthorized(
                "token_missing",
                "Sign in, or send the token of a session: Authorization: Bearer <token>.",
            )
        })?;
        let hash = hash(token);
        let mut conn = Db::from_request_parts(parts, app).await?.acquire().await?;
        let member = store::member_of_session(&mut conn, &hash, app.ambient.now()).await?;
        member
            .map(Self)
            .ok_or_else(|| Problem::unauthorized("token_invalid", "There is no such session, or it has expired."))
    }
}

/// For pages that look different to members; a session that has expired is none.
impl OptionalFromRequestParts<App> for SignedIn {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        match <Self as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(member) => Ok(Some(member)),
            Err(problem) if problem.status == 401 => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// What is kept of a token.
pub fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// The request's token. No other site's page gets as far as here with a cookie, unless it only reads: `tenancy.wrap`
/// sees to that.
fn token(parts: &Parts) -> Option<&str> {
    let bearer = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '));
    if let Some((scheme, token)) = bearer {
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    cookie(&parts.headers)
}

/// The session token among the cookies.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

/// `Set-Cookie` for a new session, or with an empty token for none.
pub fn set_cookie(headers: &HeaderMap, token: &str) -> HeaderValue {
    let secure = if headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https") { "; Secure" } else { "" };
    let lifetime = if token.is_empty() { 0 } else { LIFETIME_SECONDS };
    HeaderValue::try_from(format!("{COOKIE}={token}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}"))
        .unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let request = headers
            .iter()
            .fold(Request::builder().method(method), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_token_comes_as_cookie_or_bearer() {
        assert_eq!(token(&parts("GET", &[("cookie", "a=b; forum_session=t; c=d")])), Some("t"));
        assert_eq!(token(&parts("POST", &[("authorization", "bearer t"), ("cookie", "forum_session=x")])), Some("t"));
        assert_eq!(token(&parts("POST", &[("authorization", "Basic t")])), None);
    }

    #[test]
    fn a_cookie_is_for_the_server_alone() {
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        assert!(text(set_cookie(&HeaderMap::new(), "t")).ends_with("; HttpOnly; SameSite=Lax"));
        assert!(
            text(set_cookie(
                &HeaderMap::from_iter([("x-forwarded-proto".parse().unwrap(), HeaderValue::from_static("https"))]),
                "t"
            ))
            .ends_with("; Secure")
        );
        assert!(text(set_cookie(&HeaderMap::new(), "")).contains("Max-Age=0"));
    }
}
