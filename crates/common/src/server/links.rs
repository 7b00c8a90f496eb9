//! `Link` of pages (RFC 8288): an answer with a page of a list names the next one by its address, with the same filters
//! and limit, as its body does by `next_cursor`.

use crate::page::NextCursor;
use axum::{
    extract::Request,
    http::{HeaderValue, Uri, header},
    middleware::Next,
    response::Response,
};
use reqwest::Url;

pub(super) async fn link_next(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    let cursor = response.extensions_mut().remove::<NextCursor>();
    if let Some(link) = cursor.and_then(|NextCursor(cursor)| link(&uri, &cursor)) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// Relative, as services stand behind names that they do not know.
fn link(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let here = Url::parse("http://service").and_then(|base| base.join(&uri.to_string())).ok()?;
    let mut there = here.clone();
    let kept = here.query_pairs().filter(|(name, _)| name != "cursor");
    there.query_pairs_mut().clear().extend_pairs(kept).append_pair("cursor", cursor);
    // Both parts are encoded, so neither holds a ">".
    HeaderValue::try_from(format!("<{}?{}>; rel=\"next\"", there.path(), there.query()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stay_and_the_cursor_goes_on() {
        for (here, next) in [
            ("/v1/jobs", "</v1/jobs?cursor=abc>; rel=\"next\""),
            ("/v1/jobs?limit=2&cursor=old&state=failed", "</v1/jobs?limit=2&state=failed&cursor=abc>; rel=\"next\""),
            ("/v1/jobs?%63ursor=old", "</v1/jobs?cursor=abc>; rel=\"next\""),
            ("/v1/a%3Eb?x=%3E%22;&y=a+b", "</v1/a%3Eb?x=%3E%22%3B&y=a+b&cursor=abc>; rel=\"next\""),
        ] {
            assert_eq!(link(&here.parse().unwrap(), "abc").unwrap(), next, "{here}");
        }
    }
}
