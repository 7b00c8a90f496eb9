//! How messages flow through a consumer: many at once, each with its own verdict, and none lost on the way.

use crate::{
    gate::Gate,
    world::{QUEUE, Recorder, World, brisk, patient, take_effect, until},
};
use common::db::CrossTenantTx;
use contracts::{id::MessageId, messages::MemberJoined};
use messaging::{Consumer, Delivery, Fault, Handle, consumer::Options};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// Puts so many messages into the queue, in batches; gives their ids, in order.
async fn enqueue(world: &World, count: usize) -> Vec<MessageId> {
    let said: Vec<_> = (0..count).map(|_| world.said()).collect();
    for batch in said.chunks(10) {
        let bodies = batch.iter().map(|envelope| json!(envelope).to_string());
        world.enqueue_all(&bodies.collect::<Vec<_>>()).await;
    }
    said.into_iter().map(|envelope| envelope.id).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Holds the message of one id until it is let go; counts how often any is begun.
#[derive(Clone)]
struct Holding {
    held: MessageId,
    begun: Arc<AtomicU32>,
    holds: Arc<Notify>,
    go: Arc<Notify>,
}

impl Holding {
    fn of(held: MessageId) -> Self {
        Self { held, begun: Arc::default(), holds: Arc::default(), go: Arc::default() }
    }
}

/// Counts even where it is cancelled.
impl Handle<MemberJoined> for Holding {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        self.begun.fetch_add(1, SeqCst);
        take_effect(tx, message).await?;
        if message.id == self.held {
            self.holds.notify_one();
            self.go.notified().await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn nothing_waits_for_the_slowest_of_ten() {
    let world = World::start().await;
    let said = enqueue(&world, 10).await;
    let holding = Holding::of(said[3]);
    world.consume(holding.clone());
    until("all others take effect", async || world.effects().await.len() == 9).await;
    assert!(!world.effects().await.contains(&said[3]));
    holding.go.notify_one();
    until("the slow one does, too", async || world.effects().await == said).await;
    world.until_drained().await;
}

#[tokio::test]
async fn what_waits_behind_a_slow_message_stays_ours_beyond_its_visibility() {
    let world = World::start().await;
    let holding = Holding::of(world.said().id);
    // One pair of hands: what is received with the slow one waits in the buffer.
    let db = world.db_of(2).await;
    let options = Options { visibility: Some(Duration::from_secs(5)), ..brisk() };
    let first = world.said();
    let holding = Holding { held: first.id, ..holding };
    world.enqueue(&json!(first).to_string()).await;
    let consumer = Consumer::new(&world.aws, QUEUE, db).on::<MemberJoined, _>(holding.clone()).options(options);
    world.spawn(consumer.run(CancellationToken::new()));
    holding.holds.notified().await;
    let others = enqueue(&world, 10).await;
    until("they are received", async || world.waiting().await == 0).await;
    let url = world.queue_url().await;
    let receive = world.aws.sqs.receive_message().queue_url(url).wait_time_seconds(12);
    let stolen = receive.customize().config_override(patient()).send().await.unwrap().messages.unwrap_or_default();
    assert!(stolen.is_empty(), "nobody else gets them for more than twice their visibility");
    holding.go.notify_one();
    until("all take effect", async || world.effects().await.len() == others.len() + 1).await;
    world.until_drained().await;
    assert_eq!(holding.begun.load(SeqCst), 11, "each was begun once");
}

#[tokio::test]
async fn a_lost_lease_cancels_the_handler() {
    let world = World::start().await;
    let gate = Gate::before_aws().await;
    let aws = world.aws_through(gate.port).await;
    let said = world.said();
    let holding = Holding::of(said.id);
    let options = Options { visibility: Some(Duration::from_secs(2)), ..brisk() };
    let consumer = Consumer::new(&aws, QUEUE, world.db.clone()).on::<MemberJoined, _>(holding.clone()).options(options);
    world.enqueue(&json!(said).to_string()).await;
    world.spawn(consumer.run(CancellationToken::new()));
    holding.holds.notified().await;
    gate.stall();
    // Its claim is open, so whoever takes the message next waits until the first handler is cancelled.
    let recorder = Recorder::new();
    world.consume(recorder.clone());
    until("another takes it", async || world.effects().await == [said.id]).await;
    assert_eq!((holding.begun.load(SeqCst), recorder.attempts()), (1, 1));
}

/// Shares its commits; one message is poison, and one fails once.
#[derive(Clone, Default)]
struct Sharing {
    poison: Option<MessageId>,
    reluctant: Option<MessageId>,
    refused: Arc<AtomicU32>,
    slow: Option<MessageId>,
}

impl Handle<MemberJoined> for Sharing {
    type Tx = CrossTenantTx;
    const SHARES_COMMIT: bool = true;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        take_effect(tx, message).await?;
        if Some(message.id) == self.poison {
            return Err(Fault::permanent("it is poison"));
        }
        // In the shared commit, and once more by itself.
        if Some(message.id) == self.reluctant && self.refused.fetch_add(1, SeqCst) < 2 {
            return Err(Fault::retry(anyhow::anyhow!("not yet")));
        }
        if Some(message.id) == self.slow {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Ok(())
    }
}

/// Transactions in which effects were committed.
const COMMITS: &str = "SELECT count(DISTINCT xmin::text) FROM effects";

#[tokio::test]
async fn a_backlog_shares_commits() {
    let world = World::start().await;
    let said = enqueue(&world, 200).await;
    world.consume(Sharing::default());
    until("all take effect", async || world.effects().await == said).await;
    world.until_drained().await;
    let commits = world.count(COMMITS).await;
    assert!(commits < 200, "{commits} commits");
}

#[tokio::test]
async fn each_message_of_a_shared_commit_has_its_own_verdict() {
    let world = World::start().await;
    let said = enqueue(&world, 60).await;
    let (poison, reluctant) = (said[20], said[40]);
    world.consume(Sharing { poison: Some(poison), reluctant: Some(reluctant), ..Sharing::default() });
    let sound: Vec<_> = said.iter().copied().filter(|id| *id != poison).collect();
    until("all others take effect", async || world.effects().await == sound).await;
    let (body, reason) = world.dead_letter().await;
    assert_eq!(
        (serde_json::from_str::<Value>(&body).unwrap()["id"].clone(), &*reason),
        (json!(poison), "it is poison")
    );
    world.until_drained().await;
    assert_eq!(world.effects().await, sound);
}

#[tokio::test]
async fn a_slow_message_parts_from_those_it_shares_a_commit_with() {
    let world = World::start().await;
    let said = enqueue(&world, 40).await;
    world.consume(Sharing { slow: Some(said[7]), ..Sharing::default() });
    let started = Instant::now();
    until("all others take effect", async || world.effects().await.len() == 39).await;
    assert!(!world.effects().await.contains(&said[7]), "they were through after {:?}", started.elapsed());
    until("the slow one does, too", async || world.effects().await == said).await;
}

#[tokio::test]
async fn duplicates_ten_times_over_have_one_effect_each() {
    let world = World::start().await;
    let said: Vec<_> = (0..20).map(|_| world.said()).collect();
    for _ in 0..10 {
        for batch in said.chunks(10) {
            let bodies = batch.iter().map(|envelope| json!(envelope).to_string());
            world.enqueue_all(&bodies.collect::<Vec<_>>()).await;
        }
    }
    world.consume(Sharing::default());
    world.consume(Recorder::new());
    until("all take effect", async || world.effects().await.len() >= 20).await;
    world.until_drained().await;
    let ids: BTreeSet<_> = said.iter().map(|envelope| envelope.id).collect();
    assert_eq!(world.effects().await, ids.into_iter().collect::<Vec<_>>());
    assert!(world.next_dead_letter(0).await.is_none());
}

#[tokio::test]
async fn what_was_not_begun_is_handed_back_at_once_when_a_consumer_stops() {
    let world = World::start().await;
    let first = world.said();
    let holding = Holding::of(first.id);
    let db = world.db_of(2).await;
    let options = Options { visibility: Some(Duration::from_secs(600)), ..brisk() };
    world.enqueue(&json!(first).to_string()).await;
    let consumer = Consumer::new(&world.aws, QUEUE, db).on::<MemberJoined, _>(holding.clone()).options(options);
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    holding.holds.notified().await;
    enqueue(&world, 10).await;
    until("they are received", async || world.waiting().await == 0).await;
    stop.cancel();
    until("others can have them, long before their visibility ends", async || world.waiting().await == 10).await;
    assert_eq!(world.effects().await.len(), 0, "the first is still in hand");
    holding.go.notify_one();
    running.await.unwrap();
    assert_eq!((world.effects().await, world.waiting().await), (vec![first.id], 10));
}

#[tokio::test]
async fn a_message_may_snooze_for_as_often_as_it_likes() {
    let world = World::start().await;
    let said = enqueue(&world, 1).await;
    let recorder =
        Recorder::then(
            |attempt| {
                if attempt <= 25 { Err(Fault::snooze(Duration::ZERO, "the shop is closed")) } else { Ok(()) }
            },
        );
    world.consume(recorder.clone());
    until("it takes effect", async || world.effects().await == said).await;
    world.until_drained().await;
    assert_eq!(recorder.attempts(), 26);
    assert!(world.next_dead_letter(0).await.is_none());
}

#[tokio::test]
async fn a_snoozed_message_comes_back_after_its_wait() {
    let world = World::start().await;
    let said = enqueue(&world, 1).await;
    let recorder = Recorder::then(|attempt| {
        if attempt == 1 { Err(Fault::snooze(Duration::from_secs(2), "the shop is closed")) } else { Ok(()) }
    });
    let started = Instant::now();
    world.consume(recorder.clone());
    until("it takes effect", async || world.effects().await == said).await;
    assert!(started.elapsed() >= Duration::from_secs(2));
}
