//! Operations that people edit something by: each demands `If-Match`, and what it edits is shown with its `ETag`.

use super::Operation;
use crate::TestServer;
use serde_json::Value;

impl Operation<'_> {
    /// An edit replaces or changes what was read: a `PUT` or `PATCH` under `/v1` with a body.
    pub(super) fn edits(&self) -> bool {
        ["PUT", "PATCH"].contains(&self.method.as_str())
            && self.path.starts_with("/v1/")
            && self.definition.get("requestBody").is_some()
    }

    /// A handler that does not ask would edit unseen.
    pub(super) async fn demands_if_match(&self, server: &TestServer, token: Option<&str>, item: &Value) {
        if !self.edits() {
            return;
        }
        let shown = &item["get"]["responses"]["200"]["headers"]["ETag"];
        assert!(shown.is_object(), "{} shows no ETag, and is edited", self.path);
        assert!(self.definition["responses"]["412"].is_object(), "{} {}: 412", self.method, self.path);
        let request = self.request(server);
        let request = if let Some(token) = token { request.bearer(token) } else { request };
        let answer = request.body("application/json", "{}").send().await;
        self.tell(&answer, 428);
        assert_eq!(answer.json["code"], "if_match_missing", "{} {}", self.method, self.path);
    }
}
