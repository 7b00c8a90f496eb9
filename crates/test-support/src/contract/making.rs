//! Operations that make something: each takes an `Idempotency-Key`, or says why it does not.

use super::Operation;
use crate::{TestAnswer, TestServer};
use contracts::roster;
use serde_json::Value;

const MALFORMED: &str = "too short";
const REASON: &str = "x-no-idempotency-key";

/// Whether `document` is of a service of the platform; products have databases of their own, without keys.
pub(super) fn is_of_the_platform(document: &Value) -> bool {
    roster::SERVICES.iter().any(|service| document["x-service"] == service.name)
}

impl Operation<'_> {
    /// A handler that does not look at the key would make something here, or find another fault.
    pub(super) async fn takes_a_key(&self, server: &TestServer, token: Option<&str>) {
        let declared = self.parameters().any(|parameter| parameter["name"] == "Idempotency-Key");
        let exempt = self.definition[REASON].as_str().is_some_and(|reason| reason.len() > 20);
        let makes = self.method == reqwest::Method::POST
            && self.path.starts_with("/v1/")
            && ["201", "202"].iter().any(|status| self.definition["responses"].get(status).is_some());
        assert_eq!(declared, makes && !exempt, "{} {}: Idempotency-Key", self.method, self.path);
        if declared {
            let request = self.request(server).header("idempotency-key", MALFORMED);
            let request = if let Some(token) = token { request.bearer(token) } else { request };
            let answer: TestAnswer = request.send().await;
            self.tell(&answer, 400);
            assert_eq!(answer.json["code"], "idempotency_key_malformed", "{} {}", self.method, self.path);
        }
    }

    fn parameters(&self) -> impl Iterator<Item = &Value> {
        self.definition["parameters"].as_array().into_iter().flatten()
    }
}
