//! How fast orders of jobs are taken into the table: the worker's consumer against a queue that has so many at once.

use crate::{NoOp, canned, count};
use anyhow::{Result, ensure};
use common::ambient::Ambient;
use contracts::{
    envelope::Envelope,
    id::{JobId, MessageId, TenantId},
    jobs::Job,
    messages::RunJob,
};
use messaging::Consumer;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::app::App;

const ORDERS: i64 = 10_000;
const TENANTS: i64 = 10;
const QUEUED: &str = "SELECT count(*) FROM jobs WHERE state = 'queued'";

/// Seconds until all are in the table, and how many those are a second.
pub(crate) async fn measure(app: &App) -> Result<(f64, f64)> {
    let (ambient, left) = (app.ambient.clone(), AtomicI64::new(ORDERS));
    let aws = canned::aws(move |operation, _| answer(&ambient, &left, operation)).await;
    let (stop, started) = (CancellationToken::new(), Instant::now());
    let consumer = Consumer::new(&aws, "worker", app.db.clone()).on::<RunJob, _>(app.clone());
    let consumer = tokio::spawn(consumer.run(stop.clone()));
    while count(&app.db, QUEUED).await? < ORDERS {
        ensure!(started.elapsed() < Duration::from_secs(120), "not all orders are accepted");
        sleep(Duration::from_millis(50)).await;
    }
    let took = started.elapsed().as_secs_f64();
    stop.cancel();
    consumer.await?;
    Ok((took, ORDERS as f64 / took))
}

/// What SQS answers.
fn answer(ambient: &Ambient, left: &AtomicI64, operation: &str) -> String {
    let answer = match operation {
        "GetQueueUrl" => json!({"QueueUrl": "http://canned/queue"}),
        "ReceiveMessage" => {
            match left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(10).filter(|left| *left >= 0)) {
                Ok(before) => json!({"Messages": (0..10).map(|n| order(ambient, before - n)).collect::<Vec<_>>()}),
                Err(_) => json!({}),
            }
        }
        _ => json!({"Successful": [], "Failed": []}),
    };
    answer.to_string()
}

fn order(ambient: &Ambient, n: i64) -> Value {
    let tenant = TenantId(Uuid::from_u128((n % TENANTS + 1).unsigned_abs().into()));
    let job = RunJob {
        job_id: JobId(ambient.uuid()),
        kind: NoOp::KIND.into(),
        version: 1,
        instance_id: None,
        payload: json!({}),
        unique_key: None,
        priority: None,
        run_after: None,
    };
    let id = MessageId(ambient.uuid());
    let envelope =
        Envelope::new(id, ambient.now(), "configurator", Some(tenant), &job).expect("it can be written as JSON");
    json!({"MessageId": id, "ReceiptHandle": id, "Body": json!(envelope).to_string(),
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000"}})
}
