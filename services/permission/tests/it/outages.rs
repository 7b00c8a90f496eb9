//! Tests of outages: while Redis is away, or knows nothing, the truth is answered, at a price that PostgreSQL can pay.

use crate::support::{World, behind_a_link, principal, serve};
use futures_util::future::join_all;
use permission::records::FILLS_AT_ONCE;
use serde_json::json;
use test_support::{Link, TestAnswer, TestPlatform, eventually};

const READ: &str = "permission.readGrants";
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test]
async fn while_redis_is_away_the_truth_is_asked() {
    let (world, link) = behind_a_link().await;
    let ada = world.owner().await;
    let (bob, eve) = (world.stranger(ada.tenant).await, world.stranger(ada.tenant).await);
    world.grant(&ada, &bob, READ).await;
    link.cut();
    for _ in 0..3 {
        world.get("/v1/grants", &ada).await.expect(200);
        world.get("/v1/grants", &bob).await.expect(200);
        world.get("/v1/grants", &eve).await.problem(403, "permission_missing");
    }
    assert_eq!(world.server.ops("/readyz").send().await.expect(200)["parts"]["redis"], "down");
    world.platform.issuer.end_session(bob.session);
    world.get("/v1/grants", &bob).await.problem(401, "session_ended");
    link.mend();
    eventually("Redis is asked again", async || (world.get("/v1/grants", &bob).await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn with_everything_away_nobody_is_let_in() {
    let platform = TestPlatform::of::<permission::Permission>().await;
    let mut variables = platform.env();
    let (redis, database) = (Link::to(&variables["REDIS_URL"]).await, Link::to(&variables["DATABASE_URL"]).await);
    variables.insert("REDIS_URL".into(), redis.through(&variables["REDIS_URL"]));
    variables.insert("DATABASE_URL".into(), database.through(&variables["DATABASE_URL"]));
    let server = serve(&platform, variables).await;
    let world = World { server, platform };
    let ada = world.owner().await;
    redis.cut();
    database.cut();
    let refused = world.get("/v1/grants", &ada).await;
    assert_eq!(refused.header("retry-after"), Some("2"));
    refused.problem(503, "unavailable");
    database.mend();
    eventually("the database is back", async || (world.get("/v1/grants", &ada).await.status == 200).then_some(()))
        .await;
}

/// A hundred people and services meet a cache that has just come back empty.
#[tokio::test]
async fn a_cold_cache_costs_the_database_a_few_readers_at_a_time() {
    let (world, ada, bob) = World::with_stranger().await;
    let token = world.platform.client_token("billing");
    let fill = |principal: String| {
        world
            .server
            .post("/internal/records", &json!({"tenant_id": ada.tenant, "principal": principal}))
            .bearer(&token)
            .send()
    };
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE permissions IN ACCESS EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let many = (0..60).map(|_| fill(format!("user:{}", world.platform.ambient.uuid())));
    let same = (0..40).map(|_| fill(principal(&bob)));
    let asked: Vec<_> = many.chain(same).map(tokio::spawn).collect();
    let full = i64::try_from(FILLS_AT_ONCE).unwrap();
    world.counted(WAITING, full).await;
    // Whoever else comes finds the other connections free.
    world.get("/v1/roles", &ada).await.expect(200);
    assert_eq!(world.count(WAITING).await, full);
    wall.rollback().await.unwrap();
    let answers: Vec<TestAnswer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert!(
        answers.iter().all(|answer| answer.status == 200 && answer.json["permissions"] == json!([])),
        "{answers:?}"
    );
}

/// A tenant that writes without pause, or simulates, which takes long.
#[tokio::test]
async fn writers_who_wait_for_their_own_tenant_take_no_connection_from_others() {
    let world = World::start().await;
    let (ada, bob) = (world.owner().await, world.owner().await);
    let mut wall = world.platform.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM tenants WHERE id = $1 FOR NO KEY UPDATE")
        .bind(ada.tenant.0)
        .execute(&mut *wall)
        .await
        .unwrap();
    let write = |number: usize| {
        world.server.post("/v1/groups", &json!({"name": format!("group-{number}")})).bearer(&ada.token).send()
    };
    let simulate = |number: usize| {
        let changes =
            json!({"changes": [{"op": "create_role", "name": format!("role-{number}"), "permissions": [READ]}]});
        world.server.post("/v1/simulate", &changes).bearer(&ada.token).send()
    };
    let writes: Vec<_> = (0..20).map(write).map(tokio::spawn).collect();
    let simulations: Vec<_> = (0..20).map(simulate).map(tokio::spawn).collect();
    eventually("one of them waits for the tenant", async || (world.count(WAITING).await > 0).then_some(())).await;
    for number in 0..3 {
        world.get("/v1/roles", &bob).await.expect(200);
        world.post("/v1/groups", &bob, json!({"name": format!("group-{number}")})).await.expect(201);
    }
    assert_eq!(world.count(WAITING).await, 1, "the others wait without a connection");
    wall.rollback().await.unwrap();
    for (asked, status) in [(writes, 201), (simulations, 200)] {
        for answer in join_all(asked).await {
            answer.unwrap().expect(status);
        }
    }
}
