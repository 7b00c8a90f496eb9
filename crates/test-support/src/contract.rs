//! Test of a running service against its OpenAPI document: every operation is tried with bad requests; new ones are
//! covered by themselves.

mod editing;
mod making;

use crate::{TestAnswer, TestPlatform, TestRequest, TestServer, document::Document};
use access::token::Claims;
use contracts::id::TenantId;
use reqwest::Method;
use serde_json::Value;

const LARGER_THAN_ANY_BODY: usize = common::server::LARGEST_BODY + 1;

/// A method and an address that no route takes.
const INVENTED: &str = "INVENTED-BY-A-CALLER";

/// One operation of a document.
struct Operation<'a> {
    /// In which whoever may do something is.
    tenant: TenantId,
    method: Method,
    path: String,
    definition: &'a Value,
    /// Methods that the same path takes.
    siblings: Vec<&'a String>,
}

/// Calls every operation of `document` without a token, without its permission, and with bodies that cannot be read.
pub async fn openapi_contract(platform: &TestPlatform, server: &TestServer, document: &Value) {
    openapi_contract_in(platform.tenant(), platform, server, document).await;
}

/// The same where only users of `tenant` may do anything, as on a product's host.
pub async fn openapi_contract_in(tenant: TenantId, platform: &TestPlatform, server: &TestServer, document: &Value) {
    assert_eq!(common::openapi::faults(document), Vec::<String>::new());
    Document::new(document.clone()).check_examples();
    let paths = document["paths"].as_object().expect("a document has paths");
    assert!(!paths.is_empty());
    server.get("/no/such/address").send().await.problem(404, "not_found");
    // From here on it is counted.
    count(server).await;
    server.get(&format!("/no/such/{INVENTED}")).send().await.problem(404, "not_found");
    let of_the_platform = making::is_of_the_platform(document);
    for (path, item) in paths {
        let item = item.as_object().expect("a path has operations");
        for (method, definition) in item {
            let method = method.to_uppercase().parse().expect("a method");
            let operation = Operation {
                tenant,
                method,
                path: fill_in(platform, path),
                definition,
                siblings: item.keys().collect(),
            };
            let token = operation.check(platform, server).await;
            if of_the_platform {
                operation.takes_a_key(server, token.as_deref()).await;
                operation.demands_if_match(server, token.as_deref(), &paths[path]).await;
            }
        }
    }
    count(server).await;
}

/// What callers choose must not become a label, or they fill the metrics.
async fn count(server: &TestServer) {
    let counted = server.ops("/metrics").send().await;
    assert!(!counted.text.contains(INVENTED), "a label has what a caller chose");
}

/// The path with each variable replaced by an id that names nothing.
fn fill_in(platform: &TestPlatform, path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { platform.ambient.uuid().to_string() } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("/")
}

/// Tokens that are rightly signed, and must not be taken for other reasons.
fn unacceptable(platform: &TestPlatform) -> Vec<String> {
    let (issuer, claims) = (&platform.issuer, || platform.issuer.claims("worker", "worker"));
    let mut early = serde_json::to_value(claims()).expect("claims are JSON");
    early["nbf"] = (claims().iat + 3600).into();
    let expiring = |exp| issuer.sign(&Claims { exp, ..claims() });
    let other = Claims { aud: "another-platform".into(), ..claims() };
    vec![
        expiring(claims().exp - 3600),
        expiring(i64::MAX),
        expiring(i64::MAX - 1),
        expiring(i64::MIN),
        expiring(claims().iat + 3600 * 24 * 365),
        issuer.sign(&other),
        issuer.sign_value(&early),
        issuer.sign_critical(&claims()),
    ]
}

impl Operation<'_> {
    /// Gives a token that is allowed, if one is needed.
    async fn check(&self, platform: &TestPlatform, server: &TestServer) -> Option<String> {
        let token = self.refused_callers(platform, server).await;
        if let Some(token) = &token {
            self.kept_by_no_cache(server, token).await;
        }
        self.unreadable_bodies(server, token.as_deref()).await;
        let unused = ["patch", "put", "delete", "post"]
            .into_iter()
            .find(|method| !self.siblings.iter().any(|sibling| sibling == method));
        let invented = server.request(INVENTED.parse().expect("a method"), &self.path).send().await;
        assert!((400..500).contains(&invented.status), "{INVENTED} {}: {}", self.path, invented.text);
        if let Some(method) = unused {
            let answer = server.request(method.to_uppercase().parse().expect("a method"), &self.path).send().await;
            self.tell(&answer, 405);
        }
        token
    }

    /// Gives a token that is allowed, if one is needed.
    async fn refused_callers(&self, platform: &TestPlatform, server: &TestServer) -> Option<String> {
        if let Some(permissions) = self.scopes("bearer") {
            self.unauthorized(platform, server).await;
            let tenant = self.tenant;
            if !permissions.is_empty() {
                let nobody = platform.user(tenant, &[]).await;
                self.tell(&self.request(server).bearer(&nobody.token).send().await, 403);
            }
            return Some(platform.user(tenant, &permissions).await.token);
        }
        let Some(clients) = self.scopes("platform_client") else {
            let stranger = self.request(server).send().await;
            assert_ne!(stranger.json["code"], "token_missing", "{} {} is said to be public", self.method, self.path);
            return None;
        };
        self.unauthorized(platform, server).await;
        if clients != ["*"] {
            self.tell(&self.request(server).bearer(&platform.client_token("stranger")).send().await, 403);
        }
        self.tell(&self.request(server).bearer(&platform.user(platform.tenant(), &[]).await.token).send().await, 403);
        clients.first().map(|client| platform.client_token(client))
    }

    async fn unauthorized(&self, platform: &TestPlatform, server: &TestServer) {
        self.tell(&self.request(server).send().await, 401);
        for token in ["x", "a.b.c", "slk_x", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30."] {
            self.tell(&self.request(server).bearer(token).send().await, 401);
        }
        for token in unacceptable(platform) {
            // Twice, as what was verified once is remembered.
            self.tell(&self.request(server).bearer(&token).send().await, 401);
            self.tell(&self.request(server).bearer(&token).send().await, 401);
        }
    }

    /// What somebody reads by a credential, be it an answer or a refusal.
    async fn kept_by_no_cache(&self, server: &TestServer, token: &str) {
        if self.method == Method::GET {
            let answer = self.request(server).bearer(token).send().await;
            let headers = [answer.header("cache-control"), answer.header("x-content-type-options")];
            assert_eq!(headers, [Some("no-store"), Some("nosniff")], "{} {}", self.method, self.path);
        }
    }

    async fn unreadable_bodies(&self, server: &TestServer, token: Option<&str>) {
        let content = &self.definition["requestBody"]["content"];
        let Some(content) = content.as_object() else { return };
        let request = || {
            let request = self.request(server);
            let request = if self.edits() { request.header("if-match", "*") } else { request };
            if let Some(token) = token { request.bearer(token) } else { request }
        };
        self.tell(&request().body("text/plain", "{}").send().await, 415);
        if content.contains_key("application/json") {
            self.tell(&request().body("application/json", "{").send().await, 400);
            let larger = self.definition["x-largest-body"].as_u64().map_or(LARGER_THAN_ANY_BODY, |most| most as usize);
            let large = format!("\"{}\"", "x".repeat(larger));
            self.tell(&request().body("application/json", large).send().await, 413);
            self.tell(&request().body("application/json", "[]").send().await, 422);
        }
    }

    fn request(&self, server: &TestServer) -> TestRequest {
        server.request(self.method.clone(), &self.path)
    }

    fn scopes(&self, scheme: &str) -> Option<Vec<&str>> {
        let requirements = self.definition["security"].as_array()?;
        let scopes = requirements.iter().find_map(|requirement| requirement.get(scheme)?.as_array())?;
        Some(scopes.iter().filter_map(Value::as_str).collect())
    }

    #[track_caller]
    fn tell(&self, answer: &TestAnswer, status: u16) {
        let Self { method, path, .. } = self;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}: {}", answer.text);
        assert!(answer.json["request_id"].is_string(), "{method} {path}: {}", answer.text);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        for secret in ["SELECT ", "sqlx", "/src/", ".rs:"] {
            assert!(!answer.text.contains(secret), "{method} {path} shows '{secret}': {}", answer.text);
        }
    }
}
