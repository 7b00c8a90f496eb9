//! Requests that are sent again with their Idempotency-Key, as after an answer that was lost.

use crate::support::{PASSWORD, World, registration, text};
use chrono::TimeDelta;
use common::db::Db;
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{TestAnswer, background};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const KEYS: &str = "/v1/api-keys";

fn laptop() -> Value {
    json!({"name": "laptop", "permissions": ["auth.readMembers"]})
}

impl World {
    async fn make(&self, token: &str, path: &str, body: &Value) -> TestAnswer {
        self.server.post(path, body).bearer(token).header("idempotency-key", KEY).await
    }

    /// Every key as if it had been sent so much earlier; tokens know only the machine's clock.
    async fn age(&self, by: TimeDelta) {
        let aged = sqlx::query("UPDATE idempotency_keys SET expires_at = expires_at - make_interval(secs => $1)");
        aged.bind(by.num_seconds() as f64).execute(&self.platform.pool).await.unwrap();
    }

    /// How many keys have expired by now.
    async fn prune(&self) -> u64 {
        let db = Db::new(self.platform.pool.clone(), "auth", self.clock.clone());
        idempotency::prune::pass(&db, background()).await.unwrap()
    }
}

async fn ada() -> (World, crate::support::Account, String) {
    let world = World::start().await;
    let permissions = ["auth.readMembers", "auth.inviteMembers", "auth.writeClients", "auth.readClients"];
    let (ada, token) = world.signed_in("ada@acme.test", "Acme", &permissions).await;
    (world, ada, token)
}

#[tokio::test]
async fn the_answer_comes_again_with_its_secret() {
    let (world, _, token) = ada().await;
    let first = world.make(&token, KEYS, &laptop()).await;
    let id = text(&first.json["api_key"], "id").to_owned();
    assert_eq!((first.status, first.header("location")), (201, Some(format!("{KEYS}/{id}").as_str())));
    for _ in 0..2 {
        first.assert_repeated_by(&world.make(&token, KEYS, &laptop()).await);
    }
    assert_eq!(world.count("api_keys").await, 1);
    let other = json!({"name": "desktop", "permissions": ["auth.readMembers"]});
    world.make(&token, KEYS, &other).await.problem(409, "idempotency_key_reused");
    world.make(&token, "/v1/clients", &json!({"name": "x"})).await.problem(409, "idempotency_key_reused");
    world.make(&token, &format!("{KEYS}?x=1"), &laptop()).await.problem(409, "idempotency_key_reused");
    assert_eq!((world.count("api_keys").await, world.count("clients").await), (1, 0));
    // Without a session there is nothing, whatever key one has.
    world.server.delete("/v1/sessions/current").bearer(&token).await.expect(204);
    world.make(&token, KEYS, &laptop()).await.problem(401, "session_ended");
}

#[tokio::test]
async fn whatever_makes_something_is_made_once() {
    let (world, _, token) = ada().await;
    let post = async |path: &str, body: Value| world.server.post(path, &body).bearer(&token).repeated().await;
    let client = post("/v1/clients", json!({"name": "import"})).await;
    assert!(client.header("location").unwrap().starts_with("/v1/clients/"));
    world.server.get(client.header("location").unwrap()).bearer(&token).await.expect(200);
    let secrets = format!("/v1/clients/{}/secrets", text(&client.expect(201)["client"], "id"));
    post(&secrets, Value::Null).await.expect(201);
    post("/v1/invitations", json!({"email": "bob@acme.test"})).await.expect(202);
    assert_eq!((world.count("clients").await, world.count("client_secrets").await), (1, 2));
    assert_eq!(world.mails("invitation", "bob@acme.test").await.len(), 1);
}

/// A stranger is limited by what is registered, not by answers that are lost.
#[tokio::test]
async fn a_registration_is_repeated_however_often_it_is_asked_for() {
    let world = World::start().await;
    let register = async |key: &str| {
        let request = world.server.post("/v1/users", &registration("ada@acme.test", "Acme"));
        request.header("idempotency-key", key).await
    };
    let first = register(KEY).await;
    for _ in 0..10 {
        first.assert_repeated_by(&register(KEY).await);
    }
    assert_eq!((first.status, world.count("registrations").await), (202, 1));
    let mut statuses = Vec::new();
    for n in 0..5 {
        statuses.push(register(&format!("{KEY}-{n}")).await.status);
    }
    assert_eq!(statuses, [202, 202, 202, 429, 429]);
}

#[tokio::test]
async fn many_at_the_same_time_make_one() {
    let (world, _, token) = ada().await;
    let body = laptop();
    let answers = join_all((0..5).map(|_| world.make(&token, KEYS, &body))).await;
    let (first, again): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.header("idempotency-replayed").is_none());
    assert_eq!((first.len(), again.len(), world.count("api_keys").await), (1, 4, 1));
    again.iter().for_each(|again| first[0].assert_repeated_by(again));
}

/// The effect and its answer commit together, so what breaks in between leaves neither.
#[tokio::test]
async fn a_refusal_or_a_fault_leaves_no_key() {
    let (world, _, token) = ada().await;
    world.make(&token, KEYS, &json!({"name": "", "permissions": []})).await.invalid(&["name", "permissions"]);
    // The commit itself fails.
    let broken = "
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
        CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON idempotency_keys DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION fail();";
    sqlx::raw_sql(broken).execute(&world.platform.pool).await.unwrap();
    world.make(&token, KEYS, &laptop()).await.problem(500, "internal");
    assert_eq!((world.count("api_keys").await, world.count("idempotency_keys").await), (0, 0));
    sqlx::raw_sql("DROP TRIGGER fail ON idempotency_keys").execute(&world.platform.pool).await.unwrap();
    let first = world.make(&token, KEYS, &laptop()).await;
    first.assert_repeated_by(&world.make(&token, KEYS, &laptop()).await);
    assert_eq!((first.status, world.count("api_keys").await), (201, 1));
}

#[tokio::test]
async fn somebody_elses_key_is_another_key() {
    let (world, host, token) = ada().await;
    let bob = world.joins(&host, &token, "bob@acme.test").await;
    let (eve, eves) = world.signed_in("eve@evil.test", "Evil", &["auth.readMembers", "auth.inviteMembers"]).await;
    world.allow(&bob, &["auth.readMembers"]).await;
    let bobs = world.token(&bob).await;
    // The same person in another tenant.
    world.server.post("/v1/invitations", &json!({"email": eve.email})).bearer(&token).await.expect(202);
    let link = world.link("invitation", &eve.email).await;
    world.server.post(&link, &json!({"password": PASSWORD})).await.expect(201);
    let there = json!({"email": eve.email, "password": PASSWORD, "tenant_id": host.tenant});
    let in_acme = world.server.post("/v1/sessions", &there).await.expect(201);
    world.allow(&crate::support::Account { tenant: host.tenant, ..eve }, &["auth.readMembers"]).await;
    let mut secrets = Vec::new();
    for token in [&token, &bobs, &eves, text(&in_acme, "access_token")] {
        let made = world.make(token, KEYS, &laptop()).await;
        assert_eq!(made.header("idempotency-replayed"), None);
        secrets.push(text(&made.expect(201), "secret").to_owned());
    }
    secrets.sort();
    secrets.dedup();
    assert_eq!((secrets.len(), world.count("idempotency_keys").await), (4, 4));
}

#[tokio::test]
async fn an_expired_key_is_as_new_and_is_forgotten() {
    let (world, _, token) = ada().await;
    world.make(&token, KEYS, &laptop()).await.expect(201);
    world.age(TimeDelta::hours(24) - TimeDelta::seconds(1)).await;
    assert_eq!(world.prune().await, 0);
    assert_eq!(world.make(&token, KEYS, &laptop()).await.header("idempotency-replayed"), Some("true"));
    world.age(TimeDelta::seconds(1)).await;
    let other = json!({"name": "desktop", "permissions": ["auth.readMembers"]});
    let made = world.make(&token, KEYS, &other).await;
    assert_eq!((made.status, made.header("idempotency-replayed")), (201, None), "{}", made.text);
    made.assert_repeated_by(&world.make(&token, KEYS, &other).await);
    assert_eq!((world.prune().await, world.count("idempotency_keys").await), (0, 1));
    world.age(TimeDelta::hours(24)).await;
    assert_eq!((world.prune().await, world.count("idempotency_keys").await), (1, 0));
}

#[tokio::test]
async fn the_database_shows_neither_keys_nor_answers_nor_passwords() {
    let (world, _, token) = ada().await;
    let made = world.make(&token, KEYS, &laptop()).await.expect(201);
    let registered = registration("bob@acme.test", "Bobs");
    world.server.post("/v1/users", &registered).header("idempotency-key", KEY).await.expect(202);
    let rows = "SELECT key_hash || fingerprint || answer FROM idempotency_keys";
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(rows).fetch_all(&world.platform.pool).await.unwrap();
    assert_eq!(rows.len(), 2);
    for hidden in [KEY, text(&made, "secret"), "laptop", "verification_sent", PASSWORD] {
        let shown = |row: &Vec<u8>| row.windows(hidden.len()).any(|bytes| bytes == hidden.as_bytes());
        assert!(!rows.iter().any(shown), "{hidden}");
    }
    // The digest of a body with a password could be tried out, so it is keyed.
    let bare = auth::opaque::sha256(&[b"POST /v1/users\n\n", registered.to_string().as_bytes()]);
    assert!(!rows.iter().any(|row| row.windows(bare.len()).any(|bytes| bytes == bare)));
}

/// Strangers' requests: who has the key and the body gets the answer.
#[tokio::test]
async fn a_registration_and_a_joining_can_be_repeated() {
    let (world, _, token) = ada().await;
    let registered = registration("bob@acme.test", "Bobs");
    world.server.post("/v1/users", &registered).repeated().await.expect(202);
    assert_eq!(world.mails("verify-email", "bob@acme.test").await.len(), 1);
    world.server.post("/v1/invitations", &json!({"email": "eve@acme.test"})).bearer(&token).await.expect(202);
    let link = world.link("invitation", "eve@acme.test").await;
    let joins = |password: &str| json!({"display_name": "Eve", "password": password});
    let join = async |body: Value| world.server.post(&link, &body).header("idempotency-key", KEY).await;
    join(joins("short")).await.invalid(&["password"]);
    let joined = join(joins(PASSWORD)).await;
    assert_eq!(joined.header("location"), Some(format!("/v1/members/{}", text(&joined.json, "user_id")).as_str()));
    joined.assert_repeated_by(&join(joins(PASSWORD)).await);
    join(joins("another stride of seven")).await.problem(409, "idempotency_key_reused");
    world.server.post(&link, &joins(PASSWORD)).await.problem(410, "link_used");
}
