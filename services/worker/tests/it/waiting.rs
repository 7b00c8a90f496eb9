//! Why jobs wait, and in which order they come: unique keys, priorities, times, snoozes.

use crate::{
    kinds::{Await, Echo, Hang},
    world::World,
};
use chrono::TimeDelta;
use contracts::{id::JobId, messages::JobOutcome};
use serde_json::json;
use std::fs;

fn echo() -> Echo {
    Echo { text: "hello".into() }
}

#[tokio::test]
async fn a_handler_puts_its_job_off_without_using_an_attempt() {
    let (world, worker) = World::with_worker().await;
    let file = world.bundles.0.join("there");
    let order = world.order(&Await { file: file.clone() });
    let id = world.publish(&order).await;
    world.until("it is put off twice", id, |row| row.log.matches("put off: no file yet").count() >= 2).await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readJobs"]).await;
    let shown = test_support::eventually("it is seen while it waits", async || {
        let job = worker.get(&format!("/v1/jobs/{id}")).bearer(&operator.token).await.expect(200);
        (job["state"] == "snoozed").then_some(job)
    })
    .await;
    assert_eq!((&shown["waits_for"], &shown["waits_until"]), (&json!("time"), &shown["run_after"]), "{shown}");
    let configurator = world.platform.client_token("configurator");
    let told = worker.get(&format!("/internal/jobs/{id}")).bearer(&configurator).await.expect(200);
    assert!(told["state"] == "queued" || told["state"] == "running", "a state that it has always known: {told}");
    fs::write(file, "").unwrap();
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.attempts), ("succeeded", 1), "{row:?}");
}

#[tokio::test]
async fn an_order_for_later_waits_until_then() {
    let (world, _worker) = World::with_worker().await;
    let mut later = world.order(&echo());
    let due = world.platform.ambient.now() + TimeDelta::seconds(2);
    later.run_after = Some(due);
    let row = world.run(&later).await;
    assert_eq!((row.state.as_str(), row.output), ("succeeded", Some(json!({"text": "hello"}))));
    assert!(row.started_at.unwrap() >= due - TimeDelta::milliseconds(1), "{:?} is before {due}", row.started_at);
}

#[tokio::test]
async fn a_second_order_with_the_key_of_an_unfinished_job_is_that_job() {
    let world = World::start().await;
    let mut orders = Vec::new();
    let file = world.bundles.0.join("there");
    for key in ["a", "a", "a", "b"] {
        let mut order = world.order(&Await { file: file.clone() });
        order.unique_key = Some(key.into());
        orders.push(order);
    }
    let worker = world.worker().await;
    for order in &orders {
        world.publish(order).await;
    }
    let configurator = world.platform.client_token("configurator");
    for order in &orders {
        let path = format!("/internal/jobs/{}", order.job_id);
        test_support::eventually("each order can be asked for", async || {
            (worker.get(&path).bearer(&configurator).await.status == 200).then_some(())
        })
        .await;
    }
    let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(&world.platform.pool).await.unwrap();
    assert_eq!(jobs, 2);
    fs::write(file, "").unwrap();
    let mut told: Vec<JobId> = world.told(4).await.into_iter().map(|end| end.job_id).collect();
    told.sort();
    let mut ordered: Vec<JobId> = orders.iter().map(|order| order.job_id).collect();
    ordered.sort();
    assert_eq!(told, ordered, "each order hears of its end once");
    // An order that comes again is still the job that has ended; a new one is a new job.
    for order in &orders {
        world.publish(order).await;
    }
    let mut anew = world.order(&echo());
    anew.unique_key = Some("a".into());
    assert_eq!(world.run(&anew).await.state, "succeeded");
    assert_eq!(world.told(1).await[0].job_id, anew.job_id);
}

#[tokio::test]
async fn jobs_come_by_priority() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for (n, priority) in [Some(9), None, Some(1), None].into_iter().enumerate() {
        let insert = "INSERT INTO jobs (id, kind, version, payload, tenant_id, priority, created_at, run_after)
                      VALUES ($1, 'test.echo', 1, '{\"text\": \"x\"}', $2, $3, now(), now() - make_interval(secs => $4))";
        let id = JobId(world.id());
        let query = sqlx::query(insert).bind(id.0).bind(world.tenant.0).bind(priority.unwrap_or(5_i16));
        query.bind(100.0 - n as f64).execute(&world.platform.pool).await.unwrap();
        ids.push(id);
    }
    let _worker = world.worker().await;
    let mut started = Vec::new();
    for id in &ids {
        started.push((world.ended(*id).await.started_at, *id));
    }
    started.sort();
    let order: Vec<_> = started.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, [ids[2], ids[1], ids[3], ids[0]]);
}

#[tokio::test]
async fn what_takes_longer_than_its_kind_may_is_stopped() {
    let (world, _worker) = World::with_worker().await;
    let row = world.run(&world.order(&Hang {})).await;
    assert_eq!((row.state.as_str(), row.last_error.as_deref()), ("failed", Some("it took longer than 8 s")));
    let told = world.told(1).await;
    assert_eq!((told[0].outcome, told[0].cancelled), (JobOutcome::Failed, false));
}

#[tokio::test]
async fn an_order_that_makes_no_sense_goes_to_the_dead_letters() {
    let (world, _worker) = World::with_worker().await;
    let mut wrong = [0; 2].map(|_| world.order(&echo()));
    wrong[0].priority = Some(10);
    wrong[1].unique_key = Some(String::new());
    for order in &wrong {
        world.publish(order).await;
    }
    let mut dead = world.platform.dead_letters("worker", 2).await;
    dead.sort();
    assert_eq!(dead, ["a job's priority is 1 to 9", "a unique key has 1 to 200 bytes"]);
}
