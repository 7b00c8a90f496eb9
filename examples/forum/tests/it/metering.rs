//! Metering: does every post reach billing, once?

use crate::support::{ACME, Fixture};
use contracts::{
    envelope::Envelope,
    messages::{Message, UsageBatchRecorded, UsageRecorded},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use test_support::eventually;

const QUEUE: &str = "billing-usage";

/// Usage in the messages on the queue of billing until there are `count` events, by key; each with its message.
async fn usage(fixture: &Fixture, count: usize) -> BTreeMap<String, (Envelope, UsageRecorded)> {
    let aws = &fixture.platform.aws;
    let url = aws.queue_url(&aws.queue_name(QUEUE)).await.expect("the queue of billing");
    let mut found = BTreeMap::new();
    eventually("usage arrives", async || {
        let received =
            aws.sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.expect("receiving");
        for message in received.messages() {
            let envelope: Envelope = serde_json::from_str(message.body().unwrap()).expect("an envelope");
            let batch: UsageBatchRecorded = serde_json::from_value(envelope.data.clone()).expect("a batch");
            for usage in batch.into_events() {
                found.insert(usage.key.clone(), (envelope.clone(), usage));
            }
            let delete = aws.sqs.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap());
            delete.send().await.expect("deleting");
        }
        (found.len() >= count).then_some(())
    })
    .await;
    found
}

async fn waiting(fixture: &Fixture) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM platform.outbox").fetch_one(&fixture.platform.pool).await.unwrap()
}

#[tokio::test]
async fn a_post_is_one_usage_however_often_it_is_sent() {
    let fixture = Fixture::start().await;
    messaging::provision::provision_for(&fixture.platform.aws, &[QUEUE]).await.unwrap();
    let ada = fixture.member("Ada").await;
    let topic = fixture.post_as(&ada, "/v1/topics", &json!({"title": "T", "body": "first"})).await.expect(201);
    let path = format!("/v1/topics/{}", topic["id"].as_str().unwrap());
    fixture.post_as(&ada, &format!("{path}/posts"), &json!({"body": "second"})).await.expect(201);

    let sent = usage(&fixture, 2).await;
    let posts = fixture.get(&path).await.expect(200);
    let instance = fixture.configurator.get(ACME)["instance_id"].as_str().unwrap().to_owned();
    let mut expected: Vec<_> = posts["posts"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|post: &Value| format!("{instance}:posts:{}", post["id"].as_str().unwrap()))
        .collect();
    expected.sort();
    assert_eq!(sent.keys().cloned().collect::<Vec<_>>(), expected);
    for (envelope, usage) in sent.values() {
        assert_eq!(
            (envelope.kind.as_str(), envelope.source.as_str(), envelope.tenant),
            (UsageBatchRecorded::TYPE, "/services/forum", Some(fixture.acme))
        );
        assert_eq!(
            (usage.service.as_str(), usage.meter.as_str(), usage.quantity),
            ("forum", "forum.posts", Decimal::ONE)
        );
        assert_eq!(usage.instance_id.to_string(), instance);
    }
    eventually("the outbox is empty", async || (waiting(&fixture).await == 0).then_some(())).await;

    // As if the relay had died between SNS's answer and its own commit: the rows are still there.
    for (_, usage) in sent.values() {
        let key = usage.key.split_once(':').unwrap().1;
        let row =
            sqlx::query("INSERT INTO platform.outbox (meter, key, quantity, occurred_at) VALUES ('posts', $1, 1, $2)");
        row.bind(key).bind(usage.occurred_at).execute(&fixture.platform.pool).await.unwrap();
    }
    fixture.form("", "/sign-out", &[]).await;
    let again = usage(&fixture, 2).await;
    let events = |sent: BTreeMap<String, (Envelope, UsageRecorded)>| -> Vec<_> {
        sent.into_values().map(|(_, usage)| usage).collect()
    };
    assert_eq!(events(again), events(sent), "the same usage, down to its keys");
    eventually("the outbox is empty", async || (waiting(&fixture).await == 0).then_some(())).await;
}

#[tokio::test]
async fn what_an_earlier_process_left_is_swept_up_when_the_pool_opens() {
    let fixture = Fixture::start().await;
    messaging::provision::provision_for(&fixture.platform.aws, &[QUEUE]).await.unwrap();
    let left = sqlx::query(
        "INSERT INTO platform.outbox (meter, key, quantity, occurred_at)
         SELECT 'posts', 'posts:' || number, 1, now() FROM generate_series(1, 2500) AS number",
    );
    left.execute(&fixture.platform.pool).await.unwrap();
    fixture.get("/v1/topics").await.expect(200);
    let sent = usage(&fixture, 2_500).await;
    assert_eq!(sent.len(), 2_500);
    let messages: BTreeSet<_> = sent.values().map(|(envelope, _)| envelope.id).collect();
    assert_eq!(messages.len(), 3);
    eventually("the outbox is empty", async || (waiting(&fixture).await == 0).then_some(())).await;
}

/// Rows that nobody can take, in front of all others: two whose key is too long, one that is no number, and a whole
/// pass of rows that are too long even to be read.
async fn leave_trouble(fixture: &Fixture) {
    for rows in [
        "SELECT 'posts', repeat('x', 300), 1, now() FROM generate_series(1, 2)",
        "SELECT 'posts', 'posts:nan', 'NaN', now()",
        "SELECT 'posts', repeat('x', 3000), 1, now() FROM generate_series(1, 1000)",
    ] {
        let insert = format!("INSERT INTO platform.outbox (meter, key, quantity, occurred_at) {rows}");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&fixture.platform.pool).await.unwrap();
    }
}

async fn put_off(fixture: &Fixture, rows: usize) {
    let line = format!("metering_rows_put_off {rows}\n");
    eventually("the gauge counts the rows", async || {
        fixture.server.ops("/metrics").send().await.text.contains(&line).then_some(())
    })
    .await;
}

#[tokio::test]
async fn rows_that_nobody_takes_hold_up_no_other() {
    let fixture = Fixture::start().await;
    messaging::provision::provision_for(&fixture.platform.aws, &[QUEUE]).await.unwrap();
    // A process counts from its start on, a test from the first look.
    fixture.server.ops("/metrics").send().await;
    leave_trouble(&fixture).await;
    let sound =
        "INSERT INTO platform.outbox (meter, key, quantity, occurred_at) VALUES ('posts', 'posts:sound', 1, now())";
    sqlx::query(sound).execute(&fixture.platform.pool).await.unwrap();

    fixture.get("/v1/topics").await.expect(200);
    let sent = usage(&fixture, 1).await;
    assert!(sent.keys().all(|key| key.ends_with(":posts:sound")), "{:?}", sent.keys());
    put_off(&fixture, 1003).await;

    // Nor what comes later.
    let ada = fixture.member("Ada").await;
    fixture.post_as(&ada, "/v1/topics", &json!({"title": "T", "body": "first"})).await.expect(201);
    assert_eq!(usage(&fixture, 1).await.len(), 1);
    eventually("only the rows in trouble are left", async || (waiting(&fixture).await == 1003).then_some(())).await;

    // A person repairs them.
    let repair = "UPDATE platform.outbox SET key = 'posts:repaired:' || id, quantity = 1";
    sqlx::query(repair).execute(&fixture.platform.pool).await.unwrap();
    assert_eq!(usage(&fixture, 1003).await.len(), 1003);
    eventually("the outbox is empty", async || (waiting(&fixture).await == 0).then_some(())).await;
    put_off(&fixture, 0).await;
}

#[tokio::test]
async fn no_transaction_is_open_while_sns_is_asked() {
    let fixture = Fixture::start().await;
    messaging::provision::provision_for(&fixture.platform.aws, &[QUEUE]).await.unwrap();
    fixture.get("/v1/topics").await.expect(200);
    let rows = "INSERT INTO platform.outbox (meter, key, quantity, occurred_at)
                SELECT 'posts', 'p' || n || repeat('x', 200), 1, now() FROM generate_series(1, 5000) AS n";
    sqlx::query(rows).execute(&fixture.platform.pool).await.unwrap();
    fixture.form("", "/sign-out", &[]).await;
    // From here on only metering uses the database.
    eventually("the outbox is empty", async || {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND state = 'idle in transaction' AND pid <> pg_backend_pid()";
        let open: i64 = sqlx::query_scalar(open).fetch_one(&fixture.platform.pool).await.unwrap();
        assert_eq!(open, 0, "a transaction waits for something that is not the database");
        (waiting(&fixture).await == 0).then_some(())
    })
    .await;
}
