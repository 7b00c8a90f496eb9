//! Schedules: each tick is one job, however many workers there are, and one that was missed is made up for once.

use crate::world::World;
use serde_json::{Value, json};
use test_support::{TestUser, eventually};

async fn operator(world: &World) -> TestUser {
    world.platform.user(world.platform.tenant(), &["worker.readJobs", "worker.writeJobs"]).await
}

fn schedule(world: &World) -> Value {
    json!({"name": "Acme's report", "cron": "0 3 * * *", "kind": "test.echo", "tenant_id": world.tenant,
        "payload": {"text": "scheduled"}})
}

/// As if the last two ticks had passed while no worker was there.
const MISSED: &str = "UPDATE job_schedules SET next_at = now() - interval '2 days' WHERE id = $1";
const JOBS: &str = "SELECT count(*) FROM jobs WHERE kind = 'test.echo'";

async fn jobs(world: &World) -> i64 {
    sqlx::query_scalar(JOBS).fetch_one(&world.platform.pool).await.unwrap()
}

#[tokio::test]
async fn a_tick_is_one_job_with_three_workers_and_a_missed_one_is_made_up_for_once() {
    let world = World::start().await;
    let workers = [world.worker().await, world.worker().await, world.worker().await];
    let operator = operator(&world).await;
    let made = workers[0].post("/v1/schedules", &schedule(&world)).bearer(&operator.token).await.expect(201);
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/v1/schedules/{id}");
    for tick in 1..=3 {
        sqlx::query(MISSED).bind(id).execute(&world.platform.pool).await.unwrap();
        let ticked = eventually("the tick has come", async || {
            let now = workers[1].get(&path).bearer(&operator.token).await.expect(200);
            (now["next_at"] == made["next_at"]).then_some(now)
        })
        .await;
        let job = ticked["last_job_id"].as_str().unwrap().parse().unwrap();
        let row = world.ended(contracts::id::JobId(job)).await;
        assert_eq!((row.state.as_str(), row.output), ("succeeded", Some(json!({"text": "scheduled"}))));
        assert_eq!(jobs(&world).await, tick);
    }
}

#[tokio::test]
async fn a_schedule_is_edited_paused_and_deleted() {
    let (world, worker) = World::with_worker().await;
    let operator = operator(&world).await;
    let made = worker.post("/v1/schedules", &schedule(&world)).bearer(&operator.token).await.expect(201);
    let path = format!("/v1/schedules/{}", made["id"].as_str().unwrap());
    let mut paused = schedule(&world);
    paused["paused"] = json!(true);
    let edit = async |tag: &str| worker.put(&path, &paused).bearer(&operator.token).header("if-match", tag).await;
    edit("\"7\"").await.problem(412, "schedule_edited");
    let edited = edit("\"1\"").await.expect(200);
    assert_eq!((&edited["paused"], &edited["revision"]), (&json!(true), &json!(2)));
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    sqlx::query(MISSED).bind(id).execute(&world.platform.pool).await.unwrap();
    // The next one is ordered, so the paused one was passed by.
    let other = worker.post("/v1/schedules", &schedule(&world)).bearer(&operator.token).await.expect(201);
    let other: uuid::Uuid = other["id"].as_str().unwrap().parse().unwrap();
    sqlx::query(MISSED).bind(other).execute(&world.platform.pool).await.unwrap();
    eventually("the other one has come", async || (jobs(&world).await == 1).then_some(())).await;
    let list = worker.get("/v1/schedules").bearer(&operator.token).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    worker.delete(&path).bearer(&operator.token).await.expect(204);
    worker.get(&path).bearer(&operator.token).await.problem(404, "schedule_not_found");
    worker.delete(&path).bearer(&operator.token).await.problem(404, "schedule_not_found");
}

#[tokio::test]
async fn an_edit_neither_loses_a_tick_nor_brings_one_again() {
    let (world, worker) = World::with_worker().await;
    let operator = operator(&world).await;
    let made = worker.post("/v1/schedules", &schedule(&world)).bearer(&operator.token).await.expect(201);
    let path = format!("/v1/schedules/{}", made["id"].as_str().unwrap());
    let edit = async |body: &Value| worker.put(&path, body).bearer(&operator.token).header("if-match", "*").await;
    // As if its clock were behind the database's: all ticks of these days have been ordered.
    let ticked = "UPDATE job_schedules SET last_at = now() + interval '9 days', next_at = now() + interval '10 days'
                  WHERE id = $1 RETURNING next_at";
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    let next: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar(ticked).bind(id).fetch_one(&world.platform.pool).await.unwrap();
    let renamed = json!({"name": "Report", "cron": "0 3 * * *", "kind": "test.echo", "tenant_id": world.tenant,
        "payload": {"text": "scheduled"}});
    assert_eq!(edit(&renamed).await.expect(200)["next_at"], json!(next));
    let mut moved = renamed.clone();
    moved["cron"] = json!("0 4 * * *");
    let later: chrono::DateTime<chrono::Utc> =
        serde_json::from_value(edit(&moved).await.expect(200)["next_at"].clone()).unwrap();
    assert!(later > next - chrono::TimeDelta::days(1), "{later} may have been ordered already");
}

#[tokio::test]
async fn a_line_that_never_comes_or_is_none_is_refused() {
    let (world, worker) = World::with_worker().await;
    let operator = operator(&world).await;
    for cron in ["0 0 30 2 *", "every day", "* * * * * *", "61 * * * *", ""] {
        let mut wrong = schedule(&world);
        wrong["cron"] = json!(cron);
        worker.post("/v1/schedules", &wrong).bearer(&operator.token).await.invalid(&["cron"]);
    }
    for (field, value) in [("name", json!("")), ("version", json!(0)), ("payload", json!([])), ("kind", json!("a b"))] {
        let mut wrong = schedule(&world);
        wrong[field] = value;
        worker.post("/v1/schedules", &wrong).bearer(&operator.token).await.invalid(&[field]);
    }
}
