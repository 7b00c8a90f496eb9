//! The table of jobs, as operators see it and as workers share it.

use crate::{kinds::Await, world::World};
use contracts::{
    envelope::{Envelope, source_of},
    id::JobId,
    messages::{Message, RunJob},
};
use serde_json::json;
use test_support::{eventually, openapi_contract};

#[tokio::test]
async fn every_operation_refuses_what_it_should() {
    let (world, worker) = World::with_worker().await;
    openapi_contract(&world.platform, &worker, &service_kit::openapi::<worker::Worker>()).await;
}

#[tokio::test]
async fn operators_see_jobs_with_progress_and_log() {
    let (world, worker) = World::with_worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readJobs", "worker.writeJobs"]).await;
    let migrate = world.migrate();
    world.run(&migrate).await;
    let mut unsound = world.migrate();
    unsound.instance_id = None;
    world.run(&unsound).await;

    let job = worker.get(&format!("/v1/jobs/{}", migrate.job_id)).bearer(&operator.token).await.expect(200);
    assert_eq!(
        (&job["kind"], &job["version"], &job["state"]),
        (&json!("instance.migrate"), &json!(1), &json!("succeeded"))
    );
    assert_eq!((&job["tenant_id"], &job["instance_id"]), (&json!(world.tenant), &json!(world.instance.id)));
    assert_eq!((&job["progress"], &job["attempts"]), (&json!({"done": 5, "total": 5}), &json!(1)));
    let log = format!("/v1/jobs/{}/log", migrate.job_id);
    let lines = worker.get(&log).bearer(&operator.token).await.expect(200);
    assert_eq!(lines["items"].as_array().unwrap().len(), 7, "{lines}");
    assert_eq!(lines["items"][6]["text"], "succeeded");
    let first = worker.get(&format!("{log}?limit=3")).bearer(&operator.token).await.expect(200);
    let next = format!("{log}?limit=200&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = worker.get(&next).bearer(&operator.token).await.expect(200);
    assert_eq!((&rest["items"][0], rest.get("next_cursor")), (&lines["items"][3], None));
    assert!(job["started_at"].is_string() && job["finished_at"].is_string() && job["worker"].is_string(), "{job}");
    assert!(job.get("payload").is_none());

    for (query, expected) in [
        (String::new(), vec![migrate.job_id, unsound.job_id]),
        ("?state=failed".into(), vec![unsound.job_id]),
        ("?state=queued".into(), vec![]),
        (format!("?instance_id={}", world.instance.id), vec![migrate.job_id]),
        (format!("?tenant_id={}", world.tenant), vec![migrate.job_id, unsound.job_id]),
        (format!("?tenant_id={}", world.id()), vec![]),
        ("?kind=instance.migrate&state=succeeded".into(), vec![migrate.job_id]),
        ("?kind=instance.seed".into(), vec![]),
    ] {
        let page = worker.get(&format!("/v1/jobs{query}")).bearer(&operator.token).await.expect(200);
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect();
        assert_eq!(json!(ids), json!(expected), "{query}");
    }
    worker.get("/v1/jobs?state=lost").bearer(&operator.token).await.problem(422, "invalid");
    worker.get("/v1/jobs?limit=0").bearer(&operator.token).await.invalid(&["limit"]);
    let first = worker.get("/v1/jobs?limit=1").bearer(&operator.token).await.expect(200);
    let next = format!("/v1/jobs?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = worker.get(&next).bearer(&operator.token).await.expect(200);
    assert_eq!((&second["items"][0]["id"], second.get("next_cursor")), (&json!(unsound.job_id), None));
    let unknown = format!("/v1/jobs/{}", world.id());
    worker.get(&unknown).bearer(&operator.token).await.problem(404, "job_not_found");
    worker.post(&format!("{unknown}/retry"), &json!({})).bearer(&operator.token).await.problem(404, "job_not_found");
}

#[tokio::test]
async fn whoever_missed_the_end_of_a_job_can_ask_for_it() {
    let (world, worker) = World::with_worker().await;
    let mut unsound = world.migrate();
    unsound.payload["modules"] = json!(["ghosts"]);
    world.run(&unsound).await;
    let path = format!("/internal/jobs/{}", unsound.job_id);
    let configurator = world.platform.client_token("configurator");
    let job = worker.get(&path).bearer(&configurator).await.expect(200);
    let reason = "forum has no module 'ghosts'";
    assert_eq!((&job["state"], &job["run"], &job["reason"]), (&json!("failed"), &json!(1), &json!(reason)));
    assert_eq!(
        (&job["job_id"], &job["instance_id"], &job["kind"]),
        (&json!(unsound.job_id), &json!(world.instance.id), &json!("instance.migrate"))
    );
    assert!(job["finished_at"].is_string(), "{job}");

    let unheard = format!("/internal/jobs/{}", world.id());
    worker.get(&unheard).bearer(&configurator).await.problem(404, "job_not_found");
    for stranger in
        [world.platform.client_token("billing"), world.platform.user(world.tenant, &["worker.readJobs"]).await.token]
    {
        worker.get(&path).bearer(&stranger).await.problem(403, "platform_client_only");
    }
}

#[tokio::test]
async fn a_read_only_database_is_an_outage_that_ends_by_itself() {
    let (world, worker) = World::with_worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.writeJobs"]).await;
    let mut unsound = world.migrate();
    unsound.payload["modules"] = json!(["ghosts"]);
    world.run(&unsound).await;
    let (name, path) = (&world.platform.name, format!("/v1/jobs/{}/retry", unsound.job_id));
    let read_only = format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND usename <> current_user"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(read_only)).execute(&world.platform.pool).await.unwrap();
    worker.post(&path, &json!({})).bearer(&operator.token).await.problem(503, "unavailable");
    // The connections that were opened meanwhile stay read-only.
    let over = format!("BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT");
    sqlx::raw_sql(sqlx::AssertSqlSafe(over)).execute(&world.platform.pool).await.unwrap();
    // Not repeated by itself: the second time may meet such a connection where the first did not.
    eventually("it can be written again", async || {
        let answer = worker.post(&path, &json!({})).bearer(&operator.token).send().await;
        (answer.status == 202).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_parked_row_of_the_outbox_is_seen() {
    let world = World::start().await;
    let parked = "INSERT INTO outbox (id, topic, envelope, created_at, parked_at)
                  VALUES ($1, 'worker-events', '{}', now(), now())";
    sqlx::query(parked).bind(world.id()).execute(&world.platform.pool).await.unwrap();
    let worker = world.worker().await;
    eventually("the gauge counts it", async || {
        worker.ops("/metrics").await.text.contains("outbox_parked 1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_job_of_an_unknown_kind_or_version_is_left_for_a_worker_that_knows_it() {
    let (world, worker) = World::with_worker().await;
    let (mut newer, mut unheard) = (world.migrate(), world.migrate());
    newer.version = 2;
    unheard.kind = "instance.polish".into();
    let (newer, unheard) = (world.publish(&newer).await, world.publish(&unheard).await);
    world.until("it is in the table", newer, |_| true).await;
    world.until("it is in the table", unheard, |_| true).await;
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    for id in [newer, unheard] {
        let row = world.row(id).await.unwrap();
        assert_eq!((row.state.as_str(), row.attempts), ("queued", 0), "{row:?}");
    }
    eventually("the metric shows both", async || {
        worker.ops("/metrics").await.text.contains("jobs_left_to_others 2").then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_orders_a_job_that_is_not_theirs_to_order() {
    let (world, _worker) = World::with_worker().await;
    let order = world.migrate();
    let envelope = world.platform.envelope(Some(world.tenant), &order);
    let foreign = Envelope { source: source_of("billing"), ..envelope };
    world.platform.publish_envelope(RunJob::TOPIC, &foreign).await;
    let mut unheard = world.migrate();
    unheard.kind = "instance.polish".into();
    let envelope = world.platform.envelope(Some(world.tenant), &unheard);
    let products = Envelope { source: source_of("forum"), ..envelope };
    world.platform.publish_envelope(RunJob::TOPIC, &products).await;
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    let mut dead = world.platform.dead_letters("worker", 2).await;
    dead.sort();
    assert_eq!(
        dead,
        [
            "/services/billing may not order a job of kind instance.migrate",
            "/services/forum may not order a job of kind instance.polish"
        ]
    );
    assert!(world.row(order.job_id).await.is_none() && world.row(unheard.job_id).await.is_none());
}

#[tokio::test]
async fn an_order_with_the_id_of_another_tenants_job_is_refused() {
    let (world, _worker) = World::with_worker().await;
    let order = world.migrate();
    assert_eq!(world.run(&order).await.state, "succeeded");
    for unique_key in [None, Some("nightly".to_owned())] {
        let of_another = RunJob { unique_key, ..order.clone() };
        world.platform.publish(Some(world.platform.tenant()), &of_another).await;
    }
    let dead = world.platform.dead_letters("worker", 2).await;
    assert!(dead.iter().all(|reason| reason.starts_with("its id is another's")), "{dead:?}");
}

/// Its worker is gone, and no other has what it needs.
#[tokio::test]
async fn a_job_that_nobody_can_go_on_with_is_cancelled_at_once() {
    let (world, worker) = World::with_worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.readJobs", "worker.writeJobs"]).await;
    let lost = "INSERT INTO jobs (id, kind, version, payload, tenant_id, state, lease, lease_until, worker)
                VALUES ($1, 'test.gone', 1, '{}', $2, 'running', gen_random_uuid(), now() - interval '1 minute', 'w')";
    let id = world.id();
    sqlx::query(lost).bind(id).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
    let path = format!("/v1/jobs/{id}/cancel");
    let cancelled = worker.post(&path, &json!({})).bearer(&operator.token).repeated().await.expect(202);
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    worker.post(&path, &json!({})).bearer(&operator.token).repeated().await.problem(409, "job_finished");
}

#[tokio::test]
async fn with_two_workers_each_of_many_jobs_runs_once() {
    let world = World::start().await;
    let _workers = (world.worker().await, world.worker().await);
    let mut ids = Vec::new();
    for _ in 0..30 {
        let mut order = world.migrate();
        order.payload["modules"] = json!(["ghosts"]);
        ids.push(world.publish(&order).await);
    }
    for id in &ids {
        let row = world.ended(*id).await;
        assert_eq!((row.state.as_str(), row.attempts), ("failed", 1), "{row:?}");
    }
    let mut told: Vec<_> = world.told(30).await.into_iter().map(|job| job.job_id).collect();
    told.sort();
    ids.sort();
    assert_eq!(told, ids);
}

#[tokio::test]
async fn the_log_of_a_job_is_bounded() {
    let world = World::start().await;
    let order = world.order(&Await { file: world.bundles.0.join("there") });
    let id = order.job_id;
    let lines = "INSERT INTO job_log (job_id, tenant_id, text) SELECT $1, $2, n::text FROM generate_series(1, 1500) n";
    sqlx::query(lines).bind(id.0).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
    let _worker = world.worker().await;
    world.publish(&order).await;
    world.until("it is put off", id, |row| row.log.contains("put off: no file yet")).await;
    std::fs::write(world.bundles.0.join("there"), "").unwrap();
    let row = world.ended(id).await;
    assert!(row.log.lines().count() < 1_010 && !row.log.starts_with("1\n"), "{}", row.log.lines().count());
}

#[tokio::test]
async fn finished_jobs_are_forgotten_after_five_weeks() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for days in [36, 34] {
        let insert = "INSERT INTO jobs (id, kind, version, payload, state, tenant_id, finished_at)
                      VALUES ($1, 'test.echo', 1, '{}', 'succeeded', $2, now() - make_interval(days => $3))";
        let id = JobId(world.id());
        sqlx::query(insert).bind(id.0).bind(world.tenant.0).bind(days).execute(&world.platform.pool).await.unwrap();
        let line = "INSERT INTO job_log (job_id, tenant_id, text) VALUES ($1, $2, 'succeeded')";
        sqlx::query(line).bind(id.0).bind(world.tenant.0).execute(&world.platform.pool).await.unwrap();
        ids.push(id);
    }
    let _worker = world.worker().await;
    eventually("the older one is gone", async || world.row(ids[0]).await.is_none().then_some(())).await;
    let lines: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT job_id FROM job_log").fetch_all(&world.platform.pool).await.unwrap();
    assert_eq!(lines, [ids[1].0]);
    assert!(world.row(ids[1]).await.is_some());
}
