//! Reconciliation: are the features that billing takes to be in use those that the configurator says are? What was
//! missed is made up for, where the configurator says all of it; everything else is shown.
//!
//! The configurator's list is read page by page. A page holds every active instance of a range of ids, so each range is
//! compared for itself, and a comparison that breaks off leaves nothing half done. While the configurator is away
//! nothing changes.

mod compare;
mod discrepancy_store;
pub mod ending;
mod healing;
pub mod routes;
mod store;

use crate::{app::App, usage::parked};
use access::client::ClientError;
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, CrossTenantTx, Scoped},
    page::Page,
    poller::Poller,
    problem::{Chain, is_outage},
};
use compare::{DiscrepancyKind, Said, There};
use contracts::{http::instances::ActiveInstance, id::InstanceId};
use messaging::Fault;
use std::time::Duration;
use store::{Confirmed, Range};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a commit wakes [`run`] for.
pub const RECONCILE: &str = "reconcile features";
/// How often it is looked whether it is time.
const LOOK: Duration = Duration::from_secs(60);
/// From one comparison to the next.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// After one that broke off.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// Whoever compares and dies is taken over from after this.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// A message may be under way for so long; a little less than [`EVERY`], so that the next comparison is the one.
const GRACE: TimeDelta = TimeDelta::minutes(55);
/// How long what is resolved is kept.
const KEPT: TimeDelta = TimeDelta::days(366);
/// Resolved discrepancies that one comparison forgets, at most.
const FORGOTTEN: i64 = 10_000;

/// Why a comparison broke off; the next one begins anew.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the configurator does not say what is in use")]
    Configurator(#[from] ClientError),
    #[error("the database cannot be asked")]
    Database(#[from] sqlx::Error),
    #[error("what was missed cannot be made up for")]
    Healing(#[from] Fault),
}

impl Broken {
    /// Whether nothing else would work now either.
    fn is_outage(&self) -> bool {
        match self {
            Self::Configurator(_) | Self::Healing(Fault::Away(_)) => true,
            Self::Database(error) => is_outage(error),
            Self::Healing(_) => false,
        }
    }
}

/// Compares every hour, in one process at a time, until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::new(app.db.wake(RECONCILE), LOOK, shutdown);
    while poller.next().await {
        let compared = look(&app, background).await.map(|()| false);
        poller.report(compared, "Features in use cannot be compared with the configurator's; nothing is changed");
    }
}

/// Compares if it is time, and says how it stands.
async fn look(app: &App, background: Background) -> Result<(), Broken> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let taken = store::take(&mut tx, now, now + LEASE).await?;
    tx.commit().await?;
    let compared = match taken {
        Some(lease) => compare_until(app, background, lease).await,
        None => Ok(()),
    };
    measure(&mut background.begin_across_tenants(&app.db).await?, app).await?;
    compared
}

/// Compares, and says when it is due again: soon, if it breaks off.
async fn compare_until(app: &App, background: Background, lease: DateTime<Utc>) -> Result<(), Broken> {
    let compared = compare_all(app, background).await;
    let now = app.ambient.now();
    let (finished_at, next) = if compared.is_ok() { (Some(now), EVERY) } else { (None, AGAIN) };
    let mut tx = background.begin_across_tenants(&app.db).await?;
    store::finish(&mut tx, lease, finished_at, now + next).await?;
    store::forget(&mut tx, now - KEPT, FORGOTTEN).await?;
    tx.commit().await?;
    compared
}

async fn measure(tx: &mut CrossTenantTx, app: &App) -> Result<(), Broken> {
    let counts = store::counts(tx).await?;
    for kind in DiscrepancyKind::ALL {
        let count = counts.iter().find(|(counted, _)| *counted == kind).map_or(0, |(_, count)| *count);
        metrics::gauge!("feature_discrepancies", "kind" => kind.name()).set(count as f64);
    }
    let age = app.ambient.now() - store::finished(tx).await?.unwrap_or_default();
    metrics::gauge!("feature_reconciliation_age_seconds").set(age.num_seconds() as f64);
    Ok(())
}

async fn compare_all(app: &App, background: Background) -> Result<(), Broken> {
    let (mut after, mut cursor) = (InstanceId(Uuid::nil()), String::new());
    loop {
        let url = format!("{}/internal/active-features?limit=200{cursor}", app.configurator_url);
        // No transaction is open meanwhile. What billing hears now is newer than the answer.
        let Page { items, next_cursor } = app.client.get::<Page<ActiveInstance>>(&url).await?;
        let last = next_cursor.as_ref().and(items.last()).map_or(InstanceId(Uuid::max()), |last| last.instance_id);
        compare_range(app, background, Range { after, last }, items).await?;
        // Whoever lists the same instance twice lists them for ever.
        let Some(next) = next_cursor.filter(|_| last > after) else { return Ok(()) };
        (after, cursor) = (last, format!("&cursor={next}"));
    }
}

/// Compares the instances of a range, notes where they differ, and makes up for what is clear.
async fn compare_range(
    app: &App,
    background: Background,
    range: Range,
    instances: Vec<ActiveInstance>,
) -> Result<(), Broken> {
    let there = There::of(instances);
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let here = store::in_use(&mut tx, range).await?;
    let now = app.ambient.now();
    let unheard = store::unheard(&mut tx, there.past()).await?;
    let found = compare::compare(&here, &unheard, &there);
    store::note(&mut tx, &app.ambient, &found, now - GRACE).await?;
    let confirmed = store::confirmed(&mut tx, range).await?;
    store::resolve(&mut tx, range, &found, now).await?;
    tx.commit().await?;
    for open in confirmed {
        let Some(said) = there.says(&open.key) else { continue };
        let (instance_id, feature, kind) = (open.key.instance, &open.key.feature, open.kind.name());
        match heal(app, background, &open, &said).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(%instance_id, feature, kind, "A message about a feature was missed, and is made up for");
            }
            Err(broken) if broken.is_outage() => return Err(broken),
            // It stays open and in sight, and holds up no other.
            Err(broken) => {
                metrics::counter!("feature_healings_failed_total").increment(1);
                tracing::error!(%instance_id, feature, kind, error = %Chain(&broken),
                    "A message about a feature was missed, and cannot be made up for");
            }
        }
    }
    Ok(())
}

/// Makes up for what was missed, if it is clear.
async fn heal(app: &App, background: Background, open: &Confirmed, said: &Said) -> Result<bool, Broken> {
    let mut tx = background.begin_across_tenants(&app.db).await?;
    if !healing::heal(&mut tx, &app.ambient, said, open.kind).await? {
        return Ok(false);
    }
    store::healed(&mut tx, open.id, app.ambient.now()).await?;
    tx.wake(parked::RELEASE);
    tx.commit().await?;
    Ok(true)
}
