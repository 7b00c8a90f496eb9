//! Batches that SQS does only in part.

#[path = "../../examples/messages/canned.rs"]
mod canned;

use crate::world::{QUEUE, Recorder, World, brisk, until};
use contracts::messages::MemberJoined;
use messaging::Consumer;
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::SeqCst},
};
use tokio_util::sync::CancellationToken;

/// SQS gives ten messages once, and fails to delete one of them twice and another for good.
#[tokio::test]
async fn an_entry_of_a_batch_that_fails_is_tried_again_by_itself() {
    let world = World::start().await;
    let said: Vec<_> = (0..10).map(|_| world.said()).collect();
    let bodies: Vec<String> = said.iter().map(|envelope| json!(envelope).to_string()).collect();
    let deletions: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let (given, seen) = (AtomicU32::new(0), Arc::clone(&deletions));
    let aws = canned::aws(move |operation, body| {
        let body: Value = serde_json::from_slice(body).unwrap();
        match operation {
            "GetQueueUrl" => json!({"QueueUrl": "http://canned/queue"}),
            "ReceiveMessage" if given.fetch_add(1, SeqCst) == 0 => {
                let messages = bodies.iter().zip(0..).map(|(body, n)| {
                    json!({"MessageId": n.to_string(), "ReceiptHandle": format!("receipt-{n}"), "Body": body})
                });
                json!({ "Messages": messages.collect::<Vec<_>>() })
            }
            "DeleteMessageBatch" => {
                let entries = body["Entries"].as_array().unwrap();
                let receipt = |entry: &Value| entry["ReceiptHandle"].as_str().unwrap().to_owned();
                let mut seen = seen.lock().unwrap();
                seen.push(entries.iter().map(receipt).collect());
                let tries = seen.concat().iter().filter(|receipt| *receipt == "receipt-3").count();
                let failed = entries.iter().filter_map(|entry| match &*receipt(entry) {
                    "receipt-3" if tries < 3 => Some(json!({"Id": entry["Id"], "SenderFault": false, "Code": "Busy"})),
                    "receipt-5" => Some(json!({"Id": entry["Id"], "SenderFault": true, "Code": "NotYours"})),
                    _ => None,
                });
                json!({"Failed": failed.collect::<Vec<_>>(), "Successful": []})
            }
            _ => json!({}),
        }
        .to_string()
    })
    .await;
    let consumer = Consumer::new(&aws, QUEUE, world.db.clone()).on::<MemberJoined, _>(Recorder::new());
    world.spawn(consumer.options(brisk()).run(CancellationToken::new()));
    let asked = async |receipt: &str| deletions.lock().unwrap().concat().iter().filter(|r| *r == receipt).count();
    until("the third try succeeds", async || asked("receipt-3").await == 3).await;
    until("all are asked for", async || deletions.lock().unwrap().concat().len() == 12).await;
    assert_eq!(world.effects().await.len(), 10);
    for receipt in (0..10).filter(|n| *n != 3).map(|n| format!("receipt-{n}")) {
        assert_eq!(asked(&receipt).await, 1, "{receipt} is not asked for again");
    }
}
