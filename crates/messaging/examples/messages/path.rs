//! The whole way of a message through an emulator, from the outbox to its effect, beside what the AWS SDK does there
//! when it does nothing but publish, receive and delete.

use crate::{
    row,
    world::{self, OneRow, ROUNDS},
};
use anyhow::{Context, Result};
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName};
use common::db::Db;
use contracts::{
    messages::{MemberJoined, Message},
    topology::Topic,
};
use futures_util::future::try_join_all;
use messaging::{Aws, Consumer, Relay, provision};
use serde_json::json;
use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const MESSAGES: usize = 4_000;
const QUEUE: &str = "permission";
/// So many are between being said and their effect, both here and there: the emulator goes through its whole queue for
/// each call, so a long one would measure that.
const UNDER_WAY: usize = 400;
/// Rows that one commit says.
const AT_ONCE: usize = 100;
/// Loops of the SDK beside each other that publish, and that receive and delete.
const LOOPS: usize = 4;
const FILL: &str = "
    INSERT INTO outbox (id, topic, envelope, created_at)
    SELECT (envelope->>'id')::uuid, $1, envelope, now() FROM unnest($2::jsonb[]) envelope";

pub async fn measure(db: &Db) -> Result<()> {
    let aws = Aws::from_env("bench", &env::var("AWS_ACCOUNT_ID")?).await;
    provision::provision_for(&aws, &[QUEUE]).await?;
    let (mut raw, mut ours) = ([0.0; ROUNDS], [0.0; ROUNDS]);
    for (raw, ours) in raw.iter_mut().zip(&mut ours) {
        *raw = bare(db, &aws).await?;
        *ours = through(db, &aws).await?;
    }
    provision::teardown(&aws).await?;
    let (raw, ours) = (world::median(raw), world::median(ours));
    row("outbox → relay → SNS → SQS → consumer → effect", ours, format!("{:.2} of the bare loop", ours / raw), "≥ 0.8");
    row("bare loop of the SDK: publish, receive, delete", raw, "–", "–");
    Ok(())
}

/// Our whole way.
async fn through(db: &Db, aws: &Aws) -> Result<f64> {
    world::clear(db).await?;
    let stop = CancellationToken::new();
    let relay = tokio::spawn(Relay::new(db.clone(), aws.publisher()).run(stop.clone()));
    let effect = OneRow::default();
    let consumer = Consumer::new(aws, QUEUE, db.clone()).on::<MemberJoined, _>(effect.clone());
    let consumer = tokio::spawn(consumer.run(stop.clone()));
    let mut said = 0;
    let all = async || {
        let handled = effect.handled.load(SeqCst);
        if said < MESSAGES && said < handled + UNDER_WAY {
            let envelopes: Vec<_> = (0..AT_ONCE).map(|_| json!(world::envelope(db.ambient()))).collect();
            sqlx::query(FILL).bind(Topic::AuthEvents.name()).bind(envelopes).execute(db.pool()).await?;
            db.wake("relay").wake();
            said += AT_ONCE;
        }
        Ok(handled >= MESSAGES && world::effects(db).await? as usize >= MESSAGES)
    };
    let rate = world::rate(MESSAGES, all).await?;
    stop.cancel();
    relay.await?;
    consumer.await?;
    Ok(rate)
}

/// The same calls, and nothing else.
async fn bare(db: &Db, aws: &Aws) -> Result<f64> {
    let (left, gone) = (AtomicUsize::new(MESSAGES), AtomicUsize::new(0));
    let url = aws.queue_url(&aws.queue_name(QUEUE)).await?;
    let publishing = try_join_all((0..LOOPS).map(|_| publish(db, aws, &left, &gone)));
    let taking = try_join_all((0..LOOPS).map(|_| take(aws, &url, &gone)));
    // The clock stops with the last deletion; the loops end by themselves, as a receive that is dropped takes messages.
    let all = world::rate(MESSAGES, async || Ok(gone.load(SeqCst) >= MESSAGES));
    Ok(tokio::try_join!(all, publishing, taking)?.0)
}

async fn publish(db: &Db, aws: &Aws, left: &AtomicUsize, gone: &AtomicUsize) -> Result<()> {
    while let Ok(before) = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(10)) {
        while MESSAGES - before > gone.load(SeqCst) + UNDER_WAY {
            sleep(Duration::from_millis(1)).await;
        }
        let entries = (0..10).map(|id| {
            let kind = MessageAttributeValue::builder().data_type("String").string_value(MemberJoined::TYPE).build()?;
            let body = json!(world::envelope(db.ambient())).to_string();
            let entry = PublishBatchRequestEntry::builder().id(id.to_string()).message(body);
            entry.message_attributes("type", kind).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let call = aws.sns.publish_batch().topic_arn(aws.topic_arn(Topic::AuthEvents));
        call.set_publish_batch_request_entries(Some(entries)).send().await?;
    }
    Ok(())
}

async fn take(aws: &Aws, url: &str, gone: &AtomicUsize) -> Result<()> {
    while gone.load(SeqCst) < MESSAGES {
        let call = aws.sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(1);
        let call = call.message_system_attribute_names(MessageSystemAttributeName::All).message_attribute_names("All");
        let received = call.send().await?.messages.unwrap_or_default();
        if received.is_empty() {
            continue;
        }
        let entries = received.iter().zip(0..).map(|(message, id)| {
            let receipt = message.receipt_handle().unwrap_or_default();
            DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(receipt).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().context("an entry")?;
        aws.sqs.delete_message_batch().queue_url(url).set_entries(Some(entries)).send().await?;
        gone.fetch_add(received.len(), SeqCst);
    }
    Ok(())
}
