//! What becomes of messages in an outbox.

use crate::{
    gate::Gate,
    world::{Recorder, World, patient, until},
};
use common::trace::{self, TraceContext};
use contracts::{id::MessageId, topology::Topic};
use messaging::Relay;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const WAITING: &str = "SELECT count(*) FROM outbox";

/// A row that no service writes.
async fn insert(world: &World, topic: &str, envelope: Value) {
    let insert = "INSERT INTO outbox (id, topic, envelope, created_at) VALUES ($1, $2, $3, now())";
    let insert = sqlx::query(insert).bind(world.ambient.uuid()).bind(topic).bind(envelope);
    insert.execute(&world.pool).await.unwrap();
}

async fn until_outbox_is_empty(world: &World) {
    until("the outbox is empty", async || world.count(WAITING).await == 0).await;
}

#[tokio::test]
async fn what_is_rolled_back_is_never_published() {
    let world = World::start().await;
    let mut tx = world.begin().await;
    messaging::publish(&mut tx, &world.fact()).await.unwrap();
    drop(tx);
    let said = world.say().await;
    world.relay();
    world.consume(Recorder::new());
    until("the committed one takes effect", async || !world.effects().await.is_empty()).await;
    until_outbox_is_empty(&world).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, [said]);
}

#[tokio::test]
async fn a_message_carries_the_trace_of_what_said_it() {
    let world = World::start().await;
    let step = TraceContext::begin(&world.ambient);
    trace::within(step, world.say()).await;
    world.relay();
    let url = world.queue_url().await;
    let receive = world.aws.sqs.receive_message().queue_url(url).wait_time_seconds(20).message_attribute_names("All");
    let received = receive.customize().config_override(patient()).send().await.unwrap().messages.unwrap_or_default();
    let [message] = &received[..] else { panic!("it is there: {received:?}") };
    let attribute = message.message_attributes().unwrap()["traceparent"].string_value().unwrap();
    assert_eq!(attribute, step.to_string());
    assert_eq!(serde_json::from_str::<Value>(message.body().unwrap()).unwrap()["traceparent"], attribute);
}

#[tokio::test]
async fn a_relay_that_dies_between_publish_and_delete_repeats_the_same_id() {
    let world = World::start().await;
    // A sequence keeps counting through the rollback that its own exception causes.
    let crash_once = "
            CREATE SEQUENCE deletes;
            CREATE FUNCTION crash_once() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF nextval('deletes') = 1 THEN RAISE 'crash'; END IF; RETURN OLD; END $$;
            CREATE TRIGGER crash_once BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION crash_once()";
    world.run_sql(crash_once).await;
    let said = world.say().await;
    world.relay();
    until_outbox_is_empty(&world).await;
    let url = world.queue_url().await;
    let twice = world
        .aws
        .sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    let ids: Vec<String> = twice
        .messages()
        .iter()
        .map(|message| serde_json::from_str::<serde_json::Value>(message.body().unwrap()).unwrap()["id"].to_string())
        .collect();
    assert_eq!(ids, vec![format!("\"{said}\""); 2]);
    world.consume(Recorder::new());
    until("it takes effect", async || !world.effects().await.is_empty()).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, [said]);
}

#[tokio::test]
async fn two_relays_send_everything_and_each_takes_effect_once() {
    let world = World::start().await;
    world.relay();
    world.relay();
    world.consume(Recorder::new());
    let mut said = BTreeSet::new();
    for _ in 0..60 {
        said.insert(world.say().await);
    }
    until_outbox_is_empty(&world).await;
    until("all took effect", async || world.effects().await.len() >= said.len()).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, said.into_iter().collect::<Vec<MessageId>>());
}

#[tokio::test]
async fn rows_wait_while_sns_is_away_and_leave_when_it_is_back() {
    let world = World::start().await;
    let gate = Gate::before_aws().await;
    gate.close();
    let said = world.say().await;
    world.relay_through(gate.port).await;
    until("SNS has been missed", async || gate.refused() > 3).await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE attempts = 0 AND parked_at IS NULL").await, 1);
    gate.open();
    world.consume(Recorder::new());
    until("it takes effect", async || world.effects().await == [said]).await;
    until_outbox_is_empty(&world).await;
}

#[tokio::test]
async fn a_relay_survives_an_outage_of_the_database() {
    let world = World::start().await;
    let gate = Gate::before(world.database_address()).await;
    let relay = Relay::new(world.db_through(gate.port).await, world.aws.publisher());
    world.spawn(relay.run(CancellationToken::new()));
    world.say().await;
    until_outbox_is_empty(&world).await;
    gate.close();
    let said = world.say().await;
    until("the database has been missed", async || gate.refused() > 3).await;
    gate.open();
    until_outbox_is_empty(&world).await;
    world.consume(Recorder::new());
    until("it takes effect", async || world.effects().await.contains(&said)).await;
}

#[tokio::test]
async fn what_sns_refuses_for_good_is_parked_and_does_not_hold_up_the_rest() {
    let world = World::start().await;
    let mut envelope = json!(world.said());
    envelope["subject"] = "x".repeat(300_000).into();
    let no_envelope = json!({});
    for (topic, row) in [("auth-events", envelope), ("auth-events", no_envelope), ("no-topic", json!(world.said()))] {
        insert(&world, topic, row).await;
    }
    let said = world.say().await;
    world.relay();
    world.consume(Recorder::new());
    until("the sound one takes effect", async || world.effects().await == [said]).await;
    until("the others are parked", async || {
        world.count("SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL AND last_error <> ''").await == 2
    })
    .await;
    assert_eq!(world.count(WAITING).await, 3);
    // A newer relay may know the topic: it is left for that one, with the reason.
    let left = "SELECT count(*) FROM outbox WHERE parked_at IS NULL AND topic = 'no-topic'
                AND last_error LIKE '%there is no topic%'";
    assert_eq!(world.count(left).await, 1);
}

/// A relay that paused for a row in trouble would pause for longer, after so many attempts at it.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_row_in_trouble_holds_up_no_other() {
    let world = World::start().await;
    world.aws.sns.delete_topic().topic_arn(world.aws.topic_arn(Topic::Usage)).send().await.unwrap();
    insert(&world, "usage", json!(world.said())).await;
    world.relay();
    world.consume(Recorder::new());
    let attempts = "SELECT attempts::bigint FROM outbox WHERE topic = 'usage'";
    until("SNS has not taken it so often that its waits are long", async || world.count(attempts).await >= 6).await;
    let before = world.count(attempts).await;
    for _ in 0..2 {
        let (said, since) = (world.say().await, Instant::now());
        until("a sound one takes effect", async || world.effects().await.contains(&said)).await;
        assert!(since.elapsed() < LONGEST_PAUSE, "it waited for the other for {:?}", since.elapsed());
    }
    assert_eq!(world.count(attempts).await, before, "sound ones were taken between two attempts at the other");
}

#[tokio::test]
async fn what_sns_is_slow_about_holds_up_nothing_that_comes_after_it() {
    let world = World::start().await;
    let gate = Gate::before_aws().await;
    world.relay_through(gate.port).await;
    world.consume(Recorder::new());
    world.say().await;
    until_outbox_is_empty(&world).await;
    // The connection that there is stays silent; those that come later do not.
    gate.stall();
    world.say().await;
    until("SNS is asked", async || world.count("SELECT count(*) FROM outbox WHERE next_attempt_at > now()").await == 1)
        .await;
    let lease = "SELECT (extract(epoch FROM min(next_attempt_at)) * 1000000)::bigint FROM outbox";
    let leased = world.count(lease).await;
    gate.open();
    let said = world.say().await;
    until("the next one takes effect", async || world.effects().await.contains(&said)).await;
    until("only the slow one is left", async || world.count(WAITING).await == 1).await;
    assert_eq!(world.count(lease).await, leased, "nothing has become of the slow one yet");
    gate.close();
    until("the silent connection is gone", async || gate.refused() > 0).await;
    gate.open();
    until_outbox_is_empty(&world).await;
}

#[tokio::test]
async fn a_row_that_was_put_back_does_not_wait_behind_newer_ones() {
    let world = World::start().await;
    let record = "
            CREATE TABLE leased (position bigint GENERATED ALWAYS AS IDENTITY, id uuid);
            CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO leased (id)
            VALUES (OLD.id); RETURN OLD; END $$;
            CREATE TRIGGER record AFTER UPDATE OF next_attempt_at ON outbox FOR EACH ROW EXECUTE FUNCTION record()";
    world.run_sql(record).await;
    let put_back = world.say().await;
    sqlx::query("UPDATE outbox SET attempts = 1").execute(&world.pool).await.unwrap();
    for _ in 0..300 {
        world.say().await;
    }
    world.relay();
    until_outbox_is_empty(&world).await;
    let position = "SELECT min(position) FROM leased WHERE id = $1";
    let position: i64 = sqlx::query_scalar(position).bind(put_back.0).fetch_one(&world.pool).await.unwrap();
    assert!(position <= 100, "it was claimed with the first, not as number {position}");
}

#[tokio::test]
async fn no_transaction_is_open_while_sns_is_asked() {
    let world = World::start().await;
    let gate = Gate::before_aws().await;
    gate.hold();
    world.say().await;
    world.relay_through(gate.port).await;
    until("SNS is asked, and does not answer", async || gate.held() > 0).await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND state LIKE 'idle in transaction%'";
    assert_eq!(world.count(open).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE next_attempt_at > now()").await, 1, "it is leased");
    gate.open();
    until_outbox_is_empty(&world).await;
}
