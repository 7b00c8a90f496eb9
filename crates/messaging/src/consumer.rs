//! Consumer of one queue, which turns it into effects in the database.
//!
//! It receives only what can be begun, handles many at once, and hands back the rest.
//!
//! Long polling: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>

use crate::{
    attempt::Context,
    aws::{Aws, QueueError},
    breaker::Breaker,
    handler::{Handle, HandleRaw},
    poll::Poll,
    routes::Routes,
};
use common::{
    backoff::Backoff,
    db::{self, Db},
    server::{FINISH_WITHIN, GIVE_BACK_WITHIN, GiveUp},
};
use contracts::{messages::Message as Contract, topology};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// SQS gives at most ten messages at once, and we handle at most as many at once.
const MOST_AT_ONCE: u32 = 10;
/// The longest poll that SQS offers.
const LONG_POLL: Duration = Duration::from_secs(20);
/// Time within which a message of a queue outside the topology must be heard of again.
const DEFAULT_VISIBILITY: Duration = Duration::from_secs(30);
/// Waits of a failing handler's message, within the longest delay that SQS knows.
const RETRY: Backoff = Backoff { base: Duration::from_secs(2), factor: 4, cap: Duration::from_secs(900) };
/// Waits while SQS or the database is away.
const RECONNECT: Backoff = Backoff { base: Duration::from_millis(500), factor: 2, cap: Duration::from_secs(10) };

/// Takes the messages of one queue. Register the handlers with [`Consumer::on`] or [`Consumer::raw`], then
/// [`Consumer::run`] it.
pub struct Consumer {
    aws: Aws,
    queue: &'static str,
    db: Db,
    routes: Routes,
    options: Options,
}

/// What tests make shorter.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long one receive waits for messages, up to 20 s.
    pub long_poll: Duration,
    /// Longest wait after the first failure of a handler; each further failure may wait four times as long.
    pub retry_base: Duration,
    /// Longest wait before looking again for what was away; each further look may wait twice as long.
    pub reconnect_base: Duration,
    /// Instead of the visibility timeout in the topology.
    pub visibility: Option<Duration>,
    /// How long handlers may still run after the order to stop.
    pub drain: Duration,
    /// How long it may then take to hand back what they hold.
    pub give_back: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            long_poll: LONG_POLL,
            retry_base: RETRY.base,
            reconnect_base: RECONNECT.base,
            visibility: None,
            drain: FINISH_WITHIN,
            give_back: GIVE_BACK_WITHIN,
        }
    }
}

impl Consumer {
    /// A consumer of `queue` (its bare name in the topology), whose name is also that of the consumer in the inbox.
    pub fn new(aws: &Aws, queue: &'static str, db: Db) -> Self {
        Self { aws: aws.clone(), queue, db, routes: Routes::default(), options: Options::default() }
    }

    /// Takes messages of type `M` with `handler`. Types without a handler go to the dead-letter queue.
    pub fn on<M: Contract, H: Handle<M>>(mut self, handler: H) -> Self {
        self.routes.on::<M, H>(handler);
        self
    }

    /// Takes every body of the queue with `handler`, for queues that carry no envelopes.
    pub fn raw<H: HandleRaw>(mut self, handler: H) -> Self {
        self.routes.raw(handler);
        self
    }

    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL or SQS; then finishes what it holds and hands back the
    /// rest.
    pub async fn run(self, shutdown: CancellationToken) {
        let span = tracing::info_span!("consumer", queue = self.queue);
        self.consume(shutdown).instrument(span).await;
    }

    async fn consume(self, shutdown: CancellationToken) {
        let Some((queue_url, dead_queue_url)) = self.find_queues(&shutdown).await else { return };
        let Self { aws, queue, db, routes, options } = self;
        let visibility = options
            .visibility
            .or(topology::queue(queue).map(|queue| queue.visibility_timeout))
            .unwrap_or(DEFAULT_VISIBILITY);
        let permits = Arc::new(Semaphore::new(at_once(db.pool().options().get_max_connections())));
        let (retry, reconnect) =
            (Backoff { base: options.retry_base, ..RETRY }, Backoff { base: options.reconnect_base, ..RECONNECT });
        let context = Arc::new(Context {
            queue,
            dead_queue_url,
            ambient: db.ambient().clone(),
            db,
            routes,
            retry,
            reconnect,
            breaker: Breaker::default(),
        });
        let poll = Poll { sqs: &aws.sqs, queue_url: &queue_url, visibility, long_poll: options.long_poll };
        // From here on, so that what a receive took of the time is not given once more.
        let (tasks, give_up) = (TaskTracker::new(), GiveUp::within(&shutdown, options.drain, options.give_back));
        let mut failures = 0;
        while let Some(mut places) = place(&context, &permits, &shutdown).await {
            // One message is risked to find out whether an outage is over.
            let outage = context.breaker.outages() > 0;
            let messages = match poll.receive(if outage { 1 } else { places.num_permits() }, &shutdown).await {
                Ok(messages) => messages,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(error = format!("{error:#}"), failures, "The queue cannot be received from");
                    shutdown.run_until_cancelled(sleep(reconnect.jittered(failures, &context.ambient))).await;
                    continue;
                }
            };
            failures = 0;
            if shutdown.is_cancelled() {
                for lease in messages.iter().map(|message| poll.lease(message)) {
                    tasks.spawn(async move { lease.hand_back(Duration::ZERO).await });
                }
                break;
            }
            for message in messages {
                let (context, lease, abandon, place) =
                    (Arc::clone(&context), poll.lease(&message), give_up.token().clone(), places.split(1));
                let span = tracing::info_span!("message", sqs_message_id = message.message_id());
                let handling = async move {
                    context.take(&message, &lease, &abandon).await;
                    drop(place);
                };
                let handled = tasks.spawn(handling.instrument(span));
                if outage {
                    // Its end is what decides how to go on; how it ended, the breaker knows.
                    shutdown.run_until_cancelled(handled).await;
                }
            }
        }
        give_up.wait_for(&tasks).await;
    }

    /// The URLs of the queue and of its dead-letter queue, as soon as both exist; `None` at shutdown.
    async fn find_queues(&self, shutdown: &CancellationToken) -> Option<(String, String)> {
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            match self.queue_urls().await {
                Ok(urls) => return Some(urls),
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        error = format!("{:#}", anyhow::Error::from(error)),
                        failures,
                        "The queue cannot be found yet"
                    );
                    shutdown.run_until_cancelled(sleep(RECONNECT.jittered(failures, self.db.ambient()))).await;
                }
            }
        }
        None
    }

    async fn queue_urls(&self) -> Result<(String, String), QueueError> {
        let (name, dead) = (self.aws.queue_name(self.queue), self.aws.dead_queue_name(self.queue));
        tokio::try_join!(self.aws.queue_url(&name), self.aws.queue_url(&dead))
    }
}

/// Half of the database connections, so that requests find one too.
fn at_once(max_connections: u32) -> usize {
    (max_connections / 2).clamp(1, MOST_AT_ONCE) as usize
}

/// Every free place, once there is one and the database can be written: a message received without it would only come
/// back.
async fn place(
    context: &Context,
    permits: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<OwnedSemaphorePermit> {
    let ready = async {
        let mut places = Arc::clone(permits).acquire_owned().await.ok()?;
        let outages = context.breaker.outages();
        if outages > 0 {
            tracing::warn!(outages, "What the handlers need was away; receiving pauses");
            sleep(context.reconnect.jittered(outages, &context.ambient)).await;
        }
        let mut failures = 0;
        while let Err(error) = writable(context.db.pool()).await {
            failures += 1;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                failures,
                "The database cannot be written; nothing is received"
            );
            sleep(context.reconnect.jittered(failures, &context.ambient)).await;
        }
        let more = permits.available_permits().try_into().ok()?;
        places.merge(Arc::clone(permits).try_acquire_many_owned(more).ok()?);
        Some(places)
    };
    shutdown.run_until_cancelled(ready).await.flatten()
}

/// Why nothing is received.
#[derive(Debug, thiserror::Error)]
enum Unwritable {
    #[error("the database gives no connection")]
    Away(#[from] sqlx::Error),
    #[error("the database is read-only")]
    ReadOnly,
}

async fn writable(pool: &PgPool) -> Result<(), Unwritable> {
    let mut conn = pool.acquire().await?;
    if db::is_writable(&mut conn).await? {
        return Ok(());
    }
    conn.close_on_drop();
    Err(Unwritable::ReadOnly)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_leave_connections_to_requests() {
        assert_eq!([0, 1, 5, 10, 100].map(at_once), [1, 1, 2, 5, 10]);
    }
}
