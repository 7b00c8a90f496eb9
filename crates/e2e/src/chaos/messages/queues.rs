//! Queues, as SQS itself counts them.

use crate::tour::{
    guide::Guide,
    http::{list, text},
};
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

const DEAD: &str = "-dead";
const COUNTS: [&str; 3] =
    ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];

/// Messages that wait for a consumer, are in its hands, or will be.
pub async fn waiting(guide: &Guide) -> Result<u64> {
    count(guide, |url| !url.ends_with(DEAD)).await
}

/// Messages in all dead-letter queues.
pub async fn dead(guide: &Guide) -> Result<u64> {
    count(guide, |url| url.ends_with(DEAD)).await
}

async fn count(guide: &Guide, wanted: impl Fn(&str) -> bool) -> Result<u64> {
    let queues = ask(guide, "ListQueues", json!({})).await?;
    let mut count = 0;
    for url in list(&queues, "/QueueUrls").iter().filter_map(Value::as_str).filter(|url| wanted(url)) {
        let answer = ask(guide, "GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": COUNTS })).await?;
        for name in COUNTS {
            count += text(&answer["Attributes"], &format!("/{name}"))?.parse::<u64>()?;
        }
    }
    Ok(count)
}

/// By the JSON protocol of SQS.
async fn ask(guide: &Guide, action: &str, body: Value) -> Result<Value> {
    let answer = guide.aws_call(Method::POST, "sqs").header("x-amz-target", &format!("AmazonSQS.{action}"));
    answer.header("content-type", "application/x-amz-json-1.0").json(&body).expect(200).await
}
