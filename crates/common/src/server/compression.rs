//! gzip (RFC 1952) of large answers, for callers that take it.

use axum::http::header;
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

/// The handler has not said `no-store`, as it does with tokens, keys and pages whose address is a secret.
#[derive(Clone, Copy)]
pub(super) struct NoSecret;

impl Predicate for NoSecret {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool {
        let stored = response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
        !stored.is_some_and(|directives| directives.contains("no-store"))
    }
}
