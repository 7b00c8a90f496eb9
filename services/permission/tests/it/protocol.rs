//! Tests of the cache: no permission is believed after its revocation was answered, in the races and outages that a
//! naive one loses.

use crate::support::{World, behind_a_link, principal};
use serde_json::json;
use test_support::{Link, TestAnswer, TestUser, eventually};

const READ: &str = "permission.readGrants";

/// A filler reads the grants, stands still, and writes its record only after `take_away` was answered.
async fn fill_slowly(
    world: &World,
    ada: &TestUser,
    bob: &TestUser,
    take_away: impl Future<Output = TestAnswer>,
    status: u16,
) {
    // Whoever takes away must not need to be filled behind the wall.
    world.get("/v1/grants", ada).await.expect(200);
    // The registry is what a filler reads last, and taking away does not read it.
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE permissions IN ACCESS EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let body = json!({"tenant_id": bob.tenant, "principal": principal(bob)});
    let request = world.server.post("/internal/records", &body).bearer(&world.platform.client_token("auth"));
    let filler = tokio::spawn(request.send());
    world.until_somebody_waits().await;
    take_away.await.expect(status);
    wall.rollback().await.unwrap();
    let believed = filler.await.unwrap().expect(200);
    assert_eq!(believed["permissions"], json!([READ]), "the filler read before it was taken away");
    world.get("/v1/grants", bob).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_slow_filler_does_not_bring_back_what_was_revoked() {
    let (world, ada, bob) = World::with_stranger().await;
    let grant = world.grant(&ada, &bob, READ).await;
    fill_slowly(&world, &ada, &bob, world.revoke(&ada, &grant), 204).await;
}

#[tokio::test]
async fn a_slow_filler_does_not_bring_back_what_a_group_gave() {
    let (world, ada, bob) = World::with_stranger().await;
    let group = world.group(&ada, "readers", &[&bob]).await;
    let grant = async || {
        let body = json!({"principal": format!("group:{group}"), "permission": READ});
        world.post("/v1/grants", &ada, body).await.expect(201)["id"].as_str().unwrap().to_owned()
    };
    let first = grant().await;
    fill_slowly(&world, &ada, &bob, world.leave(&ada, &group, &bob), 204).await;
    world.join(&ada, &group, &bob).await.expect(204);
    fill_slowly(&world, &ada, &bob, world.revoke(&ada, &first), 204).await;
    grant().await;
    fill_slowly(&world, &ada, &bob, world.delete(&format!("/v1/groups/{group}"), &ada), 204).await;
}

/// The tenant's stamp comes before the answer, whatever was remembered of whom.
#[tokio::test]
async fn no_record_outlives_an_edit_of_a_role_it_was_made_of() {
    let (world, ada) = World::with_owner().await;
    let people = [world.stranger(ada.tenant).await, world.stranger(ada.tenant).await];
    let inner = world.role(&ada, "inner", &[READ], &[]).await;
    world.role(&ada, "outer", &[], &["inner"]).await;
    let group = world.group(&ada, "readers", &[&people[0]]).await;
    for principal in [format!("group:{group}"), principal(&people[1])] {
        world.give(&ada, &principal, json!({"role": "outer"})).await;
    }
    for _ in 0..5 {
        for bob in &people {
            world.get("/v1/grants", bob).await.expect(200);
        }
        world
            .edit_role(&ada, &inner, "*", json!({"name": "inner", "permissions": ["permission.readRoles"]}))
            .await
            .expect(200);
        for bob in &people {
            world.get("/v1/grants", bob).await.problem(403, "permission_missing");
        }
        world.edit_role(&ada, &inner, "*", json!({"name": "inner", "permissions": [READ]})).await.expect(200);
    }
}

/// Redis goes away between the commit of a revocation and its stamp.
async fn revoke_while_redis_leaves(world: &World, link: &Link) -> (TestUser, TestUser, String) {
    let ada = world.owner().await;
    let bob = world.stranger(ada.tenant).await;
    let grant = world.grant(&ada, &bob, READ).await;
    world.get("/v1/grants", &bob).await.expect(200);
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM tenants FOR UPDATE").execute(&mut *wall).await.unwrap();
    let revocation = tokio::spawn(world.server.delete(&format!("/v1/grants/{grant}")).bearer(&ada.token).send());
    world.until_somebody_waits().await;
    link.cut();
    wall.rollback().await.unwrap();
    let refusal = revocation.await.unwrap();
    assert!(refusal.header("retry-after").is_some());
    refusal.problem(503, "revoke_unconfirmed");
    assert_eq!(world.count("SELECT count(*) FROM grants WHERE revoked_at IS NOT NULL").await, 1);
    (ada, bob, grant)
}

#[tokio::test]
async fn a_revocation_that_redis_missed_is_not_answered_204_until_it_is_repeated() {
    let (world, link) = behind_a_link().await;
    let (ada, bob, grant) = revoke_while_redis_leaves(&world, &link).await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    link.mend();
    eventually("the repetition is taken", async || (world.revoke(&ada, &grant).await.status == 204).then_some(()))
        .await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_revocation_that_redis_missed_reaches_it_by_itself() {
    let (world, link) = behind_a_link().await;
    let (_, bob, _) = revoke_while_redis_leaves(&world, &link).await;
    link.mend();
    world.counted("SELECT count(*) FROM pending_stamps", 0).await;
    eventually("Redis is back", async || (world.get("/v1/grants", &bob).await.status == 403).then_some(())).await;
}

#[tokio::test]
async fn a_denial_that_redis_missed_is_not_said_to_be_in_force() {
    let (world, link) = behind_a_link().await;
    let (ada, bob) = world.owner_and_stranger().await;
    world.grant(&ada, &bob, READ).await;
    world.get("/v1/grants", &bob).await.expect(200);
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM tenants FOR UPDATE").execute(&mut *wall).await.unwrap();
    let body = json!({"principal": principal(&bob), "permission": READ, "effect": "deny"});
    let deny = || {
        let request = world.server.post("/v1/grants", &body).bearer(&ada.token);
        request.header("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324").send()
    };
    let denial = tokio::spawn(deny());
    world.until_somebody_waits().await;
    link.cut();
    wall.rollback().await.unwrap();
    denial.await.unwrap().problem(503, "revoke_unconfirmed");
    link.mend();
    let repeated = async || {
        let answer = deny().await;
        assert!(matches!(answer.status, 201 | 503), "{answer:?}");
        (answer.status == 201).then_some(())
    };
    eventually("the repetition is answered", repeated).await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
    world.deny(&ada, &principal(&bob), READ).await.problem(409, "already_granted");
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn an_empty_redis_costs_a_refill_and_nothing_else() {
    let (world, ada) = World::with_owner().await;
    world.get("/v1/grants", &ada).await.expect(200);
    let mut redis = world.platform.redis.clone();
    let keys = ["ts".to_owned(), format!("us:{}", principal(&ada)), format!("rec:{}", principal(&ada))];
    for key in keys.map(|rest| format!("{}{{{}}}:{rest}", world.platform.redis_prefix(), ada.tenant)) {
        redis::AsyncCommands::del::<_, ()>(&mut redis, &key).await.unwrap();
        world.get("/v1/grants", &ada).await.expect(200);
    }
}
