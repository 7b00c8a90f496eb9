//! What the jobs leave in an instance's database.

use crate::world::World;
use contracts::{id::InstanceId, messages::JobOutcome};
use serde_json::json;

const TABLES: &str = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
const MIGRATIONS: &str = "SELECT name FROM platform.migrations ORDER BY applied_at";

#[tokio::test]
async fn an_instance_is_migrated_and_seeded_once_however_often_it_is_ordered() {
    let (world, _worker) = World::with_worker().await;
    let migrate = world.migrate();
    let envelope = world.platform.publish(Some(world.tenant), &migrate).await;
    // The same message twice more, and the same job in another message.
    for _ in 0..2 {
        world.platform.publish_envelope(contracts::topology::Topic::WorkerCommands, &envelope).await;
    }
    world.publish(&migrate).await;
    let migrated = world.ended(migrate.job_id).await;
    assert_eq!((migrated.state.as_str(), migrated.attempts, migrated.takeovers), ("succeeded", 1, 0), "{migrated:?}");
    assert_eq!(
        world.instance.names(MIGRATIONS).await,
        ["base/0001_posts.sql", "base/0002_board.sql", "tags/0001_tags.sql", "polls/0001_votes.sql"]
    );
    let seeded = world.run(&world.seed()).await;
    assert_eq!(seeded.state, "succeeded", "{seeded:?}");
    for again in [world.migrate(), world.seed()] {
        let row = world.run(&again).await;
        assert_eq!(row.state, "succeeded", "{row:?}");
        assert!(row.log.contains(": was applied before") && !row.log.contains(": applied"), "{}", row.log);
    }
    assert_eq!(world.instance.names("SELECT title FROM board").await, ["Acme's board"]);
    assert_eq!(world.instance.number("SELECT count(*) FROM tags").await, 2);
    let told = world.told(4).await;
    assert!(
        told.iter().all(|job| job.outcome == JobOutcome::Succeeded && job.instance_id == Some(world.instance.id)),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_products_role_can_work_and_its_rows_are_metered() {
    let (world, _worker) = World::with_worker().await;
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    let mut owner = world.instance.connect("owner").await;
    sqlx::raw_sql("INSERT INTO posts (id, title) OVERRIDING SYSTEM VALUE VALUES (100, 'a sample is not metered')")
        .execute(&mut owner)
        .await
        .unwrap();
    let mut app = world.instance.connect("app").await;
    sqlx::raw_sql("INSERT INTO posts (title) VALUES ('a'), ('b')").execute(&mut app).await.unwrap();
    sqlx::raw_sql("UPDATE posts SET title = 'c'; DELETE FROM posts WHERE id = 1").execute(&mut app).await.unwrap();
    let counted: Vec<(String, String, String)> =
        sqlx::query_as("DELETE FROM platform.outbox RETURNING meter, key, quantity::text")
            .fetch_all(&mut app)
            .await
            .unwrap();
    assert_eq!(counted, ["1", "2"].map(|id| ("posts".into(), format!("posts:{id}"), "1".into())));
    for forbidden in [
        "INSERT INTO platform.outbox (meter, key, quantity, occurred_at) VALUES ('posts', 'x', 1, now())",
        "UPDATE platform.outbox SET quantity = 0",
        "CREATE TABLE mine (id bigint)",
        "DROP TABLE posts",
        "SELECT FROM platform.migrations",
        "CREATE TEMP TABLE mine (id bigint); CREATE TRIGGER t AFTER
         INSERT ON mine FOR EACH ROW EXECUTE FUNCTION platform.count_row('posts')",
    ] {
        let refusal = sqlx::raw_sql(forbidden).execute(&mut app).await.unwrap_err();
        assert_eq!(
            refusal.as_database_error().and_then(|error| error.code()).as_deref(),
            Some("42501"),
            "{forbidden}: {refusal}"
        );
    }
}

#[tokio::test]
async fn tables_of_later_migrations_are_the_products_too() {
    let (world, _worker) = World::with_worker().await;
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    world.bundles.write("migrations/0003_later.sql", "CREATE TABLE later (id bigint);");
    let again = world.run(&world.migrate()).await;
    assert!(again.log.contains("base/0003_later.sql: applied"), "{again:?}");
    sqlx::raw_sql("INSERT INTO later VALUES (1)").execute(&mut world.instance.connect("app").await).await.unwrap();
}

#[tokio::test]
async fn broken_sql_fails_with_its_reason_and_leaves_nothing_half_done() {
    let (world, worker) = World::with_worker().await;
    world.bundles.write("migrations/0002_board.sql", "CREATE TABLE half (id bigint);\nINSERT INTO nowhere VALUES (1);");
    let order = world.migrate();
    let failed = world.run(&order).await;
    let reason = r#"base/0002_board.sql: relation "nowhere" does not exist (SQLSTATE 42P01)"#;
    assert_eq!((failed.state.as_str(), failed.attempts, failed.last_error.as_deref()), ("failed", 1, Some(reason)));
    assert_eq!(world.instance.names(TABLES).await, ["posts"]);
    assert_eq!(world.instance.names(MIGRATIONS).await, ["base/0001_posts.sql"]);
    let told = world.told(1).await;
    assert_eq!((told[0].outcome, told[0].reason.as_deref(), told[0].run), (JobOutcome::Failed, Some(reason), 1));

    let operator = world.platform.user(world.platform.tenant(), &["worker.writeJobs"]).await;
    world.bundles.write("migrations/0002_board.sql", "CREATE TABLE board (title text NOT NULL);");
    let path = format!("/v1/jobs/{}/retry", order.job_id);
    let queued = worker.post(&path, &json!({})).bearer(&operator.token).await.expect(202);
    assert_eq!((&queued["state"], &queued["attempts"], &queued["run"]), (&json!("queued"), &json!(0), &json!(2)));
    let row = world.ended(order.job_id).await;
    assert_eq!((row.state.as_str(), row.last_error), ("succeeded", None));
    let told = world.told(1).await;
    assert_eq!((told[0].job_id, told[0].outcome, told[0].run), (order.job_id, JobOutcome::Succeeded, 2));
    worker.post(&path, &json!({})).bearer(&operator.token).await.problem(409, "job_not_failed");
}

#[tokio::test]
async fn what_can_never_work_fails_at_once_and_says_why() {
    let (world, _worker) = World::with_worker().await;
    world.bundles.write("migrations/0003_ends.sql", "COMMIT; CREATE TABLE loose (id bigint);");
    let mut cases = vec![(world.migrate(), "base/0003_ends.sql ends its transaction itself")];
    for (field, value, reason) in [
        ("service", json!("../forum"), "\"../forum\" is not a plain name"),
        ("modules", json!(["polls"]), "module 'polls' depends on 'tags'"),
        ("modules", json!(["ghosts"]), "forum has no module 'ghosts'"),
    ] {
        let mut order = world.migrate();
        order.payload[field] = value;
        cases.push((order, reason));
    }
    let mut elsewhere = world.seed();
    elsewhere.instance_id = Some(InstanceId(world.id()));
    cases.push((elsewhere, "configurator knows no such instance"));
    let mut nowhere = world.seed();
    nowhere.instance_id = None;
    cases.push((nowhere, "the job names no instance"));
    for (order, reason) in cases {
        let row = world.run(&order).await;
        assert_eq!((row.state.as_str(), row.attempts), ("failed", 1), "{row:?}");
        assert!(row.last_error.as_deref().is_some_and(|error| error.starts_with(reason)), "{reason}: {row:?}");
    }
}

#[tokio::test]
async fn a_payload_that_does_not_fit_its_kind_is_no_job() {
    let (world, _worker) = World::with_worker().await;
    let mut order = world.migrate();
    order.payload["modules"] = json!(1);
    world.publish(&order).await;
    let dead = world.platform.dead_letters("worker", 1).await;
    assert_eq!(dead, ["the data of job.run.v1 do not fit its schema: /payload/modules: type"]);
    assert!(world.row(order.job_id).await.is_none());
}

#[tokio::test]
async fn a_meter_without_its_table_is_a_fault_only_where_every_module_is_there() {
    let (world, _worker) = World::with_worker().await;
    let mut bare = world.migrate();
    bare.payload["modules"] = json!([]);
    let row = world.run(&bare).await;
    assert_eq!(row.state, "succeeded", "{row:?}");
    assert!(row.log.contains("the meter 'votes' has no table 'votes'"), "{}", row.log);
    world.bundles.write("modules/polls/migrations/0001_votes.sql", "CREATE TABLE ballots (id bigint PRIMARY KEY);");
    let row = world.run(&world.migrate()).await;
    assert_eq!(
        (row.state.as_str(), row.last_error.as_deref()),
        ("failed", Some("the meter 'votes' has no table 'votes'"))
    );
}
