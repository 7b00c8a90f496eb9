//! Client for calls between services, with its own client credentials (RFC 6749 §4.4), remembered until shortly before
//! they expire.

use common::{
    config::Base,
    http::{REQUEST_ID, TRACEPARENT},
    problem::{Problem, ProblemBody, RETRY_AFTER_OUTAGE},
    trace,
};
use reqwest::{Method, RequestBuilder, StatusCode, header::RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// A call between services takes no longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// An idle connection is dropped before the other service does ([`common::server::Limits`]), or a call could meet its
/// end.
const KEEP_IDLE: Duration = Duration::from_secs(60);
/// A token is renewed this long before it expires.
const RENEW_EARLY: Duration = Duration::from_secs(30);

/// A token is remembered no longer, whatever auth says of it.
const LONGEST_MEMORY: Duration = Duration::from_secs(3600);

/// The one HTTP client configuration of the platform.
pub fn http() -> reqwest::Client {
    // `new` would panic on the same fault; a TLS backend is always compiled in.
    reqwest::Client::builder().timeout(CALL_TIMEOUT).pool_idle_timeout(KEEP_IDLE).build().unwrap_or_default()
}

/// Calls the platform's internal endpoints as this service; cheap to clone.
#[derive(Clone)]
pub struct PlatformClient(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    token_url: String,
    client_id: String,
    client_secret: SecretString,
    token: Mutex<Option<(String, Instant)>>,
}

/// Why a call did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the service refused with {status} {code}: {detail}", status = .0.status, code = .0.code,
        detail = .0.detail)]
    Refused(Problem),
    #[error("the service cannot be reached")]
    Unreachable(#[from] reqwest::Error),
}

impl From<ClientError> for Problem {
    /// A refusal between services is our own fault, never the caller's: to the caller the service is unavailable.
    fn from(error: ClientError) -> Self {
        tracing::warn!(error = %common::problem::Chain(&error), "A call to another service failed");
        Self::unavailable(RETRY_AFTER_OUTAGE, "Another service that is needed for this cannot be reached right now.")
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl PlatformClient {
    pub fn new(base: &Base) -> Self {
        Self::with_credentials(&base.auth_url, &base.client_id, base.client_secret.clone())
    }

    /// For a command that needs no more of a service's settings than these.
    pub fn with_credentials(auth_url: &str, client_id: &str, client_secret: SecretString) -> Self {
        let token_url = format!("{auth_url}/v1/oauth/token");
        Self(Arc::new(Inner {
            http: http(),
            token_url,
            client_id: client_id.to_owned(),
            client_secret,
            token: Mutex::default(),
        }))
    }

    pub async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, ClientError> {
        self.call(Method::GET, url, None::<&()>).await
    }

    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        url: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.call(Method::POST, url, Some(body)).await
    }

    pub async fn put<B: Serialize + ?Sized, T: DeserializeOwned>(&self, url: &str, body: &B) -> Result<T, ClientError> {
        self.call(Method::PUT, url, Some(body)).await
    }

    /// An empty answer reads as `null`, so `T` may be `()`.
    async fn call<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        body: Option<&B>,
    ) -> Result<T, ClientError> {
        let mut request = self.0.http.request(method, url).bearer_auth(self.token().await?);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = traced(request).send().await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            *self.0.token.lock().await = None;
        }
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        let bytes = response.bytes().await?;
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text).map_err(|error| ClientError::Refused(Problem::internal(&error)))
    }

    async fn token(&self) -> Result<String, ClientError> {
        let mut cached = self.0.token.lock().await;
        if let Some((token, expires)) = cached.as_ref()
            && Instant::now() + RENEW_EARLY < *expires
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.0.client_id),
            ("client_secret", self.0.client_secret.expose_secret()),
        ];
        let response = traced(self.0.http.post(&self.0.token_url).form(&form)).send().await?;
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        let answer: TokenAnswer = response.json().await?;
        let expires = Instant::now() + Duration::from_secs(answer.expires_in).min(LONGEST_MEMORY);
        Ok(cached.insert((answer.access_token, expires)).0.clone())
    }
}

/// Says of which request and of which trace the call is a part.
fn traced(mut request: RequestBuilder) -> RequestBuilder {
    if let Some(trace) = trace::current() {
        request = request.header(TRACEPARENT, trace.to_string());
    }
    match trace::request_id() {
        Some(id) => request.header(REQUEST_ID, &*id),
        None => request,
    }
}

async fn refused(response: reqwest::Response) -> ClientError {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.json::<ProblemBody>().await.ok();
    let code = body.as_ref().map_or("refused", |body| &body.code);
    let detail = body.as_ref().map_or("", |body| &body.detail);
    let errors = body.as_ref().map(|body| body.errors.clone()).unwrap_or_default();
    ClientError::Refused(Problem { errors, retry_after, ..Problem::new(status, code, detail) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Json, Router, extract::Request, routing::any};
    use common::{ambient::Ambient, trace::TraceContext};
    use serde_json::{Value, json};

    /// Answers every call with the headers that it came with, and with a token.
    async fn echo(request: Request) -> Json<Value> {
        let text = |name| request.headers().get(&name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Json(
            json!({"access_token": "t", "expires_in": 300, "request_id": text(REQUEST_ID), "trace": text(TRACEPARENT)}),
        )
    }

    #[tokio::test]
    async fn a_call_says_of_which_request_and_trace_it_is_a_part() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(echo))).await });
        let client = PlatformClient::with_credentials(&url, "auth", "secret".into());
        let trace = TraceContext::begin(&Ambient::system());
        let call = async || client.get::<Value>(&format!("{url}/internal/thing")).await.unwrap();
        let heard = trace::within_request(trace, "r-1", call()).await;
        assert_eq!((&heard["request_id"], &heard["trace"]), (&json!("r-1"), &json!(trace.to_string())));
        let heard = call().await;
        assert_eq!((&heard["request_id"], &heard["trace"]), (&Value::Null, &Value::Null));
    }
}
