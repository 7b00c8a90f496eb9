//! Middleware around every request: a request id, one log line, metrics, time limits, and a problem for every refusal.

use super::{body, compression, harden::harden, host::one_host, limits::Limits, links::link_next};
use crate::{
    ambient::Ambient,
    http::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, REQUEST_ID, TRACEPARENT, no_route},
    problem::{Problem, RATE_LIMIT},
    trace::{self, TraceContext},
};
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    any::Any,
    time::{Duration, Instant},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::Instrument;

/// The version of a tenant's permissions that a write made.
const VERSION: HeaderName = HeaderName::from_static("x-version");
/// What a frontend's tracing says of itself; it is let in and not passed on.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const LONGEST_REQUEST_ID: usize = 64;
/// Of a preflight, as long as any browser keeps one: Firefox a day, Chromium two hours, Safari ten minutes.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(24 * 3600);

pub(super) fn wrap(router: Router, service: &'static str, cors_origins: &[String], limits: &Limits) -> Router {
    let times = Times { body: limits.body, answer: limits.answer };
    router
        .fallback(async || no_route())
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not take that method.",
            )
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(one_host))
        .layer(axum::middleware::from_fn(link_next))
        .layer(axum::middleware::from_fn(move |request, next| observe(service, times, request, next)))
        .layer(compression::layer())
        .layer(axum::middleware::map_request(async |request: Request| compression::settle(request)))
        .layer(cors(cors_origins))
        .layer(axum::middleware::from_fn(harden))
}

/// How long a request may take.
#[derive(Clone, Copy)]
struct Times {
    body: Duration,
    answer: Duration,
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| origin.parse::<HeaderValue>().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            REQUEST_ID,
            IDEMPOTENCY_KEY,
            TRACEPARENT,
            TRACESTATE,
        ])
        .expose_headers(
            [REQUEST_ID, VERSION, IDEMPOTENCY_REPLAYED]
                .into_iter()
                .chain([header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER])
                .chain(RATE_LIMIT)
                .collect::<Vec<_>>(),
        )
        .allow_credentials(true)
        .max_age(PREFLIGHT_KEPT)
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("A handler panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "The request failed by a fault of ours. It is in our log under this request id.",
    )
    .into_response()
}

async fn observe(service: &'static str, times: Times, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let method = name_of(request.method());
    // Unmatched addresses share one label, so that a scanner cannot fill the metrics.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let trace = TraceContext::after(text_of(&request, &TRACEPARENT), &Ambient::system());
    let span = tracing::info_span!(
        "request",
        service,
        request_id,
        trace_id = trace.trace_id(),
        method,
        route,
        tenant = tracing::field::Empty
    );
    let answered = trace::within_request(trace, &request_id, answer(times, request, next));
    let response = answered.instrument(span.clone()).await;
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => with_headers_of(&response, problem.response(&request_id)),
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    record(service, method, &route, response.status(), started.elapsed(), &span);
    response
}

/// The name under which a method is counted and logged: what no route knows could be anything, and is one word.
fn name_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The handler's answer: 408 if its caller kept it waiting for the body, 503 if it took too long itself.
async fn answer(times: Times, request: Request, next: Next) -> Response {
    let version = request.version();
    let (request, body) = body::timed(request, times.body);
    match tokio::time::timeout(times.answer, next.run(request)).await {
        Ok(answer) if !body.is_late() || answer.status().is_success() => answer,
        Err(_) if !body.is_awaited() && !body.is_late() => {
            Problem::unavailable(1, "The request took too long.").into_response()
        }
        _ => body_too_slow(version),
    }
}

/// What is left of the body is not read, so the connection can carry nothing after it (RFC 9110 §15.5.9).
fn body_too_slow(version: Version) -> Response {
    let mut answer =
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time.").into_response();
    if version < Version::HTTP_2 {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Keeps what inner layers added to a refusal, such as `Allow` of a 405.
fn with_headers_of(inner: &Response, mut rendered: Response) -> Response {
    for (name, value) in inner.headers() {
        if *name != header::CONTENT_LENGTH && !rendered.headers().contains_key(name) {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

fn record(
    service: &'static str,
    method: &'static str,
    route: &str,
    status: StatusCode,
    took: Duration,
    span: &tracing::Span,
) {
    let labels = [
        ("service", service.to_owned()),
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..3]).record(took);
    let duration_ms = took.as_secs_f64() * 1000.0;
    span.in_scope(|| tracing::info!(status = status.as_u16(), duration_ms, "A request was answered"));
}

/// The caller's request id if it is short and plain, else a new one.
fn request_id(request: &Request) -> String {
    let sound = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST_REQUEST_ID
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    text_of(request, &REQUEST_ID).filter(sound).map_or_else(|| Ambient::system().uuid().to_string(), str::to_owned)
}

fn text_of<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_method_has_no_name_of_its_own() {
        let name = |method: &str| name_of(&method.parse().unwrap());
        assert_eq!(["GET", "PATCH", "OPTIONS"].map(name), ["GET", "PATCH", "OPTIONS"]);
        assert_eq!(["INVENTED1", "get", "TRACE", "CONNECT"].map(name), ["other"; 4]);
    }
}
