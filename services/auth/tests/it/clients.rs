//! The platform's own clients at the token endpoint.

use crate::oauth::refused;
use crate::support::{WORKER_SECRET, World, text};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use test_support::TestAnswer;

const TOKEN: &str = "/v1/oauth/token";

async fn form(world: &World, fields: &[(&str, &str)]) -> TestAnswer {
    world.server.post_form(TOKEN, fields).await
}

#[tokio::test]
async fn a_client_gets_a_token_for_its_secret() {
    let world = World::start().await;
    let grant = ("grant_type", "client_credentials");
    let answer = form(&world, &[grant, ("client_id", "worker"), ("client_secret", WORKER_SECRET)]).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.expect(200);
    assert_eq!((text(&body, "token_type"), &body["expires_in"]), ("Bearer", &json!(300)));
    let verifier = world.verifier();
    let claims = verifier.verify(text(&body, "access_token")).await.unwrap();
    assert_eq!(
        (claims.principal().unwrap().to_string().as_str(), claims.tid, claims.sid),
        ("client:worker", None, None)
    );
    // It acts in no tenant.
    world.server.get("/v1/me").bearer(text(&body, "access_token")).await.problem(403, "no_tenant");

    let basic = format!("Basic {}", STANDARD.encode(format!("worker:{}", WORKER_SECRET.replace(' ', "+"))));
    world.server.post_form(TOKEN, &[grant]).header("authorization", &basic).await.expect(200);
    let twice =
        world.server.post_form(TOKEN, &[grant, ("client_secret", WORKER_SECRET)]).header("authorization", &basic).await;
    refused(&twice, 400, "invalid_request");
}

#[tokio::test]
async fn refusals_are_those_of_the_standard() {
    let world = World::start().await;
    let (grant, worker, secret) =
        (("grant_type", "client_credentials"), ("client_id", "worker"), ("client_secret", WORKER_SECRET));
    refused(&form(&world, &[worker, secret]).await, 400, "invalid_request");
    refused(&form(&world, &[("grant_type", "password"), worker, secret]).await, 400, "unsupported_grant_type");
    refused(&form(&world, &[grant]).await, 401, "invalid_client");
    refused(&form(&world, &[grant, worker, ("client_secret", "guessed")]).await, 401, "invalid_client");
    refused(&form(&world, &[grant, ("client_id", "auth"), secret]).await, 401, "invalid_client");
    refused(&form(&world, &[grant, ("client_id", "nobody"), secret]).await, 401, "invalid_client");
    let header = world.server.post_form(TOKEN, &[grant]).header("authorization", "Basic !").await;
    refused(&header, 401, "invalid_client");
}
