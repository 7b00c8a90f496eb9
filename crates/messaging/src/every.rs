//! Handlers of every message, whatever its type: what keeps what others say, and does not act upon it.

use crate::{
    effect::{EVERY, Effect, Parsed},
    handler::{Fault, HandlerTx},
    inbox,
};
use common::db::{CrossTenantTx, Db};
use contracts::{envelope::Envelope, messages};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Takes every message of a queue, those of types included that it does not know. Data are not compared with a schema.
pub trait HandleEvery: Send + Sync + 'static {
    /// Keeps these messages in `tx`, all of them or, with a fault, none. They are not in the inbox, so each may come
    /// again: whoever keeps a message under its id knows it by that.
    fn keep(&self, tx: &mut CrossTenantTx, said: &[&Envelope]) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A [`HandleEvery`], whichever it is.
pub(crate) trait Keeper: Send + Sync {
    fn keep<'a>(&'a self, tx: &'a mut CrossTenantTx, said: &'a [&'a Envelope]) -> BoxFuture<'a, Result<(), Fault>>;
}

impl<H: HandleEvery> Keeper for H {
    fn keep<'a>(&'a self, tx: &'a mut CrossTenantTx, said: &'a [&'a Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(HandleEvery::keep(self, tx, said))
    }
}

struct Every {
    keeper: Arc<dyn Keeper>,
    said: Envelope,
}

/// What `keeper` is handed of a message.
pub(crate) fn parsed(keeper: &Arc<dyn Keeper>, said: Envelope) -> Parsed {
    // A type that a message claims to have must not become a label of metrics.
    let known = messages::ALL.iter().find(|message| message.kind == said.kind);
    Parsed {
        kind: known.map_or(EVERY, |message| message.kind),
        id: Some(said.id),
        tenant: said.tenant,
        traceparent: said.traceparent.clone(),
        shares_commit: true,
        effect: Box::new(Every { keeper: Arc::clone(keeper), said }),
    }
}

impl Effect for Every {
    fn apply<'a>(&'a self, db: &'a Db, _: &'a str) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(async move {
            inbox::check(self.said.id, db.ambient().now())?;
            let mut tx = <CrossTenantTx as HandlerTx>::begin(db, None).await?;
            self.keeper.keep(&mut tx, &[&self.said]).await?;
            HandlerTx::commit(tx).await?;
            Ok(true)
        })
    }

    fn apply_within<'a>(&'a self, tx: &'a mut CrossTenantTx) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let tx = <CrossTenantTx as HandlerTx>::within(tx, None).await?;
            self.keeper.keep(tx, &[&self.said]).await
        })
    }

    fn said(&self) -> Option<&Envelope> {
        Some(&self.said)
    }
}
