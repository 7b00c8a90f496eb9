//! What happens around every request? A request id, one log line, metrics, a time limit, and a problem for every refusal.

use crate::{
    http::no_route,
    problem::{Problem, RATE_LIMIT},
};
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
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

/// A request that takes longer is given up with 503.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The version of a tenant's permissions that a write made.
const VERSION: HeaderName = HeaderName::from_static("x-version");
const LONGEST_REQUEST_ID: usize = 64;

pub(super) fn wrap(router: Router, service: &'static str, cors_origins: &[String]) -> Router {
    router
        .fallback(async || no_route())
        .method_not_allowed_fallback(async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not take that method."))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(move |request, next| observe(service, request, next)))
        .layer(cors(cors_origins))
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| origin.parse::<HeaderValue>().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, REQUEST_ID])
        .expose_headers([REQUEST_ID, VERSION, header::ETAG, header::LOCATION, header::RETRY_AFTER].into_iter().chain(RATE_LIMIT).collect::<Vec<_>>())
        .allow_credentials(true)
        .max_age(Duration::from_secs(600))
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The request failed by a fault of ours. It is in our log under this request id.")
        .into_response()
}

async fn observe(service: &'static str, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let method = request.method().clone();
    // Unmatched addresses share one label, so that a scanner cannot fill the metrics.
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", service, request_id, %method, route, tenant = tracing::field::Empty);
    let response = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).instrument(span.clone()).await;
    let response = response.unwrap_or_else(|_| Problem::unavailable(1, "The request took too long.").into_response());
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => with_headers_of(&response, problem.response(&request_id)),
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    record(service, &method, &route, response.status(), started.elapsed(), &span);
    response
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

fn record(service: &'static str, method: &Method, route: &str, status: StatusCode, took: Duration, span: &tracing::Span) {
    let labels = [("service", service.to_owned()), ("method", method.to_string()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..3]).record(took);
    let duration_ms = took.as_secs_f64() * 1000.0;
    span.in_scope(|| tracing::info!(status = status.as_u16(), duration_ms, "request answered"));
}

/// The caller's request id if it is short and plain, else a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let sound =
        |id: &&str| !id.is_empty() && id.len() <= LONGEST_REQUEST_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    given.filter(sound).map_or_else(|| crate::ambient::Ambient::system().uuid().to_string(), str::to_owned)
}
