//! Jobs that somebody cancels: waiting ones at once, running ones at the next heartbeat; the end is told once.

use crate::{
    kinds::{Await, Hang},
    world::World,
};
use contracts::messages::JobOutcome;
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once_and_a_running_one_is_stopped() {
    let (world, worker) = World::with_worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readJobs", "worker.writeJobs"]).await;
    let by = format!("cancelled by user:{}", operator.user);
    let waiting = world.publish(&world.order(&Await { file: world.bundles.0.join("never") })).await;
    world.until("it is put off", waiting, |row| row.state == "snoozed").await;
    let path = |id: &dyn std::fmt::Display, what: &str| format!("/v1/jobs/{id}/{what}");
    let cancelled = worker.post(&path(&waiting, "cancel"), &json!({})).bearer(&operator.token).await.expect(202);
    assert_eq!((&cancelled["state"], &cancelled["last_error"]), (&json!("cancelled"), &json!(by)));
    let running = world.publish(&world.order(&Hang {})).await;
    world.until("it runs", running, |row| row.log.ends_with("hangs")).await;
    let asked = worker.post(&path(&running, "cancel"), &json!({})).bearer(&operator.token).await.expect(202);
    assert_eq!(
        (&asked["state"], &asked["cancelled_by"]),
        (&json!("running"), &json!(format!("user:{}", operator.user)))
    );
    let row = world.ended(running).await;
    assert_eq!((row.state.as_str(), row.last_error.as_deref(), row.attempts), ("cancelled", Some(&*by), 1));
    let told = world.told(2).await;
    for end in told {
        assert_eq!((end.outcome, end.reason.as_deref(), end.cancelled), (JobOutcome::Failed, Some(&*by), true));
    }
    let configurator = world.platform.client_token("configurator");
    let progress = worker.get(&format!("/internal/jobs/{running}")).bearer(&configurator).await.expect(200);
    assert_eq!(progress["state"], "failed", "a state that it has always known");

    worker.post(&path(&running, "cancel"), &json!({})).bearer(&operator.token).await.problem(409, "job_finished");
    worker.post(&path(&world.id(), "cancel"), &json!({})).bearer(&operator.token).await.problem(404, "job_not_found");
    // What was cancelled can be run again.
    worker.post(&path(&waiting, "retry"), &json!({})).bearer(&operator.token).await.expect(202);
    std::fs::write(world.bundles.0.join("never"), "").unwrap();
    assert_eq!(world.ended(waiting).await.state, "succeeded");
}

#[tokio::test]
async fn a_job_whose_worker_died_is_not_begun_again_if_it_was_cancelled() {
    let world = World::start().await;
    let id = contracts::id::JobId(world.id());
    let insert =
        "INSERT INTO jobs (id, kind, version, payload, state, worker, lease, lease_until, tenant_id, cancelled_by)
                  VALUES ($1, 'test.hang', 1, '{}', 'running', 'dead', gen_random_uuid(), now(), $2, 'user:1')";
    sqlx::query(insert).bind(id.0).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
    let _worker = world.worker().await;
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.last_error.as_deref()), ("cancelled", Some("cancelled by user:1")));
    assert!(!row.log.contains("hangs"), "{}", row.log);
}

#[tokio::test]
async fn operators_see_what_waits_of_each_kind_and_version() {
    let (world, worker) = World::with_worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readJobs"]).await;
    let mut newer = world.migrate();
    newer.version = 2;
    world.publish(&newer).await;
    world.publish(&world.order(&Await { file: world.bundles.0.join("never") })).await;
    let waiting = eventually("both wait", async || {
        let waiting = worker.get("/v1/waiting").bearer(&operator.token).await.expect(200);
        let items = waiting["items"].as_array().unwrap().clone();
        (items.len() == 2 && items[1]["snoozed"] == 1).then_some(items)
    })
    .await;
    assert_eq!(
        (&waiting[0]["kind"], &waiting[0]["version"], &waiting[0]["bundle"], &waiting[0]["queued"]),
        (&json!("instance.migrate"), &json!(2), &json!("forum/1.0.0"), &json!(1))
    );
    assert_eq!((&waiting[0]["left_to_others"], &waiting[1]["left_to_others"]), (&json!(true), &json!(false)));
    let first = worker.get("/v1/waiting?limit=1").bearer(&operator.token).await.expect(200);
    let next = format!("/v1/waiting?cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = worker.get(&next).bearer(&operator.token).await.expect(200);
    assert_eq!(rest["items"][0]["kind"], "test.await");
}
