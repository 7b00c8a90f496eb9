//! What does a service write to take a message? One `impl Handle<M>` a message type.

use crate::outbox::OutboxError;
use chrono::{DateTime, Utc};
use contracts::{
    id::{MessageId, TenantId},
    messages::Message,
};
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Delivery<M> {
    pub id: MessageId,
    /// The service that says it: `/services/auth`.
    pub source: String,
    /// When the producer said it.
    pub time: DateTime<Utc>,
    pub tenant: Option<TenantId>,
    pub data: M,
}

/// Takes messages of type `M`.
pub trait Handle<M: Message>: Send + Sync + 'static {
    /// Whether `tx` reaches the rows of every tenant, as for a message without a tenant, and not only those of the message's.
    const ACROSS_TENANTS: bool = false;

    /// Does what the message asks for, inside `tx`: the transaction that also marks the message as taken. What is written
    /// there, outbox rows included, happens once; anything outside must bear being done again.
    fn handle(&self, tx: &mut PgConnection, message: &Delivery<M>) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Takes the bodies of a queue that carries no envelopes, such as SES's feedback.
pub trait HandleRaw: Send + Sync + 'static {
    type Body: DeserializeOwned + Send + Sync;

    /// The key under which this body takes effect once.
    fn message_id(body: &Self::Body) -> String;

    /// As [`Handle::handle`].
    fn handle(&self, tx: &mut PgConnection, body: &Self::Body) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Why a message did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Something that it needs is away: receiving pauses, the message comes back, and nothing is held against it.
    #[error("something that it needs is away")]
    Away(#[source] anyhow::Error),
    /// Another transaction was in its way: the message comes back soon, and nothing is held against it.
    #[error("another transaction was in its way")]
    Contended(#[source] anyhow::Error),
    /// It may work later: the message comes back after a growing wait, a few times.
    #[error("it may work later")]
    Retry(#[source] anyhow::Error),
    /// It will never work: the message goes to the dead-letter queue with this reason.
    #[error("{0}")]
    Permanent(String),
}

impl Fault {
    /// `reason` is for the people who look at the dead-letter queue.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent(reason.into())
    }

    /// For services that cannot be reached, or answer that they cannot work now; errors of sqlx are sorted by `?`.
    pub fn away(error: impl Into<anyhow::Error>) -> Self {
        Self::Away(error.into())
    }

    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self::Retry(error.into())
    }
}

impl From<OutboxError> for Fault {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Database(error) => error.into(),
            error @ OutboxError::Serialize(_) => Self::retry(error),
        }
    }
}
