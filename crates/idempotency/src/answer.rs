//! What is kept of an answer: its status, the headers that belong to what was made, and its body. One line of JSON,
//! then the body as it was sent.

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header, response::Parts},
    response::Response,
};
use common::http::IDEMPOTENCY_REPLAYED;
use serde::{Deserialize, Serialize};

/// Bytes of a body that are kept: an invoice of some 2,000 lines. Each answer lies in the database for a day.
pub(crate) const LARGEST: usize = 1024 * 1024;
/// All others belong to the request or the connection.
const KEPT: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::CACHE_CONTROL, HeaderName::from_static("x-version")];

#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// The bytes are not those of [`pack`].
#[derive(Debug, thiserror::Error)]
#[error("an answer that was kept cannot be read")]
pub(crate) struct Unreadable;

pub(crate) fn pack(parts: &Parts, body: &Bytes) -> Vec<u8> {
    let value = |name: &HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
    let head = Head { status: parts.status.as_u16(), headers: KEPT.iter().filter_map(value).collect() };
    let mut packed = serde_json::to_vec(&head).expect("a number and texts are JSON");
    packed.push(b'\n');
    packed.extend_from_slice(body);
    packed
}

pub(crate) fn unpack(packed: &[u8]) -> Result<Response, Unreadable> {
    let end = packed.iter().position(|byte| *byte == b'\n').ok_or(Unreadable)?;
    let head: Head = serde_json::from_slice(&packed[..end]).map_err(|_| Unreadable)?;
    let mut response = Response::new(Body::from(packed[end + 1..].to_vec()));
    *response.status_mut() = StatusCode::from_u16(head.status).map_err(|_| Unreadable)?;
    for (name, value) in head.headers {
        let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(name), Ok(value)) = header else { return Err(Unreadable) };
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[tokio::test]
    async fn an_answer_comes_back_as_it_was() {
        let answer = (
            StatusCode::CREATED,
            [("location", "/v1/things/1"), ("etag", "\"1\""), ("content-type", "application/json"), ("x-other", "x")],
            "{\n}\n",
        );
        let (parts, body) = answer.into_response().into_parts();
        let body = axum::body::to_bytes(body, LARGEST).await.unwrap();
        let again = unpack(&pack(&parts, &body)).unwrap();
        assert_eq!(again.status(), 201);
        let header = |name: &str| again.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(
            ["location", "etag", "content-type", "x-other", "idempotency-replayed"]
                .map(header)
                .map(Option::unwrap_or_default),
            ["/v1/things/1", "\"1\"", "application/json", "", "true"]
        );
        assert_eq!(axum::body::to_bytes(again.into_body(), LARGEST).await.unwrap(), "{\n}\n");
        assert!(unpack(b"").is_err() && unpack(b"{}\n").is_err());
    }
}
