//! Suspension of tenants that have not paid, as billing tells it: is a tenant served?
//!
//! It is one row a tenant, whatever the number of its instances: that these are `suspended` follows from it wherever
//! somebody looks.

pub mod store;

use chrono::{DateTime, Utc};
use common::{
    db::{Scoped, TenantTx},
    problem::Problem,
};
use contracts::id::TenantId;
use messaging::Fault;

/// What billing said last of a tenant.
#[derive(Clone, Debug)]
pub struct Suspension {
    /// `None` once it is resumed.
    pub since: Option<DateTime<Utc>>,
    /// When that was heard, by our clock.
    pub heard_at: DateTime<Utc>,
}

/// What a message says of a tenant.
pub struct Said {
    pub tenant: TenantId,
    /// `None` if it is resumed.
    pub suspended_since: Option<DateTime<Utc>>,
    /// The highest one that was heard holds.
    pub generation: i64,
}

/// Keeps what a message says, unless a later one was heard already; the commit has product services told.
pub async fn hear(tx: &mut TenantTx, said: &Said) -> Result<(), Fault> {
    if said.tenant != tx.tenant() {
        return Err(Fault::permanent("the message is about another tenant than its envelope"));
    }
    let (since, generation) = (said.suspended_since, said.generation);
    let now = tx.db().ambient().now();
    if store::put(tx, since, generation, now).await? {
        tracing::info!(tenant_id = %said.tenant, generation, is_suspended = since.is_some(), "A tenant is suspended or \
            resumed");
    }
    Ok(())
}

/// Refuses what a suspended tenant cannot begin.
pub async fn refuse(tx: &mut TenantTx) -> Result<(), Problem> {
    match store::get(tx).await? {
        Some(Suspension { since: Some(_), .. }) => Err(Problem::conflict(
            "tenant_suspended",
            "The tenant is suspended, so nothing is enabled for it until its open invoices are paid.",
        )),
        _ => Ok(()),
    }
}

/// Since when an instance that is in its state since `state_since` waits for people who can do something about it;
/// `None` while its tenant is suspended.
pub fn waits_since(suspension: Option<&Suspension>, state_since: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match suspension {
        None => Some(state_since),
        Some(Suspension { since: None, heard_at }) => Some(state_since.max(*heard_at)),
        Some(Suspension { since: Some(_), .. }) => None,
    }
}
