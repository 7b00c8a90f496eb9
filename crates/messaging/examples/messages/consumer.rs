//! The consumer against a queue that always has ten more, beside the same rows inserted bare.

use crate::{
    canned, row,
    world::{self, EFFECT, OneRow, ROUNDS},
};
use anyhow::Result;
use common::{ambient::Ambient, db::Db};
use contracts::messages::MemberJoined;
use futures_util::future::try_join_all;
use messaging::{Consumer, consumer::Options};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const ROUND: Duration = Duration::from_secs(4);
/// As a consumer with this pool has hands.
const WRITERS: usize = 8;
/// Messages of a commit.
const TOGETHER: usize = 50;
const CLAIM: &str = "
    INSERT INTO inbox_messages SELECT message_id, 'floor', now() FROM unnest($1::uuid[]) message_id
    ON CONFLICT DO NOTHING";

/// What SQS answers.
fn answer(ambient: &Ambient, operation: &str) -> String {
    match operation {
        "GetQueueUrl" => json!({"QueueUrl": "http://canned/queue"}),
        "ReceiveMessage" => {
            let messages = (0..10).map(|_| {
                let envelope = world::envelope(ambient);
                json!({"MessageId": envelope.id, "ReceiptHandle": envelope.id, "Body": json!(envelope).to_string(),
                    "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000"}})
            });
            json!({ "Messages": messages.collect::<Vec<_>>() })
        }
        _ => json!({"Successful": [], "Failed": []}),
    }
    .to_string()
}

pub async fn measure(db: &Db) -> Result<()> {
    let ambient = db.ambient().clone();
    let aws = canned::aws(move |operation, _| answer(&ambient, operation)).await;
    let (mut ours, mut floor) = ([0.0; ROUNDS], [0.0; ROUNDS]);
    for (ours, floor) in ours.iter_mut().zip(&mut floor) {
        world::clear(db).await?;
        let (stop, started) = (CancellationToken::new(), Instant::now());
        let consumer = Consumer::new(&aws, "permission", db.clone()).on::<MemberJoined, _>(OneRow::default());
        let consumer = consumer.options(Options { drain: Duration::from_secs(1), ..Options::default() });
        let running = tokio::spawn(consumer.run(stop.clone()));
        sleep(ROUND).await;
        *ours = world::effects(db).await? as f64 / started.elapsed().as_secs_f64();
        stop.cancel();
        running.await?;
        world::clear(db).await?;
        let started = Instant::now();
        try_join_all((0..WRITERS).map(|_| insert(db, started + ROUND))).await?;
        *floor = world::effects(db).await? as f64 / started.elapsed().as_secs_f64();
    }
    let (ours, floor) = (world::median(ours), world::median(floor));
    let beside = format!("{:.2} of the floor", ours / floor);
    row("consumer with inbox and a one-row effect, null source", ours, beside, "≥ 3,000");
    row("floor: the same rows inserted bare, 50 a commit", floor, "–", "–");
    Ok(())
}

async fn insert(db: &Db, until: Instant) -> Result<()> {
    while Instant::now() < until {
        let ids: Vec<_> = (0..TOGETHER).map(|_| db.ambient().uuid()).collect();
        let mut tx = db.pool().begin().await?;
        sqlx::query(CLAIM).bind(&ids).execute(&mut *tx).await?;
        for id in ids {
            sqlx::query(EFFECT).bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
