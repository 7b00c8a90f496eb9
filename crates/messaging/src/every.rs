//! Handlers of every message, whatever its type: what keeps what others say, and does not act upon it.

use crate::{
    handler::{Fault, HandlerTx},
    inbox,
    routes::{EVERY, Effect, Parsed, Routes},
};
use common::db::{CrossTenantTx, Db};
use contracts::{envelope::Envelope, messages};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Takes every message of a queue, those of types included that it does not know. Data are not compared with a schema.
/// A backlog is worked off with many messages in one commit, as with
/// [`Handle::SHARES_COMMIT`](crate::Handle::SHARES_COMMIT).
pub trait HandleEvery: Send + Sync + 'static {
    /// As [`Handle::handle`](crate::Handle::handle).
    fn handle(&self, tx: &mut CrossTenantTx, said: &Envelope) -> impl Future<Output = Result<(), Fault>> + Send;
}

struct Every<H> {
    handler: Arc<H>,
    said: Envelope,
}

impl Routes {
    pub(crate) fn every<H: HandleEvery>(&mut self, handler: H) {
        let handler = Arc::new(handler);
        self.every = Some(Box::new(move |said: Envelope| {
            // A type that a message claims to have must not become a label of metrics.
            let known = messages::ALL.iter().find(|message| message.kind == said.kind);
            Ok(Parsed {
                kind: known.map_or(EVERY, |message| message.kind),
                id: Some(said.id),
                tenant: said.tenant,
                traceparent: said.traceparent.clone(),
                shares_commit: true,
                effect: Box::new(Every { handler: Arc::clone(&handler), said }),
            })
        }));
        self.share_commits = true;
    }
}

impl<H: HandleEvery> Effect for Every<H> {
    fn apply<'a>(&'a self, db: &'a Db, queue: &'a str) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(async move {
            inbox::check(self.said.id, db.ambient().now())?;
            let mut tx = <CrossTenantTx as HandlerTx>::begin(db, None).await?;
            if !inbox::claim(&mut tx, queue, self.said.id).await? {
                return Ok(false);
            }
            self.handler.handle(&mut tx, &self.said).await?;
            HandlerTx::commit(tx).await?;
            Ok(true)
        })
    }

    fn apply_within<'a>(&'a self, tx: &'a mut CrossTenantTx) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let tx = <CrossTenantTx as HandlerTx>::within(tx, None).await?;
            self.handler.handle(tx, &self.said).await
        })
    }
}
