//! How do checks that wait at the same time share one round trip? While one `MGET` is under way the next ones gather, and leave together.
//!
//! Each check's keys are sent after its request arrived, so what it reads is as fresh as if it had asked alone.

use super::cache::{Keys, Values};
use redis::{RedisResult, aio::ConnectionManager};
use std::time::Duration;
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
    keys: Keys,
    answer: oneshot::Sender<Values>,
}

/// Asks Redis for many checks at once; ends with its last user.
pub(super) struct Coalescer(mpsc::Sender<Waiting>);

impl Coalescer {
    pub fn start(redis: ConnectionManager) -> Self {
        let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
        tokio::spawn(drive(redis, receiver));
        Self(sender)
    }

    pub async fn get(&self, keys: Keys) -> Result<Values, Away> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Waiting { keys, answer }).await.map_err(|_| Away)?;
        // The sender is dropped unanswered when Redis does not answer.
        answered.await.map_err(|_| Away)
    }
}

async fn drive(mut redis: ConnectionManager, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut waiting, LARGEST_BATCH).await > 0 {
        match ask(&mut redis, &waiting).await {
            Ok(values) => answer(&mut waiting, values),
            Err(error) => {
                tracing::warn!(error = %crate::problem::Chain(&error), checks = waiting.len(), "Redis is away; sessions and permissions are asked of their services");
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

async fn ask(redis: &mut ConnectionManager, waiting: &[Waiting]) -> RedisResult<Vec<Option<Vec<u8>>>> {
    let mut command = redis::cmd("MGET");
    for key in waiting.iter().flat_map(|check| &check.keys) {
        command.arg(key);
    }
    command.query_async(redis).await
}

fn answer(waiting: &mut Vec<Waiting>, values: Vec<Option<Vec<u8>>>) {
    let mut values = values.into_iter();
    for check in waiting.drain(..) {
        let of_check: Values = std::array::from_fn(|_| values.next().flatten());
        // A request that has been given up does not listen any more.
        let _ = check.answer.send(of_check);
    }
}
