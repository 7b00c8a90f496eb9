//! Workers of several versions beside each other: what one cannot do, it leaves to another, and nothing waits behind
//! it.

use crate::world::World;
use common::{config::Database, db::Db};
use serde_json::{Value, json};
use test_support::{background, eventually};

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

/// Every node of a plan.
fn nodes<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    for below in plan["Plans"].as_array().into_iter().flatten() {
        nodes(below, found);
    }
}

#[tokio::test]
async fn a_claim_reads_a_few_rows_however_many_jobs_wait_for_others() {
    let world = World::start().await;
    let env = world.env();
    let settings = Database { url: env["DATABASE_URL"].clone().into(), max_connections: 2 };
    let db = Db::connect(&settings, "worker", world.platform.ambient.clone()).unwrap();
    let insert = "
        INSERT INTO jobs (id, kind, version, payload, tenant_id, run_after)
        SELECT gen_random_uuid(), 'instance.migrate', CASE WHEN n % 2 = 0 THEN 2 ELSE 1 END,
               jsonb_build_object('service', 'forum', 'bundle_version', CASE WHEN n % 2 = 0 THEN '1.0.0'
               ELSE '9.0.0' END), gen_random_uuid(),
               now() - interval '1 hour' FROM generate_series(1, $1) AS n";
    sqlx::query(insert).bind(30_000).execute(&world.platform.pool).await.unwrap();
    let ours = "
        INSERT INTO jobs (id, kind, version, tenant_id, payload)
        VALUES ($1, 'instance.migrate', 1, $2, '{\"service\": \"forum\", \"bundle_version\": \"1.0.0\"}')";
    sqlx::query(ours).bind(world.id()).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
    // The planner must not need to know what it knows after this, nor be led astray by it.
    for statement in ["SELECT", "ANALYZE jobs"] {
        sqlx::raw_sql(statement).execute(&world.platform.pool).await.unwrap();
        for (claim, sql) in [
            ("begin", include_str!("../../src/jobs/begin.sql")),
            ("take over", include_str!("../../src/jobs/take_over.sql")),
        ] {
            let mut tx = background().begin_across_tenants(&db).await.unwrap();
            let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}");
            let kinds = ["instance.migrate", "instance.migrate", "instance.seed", "instance.seed"];
            let explained = sqlx::query_scalar::<_, Value>(sqlx::AssertSqlSafe(explain))
                .bind("test")
                .bind(world.id())
                .bind(60.0)
                .bind(&kinds[..]);
            let explained = explained.bind(&[1, 1, 1, 1][..]).bind(&["forum/1.0.0", "", "forum/1.0.0", ""][..]);
            let plan = explained.fetch_one(&mut *tx).await.unwrap();
            drop(tx);
            let mut found = Vec::new();
            nodes(&plan[0]["Plan"], &mut found);
            let number = |node: &Value, field: &str| node[field].as_f64().unwrap_or_default();
            for node in &found {
                let read = (number(node, "Actual Rows") + number(node, "Rows Removed by Filter"))
                    * number(node, "Actual Loops");
                assert!(read < 100.0, "{claim} reads {read} rows after {statement}: {node}");
                assert!(
                    node["Node Type"] != "Seq Scan" || node["Relation Name"] != "jobs",
                    "{claim} walks through the whole table: {node}"
                );
            }
            let blocks = number(found[0], "Shared Hit Blocks") + number(found[0], "Shared Read Blocks");
            assert!(blocks < 500.0, "{claim} touches {blocks} blocks after {statement}");
        }
    }
}
