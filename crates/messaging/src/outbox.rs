//! The outbox: a message is a row written in the same transaction as the business fact, and leaves with it or not at
//! all.

use crate::schema::{self, Misfit};
use common::{
    db::{CrossTenantTx, Scoped},
    problem::Problem,
    trace::{self, TraceContext},
};
use contracts::{
    envelope::Envelope,
    id::{MessageId, TenantId},
    messages::{Message, PRODUCTS},
};
use sqlx::types::Json;

/// What a commit wakes the relay of its process for.
pub(crate) const RELAY: &str = "relay";

const INSERT: &str = "INSERT INTO outbox (id, topic, envelope, created_at) VALUES ($1, $2, $3, $4)";
const INSERT_ALL: &str = "
    INSERT INTO outbox (id, topic, envelope, created_at)
    SELECT id, $2, envelope, $4 FROM unnest($1::uuid[], $3::jsonb[]) AS message (id, envelope)";

/// A message was not written; the transaction around it must not commit.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("the message cannot be written as JSON")]
    Serialize(#[from] serde_json::Error),
    /// A bug of the publisher: whoever listens would refuse it.
    #[error("the message is not fit to be published")]
    Unfit(#[from] Misfit),
    #[error("the outbox cannot be written")]
    Database(#[from] sqlx::Error),
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Database(error) => error.into(),
            error @ (OutboxError::Serialize(_) | OutboxError::Unfit(_)) => Self::internal(&error),
        }
    }
}

/// Writes `data` to the outbox inside the caller's transaction, as said by the service whose database it is, about the
/// tenant whose transaction it is, within the running task's trace. It is published if and only if that transaction
/// commits, under the returned id. What does not fit its schema, or is larger than SNS takes, is refused.
pub async fn publish<M: Message>(tx: &mut impl Scoped, data: &M) -> Result<MessageId, OutboxError> {
    let (db, tenant) = (tx.db().clone(), tx.tenant_if_one());
    let service = db.service();
    debug_assert!(M::PUBLISHERS == PRODUCTS || M::PUBLISHERS.contains(&service), "{service} does not say {}", M::TYPE);
    let (id, now) = (MessageId(db.ambient().uuid()), db.ambient().now());
    let envelope = Envelope::new(id, now, service, tenant, data)?;
    let envelope = Envelope { traceparent: trace::current().map(|step| step.to_string()), ..envelope };
    schema::check_outgoing(&envelope)?;
    let row = sqlx::query(INSERT).bind(id.0).bind(M::TOPIC.name()).bind(Json(envelope)).bind(now);
    row.execute(&mut **tx).await?;
    tx.wake(RELAY);
    Ok(id)
}

/// A message with the tenant that it is about, and what it is a part of.
#[derive(Clone, Debug)]
pub struct About<M> {
    pub tenant: TenantId,
    pub trace: Option<TraceContext>,
    pub data: M,
}

/// As [`publish`], several messages at once, each about a tenant of its own.
pub async fn publish_all<M: Message>(tx: &mut CrossTenantTx, messages: &[About<M>]) -> Result<(), OutboxError> {
    let db = tx.db().clone();
    let (service, ambient, now) = (db.service(), db.ambient(), db.ambient().now());
    debug_assert!(M::PUBLISHERS == PRODUCTS || M::PUBLISHERS.contains(&service), "{service} does not say {}", M::TYPE);
    let (mut ids, mut envelopes) = (Vec::new(), Vec::new());
    for About { tenant, trace, data } in messages {
        let mut envelope = Envelope::new(MessageId(ambient.uuid()), now, service, Some(*tenant), data)?;
        envelope.traceparent = trace.map(|step| step.to_string());
        schema::check_outgoing(&envelope)?;
        ids.push(envelope.id.0);
        envelopes.push(Json(envelope));
    }
    let rows = sqlx::query(INSERT_ALL).bind(ids).bind(M::TOPIC.name()).bind(envelopes).bind(now);
    rows.execute(&mut **tx).await?;
    tx.wake(RELAY);
    Ok(())
}
