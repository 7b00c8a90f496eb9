//! Tests of the audit: written down once, never rewritten.

use crate::support::{World, principal, serve, texts};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use test_support::TestPlatform;

const READ: &str = "permission.readGrants";

fn actions(page: &Value) -> Vec<String> {
    texts(page["items"].as_array().unwrap(), "action")
}

#[tokio::test]
async fn every_change_is_on_record_and_what_was_refused_is_not() {
    let (world, ada, bob) = World::with_stranger().await;
    let role = world.role(&ada, "auditor", &["permission.readRoles"], &[]).await;
    world.edit_role(&ada, &role, "*", json!({"name": "auditor", "permissions": [READ]})).await.expect(200);
    let group = world.group(&ada, "auditors", &[&bob]).await;
    let body = json!({"principal": principal(&bob), "permission": READ});
    // No proxy of ours is before it: what stands there, the caller has made up.
    let granted = world
        .server
        .post("/v1/grants", &body)
        .header("x-forwarded-for", "10.0.0.1, 192.0.2.7")
        .header("x-request-id", "r-1")
        .bearer(&ada.token);
    let grant = granted.send().await.expect(201)["id"].as_str().unwrap().to_owned();
    world.deny(&ada, &principal(&bob), READ).await.expect(201);
    world.deny(&ada, &principal(&ada), READ).await.problem(409, "last_owner");
    world.revoke(&ada, &grant).await.expect(204);
    world.revoke(&ada, &grant).await.expect(204);
    world.leave(&ada, &group, &bob).await.expect(204);
    world.leave(&ada, &group, &bob).await.expect(204);
    world.delete(&format!("/v1/groups/{group}"), &ada).await.expect(204);
    world.delete(&format!("/v1/roles/{role}"), &ada).await.expect(204);
    let all = world.get("/v1/audit", &ada).await.expect(200);
    let expected = [
        "grant.created",
        "role.created",
        "role.edited",
        "group.created",
        "group.joined",
        "grant.created",
        "grant.denied",
        "grant.revoked",
        "group.left",
        "group.deleted",
        "role.deleted",
    ];
    assert_eq!(actions(&all), expected);
    let versions: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|entry| entry["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..=expected.len() as u64).collect::<Vec<_>>());
    let (edit, granted) = (&all["items"][2], &all["items"][5]);
    assert_eq!(
        (&edit["before"]["permissions"], &edit["after"]["permissions"]),
        (&json!(["permission.readRoles"]), &json!([READ]))
    );
    assert_eq!(
        (granted["actor"].as_str(), granted["target"].as_str()),
        (Some(principal(&ada).as_str()), Some(format!("grant:{grant}").as_str()))
    );
    let origin =
        json!({"request_id": "r-1", "address": "127.0.0.1", "client_id": "web", "session_id": ada.session.to_string()});
    assert_eq!(
        (&granted["origin"], &granted["before"], &granted["after"]["principal"]),
        (&origin, &Value::Null, &json!(principal(&bob)))
    );
}

#[tokio::test]
async fn the_address_is_what_our_own_proxy_has_written() {
    let platform = TestPlatform::of::<permission::Permission>().await;
    let mut variables = platform.env();
    variables.insert("TRUSTED_PROXIES".into(), "1".into());
    let world = World { server: serve(&platform, variables).await, platform };
    let ada = world.owner().await;
    let group = |name: &str| world.server.post("/v1/groups", &json!({"name": name})).bearer(&ada.token);
    group("a").header("x-forwarded-for", "6.6.6.6").header("x-forwarded-for", "192.0.2.7:443").send().await.expect(201);
    group("b").header("x-forwarded-for", "6.6.6.6, 2001:db8::7").send().await.expect(201);
    let all = world.get("/v1/audit?action=group.created", &ada).await.expect(200);
    let addresses: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|entry| entry["origin"]["address"].clone()).collect();
    assert_eq!(addresses, [json!("192.0.2.7"), json!("2001:db8::7")]);
}

#[tokio::test]
async fn entries_are_found_by_who_what_whom_and_when_in_pages_of_their_tenant() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let bob = world.stranger(ada.tenant).await;
    let before = world.platform.ambient.now();
    let grant = world.grant(&ada, &bob, READ).await;
    world.revoke(&ada, &grant).await.expect(204);
    let found = async |query: String| actions(&world.get(&format!("/v1/audit?{query}"), &ada).await.expect(200));
    assert_eq!(found(format!("actor={}", principal(&ada))).await, ["grant.created", "grant.revoked"]);
    assert_eq!(found("actor=client:auth".into()).await, ["grant.created"]);
    assert_eq!(found("action=grant.revoked".into()).await, ["grant.revoked"]);
    assert_eq!(found(format!("target=grant:{grant}")).await, ["grant.created", "grant.revoked"]);
    assert_eq!(found(format!("about={}", principal(&bob))).await.len(), 2);
    assert_eq!(found(format!("about={READ}")).await.len(), 2);
    let instant = before.to_rfc3339_opts(SecondsFormat::Micros, true);
    assert_eq!(found(format!("since={instant}")).await.len(), 2);
    assert_eq!(found(format!("until={instant}")).await.len(), 1);
    assert_eq!(world.list(&ada, "/v1/audit", 2).await.len(), 3);
    assert_eq!(actions(&world.get("/v1/audit", &eve).await.expect(200)), ["grant.created"]);
    world.get("/v1/audit?since=yesterday", &ada).await.expect(422);
}

#[tokio::test]
async fn changes_of_the_registry_are_seen_by_the_platform_only() {
    let world = World::start().await;
    let (olga, ada) = (world.operator().await, world.owner().await);
    world.register("billing", json!([{"name": "billing.readUsage", "text": "x"}])).await.expect(204);
    world.get("/v1/audit?of=catalog", &ada).await.problem(403, "platform_only");
    world.get("/v1/audit/verification?of=catalog", &ada).await.problem(403, "platform_only");
    let found = world.get("/v1/audit?of=catalog&target=namespace:billing", &olga).await.expect(200);
    assert_eq!(
        (actions(&found).len(), &found["items"][0]["after"]["permissions"][0]["name"]),
        (1, &json!("billing.readUsage"))
    );
    assert_eq!(
        world.get("/v1/audit/verification?of=catalog", &olga).await.expect(200),
        json!({"whole": true, "version": 2, "verified_through": 2})
    );
}

#[tokio::test]
async fn the_record_cannot_be_rewritten_and_a_forgery_is_found() {
    let (world, ada, bob) = World::with_stranger().await;
    let grant = world.grant(&ada, &bob, READ).await;
    world.revoke(&ada, &grant).await.expect(204);
    let verdict = async || world.get("/v1/audit/verification", &ada).await.expect(200);
    assert_eq!(verdict().await, json!({"whole": true, "version": 3, "verified_through": 3}));
    for refused in ["UPDATE audit SET actor = 'user:x'", "DELETE FROM audit", "TRUNCATE audit"] {
        let error = sqlx::query(refused).execute(&world.platform.pool).await.unwrap_err().to_string();
        assert!(error.contains("only appended to"), "{refused}: {error}");
    }
    // Somebody with all rights over the database.
    let forge = async |statement: &'static str| {
        let mut tx = world.platform.pool.begin().await.unwrap();
        sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    forge("UPDATE audit SET actor = 'user:x' WHERE version = 2").await;
    assert_eq!(
        verdict().await,
        json!({"whole": false, "version": 3, "verified_through": 1, "broken_at": 2, "fault": "changed"})
    );
    forge("UPDATE audit entry SET hash = audit_hash(entry) WHERE version = 2").await;
    assert_eq!(verdict().await["broken_at"], 3, "the next entry tells");
    forge("DELETE FROM audit WHERE version = 3").await;
    assert_eq!(verdict().await["broken_at"], 3, "the head tells");
}

#[tokio::test]
async fn entries_are_found_by_their_words_and_the_command_verifies_them() {
    let (world, ada, bob) = World::with_stranger().await;
    let grant = world.grant(&ada, &bob, READ).await;
    world.group(&ada, "night-watch", &[&bob]).await;
    let found = async |query: &str| actions(&world.get(&format!("/v1/audit?{query}"), &ada).await.expect(200));
    assert_eq!(found("q=%22night+watch%22").await, ["group.created"]);
    assert_eq!(found(&format!("q=grant+{grant}")).await, ["grant.created"]);
    assert_eq!(found("q=readGrants+-nobody").await, ["grant.created"]);
    world.get("/v1/audit?q=", &ada).await.invalid(&["q"]);
    let verify = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_permission"));
        let output =
            command.args(["verify-audit", "all"]).env_clear().envs(world.platform.env()).output().await.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = verify().await;
    assert!(code == 0 && said.contains("platform: whole") && said.contains(&ada.tenant.to_string()), "{said}");
    let mut tx = world.platform.pool.begin().await.unwrap();
    let cut = "SET LOCAL session_replication_role = replica; DELETE FROM audit WHERE action = 'group.joined'";
    sqlx::raw_sql(cut).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let (code, said) = verify().await;
    assert!(code == 1 && said.contains(&format!("{}: BROKEN at version 4, no row: missing", ada.tenant)), "{said}");
}
