//! Handlers: what does a service write to take a message? One `impl Handle<M>` a message type.

use crate::{event_key::EventKey, outbox::OutboxError};
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, Db, Scoped, TenantTx};
use contracts::{
    id::{MessageId, TenantId},
    messages::Message,
};
use serde::de::DeserializeOwned;
use std::time::Duration;

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
    /// What it reaches: the rows of the message's tenant ([`TenantTx`]), or those of every tenant ([`CrossTenantTx`]).
    type Tx: HandlerTx;

    /// Whether a backlog may be worked off with many messages in one commit: for effects of a few short statements.
    /// Each keeps its verdict. If one fails, takes long or waits for a lock, all is rolled back and each is handled by
    /// itself, so the handler may be called once more; and what it sets for its transaction holds for the next ones.
    const SHARES_COMMIT: bool = false;

    /// Does what the message asks for, inside `tx`: the transaction that also marks the message as taken. What is
    /// written there, outbox rows included, happens once; anything outside must bear being done again.
    fn handle(&self, tx: &mut Self::Tx, message: &Delivery<M>) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Takes the bodies of a queue that carries no envelopes, such as SES's feedback.
pub trait HandleRaw: Send + Sync + 'static {
    type Body: DeserializeOwned + Send + Sync;

    /// Under what this body takes effect once; a fault for one that does not say.
    fn event_key(body: &Self::Body) -> Result<EventKey, Fault>;

    /// As [`Handle::handle`].
    fn handle(&self, tx: &mut CrossTenantTx, body: &Self::Body) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The transaction of a handler.
pub trait HandlerTx: Scoped + Sized + 'static {
    /// Begins it for a message about `tenant`; a permanent fault if it needs one and there is none.
    fn begin(db: &Db, tenant: Option<TenantId>) -> impl Future<Output = Result<Self, Fault>> + Send;
    /// The part of a transaction of many messages that one about `tenant` reaches; a fault as of [`HandlerTx::begin`].
    fn within(
        tx: &mut CrossTenantTx,
        tenant: Option<TenantId>,
    ) -> impl Future<Output = Result<&mut Self, Fault>> + Send;
    fn commit(self) -> impl Future<Output = sqlx::Result<()>> + Send;
}

#[expect(clippy::disallowed_methods, reason = "the message is whose transaction it is")]
impl HandlerTx for TenantTx {
    async fn begin(db: &Db, tenant: Option<TenantId>) -> Result<Self, Fault> {
        Ok(db.begin(named(tenant)?).await?)
    }

    async fn within(tx: &mut CrossTenantTx, tenant: Option<TenantId>) -> Result<&mut Self, Fault> {
        Ok(tx.narrow(named(tenant)?).await?)
    }

    async fn commit(self) -> sqlx::Result<()> {
        self.commit().await
    }
}

#[expect(clippy::disallowed_methods, reason = "its handler says so by its type")]
impl HandlerTx for CrossTenantTx {
    async fn begin(db: &Db, _: Option<TenantId>) -> Result<Self, Fault> {
        Ok(db.begin_across_tenants().await?)
    }

    async fn within(tx: &mut CrossTenantTx, _: Option<TenantId>) -> Result<&mut Self, Fault> {
        tx.widen().await?;
        Ok(tx)
    }

    async fn commit(self) -> sqlx::Result<()> {
        self.commit().await
    }
}

fn named(tenant: Option<TenantId>) -> Result<TenantId, Fault> {
    tenant.ok_or_else(|| Fault::permanent("the message names no tenant"))
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
    /// It is too early for it: the message comes back after that wait, and nothing is held against it. The handler may
    /// be asked earlier, as SQS lets nobody put off a message for longer than 12 hours, or 15 minutes if it was
    /// received several times before.
    #[error("it is too early: {reason}")]
    Snooze { wait: Duration, reason: String },
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

    /// `reason` is for the log.
    pub fn snooze(wait: Duration, reason: impl Into<String>) -> Self {
        Self::Snooze { wait, reason: reason.into() }
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
            OutboxError::Unfit(misfit) => {
                Self::permanent(format!("what it gives rise to is not fit to be published: {misfit}"))
            }
        }
    }
}
