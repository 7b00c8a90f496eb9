//! How do committed messages reach SNS? Rows leave the outbox only when SNS has confirmed them.

use crate::{
    backoff::Backoff,
    outbox::CHANNEL,
    publisher::{BATCH_MESSAGES, PublishError, Publisher},
};
use contracts::{envelope::Envelope, topology::Topic};
use sqlx::{PgPool, Postgres, Transaction, postgres::PgListener};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Looks for rows this often even if no commit woke it: notifications are lost while the connection is.
const POLL: Duration = Duration::from_secs(1);
/// After a pass that got nowhere: soon again, but not hammering what is down.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), factor: 2, cap: Duration::from_secs(5) };
/// How often the age of the oldest row is measured.
const MEASURE: Duration = Duration::from_secs(5);
/// A message that SNS refuses this often is parked: a person must look at it.
const REFUSALS_BEFORE_PARKING: i32 = 5;

/// The identifier of the row, not a cursor, is what is deleted: rows commit out of order and none may be skipped.
const TAKE: &str = "
    SELECT id, topic, envelope::text FROM outbox
    WHERE parked_at IS NULL ORDER BY attempts, created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED";
const CONFIRM: &str = "DELETE FROM outbox WHERE id = ANY($1)";
const FAIL: &str = "
    UPDATE outbox SET attempts = attempts + 1, last_error = $2,
        parked_at = CASE WHEN $3 AND attempts + 1 >= $4 THEN now() END
    WHERE id = $1";
const AGE: &str = "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox WHERE parked_at IS NULL";

/// Moves the messages of one database to SNS, for ever. Any number may run beside each other.
pub struct Relay {
    pool: PgPool,
    publisher: Publisher,
}

/// A pass was abandoned; its rows are all still there.
#[derive(Debug, thiserror::Error)]
enum Abandoned {
    #[error("the outbox cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What a pass came to.
enum Pass {
    /// There is more where this came from.
    Full,
    Emptied,
    /// SNS has answered, and taken none of them.
    Stuck,
}

type Row = (Uuid, String, String);
type Answer = (Uuid, Result<(), PublishError>);

impl Relay {
    pub fn new(pool: PgPool, publisher: Publisher) -> Self {
        Self { pool, publisher }
    }

    /// Runs until `shutdown`, through any outage of PostgreSQL or SNS; then ends after the batch that it holds.
    pub async fn run(self, shutdown: CancellationToken) {
        let wake = Notify::new();
        tokio::select! {
            () = self.relay(&wake, &shutdown) => {}
            () = self.listen(&wake) => {}
            () = self.measure() => {}
        }
    }

    async fn relay(&self, wake: &Notify, shutdown: &CancellationToken) {
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            let pass = self.pass().await;
            if let Err(error) = &pass {
                tracing::warn!(error = error as &dyn std::error::Error, failures, "The outbox could not be relayed; its messages wait");
            }
            match pass {
                Ok(Pass::Full) => failures = 0,
                Ok(Pass::Emptied) => {
                    failures = 0;
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = wake.notified() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Ok(Pass::Stuck) | Err(_) => {
                    failures += 1;
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(BACKOFF.ceiling(failures)) => {}
                    }
                }
            }
        }
    }

    /// Locks a batch, sends it, deletes what was confirmed. A crash in between sends the same ids again.
    async fn pass(&self) -> Result<Pass, Abandoned> {
        let mut tx = self.pool.begin().await?;
        let limit = i64::try_from(BATCH_MESSAGES).unwrap_or(i64::MAX);
        let rows: Vec<Row> = sqlx::query_as(TAKE).bind(limit).fetch_all(&mut *tx).await?;
        let taken = rows.len();
        if taken == 0 {
            return Ok(Pass::Emptied);
        }
        let (confirmed, failed): (Vec<_>, Vec<_>) = self.send(rows).await.into_iter().partition(|(_, answer)| answer.is_ok());
        let confirmed: Vec<Uuid> = confirmed.into_iter().map(|(id, _)| id).collect();
        sqlx::query(CONFIRM).bind(&confirmed).execute(&mut *tx).await?;
        let mut unreachable = None;
        for (id, error) in failed.into_iter().filter_map(|(id, answer)| Some((id, answer.err()?))) {
            match error {
                // Nothing is known about the message, so nothing is held against it.
                PublishError::Unreachable(_) => unreachable = Some(error),
                _ => fail(&mut tx, id, &error).await?,
            }
        }
        tx.commit().await?;
        metrics::counter!("outbox_published_total").increment(confirmed.len() as u64);
        match unreachable {
            Some(error) => Err(error.into()),
            None if confirmed.is_empty() => Ok(Pass::Stuck),
            None if taken == BATCH_MESSAGES => Ok(Pass::Full),
            None => Ok(Pass::Emptied),
        }
    }

    async fn send(&self, rows: Vec<Row>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(rows.len());
        let (mut ids, mut messages) = (Vec::new(), Vec::new());
        for (id, topic, envelope) in rows {
            match read(&topic, &envelope) {
                Ok(message) => {
                    ids.push(id);
                    messages.push(message);
                }
                Err(fault) => answers.push((id, Err(fault))),
            }
        }
        answers.extend(ids.into_iter().zip(self.publisher.publish_batch(&messages).await));
        answers
    }

    /// Wakes the relay at each commit that wrote messages.
    async fn listen(&self, wake: &Notify) {
        loop {
            if let Err(error) = self.pass_on_notifications(wake).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "Commits do not wake the relay; it polls");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn pass_on_notifications(&self, wake: &Notify) -> sqlx::Result<()> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            listener.recv().await?;
            wake.notify_one();
        }
    }

    /// Tells how long the oldest message has waited.
    async fn measure(&self) {
        loop {
            if let Ok(seconds) = sqlx::query_scalar::<_, f64>(AGE).fetch_one(&self.pool).await {
                metrics::gauge!("outbox_oldest_seconds").set(seconds);
            }
            tokio::time::sleep(MEASURE).await;
        }
    }
}

fn read(topic: &str, envelope: &str) -> Result<(Topic, Envelope), PublishError> {
    let known = Topic::ALL.into_iter().find(|known| known.name() == topic).ok_or_else(|| PublishError::Refused(format!("there is no topic '{topic}'")))?;
    let envelope = serde_json::from_str(envelope).map_err(|fault| PublishError::Refused(format!("the row is not an envelope: {fault}")))?;
    Ok((known, envelope))
}

/// Counts a failure, and parks the row at its limit if the message itself is at fault.
async fn fail(tx: &mut Transaction<'_, Postgres>, id: Uuid, error: &PublishError) -> sqlx::Result<()> {
    let refused = matches!(error, PublishError::Refused(_));
    tracing::warn!(error = error as &dyn std::error::Error, message_id = %id, refused, "SNS has not taken a message of the outbox");
    sqlx::query(FAIL).bind(id).bind(error.to_string()).bind(refused).bind(REFUSALS_BEFORE_PARKING).execute(&mut **tx).await?;
    Ok(())
}
