//! Provisioning of the topology's topics and queues, where no CloudFormation makes them.

use crate::aws::Aws;
use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use contracts::topology::{MOST_RECEIVES, QUEUES, Queue, Subscription, Topic, queue};
use futures_util::future::try_join_all;
use serde_json::json;
use std::collections::HashMap;

/// The longest that SQS keeps a message: a dead letter waits for a person, and a queue for its consumer to be repaired.
const RETENTION_SECONDS: u32 = 14 * 24 * 3600;

/// All that SQS takes, in bytes.
const LARGEST_DEAD_LETTER: u32 = 1_048_576;
/// So much less that a message and what befell it have room in the dead-letter queue.
const LARGEST_MESSAGE: u32 = LARGEST_DEAD_LETTER - 4_096;

/// Creates every topic, queue, dead-letter queue and subscription, and brings the attributes of those that exist up to
/// date.
pub async fn provision(aws: &Aws) -> Result<()> {
    create(aws, QUEUES.iter()).await
}

/// As [`provision`], with all topics but only the queues named.
pub async fn provision_for(aws: &Aws, queues: &[&str]) -> Result<()> {
    let named = queues
        .iter()
        .map(|name| queue(name).with_context(|| format!("the topology has no queue '{name}'")))
        .collect::<Result<Vec<_>>>()?;
    create(aws, named.into_iter()).await
}

/// Deletes every topic and queue of the topology under this prefix, with all messages; what is not there is passed
/// over.
pub async fn teardown(aws: &Aws) -> Result<()> {
    try_join_all(Topic::ALL.map(|topic| aws.sns.delete_topic().topic_arn(aws.topic_arn(topic)).send())).await?;
    let names = QUEUES.iter().flat_map(|queue| [aws.queue_name(queue.name), aws.dead_queue_name(queue.name)]);
    try_join_all(names.map(|name| delete_queue(aws, name))).await?;
    Ok(())
}

/// Queues come first, and each topic with its subscriptions: what a topic without them is given goes nowhere, though it
/// says that it took it, and outboxes try again while an emulator that forgot everything gets its topics back.
async fn create(aws: &Aws, queues: impl Iterator<Item = &Queue>) -> Result<()> {
    let queues: Vec<_> = queues.collect();
    try_join_all(queues.iter().map(|queue| create_queue(aws, queue))).await?;
    try_join_all(Topic::ALL.map(|topic| create_topic(aws, topic, &queues))).await?;
    Ok(())
}

async fn create_topic(aws: &Aws, topic: Topic, queues: &[&Queue]) -> Result<()> {
    let created = aws.sns.create_topic().name(aws.topic_name(topic)).send().await;
    created.with_context(|| format!("creating the topic {}", topic.name()))?;
    let subscriptions =
        queues.iter().flat_map(|queue| queue.subscriptions.iter().map(move |subscription| (queue.name, subscription)));
    let subscribing = subscriptions.filter(|(_, subscription)| subscription.topic == topic);
    let subscribing = subscribing.map(async |(queue, subscription)| {
        let subscribed = subscribe(aws, subscription, queue).await;
        subscribed.with_context(|| format!("subscribing {queue} to {}", topic.name()))
    });
    try_join_all(subscribing).await.map(drop)
}

async fn create_queue(aws: &Aws, queue: &Queue) -> Result<()> {
    let (name, dead) = (aws.queue_name(queue.name), aws.dead_queue_name(queue.name));
    let retention = (Attribute::MessageRetentionPeriod, RETENTION_SECONDS.to_string());
    let largest = |bytes: u32| (Attribute::MaximumMessageSize, bytes.to_string());
    let policy_of = |name| (Attribute::Policy, policy(aws, queue, name));
    let of_dead = [retention.clone(), largest(LARGEST_DEAD_LETTER), policy_of(&dead)];
    put_queue(aws, &dead, HashMap::from(of_dead)).await?;
    let redrive = json!({"deadLetterTargetArn": aws.queue_arn(&dead), "maxReceiveCount": MOST_RECEIVES});
    let attributes = HashMap::from([
        retention,
        largest(LARGEST_MESSAGE),
        (Attribute::VisibilityTimeout, queue.visibility_timeout.as_secs().to_string()),
        (Attribute::RedrivePolicy, redrive.to_string()),
        policy_of(&name),
    ]);
    put_queue(aws, &name, attributes).await
}

/// Creates without attributes and then sets them, because creating a queue that exists with others is an error.
async fn put_queue(aws: &Aws, name: &str, attributes: HashMap<Attribute, String>) -> Result<()> {
    let created =
        aws.sqs.create_queue().queue_name(name).send().await.with_context(|| format!("creating the queue {name}"))?;
    let set = aws.sqs.set_queue_attributes().queue_url(created.queue_url.unwrap_or_default());
    let set = set.set_attributes(Some(attributes));
    set.send().await.with_context(|| format!("setting the attributes of the queue {name}"))?;
    Ok(())
}

/// Lets exactly the topics that the queue subscribes to send to it
/// (<https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html>).
fn policy(aws: &Aws, queue: &Queue, name: &str) -> String {
    let topics: Vec<_> = queue.subscriptions.iter().map(|subscription| aws.topic_arn(subscription.topic)).collect();
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": aws.queue_arn(name),
            "Condition": {"ArnEquals": {"aws:SourceArn": topics}},
        }],
    })
    .to_string()
}

/// Raw delivery: the queue gets the body as it was published, not wrapped in SNS's own envelope. What SNS cannot deliver
/// goes to the queue's dead-letter queue
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html>).
async fn subscribe(aws: &Aws, subscription: &Subscription, queue: &str) -> Result<()> {
    let filter = (!subscription.types.is_empty()).then(|| json!({"type": subscription.types}).to_string());
    let redrive = json!({"deadLetterTargetArn": aws.queue_arn(&aws.dead_queue_name(queue))}).to_string();
    let call = aws.sns.subscribe().topic_arn(aws.topic_arn(subscription.topic)).protocol("sqs");
    let call = call.endpoint(aws.queue_arn(&aws.queue_name(queue)));
    let call = call.attributes("RawMessageDelivery", "true").attributes("RedrivePolicy", &redrive);
    let call = if let Some(filter) = &filter { call.attributes("FilterPolicy", filter) } else { call };
    let arn = call.return_subscription_arn(true).send().await?.subscription_arn.unwrap_or_default();
    // Subscribing again leaves the attributes of a subscription as they were.
    for (name, value) in [("FilterPolicy", filter), ("RedrivePolicy", Some(redrive))] {
        if let Some(value) = value {
            let set = aws.sns.set_subscription_attributes().subscription_arn(&arn);
            set.attribute_name(name).attribute_value(value).send().await?;
        }
    }
    Ok(())
}

async fn delete_queue(aws: &Aws, name: String) -> Result<()> {
    let url = match aws.queue_url(&name).await {
        Ok(url) => url,
        Err(error) if error.is_missing() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match aws.sqs.delete_queue().queue_url(url).send().await {
        Err(error) if !error.as_service_error().is_some_and(|answer| answer.is_queue_does_not_exist()) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}
