//! Databases of instances: how does one come, and how does it go? Two sagas that may end anywhere and are taken up
//! again by whoever comes next.
//!
//! `CREATE DATABASE` runs in no transaction, so each step can be repeated, and the state moves on when all are done. An
//! instance in work is claimed for a time; the claim of a process that was killed runs out. Whoever makes or drops
//! holds the instance's lock on the server, and asks once more under it whether the claim still holds: what was dropped
//! is never made again.

pub mod scram;
pub mod server;
pub mod steps;
pub mod store;

use crate::{
    app::App,
    instances::{
        self,
        model::{self, InstanceState, Step},
        store::UNPROVISIONED,
    },
    secrets::{Purpose, Unreadable},
};
use chrono::TimeDelta;
use common::{
    db::{Background, TenantScope},
    poller::Poller,
    problem::{Chain, is_outage},
};
use contracts::id::InstanceId;
use server::{Names, Plan};
use std::time::Duration;
use steps::Held;
use store::Claim;
use tokio_util::sync::CancellationToken;

/// Instances that one process provisions at once; the server copies files for each.
pub const AT_ONCE: usize = 2;
/// Looks for due instances this often even if no commit woke it.
const POLL: Duration = Duration::from_secs(1);
/// The steps are given up after this time …
const LONGEST: Duration = Duration::from_secs(20);
/// … well before somebody else may take the instance.
const LEASE: Duration = Duration::from_secs(40);
/// Pause while the server is away or the instance's lock is held; not counted as refusals.
const AWAY_PAUSE: Duration = Duration::from_secs(2);
/// People are told of it if it has lasted so long; then pauses are longer, too.
const AWAY_LONG: TimeDelta = TimeDelta::minutes(15);
const AWAY_LONG_PAUSE: Duration = Duration::from_secs(60);
/// Refusals until people are told, who may retry.
const MOST_REFUSALS: i32 = 5;
/// Nobody need retry: what was refused so often is tried again this much later.
const REFUSED_LONG_PAUSE: Duration = Duration::from_secs(3600);
/// Pause after the first refusal; it doubles with each.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// Why an instance did not get its database this time, or still has it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the database server refused or is away")]
    Server(#[from] sqlx::Error),
    #[error("another process is at work on this instance")]
    Busy,
    #[error("the claim cannot be looked up")]
    Registry(#[source] sqlx::Error),
    #[error("the instance was taken over or cancelled meanwhile")]
    Lost,
    #[error("the steps took longer than {} s", LONGEST.as_secs())]
    Late,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Provisions what is due until `shutdown`; the instance in hand is finished first.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(UNPROVISIONED), POLL, shutdown);
    while poller.next().await {
        let provisioned = provision_next(&app, background).await;
        poller.report(provisioned.map(|instance| instance.is_some()), "Due instances cannot be looked for");
    }
}

/// Claims the instance that is due longest and makes or drops its database; gives the instance, whatever came of it.
pub async fn provision_next(app: &App, background: Background) -> sqlx::Result<Option<InstanceId>> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let Some(claim) = store::claim(&mut tx, app.ambient.uuid(), now, now + LEASE).await? else { return Ok(None) };
    tx.commit().await?;
    carry_out(app, &background.scope(&app.db, claim.tenant), &claim).await?;
    Ok(Some(claim.instance))
}

/// Does what is claimed, and writes down what came of it.
pub async fn carry_out(app: &App, tenant: &TenantScope, claim: &Claim) -> sqlx::Result<()> {
    let done = tokio::time::timeout(LONGEST, make_or_drop(app, tenant, claim)).await.unwrap_or(Err(Failure::Late));
    match done {
        Ok(step) => finish(app, tenant, claim, step).await,
        Err(failure) => put_back(app, tenant, claim, &failure).await,
    }
}

async fn make_or_drop(app: &App, tenant: &TenantScope, claim: &Claim) -> Result<Step, Failure> {
    let names = Names::from(claim.instance);
    let mut held = Held::take(&app.instance_server, &names).await?.ok_or(Failure::Busy)?;
    let is_ours = async { store::is_ours(&mut tenant.begin().await?, claim).await };
    if !is_ours.await.map_err(Failure::Registry)? {
        return Err(Failure::Lost);
    }
    if claim.state == InstanceState::Deleting {
        held.drop_all(&names).await?;
        return Ok(Step::Dropped);
    }
    let plan = Plan {
        names,
        owner_password: app.sealer.open(claim.instance, Purpose::OwnerPassword, &claim.owner_password)?,
        app_password: app.sealer.open(claim.instance, Purpose::AppPassword, &claim.app_password)?,
    };
    held.make(&app.ambient, &plan).await?;
    Ok(Step::Provisioned)
}

/// Moves the instance on, unless it was taken over meanwhile.
async fn finish(app: &App, tenant: &TenantScope, claim: &Claim, step: Step) -> sqlx::Result<()> {
    let mut tx = tenant.begin().await?;
    let instance = instances::store::lock(&mut tx, claim.instance).await?;
    let Some(instance) = instance.filter(|instance| instance.claimed_by == Some(claim.id)) else { return Ok(()) };
    let Some(state) = model::after(instance.state, step) else { return Ok(()) };
    let now = app.ambient.now();
    instances::store::advance(&mut tx, instance.id, state, None, now).await?;
    if state == InstanceState::Deleted {
        store::forget_secrets(&mut tx, instance.id).await?;
    }
    tx.commit().await?;
    let duration_ms = (now - claim.since).num_milliseconds();
    tracing::info!(instance_id = %instance.id, duration_ms, ?state, "An instance's database is made or dropped");
    Ok(())
}

async fn put_back(app: &App, tenant: &TenantScope, claim: &Claim, failure: &Failure) -> sqlx::Result<()> {
    tracing::warn!(error = %Chain(failure), instance_id = %claim.instance, refusals = claim.refusals,
        "An instance's database is not made or dropped yet");
    let now = app.ambient.now();
    let mut tx = tenant.begin().await?;
    match refusal(failure) {
        None if now - claim.in_state_since >= AWAY_LONG => {
            store::tell(&mut tx, claim, AWAY, now, now + AWAY_LONG_PAUSE).await?
        }
        None => store::put_back(&mut tx, claim, claim.refusals, now + AWAY_PAUSE).await?,
        Some(reason) if claim.refusals + 1 >= MOST_REFUSALS => {
            store::tell(&mut tx, claim, &reason, now, now + REFUSED_LONG_PAUSE).await?
        }
        Some(_) => {
            let pause = REFUSED_PAUSE * 2_u32.pow(claim.refusals.unsigned_abs());
            store::put_back(&mut tx, claim, claim.refusals + 1, now + pause).await?
        }
    }
    tx.commit().await
}

/// What people are told of an outage that lasts.
const AWAY: &str = "The database server cannot be reached. The instance goes on by itself when it can.";

/// What people are told of a refusal; `None` if it was none and passes by itself.
fn refusal(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Server(error) if is_outage(error) => None,
        Failure::Server(error) => {
            let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
            Some(format!("The database server refuses to make or drop the database (SQLSTATE '{code}')."))
        }
        Failure::Busy | Failure::Registry(_) | Failure::Lost => None,
        Failure::Late => {
            Some(format!("Making or dropping the database takes longer than {} seconds.", LONGEST.as_secs()))
        }
        Failure::Unreadable(_) => {
            Some("The instance's credentials cannot be read with the present encryption key.".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_no_refusal() {
        assert_eq!(refusal(&Failure::Busy), None);
        assert_eq!(refusal(&Failure::Server(sqlx::Error::PoolTimedOut)), None);
        assert!(refusal(&Failure::Late).is_some());
        assert!(refusal(&Failure::Server(sqlx::Error::RowNotFound)).is_some());
    }
}
