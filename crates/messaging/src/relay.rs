//! The relay, which brings committed messages to SNS. Rows leave the outbox only when SNS has confirmed them.
//!
//! ```text
//! claim: due rows are leased, one short transaction ─ send, no transaction open ─┬─ confirmed: deleted
//!                                                                               ├─ not taken: put off, each on its own
//!                                                                               └─ refused for good: parked
//! ```

mod table;

use crate::{
    outbox::RELAY,
    publisher::{BATCH_MESSAGES, PublishError, Publisher},
};
use common::{db::Db, poller::Poller};
use contracts::{envelope::Envelope, topology::Topic};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use table::{Failure, Row};
pub(crate) use table::{Measured, measure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Looks for rows this often even if no commit of its process woke it: waits end without one, and so do the lives of
/// other processes.
const POLL: Duration = Duration::from_secs(1);
/// How often the outbox is measured.
const MEASURE: Duration = Duration::from_secs(5);
/// Rows claimed at once: ten batches of SNS, sent beside each other.
const CLAIM: usize = 10 * BATCH_MESSAGES;
/// Claims under way at once, so that one that SNS is slow about does not hold up what comes after it.
const LANES: usize = 4;
/// How long a claim keeps other relays from its rows; more than a call to SNS takes. After a crash they wait for its
/// end.
const LEASE: Duration = Duration::from_secs(20);

/// Moves the messages of one database to SNS, for ever. Any number may run beside each other.
pub struct Relay {
    db: Db,
    publisher: Publisher,
    lease: Duration,
}

/// A claim came to nothing; its rows are all still there.
#[derive(Debug, thiserror::Error)]
enum Abandoned {
    #[error("the outbox cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

type Answer = (Row, Result<(), PublishError>);

/// What the lanes share.
struct Sending {
    pool: PgPool,
    publisher: Publisher,
    /// Outages in a row; what they meet at the same time is one.
    outages: crate::breaker::Breaker,
}

impl Relay {
    pub fn new(db: Db, publisher: Publisher) -> Self {
        Self { db, publisher, lease: LEASE }
    }

    /// Instead of the usual lease, which tests need not wait for.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL or SNS; then ends after the batches that it holds.
    pub async fn run(self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        tokio::select! {
            () = self.relay(&tasks, &shutdown) => {}
            () = self.measure() => {}
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn relay(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let lanes = Arc::new(Semaphore::new(LANES));
        let sending = Arc::new(Sending {
            pool: self.db.pool().clone(),
            publisher: self.publisher.clone(),
            outages: Default::default(),
        });
        let mut poller = Poller::new(self.db.wake(RELAY), POLL, shutdown.clone());
        while poller.next().await {
            let lane = shutdown.run_until_cancelled(Arc::clone(&lanes).acquire_owned()).await;
            let Some(Ok(lane)) = lane else { break };
            let outages = sending.outages.outages();
            match table::claim(self.db.pool(), CLAIM, self.lease).await {
                Ok(rows) if rows.is_empty() => poller.done(false),
                Ok(rows) => {
                    let sent = tasks.spawn(Arc::clone(&sending).send(rows, outages, lane));
                    if outages > 0 {
                        // One claim finds out whether the outage is over.
                        let _ = shutdown.run_until_cancelled(sent).await;
                    }
                    let away = outages > 0 && sending.outages.outages() > 0;
                    if away { poller.failed() } else { poller.done(true) }
                }
                Err(error) => {
                    sending.abandoned(outages, &error.into());
                    poller.failed();
                }
            }
        }
    }

    /// Tells how long the oldest message has waited, and how many wait for a person.
    async fn measure(&self) {
        loop {
            if let Ok(measured) = measure(self.db.pool()).await {
                metrics::gauge!("outbox_oldest_seconds").set(measured.oldest_seconds.unwrap_or_default());
                metrics::gauge!("outbox_parked").set(measured.parked as f64);
            }
            tokio::time::sleep(MEASURE).await;
        }
    }
}

impl Sending {
    /// Sends the rows and writes what became of each. A crash before that sends the same ids again.
    async fn send(self: Arc<Self>, rows: Vec<Row>, outages: u32, lane: OwnedSemaphorePermit) {
        match self.settle(publish(&self.publisher, rows).await).await {
            Ok(()) => self.outages.reset(),
            Err(error) => self.abandoned(outages, &error),
        }
        drop(lane);
    }

    fn abandoned(&self, outages: u32, error: &Abandoned) {
        self.outages.trip(outages);
        tracing::warn!(
            error = error as &dyn std::error::Error,
            outages,
            "The outbox could not be relayed; its messages wait"
        );
    }

    async fn settle(&self, answers: Vec<Answer>) -> Result<(), Abandoned> {
        let (mut confirmed, mut failed, mut unreachable, mut why) =
            (Vec::<Uuid>::new(), Vec::new(), Vec::<Uuid>::new(), None);
        for (row, answer) in answers {
            match answer {
                Ok(()) => confirmed.push(row.id),
                // Nothing is known about the message, so nothing is held against it.
                Err(error @ PublishError::Unreachable(_)) => {
                    unreachable.push(row.id);
                    why = Some(error);
                }
                Err(error) => failed.push(Failure::of(&row, &error)),
            }
        }
        table::confirm(&self.pool, &confirmed).await?;
        metrics::counter!("outbox_published_total").increment(confirmed.len() as u64);
        table::release(&self.pool, &unreachable).await?;
        for failure in failed {
            table::fail(&self.pool, failure).await?;
        }
        match why {
            Some(error) if confirmed.is_empty() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

async fn publish(publisher: &Publisher, rows: Vec<Row>) -> Vec<Answer> {
    let (mut answers, mut sound, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match read(&row) {
            Ok(message) => {
                sound.push(row);
                messages.push(message);
            }
            Err(fault) => answers.push((row, Err(fault))),
        }
    }
    answers.extend(sound.into_iter().zip(publisher.publish_batch(&messages).await));
    answers
}

fn read(row: &Row) -> Result<(Topic, Envelope), PublishError> {
    // While versions change, the topic may be one that a newer relay knows.
    let topic = Topic::ALL.into_iter().find(|known| known.name() == row.topic);
    let topic = topic.ok_or_else(|| PublishError::Deferred(format!("there is no topic '{}'", row.topic)))?;
    let envelope = serde_json::from_str(&row.envelope)
        .map_err(|fault| PublishError::Refused(format!("the row is not an envelope: {fault}")))?;
    Ok((topic, envelope))
}
