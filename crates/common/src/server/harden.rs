//! Headers that protect every answer, whoever made it: they keep browsers and caches from reading more into it.

use axum::{
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// Nothing is taken for another type than it says, and what somebody was given by a credential stays in no cache.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let personal =
        request.headers().contains_key(header::AUTHORIZATION) || request.headers().contains_key(header::COOKIE);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if personal {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
