//! Workers of several versions beside each other: what one cannot do, it leaves to another, and nothing waits behind
//! it.

use crate::world::World;
use contracts::id::JobId;
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn a_job_whose_bundle_is_not_here_is_left_for_a_worker_that_has_it() {
    let (world, worker) = World::with_worker().await;
    let mut newer = world.migrate();
    newer.payload["bundle_version"] = json!("1.1.0");
    let id = world.publish(&newer).await;
    world.until("it is in the table", id, |_| true).await;
    // One that this worker can do, and that came later, is done meanwhile.
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    let row = world.row(id).await.unwrap();
    assert_eq!((row.state.as_str(), row.attempts, row.last_error.as_deref()), ("queued", 0, None), "{row:?}");
    eventually("the metric shows it", async || {
        worker.ops("/metrics").await.text.contains("jobs_left_to_others 1").then_some(())
    })
    .await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readJobs"]).await;
    let job = worker.get(&format!("/v1/jobs/{id}")).bearer(&operator.token).await.expect(200);
    assert_eq!((&job["state"], &job["left_to_others"]), (&json!("queued"), &json!(true)), "{job}");
    let configurator = world.platform.client_token("configurator");
    let asked = worker.get(&format!("/internal/jobs/{id}")).bearer(&configurator).await.expect(200);
    assert_eq!(asked["left_to_others"], json!(true), "{asked}");

    // The deployment goes on: a worker with the new bundle comes.
    world.bundles.release("1.1.0");
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.attempts), ("succeeded", 1), "{row:?}");
}

/// What the worker of the version before writes, word for word.
#[tokio::test]
async fn jobs_of_workers_of_the_version_before_are_done() {
    let world = World::start().await;
    let id = JobId(world.id());
    let order = world.migrate();
    let insert = "INSERT INTO jobs (id, kind, version, tenant_id, instance_id, payload) VALUES ($1, $2, $3, $4, $5, $6)
                  ON CONFLICT (id) DO NOTHING";
    let query = sqlx::query(insert).bind(id.0).bind(&order.kind).bind(1).bind(world.tenant.0);
    let query = query.bind(order.instance_id.map(|instance| instance.0)).bind(&order.payload);
    query.execute(&world.platform.pool).await.unwrap();
    let put_off =
        "UPDATE jobs SET state = 'queued', run_after = now() + make_interval(secs => 3600), last_error = 'away',
                   attempts = 0, outages = outages + 1, log = logged(log, 'put off: away') WHERE id = $1";
    sqlx::query(put_off).bind(id.0).execute(&world.platform.pool).await.unwrap();
    let _worker = world.worker().await;
    // One that comes later overtakes it.
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    assert_eq!(world.row(id).await.unwrap().state, "queued");
    let due = "UPDATE jobs SET run_after = now() WHERE id = $1";
    sqlx::query(due).bind(id.0).execute(&world.platform.pool).await.unwrap();
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.attempts), ("succeeded", 1), "{row:?}");
    assert!(row.log.starts_with("put off: away\nbegun by worker"), "{}", row.log);
}
