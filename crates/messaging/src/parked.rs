//! Parked rows of an outbox: messages that SNS will never take as they are. A person looks at them, mends what was
//! wrong, and releases them.

use crate::{
    outbox::RELAY,
    relay::{Measured, measure},
};
use chrono::{DateTime, Utc};
use common::db::Scoped;
use contracts::{
    envelope::Envelope,
    http::outbox::{OutboxState, ParkedMessage, ParkedMessages, ParkedQuery},
    privacy::{self, Sensitivity},
};
use futures_util::TryStreamExt;
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

/// More that wait are not counted, as that takes its time.
const WAITING: &str = "SELECT count(*) FROM (SELECT FROM outbox WHERE parked_at IS NULL LIMIT 100000) AS counted";
const LIST: &str = "
    SELECT topic, envelope, octet_length(envelope::text) AS bytes, parked_at, last_error FROM outbox
    WHERE parked_at IS NOT NULL AND id > $1 AND ($3::text IS NULL OR envelope->>'type' = $3)
      AND ($4::uuid IS NULL OR envelope->>'tenant' = $4::text) AND ($5::timestamptz IS NULL OR parked_at >= $5)
    ORDER BY id LIMIT $2";
const RELEASE: &str = "
    UPDATE outbox SET parked_at = NULL, refusals = 0, attempts = 0, next_attempt_at = now()
    WHERE id = $1 AND parked_at IS NOT NULL";
const DISCARD: &str = "DELETE FROM outbox WHERE id = $1 AND parked_at IS NOT NULL";

/// Messages of so many bytes end a page early.
const MOST_BYTES: usize = 2 << 20;

#[derive(FromRow)]
struct Row {
    topic: String,
    envelope: Json<Envelope>,
    bytes: i32,
    parked_at: DateTime<Utc>,
    last_error: Option<String>,
}

/// How much is in the outbox.
pub async fn state(conn: &mut PgConnection) -> sqlx::Result<OutboxState> {
    let waiting: i64 = sqlx::query_scalar(WAITING).fetch_one(&mut *conn).await?;
    let Measured { oldest_seconds, parked } = measure(conn).await?;
    let oldest_seconds = oldest_seconds.map(|seconds| seconds as u64);
    Ok(OutboxState { waiting: waiting.unsigned_abs(), oldest_seconds, parked: parked.unsigned_abs() })
}

/// The parked messages that are asked for, with marks in place of what is secret.
pub async fn list(conn: &mut PgConnection, wanted: &ParkedQuery) -> sqlx::Result<ParkedMessages> {
    let limit = wanted.limit as usize;
    let mut rows = sqlx::query_as::<_, Row>(LIST)
        .bind(wanted.after)
        .bind(i64::from(wanted.limit) + 1)
        .bind(wanted.kind.as_deref())
        .bind(wanted.tenant_id.map(|tenant| tenant.0))
        .bind(wanted.since)
        .fetch(conn);
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        if items.len() == limit || bytes >= MOST_BYTES {
            return Ok(ParkedMessages { items, more: true });
        }
        bytes += row.bytes.unsigned_abs() as usize;
        items.push(row.into());
    }
    Ok(ParkedMessages { items, more: false })
}

/// Lets the relay try a message again, as if for the first time; `false` if no such message is parked.
pub async fn release(tx: &mut impl Scoped, id: Uuid) -> sqlx::Result<bool> {
    let released = sqlx::query(RELEASE).bind(id).execute(&mut **tx).await?.rows_affected() == 1;
    tx.wake(RELAY);
    Ok(released)
}

/// Forgets a message, which is never said then; `false` if no such message is parked.
pub async fn discard(tx: &mut impl Scoped, id: Uuid) -> sqlx::Result<bool> {
    Ok(sqlx::query(DISCARD).bind(id).execute(&mut **tx).await?.rows_affected() == 1)
}

impl From<Row> for ParkedMessage {
    fn from(row: Row) -> Self {
        let Row { topic, envelope: Json(said), parked_at, last_error: reason, .. } = row;
        let data = privacy::redact(&said.kind, &said.data, Sensitivity::Personal);
        let Envelope { id, kind, time, tenant: tenant_id, traceparent, .. } = said;
        Self { id: id.0, kind, topic, tenant_id, time, parked_at, reason, traceparent, data }
    }
}
