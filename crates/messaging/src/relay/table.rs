//! SQL of the outbox, as the relay uses it. Times are the database's, because relays of many machines compare them.

use crate::publisher::PublishError;
use common::backoff::Backoff;
use sqlx::{FromRow, PgExecutor, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// Waits of a row that SNS has not taken.
const PUT_OFF: Backoff = Backoff { base: Duration::from_millis(200), factor: 2, cap: Duration::from_secs(300) };
/// Longest wait of a row of which nothing is known; random, so that one that is itself the cause parts from the others.
const RELEASED: Duration = Duration::from_secs(1);
/// A message that SNS refuses this often is parked: a person must look at it.
const REFUSALS_BEFORE_PARKING: i32 = 5;
/// `attempts` counts no further.
const MOST_ATTEMPTS: i32 = 1_000;

/// The identifier of the row, not a cursor, is what is deleted: rows commit out of order and none may be skipped. The
/// lease is a wait like any other: a row that was put back comes in its turn, and none is passed over for ever.
const CLAIM: &str = "
    UPDATE outbox SET next_attempt_at = now() + make_interval(secs => $2)
    WHERE id IN (
        SELECT id FROM outbox WHERE parked_at IS NULL AND next_attempt_at <= now()
        ORDER BY next_attempt_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING id, topic, envelope::text, attempts, refusals";
const CONFIRM: &str = "DELETE FROM outbox WHERE id = ANY($1)";
const RELEASE: &str =
    "UPDATE outbox SET next_attempt_at = now() + random() * make_interval(secs => $2) WHERE id = ANY($1)";
const FAIL: &str = "
    UPDATE outbox SET attempts = least(attempts + 1, $6), refusals = refusals + $4, last_error = $2,
        next_attempt_at = now() + make_interval(secs => $3), parked_at = CASE WHEN $5 THEN now() END
    WHERE id = $1";
/// Each by an index of its own: both together would read all that waits.
const MEASURE: &str = "
    SELECT (SELECT greatest(extract(epoch FROM now() - created_at), 0)::float8 FROM outbox
             WHERE parked_at IS NULL ORDER BY created_at LIMIT 1) AS oldest_seconds,
           (SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL) AS parked";

#[derive(FromRow)]
pub(super) struct Row {
    pub id: Uuid,
    pub topic: String,
    pub envelope: String,
    attempts: i32,
    refusals: i32,
}

/// What SNS has answered about a row that it has not taken.
pub(super) struct Failure {
    id: Uuid,
    error: String,
    refused: bool,
    wait: Duration,
    parked: bool,
}

impl Failure {
    pub fn of(row: &Row, error: &PublishError) -> Self {
        let refused = matches!(error, PublishError::Refused(_));
        let wait = PUT_OFF.ceiling(row.attempts.saturating_add(1).unsigned_abs());
        Self {
            id: row.id,
            error: error.to_string(),
            refused,
            wait,
            parked: refused && row.refusals + 1 >= REFUSALS_BEFORE_PARKING,
        }
    }
}

/// Takes up to `most` rows that are due; nobody else gets them before the lease has ended.
pub(super) async fn claim(pool: &PgPool, most: usize, lease: Duration) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as(CLAIM).bind(i64::try_from(most).unwrap_or(i64::MAX)).bind(lease.as_secs_f64()).fetch_all(pool).await
}

pub(super) async fn confirm(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<()> {
    if !ids.is_empty() {
        sqlx::query(CONFIRM).bind(ids).execute(pool).await?;
    }
    Ok(())
}

/// Gives up the lease of rows of which nothing is known.
pub(super) async fn release(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<()> {
    if !ids.is_empty() {
        sqlx::query(RELEASE).bind(ids).bind(RELEASED.as_secs_f64()).execute(pool).await?;
    }
    Ok(())
}

/// Puts a row off, or parks it for a person.
pub(super) async fn fail(pool: &PgPool, failure: Failure) -> sqlx::Result<()> {
    let Failure { id, error, refused, wait, parked } = failure;
    if parked {
        tracing::error!(error, message_id = %id, "A message of the outbox is parked: SNS refuses it, and a person \
            must look at it");
    } else {
        tracing::warn!(error, message_id = %id, wait_ms = wait.as_millis() as u64, "SNS has not taken a message of \
            the outbox; it is put off");
    }
    let query = sqlx::query(FAIL)
        .bind(id)
        .bind(error)
        .bind(wait.as_secs_f64())
        .bind(i32::from(refused))
        .bind(parked)
        .bind(MOST_ATTEMPTS);
    query.execute(pool).await.map(drop)
}

/// How an outbox stands.
#[derive(FromRow)]
pub(crate) struct Measured {
    /// How long the oldest row has waited that is not parked; `None` if there is none.
    pub oldest_seconds: Option<f64>,
    /// Rows that are parked.
    pub parked: i64,
}

pub(crate) async fn measure(of: impl PgExecutor<'_>) -> sqlx::Result<Measured> {
    sqlx::query_as(MEASURE).fetch_one(of).await
}
