//! Objects of an order: the command finds them in its folder, and no order reaches another instance's.

use crate::{
    commands::{list, order, publish},
    world::World,
};
use contracts::{id::InstanceId, messages::RunJob};
use objects::Objects;
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use test_support::{TestBucket, TestServer};

/// A world whose worker has a bucket, with the objects of an instance.
async fn start() -> (World, TestServer, TestBucket) {
    let (world, bucket) = (World::start().await, TestBucket::make().await);
    let variables = HashMap::from([("OBJECTS_BUCKET".to_owned(), bucket.name.clone())]);
    let worker = world.worker_with(variables).await;
    (world, worker, bucket)
}

async fn put(objects: &Objects, key: &str, content: &str) {
    let key = key.parse().unwrap();
    let url = objects.presign_put(&key, Duration::from_secs(60), content.len() as u64).await.unwrap();
    let put = reqwest::Client::new().put(url).body(content.to_owned()).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
}

fn order_with(world: &World, objects: Value) -> RunJob {
    let mut order = order(world, "show", Value::Null);
    order.payload["objects"] = objects;
    order
}

#[tokio::test]
async fn a_command_finds_the_objects_of_its_order_in_its_folder() {
    let (world, _worker, bucket) = start().await;
    list(&world, &[("show", r#"printf '"%s %s"' "$(cat a.txt)" "$(cat b.txt)""#)]);
    let objects = bucket.bucket.of("forum", world.tenant, world.instance.id);
    put(&objects, "files/1", "hello").await;
    put(&objects, "files/2", "world").await;
    let wanted = json!([{"key": "files/1", "name": "a.txt"}, {"key": "files/2", "name": "b.txt"}]);
    let order = order_with(&world, wanted);
    publish(&world, &order).await;
    let row = world.ended(order.job_id).await;
    assert_eq!((row.state.as_str(), row.output), ("succeeded", Some(json!("hello world"))), "{}", row.log);
    assert!(row.log.contains("fetched a.txt: 5 bytes, ETag "), "{}", row.log);
}

#[tokio::test]
async fn what_is_gone_or_of_another_instance_fails_with_its_reason_and_leaves_nothing() {
    let (world, _worker, bucket) = start().await;
    list(&world, &[("show", "ls")]);
    let neighbour = InstanceId(world.id());
    put(&bucket.bucket.of("forum", world.tenant, neighbour), "files/1", "of a neighbour").await;
    let elsewhere = format!("../{neighbour}/files/1");
    let whole = format!("forum/{}/{neighbour}/files/1", world.tenant);
    for (key, reason) in [
        ("files/1", "The file was not uploaded, or is gone."),
        (&*whole, "The file was not uploaded, or is gone."),
        (&*elsewhere, "the payload does not fit: "),
        ("/files/1", "the payload does not fit: "),
        ("files/../../1", "the payload does not fit: "),
    ] {
        let order = order_with(&world, json!([{"key": key, "name": "a.txt"}]));
        publish(&world, &order).await;
        let row = world.ended(order.job_id).await;
        let error = row.last_error.as_deref().unwrap_or_default();
        assert!(row.state == "failed" && error.starts_with(reason), "{key}: {row:?}");
    }
    let twice = json!([{"key": "files/1", "name": "a.txt"}, {"key": "files/2", "name": "a.txt"}]);
    let order = order_with(&world, twice);
    publish(&world, &order).await;
    let row = world.ended(order.job_id).await;
    assert_eq!(row.last_error.as_deref(), Some("two objects of the order have one name"));
    let order = order_with(&world, json!([{"key": "files/1", "name": "../a.txt"}]));
    publish(&world, &order).await;
    let row = world.ended(order.job_id).await;
    assert!(row.last_error.unwrap_or_default().starts_with("the payload does not fit: "));
}

#[tokio::test]
async fn a_worker_without_a_bucket_leaves_the_job_waiting() {
    let (world, _worker) = World::with_worker().await;
    list(&world, &[("show", "ls")]);
    let order = order_with(&world, json!([{"key": "files/1", "name": "a.txt"}]));
    publish(&world, &order).await;
    let row = world.until("it is put off", order.job_id, |row| row.state == "snoozed").await;
    assert_eq!((row.attempts, row.last_error.as_deref()), (0, Some("this worker has no bucket of objects")));
}

#[tokio::test]
async fn while_s3_is_away_a_job_waits_and_uses_up_no_attempt() {
    let world = World::start().await;
    list(&world, &[("show", "ls")]);
    let order = order_with(&world, json!([{"key": "files/1", "name": "a.txt"}]));
    let insert = "INSERT INTO jobs (id, kind, version, tenant_id, instance_id, payload) VALUES ($1, $2, 1, $3, $4, $5)";
    let query = sqlx::query(insert).bind(order.job_id.0).bind(&order.kind).bind(world.tenant.0);
    let query = query.bind(world.instance.id.0).bind(&order.payload);
    query.execute(&world.platform.pool).await.unwrap();
    // Nobody listens there.
    let away = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("OBJECTS_BUCKET", "a-bucket")];
    let _worker = world.process_with(away.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let row = world.until("it is put off", order.job_id, |row| row.state == "snoozed").await;
    let reason = row.last_error.unwrap_or_default();
    assert!(row.attempts == 0 && reason.starts_with("the store of files does not answer"), "{reason}");
}
