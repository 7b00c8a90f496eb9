//! Intake of one consumer: receives whenever its buffer has room for ten messages. One long poll while little comes, a
//! few receives at once while they come back full.
//!
//! Long polling: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>

use crate::{
    attempt::Context,
    buffer::{Buffer, Held},
    copy::{CARRIED, receives, sent},
    heartbeat::{Heartbeat, whole_seconds},
};
use aws_sdk_sqs::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    types::{Message, MessageSystemAttributeName as System},
};
use common::db;
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// SQS gives at most ten messages at once.
pub(crate) const MOST_RECEIVED: u32 = 10;
/// Receives at once while they come back full: a receive takes SQS 10 to 20 ms.
const MOST_RECEIVES: usize = 4;
/// How long a receive beside another one waits for messages.
const SHORT_POLL: Duration = Duration::from_secs(1);
/// After a receive that did not come back full: the next one gets more, and SQS is asked less often.
const LINGER: Duration = Duration::from_millis(20);
/// A receive can hang when the connection is lost silently; this is the long poll and some.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(25);
/// A receive in flight at shutdown is waited for this long: dropping it may leave messages invisible for their
/// visibility timeout.
const RECEIVE_GRACE: Duration = Duration::from_secs(2);
/// So long after a handler's commit nobody asks whether the database can be written.
const SURELY_WELL: Duration = Duration::from_secs(1);

/// What receives the messages of one queue.
pub(crate) struct Intake {
    pub context: Arc<Context>,
    pub heartbeat: Arc<Heartbeat>,
    pub buffer: Arc<Buffer>,
    pub long_poll: Duration,
    pub paused: watch::Receiver<bool>,
}

/// What came of a receive, and the places for it.
struct Received {
    messages: anyhow::Result<Vec<Message>>,
    places: OwnedSemaphorePermit,
    /// Whether it is to find out if an outage is over.
    probes: bool,
}

/// What the loop knows of its receives.
struct Receives {
    running: JoinSet<Received>,
    /// How many may run.
    most: usize,
    failures: u32,
    /// The next one is not made before.
    not_before: Instant,
    /// Ends when the message is settled that finds out whether an outage is over.
    probe: Option<oneshot::Receiver<()>>,
}

impl Intake {
    /// Receives until `shutdown`; then hands back what still comes.
    pub(crate) async fn run(self, shutdown: &CancellationToken) {
        let mut receives =
            Receives { running: JoinSet::new(), most: 1, failures: 0, not_before: Instant::now(), probe: None };
        let mut paused = self.paused.clone();
        while !shutdown.is_cancelled() {
            let outages = self.context.breaker.outages();
            let most = if outages > 0 { 1 } else { receives.most };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(Ok(received)) = receives.running.join_next() => self.took(received, &mut receives).await,
                _ = paused.changed() => self.hand_back_if_paused().await,
                () = self.context.breaker.opened(outages) => self.hand_back_what_waits().await,
                places = self.places(outages, receives.failures, receives.not_before, &mut receives.probe),
                    if receives.running.len() < most =>
                {
                    if let Some(places) = places {
                        self.receive(places, outages, &mut receives.running, shutdown);
                    }
                }
            }
        }
        while let Some(received) = receives.running.join_next().await {
            for message in received.into_iter().filter_map(|received| received.messages.ok()).flatten() {
                self.hand_back(self.hold(message), Duration::ZERO).await;
            }
        }
    }

    /// Places for what can be received, once that makes sense: the queue is not paused, and the database can be
    /// written. A message received without it would only come back. `None` when it is to be asked again.
    async fn places(
        &self,
        outages: u32,
        failures: u32,
        not_before: Instant,
        probe: &mut Option<oneshot::Receiver<()>>,
    ) -> Option<OwnedSemaphorePermit> {
        let Context { breaker, reconnect, ambient, db, .. } = &*self.context;
        self.paused.clone().wait_for(|paused| !paused).await.ok()?;
        if let Some(probing) = probe {
            // Its end is what decides how to go on; how it ended, the breaker knows.
            let _ = probing.await;
            *probe = None;
            return None;
        }
        sleep_until(not_before).await;
        if failures > 0 {
            sleep(reconnect.jittered(failures, ambient)).await;
        }
        if outages > 0 {
            tracing::warn!(outages, "What the handlers need was away; receiving pauses");
            sleep(reconnect.jittered(outages, ambient)).await;
        }
        let places = self.buffer.places(if outages > 0 { 1 } else { MOST_RECEIVED }).await;
        let mut failures = 0;
        while !breaker.was_well_within(SURELY_WELL)
            && let Err(error) = writable(db.pool()).await
        {
            failures += 1;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                failures,
                "The database cannot be written; nothing is received"
            );
            sleep(reconnect.jittered(failures, ambient)).await;
        }
        places
    }

    fn receive(
        &self,
        places: OwnedSemaphorePermit,
        outages: u32,
        running: &mut JoinSet<Received>,
        shutdown: &CancellationToken,
    ) {
        let wait = if running.is_empty() { self.long_poll } else { self.long_poll.min(SHORT_POLL) };
        let (heartbeat, shutdown) = (Arc::clone(&self.heartbeat), shutdown.clone());
        running.spawn(async move {
            let messages = receive(&heartbeat, places.num_permits(), wait, &shutdown).await;
            Received { messages, places, probes: outages > 0 }
        });
    }

    /// Puts what was received into the buffer.
    async fn took(&self, received: Received, receives: &mut Receives) {
        let Received { messages, mut places, probes } = received;
        let messages = match messages {
            Ok(messages) => messages,
            Err(error) => {
                receives.failures += 1;
                let failures = receives.failures;
                tracing::warn!(error = format!("{error:#}"), failures, "The queue cannot be received from");
                return;
            }
        };
        let full = messages.len() == MOST_RECEIVED as usize;
        receives.most = if full { MOST_RECEIVES.min(receives.most + 1) } else { 1 };
        receives.failures = 0;
        if !full {
            receives.not_before = Instant::now() + LINGER;
        }
        let (paused, away) = (*self.paused.borrow(), self.context.breaker.outages() > 0 && !probes);
        self.heartbeat.stats.received(messages.len() as u64);
        for message in messages {
            if let Some(sent) = sent(&message) {
                self.heartbeat.stats.seen((self.context.ambient.now() - sent).to_std().unwrap_or_default());
            }
            let mut held = self.hold(message);
            if paused || away {
                self.hand_back(held, Duration::ZERO).await;
                continue;
            }
            if probes {
                let (done, probe) = oneshot::channel();
                (held.probe, receives.probe) = (Some(done), Some(probe));
            }
            self.buffer.put(held, places.split(1));
        }
    }

    fn hold(&self, message: Message) -> Held {
        let lease = self.heartbeat.hold(message.receipt_handle().unwrap_or_default());
        let content = self.context.routes.parse(message.body().unwrap_or_default());
        Held { message, content, lease, alone: false, probe: None }
    }

    async fn hand_back(&self, held: Held, wait: Duration) {
        self.context.settling.hand_back(held.lease, wait).await;
    }

    async fn hand_back_if_paused(&self) {
        if *self.paused.borrow() {
            for held in self.buffer.drain() {
                self.hand_back(held, Duration::ZERO).await;
            }
        }
    }

    /// In an outage: it was not begun, so nothing is known against it.
    async fn hand_back_what_waits(&self) {
        for held in self.buffer.drain() {
            let wait = self.context.retry.jittered(receives(&held.message), &self.context.ambient);
            self.hand_back(held, wait).await;
        }
    }
}

/// Up to `most` messages, after at most one poll of `wait`.
async fn receive(
    heartbeat: &Heartbeat,
    most: usize,
    wait: Duration,
    shutdown: &CancellationToken,
) -> anyhow::Result<Vec<Message>> {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(RECEIVE_TIMEOUT).operation_timeout(RECEIVE_TIMEOUT).build();
    let patient = aws_sdk_sqs::config::Config::builder().timeout_config(timeouts).retry_config(RetryConfig::disabled());
    let call = heartbeat.sqs.receive_message().queue_url(&heartbeat.queue_url);
    let call = call.max_number_of_messages(i32::try_from(most)?).wait_time_seconds(whole_seconds(wait));
    let call = call.visibility_timeout(whole_seconds(heartbeat.visibility));
    let asked = vec![System::ApproximateReceiveCount, System::SentTimestamp, System::MessageGroupId];
    let call = call.set_message_system_attribute_names(Some(asked));
    let call = call.set_message_attribute_names(Some(CARRIED.map(str::to_owned).into()));
    let mut receive = std::pin::pin!(call.customize().config_override(patient).send());
    let answer = tokio::select! {
        answer = &mut receive => answer,
        () = shutdown.cancelled() => match timeout(RECEIVE_GRACE, &mut receive).await {
            Ok(answer) => answer,
            Err(_) => return Ok(Vec::new()),
        },
    };
    Ok(answer?.messages.unwrap_or_default())
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
