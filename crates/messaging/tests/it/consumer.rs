//! What becomes of messages in a queue.

use crate::{
    gate::Gate,
    world::{QUEUE, Recorder, World, brisk, patient, take_effect, until},
};
use chrono::{DurationRound, TimeDelta};
use common::{ambient::Ambient, db::CrossTenantTx};
use contracts::{envelope::Envelope, messages::MemberJoined, topology::Topic};
use messaging::{Consumer, Delivery, EventKey, Fault, Handle, HandleRaw, consumer::Options};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_message_delivered_three_times_has_one_effect() {
    let world = World::start().await;
    let envelope = world.said();
    let thrice: Vec<(Topic, Envelope)> = vec![(Topic::AuthEvents, envelope.clone()); 3];
    assert_eq!(world.aws.publisher().publish_batch(&thrice).await, [Ok(()), Ok(()), Ok(())]);
    let recorder = Recorder::new();
    world.consume(recorder.clone());
    until("it takes effect", async || !world.effects().await.is_empty()).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, [envelope.id]);
    assert_eq!(recorder.attempts(), 1);
}

#[tokio::test]
async fn a_malformed_message_is_buried_with_its_reason_and_the_next_flows_on() {
    let world = World::start().await;
    let sound = world.said();
    world.enqueue("{ not json").await;
    world.enqueue(&json!(sound).to_string()).await;
    world.consume(Recorder::new());
    until("the next takes effect", async || world.effects().await == [sound.id]).await;
    let (body, reason) = world.dead_letter().await;
    assert_eq!(body, "{ not json");
    assert!(reason.starts_with("the body is not an envelope: "), "{reason}");
    world.until_drained().await;
}

#[tokio::test]
async fn a_type_without_a_handler_is_buried() {
    let world = World::start().await;
    let mut unheard = json!(world.said());
    unheard["type"] = json!("auth.unheard");
    let metrics = common::telemetry::metrics();
    world.enqueue(&unheard.to_string()).await;
    world.consume(Recorder::new());
    let (body, reason) = world.dead_letter().await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), unheard);
    assert_eq!(reason, "no handler takes the type 'auth.unheard' here");
    let counted = metrics.render();
    assert!(
        counted.contains("type=\"unknown\"") && !counted.contains("unheard"),
        "what somebody else's message says is no label: {counted}"
    );
}

#[tokio::test]
async fn a_permanent_fault_is_buried_without_effect_and_can_be_sent_again() {
    let world = World::start().await;
    let envelope = world.said();
    let body = json!(envelope).to_string();
    world.enqueue(&body).await;
    world.consume(Recorder::then(|attempt| if attempt == 1 { Err(Fault::permanent("no such user")) } else { Ok(()) }));
    assert_eq!(world.dead_letter().await, (body.clone(), "no such user".to_owned()));
    assert!(world.effects().await.is_empty());
    world.enqueue(&body).await;
    until("it takes effect", async || world.effects().await == [envelope.id]).await;
}

#[tokio::test]
async fn a_handler_that_fails_and_then_succeeds_has_one_effect() {
    let world = World::start().await;
    let envelope = world.said();
    world.enqueue(&json!(envelope).to_string()).await;
    let recorder =
        Recorder::then(|attempt| if attempt < 3 { Err(Fault::retry(anyhow::anyhow!("not yet"))) } else { Ok(()) });
    world.consume(recorder.clone());
    until("it takes effect", async || !world.effects().await.is_empty()).await;
    world.until_drained().await;
    assert_eq!((world.effects().await, recorder.attempts()), (vec![envelope.id], 3));
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_retry() {
    let world = World::start().await;
    let envelope = world.said();
    world.enqueue(&json!(envelope).to_string()).await;
    let recorder = Recorder::then(|attempt| if attempt == 1 { panic!("on purpose") } else { Ok(()) });
    world.consume(recorder.clone());
    until("it takes effect", async || world.effects().await == [envelope.id]).await;
    assert_eq!(recorder.attempts(), 2);
}

#[tokio::test]
async fn a_message_that_always_fails_ends_in_the_dead_letter_queue() {
    let world = World::start().await;
    let body = json!(world.said()).to_string();
    world.enqueue(&body).await;
    world.consume(Recorder::then(|_| Err(Fault::retry(anyhow::anyhow!("never")))));
    assert_eq!(world.dead_letter().await, (body, "given up after 10 attempts: never".to_owned()));
}

#[tokio::test]
async fn a_database_outage_costs_no_message_and_few_receives() {
    let world = World::start().await;
    let gate = Gate::before(world.database_address()).await;
    let db = world.db_through(gate.port).await;
    gate.close();
    let envelope = world.said();
    world.enqueue(&json!(envelope).to_string()).await;
    let recorder = Recorder::new();
    let consumer = Consumer::new(&world.aws, QUEUE, db).on::<MemberJoined, _>(recorder.clone()).options(brisk());
    world.spawn(consumer.run(CancellationToken::new()));
    until("the database has been missed", async || gate.refused() > 3).await;
    let url = world.queue_url().await;
    let receives = aws_sdk_sqs::types::MessageSystemAttributeName::ApproximateReceiveCount;
    let ours = world
        .aws
        .sqs
        .receive_message()
        .queue_url(url)
        .message_system_attribute_names(receives.clone())
        .message_attribute_names("All");
    let ours = ours.visibility_timeout(0).wait_time_seconds(4).send().await.unwrap().messages.unwrap_or_default();
    let [message] = &ours[..] else { panic!("it is there: {ours:?}") };
    assert_eq!(message.attributes().unwrap()[&receives], "1", "nobody else has received it meanwhile");
    assert!(message.message_attributes().is_none(), "it is no copy: {message:?}");
    gate.open();
    until("it takes effect", async || world.effects().await == [envelope.id]).await;
    assert_eq!(recorder.attempts(), 1);
}

/// A handler that says when it has begun, and ends when it is let.
#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    go: Arc<Notify>,
}

impl Handle<MemberJoined> for Slow {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        take_effect(tx, message).await?;
        self.begun.notify_one();
        self.go.notified().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_message_stays_invisible_while_it_is_handled() {
    let world = World::start().await;
    let (slow, envelope) = (Slow::default(), world.said());
    let consumer = world.consumer(slow.clone(), Options { visibility: Some(Duration::from_secs(2)), ..brisk() });
    world.enqueue(&json!(envelope).to_string()).await;
    let stop = CancellationToken::new();
    world.spawn(consumer.run(stop.clone()));
    slow.begun.notified().await;
    stop.cancel();
    let url = world.queue_url().await;
    let receive = world.aws.sqs.receive_message().queue_url(url).wait_time_seconds(4);
    let others = receive.customize().config_override(patient()).send().await.unwrap().messages.unwrap_or_default();
    assert!(others.is_empty(), "nobody else gets it for twice its visibility");
    slow.go.notify_one();
    until("it takes effect", async || world.effects().await == [envelope.id]).await;
    world.until_drained().await;
}

#[tokio::test]
async fn a_consumer_that_stops_hands_back_what_it_cannot_finish() {
    let world = World::start().await;
    let (slow, envelope) = (Slow::default(), world.said());
    let consumer = world.consumer(slow.clone(), Options { drain: Duration::ZERO, ..brisk() });
    world.enqueue(&json!(envelope).to_string()).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    slow.begun.notified().await;
    stop.cancel();
    running.await.unwrap();
    assert!(world.effects().await.is_empty());
    let recorder = Recorder::new();
    world.consume(recorder.clone());
    until("another takes it over", async || world.effects().await == [envelope.id]).await;
}

/// Its receive hangs, and so does handing back: each part has a limit, and all count from the order to stop.
#[tokio::test]
async fn a_queue_that_says_nothing_does_not_hold_up_a_stop() {
    let world = World::start().await;
    let gate = Gate::before_aws().await;
    let aws = world.aws_through(gate.port).await;
    let slow = Slow::default();
    let options = Options { drain: Duration::from_secs(1), give_back: Duration::from_secs(1), ..brisk() };
    let consumer = Consumer::new(&aws, QUEUE, world.db.clone()).on::<MemberJoined, _>(slow.clone()).options(options);
    world.enqueue(&json!(world.said()).to_string()).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    slow.begun.notified().await;
    gate.stall();
    let ordered = Instant::now();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("it ends").unwrap();
    assert!(ordered.elapsed() < Duration::from_secs(4), "{:?}", ordered.elapsed());
}

/// A queue without envelopes.
struct Feedback;

impl HandleRaw for Feedback {
    type Body = Value;
    fn event_key(body: &Value) -> Result<EventKey, Fault> {
        let key = body["id"].as_str().unwrap_or_default().to_owned();
        Ok(EventKey { time: Ambient::system().now().duration_trunc(TimeDelta::days(1)).unwrap(), key })
    }
    async fn handle(&self, tx: &mut CrossTenantTx, body: &Value) -> Result<(), Fault> {
        let id: uuid::Uuid =
            body["id"].as_str().unwrap_or_default().parse().map_err(|_| Fault::permanent("the id is not a UUID"))?;
        sqlx::query("INSERT INTO effects VALUES ($1)").bind(id).execute(&mut **tx).await?;
        Ok(())
    }
}

#[tokio::test]
async fn bodies_without_envelope_take_effect_once_too() {
    let world = World::start().await;
    let id = Ambient::system().uuid();
    let body = json!({ "id": id }).to_string();
    world.enqueue(&body).await;
    world.enqueue(&body).await;
    world.enqueue(r#"{"id": "x"}"#).await;
    let consumer = Consumer::new(&world.aws, QUEUE, world.db.clone()).raw(Feedback).options(brisk());
    world.spawn(consumer.run(CancellationToken::new()));
    assert_eq!(world.dead_letter().await.1, "the id is not a UUID");
    world.until_drained().await;
    assert_eq!(world.effects().await, [id.into()]);
}
