//! Workers that die, stop or lose their lease in the middle of a job, and services that are away.

use crate::world::World;
use contracts::{id::JobId, messages::JobOutcome};
use std::time::Duration;
use test_support::Link;
use tokio::{process::Command, time::timeout};

/// Long enough to be interrupted, also on a busy machine.
const SLOW: &str = "CREATE TABLE board (title text NOT NULL);\nSELECT pg_sleep(60);";
/// From SIGTERM to exit, whatever is running.
const EXIT_WITHIN: Duration = Duration::from_secs(25);
const QUICK: &str = "CREATE TABLE board (title text NOT NULL);\nSELECT pg_sleep(0);";

/// The job that a worker is in the middle of.
async fn middle_of_a_migration(world: &World) -> JobId {
    world.bundles.write("migrations/0002_board.sql", SLOW);
    let id = world.publish(&world.migrate()).await;
    world.instance.until_sleeping(true).await;
    id
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_migration_is_replaced() {
    let world = World::start().await;
    let mut first = world.process();
    let migrate = middle_of_a_migration(&world).await;
    let dead = world.row(migrate).await.unwrap().worker.unwrap();
    // kill -9
    first.kill().await.unwrap();
    world.bundles.write("migrations/0002_board.sql", QUICK);
    let _second = world.process();
    let row = world.ended(migrate).await;
    assert_eq!((row.state.as_str(), row.takeovers), ("succeeded", 1), "{row:?}");
    assert_ne!(row.worker.as_deref(), Some(dead.as_str()));
    let seed = world.run(&world.seed()).await;
    assert_eq!(seed.state, "succeeded", "{seed:?}");
    assert_eq!(world.instance.number("SELECT count(*) FROM board").await, 1);
    assert_eq!(world.instance.number("SELECT count(*) FROM tags").await, 2);
    let told = world.told(2).await;
    assert!(told.iter().all(|job| job.outcome == JobOutcome::Succeeded), "{told:?}");
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_seed_is_replaced_and_seeds_once() {
    let world = World::start().await;
    let mut first = world.process();
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    let seed = "INSERT INTO board VALUES ('once');\nSELECT pg_sleep(60);";
    world.bundles.write("seeds/0001_board.sql", seed);
    let id = world.publish(&world.seed()).await;
    world.instance.until_sleeping(true).await;
    first.kill().await.unwrap();
    world.bundles.write("seeds/0001_board.sql", "INSERT INTO board VALUES ('once');");
    let _second = world.process();
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.takeovers), ("succeeded", 1), "{row:?}");
    assert_eq!(world.instance.names("SELECT title FROM board").await, ["once"]);
}

#[tokio::test]
async fn a_worker_that_stops_hands_back_what_it_cannot_finish() {
    let world = World::start().await;
    let first = world.worker().await;
    let id = middle_of_a_migration(&world).await;
    first.stop().await.unwrap();
    let row = world.row(id).await.unwrap();
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 0), "{row:?}");
    world.instance.until_sleeping(false).await;
    world.bundles.write("migrations/0002_board.sql", QUICK);
    let _second = world.worker().await;
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.attempts, row.takeovers), ("succeeded", 1, 0), "{row:?}");
    assert!(row.log.contains("handed back: the worker stops"), "{}", row.log);
}

#[tokio::test]
async fn a_process_told_to_stop_hands_back_its_job_and_exits_in_time() {
    let world = World::start().await;
    let mut process = world.process();
    let id = middle_of_a_migration(&world).await;
    let pid = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let status = timeout(EXIT_WITHIN, process.wait()).await.expect("it exits in time").unwrap();
    assert_eq!(status.code(), Some(0));
    let row = world.row(id).await.unwrap();
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 0), "{row:?}");
    world.instance.until_sleeping(false).await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_lets_go_and_cannot_finish() {
    let (world, _worker) = World::with_worker().await;
    let id = middle_of_a_migration(&world).await;
    // What another worker does after a lease has ended.
    let taken = "UPDATE jobs SET worker = 'another', lease = gen_random_uuid(),
                 lease_until = now() + interval '1 hour' WHERE id = $1";
    sqlx::query(taken).bind(id.0).execute(&world.platform.pool).await.unwrap();
    world.instance.until_sleeping(false).await;
    let row = world.row(id).await.unwrap();
    assert_eq!((row.state.as_str(), row.worker.as_deref()), ("running", Some("another")));
    assert!(world.platform.outbox::<contracts::messages::JobFinished>().await.is_empty());
}

#[tokio::test]
async fn a_job_that_too_many_workers_died_of_is_given_up() {
    let world = World::start().await;
    let insert =
        "INSERT INTO jobs (id, kind, version, payload, state, takeovers, worker, lease, lease_until, tenant_id)
                  VALUES ($1, 'instance.migrate', 1, '{}', 'running', 5, 'dead', gen_random_uuid(), now(), $2)";
    let id = JobId(world.id());
    sqlx::query(insert).bind(id.0).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
    let _worker = world.worker().await;
    let row = world.ended(id).await;
    assert_eq!(
        (row.state.as_str(), row.last_error.as_deref()),
        ("failed", Some("6 workers died of it or were cut off from it"))
    );
    assert_eq!(world.told(1).await[0].outcome, JobOutcome::Failed);
}

#[tokio::test]
async fn a_job_waits_for_configurator_to_come_back() {
    let world = World::start().await;
    world.configurator.fail(2);
    let _worker = world.worker().await;
    let row = world.run(&world.migrate()).await;
    assert_eq!(
        (row.state.as_str(), row.attempts, row.last_error.as_deref()),
        ("succeeded", 1, None),
        "an outage is no attempt: {row:?}"
    );
    assert_eq!(row.log.matches("put off: configurator gives no credentials").count(), 2, "{}", row.log);
    world.told(1).await;
}

#[tokio::test]
async fn an_outage_of_the_workers_database_is_no_attempt_of_the_job() {
    let world = World::start().await;
    let link = Link::to(&world.env()["DATABASE_URL"]).await;
    let _worker = world.worker_through(&link).await;
    let id = middle_of_a_migration(&world).await;
    link.cut();
    // It lets go when its lease has ended.
    world.instance.until_sleeping(false).await;
    world.bundles.write("migrations/0002_board.sql", QUICK);
    link.mend();
    let row = world.ended(id).await;
    assert_eq!((row.state.as_str(), row.attempts, row.takeovers), ("succeeded", 1, 0), "{row:?}");
    assert!(row.log.contains("handed back: the database was away"), "{}", row.log);
}
