//! `ETag` and `If-Match` (RFC 9110 §8.8.3, §13.1.1) of what people edit: two who edit unseen would undo each other's
//! work.

use crate::problem::Problem;
use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponseParts, ResponseParts},
};
use std::convert::Infallible;

/// The `ETag` of what is shown: its revision, in whatever form it is shown.
#[derive(Clone, Copy, Debug)]
pub struct ETag(pub i32);

/// Which revision an edit was made from: 428 `if_match_missing` (RFC 6585 §3) for an edit that does not say.
#[derive(Clone, Debug)]
pub struct IfMatch(String);

impl IntoResponseParts for ETag {
    type Error = Infallible;
    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let tag = HeaderValue::try_from(format!("\"{}\"", self.0)).expect("quotes and digits are a header");
        parts.headers_mut().insert(header::ETAG, tag);
        Ok(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given: Vec<_> =
            parts.headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok()).collect();
        if given.is_empty() {
            let detail = "Read it first, and send its ETag as If-Match.";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "if_match_missing", detail));
        }
        Ok(Self(given.join(",")))
    }
}

impl IfMatch {
    /// Of an edit that no caller made from what was read.
    pub fn any() -> Self {
        Self("*".into())
    }

    /// # Errors
    /// 412 `code` if what is there has another revision than the caller has read.
    pub fn check(&self, revision: i32, code: &str) -> Result<(), Problem> {
        // Proxies that compress make a tag weak, which should match nothing (RFC 9110 §13.1.1), and would refuse whoever
        // is behind them for ever. A revision is the same in any form. Quotation marks are often forgotten.
        let revision = revision.to_string();
        let matches = |tag: &str| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == revision;
        if self.0.split(',').map(str::trim).any(matches) {
            return Ok(());
        }
        let detail = "Somebody else has edited it since. Read it again, and make your change from there.";
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, code, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    async fn read(tags: &[&str]) -> Result<IfMatch, Problem> {
        let mut request = Request::new(());
        for tag in tags {
            request.headers_mut().append(header::IF_MATCH, tag.parse().unwrap());
        }
        IfMatch::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn only_the_revision_that_was_read_is_edited() {
        assert_eq!(read(&[]).await.unwrap_err().code, "if_match_missing");
        for tags in [&["\"7\""][..], &["7"], &["W/\"7\""], &["*"], &["\"1\", \"7\""], &["\"1\"", "\"7\""]] {
            assert!(read(tags).await.unwrap().check(7, "role_edited").is_ok(), "{tags:?}");
        }
        for tags in [&["\"8\""][..], &["W/\"8\""], &[""], &["\"\""]] {
            assert_eq!(read(tags).await.unwrap().check(7, "role_edited").unwrap_err().code, "role_edited", "{tags:?}");
        }
    }
}
