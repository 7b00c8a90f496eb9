//! Coalesces permission checks: while one `MGET` is under way the next ones gather, and leave together.
//!
//! Each check's keys are sent after its request arrived, so what it reads is as fresh as if it had asked alone. Checks
//! of the same caller in the same session, such as those of a page that asks for ten things at once, are looked up
//! once.

use super::cache::{Check, Found, Values, keys};
use common::db::resend;
use redis::{RedisResult, aio::ConnectionManager};
use std::{collections::HashMap, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// Checks in one `MGET`; Redis serves nobody else meanwhile, for some 50 µs.
const LARGEST_BATCH: usize = 128;
/// Checks that may wait; more than a service has requests in hand.
const LONGEST_QUEUE: usize = 4096;
/// Between two looks at whether Redis is back.
const PING_PAUSE: Duration = Duration::from_millis(50);

/// Redis did not answer.
#[derive(Debug)]
pub(super) struct Away;

struct Waiting {
    check: Check,
    answer: oneshot::Sender<Found>,
}

/// Asks Redis for many checks at once; ends with its last user.
pub(super) struct Coalescer(mpsc::Sender<Waiting>);

impl Coalescer {
    pub fn start(redis: ConnectionManager, prefix: String) -> Self {
        let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
        tokio::spawn(drive(redis, prefix, receiver));
        Self(sender)
    }

    pub async fn look_up(&self, check: Check) -> Result<Found, Away> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Waiting { check, answer }).await.map_err(|_| Away)?;
        // The sender is dropped unanswered when Redis does not answer.
        answered.await.map_err(|_| Away)
    }
}

async fn drive(mut redis: ConnectionManager, prefix: String, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut waiting, LARGEST_BATCH).await > 0 {
        match ask(&redis, &prefix, &waiting).await {
            Ok(found) => answer(&mut waiting, found),
            Err(error) => {
                tracing::warn!(error = %common::problem::Chain(&error), checks = waiting.len(),
                    "Redis is away; sessions and permissions are asked of their services");
                waiting.clear();
                refuse_until_back(&mut redis, &mut queue).await;
            }
        }
    }
}

/// Nobody waits for a Redis that is known to be away: every check learns so at once, until Redis answers a ping.
async fn refuse_until_back(redis: &mut ConnectionManager, queue: &mut mpsc::Receiver<Waiting>) {
    let mut refused = Vec::with_capacity(LARGEST_BATCH);
    let mut back = std::pin::pin!(until_back(redis));
    loop {
        tokio::select! {
            () = &mut back => break,
            checks = queue.recv_many(&mut refused, LARGEST_BATCH) => {
                if checks == 0 {
                    return;
                }
                refused.clear();
            }
        }
    }
    tracing::info!("Redis is back");
}

async fn until_back(redis: &mut ConnectionManager) {
    while redis::cmd("PING").query_async::<String>(redis).await.is_err() {
        tokio::time::sleep(PING_PAUSE).await;
    }
}

/// What is found for each of those who wait, in order.
async fn ask(redis: &ConnectionManager, prefix: &str, waiting: &[Waiting]) -> RedisResult<Vec<Found>> {
    let mut command = redis::cmd("MGET");
    let mut places = HashMap::with_capacity(waiting.len());
    let mut place_of = |check| {
        let next = places.len();
        *places.entry(check).or_insert_with(|| {
            keys(prefix, check).iter().for_each(|key| {
                command.arg(key);
            });
            next
        })
    };
    let place: Vec<usize> = waiting.iter().map(|one| place_of(&one.check)).collect();
    let values: Vec<Option<Vec<u8>>> = resend(|| async { command.query_async(&mut redis.clone()).await }).await?;
    let mut values = values.into_iter();
    let found: Vec<Found> =
        (0..places.len()).map(|_| Values::from(std::array::from_fn(|_| values.next().flatten())).into()).collect();
    Ok(place.into_iter().map(|place| found[place].clone()).collect())
}

fn answer(waiting: &mut Vec<Waiting>, found: Vec<Found>) {
    for (check, found) in waiting.drain(..).zip(found) {
        // A request that has been given up does not listen any more.
        let _ = check.answer.send(found);
    }
}
