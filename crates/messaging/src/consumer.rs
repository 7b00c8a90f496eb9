//! Consumer of one queue, which turns it into effects in the database.
//!
//! ```text
//! receives, ten messages each ─ bounded buffer ─ handlers, one message each, or many in one commit ─ deletions, ten each
//!                                └──────────── heartbeat: all that is held stays ours ────────────┘
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`intake`](crate::intake) | when is how much received? |
//! | [`buffer`](crate::buffer) | what was received and not begun? |
//! | [`heartbeat`](crate::heartbeat) | how does it stay ours? |
//! | [`attempt`](crate::attempt) | what becomes of one message? |
//! | [`together`](crate::together) | how do many share a commit? |
//! | [`settle`](crate::settle) | how are messages deleted and handed back? |
//! | [`pause`](crate::pause) | may anything be received at all? |

use crate::{
    attempt::Context,
    aws::{Aws, QueueError},
    breaker::Breaker,
    buffer::Buffer,
    every::HandleEvery,
    handler::{Handle, HandleRaw},
    heartbeat::Heartbeat,
    intake::{Intake, MOST_RECEIVED},
    pause,
    routes::Routes,
    settle::Settling,
    stats::Stats,
};
use common::{
    backoff::Backoff,
    db::Db,
    server::{FINISH_WITHIN, GIVE_BACK_WITHIN, GiveUp},
};
use contracts::{messages::Message as Contract, topology};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::Instrument;

/// Handlers at once. Those of one consumer leave most of a database's connections to others.
const MOST_AT_ONCE: u32 = 10;
/// Handlers wait for the database most of the time.
const HANDS_PER_CORE: u32 = 4;
/// Handlers at once of what keeps every message: the connections are for those who act.
const KEEPERS: u32 = 1;
/// Messages that share a commit, at most.
const MOST_TOGETHER: usize = 50;
/// The same where every message is kept, with one statement.
const MOST_KEPT_TOGETHER: usize = 100;
/// How long a message waits to be kept together with others: nobody acts upon it.
const KEEP_LINGER: Duration = Duration::from_millis(500);
/// Messages received and not begun: those of two receives, as other processes want some too.
const PLACES: usize = 2 * MOST_RECEIVED as usize;
/// The same where many share a commit, and are worked off in a second.
const PLACES_TOGETHER: usize = 4 * MOST_TOGETHER;
/// How often a consumer asks whether its queue is paused.
const PAUSE_LOOK: Duration = Duration::from_secs(5);
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
    most_at_once: u32,
    stats: Arc<Stats>,
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
    /// How often to look whether the queue is paused.
    pub pause_look: Duration,
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
            pause_look: PAUSE_LOOK,
            visibility: None,
            drain: FINISH_WITHIN,
            give_back: GIVE_BACK_WITHIN,
        }
    }
}

impl Consumer {
    /// A consumer of `queue` (its bare name in the topology), whose name is also that of the consumer in the inbox.
    pub fn new(aws: &Aws, queue: &'static str, db: Db) -> Self {
        let (routes, options) = (Routes::default(), Options::default());
        Self { aws: aws.clone(), queue, db, routes, most_at_once: MOST_AT_ONCE, stats: Arc::default(), options }
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

    /// Takes every message of the queue with `handler`, whatever its type.
    pub fn every<H: HandleEvery>(mut self, handler: H) -> Self {
        self.routes.every(handler);
        self.most_at_once = KEEPERS;
        self
    }

    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    pub fn queue(&self) -> &'static str {
        self.queue
    }

    /// Where it counts what it does.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL or SQS; then finishes what it holds and hands back the
    /// rest.
    pub async fn run(self, shutdown: CancellationToken) {
        let span = tracing::info_span!("consumer", queue = self.queue);
        self.consume(shutdown).instrument(span).await;
    }

    async fn consume(self, shutdown: CancellationToken) {
        let Some((queue_url, dead_queue_url)) = self.find_queues(&shutdown).await else { return };
        let Self { aws, queue, db, routes, most_at_once, stats, options } = self;
        let all_hands = at_once(db.pool().options().get_max_connections(), cores()).min(most_at_once);
        let ambient = db.ambient().clone();
        let visibility = options
            .visibility
            .or(topology::queue(queue).map(|queue| queue.visibility_timeout))
            .unwrap_or(DEFAULT_VISIBILITY);
        // From here on, so that what a receive took of the time is not given once more.
        let (tasks, give_up) = (TaskTracker::new(), GiveUp::within(&shutdown, options.drain, options.give_back));
        let heartbeat = Heartbeat::new(aws.sqs.clone(), queue_url.clone(), visibility, stats, ambient.clone());
        let beating = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&heartbeat).run()));
        let buffer = Arc::new(match (&routes.every, routes.share_commits()) {
            (Some(_), _) => Buffer::new(PLACES_TOGETHER, MOST_KEPT_TOGETHER, KEEP_LINGER),
            (None, true) => Buffer::new(PLACES_TOGETHER, MOST_TOGETHER, Duration::ZERO),
            (None, false) => Buffer::new(PLACES, 1, Duration::ZERO),
        });
        let (paused_by, paused) = watch::channel(false);
        shutdown.run_until_cancelled(pause::look(&aws.sqs, &queue_url, queue, &paused_by)).await;
        let context = Arc::new(Context {
            sqs: aws.sqs.clone(),
            queue,
            queue_url: queue_url.clone(),
            dead_queue_url,
            ambient,
            db,
            routes,
            retry: Backoff { base: options.retry_base, ..RETRY },
            reconnect: Backoff { base: options.reconnect_base, ..RECONNECT },
            breaker: Breaker::default(),
            settling: Settling::start(&heartbeat, &tasks),
        });
        let intake = Intake {
            context: Arc::clone(&context),
            heartbeat,
            buffer: Arc::clone(&buffer),
            long_poll: options.long_poll,
            paused,
        };
        let hands = Arc::new(Semaphore::new(all_hands as usize));
        let handling = async {
            tokio::join!(intake.run(&shutdown), hand_out(&context, &buffer, &hands, &tasks, &give_up, &shutdown));
        };
        tokio::select! {
            () = handling => {}
            () = pause::watch(&aws.sqs, &queue_url, queue, options.pause_look, paused_by) => {}
        }
        hand_back(&context, &buffer).await;
        tasks.spawn(async move {
            // What those put back who shared a commit is handled no more.
            let _ = hands.acquire_many(all_hands).await;
            hand_back(&context, &buffer).await;
        });
        give_up.wait_for(&tasks).await;
        drop(beating);
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

/// Hands what was received to the handlers, as many at once as there are `hands`, until `shutdown`.
async fn hand_out(
    context: &Arc<Context>,
    buffer: &Arc<Buffer>,
    hands: &Arc<Semaphore>,
    tasks: &TaskTracker,
    give_up: &GiveUp,
    shutdown: &CancellationToken,
) {
    let next = async || {
        let hand = Arc::clone(hands).acquire_owned().await.ok()?;
        Some((hand, buffer.take().await))
    };
    while let Some(Some((hand, mut messages))) = shutdown.run_until_cancelled(next()).await {
        let (context, buffer, abandon) = (Arc::clone(context), Arc::clone(buffer), give_up.token().clone());
        let handling = async move {
            match (messages.len(), messages.pop()) {
                (1, Some(held)) => context.take(held, &abandon).await,
                (_, last) => {
                    messages.extend(last);
                    context.take_together(messages, &buffer, &abandon).await;
                }
            }
            drop(hand);
        };
        tasks.spawn(handling.in_current_span());
    }
}

async fn hand_back(context: &Context, buffer: &Buffer) {
    for held in buffer.drain() {
        context.settling.hand_back(held.lease, Duration::ZERO).await;
    }
}

/// Half of the database connections, so that requests find one too, and no more than a few for each core.
fn at_once(max_connections: u32, cores: u32) -> u32 {
    (max_connections / 2).min(HANDS_PER_CORE * cores).clamp(1, MOST_AT_ONCE)
}

fn cores() -> u32 {
    std::thread::available_parallelism().ok().and_then(|cores| cores.get().try_into().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_leave_connections_to_requests() {
        assert_eq!([0, 1, 5, 10, 100].map(|connections| at_once(connections, 4)), [1, 1, 2, 5, 10]);
        assert_eq!(at_once(100, 1), HANDS_PER_CORE);
    }
}
