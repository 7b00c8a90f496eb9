//! A client for tests: a request that reads like one, and an answer that asserts.

mod promises;
mod repeated;

use crate::document::{Asked, Document};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde::Serialize;
use serde_json::Value;
use std::{pin::Pin, sync::Arc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running service; dropping it stops it.
pub struct TestServer {
    pub url: String,
    pub ops_url: String,
    http: reqwest::Client,
    document: Option<Arc<Document>>,
    shutdown: CancellationToken,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
}

/// A request being made; awaited, it is sent.
pub struct TestRequest {
    builder: reqwest::RequestBuilder,
    document: Option<Arc<Document>>,
}

/// What came back.
#[derive(Debug)]
pub struct TestAnswer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body if it is JSON, else null.
    pub json: Value,
}

impl TestServer {
    pub(crate) fn new(
        url: String,
        ops_url: String,
        shutdown: CancellationToken,
        serving: JoinHandle<anyhow::Result<()>>,
    ) -> Self {
        let http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client");
        Self { url, ops_url, http, document: None, shutdown, serving: Some(serving) }
    }

    /// From now on each answer must be as `document` says.
    pub fn documented(mut self, document: Value) -> Self {
        self.document = Some(Arc::new(Document::new(document)));
        self
    }

    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        let builder = self.http.request(method, format!("{}{path}", self.url));
        TestRequest { builder, document: self.document.clone() }
    }

    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    pub fn delete(&self, path: &str) -> TestRequest {
        self.request(Method::DELETE, path)
    }

    pub fn post(&self, path: &str, body: &impl Serialize) -> TestRequest {
        self.request(Method::POST, path).with(|builder| builder.json(body))
    }

    pub fn put(&self, path: &str, body: &impl Serialize) -> TestRequest {
        self.request(Method::PUT, path).with(|builder| builder.json(body))
    }

    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> TestRequest {
        self.request(Method::POST, path).with(|builder| builder.form(fields))
    }

    /// A path of the second listener, such as `/readyz`.
    pub fn ops(&self, path: &str) -> TestRequest {
        TestRequest { builder: self.http.get(format!("{}{path}", self.ops_url)), document: None }
    }

    /// Stops the service and gives what its `serve` gave.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        match self.serving.take() {
            Some(serving) => serving.await?,
            None => Ok(()),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl TestRequest {
    pub fn bearer(self, token: &str) -> Self {
        self.with(|builder| builder.bearer_auth(token))
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|builder| builder.header(name, value))
    }

    /// A body sent as it is.
    pub fn body(self, content_type: &str, body: impl Into<String>) -> Self {
        self.with(|builder| builder.header("content-type", content_type).body(body.into()))
    }

    fn with(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    pub async fn send(self) -> TestAnswer {
        let (http, request) = self.builder.build_split();
        let request = request.expect("a request");
        let asked = Asked::of(&request);
        let response = http.execute(request).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a text");
        let json = serde_json::from_str(&text).unwrap_or_default();
        let answer = TestAnswer { status, headers, text, json };
        answer.keeps_its_promises();
        if let Some(document) = self.document {
            document.check(&asked, &answer);
        }
        answer
    }
}

impl IntoFuture for TestRequest {
    type Output = TestAnswer;
    type IntoFuture = Pin<Box<dyn Future<Output = TestAnswer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl TestAnswer {
    /// Asserts the status and gives the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// Asserts a problem+json with this status and code, and gives its body.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(
            self.headers.get("content-type").and_then(|value| value.to_str().ok()),
            Some("application/problem+json")
        );
        assert_eq!(self.json["request_id"].as_str(), self.header("x-request-id"), "{}", self.text);
        assert_eq!(
            self.json["title"].as_str(),
            StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason())
        );
        self.json
    }

    /// Asserts a 422 that names exactly these fields, in any order.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) {
        let body = self.problem(422, "invalid");
        let mut named: Vec<_> =
            body["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect();
        let mut expected = fields.to_vec();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected, "{body}");
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
