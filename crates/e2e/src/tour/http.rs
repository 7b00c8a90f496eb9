//! HTTP calls of the tour, and what it makes of their answers.

use anyhow::{Context, Result, bail, ensure};
use reqwest::{
    Method, RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// A request in the making; `what` names it in every error.
pub struct Call {
    what: String,
    request: RequestBuilder,
}

pub struct Answer {
    what: String,
    pub status: u16,
    headers: HeaderMap,
    pub text: String,
}

impl Call {
    pub fn new(http: &reqwest::Client, method: Method, url: &str) -> Self {
        Self { what: format!("{method} {url}"), request: http.request(method, url) }
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with(|request| request.bearer_auth(token))
    }

    pub fn json(self, body: &Value) -> Self {
        self.with(|request| request.json(body))
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        self.with(|request| request.form(fields))
    }

    pub fn query(self, fields: &[(&str, &str)]) -> Self {
        self.with(|request| request.query(fields))
    }

    /// Asks for this host, whatever the address.
    pub fn host(self, host: &str) -> Self {
        let named = self.with(|request| request.header(HOST, host));
        Self { what: format!("{} on {host}", named.what), ..named }
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|request| request.header(name, value))
    }

    fn with(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { what: self.what, request: change(self.request) }
    }

    pub async fn send(self) -> Result<Answer> {
        let Self { what, request } = self;
        let response = request.send().await.with_context(|| format!("{what} got no answer"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.with_context(|| format!("{what}: the answer broke off"))?;
        Ok(Answer { what, status, headers, text })
    }

    /// The body of an answer with this status, as JSON; null if it has none.
    pub async fn expect(self, status: u16) -> Result<Value> {
        let answer = self.send().await?.has(status)?;
        if answer.text.is_empty() { Ok(Value::Null) } else { answer.json() }
    }

    /// Asks as a browser does.
    pub fn browser(self) -> Self {
        self.header(ACCEPT.as_str(), "text/html")
    }

    /// A page whose text has all of this.
    pub async fn page(self, parts: &[&str]) -> Result<Answer> {
        self.send().await?.has(200)?.shows(parts)
    }

    /// A refusal as RFC 9457 has it, with a request id and this code.
    pub async fn refused(self, status: u16, code: &str) -> Result<Value> {
        self.send().await?.refused(status, code)
    }

    /// A 422 whose `errors[]` name exactly these fields.
    pub async fn invalid(self, fields: &[&str]) -> Result<()> {
        let answer = self.send().await?;
        let problem = answer.problem(422)?;
        let named: BTreeSet<_> = list(&problem, "/errors").iter().filter_map(|error| error["field"].as_str()).collect();
        ensure!(named == fields.iter().copied().collect(), "{answer} names the fields {named:?} instead of {fields:?}");
        Ok(())
    }
}

impl Answer {
    pub fn has(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{self} instead of {status}");
        Ok(self)
    }

    pub fn header_text(&self) -> String {
        self.headers.values().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join("\n")
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("{self} is no JSON"))
    }

    pub fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Each of those that may come several times.
    pub fn headers(&self, name: impl reqwest::header::AsHeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub fn refused(&self, status: u16, code: &str) -> Result<Value> {
        let problem = self.problem(status)?;
        ensure!(problem["code"] == code, "{self} instead of the code {code}");
        Ok(problem)
    }

    fn problem(&self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "{self} instead of {status}");
        let media_type = self.header(CONTENT_TYPE).unwrap_or_default();
        ensure!(media_type == "application/problem+json", "{self} is '{media_type}' instead of a problem");
        let problem = self.json()?;
        for member in ["/type", "/title", "/detail", "/code", "/request_id"] {
            ensure!(
                problem.pointer(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
                "{self} has no {member}"
            );
        }
        ensure!(problem["status"] == status, "{self} says another status than it has");
        Ok(problem)
    }

    /// A page whose text has all of this.
    pub fn shows(self, parts: &[&str]) -> Result<Self> {
        ensure!(
            self.header(CONTENT_TYPE).is_some_and(|media_type| media_type.starts_with("text/html")),
            "{self} is no page"
        );
        for part in parts {
            ensure!(self.text.contains(part), "{self} does not show '{part}'");
        }
        Ok(self)
    }

    /// The seconds after which a 503 says to try again.
    pub fn retry_after(&self) -> Result<u32> {
        let seconds = self.header(RETRY_AFTER).and_then(|value| value.parse().ok());
        seconds.with_context(|| format!("{self} without Retry-After"))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: String = self.text.chars().take(600).collect();
        write!(f, "{} answered {} {shown}", self.what, self.status)
    }
}

/// The text at a JSON pointer (RFC 6901).
pub fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(text) => Ok(text),
        None => bail!("there is no text at {pointer} in {value}"),
    }
}

/// The list at a JSON pointer; empty if there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A number, also one that is written as text for the sake of its digits.
pub fn number(value: &Value, pointer: &str) -> Result<f64> {
    let found = value.pointer(pointer);
    let number = found.and_then(|found| found.as_f64().or_else(|| found.as_str()?.parse().ok()));
    number.with_context(|| format!("there is no number at {pointer} in {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_may_be_written_as_text() {
        let value = json!({ "a": 1, "b": { "c": "0.25" } });
        assert_eq!(number(&value, "/a").unwrap(), 1.0);
        assert_eq!(number(&value, "/b/c").unwrap(), 0.25);
        assert!(number(&value, "/d").unwrap_err().to_string().contains("/d"));
    }
}
