//! Is a permission ever believed after its revocation was answered? The races and outages that a naive cache loses.

use crate::support::{World, principal, serve};
use serde_json::json;
use test_support::{Link, TestPlatform, eventually};

const READ: &str = "permission.readGrants";

/// A filler reads the grants, stands still, and writes its record only after the revocation was answered.
#[tokio::test]
async fn a_slow_filler_does_not_bring_back_what_was_revoked() {
    let world = World::start().await;
    let ada = world.owner().await;
    let bob = world.stranger(ada.tenant).await;
    let grant = world.grant(&ada, &bob, READ).await;
    // The catalog is what a filler reads last, and a revocation does not read it.
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE permissions IN ACCESS EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let body = json!({"tenant_id": bob.tenant, "principal": principal(&bob)});
    let request = world.server.post("/internal/records", &body).bearer(&world.platform.client_token("auth"));
    let filler = tokio::spawn(request.send());
    world.until_somebody_waits().await;
    world.revoke(&ada, &grant).await.expect(204);
    wall.rollback().await.unwrap();
    let believed = filler.await.unwrap().expect(200);
    assert_eq!(believed["permissions"], json!([READ]), "the filler read before the revocation");
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
}

/// Redis goes away between the commit of a revocation and its stamp.
async fn revoke_while_redis_leaves(world: &World, link: &Link) -> (test_support::TestUser, test_support::TestUser, String) {
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

async fn behind_a_link() -> (World, Link) {
    let platform = TestPlatform::start("permission", &permission::MIGRATOR).await;
    let mut variables = platform.env();
    let link = Link::to(&variables["REDIS_URL"]).await;
    variables.insert("REDIS_URL".into(), link.through(&variables["REDIS_URL"]));
    let server = serve(&platform, variables).await;
    (World { server, platform }, link)
}

#[tokio::test]
async fn a_revocation_that_redis_missed_is_not_answered_204_until_it_is_repeated() {
    let (world, link) = behind_a_link().await;
    let (ada, bob, grant) = revoke_while_redis_leaves(&world, &link).await;
    world.get("/v1/grants", &bob).await.problem(503, "unavailable");
    link.mend();
    eventually("the repetition is taken", async || (world.revoke(&ada, &grant).await.status == 204).then_some(())).await;
    world.get("/v1/grants", &bob).await.problem(403, "permission_missing");
}

#[tokio::test]
async fn a_revocation_that_redis_missed_reaches_it_by_itself() {
    let (world, link) = behind_a_link().await;
    let (_, bob, _) = revoke_while_redis_leaves(&world, &link).await;
    link.mend();
    eventually("the stamp is paid", async || (world.count("SELECT count(*) FROM owed_stamps").await == 0).then_some(())).await;
    eventually("Redis is back", async || (world.get("/v1/grants", &bob).await.status == 403).then_some(())).await;
}

#[tokio::test]
async fn an_empty_redis_costs_a_refill_and_nothing_else() {
    let world = World::start().await;
    let ada = world.owner().await;
    world.get("/v1/grants", &ada).await.expect(200);
    let mut redis = world.platform.redis.clone();
    let keys = ["ts".to_owned(), format!("us:{}", principal(&ada)), format!("rec:{}", principal(&ada))];
    for key in keys.map(|rest| format!("{}{{{}}}:{rest}", world.platform.redis_prefix(), ada.tenant)) {
        redis::AsyncCommands::del::<_, ()>(&mut redis, &key).await.unwrap();
        world.get("/v1/grants", &ada).await.expect(200);
    }
}
