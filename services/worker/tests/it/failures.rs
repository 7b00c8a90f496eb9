//! Commands without a result: however a job ends, its product hears of it.

use crate::{
    commands::{list, order, publish},
    world::World,
};
use contracts::id::JobId;
use serde_json::{Value, json};
use test_support::{TestServer, eventually};

const TABLES: &str = "CREATE TABLE ends (job_id uuid, given jsonb, reason text);
    CREATE FUNCTION take(job uuid, given jsonb) RETURNS void LANGUAGE sql AS
    'INSERT INTO ends VALUES (job, given)';
    CREATE FUNCTION take_failure(job uuid, reason text) RETURNS void LANGUAGE sql AS
    'INSERT INTO ends VALUES (job, NULL, reason)';";

async fn migrated(world: &World) {
    world.bundles.write("migrations/0003_ends.sql", TABLES);
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
}

/// What the product was told of the job, in no order.
async fn told(world: &World, job: JobId) -> Vec<(Option<Value>, Option<String>)> {
    let mut connection = world.instance.connect("owner").await;
    let ends = sqlx::query_as("SELECT given, reason FROM ends WHERE job_id = $1").bind(job.0);
    ends.fetch_all(&mut connection).await.unwrap()
}

async fn reason(world: &World, job: JobId) -> String {
    let ends = eventually("the product is told", async || {
        let ends = told(world, job).await;
        (!ends.is_empty()).then_some(ends)
    })
    .await;
    assert_eq!((ends.len(), &ends[0].0), (1, &None), "{ends:?}");
    ends[0].1.clone().unwrap()
}

async fn as_operator(world: &World, worker: &TestServer, job: JobId, action: &str) {
    let operator = world.platform.user(world.platform.tenant(), &["worker.writeJobs"]).await;
    worker.post(&format!("/v1/jobs/{job}/{action}"), &json!({})).bearer(&operator.token).send().await.expect(202);
}

/// None of its `bundle.failure` jobs is under way.
async fn all_is_told(world: &World) {
    let open = "SELECT count(*) FROM jobs WHERE kind = 'bundle.failure' AND state <> 'succeeded'";
    eventually("all is told", async || {
        let open: i64 = sqlx::query_scalar(open).fetch_one(&world.platform.pool).await.unwrap();
        (open == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_product_hears_of_every_end() {
    let (world, worker) = World::with_worker().await;
    list(&world, &[("told-fails", "exit 3"), ("told-hangs", "exec sleep 100"), ("silent", "exit 3")]);
    migrated(&world).await;
    for (command, expected) in [("told-fails", "it ended with exit code 3"), ("told-hangs", "it took longer than 3 s")]
    {
        let job = order(&world, command, Value::Null);
        publish(&world, &job).await;
        assert_eq!(reason(&world, job.job_id).await, expected);
    }
    let mut waits = order(&world, "told-fails", Value::Null);
    waits.run_after = Some(world.platform.ambient.now() + chrono::TimeDelta::hours(1));
    publish(&world, &waits).await;
    world.until("it waits", waits.job_id, |row| row.state == "snoozed").await;
    as_operator(&world, &worker, waits.job_id, "cancel").await;
    assert_eq!(reason(&world, waits.job_id).await, "It was cancelled by an operator.");

    // A bundle that names no function goes on as before.
    let silent = order(&world, "silent", Value::Null);
    publish(&world, &silent).await;
    assert_eq!(world.ended(silent.job_id).await.state, "failed");
    all_is_told(&world).await;

    // Its budget is what it orders, and not what it is told.
    let budget = "INSERT INTO job_budgets (tenant_id, jobs_per_day, updated_by) SELECT tenant_id, begun + 1, 'test'
        FROM job_days WHERE tenant_id = $1";
    sqlx::query(budget).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
    let last = order(&world, "told-fails", Value::Null);
    publish(&world, &last).await;
    assert_eq!(reason(&world, last.job_id).await, "it ended with exit code 3");
    let begun = "SELECT begun::bigint - (SELECT count(*) FROM jobs WHERE kind = 'bundle.command'
        AND first_started_at IS NOT NULL) FROM job_days";
    let besides: i64 = sqlx::query_scalar(begun).fetch_one(&world.platform.pool).await.unwrap();
    assert_eq!(besides, 0, "the platform's own jobs are not charged");
}

#[tokio::test]
async fn a_failure_that_is_told_late_does_not_undo_a_success() {
    let (world, worker) = World::with_worker().await;
    let mark = world.bundles.0.join("mark");
    let script = format!("test -e {0} && echo 1 || exit 3", mark.display());
    list(&world, &[("told-later", &*script)]);
    migrated(&world).await;
    let job = order(&world, "told-later", Value::Null);
    publish(&world, &job).await;
    assert_eq!(reason(&world, job.job_id).await, "it ended with exit code 3");

    std::fs::write(mark, "").unwrap();
    as_operator(&world, &worker, job.job_id, "retry").await;
    let succeeded = |ends: &[(Option<Value>, _)]| ends.iter().any(|(given, _)| *given == Some(json!(1)));
    eventually("it has succeeded", async || succeeded(&told(&world, job.job_id).await).then_some(())).await;
    // As if the first end had been told only now.
    let again = "UPDATE jobs SET state = 'queued', finished_at = NULL, id = $1 WHERE kind = 'bundle.failure'";
    sqlx::query(again).bind(world.id()).execute(&world.platform.pool).await.unwrap();
    all_is_told(&world).await;
    let ends = told(&world, job.job_id).await;
    assert_eq!((ends.len(), succeeded(&ends)), (2, true), "{ends:?}");
}
