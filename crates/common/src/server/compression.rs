//! gzip (RFC 1952) of large answers, for callers that take it.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};
use tower_http::compression::{
    CompressionLayer,
    predicate::{And, DefaultPredicate, Predicate, SizeAbove},
};

/// Bytes from which on it is worth it: what is smaller fits into one packet anyway.
const LARGE: u64 = 1400;

/// Compresses what is large, no stream of events and no picture, and has no secret. `Vary` tells caches.
///
/// The size of a compressed answer tells what a secret in it has in common with text that somebody else chose (BREACH,
/// <https://breachattack.com>). So answers with tokens, keys or secret addresses are left as they are: whoever makes
/// one forbids its storage. For all others the attack has no way to begin: it needs a victim's browser that asks again
/// and again, and what authorises here is a token in a header, which no other site can have sent.
pub(super) fn layer() -> CompressionLayer<And<And<DefaultPredicate, SizeAbove>, NoSecret>> {
    let large = DefaultPredicate::new().and(SizeAbove::new(LARGE));
    CompressionLayer::new().gzip(true).compress_when(large.and(NoSecret))
}

/// Leaves of `Accept-Encoding` whether gzip is taken. Whoever takes nothing that we have gets an answer as it is
/// (RFC 9110 §12.5.3); the layer would say 406 after the handler had its effect.
pub(super) fn settle(mut request: Request) -> Request {
    let takes = takes_gzip(request.headers());
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    if takes {
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings: Vec<_> = values.flat_map(|value| value.split(',')).map(coding).collect();
    let weight = |wanted: &str| codings.iter().find(|(name, _)| name == wanted).map(|(_, weight)| *weight);
    weight("gzip").or(weight("x-gzip")).or(weight("*")).is_some_and(|weight| weight > 0.0)
}

/// The name and weight of `gzip;q=0.5`.
fn coding(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
    (name, weight)
}

/// The handler has not said `no-store`, as it does with tokens, keys and pages whose address is a secret.
#[derive(Clone, Copy)]
pub(super) struct NoSecret;

impl Predicate for NoSecret {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool {
        let stored = response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
        !stored.is_some_and(|directives| directives.contains("no-store"))
    }
}
