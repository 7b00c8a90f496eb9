//! How does a message leave with the business fact, or not at all? It is a row written in the same transaction.

use common::{ambient::Ambient, db::Scoped, problem::Problem};
use contracts::{
    envelope::Envelope,
    id::{MessageId, TenantId},
    messages::{Message, PRODUCTS},
};
use sqlx::{PgConnection, types::Json};

/// The channel on which a commit wakes the relays of this database.
pub(crate) const CHANNEL: &str = "outbox";
/// What a commit wakes the relay of its process for.
pub(crate) const RELAY: &str = "relay";

const WRITE: &str = "INSERT INTO outbox (id, topic, envelope, created_at) VALUES ($1, $2, $3, $4)";

/// The notification is sent by PostgreSQL at commit, once a transaction however many messages it writes.
const INSERT: &str = "
    WITH written AS (INSERT INTO outbox (id, topic, envelope, created_at) VALUES ($1, $2, $3, $4) RETURNING id)
    SELECT pg_notify($5, '') FROM written";

/// A message was not written; the transaction around it must not commit.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("the message cannot be written as JSON")]
    Serialize(#[from] serde_json::Error),
    #[error("the outbox cannot be written")]
    Database(#[from] sqlx::Error),
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Database(error) => error.into(),
            error @ OutboxError::Serialize(_) => Self::internal(&error),
        }
    }
}

/// Writes `data` to the outbox inside the caller's transaction, as said by the service whose database it is, about the tenant whose
/// transaction it is. It is published if and only if that transaction commits, under the returned id.
pub async fn publish<M: Message>(tx: &mut impl Scoped, data: &M) -> Result<MessageId, OutboxError> {
    let (db, tenant) = (tx.db().clone(), tx.tenant_if_one());
    let (id, now) = (MessageId(db.ambient().uuid()), db.ambient().now());
    let envelope = Envelope::new(id, now, db.service(), tenant, data)?;
    let row = sqlx::query(WRITE).bind(id.0).bind(M::TOPIC.name()).bind(Json(envelope)).bind(now);
    row.execute(&mut **tx).await?;
    tx.wake(RELAY);
    Ok(id)
}

/// As [`publish`], from a transaction that does not know its scope.
pub async fn publish_unscoped<M: Message>(
    conn: &mut PgConnection,
    ambient: &Ambient,
    source: &str,
    tenant: Option<TenantId>,
    data: &M,
) -> Result<MessageId, OutboxError> {
    debug_assert!(M::PUBLISHERS == PRODUCTS || M::PUBLISHERS.contains(&source), "{source} does not say {}", M::TYPE);
    let id = MessageId(ambient.uuid());
    let now = ambient.now();
    let envelope = Envelope::new(id, now, source, tenant, data)?;
    sqlx::query(INSERT)
        .bind(id.0)
        .bind(M::TOPIC.name())
        .bind(Json(envelope))
        .bind(now)
        .bind(CHANNEL)
        .execute(conn)
        .await?;
    Ok(id)
}
