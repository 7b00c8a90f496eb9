//! Coalesces permission checks: while one `MGET` is under way the next ones gather, and leave together.
//!
//! Each check's keys are sent after its request arrived, so what it reads is as fresh as if it had asked alone. Checks
//! of one token, such as those of a page that asks for ten things at once, are looked up once.

use super::cache::{Check, Found, Value};
use common::db::resend;
use redis::{Cmd, RedisResult, aio::ConnectionManager};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

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
    check: Arc<Check>,
    answer: oneshot::Sender<Found>,
}

/// Asks Redis for many checks at once; ends with its last user.
pub(super) struct Coalescer(mpsc::Sender<Waiting>);

impl Coalescer {
    pub fn start(redis: ConnectionManager) -> Self {
        let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
        tokio::spawn(drive(redis, receiver));
        Self(sender)
    }

    pub async fn look_up(&self, check: Arc<Check>) -> Result<Found, Away> {
        let (answer, answered) = oneshot::channel();
        match self.0.try_send(Waiting { check, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(waiting)) => Box::pin(self.0.send(waiting)).await.map_err(|_| Away)?,
            Err(TrySendError::Closed(_)) => return Err(Away),
        }
        // The sender is dropped unanswered when Redis does not answer.
        answered.await.map_err(|_| Away)
    }
}

async fn drive(mut redis: ConnectionManager, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut waiting, LARGEST_BATCH).await > 0 {
        match ask(&redis, &waiting).await {
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
async fn ask(redis: &ConnectionManager, waiting: &[Waiting]) -> RedisResult<Vec<Found>> {
    let Batch { command, checks, places } = Batch::of(waiting);
    let values: Vec<Value> = resend(|| async { command.query_async(&mut redis.clone()).await }).await?;
    let mut values = values.into_iter();
    let found: Vec<Found> = checks.iter().map(|check| check.read(&mut values)).collect();
    Ok(places.into_iter().map(|place| found[place].clone()).collect())
}

/// One `MGET` for many checks.
struct Batch {
    command: Cmd,
    /// Each of them once. One token's checks are the same one; that of another token of the same session is not.
    checks: Vec<Arc<Check>>,
    /// Where among them each of those who wait has its own.
    places: Vec<usize>,
}

impl Batch {
    fn of(waiting: &[Waiting]) -> Self {
        let (mut command, mut checks) = (redis::cmd("MGET"), Vec::new());
        let mut known = HashMap::with_capacity(waiting.len());
        let places = waiting.iter().map(|Waiting { check, .. }| {
            *known.entry(Arc::as_ptr(check)).or_insert_with(|| {
                check.keys.iter().for_each(|key| {
                    command.arg(key);
                });
                checks.push(Arc::clone(check));
                checks.len() - 1
            })
        });
        let places = places.collect();
        Self { command, checks, places }
    }
}

fn answer(waiting: &mut Vec<Waiting>, found: Vec<Found>) {
    for (Waiting { answer, .. }, found) in waiting.drain(..).zip(found) {
        // A request that has been given up does not listen any more.
        let _ = answer.send(found);
    }
}
