//! Rates and budgets: what is over waits in sight, a change counts at once, and nothing is lost or done twice.

use crate::{kinds::Echo, world::World};
use contracts::{id::JobId, messages::RunJob};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use test_support::{TestServer, TestUser, eventually};

fn echo(world: &World) -> RunJob {
    world.order(&Echo { text: "hello".into() })
}

async fn operator(world: &World) -> TestUser {
    world.platform.user(world.platform.tenant(), &["worker.readJobs", "worker.writeJobs"]).await
}

/// Sets what is at `path`, from what is there.
async fn set(worker: &TestServer, operator: &TestUser, path: &str, body: &Value) -> Value {
    let read = worker.get(path).bearer(&operator.token).await;
    let tag = read.header("etag").unwrap_or_default();
    worker.put(path, body).bearer(&operator.token).header("if-match", tag).await.expect(200)
}

/// Puts `many` jobs into the table, as their orders do.
async fn order_many(world: &World, tenant: contracts::id::TenantId, many: i32) {
    let insert = "INSERT INTO jobs (id, kind, version, payload, tenant_id)
                  SELECT gen_random_uuid(), 'test.echo', 1, '{\"text\": \"x\"}', $2 FROM generate_series(1, $1)";
    sqlx::query(insert).bind(many).bind(tenant.0).execute(&world.platform.pool).await.unwrap();
}

async fn count(world: &World, sql: &'static str, tenant: contracts::id::TenantId) -> i64 {
    sqlx::query_scalar(sql).bind(tenant.0).fetch_one(&world.platform.pool).await.unwrap()
}

const BEGUN: &str = "SELECT count(*) FROM jobs WHERE tenant_id = $1 AND started_at IS NOT NULL";
const ENDED_ONCE: &str =
    "SELECT count(*) FROM jobs WHERE tenant_id = $1 AND state = 'succeeded' AND attempts = 1 AND takeovers = 0";

#[tokio::test]
async fn a_rate_holds_a_tenant_up_and_nobody_else_and_is_changed_live() {
    let (world, worker) = World::with_worker().await;
    let operator = operator(&world).await;
    let (slow, fast) = (world.tenant, world.platform.tenant());
    set(&worker, &operator, "/v1/rates/test.echo", &json!({"jobs": 1, "seconds": 3600})).await;
    set(&worker, &operator, &format!("/v1/rates/test.echo?tenant_id={fast}"), &json!({"seconds": 1})).await;
    order_many(&world, slow, 30).await;
    order_many(&world, fast, 30).await;
    eventually("the tenant without a rate is served", async || {
        (count(&world, ENDED_ONCE, fast).await == 30).then_some(())
    })
    .await;
    assert_eq!(count(&world, BEGUN, slow).await, 1);
    // One that has no such handler says the same of them.
    let other = world.platform.run::<worker::Worker>(world.env()).await;
    for asked in [&worker, &other] {
        let queued = format!("/v1/jobs?state=queued&tenant_id={slow}");
        let page = asked.get(&queued).bearer(&operator.token).await.expect(200);
        let jobs = page["items"].as_array().unwrap();
        assert_eq!(jobs.len(), 29);
        assert!(jobs.iter().all(|job| job["waits_for"] == "rate" && job["waits_until"].is_string()), "{page}");
    }
    set(&worker, &operator, "/v1/rates/test.echo", &json!({"jobs": 1000, "seconds": 1})).await;
    eventually("the change counts at once", async || (count(&world, ENDED_ONCE, slow).await == 30).then_some(())).await;
}

#[tokio::test]
async fn three_workers_keep_one_rate_together() {
    let world = World::start().await;
    let workers = [world.worker().await, world.worker().await, world.worker().await];
    let operator = operator(&world).await;
    set(&workers[0], &operator, "/v1/rates/test.echo", &json!({"jobs": 10, "seconds": 1})).await;
    let started = Instant::now();
    order_many(&world, world.tenant, 60).await;
    eventually("all are done", async || (count(&world, ENDED_ONCE, world.tenant).await == 60).then_some(())).await;
    // What a second gathers comes at once.
    assert!(started.elapsed() > Duration::from_millis(4_500), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_is_over_a_budget_waits_for_the_next_day_or_a_higher_budget() {
    let (world, worker) = World::with_worker().await;
    let operator = operator(&world).await;
    let path = format!("/v1/budgets/{}", world.tenant);
    set(&worker, &operator, &path, &json!({"jobs_per_day": 3})).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.publish(&echo(&world)).await);
    }
    eventually("three are done", async || (count(&world, ENDED_ONCE, world.tenant).await == 3).then_some(())).await;
    let waits = eventually("two wait in sight", async || {
        let list = worker.get("/v1/jobs?state=queued").bearer(&operator.token).await.expect(200);
        let items = list["items"].as_array().unwrap().clone();
        (items.len() == 2 && items.iter().all(|job| job["waits_for"] == "budget")).then_some(items)
    })
    .await;
    assert!(waits[0]["waits_until"].as_str().unwrap().ends_with("T00:00:00Z"), "{}", waits[0]);
    let budget = worker.get(&path).bearer(&operator.token).await.expect(200);
    assert_eq!((&budget["jobs_per_day"], &budget["begun_today"]), (&json!(3), &json!(3)));
    let list = worker.get("/v1/budgets").bearer(&operator.token).await.expect(200);
    assert_eq!(list["items"], json!([budget]));
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded", "the platform's own jobs wait for no budget");
    set(&worker, &operator, &path, &json!({})).await;
    for id in ids {
        assert_eq!(world.ended(id).await.state, "succeeded");
    }
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused() {
    let (world, worker) = World::with_worker().await;
    let operator = operator(&world).await;
    let put = async |path: &str, body: Value| {
        worker.put(path, &body).bearer(&operator.token).header("if-match", "\"0\"").await
    };
    put("/v1/rates/test.echo", json!({"jobs": 0, "seconds": 0})).await.invalid(&["jobs", "seconds"]);
    put("/v1/rates/test.echo", json!({"jobs": 1, "seconds": 86_401})).await.invalid(&["seconds"]);
    put("/v1/rates/a%00b", json!({"jobs": 1, "seconds": 1})).await.invalid(&["kind"]);
    put(&format!("/v1/budgets/{}", world.tenant), json!({"jobs_per_day": 4_000_000_000_u32}))
        .await
        .invalid(&["jobs_per_day"]);
    worker.delete("/v1/rates/test.echo").bearer(&operator.token).await.problem(404, "rate_not_found");
    put("/v1/rates/test.echo", json!({"jobs": 1, "seconds": 1})).await.expect(200);
    put("/v1/rates/test.echo", json!({"jobs": 2, "seconds": 1})).await.problem(412, "rate_edited");
    let rates = worker.get("/v1/rates").bearer(&operator.token).await.expect(200);
    assert_eq!((&rates["items"][0]["jobs"], rates["items"].as_array().unwrap().len()), (&json!(1), 1));
    worker.delete("/v1/rates/test.echo").bearer(&operator.token).await.expect(204);
    put(&format!("/v1/budgets/{}", world.tenant), json!({"jobs_per_day": 1})).await.expect(200);
    put(&format!("/v1/budgets/{}", world.tenant), json!({"jobs_per_day": 2})).await.problem(412, "budget_edited");
}

/// Ordered through the queue, by messages.
#[tokio::test]
async fn of_many_jobs_that_are_ordered_at_once_each_is_done_once_at_the_rate() {
    let world = World::start().await;
    let workers = [world.worker().await, world.worker().await];
    let operator = operator(&world).await;
    set(&workers[0], &operator, "/v1/rates/test.echo", &json!({"jobs": 30, "seconds": 1})).await;
    let mut ids: Vec<JobId> = Vec::new();
    for _ in 0..60 {
        ids.push(world.publish(&echo(&world)).await);
    }
    eventually("all are done once", async || (count(&world, ENDED_ONCE, world.tenant).await == 60).then_some(())).await;
    let mut told: Vec<_> = world.told(60).await.into_iter().map(|end| end.job_id).collect();
    told.sort();
    ids.sort();
    assert_eq!(told, ids);
}
