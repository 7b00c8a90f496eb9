//! Ten thousand files ordered at once: all are accepted, and in sight. `cargo xtask tour --files 10000` has real
//! workers read as many for each of two tenants, one of them ten a minute.

use crate::support::Archives;
use serde_json::json;
use std::{collections::BTreeSet, time::Instant};
use uuid::Uuid;

/// Files of a call, and calls at once.
const FILES: usize = 1_000;
const CALLS: usize = 10;
/// For all calls together, on a busy machine with an unoptimised build.
const ACCEPTED_WITHIN_SECONDS: u64 = 20;
/// The first orders that reach the worker's queue, which are looked at.
const LOOKED_AT: usize = 300;

#[tokio::test]
async fn ten_thousand_files_are_ordered_at_once() {
    let archives = Archives::start().await;
    let made = "
        INSERT INTO files (id, name, bytes, created_at)
        SELECT gen_random_uuid(), number || '.pdf', 1, now() FROM generate_series(1, $1) AS number RETURNING id";
    let files: Vec<Uuid> =
        sqlx::query_scalar(made).bind((FILES * CALLS) as i64).fetch_all(&mut archives.role().await).await.unwrap();
    let began = Instant::now();
    let calls: Vec<_> = files
        .chunks(FILES)
        .map(|files| tokio::spawn(archives.post("/v1/extractions", &json!({"file_ids": files})).send()))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().expect(202)["items"].as_array().map(Vec::len), Some(FILES));
    }
    let took = began.elapsed();
    assert!(took.as_secs() < ACCEPTED_WITHIN_SECONDS, "accepted after {took:?}");
    let pending: i64 = sqlx::query_scalar("SELECT count(*) FROM extractions WHERE state = 'pending'")
        .fetch_one(&mut archives.role().await)
        .await
        .unwrap();
    assert_eq!(pending, (FILES * CALLS) as i64);

    let orders = archives.orders(LOOKED_AT).await;
    let jobs: BTreeSet<_> = orders.iter().map(|order| order.job.job_id).collect();
    let ordered: BTreeSet<_> = orders.iter().map(|order| order.command.objects[0].key.to_string()).collect();
    assert_eq!((jobs.len(), ordered.len()), (orders.len(), orders.len()), "each once");
}
