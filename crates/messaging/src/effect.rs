//! A body that was understood, and what it takes effect by; or why nobody here can take it.

use crate::{handler::Fault, schema::Misfit};
use chrono::{DateTime, Utc};
use common::db::{CrossTenantTx, Db};
use contracts::{
    envelope::Envelope,
    id::{MessageId, TenantId},
};
use futures_util::future::BoxFuture;

/// Stands for every type that a topic has.
pub const EVERY: &str = "every";

/// A body that was understood, with the handler that takes it.
pub(crate) struct Parsed {
    pub kind: &'static str,
    /// Under which it takes effect once; `None` if it does not say.
    pub id: Option<MessageId>,
    pub tenant: Option<TenantId>,
    pub traceparent: Option<String>,
    pub shares_commit: bool,
    pub effect: Box<dyn Effect>,
}

/// Why no handler here can take a body.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub reason: String,
    /// When it was said, by a publisher that is newer than this process: a newer consumer may take it.
    pub newer_since: Option<DateTime<Utc>>,
    /// May quote the body, so it belongs beside the body and not in the log.
    pub detail: Option<serde_json::Error>,
}

impl Unfit {
    pub(crate) fn new(reason: impl Into<String>, detail: Option<serde_json::Error>) -> Self {
        Self { reason: reason.into(), newer_since: None, detail }
    }

    pub(crate) fn misfit(kind: &str, misfit: &Misfit, said_at: DateTime<Utc>) -> Self {
        let newer_since = matches!(misfit, Misfit::Newer { .. }).then_some(said_at);
        Self { newer_since, ..Self::new(format!("the data of {kind} do not fit its schema: {misfit}"), None) }
    }
}

pub(crate) trait Effect: Send + Sync {
    /// Takes effect and commits it; `false` if an earlier delivery has. Whatever ends this early rolls all of it back.
    fn apply<'a>(&'a self, db: &'a Db, queue: &'a str) -> BoxFuture<'a, Result<bool, Fault>>;

    /// Takes effect within the caller's transaction, in which it was claimed.
    fn apply_within<'a>(&'a self, tx: &'a mut CrossTenantTx) -> BoxFuture<'a, Result<(), Fault>>;

    /// The message, for what keeps many with one statement.
    fn said(&self) -> Option<&Envelope> {
        None
    }
}
