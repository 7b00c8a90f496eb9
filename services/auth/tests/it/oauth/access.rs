//! For whom tokens are, and how one is exchanged for another.

use super::{Browser, Provider, refused};
use crate::support::{WORKER_SECRET, World, environment, text};
use access::{
    client::PlatformClient,
    token::{Verifier, product_audience},
};
use chrono::TimeDelta;
use contracts::id::Principal;
use serde_json::{Value, json};
use test_support::TestAnswer;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// auth that knows the products `forum` and `pdf`.
async fn with_products() -> Provider {
    let platform = test_support::TestPlatform::of::<auth::Auth>().await;
    let known = environment(&platform)["PLATFORM_CLIENTS"].clone();
    let hash = hex::encode(auth::opaque::sha256(&[WORKER_SECRET.as_bytes()]));
    let clients = format!("{known},forum:{hash},pdf:{hash}");
    Provider::of(World::on(platform, &[("PLATFORM_CLIENTS", clients)]).await).await
}

impl Provider {
    fn forum(&self) -> String {
        product_audience(&self.world.server.url, "forum")
    }

    /// Takes tokens as a product does.
    fn product(&self, name: &str) -> Verifier {
        let client = PlatformClient::with_credentials(&self.world.server.url, "worker", WORKER_SECRET.into());
        let url = &self.world.server.url;
        Verifier::new(client, url, url, &product_audience(url, name))
    }

    async fn exchange_token(&self, token: &str, changes: &[(&str, &str)]) -> TestAnswer {
        let grant = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        self.world.server.post_form("/v1/oauth/token", &[&grant[..], changes].concat()).await
    }

    async fn for_the_forum(&self, token: &str) -> String {
        let forum = self.forum();
        let answer: Value = self.exchange_token(token, &[("resource", &forum)]).await.expect(200);
        assert_eq!(answer["issued_token_type"], ACCESS_TOKEN);
        text(&answer, "access_token").to_owned()
    }

    async fn as_product(&self, product: &str, token: &str, changes: &[(&str, &str)]) -> TestAnswer {
        let own = [("client_id", product), ("client_secret", WORKER_SECRET)];
        self.exchange_token(token, &[&own[..], changes].concat()).await
    }
}

/// RFC 8707 §2, RFC 9068 §4, RFC 9700 §2.3: a token is for one resource, and nobody else takes it.
#[tokio::test]
async fn a_token_is_for_one_resource() {
    let provider = with_products().await;
    let token = provider.for_the_forum(&provider.token).await;
    let claims = provider.product("forum").verify(&token).await.unwrap();
    assert_eq!(claims.principal(), Some(Principal::User(provider.ada.user)));
    assert!(provider.product("pdf").verify(&token).await.is_err(), "another product");
    provider.world.server.get("/v1/me").bearer(&token).await.problem(401, "token_invalid");
    // RFC 7662 §2.2: each is told of its own.
    for (product, active) in [("forum", true), ("pdf", false)] {
        let form = [("token", &*token), ("client_id", product), ("client_secret", WORKER_SECRET)];
        let told = provider.world.server.post_form("/v1/oauth/introspect", &form).await.expect(200);
        assert_eq!(told["active"], active, "{product}");
    }
    assert!(provider.product("forum").verify(&provider.token).await.is_err(), "the platform's at a product");
    // An app gets one straight away, and refreshes it.
    let forum = provider.forum();
    let code = provider.code(&mut Browser::default(), &[("resource", &forum)]).await;
    let tokens = provider.exchange(&code).await.expect(200);
    let again = provider.refresh(text(&tokens, "refresh_token")).await.expect(200);
    for tokens in [&tokens, &again] {
        let claims = provider.product("forum").verify(text(tokens, "access_token")).await.unwrap();
        assert_eq!(claims.client_id, provider.client);
        provider.userinfo(tokens).await.problem(401, "token_invalid");
    }
}

/// RFC 8693 §2: a person's own token for the platform becomes one for a product, and lives by the same session.
#[tokio::test]
async fn a_persons_own_token_is_exchanged_for_a_products() {
    let provider = with_products().await;
    let forum = provider.forum();
    let own = provider.token.clone();
    let app = provider.tokens().await;
    let app = text(&app, "access_token");
    refused(&provider.exchange_token(&own, &[("resource", "https://evil.test")]).await, 400, "invalid_target");
    refused(&provider.exchange_token("made up", &[("resource", &forum)]).await, 400, "invalid_request");
    refused(&provider.exchange_token(app, &[("resource", &forum)]).await, 400, "invalid_request");
    let kind = [("resource", &*forum), ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt")];
    refused(&provider.exchange_token(&own, &kind).await, 400, "invalid_request");
    let narrow = provider.exchange_token(&own, &[("resource", &forum), ("scope", "forum.addPost")]).await.expect(200);
    let claims = provider.product("forum").verify(text(&narrow, "access_token")).await.unwrap();
    assert_eq!(claims.scope.as_deref(), Some("forum.addPost"));
    let token = provider.for_the_forum(&own).await;
    refused(&provider.exchange_token(&token, &[("resource", &forum)]).await, 400, "invalid_request");
    provider.world.clock.advance(TimeDelta::minutes(8));
    let late = provider.for_the_forum(&own).await;
    let claims = provider.product("forum").verify(&late).await;
    assert!(claims.is_ok_and(|claims| claims.exp - claims.iat == 120), "it does not outlive the first one");
    provider.world.server.delete("/v1/sessions/current").bearer(&own).await.expect(204);
    refused(&provider.exchange_token(&own, &[("resource", &forum)]).await, 400, "invalid_request");
}

/// RFC 8693 §4.1: a product acts for a person at the platform with what both may do, and not as the person.
#[tokio::test]
async fn a_product_acts_for_a_person_with_what_both_may_do() {
    let provider = with_products().await;
    let (ada, server) = (&provider.ada, &provider.world.server);
    let forum = Principal::Client("forum".into());
    let allow = async |permissions: &[&str]| provider.world.platform.allow(ada.tenant, &forum, permissions).await;
    allow(&["auth.readMembers", "auth.inviteMembers"]).await;
    let handed = provider.for_the_forum(&provider.token).await;
    let answer = provider.as_product("forum", &handed, &[]).await.expect(200);
    assert_eq!(answer["scope"], "auth.inviteMembers auth.readMembers");
    let token = text(&answer, "access_token");
    server.get("/v1/members").bearer(token).await.expect(200);
    server.get("/v1/clients").bearer(token).await.problem(403, "permission_missing");
    let invite = json!({"email": "bob@acme.test"});
    server.post("/v1/invitations", &invite).bearer(token).await.problem(403, "permission_missing");
    server.get("/v1/sessions").bearer(token).await.problem(403, "user_session_required");
    // What either loses is lost at once.
    allow(&[]).await;
    server.get("/v1/members").bearer(token).await.problem(403, "permission_missing");
    allow(&["auth.readMembers"]).await;
    server.get("/v1/members").bearer(token).await.expect(200);
    provider.world.allow(ada, &[]).await;
    server.get("/v1/members").bearer(token).await.problem(403, "permission_missing");
    // Nobody else gets it, and it is worth nothing to exchange.
    refused(&provider.as_product("pdf", &handed, &[]).await, 400, "invalid_request");
    refused(&provider.as_product("worker", &handed, &[]).await, 400, "invalid_request");
    refused(&provider.as_product("forum", &provider.token, &[]).await, 400, "invalid_request");
    refused(&provider.as_product("forum", token, &[]).await, 400, "invalid_request");
    let pdf = product_audience(&server.url, "pdf");
    refused(&provider.as_product("forum", &handed, &[("resource", &pdf)]).await, 400, "invalid_target");
    let wide = provider.as_product("forum", &handed, &[("scope", "auth.writeClients")]).await;
    refused(&wide, 400, "invalid_scope");
    let own = [("client_id", &*provider.client), ("client_secret", &*provider.secret)];
    refused(&provider.exchange_token(&handed, &own).await, 400, "unauthorized_client");
}

/// A tenant grants a product what it may do for people there: the permission service learns here that it exists.
#[tokio::test]
async fn a_product_exists_in_every_tenant_and_a_service_of_the_platform_in_none() {
    let provider = with_products().await;
    let asked = json!({"tenant_id": provider.ada.tenant, "principals": ["client:forum", "client:worker", "client:x"]});
    let token = provider.world.platform_token("permission").await;
    let answer = provider.world.server.post("/internal/principals", &asked).bearer(&token).await.expect(200);
    let known: Vec<_> = answer["existing"].as_array().unwrap().iter().map(|one| &one["principal"]).collect();
    assert_eq!(known, [&json!("client:forum")]);
}
