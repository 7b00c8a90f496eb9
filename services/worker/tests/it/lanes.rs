//! Lanes: what a claim reads, whatever waits for others, for a rate or for a time.

use crate::world::World;
use common::{config::Database, db::Db};
use serde_json::Value;
use test_support::background;

/// Jobs of other versions and bundles, of a tenant whose rate is used up, of thousands of tenants that nobody here can
/// serve, and some that were put off by the version before.
const OTHERS: &str = "
    INSERT INTO jobs (id, kind, version, payload, tenant_id, run_after)
    SELECT gen_random_uuid(), 'instance.migrate', CASE WHEN n % 2 = 0 THEN 2 ELSE 1 END,
           jsonb_build_object('service', 'forum', 'bundle_version', CASE WHEN n % 2 = 0 THEN '1.0.0' ELSE '9.0.0' END),
           CASE WHEN n % 10 = 0 THEN gen_random_uuid() ELSE $2 END,
           now() - interval '1 hour' FROM generate_series(1, $1) AS n;";
const LIMITED: &str = "
    INSERT INTO jobs (id, kind, version, payload, tenant_id, run_after)
    SELECT gen_random_uuid(), 'instance.migrate', 1, '{\"service\": \"forum\", \"bundle_version\": \"1.0.0\"}', $2,
           now() - interval '1 hour' FROM generate_series(1, $1)";
const SERVED: &str = "
    UPDATE job_lanes SET next_at = now() + interval '1 hour', waits_for = 'rate'
     WHERE tenant_id = $1 AND version = 1 AND bundle = 'forum/1.0.0'";
const OURS: &str = "
    INSERT INTO jobs (id, kind, version, tenant_id, payload)
    VALUES ($1, 'instance.migrate', 1, $2, '{\"service\": \"forum\", \"bundle_version\": \"1.0.0\"}')";
const CAN: [(&str, i32, &str); 4] = [
    ("instance.migrate", 1, "forum/1.0.0"),
    ("instance.migrate", 1, ""),
    ("instance.seed", 1, "forum/1.0.0"),
    ("instance.seed", 1, ""),
];
/// Claims of the worker, with what they take for their lists.
const CLAIMS: [(&str, &str); 3] = [
    ("lanes", include_str!("../../src/jobs/sql/lanes.sql")),
    ("take", include_str!("../../src/jobs/sql/take.sql")),
    ("take over", include_str!("../../src/jobs/sql/take_over.sql")),
];

#[tokio::test]
async fn a_claim_reads_a_few_rows_however_many_jobs_wait_for_others() {
    let world = World::start().await;
    let env = world.env();
    let settings = Database { url: env["DATABASE_URL"].clone().into(), max_connections: 2 };
    let db = Db::connect(&settings, "worker", world.platform.ambient.clone()).unwrap();
    let limited = world.id();
    let pool = &world.platform.pool;
    for sql in [OTHERS, LIMITED] {
        sqlx::query(sql).bind(10_000).bind(limited).execute(pool).await.unwrap();
    }
    sqlx::query(SERVED).bind(limited).execute(pool).await.unwrap();
    sqlx::query(OURS).bind(world.id()).bind(world.tenant.0).execute(pool).await.unwrap();
    // The planner must not need to know what it knows after this, nor be led astray by it.
    for statement in ["SELECT", "ANALYZE jobs, job_lanes, job_log"] {
        sqlx::raw_sql(statement).execute(pool).await.unwrap();
        for (claim, sql) in CLAIMS {
            let mut tx = background().begin_across_tenants(&db).await.unwrap();
            let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}");
            let explained = sqlx::query_scalar::<_, Value>(sqlx::AssertSqlSafe(explain));
            let kinds = CAN.map(|(kind, ..)| kind).to_vec();
            let (versions, bundles) =
                (CAN.map(|(_, version, _)| version).to_vec(), CAN.map(|(.., bundle)| bundle).to_vec());
            let explained = match claim {
                "lanes" => explained.bind(kinds).bind(versions).bind(bundles).bind(10_i64),
                "take" => {
                    let (tenants, quotas) = (vec![world.tenant.0; 4], vec![3; 4]);
                    let leased = explained.bind("test").bind(world.id()).bind(60.0);
                    leased.bind(kinds).bind(versions).bind(bundles).bind(tenants).bind(quotas)
                }
                _ => {
                    let leased = explained.bind("test").bind(world.id()).bind(60.0);
                    leased.bind(kinds).bind(versions).bind(bundles).bind(10_i64)
                }
            };
            let plan = explained.fetch_one(&mut *tx).await.unwrap();
            drop(tx);
            check(&format!("{claim} after {statement}"), &plan[0]["Plan"]);
        }
    }
}

/// Every node of a plan.
fn nodes<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    for below in plan["Plans"].as_array().into_iter().flatten() {
        nodes(below, found);
    }
}

fn check(claim: &str, plan: &Value) {
    let mut found = Vec::new();
    nodes(plan, &mut found);
    let number = |node: &Value, field: &str| node[field].as_f64().unwrap_or_default();
    for node in &found {
        let read =
            (number(node, "Actual Rows") + number(node, "Rows Removed by Filter")) * number(node, "Actual Loops");
        assert!(read < 100.0, "{claim} reads {read} rows: {node}");
        let walks = node["Node Type"] == "Seq Scan"
            && ["jobs", "job_lanes"].contains(&node["Relation Name"].as_str().unwrap_or_default());
        assert!(!walks, "{claim} walks through the whole table: {node}");
    }
    let blocks = number(found[0], "Shared Hit Blocks") + number(found[0], "Shared Read Blocks");
    assert!(blocks < 500.0, "{claim} touches {blocks} blocks");
}

/// Bursts of one tenant, while others order one job now and then.
#[tokio::test]
async fn one_tenants_burst_starves_nobody() {
    let world = World::start().await;
    let burst = "
        INSERT INTO jobs (id, kind, version, payload, tenant_id)
        SELECT gen_random_uuid(), 'test.echo', 1, '{\"text\": \"x\"}', $1 FROM generate_series(1, 120)";
    sqlx::query(burst).bind(world.id()).execute(&world.platform.pool).await.unwrap();
    let others = "
        INSERT INTO jobs (id, kind, version, payload, tenant_id, created_at)
        SELECT gen_random_uuid(), 'test.echo', 1, '{\"text\": \"x\"}', gen_random_uuid(), now() FROM generate_series(1, 5)";
    sqlx::query(others).execute(&world.platform.pool).await.unwrap();
    let _worker = world.worker().await;
    let before = test_support::eventually("the others' jobs are done", async || {
        let sql = "
            SELECT count(*) FILTER (WHERE finished_at IS NOT NULL), (SELECT count(*) FROM jobs WHERE started_at IS NOT NULL)
              FROM jobs WHERE tenant_id IN (SELECT tenant_id FROM jobs GROUP BY tenant_id HAVING count(*) = 1)";
        let (done, begun): (i64, i64) = sqlx::query_as(sql).fetch_one(&world.platform.pool).await.unwrap();
        (done == 5).then_some(begun)
    })
    .await;
    assert!(before < 60, "{before} jobs were begun before the others' were done");
    let left = "SELECT count(*) FROM job_lanes";
    test_support::eventually("all is done and no lane is left", async || {
        let left: i64 = sqlx::query_scalar(left).fetch_one(&world.platform.pool).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    let unfinished: i64 =
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE finished_at IS NULL AND state <> 'running'")
            .fetch_one(&world.platform.pool)
            .await
            .unwrap();
    assert_eq!(unfinished, 0);
}
