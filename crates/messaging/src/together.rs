//! Commits that several messages share. Each keeps its own verdict: if anything is wrong with one of them, nothing is
//! committed, and each is handled by itself.

use crate::{
    attempt::{Context, Outcome},
    buffer::{Buffer, Held},
    handler::{Fault, HandlerTx},
    inbox,
};
use common::{db::CrossTenantTx, trace};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

/// Longest time for all of them. It is what a message may have to wait for a slow one beside it.
const WITHIN: Duration = Duration::from_secs(1);
/// Nobody waits longer for a lock, as everybody else would wait with them.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '50ms'";

/// A commit came to nothing.
enum Parted {
    /// One of them is at fault, or was slow.
    Fault(Fault),
    Slow,
    Panicked,
    Stopping,
}

impl Context {
    /// Handles messages that share a commit, or puts them back to be handled one by one.
    pub(crate) async fn take_together(&self, mut messages: Vec<Held>, buffer: &Buffer, abandon: &CancellationToken) {
        // Everybody locks in the same order.
        messages.sort_by_key(|held| held.content.as_ref().ok().map(|parsed| (parsed.tenant, parsed.id)));
        let sharing = AssertUnwindSafe(timeout(WITHIN, self.share(&messages))).catch_unwind();
        let shared = tokio::select! {
            shared = sharing => match shared {
                Ok(Ok(shared)) => shared.map_err(Parted::Fault),
                Ok(Err(_)) => Err(Parted::Slow),
                Err(_) => Err(Parted::Panicked),
            },
            () = abandon.cancelled() => Err(Parted::Stopping),
        };
        match shared {
            Ok(applied) => {
                self.breaker.reset();
                for (held, applied) in messages.into_iter().zip(applied) {
                    self.end(if applied { Outcome::Applied } else { Outcome::Duplicate }, held).await;
                }
            }
            Err(parted) => {
                tracing::debug!(messages = messages.len(), because = %parted, "Messages are handled one by one");
                messages.iter_mut().for_each(|held| held.alone = true);
                buffer.put_back(messages);
            }
        }
    }

    /// Commits the effects of all; says of each whether it is this commit's, or was an earlier one's.
    async fn share(&self, messages: &[Held]) -> Result<Vec<bool>, Fault> {
        let ids = messages.iter().map(|held| self.id(held)).collect::<Result<Vec<_>, _>>()?;
        let mut tx = <CrossTenantTx as HandlerTx>::begin(&self.db, None).await?;
        if let Some(keeper) = &self.routes.every {
            let said: Vec<_> = messages.iter().filter_map(|held| held.content.as_ref().ok()?.effect.said()).collect();
            keeper.keep(&mut tx, &said).await?;
            HandlerTx::commit(tx).await?;
            return Ok(vec![true; messages.len()]);
        }
        sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *tx).await?;
        let mut claimed = inbox::claim_all(&mut tx, self.queue, &ids).await?;
        let mut applied = Vec::with_capacity(messages.len());
        for (held, id) in messages.iter().zip(&ids) {
            let first = claimed.remove(id);
            if first && let Ok(parsed) = &held.content {
                let (span, trace) = held.span(&self.ambient);
                trace::within(trace, parsed.effect.apply_within(&mut tx)).instrument(span).await?;
            }
            applied.push(first);
        }
        HandlerTx::commit(tx).await?;
        Ok(applied)
    }

    fn id(&self, held: &Held) -> Result<Uuid, Fault> {
        let id = held.content.as_ref().ok().and_then(|parsed| parsed.id);
        let id = id.ok_or_else(|| Fault::permanent("it has no id"))?;
        inbox::check(id, self.ambient.now())?;
        Ok(id.0)
    }
}

impl std::fmt::Display for Parted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => write!(f, "{:#}", anyhow::anyhow!("{fault}")),
            Self::Slow => f.write_str("one of them is slow"),
            Self::Panicked => f.write_str("a handler panicked"),
            Self::Stopping => f.write_str("the process stops"),
        }
    }
}
