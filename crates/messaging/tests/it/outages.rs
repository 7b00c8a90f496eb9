//! What is held against a message: its own faults, and nobody else's.

use crate::world::{Recorder, World, brisk, take_effect, until};
use aws_sdk_sqs::types::QueueAttributeName;
use common::db::CrossTenantTx;
use contracts::{id::MessageId, messages::MemberJoined};
use messaging::{Delivery, Fault, Handle, consumer::Options};
use serde_json::json;
use sqlx::Connection;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Looks again at once for what was away.
fn tireless() -> Options {
    Options { reconnect_base: Duration::ZERO, ..brisk() }
}

async fn enqueue(world: &World, count: usize) -> Vec<MessageId> {
    let mut said = BTreeSet::new();
    for _ in 0..count {
        let envelope = world.said();
        world.enqueue(&json!(envelope).to_string()).await;
        said.insert(envelope.id);
    }
    said.into_iter().collect()
}

#[tokio::test]
async fn a_read_only_database_costs_no_message() {
    let world = World::start().await;
    let said = enqueue(&world, 100).await;
    let mut other = world.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE effects").execute(&mut other).await.unwrap();
    world.consume(Recorder::new());
    let held_up = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'effects'::regclass";
    // As many as a consumer handles at once with this pool: a connection that is still being made would stay writable.
    until("all handlers are in the middle of messages", async || world.count(held_up).await == 5).await;
    world.alter("SET default_transaction_read_only = on").await;
    // The lock goes last: whoever waits for it could otherwise still commit before its own end comes.
    world.disconnect_all_but(&mut other).await;
    other.close().await.unwrap();
    assert!(world.next_dead_letter(3).await.is_none(), "nothing is buried while the database is read-only");
    assert!(world.effects().await.is_empty());
    // Nobody ends the connections of that time; they stay read-only.
    world.alter("RESET default_transaction_read_only").await;
    until("all take effect", async || world.effects().await.len() >= said.len()).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, said);
    assert!(world.next_dead_letter(0).await.is_none());
}

/// Where no consumer runs, nobody else looks.
#[tokio::test]
async fn a_connection_of_a_read_only_time_is_not_used_after_it() {
    let world = World::start().await;
    world.alter("SET default_transaction_read_only = on").await;
    world.disconnect_all_but(&mut world.connect().await).await;
    let write =
        async || sqlx::query("INSERT INTO effects VALUES (gen_random_uuid())").execute(&world.pool).await.is_ok();
    assert!(!write().await && world.count("SELECT count(*) FROM effects").await == 0);
    world.alter("RESET default_transaction_read_only").await;
    until("it can be written", write).await;
}

#[tokio::test]
async fn what_a_handler_needs_may_be_away_for_longer_than_any_message_may_fail() {
    let world = World::start().await;
    let said = enqueue(&world, 1).await;
    let recorder = Recorder::then(|attempt| {
        if attempt <= 110 { Err(Fault::away(anyhow::anyhow!("the other service is away"))) } else { Ok(()) }
    });
    world.consume_with(recorder.clone(), tireless());
    until("all take effect", async || world.effects().await.len() >= said.len()).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, said);
    assert!(recorder.attempts() > 110);
    assert!(world.next_dead_letter(0).await.is_none());
}

/// PostgreSQL cannot serve it, each message with another SQLSTATE, as often as a message may fail; then it can.
#[derive(Clone)]
struct Unserved(Arc<Mutex<BTreeMap<MessageId, (&'static str, u32)>>>);

const AS_OFTEN_AS_A_MESSAGE_MAY_FAIL: u32 = 10;

impl Handle<MemberJoined> for Unserved {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        let (code, attempt) = {
            let mut all = self.0.lock().unwrap();
            let one = all.get_mut(&message.id).unwrap();
            one.1 += 1;
            *one
        };
        if attempt <= AS_OFTEN_AS_A_MESSAGE_MAY_FAIL {
            sqlx::query("SELECT outage($1)").bind(code).execute(&mut **tx).await?;
        }
        take_effect(tx, message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn no_kind_of_outage_of_the_database_is_the_messages_fault() {
    let world = World::start().await;
    let outage = "CREATE FUNCTION outage(code text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'away'
                  USING ERRCODE = code; END $$";
    world.run_sql(outage).await;
    let codes = ["08006", "25006", "28P01", "3D000", "53300", "57P03", "58030"];
    let said = enqueue(&world, codes.len()).await;
    let handler = Unserved(Arc::new(Mutex::new(said.iter().copied().zip(codes.map(|code| (code, 0))).collect())));
    world.consume_with(handler, tireless());
    until("all take effect", async || world.effects().await == said).await;
    assert!(world.next_dead_letter(0).await.is_none());
}

/// What it needs is away; notes whether others found that out at the same time.
#[derive(Clone, Default)]
struct Probe {
    attempts: Arc<AtomicU32>,
    running: Arc<AtomicU32>,
    beside: Arc<AtomicU32>,
}

/// More than are received before the outage is known.
const IN_FLIGHT: u32 = 20;

impl Handle<MemberJoined> for Probe {
    type Tx = CrossTenantTx;

    async fn handle(&self, _: &mut CrossTenantTx, _: &Delivery<MemberJoined>) -> Result<(), Fault> {
        let (attempt, running) = (self.attempts.fetch_add(1, SeqCst), self.running.fetch_add(1, SeqCst));
        if attempt > IN_FLIGHT {
            self.beside.fetch_max(running, SeqCst);
        }
        sleep(Duration::from_millis(30)).await;
        self.running.fetch_sub(1, SeqCst);
        Err(Fault::away(anyhow::anyhow!("the other service is away")))
    }
}

#[tokio::test]
async fn in_an_outage_one_message_at_a_time_finds_out_whether_it_is_over() {
    let world = World::start().await;
    enqueue(&world, 2 * IN_FLIGHT as usize).await;
    let probe = Probe::default();
    world.consume_with(probe.clone(), tireless());
    until("it was tried again and again", async || probe.attempts.load(SeqCst) > 3 * IN_FLIGHT).await;
    assert_eq!(probe.beside.load(SeqCst), 0);
    assert!(world.next_dead_letter(0).await.is_none());
}

/// Waits for no lock.
#[derive(Clone)]
struct Impatient(Recorder);

impl Handle<MemberJoined> for Impatient {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        self.0.attempts.fetch_add(1, SeqCst);
        sqlx::raw_sql("SET LOCAL lock_timeout = '1ms'").execute(&mut **tx).await?;
        take_effect(tx, message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_lock_held_by_somebody_else_is_not_the_messages_fault() {
    let world = World::start().await;
    let said = enqueue(&world, 1).await;
    let recorder = Recorder::new();
    let mut other = world.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE effects").execute(&mut *other).await.unwrap();
    world.consume(Impatient(recorder.clone()));
    until("it was tried more often than a message may fail", async || recorder.attempts() > 20).await;
    other.rollback().await.unwrap();
    until("it takes effect", async || world.effects().await == said).await;
    assert!(world.next_dead_letter(0).await.is_none());
}

/// Asks PostgreSQL to take what it cannot.
struct Unstorable(&'static str, &'static str);

impl Handle<MemberJoined> for Unstorable {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, _: &Delivery<MemberJoined>) -> Result<(), Fault> {
        sqlx::query(self.0).bind(self.1).execute(&mut **tx).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_value_that_postgresql_refuses_is_buried_at_once_and_not_quoted() {
    let nul = "a text holds the character U+0000, which PostgreSQL cannot store (SQLSTATE ";
    for (sql, value, reason) in [
        ("SELECT $1::text", "a\0b", format!("{nul}22021)")),
        ("SELECT $1::text::jsonb", r#""a\u0000b""#, format!("{nul}22P05)")),
        ("SELECT $1::text::uuid", "secret", "PostgreSQL cannot take a value of it (SQLSTATE 22P02)".into()),
    ] {
        let world = World::start().await;
        enqueue(&world, 1).await;
        world.consume(Unstorable(sql, value));
        assert_eq!(world.dead_letter().await.1, reason);
    }
}

#[tokio::test]
async fn a_message_that_sqs_itself_buries_keeps_its_last_error() {
    let world = World::start().await;
    enqueue(&world, 1).await;
    let recorder = Recorder::then(|_| Err(Fault::retry(anyhow::anyhow!("the shelf is full"))));
    let consumer = world.consumer(recorder.clone(), Options { retry_base: Duration::from_secs(1), ..brisk() });
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    until("it has failed", async || recorder.attempts() > 0).await;
    stop.cancel();
    running.await.unwrap();
    // From now on each process that gets it dies, which nobody can count but SQS.
    let url = world.queue_url().await;
    until("SQS has buried it", async || {
        for _ in 0..20 {
            world.aws.sqs.receive_message().queue_url(&url).visibility_timeout(0).send().await.unwrap();
        }
        world.attribute(&world.dead_queue_url().await, QueueAttributeName::ApproximateNumberOfMessages).await == "1"
    })
    .await;
    assert_eq!(world.dead_letter().await.1, "the shelf is full");
}
