//! What operators see of a queue, and how they mend it.

use crate::world::{QUEUE, Recorder, World, until};
use contracts::{
    http::outbox::{OutboxState, ParkedQuery},
    id::MessageId,
};
use messaging::{Fault, console::ConsoleError, parked};
use serde_json::{Value, json};
use std::collections::HashSet;
use test_support::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The messages of these ids in the queue, dead, for one of two reasons.
async fn with_dead_letters(world: &World, count: usize) -> CancellationToken {
    let stop = CancellationToken::new();
    for _ in 0..count {
        world.enqueue(&json!(world.said()).to_string()).await;
    }
    let recorder = Recorder::then(|attempt| {
        Err(Fault::permanent(if attempt % 2 == 0 { "no such shelf" } else { "the shelf is full" }))
    });
    let running = tokio::spawn(world.consumer(recorder, crate::world::brisk()).run(stop.clone()));
    until("all are dead letters", async || world.dead().await == count).await;
    stop.cancel();
    running.await.unwrap();
    stop
}

#[tokio::test]
async fn a_paused_queue_is_not_received_from_until_it_is_resumed() {
    let world = World::start().await;
    let (console, recorder) = (world.aws.console(), Recorder::new());
    console.pause(QUEUE, "user:ada", world.ambient.now()).await.unwrap();
    assert_eq!(world.state().await.pause.unwrap().by.as_deref(), Some("user:ada"));
    let first = world.said();
    world.enqueue(&json!(first).to_string()).await;
    world.consume(recorder.clone());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!((recorder.attempts(), world.waiting().await), (0, 1), "a process that starts keeps to it");
    console.resume(QUEUE).await.unwrap();
    until("it takes effect", async || world.effects().await == [first.id]).await;
    console.pause(QUEUE, "user:ada", world.ambient.now()).await.unwrap();
    // One that was about to be received when the pause came is handed back.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let second = world.said();
    world.enqueue(&json!(second).to_string()).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!((world.effects().await.len(), world.waiting().await), (1, 1));
    console.resume(QUEUE).await.unwrap();
    until("the second takes effect", async || world.effects().await.len() == 2).await;
    assert_eq!(world.state().await.pause, None);
}

#[tokio::test]
async fn a_look_uses_up_no_message_however_often() {
    let world = World::start().await;
    let said = world.said();
    world.enqueue(&json!(said).to_string()).await;
    for look in 0..120 {
        let letters = world.aws.console().peek(QUEUE).await.unwrap();
        assert_eq!(letters.len(), 1, "look {look}");
        assert_eq!(letters[0].envelope().unwrap().id, said.id);
        assert!(letters[0].receives <= 3, "{letters:?}");
    }
    assert_eq!((world.waiting().await, world.dead().await), (1, 0));
    world.consume(Recorder::new());
    until("it takes effect", async || world.effects().await == [said.id]).await;
}

#[tokio::test]
async fn dead_letters_are_sent_back_by_cause_and_take_effect_once() {
    let world = World::start().await;
    with_dead_letters(&world, 12).await;
    let console = world.aws.console();
    let letters = console.dead_letters(QUEUE).await.unwrap().letters;
    let fingerprints: HashSet<_> = letters.iter().map(|letter| &letter.fingerprint).collect();
    assert_eq!((letters.len(), fingerprints.len()), (12, 2));
    let cause = letters[0].fingerprint.clone();
    let chosen = letters.iter().filter(|letter| letter.fingerprint == cause).count();
    let sent = console.redrive(QUEUE, |letter| letter.fingerprint == cause).await.unwrap().letters;
    assert_eq!((sent.len(), world.state().await.waiting), (chosen, chosen as u64));
    assert_eq!(world.dead().await, 12 - chosen);
    // As after a crash between sending and deleting.
    world.enqueue(&sent[0].body).await;
    world.consume(Recorder::new());
    let ids: HashSet<MessageId> = sent.iter().map(|letter| letter.envelope().unwrap().id).collect();
    until("they take effect", async || world.effects().await.len() == chosen).await;
    world.until_drained().await;
    assert_eq!(world.effects().await.into_iter().collect::<HashSet<_>>(), ids);
    let left = console.redrive(QUEUE, |_| true).await.unwrap();
    assert_eq!((left.letters.len(), left.more), (12 - chosen, false));
    until("all took effect", async || world.effects().await.len() == 12).await;
}

#[tokio::test]
async fn a_dead_letter_is_found_edited_and_deleted() {
    let world = World::start().await;
    with_dead_letters(&world, 3).await;
    let console = world.aws.console();
    let letters = console.dead_letters(QUEUE).await.unwrap().letters;
    let [one, other, ..] = &letters[..] else { panic!("{letters:?}") };
    let found = console.dead_letter(QUEUE, &one.id).await.unwrap().expect("it is there");
    assert_eq!((&found.body, &found.reason, &found.fingerprint), (&one.body, &one.reason, &one.fingerprint));
    assert!(found.first_sent <= found.sent);
    let mut body: Value = serde_json::from_str(&one.body).unwrap();
    body["subject"] = json!("mended");
    let edited = console.edit_dead_letter(QUEUE, &one.id, &body.to_string()).await.unwrap().expect("it is there");
    assert!(console.dead_letter(QUEUE, &one.id).await.unwrap().is_none(), "the one of before is gone");
    let found = console.dead_letter(QUEUE, &edited).await.unwrap().expect("the edited one");
    assert_eq!((found.body, &found.reason, found.first_sent), (body.to_string(), &one.reason, one.first_sent));
    let refused = console.edit_dead_letter(QUEUE, &edited, "a\u{1}b").await.unwrap_err();
    assert!(matches!(refused, ConsoleError::Refused(_)), "{refused}");
    assert!(console.delete_dead_letter(QUEUE, &other.id).await.unwrap().is_some());
    assert!(console.delete_dead_letter(QUEUE, &other.id).await.unwrap().is_none(), "it is gone");
    assert_eq!(console.redrive_one(QUEUE, &other.id).await.unwrap(), None);
    assert_eq!(console.redrive(QUEUE, |letter| letter.id == other.id).await.unwrap().letters, []);
    eventually("two are left", async || (world.dead().await == 2).then_some(())).await;
    assert!(matches!(console.state("no-queue").await, Err(ConsoleError::Unknown(_))));
}

#[tokio::test]
async fn a_parked_message_is_seen_and_leaves_when_it_is_released() {
    let world = World::start().await;
    let said = world.say().await;
    world.run_sql("UPDATE outbox SET parked_at = now(), refusals = 5, last_error = 'no'").await;
    let from = |after| ParkedQuery { kind: None, tenant_id: None, since: None, after, limit: 10 };
    let listed = parked::list(&mut world.connect().await, &from(Uuid::nil())).await.unwrap();
    let [one] = &listed.items[..] else { panic!("{listed:?}") };
    assert_eq!((one.id, one.reason.as_deref(), listed.more), (said.0, Some("no"), false));
    assert_eq!(parked::list(&mut world.connect().await, &from(said.0)).await.unwrap().items, []);
    let state = OutboxState { waiting: 0, oldest_seconds: None, parked: 1 };
    assert_eq!(parked::state(&mut world.connect().await).await.unwrap(), state);
    world.relay();
    world.consume(Recorder::new());
    let mut tx = world.begin().await;
    assert!(parked::release(&mut tx, said.0).await.unwrap());
    assert!(!parked::release(&mut tx, said.0).await.unwrap(), "it is parked no more");
    tx.commit().await.unwrap();
    until("it takes effect", async || world.effects().await == [said]).await;
}
