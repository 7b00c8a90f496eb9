//! `asyncapi.json`: the topics and queues, who sends and receives what there, and what it looks like (AsyncAPI 3.0.0).

use crate::{owner, taken};
use contracts::{
    envelope::source_of,
    messages::{self, Declared},
    topology::{MOST_RECEIVES, QUEUES, Queue, Subscription, Topic},
};
use serde_json::{Map, Value, json};

const ABOUT: &str = "What the services of the platform tell and order each other. A topic is an SNS topic, a queue an \
    SQS queue; their names begin with the name of the deployment. Delivery is at least once, in any order; effects are \
    exactly once, by the id of the envelope.";
/// Of what is no message of ours.
const SES: &str = "Events of Amazon SES, as it publishes them: \
    https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html";
const JSON_SCHEMA: &str = "application/schema+json;version=draft-2020-12";

pub fn document() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:sevenleague:messages",
        "info": { "title": "Sevenleague messages", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": { "name": env!("CARGO_PKG_LICENSE") } },
        "defaultContentType": "application/json",
        "servers": { "sns": server("sns"), "sqs": server("sqs") },
        "channels": channels(),
        "operations": operations(),
        "components": { "messages": components() },
    })
}

fn server(protocol: &str) -> Value {
    json!({ "host": format!("{protocol}.{{region}}.amazonaws.com"), "protocol": protocol,
        "variables": { "region": { "description": "Where the deployment is", "default": "eu-central-1" } } })
}

fn reference(place: impl AsRef<str>) -> Value {
    json!({ "$ref": place.as_ref() })
}

/// Channels and operations are called by names that need no escape in a reference.
fn topic_key(topic: Topic) -> String {
    format!("topic-{}", topic.name())
}

fn queue_key(queue: &Queue) -> String {
    format!("queue-{}", queue.name)
}

fn channels() -> Map<String, Value> {
    let topics = Topic::ALL.into_iter().map(|topic| {
        let said = messages::ALL.iter().filter(|message| message.topic == topic);
        let bindings = json!({ "sns": { "name": topic.name(), "bindingVersion": "0.1.0" } });
        (topic_key(topic), channel(topic.name(), "sns", names(said), bindings))
    });
    let queues = QUEUES.iter().map(|queue| {
        let bindings = json!({ "sqs": { "queue": sqs(queue), "bindingVersion": "0.2.0" } });
        let taken = queue.subscriptions.iter().flat_map(taken);
        (queue_key(queue), channel(queue.name, "sqs", names(taken), bindings))
    });
    topics.chain(queues).collect()
}

/// Of messages; of what SES says if there are none.
fn names<'a>(messages: impl Iterator<Item = &'a Declared>) -> Vec<&'a str> {
    let names: Vec<_> = messages.map(|message| message.kind).collect();
    if names.is_empty() { vec![Topic::SesFeedback.name()] } else { names }
}

fn channel(address: &str, server: &str, names: Vec<&str>, bindings: Value) -> Value {
    let messages: Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), reference(format!("#/components/messages/{name}")))).collect();
    json!({ "address": address, "servers": [reference(format!("#/servers/{server}"))], "messages": messages,
        "bindings": bindings })
}

fn sqs(queue: &Queue) -> Value {
    json!({ "name": queue.name, "fifoQueue": false, "visibilityTimeout": queue.visibility_timeout.as_secs(),
        "redrivePolicy": { "deadLetterQueue": { "name": format!("{}-dead", queue.name) },
            "maxReceiveCount": MOST_RECEIVES } })
}

/// Who publishes to each topic, which queue is subscribed to it, and who receives from the queue.
fn operations() -> Map<String, Value> {
    let mut operations = Map::new();
    for Declared { kind, topic, publishers } in messages::ALL {
        for service in *publishers {
            let name = format!("{service}-publishes-to-{}", topic.name());
            let channel = format!("#/channels/{}", topic_key(*topic));
            let operation = operations.entry(name).or_insert_with(|| operation("send", &channel, service));
            push(operation, &channel, kind);
        }
    }
    for queue in QUEUES {
        let channel = format!("#/channels/{}", queue_key(queue));
        let mut received = operation("receive", &channel, owner(queue));
        for subscription in queue.subscriptions {
            operations.insert(
                format!("{}-subscribes-to-{}", queue.name, subscription.topic.name()),
                subscribed(queue, subscription),
            );
            names(taken(subscription)).iter().for_each(|name| push(&mut received, &channel, name));
        }
        operations.insert(format!("{}-receives-from-{}", owner(queue), queue.name), received);
    }
    operations
}

fn operation(action: &str, channel: &str, service: &str) -> Value {
    let tag = json!({ "name": service, "description": format!("`source` is `{}`", source_of(service)) });
    json!({ "action": action, "channel": reference(channel), "messages": [], "tags": [tag] })
}

fn push(operation: &mut Value, channel: &str, name: &str) {
    if let Some(messages) = operation["messages"].as_array_mut() {
        messages.push(reference(format!("{channel}/messages/{name}")));
    }
}

/// SNS hands the messages of these types to the queue, as they are.
fn subscribed(queue: &Queue, subscription: &Subscription) -> Value {
    let channel = format!("#/channels/{}", topic_key(subscription.topic));
    let mut operation = operation("receive", &channel, owner(queue));
    names(taken(subscription)).iter().for_each(|name| push(&mut operation, &channel, name));
    let mut consumer = json!({ "protocol": "sqs", "endpoint": { "name": queue.name }, "rawMessageDelivery": true });
    if !subscription.types.is_empty() {
        consumer["filterPolicy"] = json!({ "type": subscription.types });
        consumer["filterPolicyScope"] = json!("MessageAttributes");
    }
    operation["bindings"] = json!({ "sns": { "consumers": [consumer], "bindingVersion": "0.1.0" } });
    operation
}

fn components() -> Map<String, Value> {
    let ours = messages::ALL.iter().map(|Declared { kind, .. }| {
        let data = reference(format!("./{kind}.schema.json"));
        let said = json!({ "properties": { "type": { "const": kind }, "data": data } });
        let schema = json!({ "allOf": [reference("./envelope.schema.json"), said] });
        let attribute = json!({ "type": "object", "properties": { "type": { "const": kind } }, "required": ["type"] });
        let message = json!({ "name": kind, "contentType": "application/cloudevents+json", "headers": attribute,
            "payload": { "schemaFormat": JSON_SCHEMA, "schema": schema } });
        ((*kind).to_owned(), message)
    });
    let ses = json!({ "name": Topic::SesFeedback.name(), "description": SES, "payload": { "type": "object" } });
    ours.chain([(Topic::SesFeedback.name().to_owned(), ses)]).collect()
}
