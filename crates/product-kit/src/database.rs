//! One instance's own database, reached through its share of this process's connections.

use crate::connections::{Connection, Connections, Target, Transaction};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// One instance's database; cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    url: SecretString,
    target: Target,
    connections: Arc<Connections>,
    /// Something may have been used.
    usage: Notify,
    /// Jobs were ordered.
    orders: Arc<Notify>,
    forgotten: CancellationToken,
}

impl Database {
    /// The database of `url`, reached by `connections` as `target`.
    pub(crate) fn new(url: SecretString, target: Target, connections: Arc<Connections>) -> Self {
        let (usage, orders, forgotten) = (Notify::new(), Arc::default(), CancellationToken::new());
        Self(Arc::new(Inner { url, target, connections, usage, orders, forgotten }))
    }

    /// Whether it is still reached under this URL.
    pub(crate) fn is_at(&self, url: &str) -> bool {
        self.0.url.expose_secret() == url
    }

    /// A connection; an error that means 503 if none is to be had in time.
    pub async fn acquire(&self) -> sqlx::Result<Connection> {
        self.0.connections.acquire(&self.0.target).await
    }

    /// As [`Database::acquire`], with a transaction begun.
    pub async fn begin(&self) -> sqlx::Result<Transaction> {
        Transaction::begin(self.acquire().await?, Arc::clone(&self.0.orders)).await
    }

    /// For what nobody waits for.
    pub(crate) async fn acquire_in_background(&self) -> sqlx::Result<Connection> {
        self.0.connections.acquire_in_background(&self.0.target).await
    }

    /// Has the relay of usage look now.
    pub(crate) fn usage(&self) -> &Notify {
        &self.0.usage
    }

    /// Has the relay of orders look now.
    pub(crate) fn orders(&self) -> &Arc<Notify> {
        &self.0.orders
    }

    /// Cancelled once nothing asks for the instance any more.
    pub(crate) fn forgotten(&self) -> &CancellationToken {
        &self.0.forgotten
    }
}
