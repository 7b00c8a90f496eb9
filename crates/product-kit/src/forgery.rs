//! Cross-site request forgery: may the page that caused this request have it change anything?
//!
//! Fetch Metadata first, `Origin` where a browser sends none
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>). It holds
//! with and without a cookie: a form that signs the visitor in as somebody else needs none.

use crate::pages;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, uri::Authority},
    middleware::Next,
    response::Response,
};
use common::problem::Problem;
use std::sync::Arc;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The layer around every route of a product; `trusted` are the origins of frontends that may call from elsewhere.
pub(crate) async fn refuse(State(trusted): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    if is_forged(request.method(), request.uri(), request.headers(), &trusted) {
        return pages::refusal(
            Problem::forbidden("cross_site", "The request comes from another site."),
            request.headers(),
        );
    }
    next.run(request).await
}

/// `trusted` are the origins of frontends that may call from elsewhere, as CORS has them.
fn is_forged(method: &Method, uri: &Uri, headers: &HeaderMap, trusted: &[String]) -> bool {
    // A bearer token is nothing that a browser adds by itself, and no other site can have it added.
    if method.is_safe() || has_bearer_token(headers) {
        return false;
    }
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    if !origins.is_empty()
        && origins.iter().all(|origin| trusted.iter().any(|trusted| origin.as_bytes() == trusted.as_bytes()))
    {
        return false;
    }
    let sites: Vec<_> = headers.get_all(FETCH_SITE).iter().collect();
    match (sites.as_slice(), origins.as_slice()) {
        // Every browser of today sends one of the two with whatever writes. A program sends neither, and no cookie.
        ([], []) => headers.contains_key(header::COOKIE),
        ([], origins) => !origins.iter().all(|origin| is_own(origin, uri, headers)),
        // `none` is what the visitor did by hand.
        (sites, _) => !sites.iter().all(|site| *site == "same-origin" || *site == "none"),
    }
}

fn has_bearer_token(headers: &HeaderMap) -> bool {
    let scheme = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '));
    scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
}

/// Whether the origin (RFC 6454 §7) is that of the host that is asked for. Behind a proxy only `X-Forwarded-Proto`
/// tells how the browser came.
fn is_own(origin: &HeaderValue, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    let asked = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(Authority::as_str));
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let name = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    let same_scheme = headers.get(FORWARDED_PROTO).is_none_or(|proto| proto.as_bytes() == scheme.as_bytes());
    same_scheme && asked.is_some_and(|asked| name(asked) == name(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONTEND: &str = "https://app.acme.test";

    fn forged(method: Method, sent: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("acme.test:8010"))]);
        for (name, value) in sent {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        is_forged(&method, &Uri::from_static("/"), &headers, &[FRONTEND.to_owned()])
    }

    #[test]
    fn a_browser_says_where_a_request_comes_from() {
        for (site, expected) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true), ("anything", true)]
        {
            assert_eq!(forged(Method::POST, &[("sec-fetch-site", site)]), expected, "{site}");
            assert!(!forged(Method::GET, &[("sec-fetch-site", site)]), "{site}");
        }
        assert!(forged(Method::DELETE, &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn where_it_does_not_the_origin_counts() {
        for (origin, expected) in [
            ("http://acme.test:8010", false),
            ("https://ACME.test:8010", false),
            (FRONTEND, false),
            ("http://acme.test", true),
            ("http://evil.test:8010", true),
            ("http://acme.test:8010.evil.test", true),
            ("ftp://acme.test:8010", true),
            ("null", true),
            ("", true),
        ] {
            assert_eq!(forged(Method::PUT, &[("origin", origin)]), expected, "{origin}");
        }
        assert!(forged(Method::POST, &[("origin", "http://acme.test:8010"), ("origin", "http://evil.test")]));
        assert!(forged(Method::POST, &[("origin", "http://acme.test:8010"), ("x-forwarded-proto", "https")]));
    }

    #[test]
    fn a_default_port_may_be_written_or_not() {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("acme.test:443"))]);
        assert!(is_own(&HeaderValue::from_static("https://acme.test"), &Uri::from_static("/"), &headers));
        assert!(!is_own(&HeaderValue::from_static("http://acme.test"), &Uri::from_static("/"), &headers));
    }

    #[test]
    fn programs_send_neither_and_no_cookie() {
        assert!(!forged(Method::POST, &[]));
        assert!(forged(Method::POST, &[("cookie", "forum_session=t")]));
        assert!(!forged(
            Method::POST,
            &[("cookie", "forum_session=t"), ("authorization", "Bearer t"), ("sec-fetch-site", "cross-site")]
        ));
        assert!(forged(Method::POST, &[("authorization", "Basic dDp0"), ("sec-fetch-site", "cross-site")]));
    }
}
