//! Suspension of tenants that have not paid, as billing tells it: is a tenant served?
//!
//! It is one row a tenant, whatever the number of its instances: that these are `suspended` follows from it wherever
//! somebody looks.

pub mod store;

use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Scoped, TenantTx},
    problem::Problem,
};
use contracts::id::TenantId;
use messaging::Fault;

/// What a suspended tenant has not finished rests so long, since it may still pay: as long as billing waits for that.
pub const RESTS: TimeDelta = TimeDelta::days(90);

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
    let is_suspended = since.is_some();
    if store::put(tx, since, generation, now).await? {
        tracing::info!(tenant_id = %said.tenant, generation, is_suspended, "A tenant is suspended or resumed");
    } else if store::get(tx).await?.is_some_and(|kept| kept.since.is_some() != is_suspended) {
        tracing::warn!(tenant_id = %said.tenant, generation, is_suspended,
            "What billing says of a tenant is older than what it said before, and changes nothing");
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

/// When an instance that waits since `state_since` is deleted, unless it goes on: after `expiry`, in which its tenant was
/// served all the time, or else when the tenant has been suspended for [`RESTS`].
pub fn expires_at(suspension: Option<&Suspension>, state_since: DateTime<Utc>, expiry: TimeDelta) -> DateTime<Utc> {
    match suspension {
        None => state_since + expiry,
        Some(Suspension { since: None, heard_at }) => state_since.max(*heard_at) + expiry,
        Some(Suspension { since: Some(since), .. }) => (state_since + expiry).max(*since + RESTS),
    }
}
