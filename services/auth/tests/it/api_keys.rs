//! API keys: what may a program do that has a person's key?

use crate::support::{Account, World, text};
use access::{
    client::PlatformClient,
    token::{ApiKey, Verifier},
};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::{ApiKeyId, Principal};
use redis::AsyncCommands;
use serde_json::{Value, json};
use std::sync::Arc;
use test_support::TestAnswer;

const HELD: [&str; 3] = ["auth.inviteMembers", "auth.readClients", "auth.readMembers"];

/// Somebody with three permissions, logged in.
struct Desk {
    world: World,
    ada: Account,
    token: String,
}

impl Desk {
    async fn start() -> Self {
        let world = World::start().await;
        let (ada, token) = world.signed_in("ada@acme.test", "Acme", &HELD).await;
        Self { world, ada, token }
    }

    async fn ask(&self, body: &Value) -> TestAnswer {
        self.world.server.post("/v1/api-keys", body).bearer(&self.token).await
    }

    async fn make(&self, permissions: &[&str]) -> (String, String) {
        let made = self.ask(&json!({"name": "spreadsheet", "permissions": permissions})).await.expect(201);
        (text(&made["api_key"], "id").to_owned(), text(&made, "secret").to_owned())
    }

    async fn members(&self, key: &str) -> TestAnswer {
        self.world.server.get("/v1/members").bearer(key).await
    }

    async fn revoke(&self, id: &str, token: &str) -> TestAnswer {
        self.world.server.delete(&format!("/v1/api-keys/{id}")).bearer(token).await
    }

    fn redis_key(&self, id: &str) -> String {
        format!("{}{{{}}}:sess:{id}", self.world.platform.redis_prefix(), self.ada.tenant)
    }

    async fn exchange(&self, key: &str) -> TestAnswer {
        let worker = self.world.worker_token().await;
        self.world.server.post("/internal/api-keys/exchange", &json!({"api_key": key})).bearer(&worker).await
    }
}

#[tokio::test]
async fn a_key_is_its_owner_limited() {
    let desk = Desk::start().await;
    let server = &desk.world.server;
    let made = desk
        .ask(&json!({"name": "spreadsheet",
        "permissions": ["auth.readMembers", "auth.inviteMembers", "auth.readMembers"]}))
        .await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.expect(201);
    assert_eq!(made["api_key"]["permissions"], json!(["auth.inviteMembers", "auth.readMembers"]));
    let (id, key) = (text(&made["api_key"], "id"), text(&made, "secret"));
    desk.members(key).await.expect(200);
    assert_eq!(server.get("/v1/me").bearer(key).await.expect(200)["user"]["id"], json!(desk.ada.user));
    // The owner has it, the key has not.
    server.get("/v1/clients").bearer(&desk.token).await.expect(200);
    server.get("/v1/clients").bearer(key).await.problem(403, "permission_missing");

    let claims = desk.world.verifier().verify(key).await.unwrap();
    assert_eq!((claims.principal(), claims.client_id.as_str()), (Some(Principal::User(desk.ada.user)), "api-key"));
    assert_eq!(
        (claims.tid, claims.exp - claims.iat, claims.sid.unwrap().to_string().as_str()),
        (Some(desk.ada.tenant), 300, id)
    );
    assert_eq!(claims.scope.as_deref(), Some("auth.inviteMembers auth.readMembers"));
    // What the owner loses the key loses.
    desk.world.allow(&desk.ada, &["auth.inviteMembers"]).await;
    desk.members(key).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_key_makes_and_ends_no_credentials() {
    let desk = Desk::start().await;
    desk.world.allow(&desk.ada, &["auth.inviteMembers", "auth.writeClients"]).await;
    let (id, key) = desk.make(&["auth.inviteMembers", "auth.writeClients"]).await;
    let server = &desk.world.server;
    let some_id = desk.world.platform.tenant();
    for (path, body) in [
        ("/v1/api-keys", json!({"name": "a", "permissions": ["auth.inviteMembers"]})),
        ("/v1/clients", json!({"name": "a"})),
        ("/v1/invitations", json!({"email": "bob@acme.test"})),
        (&format!("/v1/clients/{some_id}/secrets"), json!({})),
    ] {
        server.post(path, &body).bearer(&key).await.problem(403, "user_session_required");
    }
    let client = format!("/v1/clients/{some_id}");
    for path in [
        "/v1/sessions/current",
        &format!("/v1/sessions/{id}"),
        &format!("/v1/api-keys/{id}"),
        &client,
        &format!("{client}/secrets/{id}"),
    ] {
        server.delete(path).bearer(&key).await.problem(403, "user_session_required");
    }
    for path in ["/v1/sessions", "/v1/api-keys"] {
        server.get(path).bearer(&key).await.problem(403, "user_session_required");
    }
    let internal = server.post("/internal/api-keys/exchange", &json!({"api_key": key})).bearer(&key).await;
    internal.problem(403, "platform_client_only");
    assert_eq!((desk.world.count("api_keys").await, desk.world.count("clients").await), (1, 0));
}

#[tokio::test]
async fn a_revoked_key_stops_at_once() {
    let desk = Desk::start().await;
    let ((id, key), (other, other_key)) =
        (desk.make(&["auth.readMembers"]).await, desk.make(&["auth.readMembers"]).await);
    desk.members(&key).await.expect(200);
    let eve = desk.world.account("eve@evil.test", "Evil").await;
    let eves = desk.world.token(&eve).await;
    desk.revoke(&id, &eves).await.problem(404, "api_key_not_found");
    assert_eq!(desk.world.server.get("/v1/api-keys").bearer(&eves).await.expect(200), json!({"items": []}));
    desk.members(&key).await.expect(200);
    for _ in 0..2 {
        assert_eq!(desk.revoke(&id, &desk.token).await.status, 204);
        for _ in 0..2 {
            desk.members(&key).await.problem(401, "api_key_invalid");
        }
    }
    desk.members(&other_key).await.expect(200);
    let listed = desk.world.server.get("/v1/api-keys").bearer(&desk.token).await.expect(200);
    assert_eq!((&listed["items"][0]["id"], listed["items"].as_array().unwrap().len()), (&json!(other), 1));
    assert!(!listed.to_string().contains("slk_"));
}

#[tokio::test]
async fn an_exchange_that_overlaps_with_the_revocation_revives_nothing() {
    let desk = Desk::start().await;
    for _ in 0..20 {
        let (id, key) = desk.make(&["auth.readMembers"]).await;
        let (first, second, revoked, third) =
            tokio::join!(desk.exchange(&key), desk.members(&key), desk.revoke(&id, &desk.token), desk.exchange(&key));
        assert!(
            [first.status, third.status].iter().all(|status| [200, 404].contains(status))
                && [200, 401].contains(&second.status)
        );
        assert_eq!(revoked.status, 204);
        let lives: bool = desk.world.platform.redis.clone().exists(desk.redis_key(&id)).await.unwrap();
        assert!(!lives);
        desk.members(&key).await.problem(401, "api_key_invalid");
    }
}

#[tokio::test]
async fn a_key_ends_when_it_says() {
    let desk = Desk::start().await;
    let ends = desk.world.clock.now() + TimeDelta::seconds(60);
    let body = json!({"name": "for a minute", "permissions": ["auth.readMembers"], "expires_at": ends});
    let (used, unused) = (desk.ask(&body).await.expect(201), desk.ask(&body).await.expect(201));
    assert_eq!(
        desk.world.verifier().verify(text(&used, "secret")).await.unwrap().exp,
        ends.timestamp(),
        "no token outlives its key"
    );
    desk.world.clock.advance(TimeDelta::seconds(60));
    desk.members(text(&unused, "secret")).await.problem(401, "api_key_invalid");
    let path = format!("/internal/sessions/{}/{}", desk.ada.tenant, text(&used["api_key"], "id"));
    assert_eq!(
        desk.world.server.get(&path).bearer(&desk.world.worker_token().await).await.expect(200),
        json!({"alive": false})
    );
    desk.world.sweep(desk.world.clock.now() + TimeDelta::days(31)).await;
    assert_eq!(desk.world.count("api_keys").await, 0);
}

#[tokio::test]
async fn a_key_heals_when_redis_has_forgotten() {
    let desk = Desk::start().await;
    let (id, key) = desk.make(&["auth.readMembers"]).await;
    desk.members(&key).await.expect(200);
    for _ in 0..2 {
        let removed: u32 = desk.world.platform.redis.clone().del(desk.redis_key(&id)).await.unwrap();
        assert_eq!(removed, 1);
        desk.members(&key).await.expect(200);
    }
    let seconds: i64 = desk.world.platform.redis.clone().ttl(desk.redis_key(&id)).await.unwrap();
    assert!((300..=360).contains(&seconds), "the liveness key outlives the token: {seconds} s");
    // Many at once, and Redis forgets again.
    let _: u32 = desk.world.platform.redis.clone().del(desk.redis_key(&id)).await.unwrap();
    let (a, b, c, d) = tokio::join!(desk.members(&key), desk.members(&key), desk.members(&key), desk.members(&key));
    for answer in [a, b, c, d] {
        answer.expect(200);
    }
}

#[tokio::test]
async fn who_left_leaves_no_key_behind() {
    let desk = Desk::start().await;
    let (id, key) = desk.make(&["auth.readMembers"]).await;
    desk.exchange(&key).await.expect(200);
    sqlx::raw_sql("DELETE FROM memberships").execute(&desk.world.platform.pool).await.unwrap();
    desk.exchange(&key).await.problem(404, "api_key_invalid");
    let path = format!("/internal/sessions/{}/{id}", desk.ada.tenant);
    assert_eq!(
        desk.world.server.get(&path).bearer(&desk.world.worker_token().await).await.expect(200),
        json!({"alive": false})
    );
    desk.members(&key).await.problem(401, "api_key_invalid");
    desk.ask(&json!({"name": "a", "permissions": ["auth.readMembers"]})).await.problem(403, "not_a_member");
}

#[tokio::test]
async fn what_is_wrong_with_a_wish_is_named() {
    let desk = Desk::start().await;
    let now = desk.world.clock.now();
    desk.ask(&json!({})).await.invalid(&["name", "permissions"]);
    let late = json!({"name": "a", "permissions": ["auth.readMembers"], "expires_at": now + TimeDelta::days(367)});
    desk.ask(&late).await.invalid(&["expires_at"]);
    desk.ask(&json!({"name": "a", "permissions": ["auth.readMembers"], "expires_at": "soon"}))
        .await
        .invalid(&["expires_at"]);
    for lacking in ["auth.writeClients", "auth.*", "forum.x", "auth.readMembers auth.writeClients", ""] {
        let answer = desk.ask(&json!({"name": "a", "permissions": ["auth.readMembers", lacking]})).await;
        assert!(answer.text.contains(&format!("you do not have {lacking} yourself")), "{}", answer.text);
        answer.invalid(&["permissions"]);
    }
    assert_eq!(desk.world.count("api_keys").await, 0);
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let desk = Desk::start().await;
    let (_, key) = desk.make(&["auth.readMembers"]).await;
    let last_use = async || {
        let listed = desk.world.server.get("/v1/api-keys").bearer(&desk.token).await.expect(200);
        listed["items"][0]["last_used_at"].as_str().map(|at| at.parse::<DateTime<Utc>>().unwrap())
    };
    assert_eq!(last_use().await, None);
    let first = desk.world.clock.now();
    for (seconds, seen) in [(0, first), (59, first), (1, first + TimeDelta::seconds(60))] {
        desk.world.clock.advance(TimeDelta::seconds(seconds));
        desk.exchange(&key).await.expect(200);
        assert_eq!(last_use().await, Some(seen));
    }
}

#[tokio::test]
async fn a_key_is_asked_about_once() {
    let desk = Desk::start().await;
    let (_, key) = desk.make(&["auth.readMembers"]).await;
    let verifier = desk.world.verifier();
    let (a, b, c) = tokio::join!(verifier.verify(&key), verifier.verify(&key), verifier.verify(&key));
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&b, &c), "who waits for the same key waits for one exchange");
    let known = desk.world.platform.ambient.uuid();
    let made_up = |secret| ApiKey::new(ApiKeyId(known), [secret; 32]).expose().to_owned();
    assert_eq!(verifier.verify(&made_up(1)).await.unwrap_err().code, "api_key_invalid");
    // A right id with another secret is no key, either.
    let (id, _) = desk.make(&["auth.readMembers"]).await;
    let guessed = ApiKey::new(id.parse().unwrap(), [0; 32]);
    assert_eq!(verifier.verify(guessed.expose()).await.unwrap_err().code, "api_key_invalid");

    let World { server, platform, .. } = desk.world;
    server.stop().await.unwrap();
    assert!(Arc::ptr_eq(&a, &verifier.verify(&key).await.unwrap()));
    assert_eq!(verifier.verify(&made_up(1)).await.unwrap_err().code, "api_key_invalid", "a refusal is remembered");
    let unknown = verifier.verify(&made_up(2)).await.unwrap_err();
    assert_eq!((unknown.status.as_u16(), unknown.retry_after), (503, Some(2)));
    drop(platform);
}

#[tokio::test]
async fn a_mistyped_key_is_refused_without_asking() {
    let desk = Desk::start().await;
    let (_, key) = desk.make(&["auth.readMembers"]).await;
    // Nobody listens where this one would ask.
    let nowhere = "http://127.0.0.1:1";
    let alone = Verifier::new(
        PlatformClient::with_credentials(nowhere, "worker", "none".into()),
        nowhere,
        nowhere,
        "sevenleague",
    );
    assert_eq!(alone.verify(&key).await.unwrap_err().status.as_u16(), 503);
    let other_digit = |at: usize| if &key[at..=at] == "0" { "1" } else { "0" };
    let wrong = |at: usize| format!("{}{}{}", &key[..at], other_digit(at), &key[at + 1..]);
    for wrong in [
        wrong(10),
        wrong(50),
        wrong(key.len() - 1),
        key[..key.len() - 1].to_owned(),
        "slk_".to_owned(),
        key.to_uppercase().replace("SLK", "slk"),
    ] {
        assert_eq!(alone.verify(&wrong).await.unwrap_err().code, "api_key_invalid", "{wrong}");
        desk.members(&wrong).await.problem(401, "api_key_invalid");
    }
}
