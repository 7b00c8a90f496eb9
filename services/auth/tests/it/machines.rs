//! A tenant's machines and their secrets.

use crate::oauth::refused;
use crate::support::{Account, World, text};
use chrono::TimeDelta;
use contracts::id::Principal;
use serde_json::{Value, json};
use test_support::{Link, TestAnswer, redis_url_of};

/// A tenant's administrator, and a machine that may see machines.
struct Fleet {
    world: World,
    ada: Account,
    token: String,
    client: String,
    secret: Value,
}

impl Fleet {
    async fn start() -> Self {
        Self::of(World::start().await).await
    }

    async fn of(world: World) -> Self {
        let (ada, token) = world
            .signed_in("ada@acme.test", "Acme", &["auth.readClients", "auth.writeClients", "auth.inviteMembers"])
            .await;
        let made = world.server.post("/v1/clients", &json!({"name": " nightly import "})).bearer(&token).await;
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let made = made.expect(201);
        assert_eq!(
            (&made["client"]["name"], &made["client"]["created_by"]),
            (&json!("nightly import"), &json!(ada.user))
        );
        let client = text(&made["client"], "id").to_owned();
        world
            .platform
            .allow(
                ada.tenant,
                &Principal::Client(client.clone()),
                &["auth.readClients", "auth.writeClients", "auth.inviteMembers"],
            )
            .await;
        Self { world, ada, token, client, secret: made["secret"].clone() }
    }

    async fn ask(&self, secret: &Value) -> TestAnswer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client.as_str()),
            ("client_secret", text(secret, "secret")),
        ];
        self.world.server.post_form("/v1/oauth/token", &form).await
    }

    async fn token(&self, secret: &Value) -> String {
        text(&self.ask(secret).await.expect(200), "access_token").to_owned()
    }

    async fn works(&self, token: &str) -> TestAnswer {
        self.world.server.get("/v1/clients").bearer(token).await
    }

    async fn add_secret(&self) -> TestAnswer {
        self.world
            .server
            .request(reqwest::Method::POST, &format!("/v1/clients/{}/secrets", self.client))
            .bearer(&self.token)
            .await
    }

    async fn delete(&self, below: &str) -> TestAnswer {
        self.world.server.delete(&format!("/v1/clients/{}{below}", self.client)).bearer(&self.token).await
    }
}

#[tokio::test]
async fn a_machine_acts_in_its_tenant_as_itself() {
    let fleet = Fleet::start().await;
    let token = fleet.token(&fleet.secret).await;
    let claims = fleet.world.verifier().verify(&token).await.unwrap();
    assert_eq!(claims.principal().unwrap(), Principal::Client(fleet.client.clone()));
    assert_eq!((claims.tid, claims.exp - claims.iat, claims.scope.as_deref()), (Some(fleet.ada.tenant), 300, None));
    assert_eq!(claims.sid.unwrap().to_string(), text(&fleet.secret, "id"));
    let shown = fleet.works(&token).await.expect(200);
    assert_eq!((&shown["items"][0]["id"], shown["items"].as_array().unwrap().len()), (&json!(fleet.client), 1));

    let server = &fleet.world.server;
    let alive = format!("/internal/sessions/{}/{}", fleet.ada.tenant, text(&fleet.secret, "id"));
    server.get(&alive).bearer(&token).await.problem(403, "platform_client_only");
    assert_eq!(server.get(&alive).bearer(&fleet.world.worker_token().await).await.expect(200), json!({"alive": true}));
    // A machine that makes credentials would outlive its own deletion.
    server.post("/v1/clients", &json!({"name": "another"})).bearer(&token).await.problem(403, "people_only");
    server.post("/v1/invitations", &json!({"email": "bob@acme.test"})).bearer(&token).await.problem(403, "people_only");
    server
        .post("/v1/api-keys", &json!({"name": "a", "permissions": ["auth.readClients"]}))
        .bearer(&token)
        .await
        .problem(403, "people_only");
    server.get("/v1/sessions").bearer(&token).await.problem(403, "people_only");
    fleet.world.platform.allow(fleet.ada.tenant, &Principal::Client(fleet.client.clone()), &[]).await;
    fleet.works(&token).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_secret_is_replaced_while_both_work() {
    let fleet = Fleet::start().await;
    let old = fleet.token(&fleet.secret).await;
    fleet.world.clock.advance(TimeDelta::seconds(1));
    let second = fleet.add_secret().await.expect(201);
    let new = fleet.token(&second).await;
    fleet.add_secret().await.problem(409, "two_secrets_live");
    let shown = fleet.world.server.get(&format!("/v1/clients/{}", fleet.client)).bearer(&fleet.token).await.expect(200);
    let ids: Vec<_> = shown["secrets"].as_array().unwrap().iter().map(|secret| secret["id"].clone()).collect();
    assert_eq!(ids, [fleet.secret["id"].clone(), second["id"].clone()]);
    assert!(!shown.to_string().contains(text(&second, "secret")));

    let revoke = format!("/secrets/{}", text(&fleet.secret, "id"));
    for _ in 0..2 {
        assert_eq!(fleet.delete(&revoke).await.status, 204);
        fleet.works(&old).await.problem(401, "session_ended");
        fleet.works(&new).await.expect(200);
    }
    refused(&fleet.ask(&fleet.secret).await, 401, "invalid_client");
    fleet.works(&fleet.token(&second).await).await.expect(200);
    fleet.add_secret().await.expect(201);
    fleet.delete(&format!("/secrets/{}", fleet.client)).await.problem(404, "secret_not_found");
    let guessed = json!({"secret": text(&second, "secret").to_uppercase()});
    refused(&fleet.ask(&guessed).await, 401, "invalid_client");
}

#[tokio::test]
async fn a_deleted_machine_is_gone_at_once() {
    let fleet = Fleet::start().await;
    let second = fleet.add_secret().await.expect(201);
    let (a, b) = (fleet.token(&fleet.secret).await, fleet.token(&second).await);
    for _ in 0..2 {
        assert_eq!(fleet.delete("").await.status, 204);
        fleet.works(&a).await.problem(401, "session_ended");
        fleet.works(&b).await.problem(401, "session_ended");
    }
    refused(&fleet.ask(&second).await, 401, "invalid_client");
    fleet.add_secret().await.problem(404, "client_not_found");
    fleet
        .world
        .server
        .get(&format!("/v1/clients/{}", fleet.client))
        .bearer(&fleet.token)
        .await
        .problem(404, "client_not_found");
    assert_eq!(fleet.works(&fleet.token).await.expect(200), json!({"items": []}));
    fleet.world.sweep(fleet.world.clock.now() + TimeDelta::days(31)).await;
    assert_eq!((fleet.world.count("clients").await, fleet.world.count("client_secrets").await), (0, 0));
}

#[tokio::test]
async fn another_tenants_machine_is_invisible() {
    let fleet = Fleet::start().await;
    let server = &fleet.world.server;
    let (_, eves) = fleet.world.signed_in("eve@evil.test", "Evil", &["auth.readClients", "auth.writeClients"]).await;
    let (client, secret) = (format!("/v1/clients/{}", fleet.client), text(&fleet.secret, "id"));
    server.get(&client).bearer(&eves).await.problem(404, "client_not_found");
    server.delete(&client).bearer(&eves).await.problem(404, "client_not_found");
    server
        .request(reqwest::Method::POST, &format!("{client}/secrets"))
        .bearer(&eves)
        .await
        .problem(404, "client_not_found");
    server.delete(&format!("{client}/secrets/{secret}")).bearer(&eves).await.problem(404, "secret_not_found");
    assert_eq!(fleet.works(&eves).await.expect(200), json!({"items": []}));
    fleet.works(&fleet.token(&fleet.secret).await).await.expect(200);
}

#[tokio::test]
async fn a_machine_needs_a_name_and_there_is_an_end_to_them() {
    let fleet = Fleet::start().await;
    let create = async |body: Value| fleet.world.server.post("/v1/clients", &body).bearer(&fleet.token).await;
    for name in ["", "a\nb", "see https://evil.test"] {
        create(json!({"name": name})).await.invalid(&["name"]);
    }
    create(json!({})).await.invalid(&["name"]);
    for number in 1..100 {
        create(json!({"name": format!("machine {number}")})).await.expect(201);
    }
    create(json!({"name": "one too many"})).await.problem(409, "too_many_clients");
    assert_eq!(fleet.world.count("clients").await, 100);
}

#[tokio::test]
async fn what_redis_did_not_hear_is_said_again() {
    let redis = redis_url_of("auth");
    let link = Link::to(&redis).await;
    let fleet = Fleet::of(World::with(&[("REDIS_URL", link.through(&redis))]).await).await;
    let token = fleet.token(&fleet.secret).await;
    link.cut();
    fleet.ask(&fleet.secret).await.problem(503, "unavailable");
    link.mend();
    // The row says it is revoked, Redis says it lives: as after a crash between the two.
    sqlx::raw_sql("UPDATE client_secrets SET revoked_at = now()").execute(&fleet.world.platform.pool).await.unwrap();
    fleet.works(&token).await.expect(200);
    assert_eq!(fleet.delete(&format!("/secrets/{}", text(&fleet.secret, "id"))).await.status, 204);
    fleet.works(&token).await.problem(401, "session_ended");
}
