//! Tests of granting and revoking.

use crate::support::{World, entry, principal, shown};
use chrono::TimeDelta;
use serde_json::json;
use std::time::{Duration, Instant};
use test_support::eventually;

const READ: &str = "permission.readGrants";

#[tokio::test]
async fn what_is_granted_is_allowed_and_what_is_revoked_is_refused_at_once() {
    let (world, ada) = World::with_owner().await;
    let bob = world.member(ada.tenant).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
        let grant = world.grant(&ada, &bob, READ).await;
        world.get("/v1/grants", &bob).await.expect(200);
        world.get("/v1/grants", &bob).await.expect(200);
        let asked = Instant::now();
        world.revoke(&ada, &grant).await.expect(204);
        world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "revoke and refusal took {slowest:?}");
    assert_eq!(world.count("SELECT count(*) FROM grants WHERE revoked_at IS NOT NULL").await, 20, "history stays");
    assert_eq!(world.count("SELECT count(*) FROM pending_stamps").await, 0);
}

#[tokio::test]
async fn a_role_gives_what_it_holds_until_it_is_revoked() {
    let (world, ada, bob) = World::with_stranger().await;
    world.post("/v1/roles", &ada, json!({"name": "auditor", "permissions": ["permission.*"]})).await.expect(201);
    let body = json!({"principal": principal(&bob), "role": "auditor", "reason": "audit of May"});
    let grant = shown(world.post("/v1/grants", &ada, body.clone()).await.expect(201));
    assert_eq!(
        world.permissions(&bob).await,
        ["permission.readAudit", "permission.readGrants", "permission.readRoles"],
        "a wildcard leaves out what is dangerous"
    );
    world.post("/v1/grants", &ada, body).await.problem(409, "already_granted");
    let listed = world.get(&format!("/v1/grants?principal={}", principal(&bob)), &ada).await.expect(200);
    assert_eq!(listed["items"], json!([grant]));
    assert_eq!(
        (grant["role"].as_str(), grant["granted_by"].as_str()),
        (Some("auditor"), Some(principal(&ada).as_str()))
    );
    world.get("/v1/roles", &bob).await.expect(200);
    world.revoke(&ada, grant["id"].as_str().unwrap()).await.expect(204);
    world.get("/v1/roles", &bob).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_grant_ends_by_itself() {
    let (world, ada, bob) = World::with_stranger().await;
    let end = world.platform.ambient.now() + TimeDelta::seconds(3);
    world.give(&ada, &principal(&bob), json!({"permission": READ, "expires_at": end})).await;
    world.get("/v1/grants", &bob).await.expect(200);
    eventually("the grant ends", async || (world.get("/v1/grants", &bob).await.status == 403).then_some(())).await;
    assert!(world.platform.ambient.now() >= end - TimeDelta::seconds(1));
    world.grant(&ada, &bob, READ).await;
    world.get("/v1/grants", &bob).await.expect(200);
}

#[tokio::test]
async fn nobody_grants_what_they_lack() {
    let (world, ada, bob) = World::with_stranger().await;
    let give = async |by, what: serde_json::Value| {
        let mut body = what;
        body["principal"] = principal(&bob).into();
        world.post("/v1/grants", by, body).await
    };
    world.grant(&ada, &bob, "permission.writeGrants").await;
    give(&bob, json!({"permission": READ})).await.problem(403, "escalation");
    give(&bob, json!({"role": "owner"})).await.problem(403, "escalation");
    give(&ada, json!({"permission": READ})).await.expect(201);
    let carol = world.stranger(ada.tenant).await;
    world.grant(&bob, &carol, READ).await;
    world.post("/v1/roles", &ada, json!({"name": "all", "permissions": ["permission.*"]})).await.expect(201);
    give(&bob, json!({"role": "all"})).await.problem(403, "escalation");
}

#[tokio::test]
async fn the_last_owner_stays() {
    let (world, ada) = World::with_owner().await;
    let own = world.grants_of(&ada, &ada, "owner").await;
    world.revoke(&ada, &own[0]).await.problem(409, "last_owner");
    let bob = world.stranger(ada.tenant).await;
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    world.revoke(&ada, &own[0]).await.expect(204);
    world.get("/v1/grants", &ada).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn of_two_owners_who_revoke_each_other_at_once_one_stays() {
    let (world, ada, bob) = World::with_stranger().await;
    for _ in 0..5 {
        let given = world.post("/v1/grants", &ada, json!({"principal": principal(&bob), "role": "owner"})).await;
        assert!(matches!(given.status, 201 | 409), "{given:?}");
        let (adas, bobs) = (world.grants_of(&ada, &ada, "owner").await, world.grants_of(&ada, &bob, "owner").await);
        let (one, other) = tokio::join!(world.revoke(&ada, &bobs[0]), world.revoke(&bob, &adas[0]));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert!(matches!(statuses, [204, 403 | 409]), "{one:?} {other:?}");
        let owners = "SELECT count(*) FROM grants g JOIN roles r ON r.id = role_id WHERE r.name = 'owner'
                      AND g.revoked_at IS NULL";
        assert_eq!(world.count(owners).await, 1);
        if one.status != 204 {
            // Bob is the one who stayed: he gives Ada hers back.
            world.give(&bob, &principal(&ada), json!({"role": "owner"})).await;
        }
    }
}

#[tokio::test]
async fn an_operator_is_one_in_the_platforms_tenant_only() {
    let world = World::start().await;
    let cycles = json!([{"name": "billing.readCycles", "text": "x", "scope": "platform"}]);
    world.register("billing", cycles).await.expect(204);
    let (olga, ada) = (world.operator().await, world.owner().await);
    assert!(world.permissions(&olga).await.contains(&"billing.readCycles".to_owned()));
    assert!(!world.permissions(&ada).await.contains(&"billing.readCycles".to_owned()));
    let to_ada = json!({"principal": principal(&ada), "role": "operator"});
    world.post("/v1/grants", &ada, to_ada).await.invalid(&["role"]);
    world.revoke_role(&olga, &olga, "operator").await.problem(409, "last_operator");
}

#[tokio::test]
async fn wrong_values_are_named() {
    let (world, ada) = World::with_owner().await;
    let bob = principal(&world.stranger(ada.tenant).await);
    let long = format!("client:{}", "x".repeat(9000));
    let reason = "x".repeat(501);
    for (body, fields) in [
        (json!({"principal": bob, "role": "ghost"}), &["role"][..]),
        (json!({"principal": bob, "permission": "forum.ghost"}), &["permission"]),
        (json!({"principal": "bob", "role": "member"}), &["principal"]),
        (
            json!({"principal": bob, "role": "member", "expires_at": "2020-01-01T00:00:00Z", "reason": reason}),
            &["expires_at", "reason"],
        ),
        (json!({"principal": long, "role": "member"}), &["principal"]),
    ] {
        world.post("/v1/grants", &ada, body).await.invalid(fields);
    }
    for (principal, role, reason) in
        [("client:\0", "member", "x"), ("client:x", "\0", "x"), ("client:x", "member", "\0")]
    {
        let body = json!({"principal": principal, "role": role, "reason": reason});
        world.post("/v1/grants", &ada, body).await.expect(422);
    }
    world.get("/v1/grants?principal=bob", &ada).await.expect(422);
    world.get("/v1/grants?principal=client:%00", &ada).await.expect(422);
    world.get("/v1/grants?limit=0&cursor=x", &ada).await.invalid(&["cursor", "limit"]);
}

#[tokio::test]
async fn another_tenants_grants_are_not_there() {
    let world = World::start().await;
    let (ada, eve) = (world.owner().await, world.owner().await);
    let bob = world.stranger(ada.tenant).await;
    let grant = world.grant(&ada, &bob, READ).await;
    world.revoke(&eve, &grant).await.problem(404, "grant_not_found");
    let seen = world.get(&format!("/v1/grants?principal={}", principal(&bob)), &eve).await.expect(200);
    assert_eq!(seen["items"], json!([]));
    world.get("/v1/grants", &bob).await.expect(200);
}

#[tokio::test]
async fn a_denial_wins_at_once_and_ends_at_once() {
    let (world, ada, bob) = World::with_stranger().await;
    world.grant(&ada, &bob, READ).await;
    world.get("/v1/grants", &bob).await.expect(200);
    let denial = world.deny(&ada, &principal(&bob), READ).await.expect(201);
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    world.deny(&ada, &principal(&bob), READ).await.problem(409, "already_granted");
    let listed = world.get(&format!("/v1/grants?principal={}", principal(&bob)), &ada).await.expect(200);
    let effects: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|grant| grant["effect"].as_str().unwrap()).collect();
    assert_eq!(effects, ["allow", "deny"]);
    world.revoke(&ada, denial["id"].as_str().unwrap()).await.expect(204);
    world.get("/v1/grants", &bob).await.expect(200);
}

#[tokio::test]
async fn nobody_lifts_a_denial_of_their_own() {
    let (world, ada, bob) = World::with_stranger().await;
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    let denial = world.deny(&ada, &principal(&bob), READ).await.expect(201);
    let role = world.role(&ada, "no-roles", &["permission.readRoles"], &[]).await;
    world.give(&ada, &principal(&bob), json!({"role": "no-roles", "effect": "deny"})).await;
    world.revoke(&bob, denial["id"].as_str().unwrap()).await.problem(403, "escalation");
    let emptied = json!({"name": "no-roles", "permissions": ["permission.writeRoles"]});
    let refusal = world.edit_role(&bob, &role, "*", emptied.clone()).await.problem(403, "escalation");
    assert!(refusal["detail"].as_str().unwrap().contains("permission.readRoles"), "{refusal}");
    world.edit_role(&ada, &role, "*", emptied).await.expect(200);
    world.get("/v1/roles", &bob).await.expect(200);
}

#[tokio::test]
async fn the_last_owner_is_denied_nothing() {
    let (world, ada) = World::with_owner().await;
    world.deny(&ada, &principal(&ada), READ).await.problem(409, "last_owner");
    let group = world.group(&ada, "all", &[]).await;
    world.deny(&ada, &format!("group:{group}"), READ).await.expect(201);
    world.join(&ada, &group, &ada).await.problem(409, "last_owner");
    let bob = world.stranger(ada.tenant).await;
    world.give(&ada, &principal(&bob), json!({"role": "owner"})).await;
    world.join(&ada, &group, &bob).await.expect(204);
    world.revoke_role(&ada, &ada, "owner").await.problem(409, "last_owner");
    world.leave(&ada, &group, &bob).await.expect(204);
    world.join(&ada, &group, &ada).await.expect(204);
    world.get("/v1/grants", &ada).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_principal_has_at_most_a_thousand_grants_and_ten_times_as_many_do_no_harm() {
    let (world, ada, bob) = World::with_stranger().await;
    let list: Vec<_> = (0..1_000).map(|n| entry(&format!("worker.p{n}"))).collect();
    world.register("worker", json!(list)).await.expect(204);
    sqlx::query(
        "INSERT INTO roles (id, tenant_id, name, created_at) SELECT gen_random_uuid(), $1, 'r' || n, now()
                 FROM generate_series(1, 10000) n",
    )
    .bind(ada.tenant.0)
    .execute(&world.platform.pool)
    .await
    .unwrap();
    sqlx::query(
        "WITH held AS (INSERT INTO role_permissions (role_id, pattern)
         SELECT id, 'worker.p' || (substr(name, 2)::int % 1000) FROM roles WHERE name ~ '^r[0-9]+$')
         INSERT INTO grants (id, tenant_id, principal, role_id, granted_by, granted_at)
         SELECT gen_random_uuid(), $1, $2, id, 'client:test', now() FROM roles WHERE name ~ '^r[0-9]+$'",
    )
    .bind(ada.tenant.0)
    .bind(principal(&bob))
    .execute(&world.platform.pool)
    .await
    .unwrap();
    let refusal = world
        .post("/v1/grants", &ada, json!({"principal": principal(&bob), "permission": READ}))
        .await
        .problem(409, "too_many_grants");
    assert!(refusal["detail"].as_str().unwrap().contains(&principal(&bob)), "{refusal}");
    let asked = Instant::now();
    assert_eq!(world.permissions(&bob).await.len(), 1_000);
    assert!(asked.elapsed() < Duration::from_secs(5), "10,000 grants took {:?}", asked.elapsed());
    assert_eq!(world.count("SELECT count(*) FROM grants WHERE permission IS NOT NULL").await, 0);
}

/// As while versions change, and a newer one has written what this one does not know.
#[tokio::test]
async fn an_effect_that_is_not_known_here_is_an_error_and_allows_nothing() {
    let (world, ada) = World::with_owner().await;
    let bob = world.member(ada.tenant).await;
    world.grant(&ada, &bob, READ).await;
    for statement in [
        "ALTER TABLE grants DROP CONSTRAINT grants_effect",
        "UPDATE grants SET effect = 'perhaps' WHERE permission IS NOT NULL",
    ] {
        sqlx::raw_sql(statement).execute(&world.platform.pool).await.unwrap();
    }
    world.get("/v1/grants", &bob).await.problem(500, "internal");
    world.get("/v1/grants", &ada).await.problem(500, "internal");
}
