//! Who calls: the platform's access token or API key, as a bearer token of programs or as a cookie of pages.

use crate::app::App;
use access::{Permission, permissions};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use common::problem::Problem;
use product_kit::InstanceAllowed;
use std::marker::PhantomData;

permissions! {
    pub ReadFiles = "pdf.readFiles",
    pub WriteFiles = "pdf.writeFiles",
}

const COOKIE: &str = "pdf_token";

/// The caller has the permission `P` in the tenant whose instance this is. No other site's page gets as far as here
/// with a cookie, unless it only reads: the platform's layer sees to that.
pub struct Caller<P>(PhantomData<P>);

impl<P: Permission> FromRequestParts<App> for Caller<P> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION)
            && let Some(bearer) = cookie(&parts.headers).and_then(bearer)
        {
            parts.headers.insert(header::AUTHORIZATION, bearer);
        }
        InstanceAllowed::<P>::from_request_parts(parts, app).await.map(|_| Self(PhantomData))
    }
}

/// The header of a request with this token.
pub fn bearer(token: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("Bearer {token}")).ok()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.filter(|(name, token)| *name == COOKIE && !token.is_empty()).map(|(_, token)| token).next()
}

/// `Set-Cookie` with this token, until the browser is closed; an empty one signs out.
pub fn set_cookie(headers: &HeaderMap, token: &str) -> HeaderValue {
    let secure = if headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https") { "; Secure" } else { "" };
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    HeaderValue::try_from(format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"))
        .unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_token_lies_in_a_cookie_for_the_server_alone() {
        assert_eq!(cookie(&headers("cookie", "a=b; pdf_token=t; c=d")), Some("t"));
        assert_eq!(cookie(&headers("cookie", "pdf_token=")), None);
        let plain = set_cookie(&HeaderMap::new(), "t");
        assert_eq!(plain, "pdf_token=t; Path=/; HttpOnly; SameSite=Lax");
        let secure = set_cookie(&headers("x-forwarded-proto", "https"), "");
        assert_eq!(secure, "pdf_token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure");
    }
}
